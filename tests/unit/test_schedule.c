/* Tests of lib/send/schedule.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/send/schedule.h"

enum {
	FIRST = 15, /* seconds: the default */
	SECOND = 1000,
	MINUTE = 60 * SECOND,
};

static void
assert_wait(unsigned attempts, uint64_t first, int64_t middle)
{
	int64_t last = middle - middle / 5;

	assert_int_equal(schedule_wait(attempts, first, 0), middle - middle / 5);
	assert_int_equal(schedule_wait(attempts, first, UINT32_MAX), middle + middle / 5);
	for (uint32_t chance = 0; chance < UINT32_MAX - 1000003; chance += 1000003) {
		int64_t wait = schedule_wait(attempts, first, chance);

		assert_true(wait >= last && wait <= middle + middle / 5);
		last = wait;
	}
	assert_in_range(
	    schedule_wait(attempts, first, UINT32_MAX / 2), middle - 1, middle);
}

static void
default_waits_are_these(void **state)
{
	(void)state;
	assert_wait(1, FIRST, 15 * SECOND);
	assert_wait(2, FIRST, MINUTE);
	assert_wait(3, FIRST, 5 * MINUTE);
	assert_wait(4, FIRST, 15 * MINUTE);
	assert_wait(5, FIRST, 30 * MINUTE);
	assert_wait(6, FIRST, 60 * MINUTE);
	assert_wait(7, FIRST, 60 * MINUTE);
	assert_wait(UINT32_MAX, FIRST, 60 * MINUTE);
}

static void
other_first_waits_scale(void **state)
{
	(void)state;
	assert_wait(1, 1, SECOND);
	assert_wait(3, 1, 20 * SECOND);
	assert_wait(6, 1, 4 * MINUTE);
	assert_wait(99, 1, 4 * MINUTE);
	assert_wait(1, 30 * 60, 30 * MINUTE);
	assert_wait(2, 30 * 60, 60 * MINUTE);
}

static void
no_wait_is_endless_or_none(void **state)
{
	(void)state;
	assert_wait(1, SCHEDULE_MAX - 1, 60 * MINUTE - SECOND);
	assert_wait(1, SCHEDULE_MAX, 60 * MINUTE);
	assert_wait(1, UINT64_MAX, 60 * MINUTE);
	assert_wait(6, UINT64_MAX, 60 * MINUTE);
	assert_wait(1, 0, SECOND);
	assert_wait(0, FIRST, 15 * SECOND);
}

static void
spans_reach_both_ends(void **state)
{
	(void)state;
	assert_int_equal(schedule_between(60000, 120000, 0), 60000);
	assert_int_equal(schedule_between(60000, 120000, UINT32_MAX / 4), 74999);
	assert_int_equal(schedule_between(60000, 120000, UINT32_MAX), 120000);
	assert_int_equal(schedule_between(0, 1, UINT32_MAX), 1);
	assert_int_equal(schedule_between(-5, 5, 0), -5);
	assert_int_equal(schedule_between(7, 7, 12345), 7);
	assert_int_equal(schedule_between(7, 6, UINT32_MAX), 7);
	assert_true(schedule_between(INT64_MIN, INT64_MAX, 0) == INT64_MIN);
	assert_true(schedule_between(INT64_MIN, INT64_MAX, UINT32_MAX) == INT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(default_waits_are_these),
		cmocka_unit_test(other_first_waits_scale),
		cmocka_unit_test(no_wait_is_endless_or_none),
		cmocka_unit_test(spans_reach_both_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
