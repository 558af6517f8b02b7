/* interrupt: signals that can be polled, and a bound for the cleaning up (interrupt.h).
 */
#include "scan2mail/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static const int caught[] = { SIGINT, SIGTERM, SIGHUP };
enum { CAUGHT = sizeof(caught) / sizeof(caught[0]) };

/* A handler has no other way to its facts. */
static volatile sig_atomic_t seen;
static volatile pid_t doomed_group;
static const char *volatile doomed_path;
static int alert[2] = { -1, -1 };

static void
on_signal(int number)
{
	int saved = errno;
	ssize_t n;

	if (!seen) {
		seen = number;
		n = write(alert[1], "", 1);
		(void)n; /* the byte of an earlier signal does as well */
		alarm(INTERRUPT_BOUND);
	}
	errno = saved;
}

static void
on_alarm(int number)
{
	(void)number;
	if (doomed_group)
		kill(-doomed_group, SIGKILL);
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
	if (pipe2(alert, O_CLOEXEC | O_NONBLOCK) != 0)
		return error_errno(e, "signals cannot be watched");
	for (size_t i = 0; i < CAUGHT; i++)
		set_handler(caught[i], on_signal);
	set_handler(SIGALRM, on_alarm);
	signal(SIGPIPE, SIG_IGN);
	return STATUS_OK;
}

void
interrupt_release(void)
{
	for (size_t i = 0; i < CAUGHT; i++)
		set_handler(caught[i], SIG_DFL);
	set_handler(SIGALRM, SIG_DFL);
	close(alert[0]);
	close(alert[1]);
	alert[0] = alert[1] = -1;
}

int
interrupt_signal(void)
{
	return seen;
}

int
interrupt_fd(void)
{
	return alert[0];
}

enum status
interrupt_error(struct error *e)
{
	return error_set(e, STATUS_CANCELLED,
	    "stopped by the signal %s; nothing was sent",
	    sigabbrev_np(seen) ? sigabbrev_np(seen) : "?");
}

void
interrupt_kills(pid_t group)
{
	doomed_group = group;
}

void
interrupt_removes(const char *path)
{
	doomed_path = path;
}
