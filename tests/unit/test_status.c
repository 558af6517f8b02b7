/* Tests of lib/base/status.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/status.h"

static void
set_gives_status_and_sentence(void **state)
{
	struct error e = { "old" };

	(void)state;
	assert_int_equal(
	    error_set(&e, STATUS_HOLD, "job %d: %s", 7, "no recipient"), STATUS_HOLD);
	assert_string_equal(e.text, "job 7: no recipient");
}

static void
set_takes_no_error_struct(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, STATUS_REFUSED, "%s", "x"), STATUS_REFUSED);
	errno = EIO;
	assert_int_equal(error_errno(NULL, "x"), STATUS_RETRY);
}

static void
set_wraps_its_own_text(void **state)
{
	struct error e = { "inner" };

	(void)state;
	error_set(&e, STATUS_INVALID, "outer: %s, %s", e.text, e.text);
	assert_string_equal(e.text, "outer: inner, inner");
}

static void
set_cuts_long_texts(void **state)
{
	char text[2 * ERROR_TEXT_MAX];
	struct error e;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	error_set(&e, STATUS_INVALID, "%s", text);
	assert_int_equal(strlen(e.text), ERROR_TEXT_MAX - 1);
	text[ERROR_TEXT_MAX - 1] = '\0';
	error_set(&e, STATUS_INVALID, "%s", text);
	assert_string_equal(e.text, text);
}

static void
errno_is_appended(void **state)
{
	struct error e;

	(void)state;
	errno = ENOSPC;
	assert_int_equal(error_errno(&e, "%s cannot be written", "/x"), STATUS_RETRY);
	assert_string_equal(e.text, "/x cannot be written: No space left on device");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_gives_status_and_sentence),
		cmocka_unit_test(set_takes_no_error_struct),
		cmocka_unit_test(set_wraps_its_own_text),
		cmocka_unit_test(set_cuts_long_texts),
		cmocka_unit_test(errno_is_appended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
