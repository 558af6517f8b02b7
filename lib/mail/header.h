/*
 * header: the one writer of header fields. It cannot emit a bare CR or LF, nor a line
 * over 998 bytes, whatever the texts hold; fields are folded at 76 characters where they
 * can be.
 *
 * RFC 5322 2.2 and 3.6, RFC 2047 (words split on whole characters, each at most 75), RFC
 * 2231 (file names, without continuations).
 */
#ifndef POSTROOM_HEADER_H
#define POSTROOM_HEADER_H

#include <stdbool.h>
#include <time.h>

#include "lib/base/buf.h"
#include "lib/mail/address.h"

/* Each appends one whole field with its CR LF; false when out is over. Texts are cleaned.
 */

/* A field of tokens known to be harmless (MIME-Version, Message-ID). A text that is not
 * printable ASCII, or makes a line over 998 bytes, sets out->over. */
bool header_raw(struct buf *out, const char *name, const char *value);
/* An unstructured field: as it is when printable ASCII without "=?", else encoded words.
 */
bool header_text(struct buf *out, const char *name, const char *text);
bool header_mailboxes(struct buf *out, const char *name, const struct mailbox_list *list);
/* "Date: Sun, 22 Nov 2026 13:34:28 +0000" (always UTC, so that the bytes depend on the
 * job alone). */
bool header_date(struct buf *out, time_t when);
/* Content-Type with name= and Content-Disposition with filename= and, for a name that is
 * not ASCII, filename*= (RFC 2231). filename is a result of filename_clean(). */
bool header_attachment(struct buf *out, const char *type, const char *filename);

#endif
