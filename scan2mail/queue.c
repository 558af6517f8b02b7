/* queue: the PDF into a CUPS queue, while it is made (queue.h). */
#include "scan2mail/queue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cups/cups.h>

#include "lib/base/text.h"
#include "scan2mail/interrupt.h"

enum {
	CONNECT_MS = 30000,
	PATIENCE = 300,     /* seconds that CUPS may take for a block or its answer */
	URI_MAX = 1024,     /* bytes: RFC 8011 5.1.6 */
	JOB_NAME_MAX = 255, /* bytes: RFC 8011 5.1.3 */
};

static const char FORMAT[] = "application/vnd.cups-pdf";

struct queue {
	struct destination *owner;
	const struct request *request;
	char *name;
	char resource[URI_MAX];
	http_t *http; /* NULL before the first byte */
	int waited;   /* seconds without a byte moving */
};

/* Every second of waiting: 1 goes on, 0 gives up. */
static int
on_wait(http_t *http, void *context)
{
	struct queue *q = context;

	(void)http;
	return !interrupt_signal() && ++q->waited < PATIENCE;
}

static const char *
no_password(const char *prompt, http_t *http, const char *method, const char *resource,
    void *context)
{
	(void)prompt, (void)http, (void)method, (void)resource, (void)context;
	return NULL;
}

static enum status
failed(const struct queue *q, const char *deed, struct error *e)
{
	if (interrupt_signal())
		return interrupt_error(e);
	return error_set(
	    e, STATUS_RETRY, "%s queue %s: %s", deed, q->name, cupsLastErrorString());
}

/* The request without its document. NULL: no memory, or the name makes no URI. */
static ipp_t *
make_request(const struct queue *q)
{
	const struct request *r = q->request;
	char uri[URI_MAX], title[JOB_NAME_MAX + 1];
	ipp_t *ipp;

	if (httpAssembleURIf(HTTP_URI_CODING_ALL, uri, sizeof(uri), "ipp", NULL,
		"localhost", 0, "/printers/%s", q->name) < HTTP_URI_STATUS_OK)
		return NULL;
	ipp = ippNewRequest(IPP_OP_PRINT_JOB);
	if (!ipp)
		return NULL;
	snprintf(title, sizeof(title), "%.*s", (int)text_cut(r->subject, JOB_NAME_MAX),
	    r->subject);
	ippAddString(ipp, IPP_TAG_OPERATION, IPP_TAG_URI, "printer-uri", NULL, uri);
	ippAddString(ipp, IPP_TAG_OPERATION, IPP_TAG_NAME, "requesting-user-name", NULL,
	    cupsUser());
	ippAddString(ipp, IPP_TAG_OPERATION, IPP_TAG_NAME, "job-name", NULL, title);
	ippAddString(
	    ipp, IPP_TAG_OPERATION, IPP_TAG_MIMETYPE, "document-format", NULL, FORMAT);
	/* Not through cupsEncodeOptions(), which would take quotes and commas apart. */
	if (*r->to)
		ippAddString(ipp, IPP_TAG_JOB, IPP_TAG_TEXT, "mail-to", NULL, r->to);
	ippAddString(ipp, IPP_TAG_JOB, IPP_TAG_TEXT, "mail-subject", NULL, r->subject);
	return ipp;
}

/* Connects and sends the request up to its document. */
static enum status
start(struct queue *q, struct error *e)
{
	http_status_t status;
	ipp_t *ipp;

	q->http = httpConnect2(cupsServer(), ippPort(), NULL, AF_UNSPEC, cupsEncryption(),
	    1, CONNECT_MS, NULL);
	if (!q->http)
		return error_set(e, STATUS_RETRY,
		    "CUPS does not answer at %s: is it running?", cupsServer());
	httpSetTimeout(q->http, 1.0, on_wait, q);
	ipp = make_request(q);
	if (!ipp)
		return error_set(
		    e, STATUS_RETRY, "a job for the queue %s cannot be made", q->name);
	status = cupsSendRequest(q->http, ipp, q->resource, CUPS_LENGTH_VARIABLE);
	ippDelete(ipp);
	if (status != HTTP_STATUS_CONTINUE)
		return failed(q, "no job can be started in the", e);
	return STATUS_OK;
}

static enum status
write_bytes(void *context, const void *bytes, size_t len, struct error *e)
{
	struct queue *q = context;
	enum status status = q->http ? STATUS_OK : start(q, e);

	if (status != STATUS_OK)
		return status;
	q->waited = 0;
	if (interrupt_signal() ||
	    cupsWriteRequestData(q->http, bytes, len) != HTTP_STATUS_CONTINUE)
		return failed(q, "the PDF cannot be handed to the", e);
	return STATUS_OK;
}

static enum status
commit(void *context, struct error *e)
{
	struct queue *q = context;
	enum status status = STATUS_OK;
	ipp_attribute_t *id;
	ipp_t *answer;

	q->waited = 0;
	answer = cupsGetResponse(q->http, q->resource);
	id = ippFindAttribute(answer, "job-id", IPP_TAG_INTEGER);
	if (cupsLastError() > IPP_STATUS_OK_EVENTS_COMPLETE || !id)
		status = failed(q, "the PDF was not taken by the", e);
	else
		snprintf(q->owner->note, sizeof(q->owner->note), "queue %s, job %d",
		    q->name, ippGetInteger(id, 0));
	ippDelete(answer);
	return status;
}

static void
close_queue(void *context)
{
	struct queue *q = context;

	httpClose(q->http);
	free(q->name);
	free(q);
}

/* The queue's own name, from what was asked for or the user's default. */
static enum status
find_queue(struct queue *q, const char *asked, struct error *e)
{
	cups_dest_t *dest =
	    cupsGetNamedDest(CUPS_HTTP_DEFAULT, *asked ? asked : NULL, NULL);

	if (!dest && *asked)
		return error_set(e, STATUS_SETTINGS,
		    "there is no queue \"%s\": %s; lpstat -e lists the queues", asked,
		    cupsLastErrorString());
	if (!dest)
		return error_set(e, STATUS_SETTINGS,
		    "no queue is named and there is no default one: set \"queue\" in the "
		    "profile, or a default with lpoptions -d");
	q->name = strdup(dest->name);
	cupsFreeDests(1, dest);
	if (!q->name)
		return error_errno(e, "the queue cannot be used");
	snprintf(q->resource, sizeof(q->resource), "/printers/%s", q->name);
	return STATUS_OK;
}

enum status
queue_open(struct destination *out, const struct request *request, struct error *e)
{
	struct queue *q = calloc(1, sizeof(*q));
	enum status status;

	if (!q)
		return error_errno(e, "the queue cannot be used");
	cupsSetPasswordCB2(no_password, NULL);
	q->owner = out;
	q->request = request;
	status = find_queue(q, request->queue, e);
	if (status != STATUS_OK) {
		close_queue(q);
		return status;
	}
	*out = (struct destination){
		.sink = { .write = write_bytes, .context = q },
		.commit = commit,
		.close = close_queue,
	};
	return STATUS_OK;
}
