/* link: talking with CUPS, in a thread of its own (link.h). */
#include "scan2mail/link.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "scan2mail/interrupt.h"

enum {
	CONNECT_MAX = 30, /* seconds */
	LATE_MS = 500,    /* by which the thread itself is to have noticed */
	GRACE_MS = 500,   /* after a signal, for an answer that is on its way */
	CALM_MS = 200,    /* for a block to be finished before the connection is cut */
	WAKE_MS = 50,
};

bool
link_init(struct link *l, int patience)
{
	memset(l, 0, sizeof(*l));
	l->patience = patience;
	l->socket = -1;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->news, NULL);
	l->ended = eventfd(0, EFD_CLOEXEC);
	return l->ended >= 0;
}

/* -- the thread ---------------------------------------------------------------------- */

void
link_step(struct link *l)
{
	atomic_store(&l->limit, clock_ms() + (int64_t)l->patience * 1000);
}

/* Every second without a byte: 1 goes on, 0 gives up. Who sends a byte now and then is
 * seen by link_await(). */
static int
on_wait(http_t *http, void *context)
{
	struct link *l = context;

	(void)http;
	if (atomic_load(&l->stop))
		return 0;
	if (clock_ms() >= atomic_load(&l->limit))
		atomic_store(&l->late, true);
	return !atomic_load(&l->late);
}

static const char *
no_password(const char *prompt, http_t *http, const char *method, const char *resource,
    void *context)
{
	(void)prompt, (void)http, (void)method, (void)resource, (void)context;
	return NULL;
}

static void
publish_socket(struct link *l, int socket)
{
	pthread_mutex_lock(&l->lock);
	l->socket = socket;
	pthread_mutex_unlock(&l->lock);
}

/* As this thread's settings of libcups have it. */
enum status
link_open(struct link *l, struct error *e)
{
	int patience = l->patience < CONNECT_MAX ? l->patience : CONNECT_MAX;

	link_step(l);
	cupsSetPasswordCB2(no_password, NULL);
	l->http = httpConnect2(cupsServer(), ippPort(), NULL, AF_UNSPEC, cupsEncryption(),
	    1, patience * 1000, &l->cancel);
	if (!l->http)
		return error_set(e, STATUS_RETRY,
		    "CUPS does not answer at %s: is it running?", cupsServer());
	httpSetTimeout(l->http, 1.0, on_wait, l);
	publish_socket(l, httpGetFd(l->http));
	return STATUS_OK;
}

bool
link_queue_uri(char uri[LINK_URI_MAX], const char *queue)
{
	return httpAssembleURIf(HTTP_URI_CODING_ALL, uri, LINK_URI_MAX, "ipp", NULL,
		   "localhost", 0, "/printers/%s", queue) >= HTTP_URI_STATUS_OK;
}

static void *
run(void *context)
{
	struct link *l = context;

	l->work(l->context);
	publish_socket(l, -1);
	httpClose(l->http);
	l->http = NULL;
	eventfd_write(l->ended, 1);
	return NULL;
}

/* -- its owner ----------------------------------------------------------------------- */

enum status
link_start(struct link *l, void (*work)(void *context), void *context, struct error *e)
{
	sigset_t all, before;
	int failure;

	l->work = work;
	l->context = context;
	link_step(l); /* whoever waits for the thread may be there before it */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failure = pthread_create(&l->thread, NULL, run, l);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	l->running = failure == 0;
	errno = failure;
	return failure ? error_errno(e, "nothing can be said to CUPS") : STATUS_OK;
}

static void
join(struct link *l)
{
	eventfd_t count;

	pthread_join(l->thread, NULL);
	l->running = false;
	eventfd_read(l->ended, &count);
}

static void
wake(struct link *l, bool cut)
{
	pthread_mutex_lock(&l->lock);
	if (cut && l->socket >= 0)
		shutdown(httpGetFd(l->http), SHUT_RDWR);
	pthread_cond_signal(&l->news);
	pthread_mutex_unlock(&l->lock);
}

/* Ends the thread wherever it waits: for bytes, for a connection, for CUPS. libcups may
 * connect anew when it is woken, so once does not do. cupsd takes a request that is cut
 * right behind a chunk's length for a whole one, so what can end by itself may do so. */
static void
end_thread(struct link *l)
{
	struct pollfd ended = { .fd = l->ended, .events = POLLIN };

	l->cancel = 1;
	wake(l, false);
	if (poll(&ended, 1, CALM_MS) <= 0)
		do
			wake(l, true);
		while (poll(&ended, 1, WAKE_MS) <= 0);
	join(l);
}

static void
halt(struct link *l)
{
	atomic_store(&l->stop, true);
	if (l->running)
		end_thread(l);
}

/* The milliseconds until a limit has passed that the thread should have seen itself. */
static int
time_left(const struct link *l)
{
	int64_t left = atomic_load(&l->limit) + LATE_MS - clock_ms();

	return left > 0 ? (int)left : 0;
}

void
link_await(struct link *l)
{
	struct pollfd fds[] = {
		{ .fd = l->ended, .events = POLLIN },
		{ .fd = interrupt_fd(), .events = POLLIN },
	};
	int n;

	while ((n = poll(fds, 2, time_left(l))) < 0 || (n == 0 && time_left(l) > 0))
		continue; /* EINTR, or the thread does the next thing now */
	if (n == 0) {
		atomic_store(&l->late, true);
		end_thread(l);
	} else if (fds[0].revents || poll(fds, 1, GRACE_MS) > 0) {
		join(l);
	} else {
		halt(l);
	}
}

void
link_clear(struct link *l)
{
	halt(l);
	pthread_cond_destroy(&l->news);
	pthread_mutex_destroy(&l->lock);
	if (l->ended >= 0)
		close(l->ended);
}
