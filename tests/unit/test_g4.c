/* Tests of lib/doc/g4.c. What larger pages become is seen by
 * tests/integration/scan2mail.t, which has another program decode them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/buf.h"
#include "lib/doc/g4.h"

enum {
	OUT_MAX = 1024 * 1024,
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

/* Encodes height rows, which stand one after another in rows. */
static enum status
encode(struct target *t, const struct raster *raster, const unsigned char *rows,
    struct error *e)
{
	struct sink sink = { .write = take, .context = t };
	struct encoder *c = NULL;
	enum status status = encoder_g4.start(&c, raster, &sink, e);

	if (status != STATUS_OK) {
		assert_null(c);
		return status;
	}
	for (unsigned y = 0; y < raster->height && status == STATUS_OK; y++)
		status = encoder_g4.row(c, rows + y * raster_row_size(raster), e);
	if (status == STATUS_OK)
		status = encoder_g4.finish(c, e);
	encoder_g4.free(c);
	return status;
}

/* By hand from T.6: the codes of the rows, then the end of facsimile block, padded. */
static void
writes_exact_codes(void **state)
{
	static const struct {
		unsigned width, height;
		unsigned char rows[2];
		const char *code;
		size_t len;
	} cases[] = {
		/* V0; EOFB */
		{ 8, 1, { 0x00 }, "\x80\x08\x00\x80", 4 },
		/* horizontal, white 0, black 8; EOFB */
		{ 8, 1, { 0xff }, "\x26\xa2\x80\x08\x00\x80", 6 },
		/* VL3, V0; EOFB: what pads a row's last byte is not looked at */
		{ 3, 1, { 0xe0 }, "\x05\x00\x10\x01", 4 },
		{ 3, 1, { 0xff }, "\x05\x00\x10\x01", 4 },
		/* a black row, then V0 V0 for its copy */
		{ 8, 2, { 0xff, 0xff }, "\x26\xa2\xe0\x02\x00\x20", 6 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct raster raster = { PIXEL_BILEVEL, cases[i].width, cases[i].height,
			0 };
		struct target *t = *state;
		struct error e;

		buf_reset(&t->out);
		assert_int_equal(encode(t, &raster, cases[i].rows, &e), STATUS_OK);
		assert_int_equal(t->out.len, cases[i].len);
		assert_memory_equal(t->out.data, cases[i].code, cases[i].len);
	}
}

/* A chequered page is the worst case: it leaves in many pieces, all of them in order. */
static void
large_pages_leave_in_pieces(void **state)
{
	struct raster raster = { PIXEL_BILEVEL, 2400, 600, 0 };
	size_t size = raster_row_size(&raster) * raster.height;
	unsigned char *rows = malloc(size);
	struct target *t = *state;
	uint32_t tail = 0;
	struct error e;

	assert_non_null(rows);
	for (size_t i = 0; i < size; i++)
		rows[i] = i / 300 % 2 ? 0x55 : 0xaa;
	assert_int_equal(encode(t, &raster, rows, &e), STATUS_OK);
	assert_true(t->writes > 1);
	assert_true(t->out.len > size);
	for (size_t i = t->out.len - 4; i < t->out.len; i++)
		tail = tail << 8 | (unsigned char)t->out.data[i];
	assert_true(tail);
	while (!(tail & 1)) /* the last byte's padding */
		tail >>= 1;
	assert_int_equal(tail & 0xffffff, 0x001001); /* EOFB */
	free(rows);
}

static void
failures_of_the_sink_come_back(void **state)
{
	struct raster raster = { PIXEL_BILEVEL, 2400, 600, 0 };
	size_t size = raster_row_size(&raster) * raster.height;
	unsigned char *rows = malloc(size);
	struct target *t = *state;

	assert_non_null(rows);
	memset(rows, 0x55, size);
	for (t->writes_allowed = 0; t->writes_allowed < 3; t->writes_allowed++) {
		struct error e = { "" };

		t->writes = 0;
		rows[0] ^= 0xff;
		for (size_t i = 300; i < size; i++)
			rows[i] = (unsigned char)(i * 2654435761u >> 13);
		assert_int_equal(encode(t, &raster, rows, &e), STATUS_HOLD);
		assert_string_equal(e.text, "the target is full");
		/* What failed once is not called again. */
		assert_int_equal(t->writes, t->writes_allowed + 1);
	}
	free(rows);
}

static void
other_pixels_are_refused(void **state)
{
	static const struct raster rasters[] = {
		{ PIXEL_RGB, 8, 8, 0 },
		{ PIXEL_GRAY, 8, 8, 0 },
		{ PIXEL_BILEVEL, 0, 8, 0 },
		{ PIXEL_BILEVEL, 8, ENCODER_SIDE_MAX + 1, 0 },
	};
	struct target *t = *state;

	for (size_t i = 0; i < sizeof(rasters) / sizeof(rasters[0]); i++) {
		struct error e = { "" };

		assert_int_equal(encode(t, &rasters[i], NULL, &e), STATUS_INVALID);
		assert_string_not_equal(e.text, "");
	}
	assert_int_equal(t->writes, 0);
}

static void
may_be_given_up(void **state)
{
	struct raster raster = { PIXEL_BILEVEL, 800, 10, 0 };
	struct sink sink = { .write = take, .context = *state };
	unsigned char row[100] = { 0x55 };
	struct encoder *c = NULL;
	struct target *t = *state;
	struct error e;

	assert_int_equal(encoder_g4.start(&c, &raster, &sink, &e), STATUS_OK);
	assert_int_equal(encoder_g4.row(c, row, &e), STATUS_OK);
	t->writes = 0;
	encoder_g4.free(c);
	assert_int_equal(t->writes, 0);
	encoder_g4.free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(writes_exact_codes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    large_pages_leave_in_pieces, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    failures_of_the_sink_come_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    other_pixels_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(may_be_given_up, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
