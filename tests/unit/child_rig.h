/*
 * What the tests of scan2mail/child.c share: children that listen and children that hang.
 * To be included once, by a test.
 */
#ifndef POSTROOM_TESTS_CHILD_RIG_H
#define POSTROOM_TESTS_CHILD_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "scan2mail/child.h"

enum {
	LONG_MS = 60 * 1000, /* never reached */
	SHORT_MS = 50,
	GONE_MS = 5 * 1000, /* until those that were ended are gone */
	LIFE =
	    2 * LONG_MS / 1000, /* seconds; also when a test fails, nobody stays longer */
};

/* What a body of a test shares with it: a pipe whose end shows who still lives, as their
 * standard error. */
struct shared {
	int alive[2];
	const char *bytes;
	size_t len;
};

static inline int
set_up(void **state)
{
	static struct shared shared;

	shared = (struct shared){ .bytes = "" };
	assert_int_equal(pipe(shared.alive), 0);
	*state = &shared;
	return 0;
}

static inline int
tear_down(void **state)
{
	struct shared *s = *state;

	if (s->alive[0] >= 0)
		close(s->alive[0]);
	if (s->alive[1] >= 0)
		close(s->alive[1]);
	return 0;
}

static inline enum status
begin(struct child **out, void (*body)(struct uplink *up, const void *context),
    struct shared *s, struct error *e)
{
	int saved = dup(STDERR_FILENO);
	enum status status;

	assert_int_equal(dup2(s->alive[1], STDERR_FILENO), STDERR_FILENO);
	status = child_start(out, body, s, e);
	dup2(saved, STDERR_FILENO);
	close(saved);
	return status;
}

static inline long
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Nobody that was forked holds the pipe any more, and no child is left to be waited for.
 */
static inline void
assert_all_gone(struct shared *s)
{
	struct pollfd fd = { .fd = s->alive[0], .events = POLLIN };
	char c;

	close(s->alive[1]);
	s->alive[1] = -1;
	assert_int_equal(poll(&fd, 1, GONE_MS), 1);
	assert_int_equal(read(s->alive[0], &c, 1), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* The descriptor that the records leave by: the only pipe for writing. */
static inline int
records_fd(void)
{
	for (int fd = STDERR_FILENO + 1; fd < 256; fd++) {
		int flags = fcntl(fd, F_GETFL);

		if (flags != -1 && (flags & O_ACCMODE) == O_WRONLY)
			return fd;
	}
	return -1;
}

/* Until somebody ends it. */
static inline _Noreturn void
stay(void)
{
	alarm(LIFE);
	for (;;)
		pause();
}

/* Half a record, then silence, deaf to SIGTERM; and it has a child that is the same. */
static inline void
hang(struct uplink *up, const void *context)
{
	unsigned char head[WIRE_HEAD_SIZE];

	(void)up, (void)context;
	signal(SIGTERM, SIG_IGN);
	if (fork() > 0) {
		wire_put_head(head, WIRE_FAULT, 100);
		if (write(records_fd(), head, sizeof(head)) != sizeof(head))
			_exit(1);
	}
	stay();
}

/* One that listens to SIGTERM ends at once, in order. */
static inline void
on_term(int number)
{
	(void)number;
	if (write(STDERR_FILENO, "t", 1) == 1)
		_exit(0);
}

static inline void
listen_to_term(struct uplink *up, const void *context)
{
	(void)context;
	signal(SIGTERM, on_term);
	child_send(up, WIRE_READY, NULL, 0);
	stay();
}

#endif
