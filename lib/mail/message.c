/*
 * message: an e-mail as a stream of bytes (message.h).
 *
 * All that is not an attachment's bytes (headers, text, parts' headers, boundaries) is
 * written into one buffer when the stream is opened; `cuts` says where in it each
 * attachment belongs. Reading walks along both:
 *
 *	text …cut 0| attachment 0 |text …cut 1| attachment 1 |text … end
 *
 * An attachment is read in blocks of whole base64 lines and encoded into the caller's
 * buffer; only the line that does not fit any more goes through `line`.
 */
#include "lib/mail/message.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/file.h"
#include "lib/base/text.h"
#include "lib/mail/base64.h"
#include "lib/mail/header.h"
#include "lib/mail/quoted.h"

enum {
	BLOCK_LINES = 1024,
	BLOCK = BLOCK_LINES * BASE64_LINE_IN,
	BOUNDARY_MAX = 70,
	ID_MAX = 250,
};

struct message_stream {
	const struct attachment *attachment;
	size_t count;
	uint64_t size;
	char id[ID_MAX + 1];
	struct buf text;
	size_t cut[MESSAGE_ATTACHMENTS_MAX + 1]; /* the last is the end of text */

	/* Where reading stands; message_rewind() sets all of it to zero. */
	struct {
		size_t text;  /* bytes of text that are out */
		size_t index; /* attachments that are out */
		off_t taken;  /* bytes of the current attachment that were read */
		size_t block_at, block_len;
		size_t line_at, line_len;
		int error; /* once reading failed, it stays failed */
	} at;
	char line[BASE64_LINE_OUT];
	unsigned char block[BLOCK];
};

/* -- composing --------------------------------------------------- */

/* What is wrong with a message before it is composed, or NULL. */
static const char *
find_fault(const struct message *m)
{
	static const char boundary[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789_=";
	size_t len = strlen(m->boundary);

	if (m->attachment_count > MESSAGE_ATTACHMENTS_MAX)
		return "it has more than 100 attachments; print fewer documents at once";
	if (strlen(m->body) > MESSAGE_BODY_MAX)
		return "its text is longer than 64 KB; shorten it";
	if (len > BOUNDARY_MAX || strspn(m->boundary, boundary) != len ||
	    !strstr(m->boundary, "=_"))
		return "its boundary is not fit for a boundary";
	if (strlen(m->id) > ID_MAX || !text_is_ascii(m->id) || strpbrk(m->id, " <>") ||
	    !strchr(m->id, '@'))
		return "its Message-ID is not of the form left@right";
	for (size_t i = 0; i < m->attachment_count; i++)
		if (m->attachment[i].size < 0 || m->attachment[i].start < 0)
			return "an attachment has no size";
	return NULL;
}

static void
add_from(struct buf *out, const struct mailbox *from)
{
	struct mailbox item = *from;
	const struct mailbox_list list = { .item = &item, .count = 1 };

	header_mailboxes(out, "From", &list);
}

static void
add_list(struct buf *out, const char *name, const struct mailbox_list *list)
{
	if (list && list->count > 0)
		header_mailboxes(out, name, list);
}

/* The header of the message. Auto-Submitted stands only where no person sent it (RFC 3834
 * 5). Nobody's absence is to be reported to a printer in either case; reports that a mail
 * did not arrive are wanted, so not "All". */
static void
add_header(struct buf *out, const struct message *m)
{
	struct buf value;

	buf_init(&value, MESSAGE_HEADER_MAX);
	header_date(out, m->date);
	add_from(out, m->from);
	add_list(out, "Reply-To", m->reply_to);
	if (m->to && m->to->count > 0)
		header_mailboxes(out, "To", m->to);
	else
		header_raw(out, "To", "undisclosed-recipients:;");
	add_list(out, "Cc", m->cc);
	add_list(out, "Bcc", m->bcc);
	header_text(out, "Subject", m->subject);
	buf_printf(&value, "<%s>", m->id);
	header_raw(out, "Message-ID", buf_text(&value));
	header_raw(out, "MIME-Version", "1.0");
	header_raw(out, "User-Agent", "Postroom/" POSTROOM_VERSION);
	if (m->automatic)
		header_raw(out, "Auto-Submitted", "auto-generated");
	header_raw(out, "X-Auto-Response-Suppress", "OOF, AutoReply");
	buf_reset(&value);
	buf_printf(&value, "multipart/mixed; boundary=\"%s\"", m->boundary);
	header_raw(out, "Content-Type", buf_text(&value));
	out->over |= value.over;
	buf_clear(&value);
	buf_puts(out, "\r\n");
}

static void
add_body(struct buf *out, const struct message *m)
{
	struct buf clean;

	buf_init(&clean, 3 * MESSAGE_BODY_MAX); /* U+FFFD takes three bytes for one */
	buf_printf(out, "--%s\r\n", m->boundary);
	header_raw(out, "Content-Type", "text/plain; charset=utf-8");
	header_raw(out, "Content-Transfer-Encoding", "quoted-printable");
	buf_puts(out, "\r\n");
	text_clean(&clean, m->body, strlen(m->body), TEXT_LINES);
	quoted_lines(out, buf_text(&clean));
	out->over |= clean.over;
	buf_clear(&clean);
}

static void
add_attachment(struct buf *out, const struct message *m, size_t i)
{
	buf_printf(out, "--%s\r\n", m->boundary);
	header_attachment(out, m->attachment[i].type, m->attachment[i].filename);
	header_raw(out, "Content-Transfer-Encoding", "base64");
	buf_puts(out, "\r\n");
}

/* Writes all but the attachments' bytes, and notes where those belong. */
static void
compose(struct message_stream *s, const struct message *m)
{
	add_header(&s->text, m);
	add_body(&s->text, m);
	for (size_t i = 0; i < m->attachment_count; i++) {
		add_attachment(&s->text, m, i);
		s->cut[i] = s->text.len;
		s->size += base64_size((uint64_t)m->attachment[i].size);
	}
	buf_printf(&s->text, "--%s--\r\n", m->boundary);
	s->cut[m->attachment_count] = s->text.len;
	s->size += s->text.len;
}

enum status
message_open(struct message_stream **out, const struct message *message, struct error *e)
{
	const char *fault = find_fault(message);
	struct message_stream *s;

	if (fault)
		return error_set(
		    e, STATUS_INVALID, "The message cannot be written: %s.", fault);
	s = calloc(1, sizeof(*s));
	if (!s)
		return error_set(e, STATUS_RETRY, "There is no memory for a message.");
	s->attachment = message->attachment;
	s->count = message->attachment_count;
	memcpy(s->id, message->id, strlen(message->id) + 1);
	buf_init(&s->text, MESSAGE_HEADER_MAX);
	compose(s, message);
	if (s->text.over) {
		message_close(s);
		return error_set(e, STATUS_INVALID,
		    "The message cannot be written: its header and text have more than "
		    "%d KB, or hold what cannot stand in a header; use fewer recipients "
		    "or a shorter text.",
		    MESSAGE_HEADER_MAX / 1024);
	}
	*out = s;
	return STATUS_OK;
}

uint64_t
message_size(const struct message_stream *s)
{
	return s->size;
}

const struct attachment *
message_attachments(const struct message_stream *s, size_t *count)
{
	*count = s->count;
	return s->attachment;
}

const char *
message_id(const struct message_stream *s)
{
	return s->id;
}

void
message_rewind(struct message_stream *s)
{
	memset(&s->at, 0, sizeof(s->at));
}

void
message_close(struct message_stream *s)
{
	if (!s)
		return;
	buf_clear(&s->text);
	free(s);
}

/* -- reading ----------------------------------------------------- */

/* Reads the attachment's next block, or sets at.error. */
static void
fill_block(struct message_stream *s)
{
	const struct attachment *a = &s->attachment[s->at.index];
	off_t left = a->size - s->at.taken;
	size_t len = left < BLOCK ? (size_t)left : BLOCK;

	if (!file_read_at(a->fd, s->block, len, a->start + s->at.taken)) {
		s->at.error = errno;
		return;
	}
	s->at.taken += (off_t)len;
	s->at.block_at = 0;
	s->at.block_len = len;
}

/* Copies what is left of bytes that are ready; *at is where they stand. */
static size_t
copy(char *out, size_t room, const char *ready, size_t *at, size_t end)
{
	size_t n = end - *at;

	if (n > room)
		n = room;
	memcpy(out, ready + *at, n);
	*at += n;
	return n;
}

/* Encodes whole lines of the block into out, or one line into s->line where out has no
 * room for a whole one; bytes written to out. */
static size_t
encode(struct message_stream *s, char *out, size_t room)
{
	const unsigned char *in = s->block + s->at.block_at;
	size_t left = s->at.block_len - s->at.block_at;
	size_t most = room / BASE64_LINE_OUT * BASE64_LINE_IN;
	bool direct = most > 0;
	size_t n, take = direct ? most : BASE64_LINE_IN;

	if (take > left)
		take = left;
	n = base64_lines(direct ? out : s->line, in, take);
	s->at.block_at += take;
	if (direct)
		return n;
	s->at.line_at = 0;
	s->at.line_len = n;
	return 0;
}

/* Takes one step along the message: writes some bytes, or none while it prepares the
 * next. */
static size_t
step(struct message_stream *s, char *out, size_t room)
{
	if (s->at.line_at < s->at.line_len)
		return copy(out, room, s->line, &s->at.line_at, s->at.line_len);
	if (s->at.block_at < s->at.block_len)
		return encode(s, out, room);
	if (s->at.text < s->cut[s->at.index])
		return copy(out, room, s->text.data, &s->at.text, s->cut[s->at.index]);
	if (s->at.taken < s->attachment[s->at.index].size) {
		fill_block(s);
		return 0;
	}
	s->at.index++;
	s->at.taken = 0;
	return 0;
}

/* Whether all bytes are out: the last attachment has no text of its own before its cut.
 */
static bool
is_done(const struct message_stream *s)
{
	return s->at.index == s->count && s->at.text == s->text.len;
}

ssize_t
message_read(struct message_stream *s, char *bytes, size_t len)
{
	size_t n = 0;

	if (len > SSIZE_MAX)
		len = SSIZE_MAX;
	while (n < len && !is_done(s) && !s->at.error)
		n += step(s, bytes + n, len - n);
	if (s->at.error) {
		errno = s->at.error;
		return -1;
	}
	return (ssize_t)n;
}
