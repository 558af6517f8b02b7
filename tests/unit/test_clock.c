/* Tests of lib/base/clock.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "lib/base/clock.h"

/* Between two looks at the kernel's own clock: the unit, and which of its clocks. */
static void
is_the_monotonic_clock(void **state)
{
	struct timespec before, after;
	int64_t ms, seconds;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &before);
	ms = clock_ms();
	seconds = clock_seconds();
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true(ms >= before.tv_sec * 1000 + before.tv_nsec / 1000000);
	assert_true(ms <= after.tv_sec * 1000 + after.tv_nsec / 1000000);
	assert_true(seconds >= before.tv_sec && seconds <= after.tv_sec);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_the_monotonic_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
