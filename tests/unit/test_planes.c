/* Tests of scan2mail/planes.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scan2mail/planes.h"

/* A sample of 16 bits as the machine stores it. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define W(high) (high), 0x34
#else
#define W(high) 0x34, (high)
#endif

static int
set_up(void **state)
{
	static struct planes planes;

	planes = (struct planes){ .file = -1 };
	*state = &planes;
	return 0;
}

static int
tear_down(void **state)
{
	planes_clear(*state);
	return 0;
}

static struct frame
make_frame(int channel, unsigned depth, unsigned lines)
{
	return (struct frame){ channel, false, depth, 3, 8, lines, 72, 72 };
}

static void
open_planes(struct planes *p, unsigned lines)
{
	struct frame frame = make_frame(CHANNEL_RED, 8, lines);
	struct error e;

	planes_clear(p);
	assert_int_equal(planes_open(p, "/tmp", &frame, &e), STATUS_OK);
}

static void
add_lines(struct planes *p, const struct frame *frame, unsigned lines)
{
	unsigned char line[8] = { 0 };
	struct error e;

	assert_int_equal(planes_begin(p, frame, &e), STATUS_OK);
	for (unsigned y = 0; y < lines; y++) {
		memset(line, (int)(y + 10 * (unsigned)frame->channel), 3);
		assert_int_equal(planes_add(p, line, &e), STATUS_OK);
	}
}

/* Each depth, also a different one for each colour. */
static void
depths_become_eight_bits(void **state)
{
	static const struct {
		unsigned depth;
		unsigned char line[8];
	} kinds[] = {
		{ 1, { 0xa0 } },
		{ 8, { 255, 0, 255 } },
		{ 16, { W(255), W(0), W(255) } },
	};
	static const unsigned char expected[] = { 255, 255, 255, 0, 0, 0, 255, 255, 255 };
	struct planes *p = *state;
	unsigned char row[9];
	struct error e;
	unsigned lines;

	for (size_t first = 0; first < 3; first++) {
		open_planes(p, 1);
		for (size_t i = 0; i < 3; i++) {
			size_t k = (first + i) % 3;
			struct frame frame =
			    make_frame(CHANNEL_RED + (int)i, kinds[k].depth, 1);

			assert_int_equal(planes_begin(p, &frame, &e), STATUS_OK);
			assert_int_equal(planes_add(p, kinds[k].line, &e), STATUS_OK);
		}
		assert_int_equal(planes_end(p, &lines, &e), STATUS_OK);
		assert_int_equal(lines, 1);
		assert_int_equal(planes_row(p, 0, row, &e), STATUS_OK);
		assert_memory_equal(row, expected, sizeof(row));
	}
}

/* All six orders; rows may be asked for in any order. */
static void
colours_may_come_in_any_order(void **state)
{
	static const int orders[][3] = { { 1, 2, 3 }, { 1, 3, 2 }, { 2, 1, 3 },
		{ 2, 3, 1 }, { 3, 1, 2 }, { 3, 2, 1 } };
	struct planes *p = *state;
	unsigned lines;
	struct error e;

	for (size_t i = 0; i < 12; i++) {
		unsigned known = i % 2 ? 4 : 0;

		open_planes(p, known);
		for (size_t k = 0; k < 3; k++) {
			struct frame frame = make_frame(orders[i / 2][k], 8, known);

			add_lines(p, &frame, known && k == 1 ? 6 : 4); /* 2 too many */
		}
		assert_int_equal(planes_end(p, &lines, &e), STATUS_OK);
		assert_int_equal(lines, 4);
		for (size_t k = 0; k < 3; k++)
			assert_int_equal(p->count[k], 4);
		for (unsigned y = 4; y-- > 0;) {
			unsigned char row[9], c = (unsigned char)y;

			assert_int_equal(planes_row(p, y, row, &e), STATUS_OK);
			for (size_t x = 0; x < 9; x++)
				assert_int_equal(row[x], c + 10 * (1 + x % 3));
		}
	}
}

/* What is missing of a page, and what the sentence names. */
static void
pages_that_are_not_whole_are_said(void **state)
{
	static const struct {
		unsigned announced, lines[3]; /* 99: no such frame */
		const char *says;
	} cases[] = {
		{ 4, { 4, 4, 3 }, "3 of 4 lines of a page's blue" },
		{ 4, { 0, 4, 4 }, "0 of 4 lines of a page's red" },
		{ 0, { 5, 4, 5 }, "4 of 5 lines of a page's green" },
		{ 0, { 1, 1, 2 }, "1 of 2 lines of a page's red" },
		{ 4, { 4, 4, 99 }, "no blue" },
		{ 0, { 99, 4, 4 }, "no red" },
		{ 4, { 4, 99, 99 }, "no green" },
	};
	struct planes *p = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error e = { "" };
		unsigned lines = 77;

		open_planes(p, cases[i].announced);
		for (int k = 0; k < 3; k++) {
			struct frame frame =
			    make_frame(CHANNEL_RED + k, 8, cases[i].announced);

			if (cases[i].lines[k] != 99)
				add_lines(p, &frame, cases[i].lines[k]);
		}
		assert_int_equal(planes_end(p, &lines, &e), STATUS_INVALID);
		assert_non_null(strstr(e.text, cases[i].says));
		assert_int_equal(lines, 77);
	}
}

static void
frames_that_do_not_fit_are_refused(void **state)
{
	static const struct frame frames[] = {
		{ CHANNEL_RED, false, 8, 3, 8, 4, 72, 72 },   /* once more */
		{ CHANNEL_GREEN, false, 8, 2, 8, 4, 72, 72 }, /* narrower */
		{ CHANNEL_GREEN, false, 8, 3, 8, 5, 72, 72 }, /* longer */
		{ CHANNEL_GREEN, false, 8, 3, 8, 0, 72, 72 }, /* of no known height */
		{ CHANNEL_GREEN, false, 8, 3, 2, 4, 72, 72 }, /* lines too short */
		{ CHANNEL_GREEN, false, 4, 3, 8, 4, 72, 72 }, /* no such depth */
		{ CHANNEL_GREEN, true, 8, 3, 9, 4, 72, 72 },  /* all colours at once */
		{ CHANNEL_ALL, false, 8, 3, 8, 4, 72, 72 },
	};
	struct frame red = make_frame(CHANNEL_RED, 8, 4);
	struct planes *p = *state;
	struct error e;

	open_planes(p, 4);
	add_lines(p, &red, 4);
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		*e.text = '\0';
		assert_int_equal(planes_begin(p, &frames[i], &e), STATUS_INVALID);
		assert_string_not_equal(e.text, "");
		assert_false(p->begun[1]);
	}
}

/* Without a known height, the limit of an image stops it. */
static void
endless_frames_are_stopped(void **state)
{
	static const unsigned char line[8];
	struct frame frame = make_frame(CHANNEL_RED, 8, 0);
	struct planes *p = *state;
	enum status status = STATUS_OK;
	unsigned lines = 0;
	struct error e;

	open_planes(p, 0);
	assert_int_equal(planes_begin(p, &frame, &e), STATUS_OK);
	while (status == STATUS_OK && lines < 2 * ENCODER_SIDE_MAX) {
		status = planes_add(p, line, &e);
		lines++;
	}
	assert_int_equal(status, STATUS_INVALID);
	assert_int_equal(lines, ENCODER_SIDE_MAX + 1);
}

/* With one, what is too much of each frame. */
static void
surplus_has_an_end(void **state)
{
	static const unsigned char line[8];
	struct planes *p = *state;

	open_planes(p, 2);
	for (int channel = CHANNEL_RED; channel <= CHANNEL_BLUE; channel++) {
		struct frame frame = make_frame(channel, 8, 2);
		struct error e = { "" };

		assert_int_equal(planes_begin(p, &frame, &e), STATUS_OK);
		for (unsigned y = 0; y < 2 + SURPLUS_MAX; y++)
			assert_int_equal(planes_add(p, line, &e), STATUS_OK);
		assert_int_equal(planes_add(p, line, &e), STATUS_INVALID);
		assert_non_null(strstr(e.text, "does not end the page"));
	}
}

static void
failures_of_the_system_are_said(void **state)
{
	struct frame frame = make_frame(CHANNEL_RED, 8, 1);
	struct planes *p = *state;
	unsigned char row[9];
	struct error e = { "" };

	assert_int_equal(planes_open(p, "/nonexistent", &frame, &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, "/nonexistent"));
	assert_int_equal(p->file, -1);
	open_planes(p, 1);
	assert_int_equal(planes_row(p, 0, row, &e), STATUS_RETRY); /* nothing is there */
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(depths_become_eight_bits),
		T(colours_may_come_in_any_order),
		T(pages_that_are_not_whole_are_said),
		T(frames_that_do_not_fit_are_refused),
		T(endless_frames_are_stopped),
		T(surplus_has_an_end),
		T(failures_of_the_system_are_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
