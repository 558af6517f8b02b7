/* compose: the message of a job (compose.h). */
#include "backend/compose.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/text.h"

enum {
	BOUNDARY_MAX = 128, /* of which a message takes 70 */
	SUFFIX_MAX = 64,    /* " (incomplete) (1 of 3)" */
	NUMBER_MAX = 16,    /* ".3" */
};

/* What is attached. */
static void
list_documents(struct buf *body, const struct documents *documents)
{
	for (size_t i = 0; i < documents->count; i++) {
		const struct document *d = &documents->item[i];

		buf_printf(body, "Attached: %s", d->filename);
		if (d->scanned && d->pages < d->whole)
			buf_printf(body, " (%u of %u pages)", d->pages, d->whole);
		else if (d->pages)
			buf_printf(
			    body, " (%u page%s)", d->pages, d->pages == 1 ? "" : "s");
		buf_putc(body, '\n');
	}
}

/* Whether pages are missing of a scan. */
static bool
is_incomplete(const struct documents *documents)
{
	for (size_t i = 0; i < documents->count; i++)
		if (documents->item[i].incomplete)
			return true;
	return false;
}

static bool
has_scan(const struct documents *documents)
{
	for (size_t i = 0; i < documents->count; i++)
		if (documents->item[i].scanned)
			return true;
	return false;
}

/* What a scan says of itself, as a sentence; with the name that it is said of, or NULL.
 */
static void
write_remark(struct buf *body, const char *name, const char *remark)
{
	char first = *remark, last = remark[strlen(remark) - 1];

	if (!name && first >= 'a' && first <= 'z')
		first = (char)(first - 'a' + 'A');
	buf_printf(body, "%s%s%c%s%s\n", name ? name : "", name ? ": " : "", first,
	    remark + 1, strchr(".!?", last) ? "" : ".");
}

/* What the scans say of themselves, each once, also where several pieces of it are
 * attached; with the name of whose it is where others are too; and an empty line. */
static void
write_remarks(struct buf *body, const struct documents *documents)
{
	const char *first = documents->item[0].remark, *said = NULL;
	bool several = false;

	for (size_t i = 1; i < documents->count; i++)
		several |= documents->item[i].remark != first;
	for (size_t i = 0; i < documents->count; i++) {
		const struct document *d = &documents->item[i];

		if (!d->remark || d->remark == said)
			continue;
		write_remark(body, several ? d->filename : NULL, d->remark);
		said = d->remark;
	}
	if (said)
		buf_putc(body, '\n');
}

/* The text: the sender's own words, where there are any, and what is attached, where
 * there are none or where it was scanned: nobody has seen those pages. Who gets one of
 * several messages is told so, where there is room; the subject says it too. */
static const char *
write_body(struct buf *body, const struct letter *letter)
{
	const char *own = letter->route->body, *gap = own ? "\n\n" : "";
	bool scanned = has_scan(letter->documents);

	if (own && !buf_puts(body, own))
		return own; /* too long for any message */
	if (letter->parts > 1) {
		buf_printf(body, "%sPart %u of %u.\n", gap, letter->part, letter->parts);
		gap = own ? "\n" : "";
	}
	if (own && !scanned)
		return buf_text(body);
	buf_puts(body, gap);
	write_remarks(body, letter->documents);
	list_documents(body, letter->documents);
	return buf_text(body);
}

/* The subject, cut so that what is said of it and the part's number fit behind it. */
static void
write_subject(char subject[ROUTE_SUBJECT_MAX + 1], const struct letter *letter)
{
	const char *text = letter->route->subject;
	const char *missing = is_incomplete(letter->documents) ? " (incomplete)" : "";
	char suffix[SUFFIX_MAX];
	size_t room;

	if (!text)
		text =
		    letter->title ? letter->title : letter->documents->item[0].filename;
	snprintf(suffix, sizeof(suffix), "%s", missing);
	if (letter->parts > 1)
		snprintf(suffix, sizeof(suffix), "%s (%u of %u)", missing, letter->part,
		    letter->parts);
	room = text_cut(text, ROUTE_SUBJECT_MAX - strlen(suffix));
	snprintf(subject, ROUTE_SUBJECT_MAX + 1, "%.*s%s", (int)room, text, suffix);
}

/* What tells this message from the job's others: ".2" behind the job's UUID. */
static void
write_number(char number[NUMBER_MAX], const struct letter *letter)
{
	number[0] = '\0';
	if (letter->parts > 1)
		snprintf(number, NUMBER_MAX, ".%u", letter->part);
}

void
compose_id(char id[COMPOSE_ID_MAX], const struct letter *letter)
{
	const char *at = strrchr(letter->route->account->from.address, '@');
	char number[NUMBER_MAX];

	write_number(number, letter);
	snprintf(id, COMPOSE_ID_MAX, "%s%s@%s", letter->identity.name, number,
	    at ? at + 1 : "localhost");
}

/* A boundary that belongs to this message: "=_", which no encoded text holds, and its
 * UUID and number in the few characters that every reader takes. */
static void
write_boundary(char boundary[BOUNDARY_MAX], const struct letter *letter)
{
	char number[NUMBER_MAX];

	write_number(number, letter);
	snprintf(
	    boundary, BOUNDARY_MAX, "=_postroom_%s%s", letter->identity.name, number);
	for (char *c = boundary; (c = strpbrk(c, "-."));)
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

/* The recipients of a header, where that is no envelope's copy. */
struct headings {
	struct mailbox_list to, cc, bcc;
};

static void
clear_headings(struct headings *h)
{
	mailbox_list_clear(&h->to);
	mailbox_list_clear(&h->cc);
	mailbox_list_clear(&h->bcc);
}

/* Divides those for whom the letter is among To, Cc and Bcc. */
static enum status
divide_recipients(struct headings *h, const struct letter *letter, struct error *e)
{
	const struct route *route = letter->route;
	enum status status = STATUS_OK;

	for (size_t i = 0; status == STATUS_OK && i < letter->only->count; i++) {
		const char *address = letter->only->item[i].address;
		struct mailbox_list *list = mailbox_list_has(&route->to, address) ? &h->to
		    : mailbox_list_has(&route->cc, address)                       ? &h->cc
							    : &h->bcc;

		status = mailbox_list_add(list, &letter->only->item[i], e);
	}
	return status;
}

/* Composes with the attachments that the caller prepared. */
static enum status
compose(struct message_stream **out, const struct letter *letter,
    const struct attachment *attachment, size_t count, struct error *e)
{
	static char id[COMPOSE_ID_MAX], boundary[BOUNDARY_MAX];
	static char subject[ROUTE_SUBJECT_MAX + 1];
	const struct route *route = letter->route;
	struct headings headings = { .to.count = 0 };
	enum status status = STATUS_OK;
	struct buf body;

	buf_init(&body, MESSAGE_BODY_MAX);
	compose_id(id, letter);
	write_boundary(boundary, letter);
	write_subject(subject, letter);
	if (letter->only)
		status = divide_recipients(&headings, letter, e);
	struct message message = {
		.from = &route->account->from,
		.to = letter->only ? &headings.to : &route->to,
		.cc = letter->only ? &headings.cc : &route->cc,
		.bcc = letter->only ? &headings.bcc : NULL,
		.reply_to = &route->reply_to,
		.subject = subject,
		.body = write_body(&body, letter),
		.date = letter->identity.created,
		.id = id,
		.boundary = boundary,
		.attachment = attachment,
		.attachment_count = count,
	};
	if (status == STATUS_OK)
		status = message_open(out, &message, e);
	buf_clear(&body);
	clear_headings(&headings);
	return status == STATUS_INVALID ? STATUS_REFUSED : status;
}

enum status
compose_open(struct message_stream **out, const struct letter *letter, struct error *e)
{
	static struct attachment attachment[MESSAGE_ATTACHMENTS_MAX];

	attach(attachment, letter->documents);
	return compose(out, letter, attachment, letter->documents->count, e);
}

enum status
compose_open_bare(
    struct message_stream **out, const struct letter *letter, struct error *e)
{
	return compose(out, letter, NULL, 0, e);
}

enum status
compose_size(uint64_t *out, const struct letter *letter, struct error *e)
{
	struct message_stream *m;
	enum status status = compose_open(&m, letter, e);

	if (status)
		return status;
	*out = message_size(m);
	message_close(m);
	return STATUS_OK;
}
