/* Tests of scan2mail/child.c: several at one time, questions, what a child has. */
#include "tests/unit/child_rig.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* -- several ------------------------------------------------------------------------ */

/* All are told first: they end at the same time, not one after the other. */
static void
several_end_together(void **state)
{
	enum { SEVERAL = 5 };
	struct child *c[SEVERAL] = { NULL };
	struct shared *s = *state;
	struct wire_record r;
	struct error e;
	char bytes[SEVERAL + 1];
	long from;

	for (int i = 0; i < SEVERAL; i++) {
		assert_int_equal(
		    begin(&c[i], i ? hang : listen_to_term, s, &e), STATUS_OK);
		assert_int_equal(child_next(c[i], &r, i ? SHORT_MS : LONG_MS, &e),
		    i ? STATUS_INVALID : STATUS_OK);
	}
	for (int i = 0; i < SEVERAL; i++)
		child_term(c[i]);
	assert_int_equal(read(s->alive[0], bytes, sizeof(bytes)), 1);
	from = now_ms();
	for (int i = 0; i < SEVERAL; i++)
		child_end(c[i], 0);
	/* that of one, and not of each of those that hang */
	assert_in_range(now_ms() - from, 0, (SEVERAL - 1) * CHILD_TERM_MS - 1);
	assert_all_gone(s);
}

static void
send_three(struct uplink *up, const void *context)
{
	static const char *const texts[] = { "one", NULL, "three" };
	static char big[WIRE_PAYLOAD_MAX];
	const char *const too_big[] = { big };

	(void)context;
	memset(big, 'x', sizeof(big) - 1);
	if (!child_send_texts(up, WIRE_DEVICE, texts, 3) ||
	    !child_send_texts(up, WIRE_ABLE, too_big, 1))
		return;
	big[0] = 'y';
	if (!child_send_texts(up, WIRE_ABLE, (const char *const[]){ big, "" }, 2))
		child_send(up, WIRE_DONE, NULL, 0);
	child_ask(up);
}

/* Records that came together are there without an event for each. */
static void
what_is_ready_is_known(void **state)
{
	struct shared *s = *state;
	const char *texts[3];
	struct child *c = NULL;
	struct wire_record r;
	struct error e;
	size_t count = 0;

	assert_int_equal(begin(&c, send_three, s, &e), STATUS_OK);
	assert_int_equal(child_next(c, &r, LONG_MS, &e), STATUS_OK);
	assert_true(wire_get_texts(texts, 3, &r));
	assert_string_equal(texts[0], "one");
	assert_string_equal(texts[1], "");
	assert_string_equal(texts[2], "three");
	for (struct pollfd fd = { child_fd(c), POLLIN, 0 }; r.kind != WIRE_DONE;
	     count++) {
		if (!child_ready(c))
			assert_int_equal(poll(&fd, 1, LONG_MS), 1);
		assert_true(child_ready(c));
		assert_int_equal(child_next(c, &r, LONG_MS, &e), STATUS_OK);
		assert_int_equal(r.kind, count ? WIRE_DONE : WIRE_ABLE);
	}
	assert_int_equal(count, 2);
	assert_false(child_ready(c));
	child_end(c, LONG_MS);
	assert_all_gone(s);
}

/* -- those that cannot be ended ----------------------------------------------------- */

/* Is traced by a process that does not look after it: killed, it stays until that one
 * ends, whose number it says, or 0. */
static void
be_held(struct uplink *up, const void *context)
{
	pid_t held = getpid(), tracer;

	(void)context;
	prctl(PR_SET_DUMPABLE, 1);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	tracer = fork();
	if (tracer == 0) {
		setsid();
		tracer = ptrace(PTRACE_SEIZE, held, NULL, NULL) == 0 ? getpid() : 0;
		if (write(STDERR_FILENO, &tracer, sizeof(tracer)) != sizeof(tracer) ||
		    !tracer)
			_exit(1);
	}
	if (tracer)
		child_send(up, WIRE_READY, NULL, 0);
	stay();
}

static void
one_that_stays_is_given_up(void **state)
{
	struct shared *s = *state;
	struct child *c = NULL;
	pid_t tracer = 0, left;
	siginfo_t info;
	struct error e;
	long from;

	assert_int_equal(begin(&c, be_held, s, &e), STATUS_OK);
	assert_int_equal(read(s->alive[0], &tracer, sizeof(tracer)), sizeof(tracer));
	alarm(LONG_MS / 1000);
	from = now_ms();
	left = child_end(c, 0);
	alarm(0);
	if (!tracer) {
		print_message("# needs ptrace(2), which is forbidden here\n");
		skip();
	}
	assert_in_range(
	    now_ms() - from, CHILD_KILL_MS, CHILD_TERM_MS + 2 * CHILD_KILL_MS);
	assert_true(left > 0);
	assert_false(child_is_gone(left));
	kill(tracer, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)left, &info, WEXITED | WNOWAIT), 0);
	assert_true(child_is_gone(left));
	assert_all_gone(s);
}

/* -- questions ---------------------------------------------------------------------- */

enum { ROUNDS = 3 };

/* Blocks as many as there are and more, then a question, which the credits do not answer;
 * what they say is not lost by it. */
static void
ask_often(struct uplink *up, const void *context)
{
	(void)context;
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < CHILD_BLOCKS + 3; i++) {
			unsigned char *block = child_block(up);

			if (!block)
				return;
			block[0] = (unsigned char)i;
			child_send_block(up, 1);
		}
		if (!child_send(up, WIRE_ASK, NULL, 0) || !child_ask(up))
			return;
		child_send(up, WIRE_READY, NULL, 0);
	}
	child_send(up, WIRE_DONE, NULL, 0);
}

static void
take_round(struct child *c)
{
	struct wire_record r;
	struct error e;

	for (int i = 0; i < CHILD_BLOCKS + 3; i++) {
		assert_int_equal(child_next(c, &r, LONG_MS, &e), STATUS_OK);
		assert_int_equal(r.kind, WIRE_ROWS);
		assert_int_equal(r.payload[0], i);
	}
	assert_int_equal(child_next(c, &r, LONG_MS, &e), STATUS_OK);
	assert_int_equal(r.kind, WIRE_ASK);
}

static void
a_question_waits_for_its_answer(void **state)
{
	struct child *c = NULL;
	struct wire_record r;
	struct error e;

	assert_int_equal(begin(&c, ask_often, *state, &e), STATUS_OK);
	for (int round = 0; round < ROUNDS; round++) {
		take_round(c);
		assert_int_equal(child_next(c, &r, SHORT_MS, &e), STATUS_INVALID);
		assert_non_null(strstr(e.text, "not answered"));
		assert_true(child_go(c));
		assert_int_equal(child_next(c, &r, LONG_MS, &e), STATUS_OK);
		assert_int_equal(r.kind, WIRE_READY);
	}
	assert_int_equal(child_next(c, &r, LONG_MS, &e), STATUS_OK);
	assert_int_equal(r.kind, WIRE_DONE);
	assert_int_equal(child_next(c, &r, LONG_MS, &e), STATUS_INVALID);
	assert_false(child_go(c));
	child_end(c, LONG_MS);
	/* One that is asked and gets no answer: the end is one. */
	assert_int_equal(begin(&c, ask_often, *state, &e), STATUS_OK);
	take_round(c);
	child_end(c, LONG_MS);
	assert_all_gone(*state);
}

/* -- what a child has --------------------------------------------------------------- */

/* Sends what is found wrong. */
static void
look_around(struct uplink *up, const void *context)
{
	const char *wrong = "";
	struct rlimit core;
	struct stat in, null, out, err;
	sigset_t blocked;
	int open_fds = 0;

	(void)context;
	for (int fd = 3; fd < 256; fd++)
		open_fds += fcntl(fd, F_GETFD) >= 0;
	if (open_fds != 2)
		wrong = "descriptors";
	if (fstat(0, &in) != 0 || stat("/dev/null", &null) != 0 ||
	    in.st_rdev != null.st_rdev)
		wrong = "standard input";
	if (fstat(1, &out) != 0 || fstat(2, &err) != 0 || out.st_ino != err.st_ino ||
	    out.st_dev != err.st_dev)
		wrong = "standard output";
	if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0 ||
	    prctl(PR_GET_DUMPABLE) != 0)
		wrong = "core";
	if (sigprocmask(SIG_SETMASK, NULL, &blocked) != 0 ||
	    sigismember(&blocked, SIGUSR1))
		wrong = "blocked signals";
	if (signal(SIGUSR2, SIG_DFL) != SIG_DFL || signal(SIGCHLD, SIG_DFL) != SIG_DFL)
		wrong = "handlers";
	if (signal(SIGPIPE, SIG_IGN) != SIG_IGN)
		wrong = "SIGPIPE";
	if (getpgrp() != getpid())
		wrong = "process group";
	child_send_texts(up, WIRE_ABLE, &wrong, 1);
	child_ask(up); /* it stays until the parent knows it */
}

static void
a_child_has_little(void **state)
{
	int extra = open("/dev/null", O_RDONLY), saved = dup(STDIN_FILENO);
	struct shared *s = *state;
	struct child *c = NULL;
	const char *wrong;
	struct wire_record r;
	struct error e;
	sigset_t some, before, after;

	sigemptyset(&some);
	sigaddset(&some, SIGUSR1);
	sigprocmask(SIG_BLOCK, &some, &before);
	signal(SIGUSR2, on_term);
	signal(SIGCHLD, SIG_IGN);
	assert_true(extra > STDERR_FILENO);
	dup2(s->alive[0], STDIN_FILENO);
	assert_int_equal(begin(&c, look_around, s, &e), STATUS_OK);
	dup2(saved, STDIN_FILENO);
	close(saved);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, &after);
	assert_true(sigismember(&after, SIGUSR1));
	assert_false(sigismember(&after, SIGUSR2));
	close(extra);
	assert_int_equal(child_next(c, &r, LONG_MS, &e), STATUS_OK);
	assert_true(wire_get_texts(&wrong, 1, &r));
	assert_string_equal(wrong, "");
	child_end(c, LONG_MS);
	assert_all_gone(*state);
}

static void
ignore_all(struct uplink *up, const void *context)
{
	(void)context;
	signal(SIGTERM, SIG_IGN);
	child_send(up, WIRE_READY, NULL, 0);
	stay();
}

/* A parent that is killed takes its child along. */
static void
a_child_dies_with_its_parent(void **state)
{
	struct shared *s = *state;
	struct wire_record r;
	struct child *c = NULL;
	pid_t parent = fork();
	int status;

	if (parent == 0) {
		close(s->alive[0]);
		if (begin(&c, ignore_all, s, NULL) == STATUS_OK &&
		    child_next(c, &r, LONG_MS, NULL) == STATUS_OK)
			kill(getpid(), SIGKILL);
		_exit(1);
	}
	assert_int_equal(waitpid(parent, &status, 0), parent);
	assert_true(WIFSIGNALED(status));
	assert_all_gone(s);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(several_end_together),
		T(what_is_ready_is_known),
		T(one_that_stays_is_given_up),
		T(a_question_waits_for_its_answer),
		T(a_child_has_little),
		T(a_child_dies_with_its_parent),
	};

	signal(SIGPIPE, SIG_IGN); /* as interrupt_catch() has it */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
