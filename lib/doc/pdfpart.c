/*
 * pdfpart: some pages of a PDF, by libqpdf in a child of its own (pdfpart.h, confine.h).
 *
 * The child opens both files through /proc/self/fd, since a job of libqpdf takes names
 * only; of its interfaces this one alone leaves out what no page uses: all pages of an
 * office program share one list of images.
 */
#include "lib/doc/pdfpart.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <qpdf/Constants.h>
#include <qpdf/qpdfjob-c.h>
#include <qpdf/qpdflogger-c.h>

#include "lib/doc/confine.h"
#include "lib/doc/pdfcheck.h"

enum {
	MEMORY_MAX = 512 * 1024 * 1024, /* bytes beyond what is mapped already */
	SECONDS_MAX = 60,               /* of CPU */
	PATIENCE = 5 * SECONDS_MAX,     /* by the clock: a busy machine is slow */
	GROWTH_MAX = 1024 * 1024, /* bytes: a part is not larger than all, but for its
				     own table */
	JOB_MAX = 512,
	TEXT_MAX = 256,
};

struct job {
	char text[JOB_MAX];
};

struct result {
	int code;            /* of libqpdf */
	char text[TEXT_MAX]; /* the start of what it says; "" when it said nothing */
};

/* Notes the first complaint of libqpdf, which comes in pieces and lines. */
static int
note(char const *bytes, size_t len, void *context)
{
	struct result *r = context;
	size_t at = strlen(r->text), end = strcspn(r->text, "\n");

	if (end == at)
		snprintf(r->text + at, sizeof(r->text) - at, "%.*s", (int)len, bytes);
	return 0;
}

/* In the child: fills a struct result. */
static void
cut(void *context, void *report)
{
	const struct job *in = context;
	struct result *r = report;
	qpdflogger_handle logger = qpdflogger_create();
	qpdfjob_handle job = qpdfjob_init();

	*r = (struct result){ 0 };
	qpdflogger_set_info(logger, qpdf_log_dest_discard, NULL, NULL);
	qpdflogger_set_warn(logger, qpdf_log_dest_custom, note, r);
	qpdflogger_set_error(logger, qpdf_log_dest_custom, note, r);
	qpdfjob_set_logger(job, logger);
	r->code = qpdfjob_initialize_from_json(job, in->text);
	if (r->code == 0)
		r->code = qpdfjob_run(job);
	qpdfjob_cleanup(&job);
	qpdflogger_cleanup(&logger);
}

static void
write_job(struct job *in, int out, const struct cutting *what)
{
	snprintf(in->text, sizeof(in->text),
	    "{ \"inputFile\": \"/proc/self/fd/%d\", \"outputFile\": \"/proc/self/fd/%d\","
	    " \"pages\": [ { \"file\": \".\", \"range\": \"%u-%u\" } ],"
	    " \"removeUnreferencedResources\": \"auto\","
	    " \"objectStreams\": \"generate\", \"deterministicId\": \"\" }",
	    what->fd, out, what->pages.first, what->pages.last);
}

static enum status
run(int out, const struct cutting *what, off_t most, struct error *e)
{
	const struct confinement limits = {
		.memory = MEMORY_MAX,
		.seconds = SECONDS_MAX,
		.patience = PATIENCE,
		.output = (uint64_t)most,
		.input = what->fd,
		.result = out,
		.stop = what->stop,
	};
	struct job in;
	struct result r;
	const struct confined call = { cut, &in, &r, sizeof(r) };
	enum status status;

	write_job(&in, out, what);
	status = confine_call(&limits, &call, e);
	if (status)
		return status;
	r.text[TEXT_MAX - 1] = '\0'; /* whatever became of the child */
	r.text[strcspn(r.text, "\n")] = '\0';
	if (r.code != 0) /* a warning, too: what was repaired may miss something */
		return error_set(
		    e, STATUS_INVALID, "the PDF cannot be divided: %s", r.text);
	return STATUS_OK;
}

enum status
pdf_part(int out, off_t *size, const struct cutting *what, struct error *e)
{
	const struct page_range *pages = &what->pages;
	enum status status = STATUS_OK;
	struct stat st;
	off_t most;

	if (pages->first < 1 || pages->last < pages->first)
		return error_set(e, STATUS_INVALID, "there are no pages %u to %u",
		    pages->first, pages->last);
	if (fstat(what->fd, &st) != 0)
		return error_errno(e, "the PDF cannot be divided");
	most = st.st_size + GROWTH_MAX;
	status = run(out, what, most, e);
	if (status == STATUS_OK)
		status =
		    pdf_verify(out, size, pages->last - pages->first + 1, what->stop, e);
	if (status == STATUS_INVALID && !confine_has_room(out, most))
		return error_errno(e, "there is no room for a part of the PDF");
	return status;
}
