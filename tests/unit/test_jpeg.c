/* Tests of lib/doc/jpeg.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jpeglib.h>

#include "lib/base/buf.h"
#include "lib/doc/jpeg.h"

enum {
	OUT_MAX = 4 * 1024 * 1024,
	WIDTH = 67, /* no multiple of a block */
	HEIGHT = 41,
};

struct target {
	struct buf out;
	int writes, writes_allowed; /* -1: all */
};

static enum status
take(void *context, const void *bytes, size_t len, struct error *e)
{
	struct target *t = context;

	if (t->writes++ == t->writes_allowed)
		return error_set(e, STATUS_HOLD, "the target is full");
	assert_true(buf_add(&t->out, bytes, len));
	return STATUS_OK;
}

static int
set_up(void **state)
{
	static struct target target;

	target = (struct target){ .writes_allowed = -1 };
	buf_init(&target.out, OUT_MAX);
	*state = &target;
	return 0;
}

static int
tear_down(void **state)
{
	struct target *t = *state;

	buf_clear(&t->out);
	return 0;
}

static enum status
encode(struct target *t, const struct raster *raster, const unsigned char *rows,
    struct error *e)
{
	struct sink sink = { .write = take, .context = t };
	struct encoder *c = NULL;
	enum status status = encoder_jpeg.start(&c, raster, &sink, e);

	if (status != STATUS_OK) {
		assert_null(c);
		return status;
	}
	for (unsigned y = 0; y < raster->height && status == STATUS_OK; y++)
		status = encoder_jpeg.row(c, rows + y * raster_row_size(raster), e);
	if (status == STATUS_OK)
		status = encoder_jpeg.finish(c, e);
	encoder_jpeg.free(c);
	return status;
}

/* Decodes what was taken and compares: no sample may be off by more than most. */
static void
assert_decodes_to(
    struct target *t, const struct raster *raster, const unsigned char *rows, int most)
{
	size_t size = raster_row_size(raster);
	unsigned char *line = malloc(size);
	struct jpeg_decompress_struct j;
	struct jpeg_error_mgr errors;
	JSAMPROW lines[] = { line };

	assert_non_null(line);
	j.err = jpeg_std_error(&errors); /* ends the test by exit() */
	jpeg_create_decompress(&j);
	jpeg_mem_src(&j, (unsigned char *)t->out.data, t->out.len);
	assert_int_equal(jpeg_read_header(&j, TRUE), JPEG_HEADER_OK);
	assert_int_equal(j.image_width, raster->width);
	assert_int_equal(j.image_height, raster->height);
	assert_int_equal(j.num_components, raster->format == PIXEL_RGB ? 3 : 1);
	assert_int_equal(
	    j.comp_info[0].h_samp_factor, raster->format == PIXEL_RGB ? 2 : 1);
	assert_false(j.progressive_mode);
	jpeg_start_decompress(&j);
	for (unsigned y = 0; y < raster->height; y++) {
		assert_int_equal(jpeg_read_scanlines(&j, lines, 1), 1);
		for (size_t i = 0; i < size; i++)
			assert_in_range(abs(line[i] - rows[y * size + i]), 0, most);
	}
	jpeg_finish_decompress(&j);
	assert_int_equal(errors.num_warnings, 0);
	jpeg_destroy_decompress(&j);
	free(line);
}

static void
pages_come_back(void **state)
{
	static unsigned char rows[HEIGHT * WIDTH * 3];
	struct raster raster = { PIXEL_RGB, WIDTH, HEIGHT, 90 };
	struct target *t = *state;
	struct error e;

	for (unsigned i = 0; i < sizeof(rows); i++) /* a slope in each direction */
		rows[i] = (unsigned char)(i / 3 % WIDTH * 2 + i / 3 / WIDTH + i % 3);
	assert_int_equal(encode(t, &raster, rows, &e), STATUS_OK);
	assert_decodes_to(t, &raster, rows, 8);
	for (unsigned i = 0; i < WIDTH * HEIGHT; i++)
		rows[i] = (unsigned char)(i % WIDTH * 2 + i / WIDTH);
	buf_reset(&t->out);
	raster.format = PIXEL_GRAY;
	assert_int_equal(encode(t, &raster, rows, &e), STATUS_OK);
	assert_decodes_to(t, &raster, rows, 8);
}

static unsigned char *
noise(size_t size)
{
	unsigned char *bytes = malloc(size);

	assert_non_null(bytes);
	for (size_t i = 0; i < size; i++)
		bytes[i] = (unsigned char)(i * 2654435761u >> 11);
	return bytes;
}

/* 75 where nothing is said; less quality, fewer bytes. */
static void
quality_is_heard(void **state)
{
	struct raster raster = { PIXEL_GRAY, 200, 200, 0 };
	unsigned char *rows = noise(200 * 200);
	size_t size[4];
	static const int qualities[] = { 0, 75, 30, 100 };
	struct target *t = *state;
	struct error e;

	for (size_t i = 0; i < 4; i++) {
		raster.quality = qualities[i];
		buf_reset(&t->out);
		assert_int_equal(encode(t, &raster, rows, &e), STATUS_OK);
		size[i] = t->out.len;
	}
	assert_int_equal(size[0], size[1]);
	assert_true(size[2] < size[1]);
	assert_true(size[3] > size[1]);
	free(rows);
}

static void
failures_of_the_sink_come_back(void **state)
{
	struct raster raster = { PIXEL_RGB, 600, 400, 95 };
	unsigned char *rows = noise(600 * 400 * 3);
	struct target *t = *state;
	int pieces;
	struct error e = { "" };

	assert_int_equal(encode(t, &raster, rows, &e), STATUS_OK);
	pieces = t->writes;
	assert_true(pieces > 2); /* so that rows fail, and the end */
	for (t->writes_allowed = 0; t->writes_allowed < pieces; t->writes_allowed++) {
		t->writes = 0;
		*e.text = '\0';
		assert_int_equal(encode(t, &raster, rows, &e), STATUS_HOLD);
		assert_string_equal(e.text, "the target is full");
		assert_int_equal(t->writes, t->writes_allowed + 1);
	}
	free(rows);
}

static void
what_is_no_jpeg_is_refused(void **state)
{
	static const struct raster rasters[] = {
		{ PIXEL_BILEVEL, 8, 8, 0 },
		{ PIXEL_RGB, 8, 8, 101 },
		{ PIXEL_RGB, 8, 8, -1 },
		{ PIXEL_RGB, 0, 8, 0 },
		{ PIXEL_GRAY, 8, ENCODER_SIDE_MAX + 1, 0 },
	};
	struct target *t = *state;

	for (size_t i = 0; i < sizeof(rasters) / sizeof(rasters[0]); i++) {
		struct error e = { "" };

		assert_int_equal(encode(t, &rasters[i], NULL, &e), STATUS_INVALID);
		assert_string_not_equal(e.text, "");
	}
	assert_int_equal(t->writes, 0);
}

/* Rows that are missing are libjpeg's own complaint, in the caller's error. */
static void
missing_rows_are_said(void **state)
{
	struct raster raster = { PIXEL_GRAY, 8, 8, 0 };
	struct sink sink = { .write = take, .context = *state };
	unsigned char row[8] = { 0 };
	struct encoder *c = NULL;
	struct error e = { "" };

	assert_int_equal(encoder_jpeg.start(&c, &raster, &sink, &e), STATUS_OK);
	assert_int_equal(encoder_jpeg.row(c, row, &e), STATUS_OK);
	assert_int_equal(encoder_jpeg.finish(c, &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, "JPEG"));
	encoder_jpeg.free(c);
	encoder_jpeg.free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pages_come_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(quality_is_heard, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    failures_of_the_sink_come_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_is_no_jpeg_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(missing_rows_are_said, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
