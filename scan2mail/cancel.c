/* cancel: sane_cancel() once, in time, and by SIGTERM if need be (cancel.h). */
#include "scan2mail/cancel.h"

#include <signal.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

enum { MS_OF_S = 1000, NS_OF_MS = 1000 * 1000 };

/* For the handlers. */
static SANE_Handle volatile running;
static volatile sig_atomic_t wanted;
static timer_t last_means;

static void
on_term(int number)
{
	const struct itimerspec soon = { .it_value.tv_nsec =
					     (long)CANCEL_LAST_MS * NS_OF_MS };

	(void)number;
	wanted = 1;
	timer_settime(last_means, 0, &soon, NULL);
}

void
cancel_now(void)
{
	SANE_Handle handle = running;

	running = NULL;
	if (handle)
		sane_cancel(handle);
}

static void
on_last_means(int number)
{
	(void)number;
	cancel_now();
}

void
cancel_catch(void)
{
	int number = SIGRTMAX - 1; /* drivers have uses for SIGALRM */
	struct sigaction action = { .sa_handler = on_last_means };
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = number,
	};

	/* Drivers have threads of their own: this one is to be interrupted. */
	event._sigev_un._tid = gettid();
	if (timer_create(CLOCK_MONOTONIC, &event, &last_means) != 0)
		return; /* SIGTERM ends the process, as it would at its start */
	sigaction(number, &action, NULL); /* without SA_RESTART: what blocks returns */
	action.sa_handler = on_term;
	sigaction(SIGTERM, &action, NULL);
}

bool
cancel_wanted(void)
{
	return wanted;
}

void
cancel_want(void)
{
	wanted = 1;
}

void
cancel_sleep(int64_t ms)
{
	const struct timespec span = {
		.tv_sec = ms / MS_OF_S,
		.tv_nsec = ms % MS_OF_S * NS_OF_MS,
	};

	nanosleep(&span, NULL);
}

void
cancel_begin(SANE_Handle handle)
{
	running = handle;
}
