/*
 * rows: a device's lines made into rows for an encoder.
 *
 * What devices deliver is fixed by the SANE standard, 3.2.1: 1, 8 or 16 bits a sample (16
 * in the machine's byte order), lines padded at will, 1-bit grey with 1 as black, 1-bit
 * colour as a byte of red, one of green, one of blue, 1-bit frames of one colour with 1
 * as light (rows of grey are made of these three, planes.h). What is wanted may be less:
 * grey from colour, bilevel from grey at half the scale. It is never more.
 */
#ifndef POSTROOM_ROWS_H
#define POSTROOM_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/status.h"
#include "lib/doc/encoder.h"

enum {
	ROWS_STEPS_MAX = 3,
	ROWS_LINE_MAX = 1024 * 1024, /* bytes of a device's line, with padding */
};

/* What a frame holds of its page (SANE 3.2.1). */
enum channel { CHANNEL_ALL, CHANNEL_RED, CHANNEL_GREEN, CHANNEL_BLUE };

/* A page as the device announces it, or one of the three frames that make it. */
struct frame {
	int channel; /* enum channel */
	bool color;  /* red, green, blue interleaved; else grey, or one channel */
	unsigned depth;
	unsigned width;          /* pixels */
	unsigned bytes_per_line; /* with padding */
	unsigned lines;          /* 0: not known before the last one */
	double x_dpi, y_dpi;
};

typedef void rows_step(unsigned char *out, const unsigned char *in, unsigned width);

struct rows {
	enum pixel_format format; /* of what rows_convert() gives */
	unsigned width;
	rows_step *step[ROWS_STEPS_MAX];
	size_t steps;
	size_t room; /* bytes that rows_convert() needs for out */
};

/* STATUS_INVALID: the frame is none that the standard knows, or is beyond the limits. */
enum status rows_init(
    struct rows *r, const struct frame *frame, enum pixel_format wanted, struct error *e);

/* Converts one line. Returns out, or line itself where nothing is to be done. */
const unsigned char *rows_convert(
    const struct rows *r, const unsigned char *line, unsigned char *out);

#endif
