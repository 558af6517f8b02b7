/* interrupt: signals that can be polled, and a bound for the cleaning up (interrupt.h).
 */
#include "scan2mail/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static const int caught[] = { SIGINT, SIGTERM, SIGHUP };
enum { CAUGHT = sizeof(caught) / sizeof(caught[0]) };

/* A handler has no other way to its facts. */
static volatile sig_atomic_t seen, hurried;
static volatile sig_atomic_t apart, hung_up; /* SIGHUP is told apart; came so */
static volatile sig_atomic_t term_deferred;  /* interrupt_defer(); also for threads */
static volatile pid_t doomed_group[INTERRUPT_GROUPS_MAX]; /* 0: a free place */
static const char *volatile doomed_path;
static int alert[2] = { -1, -1 };

static void
on_signal(int number)
{
	int saved = errno;
	ssize_t n = 0;

	if (number == SIGHUP && apart) {
		if (!hung_up)
			n = write(alert[1], "", 1);
		hung_up = 1;
	} else if (!seen) {
		seen = number;
		n = write(alert[1], "", 1);
		alarm(number == SIGTERM ? INTERRUPT_TERM_BOUND : INTERRUPT_BOUND);
	} else if (seen == SIGTERM && number == SIGINT && !hurried) {
		hurried = 1; /* somebody waits */
		alarm(INTERRUPT_BOUND);
	}
	(void)n; /* the byte of an earlier signal does as well */
	errno = saved;
}

static void
on_alarm(int number)
{
	(void)number;
	for (size_t i = 0; i < INTERRUPT_GROUPS_MAX; i++)
		if (doomed_group[i])
			kill(-doomed_group[i], SIGKILL);
	if (doomed_path)
		unlink(doomed_path);
	_exit(128 + seen);
}

static void
set_handler(int number, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler }, old;

	/* Without SA_RESTART: a blocked open(2) or write(2) shall return. */
	sigemptyset(&action.sa_mask);
	if (sigaction(number, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		sigaction(number, &action, NULL);
}

enum status
interrupt_catch(struct error *e)
{
	sigset_t all;

	if (pipe2(alert, O_CLOEXEC | O_NONBLOCK) != 0)
		return error_errno(e, "signals cannot be watched");
	sigemptyset(&all);
	for (size_t i = 0; i < CAUGHT; i++) {
		set_handler(caught[i], on_signal);
		sigaddset(&all, caught[i]);
	}
	/* Whoever started this program may ignore it, and has no say in this. */
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm }, NULL);
	sigaddset(&all, SIGALRM);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL); /* children that are ignored cannot be waited for */
	signal(SIGXFSZ, SIG_IGN); /* a limit on files is a disk that is full */
	/* who started this program may have blocked them, as scanbd does */
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	return STATUS_OK;
}

void
interrupt_release(void)
{
	struct sigaction now;
	sigset_t none;

	/* Also handlers that are not from here. SIGCHLD must not be ignored, or what a
	 * driver starts could not be waited for. */
	for (int number = 1; number < NSIG; number++)
		if (sigaction(number, NULL, &now) == 0 &&
		    (number == SIGCHLD || now.sa_handler != SIG_IGN))
			signal(number, SIG_DFL);
	alarm(0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close(alert[0]);
	close(alert[1]);
	alert[0] = alert[1] = -1;
	seen = hurried = apart = hung_up = term_deferred = 0;
	for (size_t i = 0; i < INTERRUPT_GROUPS_MAX; i++)
		doomed_group[i] = 0;
	doomed_path = NULL;
}

int
interrupt_signal(void)
{
	return term_deferred && seen == SIGTERM ? 0 : seen;
}

void
interrupt_defer(bool deferred)
{
	term_deferred = deferred;
}

bool
interrupt_urgent(void)
{
	struct itimerval left; /* of alarm(2) */

	return term_deferred && seen == SIGTERM && getitimer(ITIMER_REAL, &left) == 0 &&
	    left.it_value.tv_sec < INTERRUPT_TERM_BOUND / 2;
}

int
interrupt_fd(void)
{
	return alert[0];
}

void
interrupt_ask(void)
{
	apart = 1;
}

bool
interrupt_hung_up(void)
{
	return hung_up;
}

void
interrupt_answered(bool gone)
{
	char byte;
	ssize_t n;

	if (!gone && !hung_up)
		apart = 0;
	if (!hung_up)
		return;
	apart = 1;
	do
		n = read(alert[0], &byte, 1);
	while (n > 0 || (n < 0 && errno == EINTR));
	if (seen)
		n = write(alert[1], "", 1); /* the byte was another signal's, too */
}

enum status
interrupt_error(struct error *e)
{
	return error_set(e, STATUS_CANCELLED,
	    "stopped by the signal %s; nothing was sent",
	    sigabbrev_np(seen) ? sigabbrev_np(seen) : "?");
}

/* Puts a group into the first place that holds the other one. */
static bool
replace(pid_t old, pid_t group)
{
	for (size_t i = 0; i < INTERRUPT_GROUPS_MAX; i++)
		if (doomed_group[i] == old) {
			doomed_group[i] = group;
			return true;
		}
	return false;
}

bool
interrupt_kills(pid_t group)
{
	return replace(0, group);
}

void
interrupt_spares(pid_t group)
{
	replace(group, 0);
}

void
interrupt_removes(const char *path)
{
	doomed_path = path;
}
