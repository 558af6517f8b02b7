/* Tests of the pure part of admin/devicecode.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "admin/devicecode.h"

static int64_t interval;

static bool
after(enum oauth_verdict verdict, int64_t retry_after)
{
	return devicecode_again(&interval, verdict, retry_after);
}

static void
pending_goes_on_as_before(void **state)
{
	(void)state;
	interval = 5;
	assert_true(after(OAUTH_PENDING, -1));
	assert_int_equal(interval, 5);
}

static void
slow_down_adds_five_seconds_for_good(void **state)
{
	(void)state;
	interval = 5;
	assert_true(after(OAUTH_SLOW_DOWN, -1));
	assert_true(after(OAUTH_PENDING, -1));
	assert_int_equal(interval, 10);
	assert_true(after(OAUTH_SLOW_DOWN, -1));
	assert_int_equal(interval, 15);
}

static void
trouble_doubles_it_up_to_a_minute(void **state)
{
	(void)state;
	interval = 5;
	for (int64_t wanted = 10; wanted <= 40; wanted *= 2) {
		assert_true(after(OAUTH_WAIT, -1));
		assert_int_equal(interval, wanted);
	}
	assert_true(after(OAUTH_WAIT, -1));
	assert_int_equal(interval, 60);
	assert_true(after(OAUTH_WAIT, -1));
	assert_int_equal(interval, 60);
	interval = 300; /* the server's own wish is kept */
	assert_true(after(OAUTH_WAIT, -1));
	assert_int_equal(interval, 300);
}

static void
a_retry_after_is_waited_out(void **state)
{
	(void)state;
	interval = 5;
	assert_true(after(OAUTH_WAIT, 30));
	assert_int_equal(interval, 30);
	interval = 5;
	assert_true(after(OAUTH_WAIT, 3));
	assert_int_equal(interval, 10);
}

static void
an_answer_ends_it(void **state)
{
	static const enum oauth_verdict ends[] = { OAUTH_GRANTED, OAUTH_DECLINED,
		OAUTH_EXPIRED, OAUTH_LOCKED, OAUTH_SIGN_IN, OAUTH_SETTINGS };

	(void)state;
	interval = 5;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		assert_false(after(ends[i], -1));
	assert_int_equal(interval, 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pending_goes_on_as_before),
		cmocka_unit_test(slow_down_adds_five_seconds_for_good),
		cmocka_unit_test(trouble_doubles_it_up_to_a_minute),
		cmocka_unit_test(a_retry_after_is_waited_out),
		cmocka_unit_test(an_answer_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
