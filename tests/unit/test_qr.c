/* Tests of admin/qr.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "admin/qr.h"

static const char address[] = "https://microsoft.com/devicelogin";

/* Reads the lines back: whether the module of the picture is dark. */
static bool
drawn(const struct qr *qr, unsigned row, unsigned column)
{
	static const char *const blocks[] = { " ", "▄", "▀", "█" };
	struct buf line;
	const char *at;
	unsigned kind = 4;

	buf_init(&line, QR_LINE_MAX);
	assert_true(qr_line(&line, qr, row / 2));
	at = buf_text(&line);
	for (unsigned x = 0; x <= column; x++) {
		for (kind = 0; kind < 4; kind++)
			if (strncmp(at, blocks[kind], strlen(blocks[kind])) == 0)
				break;
		assert_true(kind < 4);
		at += strlen(blocks[kind]);
	}
	buf_clear(&line);
	return row % 2 ? kind & 1 : kind & 2;
}

static void
lines_show_the_modules_and_a_quiet_zone(void **state)
{
	struct qr qr = { 0 };
	unsigned end;

	(void)state;
	assert_true(qr_encode(&qr, address));
	assert_true(qr_is_sound(&qr));
	assert_int_equal(qr_columns(&qr), qr.width + 8);
	assert_int_equal(qr_lines(&qr), (qr.width + 9) / 2);
	end = QR_QUIET + qr.width;
	for (unsigned y = 0; y < qr_columns(&qr); y++)
		for (unsigned x = 0; x < qr_columns(&qr); x++) {
			bool quiet = x < QR_QUIET || y < QR_QUIET || x >= end || y >= end;

			assert_int_equal(drawn(&qr, y, x),
			    !quiet && qr.dark[y - QR_QUIET][x - QR_QUIET]);
		}
	/* the line that is half a line more */
	assert_false(drawn(&qr, qr_columns(&qr), 0));
}

static void
finders_stand_in_three_corners(void **state)
{
	struct qr qr = { 0 };
	unsigned last;

	(void)state;
	assert_true(qr_encode(&qr, address));
	assert_int_equal((qr.width - 17) % 4, 0);
	last = qr.width - 7U;
	for (unsigned y = 0; y < 7; y++)
		for (unsigned x = 0; x < 7; x++) {
			bool ring = x == 0 || y == 0 || x == 6 || y == 6;
			bool core = x >= 2 && x <= 4 && y >= 2 && y <= 4;

			assert_int_equal(qr.dark[y][x], ring || core);
			assert_int_equal(qr.dark[y][last + x], ring || core);
			assert_int_equal(qr.dark[last + y][x], ring || core);
		}
}

static void
what_does_not_fit_gives_none(void **state)
{
	char text[400];
	struct qr qr = { 0 };

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_false(qr_encode(&qr, text));
	assert_int_equal(qr.width, 0);
	assert_false(qr_is_sound(&qr));
	text[271] = '\0';
	assert_true(qr_encode(&qr, text));
	assert_int_equal(qr.width, QR_WIDTH_MAX);
	assert_false(qr_encode(&qr, ""));
	qr.width = QR_WIDTH_MAX + 1; /* as a hostile child may say */
	assert_false(qr_is_sound(&qr));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_show_the_modules_and_a_quiet_zone),
		cmocka_unit_test(finders_stand_in_three_corners),
		cmocka_unit_test(what_does_not_fit_gives_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
