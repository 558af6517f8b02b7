/* closing: what an attempt's end means for its job (closing.h). */
#include "backend/closing.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "backend/asking.h"
#include "backend/recording.h"
#include "backend/telling.h"
#include "lib/base/log.h"
#include "lib/base/moment.h"
#include "lib/send/schedule.h"

enum {
	SECOND = 1000, /* ms */
};

static const struct config *
config_of(const struct closing *c)
{
	return c->desk->worker->config;
}

static const struct journal_summary *
summary_of(const struct closing *c)
{
	return journal_summary(c->desk->journal);
}

static bool
is_older_than(const struct closing *c, uint64_t seconds)
{
	return desk_age(c->desk) / SECOND >= (int64_t)seconds;
}

/* -- in words ----------------------------------------------------------------- */

/* The recipients with this fate: how many, and the first one's address and text. */
static size_t
find_recipients(const struct closing *c, enum journal_recipient fate, const char **first,
    char text[JOURNAL_TEXT_MAX])
{
	const struct mailbox_list *all = &c->desk->whole->route->recipients;
	char other[JOURNAL_TEXT_MAX];
	size_t count = 0;

	for (size_t i = 0; i < all->count; i++) {
		const char *address = all->item[i].address;

		if (desk_recipient(c->desk, c->parts, address, count ? other : text) !=
		    fate)
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

/* The server's words for the last part that it took. */
static void
last_reply(const struct closing *c, struct error *out)
{
	error_set(out, STATUS_OK, "by an earlier attempt");
	for (unsigned part = 1; part <= c->parts; part++) {
		struct journal_part p = journal_part(c->desk->journal, part);

		if (p.sent && p.text[0] == '2')
			error_set(out, STATUS_OK, "%s", p.text);
	}
}

/* Who got it, so that a wrong address is seen, who did not and why, and the server's own
 * words. */
static enum status
describe_success(const struct closing *c, const char *why, struct error *e)
{
	const char *taken = "nobody", *open = NULL, *refused = NULL;
	struct error without = { "" }, reply, reason = { "" };
	char text[JOURNAL_TEXT_MAX], more[32];
	size_t has = find_recipients(c, RECIPIENT_HAS_IT, &taken, text);
	size_t rest = find_recipients(c, RECIPIENT_IS_OPEN, &open, text);

	if (rest > 0)
		error_set(&reason, STATUS_OK, "%s", why);
	else if ((rest = find_recipients(c, RECIPIENT_WAS_REFUSED, &refused, text)) > 0)
		error_set(&reason, STATUS_OK, "%s", text);
	count_others(more, rest);
	if (rest > 0)
		error_set(&without, STATUS_OK, ", but not to %s%s (%.300s)",
		    open ? open : refused, more, reason.text);
	count_others(more, has);
	last_reply(c, &reply);
	return error_set(e, STATUS_OK, "Sent to %s%s%s%s: %s", taken, more,
	    c->parts > 1 ? " in several parts" : "", without.text, reply.text);
}

/* The first recipient who was refused, in the server's words. */
static void
describe_refusal(const struct closing *c, struct error *e)
{
	const char *refused = "";
	char text[JOURNAL_TEXT_MAX], more[32];

	count_others(more, find_recipients(c, RECIPIENT_WAS_REFUSED, &refused, text));
	error_set(e, STATUS_REFUSED,
	    "the server refuses the recipient %s%s (it said: %.300s); check the address "
	    "and print again",
	    refused, more, text);
}

/* Tells the supervisor when the job is to be tried again. */
static enum status
wait_for(const struct closing *c, int64_t wait, bool network, struct error *e)
{
	const struct journal_summary *s = summary_of(c);
	struct error why = *e;
	int64_t own = schedule_wait(
	    s->attempts ? s->attempts : 1, config_of(c)->retry_after, arc4random());
	struct tm since;
	char text[40];

	if (wait == 0 || (c->last->verdict == VERDICT_THROTTLED && wait < own))
		wait = own;
	asking_wait(c->desk->worker, c->desk->account, wait, network);
	if (!is_older_than(c, config_of(c)->notice_after))
		return STATUS_RETRY;
	localtime_r(&(time_t){ s->first.wall }, &since);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &since);
	return error_set(e, STATUS_RETRY, "%s; tried since %s", why.text, text);
}

/* Whether the job has been put off for as long as its queue may be kept for it; the time
 * runs from the first call. */
static bool
was_put_off_enough(const struct closing *c)
{
	const struct journal_summary *s = summary_of(c);
	struct moment now = moment_now();

	if (s->put_off.name[0] == '\0') {
		if (journal_put_off(c->desk->journal, &now, NULL) != STATUS_OK)
			return false;
	}
	return moment_since(&s->put_off, &now) / SECOND >= CLOSING_PUT_OFF_MAX;
}

/* A job that ends, and whose owner cannot be told now: it stays, where everybody sees it,
 * so that it does not end in silence. */
static enum status
keep_untold(const struct closing *c, const struct error *why, struct error *e)
{
	struct error trouble = *e;

	if (summary_of(c)->end != JOURNAL_GIVEN_UP && !was_put_off_enough(c)) {
		error_set(e, STATUS_RETRY, "%s; its owner cannot be told now: %s",
		    why->text, trouble.text);
		return wait_for(c, c->last->wait, false, e);
	}
	journal_put_off(c->desk->journal, NULL, NULL);
	return error_set(e, STATUS_HOLD,
	    "%s; its owner could not be told (%.300s): tell him and cancel the job, or "
	    "release it to try again",
	    why->text, trouble.text);
}

/* The job ends without having reached everybody: its owner is told first. */
static enum status
end_job(const struct closing *c, struct error *e)
{
	struct tally tally = { 0 };
	struct error why = *e;
	enum status status;

	if (c->desk->whole->route)
		tally = desk_tally(c->desk, c->parts);
	status = telling_run(c->desk, NOTICE_END, c->parts, why.text, e);
	if (status == STATUS_CANCELLED || status == STATUS_SETTINGS)
		return status;
	if (status == STATUS_RETRY)
		return keep_untold(c, &why, e);
	if (status != STATUS_OK) {
		struct error trouble = *e, reason = why;

		error_set(&why, STATUS_REFUSED, "%s; its owner could not be told: %s",
		    reason.text, trouble.text);
	}
	if (tally.has > 0)
		return describe_success(c, why.text, e);
	return error_set(e, STATUS_REFUSED, "%s", why.text);
}

/* Notes that the job ends, so that no later run sends any of it, and ends it. */
static enum status
close_job(const struct closing *c, enum journal_end end, struct error *e)
{
	struct recording recording =
	    desk_recording(c->desk, c->desk->whole->route ? c->desk->whole : NULL);
	struct history event = {
		.event = end == JOURNAL_REFUSED ? HISTORY_REFUSED : HISTORY_GIVEN_UP,
		.reply = c->last->reply.code ? &c->last->reply : NULL,
		.size = c->last->size,
		.text = e->text,
	};
	struct error disk, why = *e;

	if (summary_of(c)->uncertain)
		error_set(e, STATUS_REFUSED, "%s; an earlier attempt may have arrived",
		    why.text);
	else if (desk_has_begun(c->desk))
		error_set(e, STATUS_REFUSED, "%s; some of its parts were sent", why.text);
	if (journal_verdict(c->desk->journal, end, e->text, &disk) != STATUS_OK)
		log_message(LEVEL_WARNING, "that the job ends could not be journaled: %s",
		    disk.text);
	recording_write(&recording, &event);
	return end_job(c, e);
}

static enum status
give_up(const struct closing *c, struct error *e)
{
	struct error why = *e;

	error_set(e, STATUS_REFUSED, "given up after trying for too long: %s", why.text);
	return close_job(c, JOURNAL_GIVEN_UP, e);
}

/* An attempt that may succeed later. Its owner is told once that it takes long, where
 * mail can go out at all. */
enum status
closing_put_off(const struct closing *c, struct error *e)
{
	bool mail_goes = c->last->reply.code && c->last->reply.stage >= STAGE_RCPT &&
	    c->last->wait == 0;
	struct error trouble;

	if (is_older_than(c, config_of(c)->give_up_after) && summary_of(c)->attempts > 0)
		return give_up(c, e);
	if (mail_goes && is_older_than(c, config_of(c)->notice_after) &&
	    telling_run(c->desk, NOTICE_DELAY, c->parts, e->text, &trouble) ==
		STATUS_CANCELLED)
		return error_set(e, STATUS_CANCELLED, "%s", trouble.text);
	return wait_for(c, c->last->wait, c->last->unreachable, e);
}

/* Some recipients are put off: they are tried again for a while, then a person has to
 * look, so that one address cannot keep the queue for days. */
static enum status
put_off_recipients(const struct closing *c, struct error *e)
{
	struct error trouble;

	*e = c->last->put_off;
	if (!e->text[0])
		error_set(e, STATUS_RETRY, "the server puts recipients off");
	if (!was_put_off_enough(c))
		return closing_put_off(c, e);
	journal_put_off(c->desk->journal, NULL, NULL);
	if (telling_run(c->desk, NOTICE_HELD, c->parts, e->text, &trouble) != STATUS_OK)
		log_message(
		    LEVEL_WARNING, "its owner could not be told: %s", trouble.text);
	trouble = *e;
	return error_set(e, STATUS_HOLD,
	    "%s; check the address, then release the job to try again, or cancel it",
	    trouble.text);
}

/* All that can be settled now is settled. */
enum status
closing_conclude(const struct closing *c, struct error *e)
{
	struct tally tally = desk_tally(c->desk, c->parts);

	if (tally.open > 0)
		return put_off_recipients(c, e);
	if (tally.refused == 0)
		return describe_success(c, "", e);
	describe_refusal(c, e);
	return end_job(c, e);
}

/* A job that ended before, as far as its owner was told. */
enum status
closing_tell_again(const struct closing *c, const char *why, struct error *e)
{
	struct moment now = moment_now();

	if (!summary_of(c)->noticed_end) /* which counts as a try: the waits grow */
		journal_try(c->desk->journal, &now, NULL);
	error_set(e, STATUS_REFUSED, "%s", why);
	return end_job(c, e);
}

enum status
closing_refuse(const struct closing *c, struct error *e)
{
	return close_job(c, JOURNAL_REFUSED, e);
}
