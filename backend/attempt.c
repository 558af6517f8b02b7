/* attempt: one attempt to deliver a job (attempt.h). */
#include "backend/attempt.h"

#include "backend/asking.h"
#include "backend/closing.h"
#include "backend/desk.h"
#include "backend/parts.h"
#include "backend/posting.h"
#include "lib/account/account.h"
#include "lib/base/log.h"
#include "lib/base/moment.h"
#include "lib/base/text.h"

enum {
	REMARK_SHOWN = 300, /* bytes of a scan's remark in the queue's message */
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

static struct closing
closing_of(const struct run *r)
{
	return (struct closing){
		.desk = &r->desk, .parts = count_parts(r), .last = &r->last
	};
}

/* -- what earlier attempts did ------------------------------------------------ */

/* Whether it is not to be tried before the journal's time. */
static bool
must_wait(const struct run *r, int64_t *wait)
{
	const struct journal_summary *s = summary_of(r);
	struct moment now = moment_now();

	*wait = s->wait.name[0] && s->wait_number == r->desk.credential->fingerprint
	    ? moment_until(&s->wait, &now)
	    : 0;
	return *wait > 0;
}

/* A part of a stack that its sender wants to see first (partial = hold), before anything
 * is sent of it. What a scan's PDF says a stranger's can say as well: then that one waits
 * for a person, and nobody else's. It is held once; who releases it has seen it. */
static enum status
hold_partial(const struct run *r, const struct document *d, struct error *e)
{
	const struct job *job = r->desk.worker->job;
	const char *remark = d->remark ? d->remark : "to be looked at";
	unsigned pages = r->desk.whole->documents->pages;
	enum status status = journal_held_partial(r->desk.journal, e);

	if (status != STATUS_OK)
		return status;
	return error_set(e, STATUS_HOLD,
	    "the scan says \"%.*s\": %u page%s waiting and nothing was sent; to send all "
	    "the same: lp -i %s-%s -H resume; or else: cancel %s-%s",
	    (int)text_cut(remark, REMARK_SHOWN), remark, pages,
	    pages == 1 ? " is" : "s are", job->printer, job->id, job->printer, job->id);
}

/* Whether a document wants the job held, and nobody has seen that so far. */
static const struct document *
find_partial(const struct run *r)
{
	return summary_of(r)->held_partial ? NULL
					   : documents_held(r->desk.whole->documents);
}

/* What is to be done without trying; *decided is false when it is to be tried. */
static enum status
resume(const struct run *r, bool *decided, struct error *e)
{
	const struct journal_summary *s = summary_of(r);
	const struct document *partial = find_partial(r);
	struct closing c = closing_of(r);
	int64_t wait;

	*decided = true;
	if (s->end != JOURNAL_OPEN)
		return closing_tell_again(&c, s->end_text, e);
	if (s->plan.parts > 0 && desk_tally(&r->desk, s->plan.parts).open == 0) {
		if (desk_tally(&r->desk, s->plan.parts).refused == 0)
			log_message(LEVEL_INFO,
			    "an earlier attempt has sent this job: nothing is sent "
			    "twice; to send the document again, print it again");
		return closing_conclude(&c, e);
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
	if (partial)
		return hold_partial(r, partial, e);
	if (must_wait(r, &wait)) {
		error_set(e, STATUS_RETRY, "%s", s->wait_text);
		asking_wait(r->desk.worker, r->desk.account, wait, s->wait_network);
		return STATUS_RETRY;
	}
	*decided = false;
	return STATUS_OK;
}

/* -- the attempt -------------------------------------------------------------- */

static enum status
divide(struct run *r, uint64_t server_limit, struct error *e)
{
	const struct journal_plan *old = &summary_of(r)->plan;
	bool begun = desk_has_begun(&r->desk);
	struct parts_rule rule = {
		.limit = r->desk.account->max_message_size,
		.oversize = &config_of(r)->oversize,
		.tmpdir = r->desk.worker->tmp,
		.stop = r->desk.worker->intake.stop,
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

/* Posts one part, in several messages where the server takes a few recipients at a time.
 */
static enum status
post_part(struct run *r, unsigned part, struct error *e)
{
	struct letter letter = parts_letter(r->parts, part);
	enum status status;
	size_t open, before = desk_tally(&r->desk, count_parts(r)).open;

	for (;;) {
		status = posting_run(&r->last, &r->desk, &letter, e);
		open = desk_tally(&r->desk, count_parts(r)).open;
		if (status != STATUS_OK || !r->last.rest_at_once || open >= before)
			return status;
		before = open;
	}
}

static enum status
post_parts(struct run *r, struct error *e)
{
	enum status status = STATUS_OK;
	struct error put_off = { "" };

	for (unsigned part = 1; status == STATUS_OK && part <= parts_count(r->parts);
	     part++) {
		status = post_part(r, part, e);
		if (r->last.put_off.text[0])
			put_off = r->last.put_off;
	}
	r->last.put_off = put_off;
	return status;
}

/* A limit that is only remembered refuses nothing: the server may take more today. */
static enum status
divide_as_known(struct run *r, struct error *e)
{
	uint64_t known = limits_size(r->desk.limits);
	enum status status = divide(r, known, e);

	if (status == STATUS_REFUSED && known > 0 &&
	    known < r->desk.account->max_message_size)
		status = divide(r, 0, e);
	return status;
}

/* A server that says its limit only now is taken at its word, once. */
static enum status
deliver(struct run *r, struct error *e)
{
	struct moment now = moment_now();
	enum status status = journal_try(r->desk.journal, &now, e);

	if (status == STATUS_OK)
		status = divide_as_known(r, e);
	if (status == STATUS_OK)
		status = post_parts(r, e);
	if (status == STATUS_REFUSED && r->last.verdict == VERDICT_TOO_LARGE &&
	    r->last.size_limit && r->last.size_limit < r->last.size &&
	    !desk_has_begun(&r->desk)) {
		struct error why = *e;

		status = divide(r, r->last.size_limit, e);
		if (status == STATUS_OK)
			status = post_parts(r, e);
		else if (status == STATUS_REFUSED && account_is_graph(r->desk.account))
			*e = why; /* its limit is a guess: what it said says more */
	}
	return status;
}

static enum status
attempt(struct run *r, struct error *e)
{
	bool decided = false;
	enum status status = resume(r, &decided, e);
	struct closing c;

	if (decided || status != STATUS_OK)
		return status;
	status = deliver(r, e);
	c = closing_of(r);
	switch (status) {
	case STATUS_OK: return closing_conclude(&c, e);
	case STATUS_REFUSED: return closing_refuse(&c, e);
	case STATUS_RETRY: return closing_put_off(&c, e);
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

static enum status
refuse(struct run *r, struct error *e)
{
	struct closing c = closing_of(r);

	if (desk_was_sent(&r->desk)) /* and the settings have changed since */
		return error_set(e, STATUS_OK,
		    "an earlier attempt has sent this job: nothing is sent twice");
	if (summary_of(r)->end == JOURNAL_OPEN)
		return closing_refuse(&c, e);
	return closing_tell_again(&c, summary_of(r)->end_text, e);
}

enum status
attempt_refuse(const struct worker *w, const struct letter *letter, struct error *e)
{
	struct run r = { .parts = NULL };
	const struct account *account = config_account(w->config, NULL);
	struct recording recording = { w, account, NULL, NULL };
	struct error why = *e;
	enum status status;

	if (!account) /* nobody to tell by; the queue's message says it */
		return STATUS_REFUSED;
	status = desk_open(&r.desk, w, letter, account, e);
	if (status != STATUS_OK) {
		recording_end(&recording, status, e->text);
		return status;
	}
	*e = why;
	status = refuse(&r, e);
	desk_close(&r.desk);
	return status;
}
