/* reach: a TCP connection to a host (reach.h). */
#include "lib/send/reach.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"

enum {
	NONE = -1, /* no descriptor; poll(2) passes over it */
	PORT_TEXT_MAX = 6,
};

/* All attempts side by side. */
struct race {
	const struct addrinfo *next;
	struct pollfd fd[REACH_ADDRESSES_MAX + 1]; /* the attempts, then `stop` */
	int tried;                                 /* attempts begun */
	int failed;                                /* attempts that will not */
	int failure;                               /* errno of the last of them */
};

static bool
more(const struct race *r)
{
	return r->next && r->tried < REACH_ADDRESSES_MAX;
}

/* Gives the i-th attempt up. */
static void
give_up(struct race *r, int i, int failure)
{
	if (r->fd[i].fd >= 0)
		close(r->fd[i].fd);
	r->fd[i].fd = NONE;
	r->failure = failure;
	r->failed++;
}

static void
attempt(struct race *r)
{
	const struct addrinfo *a = r->next;
	int type = a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK;
	int fd = socket(a->ai_family, type, a->ai_protocol);
	int i = r->tried++;

	r->next = a->ai_next;
	r->fd[i] = (struct pollfd){ .fd = fd, .events = POLLOUT };
	if (fd < 0 ||
	    (connect(fd, a->ai_addr, a->ai_addrlen) < 0 && errno != EINPROGRESS))
		give_up(r, i, errno);
}

/* The attempt that is connected, or NONE. */
static int
winner(struct race *r)
{
	for (int i = 0; i < r->tried; i++) {
		int failure = 0;
		socklen_t size = sizeof(failure);

		if (r->fd[i].fd < 0 || !r->fd[i].revents)
			continue;
		getsockopt(r->fd[i].fd, SOL_SOCKET, SO_ERROR, &failure, &size);
		if (failure == 0)
			return i;
		give_up(r, i, failure);
	}
	return NONE;
}

/* Waits for news of the attempts, until a point in time; true when `stop` has some. */
static bool
stopped(struct race *r, int stop, int64_t until)
{
	int64_t wait = until - clock_ms();
	struct pollfd *last = &r->fd[r->tried];

	*last = (struct pollfd){ .fd = stop, .events = POLLIN };
	/* an interrupted poll leaves all as it was: without news */
	poll(r->fd, (nfds_t)r->tried + 1, wait > 0 ? (int)wait : 0);
	return last->revents;
}

static enum status
run(struct race *r, int *first, const struct reach *where, struct error *e)
{
	int64_t end = clock_ms() + (int64_t)where->limit * 1000, due = 0;

	while ((more(r) || r->failed < r->tried) && clock_ms() < end) {
		int64_t until = end;
		int failed = r->failed;

		if (more(r) && clock_ms() >= due) {
			due = clock_ms() + REACH_STAGGER;
			attempt(r);
		}
		if (more(r) && due < end)
			until = due;
		if (r->failed > failed)
			until = 0;
		if (stopped(r, where->stop, until))
			return error_set(e, STATUS_CANCELLED,
			    "stopped before %s:%u answered", where->host, where->port);
		*first = winner(r);
		if (*first >= 0)
			return STATUS_OK;
		if (r->failed > failed) /* the next one need not wait */
			due = 0;
	}
	return error_set(e, STATUS_RETRY, "%s:%u: it does not answer (%s)", where->host,
	    where->port, strerror(r->failed < r->tried ? ETIMEDOUT : r->failure));
}

enum status
reach_any(
    int *out, const struct addrinfo *list, const struct reach *where, struct error *e)
{
	struct race r = { .next = list, .failure = ETIMEDOUT };
	int first = NONE;
	enum status status = run(&r, &first, where, e);

	if (status == STATUS_OK)
		*out = r.fd[first].fd;
	for (int i = 0; i < r.tried; i++)
		if (i != first && r.fd[i].fd >= 0)
			close(r.fd[i].fd);
	return status;
}

enum status
reach_connect(int *out, const struct reach *where, struct error *e)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	char port[PORT_TEXT_MAX];
	enum status status;
	int code;

	snprintf(port, sizeof(port), "%u", where->port);
	code = getaddrinfo(where->host, port, &hints, &list);
	if (code)
		return error_set(e, STATUS_RETRY,
		    "%s:%u: its name cannot be resolved (%s)", where->host, where->port,
		    code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code));
	status = reach_any(out, list, where, e);
	freeaddrinfo(list);
	return status;
}
