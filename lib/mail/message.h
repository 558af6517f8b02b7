/*
 * message: an e-mail as a stream of bytes, composed while it is read.
 *
 * A message is a pure function of struct message: composed twice it gives the same bytes.
 * RFC 5322, RFC 2045, RFC 2046 (multipart/mixed: the text first, attachments after it),
 * RFC 2183. Only CR LF ends a line; lines are at most 76 characters in bodies and 998 in
 * headers. Memory does not grow with the attachments.
 */
#ifndef POSTROOM_MESSAGE_H
#define POSTROOM_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "lib/base/status.h"
#include "lib/mail/address.h"

enum {
	MESSAGE_ATTACHMENTS_MAX = 100,
	MESSAGE_HEADER_MAX = 512 * 1024, /* bytes of all headers and the text, encoded */
	MESSAGE_BODY_MAX = 64 * 1024,    /* bytes of the text */
};

struct attachment {
	const char *filename; /* from filename_clean() */
	const char *type;     /* media type */
	int fd;               /* read with pread(2); not closed */
	off_t start;
	off_t size;
};

struct message {
	const struct mailbox *from;
	const struct mailbox_list *to, *cc, *reply_to; /* NULL or empty: none */
	/* Stands in a header only where a service takes the recipients from it, and
	 * removes it (Microsoft Graph); NULL everywhere else. */
	const struct mailbox_list *bcc;
	const char *subject; /* UTF-8, cleaned here */
	const char *body;    /* UTF-8, lines ended by LF, cleaned here */
	time_t date;
	bool automatic;       /* no person sent it: nothing is to answer it (RFC 3834) */
	const char *id;       /* left@right without brackets */
	const char *boundary; /* letters, digits and "_=": at most 70; cannot stand in
				 base64 or quoted-printable text when it holds "=_" */
	const struct attachment *attachment;
	size_t attachment_count;
};

struct message_stream;

/* Composes the header and prepares the stream; the attachments must live until
 * message_close(), all else until this returns. Without attachments the text is the only
 * part. STATUS_INVALID: a limit is passed; STATUS_RETRY: no memory. */
enum status message_open(
    struct message_stream **out, const struct message *message, struct error *e);
/* Bytes of the whole message, exactly. */
uint64_t message_size(const struct message_stream *s);
/* The next bytes, at most len; 0 at the end; -1 with errno when an attachment cannot be
 * read or is shorter than its size (EIO), and from then on until message_rewind(). */
ssize_t message_read(struct message_stream *s, char *bytes, size_t len);
/* The attachments, as they were given. */
const struct attachment *message_attachments(
    const struct message_stream *s, size_t *count);
/* The Message-ID, without brackets. */
const char *message_id(const struct message_stream *s);
/* Starts again from the first byte. */
void message_rewind(struct message_stream *s);
void message_close(struct message_stream *s);

#endif
