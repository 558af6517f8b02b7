/* Tests of scan2mail/pacing.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scan2mail/pacing.h"

enum { ROOM = 64 * 1024 };

static struct pacing
begin(SANE_Int lines, SANE_Int bytes_per_line)
{
	struct pacing p = { .ahead = 77 };

	pacing_begin(&p,
	    &(const SANE_Parameters){
		.lines = lines,
		.bytes_per_line = bytes_per_line,
	    });
	return p;
}

static void
a_frame_rests_once_before_its_tail(void **state)
{
	struct pacing p = begin(100, 2000);
	size_t rest = 100 * 2000 - PACING_TAIL, read = 0;

	(void)state;
	while (pacing_room(&p, ROOM) == ROOM) {
		read += ROOM;
		assert_false(pacing_took(&p, ROOM));
	}
	assert_int_equal(pacing_room(&p, ROOM), rest - read);
	assert_int_equal(pacing_room(&p, 10), 10);
	assert_false(pacing_took(&p, 0));
	assert_false(pacing_took(&p, rest - read - 1));
	assert_int_equal(pacing_room(&p, ROOM), 1);
	assert_true(pacing_took(&p, 1));
	assert_int_equal(pacing_room(&p, ROOM), ROOM);
	assert_false(pacing_took(&p, PACING_TAIL));
	assert_false(pacing_took(&p, 0));
}

/* A driver that gives more than it was asked for. */
static void
too_much_is_no_underflow(void **state)
{
	struct pacing p = begin(10, PACING_TAIL);

	(void)state;
	assert_true(pacing_took(&p, (size_t)ROOM * 10));
	assert_int_equal(pacing_room(&p, ROOM), ROOM);
	assert_false(pacing_took(&p, 1));
}

static void
other_frames_do_not_rest(void **state)
{
	static const SANE_Int sizes[][2] = { { -1, 2000 }, { 0, 2000 }, { 2000, 0 },
		{ 2000, -1 }, { 1, PACING_TAIL }, { 1, PACING_TAIL - 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct pacing p = begin(sizes[i][0], sizes[i][1]);

		assert_int_equal(p.ahead, 0);
		assert_int_equal(pacing_room(&p, ROOM), ROOM);
		assert_false(pacing_took(&p, 1));
	}
}

static void
a_large_frame_is_no_overflow(void **state)
{
	struct pacing p = begin(INT32_MAX, INT32_MAX);

	(void)state;
	assert_int_equal(p.ahead, (size_t)INT32_MAX * INT32_MAX - PACING_TAIL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_rests_once_before_its_tail),
		cmocka_unit_test(too_much_is_no_underflow),
		cmocka_unit_test(other_frames_do_not_rest),
		cmocka_unit_test(a_large_frame_is_no_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
