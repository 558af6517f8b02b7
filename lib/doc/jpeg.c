/*
 * jpeg: rows to baseline JPEG by libjpeg (jpeg.h).
 *
 * libjpeg leaves its functions by longjmp on errors, also on those of the sink: each
 * entry sets the jump's target anew, and no entry has anything to release itself.
 */
#include "lib/doc/jpeg.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h> /* jpeglib.h wants FILE */
#include <stdlib.h>

#include <jpeglib.h>

enum {
	JPEG_BLOCK = 64 * 1024, /* bytes handed to the sink at a time */
	JPEG_QUALITY_DEFAULT = 75,
};

struct encoder {
	struct jpeg_compress_struct jpeg;
	struct jpeg_error_mgr errors;
	struct jpeg_destination_mgr destination;
	const struct sink *sink;
	jmp_buf escape;
	enum status status; /* of what led to the jump */
	struct error *error;
	unsigned char block[JPEG_BLOCK];
};

static void
on_error(j_common_ptr jpeg)
{
	struct encoder *c = jpeg->client_data;
	char reason[JMSG_LENGTH_MAX];

	jpeg->err->format_message(jpeg, reason);
	c->status = error_set(
	    c->error, STATUS_RETRY, "the page cannot be encoded as JPEG: %s", reason);
	longjmp(c->escape, 1);
}

static void
on_message(j_common_ptr jpeg)
{
	(void)jpeg; /* libjpeg's own would write to standard error */
}

static void
write_block(struct encoder *c, size_t len)
{
	c->status = c->sink->write(c->sink->context, c->block, len, c->error);
	if (c->status != STATUS_OK)
		longjmp(c->escape, 1);
	c->destination.next_output_byte = c->block;
	c->destination.free_in_buffer = JPEG_BLOCK;
}

static void
on_start(j_compress_ptr jpeg)
{
	struct encoder *c = jpeg->client_data;

	c->destination.next_output_byte = c->block;
	c->destination.free_in_buffer = JPEG_BLOCK;
}

static boolean
on_full(j_compress_ptr jpeg)
{
	write_block(jpeg->client_data, JPEG_BLOCK);
	return TRUE;
}

static void
on_end(j_compress_ptr jpeg)
{
	struct encoder *c = jpeg->client_data;

	write_block(c, JPEG_BLOCK - c->destination.free_in_buffer);
}

/* What libjpeg shall make of the raster; may jump. */
static void
set_up(struct encoder *c, const struct raster *raster)
{
	struct jpeg_compress_struct *j = &c->jpeg;
	bool rgb = raster->format == PIXEL_RGB;

	jpeg_create_compress(j);
	j->client_data = c; /* cleared by jpeg_create_compress() in some versions */
	j->dest = &c->destination;
	j->image_width = raster->width;
	j->image_height = raster->height;
	j->input_components = rgb ? 3 : 1;
	j->in_color_space = rgb ? JCS_RGB : JCS_GRAYSCALE;
	jpeg_set_defaults(j); /* 4:2:0 for colour */
	jpeg_set_quality(
	    j, raster->quality ? raster->quality : JPEG_QUALITY_DEFAULT, TRUE);
	jpeg_start_compress(j, TRUE);
}

static void
jpeg_free(struct encoder *c)
{
	if (!c)
		return;
	jpeg_destroy_compress(&c->jpeg);
	free(c);
}

static enum status
jpeg_start(struct encoder **out, const struct raster *raster, const struct sink *sink,
    struct error *e)
{
	enum status status = raster_check(raster, e);
	struct encoder *c;

	if (status != STATUS_OK)
		return status;
	if (raster->format == PIXEL_BILEVEL || raster->quality < 0 ||
	    raster->quality > 100)
		return error_set(e, STATUS_INVALID,
		    "JPEG takes colour or grey at a quality of 1 to 100, not %d",
		    raster->quality);
	c = calloc(1, sizeof(*c));
	if (!c)
		return error_errno(e, "the page cannot be encoded as JPEG");
	c->sink = sink;
	c->error = e;
	c->jpeg.err = jpeg_std_error(&c->errors);
	c->errors.error_exit = on_error;
	c->errors.output_message = on_message;
	c->destination.init_destination = on_start;
	c->destination.empty_output_buffer = on_full;
	c->destination.term_destination = on_end;
	c->jpeg.client_data = c;
	if (setjmp(c->escape)) {
		status = c->status;
		jpeg_free(c);
		return status;
	}
	set_up(c, raster);
	*out = c;
	return STATUS_OK;
}

static enum status
jpeg_row(struct encoder *c, const unsigned char *row, struct error *e)
{
	JSAMPROW rows[] = { (JSAMPROW)(uintptr_t)row }; /* only read, says libjpeg.txt */

	c->error = e;
	if (setjmp(c->escape))
		return c->status;
	jpeg_write_scanlines(&c->jpeg, rows, 1);
	return STATUS_OK;
}

static enum status
jpeg_finish(struct encoder *c, struct error *e)
{
	c->error = e;
	if (setjmp(c->escape))
		return c->status;
	jpeg_finish_compress(&c->jpeg);
	return STATUS_OK;
}

const struct encoder_type encoder_jpeg = {
	.pdf_filter = "/DCTDecode",
	.start = jpeg_start,
	.row = jpeg_row,
	.finish = jpeg_finish,
	.free = jpeg_free,
};
