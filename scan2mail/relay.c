/* relay: a file into a CUPS queue, while it grows (relay.h). */
#include "scan2mail/relay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "scan2mail/inquiry.h"
#include "scan2mail/interrupt.h"
#include "scan2mail/link.h"

enum {
	PATIENCE = 300,     /* seconds that CUPS may take for a block or its answer */
	JOB_NAME_MAX = 255, /* bytes: RFC 8011 5.1.3 */
	BLOCK_SIZE = 1 << 16,
	/* The least of the last block: a job without it is smaller for inquiry_job(),
	 * too, as CUPS counts in kilobytes. */
	TAIL_SIZE = 2048,
};

static const char FORMAT[] = "application/vnd.cups-pdf";

struct relay {
	struct relay_job job;
	int fd;
	bool again; /* this is the second try */
	struct link link;

	/* under its lock: */
	off_t len;
	bool whole;

	/* the thread's until it has ended: */
	char resource[LINK_URI_MAX];
	off_t sent;
	bool asked; /* CUPS was given the end of the request */
	enum status status;
	struct error error;
	struct relay_answer answer;
	char block[BLOCK_SIZE];
};

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
	char uri[LINK_URI_MAX], title[JOB_NAME_MAX + 1];
	ipp_t *ipp;

	if (!link_queue_uri(uri, r->answer.queue))
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
	if (*job->id)
		ippAddString(
		    ipp, IPP_TAG_JOB, IPP_TAG_TEXT, "mail-scan-id", NULL, job->id);
	return ipp;
}

/* Connects, finds the queue where it is the default one, and sends the request up to its
 * document. */
static enum status
open_request(struct relay *r)
{
	enum status status;
	http_status_t answer;
	ipp_t *ipp;

	status = link_open(&r->link, &r->error);
	if (status != STATUS_OK) {
		r->answer.silent = true;
		return status;
	}
	if (*r->job.queue)
		snprintf(r->answer.queue, sizeof(r->answer.queue), "%s", r->job.queue);
	else
		status = inquiry_queue_over(&r->link, r->answer.queue, "", &r->error);
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
	pthread_mutex_lock(&r->link.lock);
	while (!atomic_load(&r->link.stop) && !r->whole && r->len - r->sent <= TAIL_SIZE)
		pthread_cond_wait(&r->link.news, &r->link.lock);
	*len = r->whole ? r->len : r->len - TAIL_SIZE;
	pthread_mutex_unlock(&r->link.lock);
	return !atomic_load(&r->link.stop) && *len > r->sent;
}

static enum status
send_block(struct relay *r, off_t len)
{
	off_t left = len - r->sent, wanted = left;
	ssize_t n;

	if (left > BLOCK_SIZE)
		wanted =
		    left < BLOCK_SIZE + TAIL_SIZE ? BLOCK_SIZE - TAIL_SIZE : BLOCK_SIZE;
	n = pread(r->fd, r->block, (size_t)wanted, r->sent);
	if (n <= 0)
		return error_set(&r->error, STATUS_RETRY,
		    "the PDF cannot be read back: its file is damaged");
	link_step(&r->link);
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
	link_step(&r->link);
	if (httpFlushWrite(r->link.http) >= 0) {
		n = recv(httpGetFd(r->link.http), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
		if (n > 0 || (n < 0 && errno == EAGAIN))
			return STATUS_OK;
	}
	return error_set(&r->error, STATUS_RETRY,
	    "the PDF cannot be handed to the queue %s: the connection broke off",
	    r->answer.queue);
}

/* Whether there may be a job although the answer is none of CUPS's own: also that of a
 * proxy between, which has waited in vain. */
static bool
is_doubtful(http_status_t status)
{
	return status < HTTP_STATUS_BAD_REQUEST || status >= HTTP_STATUS_SERVER_ERROR;
}

/* This is the commit point: from where the end of the request has left there may be a
 * job. */
static enum status
end_request(struct relay *r)
{
	enum status status = STATUS_OK;
	ipp_attribute_t *id;
	ipp_t *answer;

	link_step(&r->link);
	r->asked = true;
	httpWrite2(r->link.http, "", 0); /* which says nothing of a failure */
	if (httpError(r->link.http) != 0) {
		r->answer.doubt = true;
		return failed(r, "the PDF cannot be handed to the");
	}
	answer = cupsGetResponse(r->link.http, r->resource);
	id = ippFindAttribute(answer, "job-id", IPP_TAG_INTEGER);
	if (cupsLastError() > IPP_STATUS_OK_EVENTS_COMPLETE) {
		status = failed(r, "the PDF was not taken by the");
		r->answer.doubt = !answer && is_doubtful(httpGetStatus(r->link.http));
	} else if (ippGetInteger(id, 0) < 1) {
		status = error_set(&r->error, STATUS_RETRY,
		    "the queue %s has not said which job the PDF is", r->answer.queue);
		r->answer.doubt = true;
	} else {
		r->answer.job = ippGetInteger(id, 0);
	}
	ippDelete(answer);
	return status;
}

static void
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
}

static enum status
start(struct relay *r, struct error *e)
{
	r->sent = 0;
	r->answer = (struct relay_answer){ 0 };
	return link_start(&r->link, run, r, e);
}

enum status
relay_start(struct relay **out, int fd, const struct relay_job *job, struct error *e)
{
	struct relay *r = calloc(1, sizeof(*r));
	enum status status;

	if (!r)
		return error_errno(e, "nothing can be handed to CUPS");
	r->job = *job;
	r->fd = fd;
	if (!link_init(&r->link, PATIENCE))
		status = error_errno(e, "nothing can be handed to CUPS");
	else
		status = start(r, e);
	if (status == STATUS_OK)
		*out = r;
	else
		relay_free(r);
	return status;
}

void
relay_grown(struct relay *r, off_t len)
{
	pthread_mutex_lock(&r->link.lock);
	r->len = len;
	pthread_cond_signal(&r->link.news);
	pthread_mutex_unlock(&r->link.lock);
}

enum status
relay_finish(struct relay *r, struct relay_answer *out, struct error *e)
{
	link_step(&r->link); /* it may have waited for bytes, longer than for CUPS */
	pthread_mutex_lock(&r->link.lock);
	r->whole = true;
	pthread_cond_signal(&r->link.news);
	pthread_mutex_unlock(&r->link.lock);
	link_await(&r->link);
	if (r->status == STATUS_RETRY && !r->asked && !interrupt_signal() && !r->again &&
	    !atomic_load(&r->link.late)) {
		r->again = true;
		if (start(r, &r->error) == STATUS_OK)
			link_await(&r->link);
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
	link_clear(&r->link);
	free(r);
}
