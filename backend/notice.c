/*
 * notice: the short mail that tells a job's owner what was not sent (notice.h).
 *
 * Titles, users, reasons and servers' words come from outside. Each is shown as a part of
 * one line, cleaned and cut; the lines themselves are the notice's own.
 */
#include "backend/notice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "backend/sources.h"
#include "lib/base/buf.h"
#include "lib/base/text.h"

enum {
	/* Bytes that are shown of texts from outside. */
	NAME_MAX_SHOWN = 80,
	USER_MAX_SHOWN = 60,
	QUEUE_MAX_SHOWN = 127,
	REPLY_MAX_SHOWN = 300,
	REASON_MAX_SHOWN = ERROR_TEXT_MAX,

	CLEANED = 3, /* U+FFFD takes three bytes for one */
	SUBJECT_MAX = 1000,
	ID_MAX = 64 + 8 + 1 + ADDRESS_DOMAIN_MAX + 1,
	BOUNDARY_MAX = 70 + 1, /* of a message, with the NUL */
	TIME_TEXT_MAX = 40,
};

/* -- who is told ------------------------------------------------- */

/* Whether the server refused this very address: a notice would fare no better. One that
 * only shared the message's fate can be told. */
static bool
was_refused(const struct notice *n, const char *address)
{
	for (size_t i = 0; i < n->failed_count; i++)
		if (*n->failed[i].text && strcasecmp(n->failed[i].address, address) == 0)
			return true;
	return false;
}

/* Adds one who is to be told; a list that is full has enough of them. */
static enum status
add_reader(struct mailbox_list *list, const struct notice *n, const struct mailbox *m,
    struct error *e)
{
	enum status status = STATUS_OK;

	if (!was_refused(n, m->address))
		status = mailbox_list_add(list, m, e);
	return status == STATUS_RETRY ? status : STATUS_OK;
}

/* Adds the owner, unless [users] has no address, or no possible one, for that name. */
static enum status
add_owner(struct mailbox_list *list, const struct notice *n, struct error *e)
{
	struct mailbox m = { 0 };
	char *text = NULL;
	enum status status = sources_own_address(&text, n->config, n->job->user, e);

	if (status == STATUS_OK && text)
		status = mailbox_parse(&m, text, e);
	if (status == STATUS_OK && m.address)
		status = add_reader(list, n, &m, e);
	mailbox_clear(&m);
	free(text);
	return status == STATUS_RETRY ? status : STATUS_OK;
}

enum status
notice_recipients(struct mailbox_list *out, const struct notice *n, struct error *e)
{
	const struct notify *notify = &n->config->notify;
	struct mailbox_list list = { 0 };
	enum status status = STATUS_OK;

	if (notify->owner)
		status = add_owner(&list, n, e);
	for (size_t i = 0; status == STATUS_OK && i < notify->others.count; i++)
		status = add_reader(&list, n, &notify->others.item[i], e);
	if (status == STATUS_OK)
		*out = list;
	else
		mailbox_list_clear(&list);
	return status;
}

/* -- what is told ------------------------------------------------ */

/* The document's name: the job's title without its tag, or its number where that is
 * blank. */
static void
add_name(struct buf *out, const struct job *job)
{
	size_t start = out->len;
	struct buf title, clean;

	buf_init(&title, strlen(job->title));
	buf_init(&clean, CLEANED * strlen(job->title));
	sources_title(&title, job->title);
	text_clean(&clean, buf_text(&title), title.len, TEXT_LINE);
	text_show(out, buf_text(&clean), NAME_MAX_SHOWN);
	if (out->len == start)
		buf_printf(out, "job %s", job->id);
	out->over |= title.over || clean.over;
	buf_clear(&title);
	buf_clear(&clean);
}

/* "2026-11-22 14:34", as the clock on the server's wall showed it. */
static void
add_time(struct buf *out, time_t when)
{
	char text[TIME_TEXT_MAX];
	struct tm tm;

	if (localtime_r(&when, &tm) &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm) > 0)
		buf_puts(out, text);
	else
		buf_puts(out, "an unknown time");
}

static void
add_subject(struct buf *out, const struct notice *n)
{
	if (n->kind != NOTICE_END)
		buf_puts(out, "Waiting: ");
	else if (n->sent_count > 0)
		buf_puts(out, "Not sent to everybody: ");
	else
		buf_puts(out, "Not sent: ");
	add_name(out, n->job);
}

/* What has become of the document, in one sentence or two. */
static void
add_outcome(struct buf *out, const struct notice *n)
{
	time_t since = n->first_try ? n->first_try : n->identity.created;

	if (n->kind == NOTICE_DELAY) {
		buf_printf(out,
		    "This document could not be sent %syet.\n"
		    "It is tried again by itself, until ",
		    n->sent_count > 0 ? "to everybody " : "");
		add_time(out, since + (time_t)n->config->give_up_after);
		buf_puts(out, ". Nothing needs to be done.\n");
	} else if (n->kind == NOTICE_HELD) {
		buf_printf(out,
		    "This document could not be sent %syet.\n"
		    "It waits until the administrator of the print server releases or "
		    "cancels it.\n",
		    n->sent_count > 0 ? "to everybody " : "");
	} else if (n->sent_count > 0) {
		buf_puts(out,
		    "This document was not sent to everybody, and is not tried "
		    "again.\n");
	} else {
		buf_puts(out, "This document was not sent, and is not tried again.\n");
	}
}

/* "Label:     text", or nothing where there is no text. */
static void
add_fact(struct buf *out, const char *label, const char *text, size_t max)
{
	if (!*text)
		return;
	buf_printf(out, "%-11s", label);
	text_show(out, text, max);
	buf_putc(out, '\n');
}

/* Which job it was, and who got it. */
static void
add_facts(struct buf *out, const struct notice *n)
{
	buf_puts(out, "\nDocument:  ");
	add_name(out, n->job);
	buf_putc(out, '\n');
	add_fact(out, "User:", n->job->user, USER_MAX_SHOWN);
	add_fact(out, "Queue:", n->job->printer, QUEUE_MAX_SHOWN);
	add_fact(out, "Job:", n->job->id, QUEUE_MAX_SHOWN);
	buf_puts(out, "Handed in: ");
	add_time(out, n->identity.created);
	buf_puts(out, " (the print server's clock)\n");
	if (n->sent_count > 0)
		buf_printf(out, "Delivered: to %zu recipient%s\n", n->sent_count,
		    n->sent_count == 1 ? "" : "s");
	buf_puts(out, "\nReason: ");
	text_show(out, n->reason, REASON_MAX_SHOWN);
	buf_putc(out, '\n');
}

/* The recipients that did not get it, each with the server's words. */
static void
add_failed(struct buf *out, const struct notice *n)
{
	if (n->failed_count == 0)
		return;
	buf_printf(out, "\nNot delivered %sto:\n", n->kind == NOTICE_END ? "" : "yet ");
	for (size_t i = 0; i < n->failed_count && i < NOTICE_LISTED_MAX; i++) {
		buf_puts(out, "  ");
		text_show(out, n->failed[i].address, ADDRESS_MAX);
		if (*n->failed[i].text) {
			buf_puts(out, "\n    ");
			text_show(out, n->failed[i].text, REPLY_MAX_SHOWN);
		}
		buf_putc(out, '\n');
	}
	if (n->failed_count > NOTICE_LISTED_MAX)
		buf_printf(out, "  and %zu more\n", n->failed_count - NOTICE_LISTED_MAX);
}

/* The job is gone: what its owner can do. */
static void
add_remedy(struct buf *out, const struct notice *n)
{
	if (n->kind != NOTICE_END)
		return;
	buf_puts(out,
	    "\nWhat to do: once this is put right, print or scan the "
	    "document again");
	if (n->sent_count > 0)
		buf_puts(out, ",\nto those recipients alone: the others have it");
	buf_puts(out, ".\nThe administrator of the print server can help.\n");
}

static void
add_body(struct buf *out, const struct notice *n)
{
	add_outcome(out, n);
	add_facts(out, n);
	add_failed(out, n);
	add_remedy(out, n);
	buf_puts(out, "\nThis is an automatic message of the print server.\n");
}

/* -- as a message ------------------------------------------------ */

/* Message-ID and boundary, which no other message of the job has. */
static void
write_names(char id[ID_MAX], char boundary[BOUNDARY_MAX], const struct notice *n)
{
	static const char *const kinds[] = {
		[NOTICE_END] = "notice",
		[NOTICE_DELAY] = "delay",
		[NOTICE_HELD] = "held",
	};
	const char *kind = kinds[n->kind];
	const char *at = strrchr(n->account->from.address, '@');

	snprintf(
	    id, ID_MAX, "%s.%s@%s", n->identity.name, kind, at ? at + 1 : "localhost");
	snprintf(boundary, BOUNDARY_MAX, "=_%s_%.60s", kind, n->identity.name);
	for (char *c = boundary; (c = strchr(c, '-'));)
		*c = '_';
}

enum status
notice_open(struct message_stream **out, const struct notice *n,
    const struct mailbox_list *to, struct error *e)
{
	char id[ID_MAX], boundary[BOUNDARY_MAX];
	struct buf subject, body;
	enum status status;

	buf_init(&subject, SUBJECT_MAX);
	buf_init(&body, MESSAGE_BODY_MAX);
	add_subject(&subject, n);
	add_body(&body, n);
	write_names(id, boundary, n);
	const struct message message = {
		.from = &n->account->from,
		.to = to,
		.subject = buf_text(&subject),
		.body = buf_text(&body),
		.date = n->now,
		.automatic = true,
		.id = id,
		.boundary = boundary,
	};
	if (subject.over || body.over)
		status = error_set(e, STATUS_RETRY, "There is no memory for a notice.");
	else
		status = message_open(out, &message, e);
	buf_clear(&subject);
	buf_clear(&body);
	return status;
}
