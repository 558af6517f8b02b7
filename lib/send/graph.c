/* graph: one message handed to Microsoft Graph (graph.h). */
#include "lib/send/graph.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/send/graphcall.h"
#include "lib/send/graphdraft.h"
#include "lib/send/graphupload.h"

/* One run of graph_send(). */
struct run {
	const struct submission *job;
	struct receipt *receipt;
	struct graphcall call;
	struct graphdraft draft;
	bool searched; /* for what an earlier attempt left */
	bool found;    /* an earlier attempt sent it */
	bool making;   /* it has, or may have, a draft */
};

/* -- the way of a small message ----------------------------------------------------- */

static bool
is_small(const struct submission *s)
{
	return message_size(s->message) <= GRAPH_MIME_MAX;
}

static enum status
send_whole(struct run *r, struct error *e)
{
	struct graphbody body;
	const struct graphcall_question question = {
		.deed = GRAPH_SENDING,
		.method = "POST",
		.path = "/sendMail",
		.type = "text/plain",
		.body = &body,
		.commits = true,
		.good = { 202 },
	};

	graphbody_message(&body, r->job->message);
	r->call.done = 0;
	r->call.whole = body.size;
	return graphcall_ask(&r->call, &question, e);
}

/* Whether this form alone is too large; what says so with 200 has sent nothing. */
static bool
is_worth_a_draft(const struct run *r)
{
	int code = r->call.answer.code;

	return code == 200 ||
	    (code == 413 &&
		strcasecmp(graphcall_error(&r->call), "ErrorMessageSizeExceeded") != 0);
}

/* -- the way of a large one --------------------------------------------------------- */

static enum status
find(struct run *r, struct error *e)
{
	r->searched = true;
	return graphdraft_find(&r->draft, &r->found, &r->call, e);
}

/* Bytes that a draft takes; those that it has already count as handed over. */
static void
measure(struct run *r)
{
	const struct submission *s = r->job;
	size_t count;
	const struct attachment *list = graphdraft_attachments(s, &count);

	r->call.whole = message_size(s->bare ? s->bare : s->message);
	r->call.done = r->draft.id[0] ? r->call.whole : 0;
	for (size_t i = 0; i < count; i++) {
		r->call.whole += (uint64_t)list[i].size;
		if (r->draft.has[i])
			r->call.done += (uint64_t)list[i].size;
	}
}

static enum status
send_draft(struct run *r, struct error *e)
{
	enum status status = STATUS_OK;
	size_t count;

	graphdraft_attachments(r->job, &count);
	measure(r);
	r->making = true;
	if (!r->draft.id[0])
		status = graphdraft_make(&r->draft, &r->call, e);
	for (size_t i = 0; status == STATUS_OK && i < count; i++)
		if (!r->draft.has[i])
			status = graphupload_put(&r->call, &r->draft, i, e);
	return status ? status : graphdraft_send(&r->draft, &r->call, e);
}

/* -- what came of it ---------------------------------------------------------------- */

/* All that the receipt says of a message that was sent; the service tells of no recipient
 * by itself. */
static void
note_sent(struct run *r)
{
	const struct http_answer *answer = &r->call.answer;
	const struct graph_refusal word = {
		.code = r->found ? 200 : answer->code,
		.message = r->found ? "found in the mailbox: an earlier attempt sent it"
				    : "accepted",
		.request = answer->request_id,
	};
	struct receipt *receipt = r->receipt;

	graph_reply(&receipt->reply, &word);
	receipt->verdict = VERDICT_SENT;
	receipt->retry_after = -1;
	receipt->found = r->found;
	for (size_t i = 0; i < r->job->recipients->count; i++) {
		struct delivery *d = &receipt->delivery[i];

		d->verdict = VERDICT_SENT;
		snprintf(d->text, sizeof(d->text), "%d %.*s", receipt->reply.code,
		    DELIVERY_TEXT_MAX / 2, receipt->reply.text);
	}
}

/* Tells the caller, where it is known what became of a message that may have been sent.
 */
static void
settle(struct run *r, enum status status)
{
	const struct submission *s = r->job;

	if (status == STATUS_OK)
		note_sent(r);
	r->receipt->uncertain = r->call.uncertain && status != STATUS_OK;
	if (r->receipt->verdict == VERDICT_TOO_LARGE)
		r->receipt->size_limit = message_size(s->message) / 2;
	if (s->settled && !r->receipt->uncertain &&
	    (status == STATUS_OK || r->call.committed))
		s->settled(s->context, r->receipt);
}

static enum status
run(struct run *r, struct error *e)
{
	const struct submission *s = r->job;
	enum status status = graphcall_open(&r->call, s, r->receipt, e);

	if (status == STATUS_OK && s->watch)
		s->watch(s->context, STAGE_GREETING, 0);
	if (status == STATUS_OK && (s->find || !is_small(s)))
		status = find(r, e);
	if (status != STATUS_OK || r->found)
		return status;
	if (is_small(s) && !r->draft.id[0]) {
		status = send_whole(r, e);
		if (status == STATUS_OK || !is_worth_a_draft(r))
			return status;
		status = r->searched ? STATUS_OK : find(r, e);
	}
	if (status != STATUS_OK || r->found)
		return status;
	return send_draft(r, e);
}

/* Nobody will send the draft of what was refused, or stopped before it was sent; also one
 * that was being made, as its id may have been on its way. */
static void
tidy(struct run *r, enum status status)
{
	struct receipt kept = *r->receipt;
	bool found;

	if (status == STATUS_CANCELLED && r->making) {
		if (graphcall_ignore_stop(&r->call, NULL) != STATUS_OK)
			return;
		if (!r->draft.id[0])
			graphdraft_find(&r->draft, &found, &r->call, NULL);
	}
	if (status == STATUS_REFUSED || (status == STATUS_CANCELLED && r->making))
		graphdraft_delete(&r->draft, &r->call);
	*r->receipt = kept;
}

enum status
graph_send(const struct submission *s, struct receipt *receipt, struct error *e)
{
	struct run r = { .job = s, .receipt = receipt };
	enum status status;

	receipt_clear(receipt, s->recipients->count);
	receipt->retry_after = -1;
	status = run(&r, e);
	settle(&r, status);
	tidy(&r, status);
	graphcall_close(&r.call);
	return status;
}
