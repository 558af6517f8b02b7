/* Tests of lib/base/environment.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/environment.h"

static void
nothing_of_a_stranger_stays(void **state)
{
	size_t count = 0;

	(void)state;
	setenv("https_proxy", "http://stranger.example/", 1);
	setenv("SSLKEYLOGFILE", "/tmp/keys", 1);
	setenv("PATH", "/home/stranger/bin", 1);
	setenv("LC_ALL", "tr_TR.UTF-8", 1);
	environment_reset();
	for (char **variable = environ; *variable; variable++)
		count++;
	assert_int_equal(count, 2);
	assert_string_equal(getenv("PATH"), "/usr/bin:/bin");
	assert_string_equal(getenv("LC_ALL"), "C.UTF-8");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_of_a_stranger_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
