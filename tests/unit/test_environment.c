/* Tests of lib/base/environment.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/environment.h"

static bool
is(const char *name, const char *value)
{
	const char *found = getenv(name);

	return found && strcmp(found, value) == 0;
}

/* In a process of its own: what runs the tests has its settings there. */
static int
reset_as_child(void)
{
	size_t count = 0;
	int state = -1;
	pid_t child = fork();

	if (child == 0) {
		environment_reset();
		for (char **variable = environ; *variable; variable++)
			count++;
		_exit(count == 2 && is("PATH", "/usr/bin:/bin") && is("LC_ALL", "C.UTF-8")
			? 0
			: 1);
	}
	return child > 0 && waitpid(child, &state, 0) == child ? state : -1;
}

static void
nothing_of_a_stranger_stays(void **state)
{
	(void)state;
	setenv("https_proxy", "http://stranger.example/", 1);
	setenv("SSLKEYLOGFILE", "/tmp/keys", 1);
	setenv("PATH", "/home/stranger/bin", 1);
	setenv("LC_ALL", "tr_TR.UTF-8", 1);
	assert_int_equal(reset_as_child(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_of_a_stranger_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
