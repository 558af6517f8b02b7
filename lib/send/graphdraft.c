/* graphdraft: a message's draft in the mailbox (graphdraft.h). */
#include "lib/send/graphdraft.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/send/graph.h"

/* Messages of one Message-ID. */
struct finds {
	char id[GRAPH_DRAFTS_MAX][GRAPH_ID_MAX];
	size_t count;
};

const struct attachment *
graphdraft_attachments(const struct submission *s, size_t *count)
{
	const struct attachment *list = message_attachments(s->message, count);

	if (!s->bare)
		*count = 0;
	return list;
}

bool
graphdraft_path(struct buf *out, const char *id, const char *rest)
{
	buf_init(out, HTTP_URL_MAX - 1);
	buf_puts(out, "/messages/");
	graphcall_escape(out, id);
	buf_puts(out, rest);
	return !out->over;
}

/* Whether it can be a part of a path: dots alone would mean another path. */
static bool
is_id(const char *id)
{
	return id && *id && strlen(id) < GRAPH_ID_MAX && strcmp(id, ".") != 0 &&
	    strcmp(id, "..") != 0;
}

/* Asks about one message. */
static enum status
ask_about(struct graphcall *g, const char *id, const char *rest,
    const struct graphcall_question *question, struct error *e)
{
	struct graphcall_question q = *question;
	enum status status;
	struct buf path;

	if (!graphdraft_path(&path, id, rest)) {
		buf_clear(&path);
		return error_set(
		    e, STATUS_RETRY, "Microsoft Graph's id of the draft is too long");
	}
	q.path = buf_text(&path);
	status = graphcall_ask(g, &q, e);
	buf_clear(&path);
	return status;
}

void
graphdraft_delete(const struct graphdraft *d, struct graphcall *g)
{
	static const struct graphcall_question question = {
		.deed = GRAPH_DRAFTING,
		.method = "DELETE",
		.good = { 204, 200 },
	};
	struct receipt *receipt = g->receipt, kept = *receipt;

	if (d->id[0])
		ask_about(g, d->id, "", &question, NULL);
	*receipt = kept; /* it changes nothing of what became of the message */
}

/* -- looking ------------------------------------------------------------------------- */

/* The messages that have the Message-ID. In a filter a quote is written twice (OData). */
static enum status
search(struct finds *out, struct graphcall *g, struct error *e)
{
	const char *id = message_id(g->job->message);
	struct graphcall_question q = {
		.deed = GRAPH_DRAFTING,
		.method = "GET",
		.good = { 200 },
		.list = "value",
	};
	enum status status;
	struct buf path;

	buf_init(&path, HTTP_URL_MAX - 1);
	buf_puts(&path, "/messages?$filter=internetMessageId%20eq%20%27%3C");
	for (; *id; id++) {
		const char one[3] = { *id, *id == '\'' ? '\'' : '\0', '\0' };

		graphcall_escape(&path, one);
	}
	buf_printf(&path, "%%3E%%27&$select=id&$top=%d", GRAPH_DRAFTS_MAX);
	q.path = buf_text(&path);
	status = path.over ? error_set(e, STATUS_RETRY, "out of memory")
			   : graphcall_ask(g, &q, e);
	for (size_t i = 0; status == STATUS_OK && out->count < GRAPH_DRAFTS_MAX &&
	     i < object_count(g->said, "value");
	     i++) {
		const char *found = object_item(g->said, "value", i, "id");

		if (is_id(found))
			memcpy(out->id[out->count++], found, strlen(found) + 1);
		else /* it may be the message, sent */
			status = error_set(e, STATUS_RETRY,
			    "Microsoft Graph gave a message no id that can be used");
	}
	buf_clear(&path);
	return status;
}

static const char *const recipient_lists[] = { "toRecipients", "ccRecipients",
	"bccRecipients" };

static bool
has_recipient(const struct object *o, const char *address)
{
	for (size_t l = 0; l < sizeof(recipient_lists) / sizeof(recipient_lists[0]); l++)
		for (size_t i = 0; i < object_count(o, recipient_lists[l]); i++) {
			const char *one =
			    object_item(o, recipient_lists[l], i, "emailAddress.address");

			if (one && strcasecmp(one, address) == 0)
				return true;
		}
	return false;
}

/* Whether the message that was answered goes to all of the envelope; and with `alone`, to
 * nobody else. */
static bool
goes_to_envelope(const struct graphcall *g, bool alone)
{
	const struct mailbox_list *to = g->job->recipients;
	size_t count = 0;

	for (size_t l = 0; l < sizeof(recipient_lists) / sizeof(recipient_lists[0]); l++)
		count += object_count(g->said, recipient_lists[l]);
	for (size_t i = 0; i < to->count; i++)
		if (!has_recipient(g->said, to->item[i].address))
			return false;
	return !alone || count == to->count;
}

enum find { FIND_NOTHING, FIND_SENT, FIND_DRAFT, FIND_OTHER_DRAFT };

/* What one of those found is. It may be gone by now. */
static enum status
judge(enum find *out, struct graphcall *g, const char *id, struct error *e)
{
	static const struct graphcall_question question = {
		.deed = GRAPH_DRAFTING,
		.method = "GET",
		.good = { 200, 404 },
		.list = "toRecipients",
	};
	enum status status = ask_about(g, id,
	    "?$select=isDraft,toRecipients,ccRecipients,bccRecipients", &question, e);

	if (status == STATUS_REFUSED || g->answer.code == 403) {
		g->answer.code = 0;
		g->receipt->verdict = VERDICT_WAIT;
		return error_set(e, STATUS_RETRY,
		    "Microsoft Graph does not show what became of an earlier attempt");
	}
	if (status != STATUS_OK)
		return status;
	if (g->answer.code == 404)
		*out = FIND_NOTHING;
	else if (!object_true(g->said, "isDraft"))
		*out = goes_to_envelope(g, false) ? FIND_SENT : FIND_NOTHING;
	else
		*out = goes_to_envelope(g, true) ? FIND_DRAFT : FIND_OTHER_DRAFT;
	return STATUS_OK;
}

/* Keeps the first draft that is ours and deletes the rest. */
static enum status
choose(struct graphdraft *d, struct graphcall *g, const struct finds *finds,
    const enum find *what, struct error *e)
{
	for (size_t i = 0; i < finds->count; i++) {
		struct graphdraft one = { .foreign = what[i] == FIND_OTHER_DRAFT };
		enum status status = STATUS_OK;

		memcpy(one.id, finds->id[i], GRAPH_ID_MAX);
		if (what[i] == FIND_NOTHING)
			continue;
		if (!d->id[0] && !one.foreign)
			status = graphdraft_look(&one, g, e);
		if (status != STATUS_OK)
			return status;
		if (!d->id[0] && !one.foreign)
			*d = one;
		else
			graphdraft_delete(&one, g);
	}
	return STATUS_OK;
}

enum status
graphdraft_find(struct graphdraft *d, bool *sent, struct graphcall *g, struct error *e)
{
	enum find what[GRAPH_DRAFTS_MAX] = { FIND_NOTHING };
	struct finds finds = { .count = 0 };
	enum status status = search(&finds, g, e);

	*sent = false;
	*d = (struct graphdraft){ .id = "" };
	for (size_t i = 0; status == STATUS_OK && i < finds.count; i++) {
		status = judge(&what[i], g, finds.id[i], e);
		*sent = *sent || (status == STATUS_OK && what[i] == FIND_SENT);
	}
	if (status == STATUS_OK && !*sent)
		status = choose(d, g, &finds, what, e);
	/* a search that is refused says nothing against the message */
	return g->answer.code == 403 || status == STATUS_REFUSED ? STATUS_OK : status;
}

/* -- its attachments ----------------------------------------------------------------- */

/* Notes an attachment of the draft: false where the message has no such, or no more. */
static bool
note(struct graphdraft *d, const struct graphcall *g, size_t i)
{
	const char *name = object_item(g->said, "value", i, "name");
	size_t count;
	const struct attachment *list = graphdraft_attachments(g->job, &count);
	int64_t size;
	bool sized = object_item_number(&size, g->said, "value", i, "size");

	for (size_t a = 0; name && a < count; a++)
		if (!d->has[a] && strcmp(list[a].filename, name) == 0 &&
		    (!sized ||
			(size >= list[a].size &&
			    size <= list[a].size + GRAPH_ATTACHMENT_SLACK))) {
			d->has[a] = true;
			return true;
		}
	return false;
}

enum status
graphdraft_look(struct graphdraft *d, struct graphcall *g, struct error *e)
{
	static const struct graphcall_question question = {
		.deed = GRAPH_DRAFTING,
		.method = "GET",
		.good = { 200 },
		.list = "value",
	};
	enum status status = ask_about(
	    g, d->id, "/attachments?$select=id,name,size&$top=200", &question, e);
	size_t count = status == STATUS_OK ? object_count(g->said, "value") : 0;

	if (status != STATUS_OK)
		return status;
	memset(d->has, 0, sizeof(d->has));
	d->foreign = count >= GRAPH_ATTACHMENTS_MAX;
	for (size_t i = 0; i < count && !d->foreign; i++)
		d->foreign = !note(d, g, i);
	return STATUS_OK;
}

/* -- making and sending -------------------------------------------------------------- */

enum status
graphdraft_make(struct graphdraft *d, struct graphcall *g, struct error *e)
{
	const struct submission *s = g->job;
	struct graphbody body;
	const struct graphcall_question question = {
		.deed = GRAPH_DRAFTING,
		.method = "POST",
		.path = "/messages",
		.type = "text/plain",
		.body = &body,
		.good = { 201 },
	};
	const char *id;
	enum status status;

	graphbody_message(&body, s->bare ? s->bare : s->message);
	status = graphcall_ask(g, &question, e);
	if (status != STATUS_OK)
		return status;
	id = g->said ? object_text(g->said, "id") : NULL;
	if (!is_id(id))
		return error_set(e, STATUS_RETRY, "Microsoft Graph gave the draft no id");
	*d = (struct graphdraft){ .id = "" };
	memcpy(d->id, id, strlen(id) + 1);
	return STATUS_OK;
}

enum status
graphdraft_send(struct graphdraft *d, struct graphcall *g, struct error *e)
{
	static const struct graphcall_question question = {
		.deed = GRAPH_SENDING,
		.method = "POST",
		.commits = true,
		.good = { 202 },
	};

	return ask_about(g, d->id, "/send", &question, e);
}
