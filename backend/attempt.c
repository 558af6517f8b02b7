/* attempt: one attempt to deliver a job (attempt.h). */
#include "backend/attempt.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "backend/desk.h"
#include "backend/parts.h"
#include "backend/posting.h"
#include "backend/telling.h"
#include "lib/base/log.h"
#include "lib/base/moment.h"
#include "lib/send/schedule.h"

enum {
	SECOND = 1000, /* ms */
};

/* One run of attempt_run(). */
struct run {
	struct desk desk;
	struct parts *parts;
	struct posted last; /* of the part that was posted last */
};

static const struct config *
config_of(const struct run *r)
{
	return r->desk.worker->config;
}

static const struct journal_summary *
summary_of(const struct run *r)
{
	return journal_summary(r->desk.journal);
}

static unsigned
count_parts(const struct run *r)
{
	return r->parts ? parts_count(r->parts) : summary_of(r)->plan.parts;
}

static bool
is_older_than(const struct run *r, uint64_t seconds)
{
	return desk_age(&r->desk) / SECOND >= (int64_t)seconds;
}

/* -- how it ends -----------------------------------------------------------------------
 */

/* The recipients with this fate: how many, and the first one's address and text. */
static size_t
find_recipients(const struct run *r, enum journal_recipient fate, const char **first,
    char text[JOURNAL_TEXT_MAX])
{
	const struct mailbox_list *all = &r->desk.whole->route->recipients;
	char other[JOURNAL_TEXT_MAX];
	size_t count = 0;

	for (size_t i = 0; i < all->count; i++) {
		const char *address = all->item[i].address;

		if (desk_recipient(
			&r->desk, count_parts(r), address, count ? other : text) != fate)
			continue;
		if (count++ == 0)
			*first = address;
	}
	return count;
}

/* " and 2 more" */
static void
count_others(char more[32], size_t count)
{
	more[0] = '\0';
	if (count > 1)
		snprintf(more, 32, " and %zu more", count - 1);
}

/* Who got it, so that a wrong address is seen, who did not, and the server's own words.
 */
static enum status
describe_success(const struct run *r, struct error *e)
{
	struct journal_part last = journal_part(r->desk.journal, count_parts(r));
	const char *taken = "nobody", *refused = NULL;
	char text[JOURNAL_TEXT_MAX], more[32];
	size_t count = find_recipients(r, RECIPIENT_HAS_IT, &taken, text);
	struct error without = { "" };

	count_others(more, find_recipients(r, RECIPIENT_WAS_REFUSED, &refused, text));
	if (refused)
		error_set(&without, STATUS_OK, ", but not to %s%s (%.200s)", refused,
		    more, text);
	count_others(more, count);
	return error_set(e, STATUS_OK, "Sent to %s%s%s%s: %s", taken, more,
	    count_parts(r) > 1 ? " in several parts" : "", without.text, last.text);
}

/* The first recipient who was refused, in the server's words. */
static void
describe_refusal(const struct run *r, struct error *e)
{
	const char *refused = "";
	char text[JOURNAL_TEXT_MAX], more[32];

	count_others(more, find_recipients(r, RECIPIENT_WAS_REFUSED, &refused, text));
	error_set(e, STATUS_REFUSED,
	    "the server refuses the recipient %s%s (it said: %.300s); check the address "
	    "and print again",
	    refused, more, text);
}

/* Tells the supervisor when the job is to be tried again. */
static enum status
wait_for(const struct run *r, int64_t wait, bool network, struct error *e)
{
	const struct journal_summary *s = summary_of(r);
	struct error why = *e;
	uint32_t chance = 0;
	struct tm since;
	char text[40];

	if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) < 0)
		chance = 0;
	if (wait == 0)
		wait = schedule_wait(
		    s->attempts ? s->attempts : 1, config_of(r)->retry_after, chance);
	asking_wait(r->desk.worker, r->desk.account, wait, network);
	if (!is_older_than(r, config_of(r)->notice_after))
		return STATUS_RETRY;
	localtime_r(&(time_t){ s->first.wall }, &since);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &since);
	return error_set(e, STATUS_RETRY, "%s; tried since %s", why.text, text);
}

/* The job ends without having reached everybody: its owner is told first. */
static enum status
end_job(const struct run *r, struct error *e)
{
	struct tally tally = { 0 };
	struct error why = *e;
	enum status status;

	if (r->desk.whole->route)
		tally = desk_tally(&r->desk, count_parts(r));
	status = telling_run(&r->desk, NOTICE_END, count_parts(r), why.text, e);
	if (status == STATUS_CANCELLED)
		return status;
	if (status == STATUS_RETRY && !is_older_than(r, config_of(r)->give_up_after)) {
		struct error trouble = *e;

		error_set(e, STATUS_RETRY, "%s; its owner cannot be told now: %s",
		    why.text, trouble.text);
		return wait_for(r, 0, false, e);
	}
	if (tally.has > 0)
		return describe_success(r, e);
	return error_set(e, STATUS_REFUSED, "%s", why.text);
}

/* Notes that the job ends, so that no later run sends any of it, and ends it. */
static enum status
close_job(const struct run *r, enum journal_end end, struct error *e)
{
	struct recording recording =
	    desk_recording(&r->desk, r->desk.whole->route ? r->desk.whole : NULL);
	struct history event = {
		.event = end == JOURNAL_REFUSED ? HISTORY_REFUSED : HISTORY_GIVEN_UP,
		.reply = r->last.reply.code ? &r->last.reply : NULL,
		.size = r->last.size,
		.text = e->text,
	};
	struct error disk;

	if (journal_verdict(r->desk.journal, end, e->text, &disk) != STATUS_OK)
		log_message(LEVEL_WARNING, "that the job ends could not be journaled: %s",
		    disk.text);
	recording_write(&recording, &event);
	return end_job(r, e);
}

static enum status
give_up(const struct run *r, struct error *e)
{
	struct error why = *e;

	error_set(e, STATUS_REFUSED, "given up after trying for too long: %s", why.text);
	return close_job(r, JOURNAL_GIVEN_UP, e);
}

/* An attempt that may succeed later. Its owner is told once that it takes long, where
 * mail can go out at all. */
static enum status
put_off(const struct run *r, struct error *e)
{
	bool mail_goes =
	    r->last.reply.code && r->last.reply.stage >= STAGE_RCPT && r->last.wait == 0;
	struct error trouble;

	if (is_older_than(r, config_of(r)->give_up_after) && summary_of(r)->attempts > 0)
		return give_up(r, e);
	if (mail_goes && is_older_than(r, config_of(r)->notice_after) &&
	    telling_run(&r->desk, NOTICE_DELAY, count_parts(r), e->text, &trouble) ==
		STATUS_CANCELLED)
		return error_set(e, STATUS_CANCELLED, "%s", trouble.text);
	return wait_for(r, r->last.wait, r->last.unreachable, e);
}

/* Some recipients are put off: they are tried again for a while, then a person has to
 * look, so that one address cannot keep the queue for days. */
static enum status
put_off_recipients(const struct run *r, struct error *e)
{
	struct error trouble;

	*e = r->last.put_off;
	if (!e->text[0])
		error_set(e, STATUS_RETRY, "the server puts recipients off");
	if (!is_older_than(r, ATTEMPT_PUT_OFF_MAX))
		return put_off(r, e);
	if (telling_run(&r->desk, NOTICE_END, count_parts(r), e->text, &trouble) !=
	    STATUS_OK)
		log_message(
		    LEVEL_WARNING, "its owner could not be told: %s", trouble.text);
	trouble = *e;
	return error_set(e, STATUS_HOLD,
	    "%s; check the address, then release the job to try again, or cancel it",
	    trouble.text);
}

/* All that can be settled now is settled. */
static enum status
conclude(const struct run *r, struct error *e)
{
	struct tally tally = desk_tally(&r->desk, count_parts(r));

	if (tally.open > 0)
		return put_off_recipients(r, e);
	if (tally.refused == 0)
		return describe_success(r, e);
	describe_refusal(r, e);
	return end_job(r, e);
}

/* -- what earlier attempts did
 * ----------------------------------------------------------- */

/* Whether it is not to be tried before the journal's time. */
static bool
must_wait(const struct run *r, int64_t *wait)
{
	const struct journal_summary *s = summary_of(r);
	struct moment now = moment_now();

	*wait = s->wait.name[0] && s->wait_number == r->desk.credential.fingerprint
	    ? moment_until(&s->wait, &now)
	    : 0;
	return *wait > 0;
}

/* What is to be done without trying; *decided is false when it is to be tried. */
static enum status
resume(const struct run *r, bool *decided, struct error *e)
{
	const struct journal_summary *s = summary_of(r);
	int64_t wait;

	*decided = true;
	if (s->end != JOURNAL_OPEN) {
		error_set(e, STATUS_REFUSED, "%s", s->end_text);
		return end_job(r, e);
	}
	if (s->plan.parts > 0 && desk_tally(&r->desk, s->plan.parts).open == 0) {
		log_message(LEVEL_INFO,
		    "an earlier attempt settled this job: nothing is sent twice; to send "
		    "the document again, print it again");
		return conclude(r, e);
	}
	if (s->uncertain && !s->held && config_of(r)->ambiguous == AMBIGUOUS_HOLD) {
		enum status status = journal_held(r->desk.journal, e);

		return status
		    ? status
		    : error_set(e, STATUS_HOLD,
			  "an earlier attempt ended without the server's answer: "
			  "the message may have arrived; ask a recipient, then "
			  "cancel the job, or release it to send it again");
	}
	if (must_wait(r, &wait)) {
		error_set(e, STATUS_RETRY, "%s", s->wait_text);
		asking_wait(r->desk.worker, r->desk.account, wait, s->wait_network);
		return STATUS_RETRY;
	}
	*decided = false;
	return STATUS_OK;
}

/* -- the attempt
 * ------------------------------------------------------------------------- */

/* Whether some part is out, or may be: then the others must be cut as before. */
static bool
has_begun(const struct run *r)
{
	for (unsigned part = 1; part <= summary_of(r)->plan.parts; part++) {
		struct journal_part p = journal_part(r->desk.journal, part);

		if (p.sent || p.uncertain)
			return true;
	}
	return false;
}

static enum status
divide(struct run *r, uint64_t server_limit, struct error *e)
{
	const struct journal_plan *old = &summary_of(r)->plan;
	bool begun = has_begun(r);
	struct parts_rule rule = {
		.limit = r->desk.account->max_message_size,
		.oversize = &config_of(r)->oversize,
		.tmpdir = r->desk.worker->job->tmpdir,
		.parts = begun ? old->parts : 0,
		.resolution = begun ? old->resolution : 0,
	};
	struct journal_plan plan;
	enum status status;

	if (server_limit && server_limit < rule.limit)
		rule.limit = server_limit;
	if (begun)
		rule.limit = old->limit;
	parts_free(r->parts);
	r->parts = NULL;
	status = parts_make(&r->parts, r->desk.whole, &rule, e);
	if (status != STATUS_OK)
		return status;
	plan = (struct journal_plan){ .parts = parts_count(r->parts),
		.limit = rule.limit,
		.resolution = parts_resolution(r->parts) };
	if (plan.parts == old->parts && plan.limit == old->limit &&
	    plan.resolution == old->resolution)
		return STATUS_OK;
	return journal_plan(r->desk.journal, &plan, e);
}

static enum status
post_parts(struct run *r, struct error *e)
{
	enum status status = STATUS_OK;
	struct error put_off = { "" };

	for (unsigned part = 1; status == STATUS_OK && part <= parts_count(r->parts);
	     part++) {
		struct letter letter = parts_letter(r->parts, part);

		status = posting_run(&r->last, &r->desk, &letter, e);
		if (r->last.put_off.text[0])
			put_off = r->last.put_off;
	}
	r->last.put_off = put_off;
	return status;
}

/* A server that says its limit only now is taken at its word, once. */
static enum status
deliver(struct run *r, struct error *e)
{
	uint64_t known = limits_size(r->desk.limits);
	enum status status = divide(r, known, e);
	struct moment now = moment_now();

	if (status == STATUS_OK)
		status = journal_try(r->desk.journal, &now, e);
	if (status == STATUS_OK)
		status = post_parts(r, e);
	if (status == STATUS_REFUSED && r->last.verdict == VERDICT_TOO_LARGE &&
	    r->last.size_limit && r->last.size_limit < r->last.size && !has_begun(r)) {
		status = divide(r, r->last.size_limit, e);
		if (status == STATUS_OK)
			status = post_parts(r, e);
	}
	return status;
}

static enum status
attempt(struct run *r, struct error *e)
{
	bool decided = false;
	enum status status = resume(r, &decided, e);

	if (decided || status != STATUS_OK)
		return status;
	status = deliver(r, e);
	switch (status) {
	case STATUS_OK: return conclude(r, e);
	case STATUS_REFUSED: return close_job(r, JOURNAL_REFUSED, e);
	case STATUS_RETRY: return put_off(r, e);
	default: return status;
	}
}

/* Leaves a line in the record where the job's end has not left its own. */
static void
record_end(const struct run *r, enum status status, const struct error *e)
{
	struct recording recording = desk_recording(&r->desk, r->desk.whole);

	if (status != STATUS_REFUSED)
		recording_end(&recording, status, e->text);
}

enum status
attempt_run(const struct worker *w, const struct letter *letter, struct error *e)
{
	struct run r = { .parts = NULL };
	enum status status = desk_open(&r.desk, w, letter, letter->route->account, e);

	if (status != STATUS_OK) {
		struct recording recording = { w, letter->route->account, letter, NULL };

		recording_end(&recording, status, e->text);
		return status;
	}
	status = attempt(&r, e);
	record_end(&r, status, e);
	parts_free(r.parts);
	desk_close(&r.desk);
	return status;
}

enum status
attempt_refuse(const struct worker *w, const struct letter *letter, struct error *e)
{
	struct run r = { .parts = NULL };
	struct error why = *e;
	const struct account *account = config_account(w->config, NULL);
	enum status status;

	if (!account)
		return STATUS_REFUSED;
	status = desk_open(&r.desk, w, letter, account, e);
	if (status == STATUS_RETRY)
		return status;
	*e = why;
	if (status != STATUS_OK) { /* nobody can be told; the queue's message says it */
		struct recording recording = { w, account, NULL, NULL };

		recording_end(&recording, STATUS_REFUSED, e->text);
		return STATUS_REFUSED;
	}
	status = summary_of(&r)->end == JOURNAL_OPEN ? close_job(&r, JOURNAL_REFUSED, e)
						     : end_job(&r, e);
	desk_close(&r.desk);
	return status;
}
