/* Tests of scan2mail/run.c. What goes to the log is caught in a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/log.h"
#include "scan2mail/run.h"

enum {
	LONG_MS = 20 * 1000, /* never reached */
	SAID_MAX = 256 * 1024,
	PIPE_FULL = 60 * 1024, /* bytes; a pipe holds 64 KB */
	GONE_MS = 5 * 1000,    /* less than a sleep of those that are to be ended */
};

static char said[SAID_MAX]; /* what the last run had logged */

/* Follows a run to its end. before, where it is not NULL, is called first. */
static int
follow(const char *const *argv, void (*before)(struct run *r))
{
	struct run *r = NULL;
	struct error e;
	int saved = dup(STDERR_FILENO), code;
	FILE *log = tmpfile();
	size_t len;

	assert_non_null(log);
	dup2(fileno(log), STDERR_FILENO);
	if (run_start(&r, &(struct run_command){ argv, "profile", 0 }, &e) != STATUS_OK)
		fail_msg("%s", e.text);
	if (before)
		before(r);
	for (;;) {
		struct pollfd fds[] = { { .fd = run_output(r), .events = POLLIN },
			{ .fd = run_end(r), .events = POLLIN } };

		assert_true(poll(fds, 2, LONG_MS) > 0);
		run_read(r);
		if (fds[1].revents)
			break;
	}
	code = run_finish(r);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(log);
	len = fread(said, 1, sizeof(said) - 1, log);
	said[len] = '\0';
	fclose(log);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	return code;
}

static int
shell(const char *script)
{
	const char *argv[] = { "/bin/sh", "-c", script, NULL };

	return follow(argv, NULL);
}

static int
set_up(void **state)
{
	(void)state;
	log_open(LOG_PLAIN, "d", LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

static void
a_good_run_is_logged_as_it_speaks(void **state)
{
	(void)state;
	assert_int_equal(shell("echo one; echo two >&2"), 0);
	assert_string_equal(said, "d: profile: one\nd: profile: two\n");
	assert_int_equal(shell("exit 0"), 0);
	assert_string_equal(said, "");
}

static void
a_failure_is_one_line_with_its_reason(void **state)
{
	(void)state;
	assert_int_equal(shell("echo scan2mail: paper is jammed >&2; exit 1"), 1);
	assert_string_equal(said, "d: profile: paper is jammed (exit code 1)\n");
	assert_int_equal(shell("echo page 1; echo kept; exit 3"), 3);
	assert_string_equal(said, "d: profile: page 1\nd: profile: kept (exit code 3)\n");
	assert_int_equal(shell("exit 7"), 7);
	assert_string_equal(said, "d: profile: failed (exit code 7)\n");
	assert_int_equal(shell("kill -KILL $$"), 128 + SIGKILL);
	assert_string_equal(said, "d: profile: failed (exit code 137)\n");
}

static void
lines_are_made_harmless(void **state)
{
	size_t longest = LOG_LINE_MAX + 2;

	(void)state;
	assert_int_equal(shell("printf 'a\\0b\\033c\\n\\n\\nlast without an end'"), 0);
	assert_string_equal(said, "d: profile: ab c\nd: profile: last without an end\n");
	assert_int_equal(shell("head -c 5000 /dev/zero | tr '\\0' x; echo; "
			       "echo next; echo one more; echo and the last"),
	    0);
	assert_non_null(strstr(said,
	    "\nd: profile: next\nd: profile: one more\nd: profile: and the last\n"));
	assert_true((size_t)(strchr(said, '\n') - said) < longest);
}

/* Waits until its pipe is full, or it has ended. */
static void
let_it_fill(struct run *r)
{
	struct pollfd end = { .fd = run_end(r), .events = POLLIN };
	int held = 0;

	while (held < PIPE_FULL && poll(&end, 1, 1) == 0)
		assert_int_equal(ioctl(run_output(r), FIONREAD, &held), 0);
}

/* As much as no pipe holds: it waits until it is read, and loses nothing. */
static void
a_talker_is_heard_out(void **state)
{
	const char *argv[] = { "/bin/sh", "-c",
		"i=0; while [ $i -lt 5000 ]; do i=$((i+1)); echo 0123456789 $i; done",
		NULL };
	size_t lines = 0;

	(void)state;
	assert_int_equal(follow(argv, let_it_fill), 0);
	for (const char *c = said; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 5000);
	assert_non_null(strstr(said, "profile: 0123456789 5000\n"));
}

static void
the_environment_is_short(void **state)
{
	const char *argv[] = { "/usr/bin/env", NULL };
	char few[][48] = { "PATH=/usr/bin", "POSTROOM_CONFIG=/some/where",
		"CUPS_SERVER=/socket", "LD_PRELOAD=", "https_proxy=http://elsewhere",
		"NOTIFY_SOCKET=@x" };
	char *vector[] = { few[0], few[1], few[2], few[3], few[4], few[5], NULL };
	char **own = environ;
	int code;

	(void)state;
	environ = vector;
	code = follow(argv, NULL);
	environ = own;
	assert_int_equal(code, 0);
	assert_string_equal(said,
	    "d: profile: PATH=/usr/bin\nd: profile: POSTROOM_CONFIG=/some/where\n"
	    "d: profile: CUPS_SERVER=/socket\n");
}

static void
what_is_missing_is_said(void **state)
{
	const char *argv[] = { "/nonexistent/scan2mail", NULL };

	(void)state;
	assert_int_equal(follow(argv, NULL), 1);
	assert_string_equal(said, "d: profile: it cannot be started (exit code 1)\n");
}

static void
stop(struct run *r)
{
	struct pollfd fd = { .fd = run_output(r), .events = POLLIN };

	assert_int_equal(poll(&fd, 1, LONG_MS), 1); /* it has set its trap */
	run_stop(r);
}

static void
term_lets_it_end_by_itself(void **state)
{
	const char *argv[] = { "/bin/sh", "-c",
		"trap 'kill $!; echo cleaned; exit 5' TERM; sleep 60 & echo; wait",
		NULL };

	(void)state;
	assert_int_equal(follow(argv, stop), 5);
	assert_string_equal(said, "d: profile: cleaned (exit code 5)\n");
}

static int alive[2]; /* open for writing while anybody of the group lives */

static void
close_writer(struct run *r)
{
	(void)r;
	close(alive[1]);
}

static void
assert_all_gone(void)
{
	struct pollfd fd = { .fd = alive[0], .events = POLLIN };

	assert_int_equal(poll(&fd, 1, GONE_MS), 1);
	assert_true(fd.revents & POLLHUP);
}

/* Before run_finish(), which would do it, too. */
static void
end_all(struct run *r)
{
	struct pollfd fd = { .fd = run_output(r), .events = POLLIN };

	close_writer(r);
	assert_int_equal(poll(&fd, 1, LONG_MS), 1);
	run_kill(r);
	assert_all_gone();
}

/* Also what it started: a sleep of its own would hold the pipe open. */
static void
kill_ends_its_group(void **state)
{
	const char *argv[] = { "/bin/sh", "-c",
		"trap '' TERM; sleep 60 & echo; wait; exit 5", NULL };

	(void)state;
	assert_int_equal(pipe(alive), 0);
	assert_int_equal(follow(argv, end_all), 128 + SIGKILL);
	assert_string_equal(said, "d: profile: failed (exit code 137)\n");
	close(alive[0]);
}

/* In simulated time: it is asked to end when that is over, and its end is enforced. */
static void
outlive(struct run *r)
{
	struct pollfd fd = { .fd = run_output(r), .events = POLLIN };

	assert_int_equal(poll(&fd, 1, LONG_MS), 1); /* it has set its trap */
	assert_int_equal(run_due(r), RUN_MAX_MS);
	run_bound(r, RUN_MAX_MS - 1);
	run_read(r);
	run_bound(r, RUN_MAX_MS);
	assert_int_equal(poll(&fd, 1, LONG_MS), 1); /* it heard */
	assert_int_equal(run_due(r), RUN_MAX_MS + RUN_STOP_MS);
	run_bound(r, RUN_MAX_MS + RUN_STOP_MS - 1);
	run_read(r);
	run_bound(r, run_due(r));
	assert_int_equal(run_due(r), INT64_MAX);
}

static void
a_run_is_bounded(void **state)
{
	const char *argv[] = { "/bin/sh", "-c",
		"trap 'echo deaf' TERM; echo; while :; do sleep 60 & wait; done", NULL };

	(void)state;
	assert_int_equal(follow(argv, outlive), 128 + SIGKILL);
	assert_string_equal(said,
	    "d: profile: it has not ended for 240 minutes: it is stopped\n"
	    "d: profile: deaf (exit code 137)\n");
}

static void
what_it_leaves_behind_ends_with_it(void **state)
{
	(void)state;
	assert_int_equal(pipe(alive), 0);
	assert_int_equal(
	    follow((const char *const[]){ "/bin/sh", "-c", "sleep 60 & exit 0", NULL },
		close_writer),
	    0);
	assert_all_gone();
	close(alive[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_run_is_logged_as_it_speaks),
		cmocka_unit_test(a_failure_is_one_line_with_its_reason),
		cmocka_unit_test(lines_are_made_harmless),
		cmocka_unit_test(a_talker_is_heard_out),
		cmocka_unit_test(the_environment_is_short),
		cmocka_unit_test(what_is_missing_is_said),
		cmocka_unit_test(term_lets_it_end_by_itself),
		cmocka_unit_test(kill_ends_its_group),
		cmocka_unit_test(a_run_is_bounded),
		cmocka_unit_test(what_it_leaves_behind_ends_with_it),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
