/* Tests of lib/doc/confine.c: children that are stopped, as their job is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/doc/confine.h"

enum {
	LAST_ALARM = 20,          /* seconds, after which a test that hangs is ended */
	SOON = 100 * 1000 * 1000, /* ns */
	DESCRIPTORS = 256,
};

#define STOPPED "the job was stopped while a document was looked at"

static const struct confinement plenty = {
	.memory = 256 * 1024 * 1024,
	.seconds = 10,
	.patience = 30,
	.output = 1024,
	.input = -1,
	.result = -1,
	.stop = -1,
};

static int
open_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < DESCRIPTORS; fd++)
		count += fcntl(fd, F_GETFD) != -1;
	return count;
}

/* A descriptor that turns readable in ns, or never for 0. */
static int
make_stop(int ns)
{
	const struct itimerspec t = { .it_value = { .tv_nsec = ns } };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(timerfd_settime(fd, 0, &t, NULL), 0);
	return fd;
}

static int
set_alarm(void **state)
{
	(void)state;
	alarm(LAST_ALARM);
	return 0;
}

static int
end_alarm(void **state)
{
	(void)state;
	alarm(0);
	return 0;
}

static void
answer(void *context, void *report)
{
	(void)context;
	*(int *)report = 42;
}

static void
sleep_for_ever(void *context, void *report)
{
	sigset_t all;

	(void)context;
	(void)report;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (;;)
		pause();
}

/* Whatever signals the child blocks, and at once where it is told already; nothing is
 * left of it. */
static void
functions_are_stopped(void **state)
{
	int descriptors = open_descriptors(), report = 7;
	const struct confined what = { sleep_for_ever, NULL, &report, sizeof(report) };
	struct confinement c = plenty;

	(void)state;
	c.stop = make_stop(SOON);
	for (int i = 0; i < 2; i++) {
		struct error e = { "" };

		assert_int_equal(confine_call(&c, &what, &e), STATUS_CANCELLED);
		assert_string_equal(e.text, STOPPED);
		assert_int_equal(report, 7);
		assert_int_equal(waitpid(-1, NULL, 0), -1);
	}
	close(c.stop);
	assert_int_equal(open_descriptors(), descriptors);
}

static void
programs_are_stopped(void **state)
{
	static const char *const arguments[] = { "sleep", "1000", NULL };
	struct confinement c = plenty;
	struct error e = { "" };

	(void)state;
	c.stop = make_stop(SOON);
	assert_int_equal(
	    confine_program(&c, "/usr/bin/sleep", arguments, &e), STATUS_CANCELLED);
	assert_string_equal(e.text, STOPPED);
	assert_int_equal(waitpid(-1, NULL, 0), -1);
	close(c.stop);
}

/* A stop that nobody asks for changes nothing. */
static void
others_go_on(void **state)
{
	int report = 7;
	const struct confined quick = { answer, NULL, &report, sizeof(report) },
			      slow = { sleep_for_ever, NULL, &report, sizeof(report) };
	struct confinement c = plenty;

	(void)state;
	c.stop = make_stop(0);
	assert_int_equal(confine_call(&c, &quick, NULL), STATUS_OK);
	assert_int_equal(report, 42);
	c.patience = 1;
	assert_int_equal(confine_call(&c, &slow, NULL), STATUS_RETRY);
	close(c.stop);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_alarm, end_alarm)
	const struct CMUnitTest tests[] = {
		T(functions_are_stopped),
		T(programs_are_stopped),
		T(others_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
