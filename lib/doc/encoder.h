/*
 * encoder: rows of a page in, compressed bytes out, row by row.
 *
 * Two encoders stand in the table: JPEG (libjpeg, ISO 10918-1) for colour and grey, CCITT
 * G4 (libtiff, ITU-T T.6) for bilevel. jpeglib.h and tiffio.h are included in one file
 * each.
 */
#ifndef POSTROOM_ENCODER_H
#define POSTROOM_ENCODER_H

#include "lib/base/status.h"
#include "lib/doc/sink.h"

enum pixel_format {
	PIXEL_RGB,     /* 3 bytes a pixel */
	PIXEL_GRAY,    /* 1 byte a pixel, 0 is black */
	PIXEL_BILEVEL, /* 1 bit a pixel, highest bit first, 1 is black */
};

enum {
	ENCODER_SIDE_MAX = 65000, /* pixels of a page's width and height */
};

struct raster {
	enum pixel_format format;
	unsigned width, height; /* pixels */
	int quality;            /* 1 to 100, for JPEG; 0: 75 */
};

struct encoder;

struct encoder_type {
	const char *pdf_filter; /* "/DCTDecode" */
	/* STATUS_INVALID: raster_check() fails, or the format is not this encoder's.
	 * Stores an encoder for free(); sink must live as long. */
	enum status (*start)(struct encoder **out, const struct raster *raster,
	    const struct sink *sink, struct error *e);
	/* One row of raster_row_size() bytes, at most `height` times. These two return
	 * what the sink returns, or STATUS_RETRY; after a failure only free() is left. */
	enum status (*row)(struct encoder *c, const unsigned char *row, struct error *e);
	/* After the last row; a page of fewer rows is given up by free() alone. */
	enum status (*finish)(struct encoder *c, struct error *e);
	void (*free)(struct encoder *c);
};

/* The encoder for a format (jpeg.h, g4.h). */
const struct encoder_type *encoder_for(enum pixel_format format);
/* Bytes of a row without padding. */
size_t raster_row_size(const struct raster *r);
/* STATUS_INVALID when a side is 0 or beyond ENCODER_SIDE_MAX. */
enum status raster_check(const struct raster *r, struct error *e);

#endif
