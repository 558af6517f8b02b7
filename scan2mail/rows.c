/* rows: a device's lines made into rows for an encoder (rows.h). */
#include "scan2mail/rows.h"

#include <stdint.h>
#include <string.h>

enum {
	HALF = 128, /* of the scale: what is darker becomes black */
};

static void
gray_from_gray16(unsigned char *out, const unsigned char *in, unsigned width)
{
	uint16_t sample;

	for (unsigned i = 0; i < width; i++) {
		memcpy(&sample, in + 2 * (size_t)i, sizeof(sample));
		out[i] = (unsigned char)(sample >> 8);
	}
}

static void
rgb_from_rgb16(unsigned char *out, const unsigned char *in, unsigned width)
{
	gray_from_gray16(out, in, width * 3);
}

/* Of one colour, where 1 is light. */
static void
gray_from_bits(unsigned char *out, const unsigned char *in, unsigned width)
{
	for (unsigned x = 0; x < width; x++)
		out[x] = in[x / 8] & (0x80u >> x % 8) ? 255 : 0;
}

static void
rgb_from_rgb1(unsigned char *out, const unsigned char *in, unsigned width)
{
	for (unsigned x = 0; x < width; x++)
		for (unsigned c = 0; c < 3; c++) {
			unsigned byte = in[x / 8 * 3 + c];

			*out++ = byte & (0x80u >> x % 8) ? 255 : 0;
		}
}

/* The two below read no further ahead than they write: out may be in. */

static void
gray_from_rgb(unsigned char *out, const unsigned char *in, unsigned width)
{
	/* ITU-R BT.601, in 256ths */
	for (unsigned i = 0; i < width; i++, in += 3)
		out[i] = (unsigned char)((77 * in[0] + 150 * in[1] + 29 * in[2]) >> 8);
}

static void
bilevel_from_gray(unsigned char *out, const unsigned char *in, unsigned width)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < width; i++) {
		bits = bits << 1 | (in[i] < HALF);
		if (i % 8 == 7)
			out[i / 8] = (unsigned char)bits;
	}
	if (width % 8)
		out[width / 8] = (unsigned char)(bits << (8 - width % 8));
}

/* What comes, and the step that makes whole bytes of it. */
static const struct kind {
	bool color, plane; /* plane: one of three frames */
	unsigned depth;
	enum pixel_format format;
	rows_step *unpack; /* NULL: as it is */
} kinds[] = {
	{ false, false, 1, PIXEL_BILEVEL, NULL },
	{ false, false, 8, PIXEL_GRAY, NULL },
	{ false, false, 16, PIXEL_GRAY, gray_from_gray16 },
	{ false, true, 1, PIXEL_GRAY, gray_from_bits },
	{ false, true, 8, PIXEL_GRAY, NULL },
	{ false, true, 16, PIXEL_GRAY, gray_from_gray16 },
	{ true, false, 1, PIXEL_RGB, rgb_from_rgb1 },
	{ true, false, 8, PIXEL_RGB, NULL },
	{ true, false, 16, PIXEL_RGB, rgb_from_rgb16 },
};

static const struct kind *
kind_of(const struct frame *f)
{
	bool plane = f->channel != CHANNEL_ALL;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].color == f->color && kinds[i].plane == plane &&
		    kinds[i].depth == f->depth)
			return &kinds[i];
	return NULL;
}

/* Bytes of a line without padding. */
static size_t
line_size(const struct frame *f)
{
	size_t plane = ((size_t)f->width * f->depth + 7) / 8;

	return f->color ? plane * 3 : plane;
}

static void
add_step(struct rows *r, rows_step *step, enum pixel_format to)
{
	if (step)
		r->step[r->steps++] = step;
	r->format = to;
}

enum status
rows_init(
    struct rows *r, const struct frame *f, enum pixel_format wanted, struct error *e)
{
	const struct kind *kind = kind_of(f);
	struct raster first;

	if (!kind)
		return error_set(e, STATUS_INVALID,
		    "the scanner delivers %u bits a sample; 1, 8 and 16 are known",
		    f->depth);
	if (f->width == 0 || f->width > ENCODER_SIDE_MAX || f->lines > ENCODER_SIDE_MAX)
		return error_set(e, STATUS_INVALID,
		    "the scanner announces a page of %u x %u pixels; at most %d on a "
		    "side can be taken: choose a lower resolution",
		    f->width, f->lines, ENCODER_SIDE_MAX);
	if (f->bytes_per_line < line_size(f) || f->bytes_per_line > ROWS_LINE_MAX)
		return error_set(e, STATUS_INVALID,
		    "the scanner announces %u bytes for a line of %u pixels",
		    f->bytes_per_line, f->width);
	*r = (struct rows){ .width = f->width };
	add_step(r, kind->unpack, kind->format);
	first = (struct raster){ .format = kind->format, .width = f->width };
	r->room = raster_row_size(&first);
	if (r->format == PIXEL_RGB && wanted != PIXEL_RGB)
		add_step(r, gray_from_rgb, PIXEL_GRAY);
	if (r->format == PIXEL_GRAY && wanted == PIXEL_BILEVEL)
		add_step(r, bilevel_from_gray, PIXEL_BILEVEL);
	return STATUS_OK;
}

const unsigned char *
rows_convert(const struct rows *r, const unsigned char *line, unsigned char *out)
{
	for (size_t i = 0; i < r->steps; i++) {
		r->step[i](out, line, r->width);
		line = out;
	}
	return line;
}
