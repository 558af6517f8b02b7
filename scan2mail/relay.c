/* relay: a file into a CUPS queue, while it grows (relay.h). */
#include "scan2mail/relay.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cups/cups.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "scan2mail/defaultqueue.h"
#include "scan2mail/interrupt.h"

enum {
	CONNECT_MS = 30000,
	PATIENCE = 300,     /* seconds that CUPS may take for a block or its answer */
	FIND_PATIENCE = 10, /* for all of it before the scan begins, which waits for it */
	LATE_MS = 500,      /* by which the thread itself is to have noticed */
	WAKE_MS = 50,
	URI_MAX = 1024,     /* bytes: RFC 8011 5.1.6 */
	JOB_NAME_MAX = 255, /* bytes: RFC 8011 5.1.3 */
	BLOCK_SIZE = 1 << 16,
};

static const char FORMAT[] = "application/vnd.cups-pdf";

/* A connection that is given up when what it is to do takes too long. */
struct link {
	http_t *http;
	int patience;          /* seconds */
	_Atomic int64_t limit; /* clock_ms() of the end */
	atomic_bool late;      /* that has come */
	atomic_bool stop;      /* nobody wants it any more */
};

struct relay {
	struct relay_job job;
	int fd;
	pthread_t thread;
	bool running; /* the thread is there, to be joined */
	bool again;   /* this is the second try */
	int ended;    /* eventfd: the thread has come to its end */
	int cancel;   /* for httpConnect2() */

	pthread_mutex_t lock; /* of these: */
	pthread_cond_t news;
	off_t len;
	bool whole;
	int socket; /* -1: none that could be shut down */

	/* the thread's until it has ended: */
	struct link link;
	char resource[URI_MAX];
	off_t sent;
	bool asked; /* CUPS was given the end of the request */
	enum status status;
	struct error error;
	struct relay_answer answer;
	char block[BLOCK_SIZE];
};

/* What is done next has all its time before it. */
static void
begin(struct link *l)
{
	atomic_store(&l->limit, clock_ms() + (int64_t)l->patience * 1000);
}

/* Every second without a byte: 1 goes on, 0 gives up. Who sends a byte now and then is
 * seen by await_end(). */
static int
on_wait(http_t *http, void *context)
{
	struct link *l = context;

	(void)http;
	if (interrupt_signal() || atomic_load(&l->stop))
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

/* Connects as this thread's settings of libcups have it. */
static enum status
open_link(struct link *l, int *cancel, struct error *e)
{
	cupsSetPasswordCB2(no_password, NULL);
	l->http = httpConnect2(cupsServer(), ippPort(), NULL, AF_UNSPEC, cupsEncryption(),
	    1, l->patience < CONNECT_MS / 1000 ? l->patience * 1000 : CONNECT_MS, cancel);
	if (!l->http)
		return error_set(e, STATUS_RETRY,
		    "CUPS does not answer at %s: is it running?", cupsServer());
	httpSetTimeout(l->http, 1.0, on_wait, l);
	return STATUS_OK;
}

/* -- the queue ---------------------------------------------------------------------- */

/* Whether CUPS has a queue of this name; puts its own spelling in its place. */
static bool
ask_queue(char queue[RELAY_QUEUE_MAX], struct link *l)
{
	ipp_t *ask, *answer;
	char uri[URI_MAX];
	const char *name;

	if (httpAssembleURIf(HTTP_URI_CODING_ALL, uri, sizeof(uri), "ipp", NULL,
		"localhost", 0, "/printers/%s", queue) < HTTP_URI_STATUS_OK)
		return false;
	ask = ippNewRequest(IPP_OP_GET_PRINTER_ATTRIBUTES);
	ippAddString(ask, IPP_TAG_OPERATION, IPP_TAG_URI, "printer-uri", NULL, uri);
	ippAddString(ask, IPP_TAG_OPERATION, IPP_TAG_NAME, "requesting-user-name", NULL,
	    cupsUser());
	ippAddString(ask, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "requested-attributes",
	    NULL, "printer-name");
	answer = cupsDoRequest(l->http, ask, "/");
	name =
	    ippGetString(ippFindAttribute(answer, "printer-name", IPP_TAG_NAME), 0, NULL);
	if (name)
		snprintf(queue, RELAY_QUEUE_MAX, "%s", name);
	ippDelete(answer);
	return name;
}

/* What CUPS says of the queue. */
static enum status
look_up(char queue[RELAY_QUEUE_MAX], struct link *l, const char *asked, struct error *e)
{
	char name[RELAY_QUEUE_MAX] = "";
	bool named, found;
	ipp_status_t said;

	named = *asked ? default_name(name, asked) : default_queue(name, l->http);
	found = named && ask_queue(name, l);
	said = cupsLastError();
	if (found) {
		snprintf(queue, RELAY_QUEUE_MAX, "%s", name);
		return STATUS_OK;
	}
	if (atomic_load(&l->late))
		return error_set(e, STATUS_RETRY, "CUPS does not answer at %s in %d s",
		    cupsServer(), l->patience);
	if ((named || !*asked) && said != IPP_STATUS_ERROR_NOT_FOUND &&
	    said > IPP_STATUS_OK_EVENTS_COMPLETE)
		return error_set(
		    e, STATUS_RETRY, "CUPS does not say: %s", cupsLastErrorString());
	if (*asked || *name)
		return error_set(e, STATUS_SETTINGS,
		    "there is no queue \"%s\"; lpstat -e lists the queues",
		    *asked ? asked : name);
	return error_set(e, STATUS_SETTINGS,
	    "no queue is named and there is no default one: set \"queue\" in the "
	    "profile, or a default with lpoptions -d");
}

/* -- the job ------------------------------------------------------------------------ */

static enum status
failed(struct relay *r, const char *deed)
{
	const char *why = cupsLastErrorString();

	if (atomic_load(&r->link.stop))
		return error_set(&r->error, STATUS_CANCELLED, "broken off");
	r->answer.silent = atomic_load(&r->link.late);
	return error_set(&r->error, STATUS_RETRY, "%s queue %s: %s", deed,
	    r->answer.queue,
	    r->answer.silent                     ? "CUPS does not answer"
		: cupsLastError() && why && *why ? why
						 : "the connection broke off");
}

/* The request without its document. NULL: no memory, or the name makes no URI. */
static ipp_t *
make_request(const struct relay *r)
{
	const struct relay_job *job = &r->job;
	char uri[URI_MAX], title[JOB_NAME_MAX + 1];
	ipp_t *ipp;

	if (httpAssembleURIf(HTTP_URI_CODING_ALL, uri, sizeof(uri), "ipp", NULL,
		"localhost", 0, "/printers/%s", r->answer.queue) < HTTP_URI_STATUS_OK)
		return NULL;
	ipp = ippNewRequest(IPP_OP_PRINT_JOB);
	if (!ipp)
		return NULL;
	snprintf(title, sizeof(title), "%.*s", (int)text_cut(job->subject, JOB_NAME_MAX),
	    job->subject);
	ippAddString(ipp, IPP_TAG_OPERATION, IPP_TAG_URI, "printer-uri", NULL, uri);
	ippAddString(ipp, IPP_TAG_OPERATION, IPP_TAG_NAME, "requesting-user-name", NULL,
	    cupsUser());
	ippAddString(ipp, IPP_TAG_OPERATION, IPP_TAG_NAME, "job-name", NULL, title);
	ippAddString(
	    ipp, IPP_TAG_OPERATION, IPP_TAG_MIMETYPE, "document-format", NULL, FORMAT);
	/* Not through cupsEncodeOptions(), which would take quotes and commas apart. */
	if (*job->to)
		ippAddString(ipp, IPP_TAG_JOB, IPP_TAG_TEXT, "mail-to", NULL, job->to);
	ippAddString(ipp, IPP_TAG_JOB, IPP_TAG_TEXT, "mail-subject", NULL, job->subject);
	if (*job->filename)
		ippAddString(
		    ipp, IPP_TAG_JOB, IPP_TAG_TEXT, "mail-filename", NULL, job->filename);
	/* The backend may believe what the PDF says of itself. */
	ippAddString(ipp, IPP_TAG_JOB, IPP_TAG_TEXT, "mail-scanned", NULL, "yes");
	return ipp;
}

static void
publish_socket(struct relay *r, int socket)
{
	pthread_mutex_lock(&r->lock);
	r->socket = socket;
	pthread_mutex_unlock(&r->lock);
}

/* Connects, finds the queue where it is the default one, and sends the request up to its
 * document. */
static enum status
open_request(struct relay *r)
{
	enum status status;
	http_status_t answer;
	ipp_t *ipp;

	begin(&r->link);
	status = open_link(&r->link, &r->cancel, &r->error);
	if (status != STATUS_OK) {
		r->answer.silent = true;
		return status;
	}
	publish_socket(r, httpGetFd(r->link.http));
	if (*r->job.queue)
		snprintf(r->answer.queue, sizeof(r->answer.queue), "%s", r->job.queue);
	else
		status = look_up(r->answer.queue, &r->link, "", &r->error);
	if (status != STATUS_OK) {
		r->answer.silent = atomic_load(&r->link.late);
		return status;
	}
	snprintf(r->resource, sizeof(r->resource), "/printers/%s", r->answer.queue);
	ipp = make_request(r);
	if (!ipp)
		return error_set(&r->error, STATUS_RETRY,
		    "a job for the queue %s cannot be made", r->answer.queue);
	answer = cupsSendRequest(r->link.http, ipp, r->resource, CUPS_LENGTH_VARIABLE);
	ippDelete(ipp);
	if (answer != HTTP_STATUS_CONTINUE)
		return failed(r, "no job can be started in the");
	return STATUS_OK;
}

/* Waits until there is more than was sent. False: that was all, or it is to end. */
static bool
wait_for_bytes(struct relay *r, off_t *len)
{
	pthread_mutex_lock(&r->lock);
	while (!atomic_load(&r->link.stop) && !r->whole && r->len == r->sent)
		pthread_cond_wait(&r->news, &r->lock);
	*len = r->len;
	pthread_mutex_unlock(&r->lock);
	return !atomic_load(&r->link.stop) && *len > r->sent;
}

static enum status
send_block(struct relay *r, off_t len)
{
	size_t wanted =
	    len - r->sent < BLOCK_SIZE ? (size_t)(len - r->sent) : (size_t)BLOCK_SIZE;
	ssize_t n = pread(r->fd, r->block, wanted, r->sent);

	if (n <= 0)
		return error_set(&r->error, STATUS_RETRY,
		    "the PDF cannot be read back: its file is damaged");
	begin(&r->link);
	if (cupsWriteRequestData(r->link.http, r->block, (size_t)n) !=
	    HTTP_STATUS_CONTINUE)
		return failed(r, "the PDF cannot be handed to the");
	r->sent += n;
	return STATUS_OK;
}

/* All bytes are on their way, the end of the request is not: a peer that is gone cannot
 * have made a job of it. */
static enum status
check_peer(struct relay *r)
{
	ssize_t n;
	char byte;

	if (atomic_load(&r->link.stop))
		return error_set(&r->error, STATUS_CANCELLED, "broken off");
	begin(&r->link);
	if (httpFlushWrite(r->link.http) >= 0) {
		n = recv(httpGetFd(r->link.http), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
		if (n > 0 || (n < 0 && errno == EAGAIN))
			return STATUS_OK;
	}
	return error_set(&r->error, STATUS_RETRY,
	    "the PDF cannot be handed to the queue %s: the connection broke off",
	    r->answer.queue);
}

/* This is the commit point: from where the end of the request has left there may be a
 * job. */
static enum status
end_request(struct relay *r)
{
	enum status status = STATUS_OK;
	ipp_attribute_t *id;
	ipp_t *answer;

	begin(&r->link);
	httpWrite2(r->link.http, "", 0); /* which says nothing of a failure */
	if (httpError(r->link.http) != 0)
		return failed(r, "the PDF cannot be handed to the");
	r->asked = true;
	answer = cupsGetResponse(r->link.http, r->resource);
	id = ippFindAttribute(answer, "job-id", IPP_TAG_INTEGER);
	if (cupsLastError() > IPP_STATUS_OK_EVENTS_COMPLETE || !id) {
		status = failed(r, "the PDF was not taken by the");
		r->answer.doubt =
		    !answer && httpGetStatus(r->link.http) < HTTP_STATUS_BAD_REQUEST;
	} else {
		r->answer.job = ippGetInteger(id, 0);
	}
	ippDelete(answer);
	return status;
}

static void
end_run(struct relay *r)
{
	publish_socket(r, -1);
	httpClose(r->link.http);
	r->link.http = NULL;
	eventfd_write(r->ended, 1);
}

static void *
run(void *context)
{
	struct relay *r = context;
	off_t len;

	r->status = open_request(r);
	while (r->status == STATUS_OK && wait_for_bytes(r, &len))
		r->status = send_block(r, len);
	if (r->status == STATUS_OK)
		r->status = check_peer(r);
	if (r->status == STATUS_OK)
		r->status = end_request(r);
	end_run(r);
	return NULL;
}

/* Only finds the queue. */
static void *
run_find(void *context)
{
	struct relay *r = context;

	begin(&r->link);
	r->status = open_link(&r->link, &r->cancel, &r->error);
	if (r->status == STATUS_OK) {
		publish_socket(r, httpGetFd(r->link.http));
		r->status = look_up(r->answer.queue, &r->link, r->job.queue, &r->error);
	}
	end_run(r);
	return NULL;
}

/* A thread that takes no signal: the handlers are the program's. */
static enum status
start_thread(struct relay *r, void *(*work)(void *), struct error *e)
{
	sigset_t all, before;
	int failure;

	r->sent = 0;
	r->answer = (struct relay_answer){ 0 };
	begin(&r->link); /* whoever waits for the thread may be there before it */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failure = pthread_create(&r->thread, NULL, work, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	r->running = failure == 0;
	errno = failure;
	return failure ? error_errno(e, "nothing can be handed to CUPS") : STATUS_OK;
}

/* NULL and errno. relay_free() frees. */
static struct relay *
make_relay(int fd, const struct relay_job *job, int patience)
{
	struct relay *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->job = *job;
	r->fd = fd;
	r->socket = -1;
	r->link.patience = patience;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->news, NULL);
	r->ended = eventfd(0, EFD_CLOEXEC);
	if (r->ended >= 0)
		return r;
	relay_free(r);
	return NULL;
}

enum status
relay_start(struct relay **out, int fd, const struct relay_job *job, struct error *e)
{
	struct relay *r = make_relay(fd, job, PATIENCE);
	enum status status;

	if (!r)
		return error_errno(e, "nothing can be handed to CUPS");
	status = start_thread(r, run, e);
	if (status == STATUS_OK)
		*out = r;
	else
		relay_free(r);
	return status;
}

void
relay_grown(struct relay *r, off_t len)
{
	pthread_mutex_lock(&r->lock);
	r->len = len;
	pthread_cond_signal(&r->news);
	pthread_mutex_unlock(&r->lock);
}

static void
join(struct relay *r)
{
	eventfd_t count;

	pthread_join(r->thread, NULL);
	r->running = false;
	eventfd_read(r->ended, &count);
}

/* Ends the thread wherever it waits: for bytes, for a connection, for CUPS. libcups may
 * connect anew when it is woken, so once does not do. */
static void
end_thread(struct relay *r)
{
	struct pollfd ended = { .fd = r->ended, .events = POLLIN };

	r->cancel = 1;
	do {
		pthread_mutex_lock(&r->lock);
		if (r->socket >= 0)
			shutdown(httpGetFd(r->link.http), SHUT_RDWR);
		pthread_cond_signal(&r->news);
		pthread_mutex_unlock(&r->lock);
	} while (poll(&ended, 1, WAKE_MS) <= 0);
	join(r);
}

static void
halt(struct relay *r)
{
	atomic_store(&r->link.stop, true);
	if (r->running)
		end_thread(r);
}

/* The milliseconds until a limit has passed that the thread should have seen itself. */
static int
time_left(const struct relay *r)
{
	int64_t left = atomic_load(&r->link.limit) + LATE_MS - clock_ms();

	return left > 0 ? (int)left : 0;
}

/* The thread's end, its time's, or a signal. */
static void
await_end(struct relay *r)
{
	struct pollfd fds[] = {
		{ .fd = r->ended, .events = POLLIN },
		{ .fd = interrupt_fd(), .events = POLLIN },
	};
	int n;

	while ((n = poll(fds, 2, time_left(r))) < 0 || (n == 0 && time_left(r) > 0))
		continue; /* EINTR, or the thread does the next thing now */
	if (n == 0) {
		atomic_store(&r->link.late, true);
		end_thread(r);
	} else if (fds[0].revents) {
		join(r);
	} else {
		halt(r);
	}
}

enum status
relay_find(char queue[RELAY_QUEUE_MAX], const char *asked, struct error *e)
{
	const struct relay_job job = { .queue = asked };
	struct relay *r = make_relay(-1, &job, FIND_PATIENCE);
	enum status status;

	if (!r)
		return error_errno(e, "no queue can be looked for");
	status = start_thread(r, run_find, e);
	if (status == STATUS_OK) {
		await_end(r);
		status = r->status;
		if (status == STATUS_OK)
			snprintf(queue, RELAY_QUEUE_MAX, "%s", r->answer.queue);
		else if (interrupt_signal())
			status = interrupt_error(e);
		else
			error_set(e, status, "%s", r->error.text);
	}
	relay_free(r);
	return status;
}

enum status
relay_finish(struct relay *r, struct relay_answer *out, struct error *e)
{
	begin(&r->link); /* it may have waited for bytes, longer than for CUPS */
	pthread_mutex_lock(&r->lock);
	r->whole = true;
	pthread_cond_signal(&r->news);
	pthread_mutex_unlock(&r->lock);
	await_end(r);
	if (r->status == STATUS_RETRY && !r->asked && !interrupt_signal() && !r->again &&
	    !atomic_load(&r->link.late)) {
		r->again = true;
		if (start_thread(r, run, &r->error) == STATUS_OK)
			await_end(r);
	}
	*out = r->answer;
	if (r->status == STATUS_OK)
		return STATUS_OK;
	if (!interrupt_signal())
		return error_set(e, r->status, "%s", r->error.text);
	error_set(e, STATUS_CANCELLED,
	    r->answer.doubt ? "stopped by the signal %s while CUPS took the job"
			    : "stopped by the signal %s before CUPS had all of it",
	    sigabbrev_np(interrupt_signal()));
	return STATUS_CANCELLED;
}

void
relay_free(struct relay *r)
{
	if (!r)
		return;
	halt(r);
	pthread_cond_destroy(&r->news);
	pthread_mutex_destroy(&r->lock);
	if (r->ended >= 0)
		close(r->ended);
	free(r);
}
