/* encoder: which encoder takes which pixels (encoder.h). */
#include "lib/doc/encoder.h"

#include "lib/doc/g4.h"
#include "lib/doc/jpeg.h"

const struct encoder_type *
encoder_for(enum pixel_format format)
{
	return format == PIXEL_BILEVEL ? &encoder_g4 : &encoder_jpeg;
}

size_t
raster_row_size(const struct raster *r)
{
	switch (r->format) {
	case PIXEL_RGB: return (size_t)r->width * 3;
	case PIXEL_GRAY: return r->width;
	case PIXEL_BILEVEL: break;
	}
	return ((size_t)r->width + 7) / 8;
}

enum status
raster_check(const struct raster *r, struct error *e)
{
	if (r->width == 0 || r->height == 0)
		return error_set(e, STATUS_INVALID, "the page has no pixels (%u x %u)",
		    r->width, r->height);
	if (r->width > ENCODER_SIDE_MAX || r->height > ENCODER_SIDE_MAX)
		return error_set(e, STATUS_INVALID,
		    "the page has %u x %u pixels; at most %d on a side can be encoded: "
		    "choose a lower resolution",
		    r->width, r->height, ENCODER_SIDE_MAX);
	return STATUS_OK;
}
