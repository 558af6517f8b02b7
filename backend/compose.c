/* compose: the message of a job (compose.h). */
#include "backend/compose.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"

enum {
	ID_MAX = 64 + 1 + ADDRESS_DOMAIN_MAX + 1,
	BOUNDARY_MAX = 80, /* of which a message takes 70 */
};

/* The text of a message whose sender wrote none: what is attached. */
static void
write_body(struct buf *body, const struct documents *documents)
{
	for (size_t i = 0; i < documents->count; i++) {
		const struct document *d = &documents->item[i];

		buf_printf(body, "Attached: %s", d->filename);
		if (d->pages)
			buf_printf(
			    body, " (%u page%s)", d->pages, d->pages == 1 ? "" : "s");
		buf_putc(body, '\n');
	}
}

/* Message-ID: the job's UUID at the sender's domain. */
static void
write_id(char *id, size_t size, const struct job_identity *identity, const char *from)
{
	const char *at = strrchr(from, '@');

	snprintf(id, size, "%s@%s", identity->uuid, at ? at + 1 : "localhost");
}

/* A boundary that belongs to this job: "=_", which no encoded text holds, and its UUID in
 * the few characters that every reader takes. */
static void
write_boundary(char *boundary, size_t size, const struct job_identity *identity)
{
	snprintf(boundary, size, "=_postroom_%s", identity->uuid);
	for (char *c = boundary; (c = strchr(c, '-'));)
		*c = '_';
}

static void
attach(struct attachment *attachment, const struct documents *documents)
{
	for (size_t i = 0; i < documents->count; i++) {
		const struct document *d = &documents->item[i];

		attachment[i] = (struct attachment){
			.filename = d->filename,
			.type = d->type,
			.fd = d->fd,
			.start = d->start,
			.size = d->size,
		};
	}
}

/* What the account may send is known before anybody is asked. */
static enum status
check_size(struct message_stream *s, const struct account *a, struct error *e)
{
	if (message_size(s) <= a->max_message_size)
		return STATUS_OK;
	return error_set(e, STATUS_REFUSED,
	    "the message is %llu bytes as sent, and account %s allows %llu "
	    "(max_message_size); print fewer pages at a time or scan with a lower "
	    "resolution",
	    (unsigned long long)message_size(s), a->name,
	    (unsigned long long)a->max_message_size);
}

enum status
compose_open(struct message_stream **out, const struct route *route,
    const struct documents *documents, const struct job_identity *identity,
    struct error *e)
{
	static struct attachment attachment[MESSAGE_ATTACHMENTS_MAX];
	static char id[ID_MAX], boundary[BOUNDARY_MAX];
	const struct account *account = route->account;
	struct message_stream *stream = NULL;
	enum status status;
	struct buf body;

	buf_init(&body, MESSAGE_BODY_MAX);
	if (!route->body)
		write_body(&body, documents);
	write_id(id, sizeof(id), identity, account->from.address);
	write_boundary(boundary, sizeof(boundary), identity);
	attach(attachment, documents);
	struct message message = {
		.from = &account->from,
		.to = &route->to,
		.cc = &route->cc,
		.reply_to = &route->reply_to,
		.subject = route->subject ? route->subject : documents->item[0].filename,
		.body = route->body ? route->body : buf_text(&body),
		.date = identity->created,
		.id = id,
		.boundary = boundary,
		.attachment = attachment,
		.attachment_count = documents->count,
	};
	status = message_open(&stream, &message, e);
	buf_clear(&body);
	if (status == STATUS_OK)
		status = check_size(stream, account, e);
	if (status == STATUS_OK)
		*out = stream;
	else
		message_close(stream);
	return status == STATUS_INVALID ? STATUS_REFUSED : status;
}
