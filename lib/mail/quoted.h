/*
 * quoted: text as quoted-printable lines (RFC 2045 6.7) that no mail system alters.
 */
#ifndef POSTROOM_QUOTED_H
#define POSTROOM_QUOTED_H

#include <stdbool.h>

#include "lib/base/buf.h"

enum {
	QUOTED_LINE_MAX = 76, /* characters of a line without its CR LF */
};

/* Appends text, whose lines end with LF, as lines of at most QUOTED_LINE_MAX characters,
 * each ended by CR LF, also the last; an empty text gives nothing. No line starts with a
 * '.' (the end of the data in SMTP) or "From " (a mailbox file's separator) or ends with
 * a blank. False when out is over. */
bool quoted_lines(struct buf *out, const char *text);

#endif
