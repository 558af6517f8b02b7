/* qr: a QR code as lines of a terminal (qr.h). */
#include "admin/qr.h"

#include <qrencode.h>

enum {
	DARK = 1, /* the lowest bit of libqrencode's modules */
};

bool
qr_encode(struct qr *out, const char *text)
{
	QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);
	struct qr qr = { 0 };
	bool fits = code && code->width > 0 && code->width <= QR_WIDTH_MAX;

	if (fits) {
		qr.width = (unsigned char)code->width;
		for (unsigned y = 0; y < qr.width; y++)
			for (unsigned x = 0; x < qr.width; x++)
				qr.dark[y][x] = code->data[y * qr.width + x] & DARK;
		*out = qr;
	}
	QRcode_free(code);
	return fits;
}

bool
qr_is_sound(const struct qr *qr)
{
	return qr->width > 0 && qr->width <= QR_WIDTH_MAX;
}

unsigned
qr_columns(const struct qr *qr)
{
	return qr->width + 2U * QR_QUIET;
}

unsigned
qr_lines(const struct qr *qr)
{
	return (qr_columns(qr) + 1) / 2;
}

/* A module by its place in the picture with its quiet zone, beyond which all is light. */
static bool
is_dark(const struct qr *qr, unsigned row, unsigned column)
{
	const unsigned end = QR_QUIET + (unsigned)qr->width;

	if (row < QR_QUIET || column < QR_QUIET || row >= end || column >= end)
		return false;
	return qr->dark[row - QR_QUIET][column - QR_QUIET] != 0;
}

bool
qr_line(struct buf *out, const struct qr *qr, unsigned i)
{
	static const char *const blocks[] = { " ", "▄", "▀", "█" };

	for (unsigned x = 0; x < qr_columns(qr); x++)
		buf_puts(
		    out, blocks[is_dark(qr, 2 * i, x) * 2 + is_dark(qr, 2 * i + 1, x)]);
	return !out->over;
}
