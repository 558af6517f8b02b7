/*
 * g4: rows to CCITT Group 4 (ITU-T T.6) by libtiff (g4.h).
 *
 * libtiff writes a TIFF file of one strip: a header, the strip in pieces, the directory.
 * The file's functions below keep only the strip, which is what a PDF wants.
 */
#include "lib/doc/g4.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h> /* vsnprintf, SEEK_* */
#include <stdlib.h>

#include <tiffio.h>

struct encoder {
	TIFF *tiff;
	const struct sink *sink;
	uint64_t position, end; /* in the file that libtiff believes in */
	bool strip;             /* what is written now belongs to the strip */
	uint32_t row;
	enum status status; /* of the sink, while libtiff only sees a failed write */
	struct error *error;
};

static tmsize_t
on_read(thandle_t file, void *bytes, tmsize_t len)
{
	(void)file, (void)bytes, (void)len;
	return -1;
}

static tmsize_t
on_write(thandle_t file, void *bytes, tmsize_t len)
{
	struct encoder *c = file;

	if (c->status != STATUS_OK)
		return -1;
	if (c->strip && c->position != c->end) {
		c->status = error_set(c->error, STATUS_RETRY,
		    "libtiff went back in a page that is already on its way");
		return -1;
	}
	if (c->strip)
		c->status =
		    c->sink->write(c->sink->context, bytes, (size_t)len, c->error);
	if (c->status != STATUS_OK)
		return -1;
	c->position += (uint64_t)len;
	if (c->end < c->position)
		c->end = c->position;
	return len;
}

static toff_t
on_seek(thandle_t file, toff_t offset, int whence)
{
	struct encoder *c = file;

	if (whence == SEEK_CUR)
		offset += c->position;
	else if (whence == SEEK_END)
		offset += c->end;
	c->position = offset;
	return offset;
}

static int
on_close(thandle_t file)
{
	(void)file;
	return 0;
}

static toff_t
on_size(thandle_t file)
{
	const struct encoder *c = file;

	return c->end;
}

__attribute__((format(printf, 4, 0))) static int
on_error(TIFF *tiff, void *user, const char *module, const char *format, va_list args)
{
	struct encoder *c = user;
	char reason[256];

	(void)tiff, (void)module;
	vsnprintf(reason, sizeof(reason), format, args);
	if (c->status == STATUS_OK) /* else the sink has said why */
		c->status = error_set(c->error, STATUS_RETRY,
		    "the page cannot be encoded as CCITT G4: %s", reason);
	return 1;
}

static int
on_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list args)
{
	(void)tiff, (void)user, (void)module, (void)format, (void)args;
	return 1;
}

static TIFF *
open_tiff(struct encoder *c)
{
	TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
	TIFF *tiff;

	if (!options)
		return NULL;
	TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, c);
	TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, c);
	tiff = TIFFClientOpenExt("page", "w", c, on_read, on_write, on_seek, on_close,
	    on_size, NULL, NULL, options);
	TIFFOpenOptionsFree(options);
	return tiff;
}

static bool
set_up(TIFF *tiff, const struct raster *raster)
{
	return TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, raster->width) &&
	    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, raster->height) &&
	    TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, raster->height) &&
	    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 1) &&
	    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, 1) &&
	    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISWHITE) &&
	    TIFFSetField(tiff, TIFFTAG_FILLORDER, FILLORDER_MSB2LSB) &&
	    TIFFSetField(tiff, TIFFTAG_COMPRESSION, COMPRESSION_CCITTFAX4);
}

static void
g4_free(struct encoder *c)
{
	if (!c)
		return;
	c->strip = false; /* what libtiff still writes is its directory */
	c->status = STATUS_OK;
	c->error = NULL;
	if (c->tiff)
		TIFFClose(c->tiff);
	free(c);
}

static enum status
g4_start(struct encoder **out, const struct raster *raster, const struct sink *sink,
    struct error *e)
{
	enum status status = raster_check(raster, e);
	struct encoder *c;

	if (status != STATUS_OK)
		return status;
	if (raster->format != PIXEL_BILEVEL)
		return error_set(
		    e, STATUS_INVALID, "CCITT G4 takes black and white only");
	c = calloc(1, sizeof(*c));
	if (!c)
		return error_errno(e, "the page cannot be encoded as CCITT G4");
	c->sink = sink;
	c->error = e;
	c->tiff = open_tiff(c);
	if (!c->tiff || !set_up(c->tiff, raster)) {
		status = c->status != STATUS_OK
		    ? c->status
		    : error_set(e, STATUS_RETRY, "libtiff cannot encode CCITT G4");
		g4_free(c);
		return status;
	}
	c->strip = true;
	*out = c;
	return STATUS_OK;
}

/* How libtiff's call ended: the sink's own status where it failed. */
static enum status
result(const struct encoder *c, bool ok, struct error *e)
{
	if (c->status != STATUS_OK)
		return c->status;
	if (!ok)
		return error_set(
		    e, STATUS_RETRY, "the page cannot be encoded as CCITT G4");
	return STATUS_OK;
}

static enum status
g4_row(struct encoder *c, const unsigned char *row, struct error *e)
{
	bool ok;

	c->error = e;
	ok = TIFFWriteScanline(c->tiff, (void *)(uintptr_t)row, c->row++, 0) == 1;
	return result(c, ok, e);
}

static enum status
g4_finish(struct encoder *c, struct error *e)
{
	bool ok;

	c->error = e;
	ok = TIFFFlushData(c->tiff) == 1;
	c->strip = false;
	return result(c, ok, e);
}

const struct encoder_type encoder_g4 = {
	.pdf_filter = "/CCITTFaxDecode",
	.start = g4_start,
	.row = g4_row,
	.finish = g4_finish,
	.free = g4_free,
};
