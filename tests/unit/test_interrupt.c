/* Tests of scan2mail/interrupt.c, each in processes of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "scan2mail/interrupt.h"

enum {
	GROUPS = 3,
	SPARED = 1,
	LIMIT =
	    60, /* seconds; when they are over, this program and all its processes end */
};

static char file[] = "/tmp/postroom-test-XXXXXX";

/* What is checked in another process: not by cmocka's means, which end the test. */
static void
check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "# %s\n", what);
	_exit(1);
}

/* A process that does not outlive this one. */
static pid_t
fork_bound(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	return pid;
}

static int
run(void (*body)(void))
{
	pid_t pid = fork_bound();
	int status;

	if (pid == 0) {
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void
poll_a_signal(void)
{
	struct pollfd fd = { .events = POLLIN };
	struct error e;

	check(interrupt_fd() == -1, "a descriptor before there is one");
	check(interrupt_catch(&e) == STATUS_OK, e.text);
	fd.fd = interrupt_fd();
	check(
	    interrupt_signal() == 0 && poll(&fd, 1, 0) == 0, "a signal before one came");
	raise(SIGTERM);
	raise(SIGINT);
	check(interrupt_signal() == SIGTERM, "not the first one");
	check(poll(&fd, 1, 0) == 1, "not to be polled");
	check(interrupt_error(&e) == STATUS_CANCELLED && strstr(e.text, "TERM"), "text");
	check(signal(SIGPIPE, SIG_DFL) == SIG_IGN, "SIGPIPE");
}

static void
a_signal_can_be_polled(void **state)
{
	(void)state;
	assert_int_equal(run(poll_a_signal), 0);
}

/* A process in a group of its own that heeds no signal but SIGKILL. */
static pid_t
deaf(void)
{
	sigset_t all;
	pid_t pid;

	sigfillset(&all);
	pid = fork_bound();
	if (pid == 0) {
		setpgid(0, 0);
		sigprocmask(SIG_SETMASK, &all, NULL);
		for (;;)
			pause();
	}
	setpgid(pid, pid);
	return pid;
}

static pid_t group[GROUPS];

static void
block(void)
{
	check(interrupt_catch(NULL) == STATUS_OK, "no handlers");
	for (int i = 0; i < GROUPS; i++)
		check(interrupt_kills(group[i]), "no place");
	interrupt_spares(group[SPARED]);
	interrupt_removes(file);
	raise(SIGHUP);
	for (;;)
		pause();
}

/* The program blocks: the timer kills all that are to be killed, and no other. */
static void
the_timer_ends_it(void **state)
{
	int fd = mkstemp(file);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	for (int i = 0; i < GROUPS; i++)
		group[i] = deaf();
	assert_int_equal(run(block), 128 + SIGHUP);
	assert_int_equal(access(file, F_OK), -1);
	for (int i = 0; i < GROUPS; i++)
		if (i != SPARED)
			assert_int_equal(waitpid(group[i], NULL, 0), group[i]);
	assert_int_equal(waitpid(group[SPARED], NULL, WNOHANG), 0);
	kill(group[SPARED], SIGKILL);
	assert_int_equal(waitpid(group[SPARED], NULL, 0), group[SPARED]);
}

static bool
alerted(void)
{
	struct pollfd fd = { .fd = interrupt_fd(), .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

/* While somebody is asked, SIGHUP is an answer; once it was, it ends nothing any more. */
static void
hang_up(void)
{
	check(interrupt_catch(NULL) == STATUS_OK, "no handlers");
	interrupt_ask();
	raise(SIGHUP);
	raise(SIGHUP);
	check(interrupt_hung_up() && alerted(), "it is not heard");
	check(interrupt_signal() == 0 && alarm(0) == 0, "it ends the program");
	interrupt_answered(false);
	check(!alerted(), "it is heard still");
	raise(SIGHUP);
	check(interrupt_signal() == 0 && !alerted(), "the second one ends the program");
	interrupt_ask();
	check(interrupt_hung_up(), "it is forgotten");
	interrupt_answered(false);
	raise(SIGINT);
	check(interrupt_signal() == SIGINT && alerted(), "another signal");
}

/* The same, and another signal before anybody looks. */
static void
hang_up_and_stop(void)
{
	check(interrupt_catch(NULL) == STATUS_OK, "no handlers");
	interrupt_ask();
	raise(SIGHUP);
	raise(SIGTERM);
	interrupt_answered(false);
	check(interrupt_signal() == SIGTERM && alerted(), "the other signal");
}

/* The input has ended before the signal comes. */
static void
lose_the_terminal(void)
{
	check(interrupt_catch(NULL) == STATUS_OK, "no handlers");
	interrupt_ask();
	interrupt_answered(true);
	raise(SIGHUP);
	check(interrupt_signal() == 0, "it ends the program");
	check(interrupt_fd() >= 0, "the descriptor");
}

static void
answer_and_hang_up(void)
{
	check(interrupt_catch(NULL) == STATUS_OK, "no handlers");
	interrupt_ask();
	interrupt_answered(false);
	check(!alerted() && !interrupt_hung_up(), "what never came");
	raise(SIGHUP);
	check(interrupt_signal() == SIGHUP && alerted(), "it is no signal");
}

static void
hanging_up_is_an_answer(void **state)
{
	(void)state;
	assert_int_equal(run(hang_up), 0);
	assert_int_equal(run(hang_up_and_stop), 0);
	assert_int_equal(run(lose_the_terminal), 0);
	assert_int_equal(run(answer_and_hang_up), 0);
}

/* SIGTERM waits, no other does; the timer runs. */
static void
defer(void)
{
	check(interrupt_catch(NULL) == STATUS_OK, "no handlers");
	interrupt_defer(true);
	raise(SIGTERM);
	check(interrupt_signal() == 0, "it is told of");
	check(alerted() && alarm(9) > 0, "nothing has come");
	interrupt_defer(false);
	check(interrupt_signal() == SIGTERM, "it is forgotten");
	interrupt_defer(true);
	check(interrupt_signal() == 0, "an old one is told of");
	interrupt_release();
	check(interrupt_catch(NULL) == STATUS_OK, "no handlers again");
	raise(SIGTERM);
	check(interrupt_signal() == SIGTERM, "a child defers it");
}

static void
defer_another(void)
{
	check(interrupt_catch(NULL) == STATUS_OK, "no handlers");
	interrupt_defer(true);
	raise(SIGINT);
	check(interrupt_signal() == SIGINT, "another one is deferred");
}

/* It blocks meanwhile: the exit code is the signal's. The timer is set to a second, after
 * a look at what it was. */
static void
defer_too_long(void)
{
	check(interrupt_catch(NULL) == STATUS_OK, "no handlers");
	interrupt_defer(true);
	raise(SIGTERM);
	check(alarm(1) > INTERRUPT_BOUND, "no timer");
	for (;;)
		pause();
}

static void
sigterm_can_be_deferred(void **state)
{
	(void)state;
	assert_int_equal(run(defer), 0);
	assert_int_equal(run(defer_another), 0);
	assert_int_equal(run(defer_too_long), 128 + SIGTERM);
}

/* Seconds of the timer that the signal has set. */
static unsigned
timer_after(int number)
{
	check(interrupt_catch(NULL) == STATUS_OK, "no handlers");
	raise(number);
	return alarm(0);
}

/* alarm(2) gives whole seconds, of which one may have begun. */
static void
set_timer_by_term(void)
{
	unsigned left = timer_after(SIGTERM);

	check(left == INTERRUPT_TERM_BOUND || left == INTERRUPT_TERM_BOUND - 1, "timer");
}

static void
set_timer_by_int(void)
{
	check(timer_after(SIGINT) == INTERRUPT_BOUND, "timer");
}

static void
set_timer_by_hup(void)
{
	check(timer_after(SIGHUP) == INTERRUPT_BOUND, "timer");
}

/* Somebody waits: Ctrl-C after it is a Ctrl-C. */
static void
hurry(void)
{
	check(interrupt_catch(NULL) == STATUS_OK, "no handlers");
	raise(SIGTERM);
	raise(SIGINT);
	check(alarm(9) == INTERRUPT_BOUND, "timer");
	raise(SIGINT);
	check(alarm(0) == 9, "it is put off");
	check(interrupt_signal() == SIGTERM, "the first one is forgotten");
}

static void
become_urgent(void)
{
	check(interrupt_catch(NULL) == STATUS_OK, "no handlers");
	interrupt_defer(true);
	check(!interrupt_urgent(), "nothing has come");
	raise(SIGTERM);
	check(!interrupt_urgent(), "it has just come");
	alarm(INTERRUPT_TERM_BOUND / 2);
	check(interrupt_urgent(), "half of the time is over");
	interrupt_defer(false);
	check(!interrupt_urgent(), "nothing is deferred");
}

/* What whoever started it ignores: neither children nor the timer may be. */
static void
ignore_at_the_start(void)
{
	signal(SIGCHLD, SIG_IGN);
	signal(SIGALRM, SIG_IGN);
	check(interrupt_catch(NULL) == STATUS_OK, "no handlers");
	check(signal(SIGCHLD, SIG_DFL) == SIG_DFL, "children");
	check(signal(SIGALRM, SIG_DFL) != SIG_IGN, "the timer");
}

static void
the_timer_is_no_strangers(void **state)
{
	(void)state;
	assert_int_equal(run(hurry), 0);
	assert_int_equal(run(become_urgent), 0);
	assert_int_equal(run(ignore_at_the_start), 0);
}

/* After it whole pages are put down, for which a disk may be slow. */
static void
sigterm_has_a_longer_timer(void **state)
{
	(void)state;
	assert_true(INTERRUPT_TERM_BOUND - 1 > INTERRUPT_BOUND);
	assert_int_equal(run(set_timer_by_term), 0);
	assert_int_equal(run(set_timer_by_int), 0);
	assert_int_equal(run(set_timer_by_hup), 0);
}

static void
fill_places(void)
{
	for (pid_t i = 0; i < INTERRUPT_GROUPS_MAX; i++)
		check(interrupt_kills(1000000 + i), "no place");
	check(!interrupt_kills(5), "a place too many");
	interrupt_spares(77); /* which has none */
	check(!interrupt_kills(5), "a place from nowhere");
	interrupt_spares(1000000 + 7);
	check(interrupt_kills(5), "no place although one was left");
	check(!interrupt_kills(6), "two for one");
}

static void
places_are_bounded(void **state)
{
	(void)state;
	assert_int_equal(run(fill_places), 0);
}

static void
keep_ignored(void)
{
	signal(SIGHUP, SIG_IGN); /* as nohup(1) does */
	check(interrupt_catch(NULL) == STATUS_OK, "no handlers");
	raise(SIGHUP);
	check(interrupt_signal() == 0, "a signal that was ignored");
}

static void
ignored_signals_stay_so(void **state)
{
	(void)state;
	assert_int_equal(run(keep_ignored), 0);
}

/* After a signal, the child of a program that has caught it has nothing of that. */
static void
release(void)
{
	sigset_t some;
	int fd;

	check(interrupt_catch(NULL) == STATUS_OK, "no handlers");
	fd = interrupt_fd();
	check(interrupt_kills(group[0]), "no place");
	interrupt_removes(file);
	interrupt_ask();
	raise(SIGHUP);
	raise(SIGINT);
	sigemptyset(&some);
	sigaddset(&some, SIGUSR1);
	sigprocmask(SIG_BLOCK, &some, NULL);
	interrupt_release();
	check(interrupt_fd() == -1 && fcntl(fd, F_GETFD) == -1, "the descriptor");
	check(interrupt_signal() == 0 && !interrupt_hung_up(), "the signal");
	check(alarm(0) == 0, "the timer");
	check(signal(SIGINT, SIG_DFL) == SIG_DFL, "a handler");
	check(signal(SIGPIPE, SIG_IGN) == SIG_IGN, "SIGPIPE");
	for (int i = 0; i < INTERRUPT_GROUPS_MAX; i++)
		check(interrupt_kills(1000000 + i), "what is to be killed");
	sigprocmask(SIG_SETMASK, NULL, &some);
	check(!sigismember(&some, SIGUSR1), "a blocked signal");
	raise(SIGTERM);
}

static void
a_child_is_released(void **state)
{
	(void)state;
	group[0] = 999999;
	assert_int_equal(run(release), -SIGTERM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signal_can_be_polled),
		cmocka_unit_test(the_timer_ends_it),
		cmocka_unit_test(hanging_up_is_an_answer),
		cmocka_unit_test(sigterm_can_be_deferred),
		cmocka_unit_test(sigterm_has_a_longer_timer),
		cmocka_unit_test(the_timer_is_no_strangers),
		cmocka_unit_test(places_are_bounded),
		cmocka_unit_test(ignored_signals_stay_so),
		cmocka_unit_test(a_child_is_released),
	};

	alarm(LIMIT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
