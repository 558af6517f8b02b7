/*
 * qr: a QR code (ISO/IEC 18004, through libqrencode) as lines of a terminal: two rows of
 * modules in one line, by Unicode's half blocks, with the quiet zone of 4 modules.
 */
#ifndef POSTROOM_ADMIN_QR_H
#define POSTROOM_ADMIN_QR_H

#include <stdbool.h>

#include "lib/base/buf.h"

enum {
	QR_WIDTH_MAX = 57, /* modules a side: version 10, which has 271 bytes */
	QR_QUIET = 4,      /* modules of the quiet zone on each side */
	QR_LINE_MAX = (QR_WIDTH_MAX + 2 * QR_QUIET) * 3, /* bytes of a line */
};

/* Plain data, to travel from a child. */
struct qr {
	unsigned char width;                            /* 0: there is none */
	unsigned char dark[QR_WIDTH_MAX][QR_WIDTH_MAX]; /* 0 or 1; [row][column] */
};

/* Makes the code of a text. False when it does not fit. */
bool qr_encode(struct qr *out, const char *text);

/* Whether it is one that qr_line() can draw. */
bool qr_is_sound(const struct qr *qr);

/* How many columns and lines it takes, with the quiet zone. */
unsigned qr_columns(const struct qr *qr);
unsigned qr_lines(const struct qr *qr);

/* Appends line i, without a line end: a dark module is set, for a terminal that was told
 * to write dark on light. */
bool qr_line(struct buf *out, const struct qr *qr, unsigned i);

#endif
