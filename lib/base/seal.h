/*
 * seal: a line of text that tells whether it is whole.
 *
 * "TEXT CHECKSUM\n": the checksum is CRC-32 (zlib's) of the text, as eight hexadecimal
 * digits. A line that power loss tore or a disk changed does not pass for another one.
 */
#ifndef POSTROOM_SEAL_H
#define POSTROOM_SEAL_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"

enum {
	SEAL_MAX = 2000, /* bytes of a line's text; longer texts are cut at a character */
	SEAL_EXACT_MAX = 9000, /* bytes of a text that must stay as it is */
};

/* Appends text as a line. Control bytes and invalid UTF-8 become what text_clean() makes
 * of them. False when out is over. */
bool seal_write(struct buf *out, const char *text);
/* Appends a text that is of no use when it is changed, such as a token: it is neither
 * cleaned nor cut, and leaves no copy elsewhere in memory. Where it is longer than
 * SEAL_EXACT_MAX, or holds other bytes than printable ASCII, nothing is added, and out
 * counts as over. */
bool seal_write_exact(struct buf *out, const char *text);

enum seal_found {
	SEAL_LINE,    /* a whole line; its text ends with a NUL now */
	SEAL_TORN,    /* the bytes end without a line feed: the last write was cut off */
	SEAL_DAMAGED, /* a line, and not what was written */
	SEAL_END,
};

/* Takes the next line off *cursor, which ends at `end`; *text points into the bytes,
 * which are changed (the blank before the checksum becomes a NUL). */
enum seal_found seal_next(char **cursor, char *end, const char **text);

#endif
