/* worker: the delivery of one job, without root (worker.h). */
#include "backend/worker.h"

#include <time.h>

#include "backend/attempt.h"
#include "backend/options.h"
#include "backend/recording.h"
#include "backend/route.h"
#include "lib/base/log.h"

/* All that one delivery holds; released in one place. */
struct work {
	const struct worker *worker;
	struct pairs options;
	struct job_identity identity;
	struct documents documents;
	struct route route;
};

/* An empty stream is no success while cupsd has documents for the job: it takes a filter
 * that SIGKILL ended (no memory left) for one that had nothing to say. */
static enum status
nothing_came(const struct worker *w, struct error *e)
{
	if (w->intake.spool->count == 0)
		return error_set(
		    e, STATUS_OK, "the filters delivered nothing, so nothing was sent");
	return error_set(e, STATUS_HOLD,
	    "the filters delivered nothing, so nothing was sent; look for a filter's "
	    "error in CUPS's error_log, then release the job");
}

/* Takes the documents in; *size stays 0 when there is nothing to send. */
static enum status
take_in(struct work *work, off_t *size, struct error *e)
{
	const struct worker *w = work->worker;
	enum status status = STATUS_OK;

	*size = 1;
	if (!w->job->file) {
		status = documents_spool(&w->intake, size, e);
		if (status == STATUS_OK && *size == 0)
			return nothing_came(w, e);
	}
	if (status == STATUS_OK)
		status = documents_sort(&work->documents, &w->intake, *size, e);
	return status;
}

/* Who the job is, whatever else is wrong with it. */
static enum status
identify(struct work *work, struct error *e)
{
	const struct job *job = work->worker->job;
	enum status status =
	    options_parse(&work->options, job->options, options_style(job->software), e);

	work->identity = job_identity(job, &work->options, time(NULL));
	return status == STATUS_INVALID ? STATUS_HOLD : status;
}

static enum status
prepare(struct work *work, struct error *e)
{
	const struct worker *w = work->worker;
	enum status status =
	    route_find(&work->route, w->config, w->job, &work->options, e);

	if (status == STATUS_OK)
		status = documents_name(
		    &work->documents, w->job, &work->options, work->route.filename, e);
	return status;
}

/* A job that got no message: recorded, and when it ends here its owner is told. */
static enum status
turn_away(const struct work *work, enum status status, struct error *e)
{
	const struct letter letter = { .identity = work->identity };
	const struct recording recording = { .worker = work->worker };

	if (status == STATUS_REFUSED)
		return attempt_refuse(work->worker, &letter, e);
	recording_end(&recording, status, e->text);
	return status;
}

static enum status
deliver(struct work *work, struct error *e)
{
	enum status known = identify(work, e), status;
	const struct letter letter = {
		.route = &work->route,
		.documents = &work->documents,
		.identity = work->identity,
		.part = 1,
		.parts = 1,
	};
	struct error why = *e;
	off_t size;

	/* the filters are heard out in any case */
	status = take_in(work, &size, e);
	if (status == STATUS_OK && size == 0)
		return status;
	if (status == STATUS_OK && known != STATUS_OK) {
		*e = why;
		status = known;
	}
	if (status == STATUS_OK)
		status = prepare(work, e);
	if (status != STATUS_OK)
		return turn_away(work, status, e);
	status = attempt_run(work->worker, &letter, e);
	if (status == STATUS_OK && work->documents.pages)
		log_pages(work->documents.pages);
	return status;
}

enum status
worker_deliver(const struct worker *w, struct error *e)
{
	struct work work = { .worker = w };
	enum status status = deliver(&work, e);

	documents_clear(&work.documents);
	route_clear(&work.route);
	pairs_clear(&work.options);
	return status;
}
