/* Tests of backend/exit.c: the numbers of backend(7), written out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "backend/exit.h"

static void
each_status_has_its_code(void **state)
{
	(void)state;
	assert_int_equal(exit_code(STATUS_OK), 0);
	assert_int_equal(exit_code(STATUS_INVALID), 3);
	assert_int_equal(exit_code(STATUS_HOLD), 3);
	assert_int_equal(exit_code(STATUS_SETTINGS), 4);
	assert_int_equal(exit_code(STATUS_REFUSED), 5);
	assert_int_equal(exit_code(STATUS_RETRY), 7);
	assert_int_equal(exit_code(STATUS_CANCELLED), 7);
}

/* 0 is for a mail that was sent; 1 would abort the job, 2 ask its owner for a password.
 */
static void
no_failure_looks_like_success(void **state)
{
	(void)state;
	for (int status = STATUS_OK + 1; status <= STATUS_CANCELLED; status++) {
		int code = exit_code((enum status)status);

		assert_in_range(code, 3, 7);
		assert_int_not_equal(code, 6); /* would give up after some tries */
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_status_has_its_code),
		cmocka_unit_test(no_failure_looks_like_success),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
