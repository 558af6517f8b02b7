/* Tests of scan2mail/rows.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scan2mail/rows.h"

/* A sample of 16 bits as the machine stores it. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define W(high) (high), 0x34
#else
#define W(high) 0x34, (high)
#endif

/* What a device sends, what is wanted, and what becomes of it. */
static const struct {
	struct frame frame;
	enum pixel_format wanted, format;
	unsigned char line[24];
	unsigned char row[12];
	size_t len;
} lines[] = {
	/* what needs no change */
	{ { CHANNEL_ALL, true, 8, 2, 6, 1, 0, 0 }, PIXEL_RGB, PIXEL_RGB,
	    { 1, 2, 3, 4, 5, 6 }, { 1, 2, 3, 4, 5, 6 }, 6 },
	{ { CHANNEL_ALL, false, 8, 3, 8, 1, 0, 0 }, PIXEL_RGB, PIXEL_GRAY, { 7, 8, 9 },
	    { 7, 8, 9 }, 3 },
	{ { CHANNEL_ALL, false, 1, 10, 2, 1, 0, 0 }, PIXEL_BILEVEL, PIXEL_BILEVEL,
	    { 0xa5, 0xc0 }, { 0xa5, 0xc0 }, 2 },
	/* never more than what comes */
	{ { CHANNEL_ALL, false, 1, 10, 2, 1, 0, 0 }, PIXEL_RGB, PIXEL_BILEVEL,
	    { 0xa5, 0xc0 }, { 0xa5, 0xc0 }, 2 },
	/* 16 bits */
	{ { CHANNEL_ALL, false, 16, 3, 6, 1, 0, 0 }, PIXEL_GRAY, PIXEL_GRAY,
	    { W(0), W(0x7f), W(0xff) }, { 0, 0x7f, 0xff }, 3 },
	{ { CHANNEL_ALL, true, 16, 1, 6, 1, 0, 0 }, PIXEL_RGB, PIXEL_RGB,
	    { W(1), W(2), W(3) }, { 1, 2, 3 }, 3 },
	/* 1-bit colour: a byte of each */
	{ { CHANNEL_ALL, true, 1, 2, 3, 1, 0, 0 }, PIXEL_RGB, PIXEL_RGB,
	    { 0x80, 0x40, 0xc0 }, { 255, 0, 255, 0, 255, 255 }, 6 },
	{ { CHANNEL_ALL, true, 1, 9, 6, 1, 0, 0 }, PIXEL_GRAY, PIXEL_GRAY,
	    { 0xff, 0xff, 0xff, 0x80, 0x00, 0x00 },
	    { 255, 255, 255, 255, 255, 255, 255, 255, 76 }, 9 },
	/* one colour of three: 1 is light */
	{ { CHANNEL_RED, false, 1, 10, 2, 1, 0, 0 }, PIXEL_GRAY, PIXEL_GRAY,
	    { 0xa5, 0x40 }, { 255, 0, 255, 0, 0, 255, 0, 255, 0, 255 }, 10 },
	{ { CHANNEL_GREEN, false, 8, 3, 8, 1, 0, 0 }, PIXEL_GRAY, PIXEL_GRAY, { 7, 8, 9 },
	    { 7, 8, 9 }, 3 },
	{ { CHANNEL_BLUE, false, 16, 2, 4, 1, 0, 0 }, PIXEL_GRAY, PIXEL_GRAY,
	    { W(0x7f), W(0xff) }, { 0x7f, 0xff }, 2 },
	/* grey from colour */
	{ { CHANNEL_ALL, true, 8, 5, 15, 1, 0, 0 }, PIXEL_GRAY, PIXEL_GRAY,
	    { 255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255 },
	    { 255, 0, 76, 149, 28 }, 5 },
	/* bilevel: 1 is black, from the darker half on; the rest of a byte is 0
	 */
	{ { CHANNEL_ALL, false, 8, 4, 4, 1, 0, 0 }, PIXEL_BILEVEL, PIXEL_BILEVEL,
	    { 0, 127, 128, 255 }, { 0xc0 }, 1 },
	{ { CHANNEL_ALL, false, 8, 8, 8, 1, 0, 0 }, PIXEL_BILEVEL, PIXEL_BILEVEL,
	    { 255, 0, 255, 0, 255, 0, 255, 0 }, { 0x55 }, 1 },
	{ { CHANNEL_ALL, false, 8, 9, 9, 1, 0, 0 }, PIXEL_BILEVEL, PIXEL_BILEVEL,
	    { 0, 0, 0, 0, 0, 0, 0, 0, 0 }, { 0xff, 0x80 }, 2 },
	{ { CHANNEL_ALL, true, 16, 2, 12, 1, 0, 0 }, PIXEL_BILEVEL, PIXEL_BILEVEL,
	    { W(255), W(255), W(255), W(0), W(0), W(0) }, { 0x40 }, 1 },
};

static void
lines_become_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct rows r;
		unsigned char *out, *line = malloc(sizeof(lines[i].line));
		struct error e;

		assert_int_equal(
		    rows_init(&r, &lines[i].frame, lines[i].wanted, &e), STATUS_OK);
		assert_int_equal(r.format, lines[i].format);
		out = malloc(r.room); /* not a byte more than is asked for */
		assert_non_null(out);
		assert_non_null(line);
		memcpy(line, lines[i].line, sizeof(lines[i].line));
		assert_memory_equal(
		    rows_convert(&r, line, out), lines[i].row, lines[i].len);
		assert_memory_equal(line, lines[i].line, sizeof(lines[i].line));
		free(line);
		free(out);
	}
}

static void
impossible_frames_are_refused(void **state)
{
	static const struct {
		struct frame frame;
		enum status status;
	} cases[] = {
		{ { CHANNEL_ALL, true, 8, 10, 30, 10, 0, 0 }, STATUS_OK },
		{ { CHANNEL_ALL, true, 8, 10, 29, 10, 0, 0 }, STATUS_INVALID },
		{ { CHANNEL_ALL, true, 8, 10, ROWS_LINE_MAX, 10, 0, 0 }, STATUS_OK },
		{ { CHANNEL_ALL, true, 8, 10, ROWS_LINE_MAX + 1, 10, 0, 0 },
		    STATUS_INVALID },
		{ { CHANNEL_ALL, true, 1, 9, 6, 10, 0, 0 }, STATUS_OK },
		{ { CHANNEL_ALL, true, 1, 9, 5, 10, 0, 0 }, STATUS_INVALID },
		{ { CHANNEL_ALL, false, 1, 9, 2, 10, 0, 0 }, STATUS_OK },
		{ { CHANNEL_ALL, false, 1, 9, 1, 10, 0, 0 }, STATUS_INVALID },
		{ { CHANNEL_ALL, false, 16, 9, 18, 10, 0, 0 }, STATUS_OK },
		{ { CHANNEL_ALL, false, 16, 9, 17, 10, 0, 0 }, STATUS_INVALID },
		{ { CHANNEL_ALL, false, 0, 9, 100, 10, 0, 0 }, STATUS_INVALID },
		{ { CHANNEL_ALL, false, 4, 9, 100, 10, 0, 0 }, STATUS_INVALID },
		{ { CHANNEL_ALL, false, 32, 9, 100, 10, 0, 0 }, STATUS_INVALID },
		{ { CHANNEL_ALL, false, 8, 0, 100, 10, 0, 0 }, STATUS_INVALID },
		{ { CHANNEL_ALL, false, 8, ENCODER_SIDE_MAX, ENCODER_SIDE_MAX, 1, 0, 0 },
		    STATUS_OK },
		{ { CHANNEL_ALL, false, 8, ENCODER_SIDE_MAX + 1, 100000, 1, 0, 0 },
		    STATUS_INVALID },
		{ { CHANNEL_ALL, false, 8, 1, 1, ENCODER_SIDE_MAX, 0, 0 }, STATUS_OK },
		{ { CHANNEL_ALL, false, 8, 1, 1, ENCODER_SIDE_MAX + 1, 0, 0 },
		    STATUS_INVALID },
		{ { CHANNEL_ALL, false, 8, 1, 1, 0, 0, 0 },
		    STATUS_OK }, /* height not known */
		{ { CHANNEL_ALL, true, 8, UINT32_MAX, UINT32_MAX, 1, 0, 0 },
		    STATUS_INVALID },
		{ { CHANNEL_RED, false, 1, 9, 2, 10, 0, 0 }, STATUS_OK },
		{ { CHANNEL_RED, false, 1, 9, 1, 10, 0, 0 }, STATUS_INVALID },
		{ { CHANNEL_RED, true, 8, 10, 30, 10, 0, 0 }, STATUS_INVALID },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rows r;
		struct error e = { "" };

		assert_int_equal(
		    rows_init(&r, &cases[i].frame, PIXEL_RGB, &e), cases[i].status);
		assert_int_equal(*e.text != '\0', cases[i].status != STATUS_OK);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_become_rows),
		cmocka_unit_test(impossible_frames_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
