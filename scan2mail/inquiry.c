/* inquiry: what CUPS knows of queues and jobs (inquiry.h). */
#include "scan2mail/inquiry.h"

#include <stdio.h>
#include <string.h>

#include "scan2mail/defaultqueue.h"
#include "scan2mail/interrupt.h"

enum {
	QUEUE_PATIENCE = 10, /* seconds, for all of it: a scan waits for it to begin */
	JOB_PATIENCE = 60,   /* seconds: CUPS reads each job that it has kept */
};

/* One question, and the answer to it. */
struct inquiry {
	struct link link;
	const char *asked; /* a queue's name, or a scan's id */
	char queue[LINK_QUEUE_MAX];
	struct inquiry_job job;
	enum status status;
	struct error error;
};

/* A request to CUPS of this user's, about the URI. */
static ipp_t *
new_request(ipp_op_t operation, const char *uri)
{
	ipp_t *ipp = ippNewRequest(operation);

	ippAddString(ipp, IPP_TAG_OPERATION, IPP_TAG_URI, "printer-uri", NULL, uri);
	ippAddString(ipp, IPP_TAG_OPERATION, IPP_TAG_NAME, "requesting-user-name", NULL,
	    cupsUser());
	return ipp;
}

static enum status
silent(const struct link *l, struct error *e)
{
	return error_set(e, STATUS_RETRY, "CUPS does not answer at %s in %d s",
	    cupsServer(), l->patience);
}

/* Asks in a thread, and waits for its end. */
static enum status
ask(struct inquiry *q, void (*work)(void *context), int patience, struct error *e)
{
	enum status status;

	if (!link_init(&q->link, patience))
		status = error_errno(e, "nothing can be asked of CUPS");
	else
		status = link_start(&q->link, work, q, e);
	if (status == STATUS_OK) {
		link_await(&q->link);
		status = q->status;
		if (status != STATUS_OK && interrupt_signal())
			status = interrupt_error(e);
		else if (status != STATUS_OK)
			error_set(e, status, "%s", q->error.text);
	}
	link_clear(&q->link);
	return status;
}

/* -- queues -------------------------------------------------------------------------- */

/* Whether CUPS has a queue of this name; puts its own spelling in its place. */
static bool
ask_queue(char queue[LINK_QUEUE_MAX], struct link *l)
{
	ipp_t *request, *answer;
	char uri[LINK_URI_MAX];
	const char *name;

	if (!link_queue_uri(uri, queue))
		return false;
	request = new_request(IPP_OP_GET_PRINTER_ATTRIBUTES, uri);
	ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "requested-attributes",
	    NULL, "printer-name");
	answer = cupsDoRequest(l->http, request, "/");
	name =
	    ippGetString(ippFindAttribute(answer, "printer-name", IPP_TAG_NAME), 0, NULL);
	if (name)
		snprintf(queue, LINK_QUEUE_MAX, "%s", name);
	ippDelete(answer);
	return name;
}

enum status
inquiry_queue_over(
    struct link *l, char queue[LINK_QUEUE_MAX], const char *asked, struct error *e)
{
	char name[LINK_QUEUE_MAX] = "";
	bool named, found;
	ipp_status_t said;

	named = *asked ? default_name(name, asked) : default_queue(name, l->http);
	found = named && ask_queue(name, l);
	said = cupsLastError();
	if (found) {
		snprintf(queue, LINK_QUEUE_MAX, "%s", name);
		return STATUS_OK;
	}
	if (atomic_load(&l->late))
		return silent(l, e);
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

static void
look_for_queue(void *context)
{
	struct inquiry *q = context;

	q->status = link_open(&q->link, &q->error);
	if (q->status == STATUS_OK)
		q->status = inquiry_queue_over(&q->link, q->queue, q->asked, &q->error);
}

enum status
inquiry_queue(char queue[LINK_QUEUE_MAX], const char *asked, struct error *e)
{
	struct inquiry q = { .asked = asked };
	enum status status = ask(&q, look_for_queue, QUEUE_PATIENCE, e);

	if (status == STATUS_OK)
		snprintf(queue, LINK_QUEUE_MAX, "%s", q.queue);
	return status;
}

/* -- jobs ---------------------------------------------------------------------------- */

static ipp_t *
request_jobs(void)
{
	static const char *const wanted[] = { "job-id", "job-k-octets", "job-printer-uri",
		"mail-scan-id" };
	ipp_t *ipp = new_request(IPP_OP_GET_JOBS, "ipp://localhost/");

	ippAddString(ipp, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "which-jobs", NULL, "all");
	ippAddBoolean(ipp, IPP_TAG_OPERATION, "my-jobs", 1);
	ippAddStrings(ipp, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "requested-attributes",
	    sizeof(wanted) / sizeof(wanted[0]), NULL, wanted);
	return ipp;
}

/* What an answer has said so far of a job. */
struct seen {
	bool ours;
	struct inquiry_job job;
};

static void
see(struct seen *s, ipp_attribute_t *a, const char *id)
{
	const char *name = ippGetName(a), *text = ippGetString(a, 0, NULL), *last;

	if (strcmp(name, "job-id") == 0)
		s->job.number = ippGetInteger(a, 0);
	else if (strcmp(name, "job-k-octets") == 0)
		s->job.kilobytes = ippGetInteger(a, 0);
	else if (strcmp(name, "mail-scan-id") == 0)
		s->ours = text && strcmp(text, id) == 0;
	else if (strcmp(name, "job-printer-uri") == 0 && text &&
	    (last = strrchr(text, '/')))
		snprintf(s->job.queue, sizeof(s->job.queue), "%s", last + 1);
}

/* Of several jobs the largest: another one may be of a request that was cut off. */
static void
find_job(struct inquiry *q, ipp_t *answer)
{
	ipp_attribute_t *a = ippFirstAttribute(answer);
	struct seen seen;

	while (a) {
		seen = (struct seen){ 0 };
		for (; a && ippGetName(a); a = ippNextAttribute(answer))
			see(&seen, a, q->asked);
		for (; a && !ippGetName(a); a = ippNextAttribute(answer))
			continue; /* between two jobs */
		if (seen.ours && seen.job.number &&
		    seen.job.kilobytes >= q->job.kilobytes)
			q->job = seen.job;
	}
}

static void
look_for_job(void *context)
{
	struct inquiry *q = context;
	ipp_t *answer;

	q->status = link_open(&q->link, &q->error);
	if (q->status != STATUS_OK)
		return;
	answer = cupsDoRequest(q->link.http, request_jobs(), "/");
	if (answer)
		find_job(q, answer);
	else if (httpGetStatus(q->link.http) < HTTP_STATUS_BAD_REQUEST)
		q->status = silent(&q->link, &q->error); /* a refusal tells of no job */
	ippDelete(answer);
}

enum status
inquiry_job(struct inquiry_job *out, const char *id, struct error *e)
{
	struct inquiry q = { .asked = id };
	enum status status = ask(&q, look_for_job, JOB_PATIENCE, e);

	if (status == STATUS_OK)
		*out = q.job;
	return status;
}
