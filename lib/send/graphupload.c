/*
 * graphupload: one attachment put onto a draft (graphupload.h).
 *
 *	         ┌──── gone ◄────────────┐
 *	         ▼                       │
 *	     new session ──► range ──► broke ──► where does it stand? ──► range
 *	                       │ 201
 *	                       ▼
 *	                      done, as when the draft has it after all
 */
#include "lib/send/graphupload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/send/graph.h"

enum {
	JSON_MAX = 8 * 1024, /* bytes around an attachment's own */
	RANGE_TEXT_MAX = 96,
};

/* One attachment on its way. */
struct upload {
	struct graphcall *g;
	struct graphdraft *draft;
	size_t index;
	const struct attachment *attachment;
	char url[HTTP_URL_MAX]; /* of the session; "": there is none */
	uint64_t at;            /* bytes that the session has */
	uint64_t done;          /* bytes of the message before this attachment */
	unsigned resumes;
};

/* Asks at the draft's attachments. */
static enum status
ask_draft(struct upload *u, const char *rest, const char *text, struct graphbody *body,
    struct error *e)
{
	struct graphcall_question q = {
		.deed = GRAPH_DRAFTING,
		.method = "POST",
		.type = "application/json",
		.text = text,
		.body = body,
		.good = { 201, 200 },
	};
	enum status status;
	struct buf path;

	if (!graphdraft_path(&path, u->draft->id, rest)) {
		buf_clear(&path);
		return error_set(
		    e, STATUS_RETRY, "Microsoft Graph's id of the draft is too long");
	}
	q.path = buf_text(&path);
	status = graphcall_ask(u->g, &q, e);
	buf_clear(&path);
	return status;
}

static enum status
post_whole(struct upload *u, struct error *e)
{
	enum status status = STATUS_RETRY;
	struct graphbody body;
	struct buf before;

	buf_init(&before, JSON_MAX);
	buf_puts(
	    &before, "{\"@odata.type\":\"#microsoft.graph.fileAttachment\",\"name\":");
	object_quote(&before, u->attachment->filename);
	buf_puts(&before, ",\"contentType\":");
	object_quote(&before, u->attachment->type);
	buf_puts(&before, ",\"contentBytes\":\"");
	if (before.over)
		error_set(e, status, "an attachment's name cannot be written");
	else {
		graphbody_attachment(&body, u->attachment, buf_text(&before), "\"}");
		status = ask_draft(u, "/attachments", NULL, &body, e);
	}
	buf_clear(&before);
	return status;
}

/* -- the session --------------------------------------------------------------------- */

static enum status
begin_session(struct upload *u, struct error *e)
{
	enum status status = STATUS_RETRY;
	const char *url = NULL;
	struct buf text;

	u->at = 0;
	u->url[0] = '\0';
	buf_init(&text, JSON_MAX);
	buf_puts(&text, "{\"AttachmentItem\":{\"attachmentType\":\"file\",\"name\":");
	object_quote(&text, u->attachment->filename);
	buf_puts(&text, ",\"contentType\":");
	object_quote(&text, u->attachment->type);
	buf_printf(&text, ",\"size\":%jd}}", (intmax_t)u->attachment->size);
	if (text.over)
		error_set(e, status, "an attachment's name cannot be written");
	else
		status = ask_draft(
		    u, "/attachments/createUploadSession", buf_text(&text), NULL, e);
	buf_clear(&text);
	if (status == STATUS_OK && u->g->said)
		url = object_text(u->g->said, "uploadUrl");
	if (status == STATUS_OK && (!url || strlen(url) >= sizeof(u->url)))
		return error_set(
		    e, STATUS_RETRY, "Microsoft Graph gave no address for the upload");
	if (status == STATUS_OK)
		memcpy(u->url, url, strlen(url) + 1);
	return status;
}

/* The first byte that the session still wants, as it said last ("2097152-", "2097152-
 * 3483321" or "2097152"); `otherwise` where it says nothing. */
static uint64_t
wanted(const struct upload *u, uint64_t otherwise)
{
	const char *range = NULL;
	char *end;
	uint64_t at;

	if (u->g->said)
		range = object_item(u->g->said, "nextExpectedRanges", 0, NULL);
	if (!range || *range < '0' || *range > '9')
		return otherwise;
	at = strtoull(range, &end, 10); /* where it is over, it is UINT64_MAX */
	return *end == '\0' || *end == '-' ? at : otherwise;
}

/* Sends the next range. */
static enum status
put_range(struct upload *u, struct error *e)
{
	uint64_t size = (uint64_t)u->attachment->size, left = size - u->at;
	uint64_t len = left < GRAPH_RANGE ? left : GRAPH_RANGE;
	char range[RANGE_TEXT_MAX];
	struct graphbody body;
	const struct graphcall_question question = {
		.deed = GRAPH_UPLOADING,
		.method = "PUT",
		.path = u->url,
		.type = "application/octet-stream",
		.range = range,
		.body = &body,
		.good = { 200, 201 },
	};
	enum status status;

	if (left == 0)
		return error_set(e, STATUS_RETRY,
		    "Microsoft Graph did not say that it has the attachment");
	snprintf(range, sizeof(range), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, u->at,
	    u->at + len - 1, size);
	graphbody_range(&body, u->attachment, u->at, len);
	status = graphcall_ask(u->g, &question, e);
	if (status != STATUS_OK)
		return status;
	if (u->g->answer.code == 201)
		u->draft->has[u->index] = true;
	if (len < left && wanted(u, u->at + len) != u->at + len)
		return error_set(
		    e, STATUS_RETRY, "Microsoft Graph did not take a part of the upload");
	u->at += len;
	return STATUS_OK;
}

/* -- going on after a break ---------------------------------------------------------- */

/* Whether it may go on: what broke concerns neither message nor account. */
static bool
is_break(const struct upload *u, enum status status)
{
	const struct receipt *r = u->g->receipt;

	return status == STATUS_RETRY &&
	    (r->verdict == VERDICT_WAIT ||
		(r->verdict == VERDICT_THROTTLED && r->retry_after >= 0));
}

/* Asks the session where it stands. Where it cannot tell, there is no session any more.
 */
static enum status
ask_session(struct upload *u, struct error *e)
{
	const struct graphcall_question question = {
		.deed = GRAPH_UPLOADING,
		.method = "GET",
		.path = u->url,
		.good = { 200 },
	};
	uint64_t size = (uint64_t)u->attachment->size;
	enum status status = graphcall_ask(u->g, &question, e);
	int code = u->g->answer.code;

	if (code == 0 || code == 429 || code >= 500)
		return status;
	u->at = status == STATUS_OK ? wanted(u, size) : size;
	if (u->at >= size)
		u->url[0] = '\0';
	return STATUS_OK;
}

/* Finds out where the upload stands, and begins it anew where it stands nowhere. */
static enum status
take_up(struct upload *u, struct error *e)
{
	enum status status = STATUS_OK;

	if (u->url[0])
		status = ask_session(u, e);
	if (status == STATUS_OK && !u->url[0])
		status = graphdraft_look(u->draft, u->g, e);
	if (status == STATUS_OK && u->draft->foreign)
		return error_set(e, STATUS_RETRY, "the draft has been changed by others");
	if (status == STATUS_OK && !u->url[0] && !u->draft->has[u->index])
		status = begin_session(u, e);
	return status;
}

static enum status
put_ranges(struct upload *u, struct error *e)
{
	enum status status = begin_session(u, e);

	while (status != STATUS_OK || !u->draft->has[u->index]) {
		if (status == STATUS_OK)
			status = put_range(u, e);
		else if (!is_break(u, status) || u->resumes == GRAPH_RESUMES_MAX ||
		    !graphcall_pause(u->g))
			return status;
		else {
			u->resumes++;
			status = take_up(u, e);
		}
		u->g->done = u->done + u->at;
	}
	return STATUS_OK;
}

enum status
graphupload_put(struct graphcall *g, struct graphdraft *d, size_t index, struct error *e)
{
	size_t count;
	struct upload u = {
		.g = g,
		.draft = d,
		.index = index,
		.attachment = graphdraft_attachments(g->job, &count) + index,
		.done = g->done,
	};
	enum status status;

	if (u.attachment->size < GRAPH_SESSION_MIN)
		status = post_whole(&u, e);
	else
		status = put_ranges(&u, e);
	/* the documents know no exact size from which on there are sessions */
	if (status != STATUS_OK &&
	    strcasecmp(graphcall_error(g),
		"ErrorAttachmentSizeShouldNotBeLessThanMinimumSize") == 0)
		status = post_whole(&u, e);
	if (status == STATUS_OK)
		d->has[index] = true;
	g->done = u.done + (status == STATUS_OK ? (uint64_t)u.attachment->size : 0);
	explicit_bzero(u.url, sizeof(u.url)); /* who has it may write there */
	return status;
}
