/* Tests of admin/errand.c: with real children, and as root without its rights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/errand.h"

struct result {
	char text[100];
	uid_t uid;
	bool terminal, others, dumpable;
};

static struct config config = { .user = (char[]){ "nobody" } };
static struct result result;
static struct error e;

static enum status
go(enum status (*run)(const struct errand_side *, void *, void *, struct error *),
    void *context)
{
	struct errand errand = { .config = &config,
		.run = run,
		.context = context,
		.result = &result,
		.size = sizeof(result),
		.give = -1 };

	memset(&result, 'x', sizeof(result));
	memset(&e, 0, sizeof(e));
	return errand_run(&errand, &e);
}

/* -- what children do -------------------------------------------------------------- */

static enum status
look_around(const struct errand_side *side, void *context, void *out, struct error *why)
{
	struct result *r = out;

	(void)why;
	snprintf(r->text, sizeof(r->text), "%s", (const char *)context);
	r->uid = geteuid();
	r->terminal =
	    open("/dev/tty", O_RDWR) >= 0 || isatty(0) || isatty(1) || isatty(2);
	for (int fd = side->home + 1; fd < 100; fd++)
		r->others |= fd != side->given && fcntl(fd, F_GETFD) >= 0;
	r->dumpable = prctl(PR_GET_DUMPABLE) != 0;
	return STATUS_OK;
}

static enum status
refuse(const struct errand_side *side, void *context, void *out, struct error *why)
{
	struct result *r = out;

	(void)side;
	(void)context;
	snprintf(r->text, sizeof(r->text), "in spite of it");
	return error_set(why, STATUS_REFUSED, "no, as it is");
}

static enum status
die(const struct errand_side *side, void *context, void *out, struct error *why)
{
	(void)side;
	(void)out;
	(void)why;
	raise(*(const int *)context);
	return STATUS_OK;
}

static enum status
leave(const struct errand_side *side, void *context, void *out, struct error *why)
{
	(void)side;
	(void)context;
	(void)out;
	(void)why;
	_exit(0);
}

/* Sends something else home, and lives on. */
static enum status
lie(const struct errand_side *side, void *context, void *out, struct error *why)
{
	static char bytes[2 * sizeof(uint32_t) + ERROR_TEXT_MAX + sizeof(struct result)];

	(void)out;
	(void)why;
	memset(bytes, *(const int *)context, sizeof(bytes));
	send(side->home, bytes, *(const int *)context ? sizeof(bytes) : 3, 0);
	pause();
	return STATUS_OK;
}

static enum status
close_home(const struct errand_side *side, void *context, void *out, struct error *why)
{
	(void)context;
	(void)out;
	(void)why;
	close(side->home);
	pause();
	return STATUS_OK;
}

static enum status
repeat(const struct errand_side *side, void *context, void *out, struct error *why)
{
	struct result *r = out;
	char bytes[ERRAND_TYPED_MAX];
	ssize_t n;

	(void)context;
	(void)why;
	while ((n = read(side->home, bytes, sizeof(bytes))) > 0)
		snprintf(r->text + strlen(r->text), sizeof(r->text) - strlen(r->text),
		    "%.*s", (int)n, bytes);
	errand_say(side, "that\x1b[31m was\nall");
	return STATUS_OK;
}

static enum status
interrupt(const struct errand_side *side, void *context, void *out, struct error *why)
{
	(void)side;
	(void)out;
	(void)why;
	if (geteuid() == 0 || kill(*(const pid_t *)context, SIGINT) != 0)
		errand_say(side, "SIGINT cannot be sent");
	pause();
	return STATUS_OK;
}

static enum status
read_given(const struct errand_side *side, void *context, void *out, struct error *why)
{
	struct result *r = out;

	(void)context;
	(void)why;
	return read(side->given, r->text, 3) == 3 ? STATUS_OK : STATUS_RETRY;
}

/* -- tests --------------------------------------------------------------------------- */

static void
the_child_has_nothing_of_root(void **state)
{
	char word[] = "word";

	(void)state;
	assert_int_equal(go(look_around, word), STATUS_OK);
	assert_string_equal(result.text, "word");
	assert_true(geteuid() != 0 ? result.uid == geteuid() : result.uid != 0);
	assert_false(result.terminal);
	assert_false(result.others);
	assert_false(result.dumpable);
	assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
}

static void
status_sentence_and_result_come_home(void **state)
{
	(void)state;
	assert_int_equal(go(refuse, NULL), STATUS_REFUSED);
	assert_string_equal(e.text, "no, as it is");
	assert_string_equal(result.text, "in spite of it");
}

/* Whatever the child does, root gets zeros, and goes on. */
static void
a_child_that_goes_wrong_brings_nothing(void **state)
{
	static const struct result none;
	int signals[] = { SIGUSR1, SIGKILL }, zero = 0, high = 0xff, one = 1;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(go(die, &signals[i]), STATUS_RETRY);
		assert_non_null(strstr(e.text, i ? "signal 9" : "signal 10"));
		assert_memory_equal(&result, &none, sizeof(none));
	}
	assert_int_equal(go(leave, NULL), STATUS_RETRY);
	assert_non_null(strstr(e.text, "exit 0"));
	assert_int_equal(go(lie, &zero), STATUS_RETRY);
	assert_memory_equal(&result, &none, sizeof(none));
	assert_int_equal(go(lie, &high), STATUS_RETRY);
	assert_int_equal(go(lie, &one), STATUS_RETRY);
	assert_memory_equal(&result, &none, sizeof(none));
	assert_int_equal(go(close_home, NULL), STATUS_RETRY);
	assert_memory_equal(&result, &none, sizeof(none));
}

static void
what_is_typed_goes_to_the_child(void **state)
{
	struct errand errand = { .config = &config,
		.run = repeat,
		.result = &result,
		.size = sizeof(result),
		.give = -1,
		.typing = true };
	int typed[2], said[2], out = dup(STDERR_FILENO), in = dup(STDIN_FILENO);
	char line[100] = "";

	(void)state;
	assert_int_equal(pipe(typed), 0);
	assert_int_equal(pipe(said), 0);
	assert_int_equal(write(typed[1], "one\ntwo", 7), 7);
	close(typed[1]);
	dup2(typed[0], STDIN_FILENO);
	dup2(said[1], STDERR_FILENO);
	assert_int_equal(errand_run(&errand, &e), STATUS_OK);
	dup2(in, STDIN_FILENO);
	dup2(out, STDERR_FILENO);
	assert_true(read(said[0], line, sizeof(line) - 1) > 0);
	assert_string_equal(result.text, "one\ntwo");
	assert_string_equal(line, "postroom: that [31m was all\n");
	close(typed[0]);
	close(said[0]);
	close(said[1]);
	close(in);
	close(out);
}

static void
a_signal_ends_it(void **state)
{
	pid_t self = getpid();
	sigset_t before, after;

	(void)state;
	if (geteuid() == 0) {
		/* the child may not signal root: the signal waits already */
		sigset_t set;

		sigemptyset(&set);
		sigaddset(&set, SIGINT);
		sigprocmask(SIG_BLOCK, &set, &before);
		raise(SIGINT);
		assert_int_equal(go(interrupt, &self), STATUS_CANCELLED);
		sigprocmask(SIG_SETMASK, &before, NULL);
	} else {
		assert_int_equal(go(interrupt, &self), STATUS_CANCELLED);
	}
	sigprocmask(SIG_BLOCK, NULL, &after);
	assert_false(sigismember(&after, SIGINT));
}

/* What it was answered may be worth keeping: with a grace it ends by itself. */
static void
a_signal_leaves_it_time(void **state)
{
	bool stopped = false;
	struct errand errand = { .config = &config,
		.run = read_given,
		.result = &result,
		.size = sizeof(result),
		.grace = 60,
		.stopped = &stopped };
	sigset_t set, before;
	int ends[2];

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &before);
	raise(SIGTERM);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "abc", 3), 3);
	errand.give = ends[0];
	assert_int_equal(errand_run(&errand, &e), STATUS_OK);
	assert_string_equal(result.text, "abc");
	assert_true(stopped);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(ends[0]);
	close(ends[1]);
}

static void
a_descriptor_is_given_along(void **state)
{
	struct errand errand = { .config = &config,
		.run = read_given,
		.result = &result,
		.size = sizeof(result) };
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "abc", 3), 3);
	errand.give = ends[0];
	assert_int_equal(errand_run(&errand, &e), STATUS_OK);
	assert_string_equal(result.text, "abc");
	close(ends[0]);
	close(ends[1]);
}

static void
without_the_account_nothing_is_done(void **state)
{
	char word[] = "word";

	(void)state;
	if (geteuid() != 0) {
		print_message("# needs root\n");
		skip();
	}
	config.user = (char[]){ "no-such-user" };
	assert_int_equal(go(look_around, word), STATUS_SETTINGS);
	assert_string_equal(result.text, "");
	config.user = (char[]){ "root" };
	assert_int_equal(go(look_around, word), STATUS_SETTINGS);
	assert_string_equal(result.text, "");
	config.user = (char[]){ "nobody" };
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_child_has_nothing_of_root),
		cmocka_unit_test(status_sentence_and_result_come_home),
		cmocka_unit_test(a_child_that_goes_wrong_brings_nothing),
		cmocka_unit_test(what_is_typed_goes_to_the_child),
		cmocka_unit_test(a_signal_ends_it),
		cmocka_unit_test(a_signal_leaves_it_time),
		cmocka_unit_test(a_descriptor_is_given_along),
		cmocka_unit_test(without_the_account_nothing_is_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
