/* documents: a job's documents as attachments (documents.h). */
#include "backend/documents.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/options.h"
#include "backend/sources.h"
#include "lib/base/buf.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/doc/pdfcheck.h"
#include "lib/doc/pdfsplit.h"
#include "lib/mail/filename.h"
#include "lib/mail/mediatype.h"

enum {
	COPY_BLOCK = 256 * 1024, /* also what the filters' pipe is asked to hold */
	/* bytes of a name that stay before "-NUMBER.EXTENSION" */
};

/* Waits for the stream; false when the job is to be stopped. */
static bool
wait_for_input(const struct intake *in)
{
	struct pollfd watched[] = {
		{ .fd = in->input, .events = POLLIN },
		{ .fd = in->stop, .events = POLLIN },
	};

	while (poll(watched, 2, -1) < 0 && errno == EINTR)
		continue;
	return !watched[1].revents;
}

static enum status
refuse_stream(uint64_t most, struct error *e)
{
	char limit[TEXT_SIZE_MAX];

	text_size(limit, most, TEXT_DOWN);
	return error_set(e, STATUS_REFUSED,
	    "the document has more than %s, more than any account may send "
	    "(max_message_size); print fewer pages at a time or scan with a lower "
	    "resolution",
	    limit);
}

enum status
documents_spool(const struct intake *in, off_t *size, struct error *e)
{
	static char block[COPY_BLOCK];
	off_t total = 0;
	ssize_t n;

	fcntl(in->input, F_SETPIPE_SZ, COPY_BLOCK); /* fewer turns; no pipe, no matter */
	do {
		if (!wait_for_input(in))
			return error_set(
			    e, STATUS_CANCELLED, "stopped before the filters were done");
		n = read(in->input, block, sizeof(block));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(
			    e, "cannot read the document from the filters");
		if (!file_write(in->scratch, block, (size_t)n))
			return error_errno(
			    e, "cannot keep the document in %s", in->job->tmpdir);
		total += n;
		if ((uint64_t)total > in->most) /* before the disk is full of it */
			return refuse_stream(in->most, e);
	} while (n != 0);
	*size = total;
	return STATUS_OK;
}

static bool
is_pdf(const struct document *d)
{
	return strcmp(d->type, "application/pdf") == 0;
}

/* Looks at the first bytes. The extension is kept in filename until the document is
 * named. */
static enum status
identify(struct document *d, struct error *e)
{
	static unsigned char sample[MEDIATYPE_SAMPLE];
	struct mediatype m;
	enum status status;
	ssize_t n;

	n = pread(d->fd, sample, sizeof(sample), d->start);
	if (n < 0)
		return error_errno(e, "cannot read the document");
	if (n > d->size)
		n = (ssize_t)d->size;
	status = mediatype_detect(&m, sample, (size_t)n, e);
	if (status)
		return status;
	snprintf(d->type, sizeof(d->type), "%s", m.type);
	d->filename = strdup(m.extension);
	return d->filename ? STATUS_OK : error_set(e, STATUS_RETRY, "out of memory");
}

/* Keeps what a scan says of itself; what was printed says nothing. */
static enum status
take_facts(struct document *d, const struct pdf_facts *facts, struct error *e)
{
	d->pages = facts->pages;
	d->scanned = facts->scanned;
	if (!d->scanned)
		return STATUS_OK;
	d->incomplete = facts->incomplete;
	d->hold = facts->hold;
	d->whole = facts->pages;
	d->remark = facts->remark[0] ? strdup(facts->remark) : NULL;
	if (facts->remark[0] && !d->remark)
		return error_set(e, STATUS_RETRY, "out of memory");
	return STATUS_OK;
}

static enum status
look_into(struct document *d, bool filtered, size_t number, struct error *e)
{
	const struct examining what = {
		.fd = d->fd,
		.span = { .start = d->start, .size = d->size },
		.strictness = filtered ? PDF_STRICT : PDF_LENIENT,
		.stop = -1,
	};
	struct pdf_facts facts;
	struct error why;
	enum status status = pdf_examine(&what, &facts, &why);

	if (status == STATUS_INVALID)
		return error_set(e, STATUS_HOLD,
		    "document %zu is no whole PDF (%s); print it again, and if that does "
		    "not help look for a filter's error in CUPS's error_log",
		    number, why.text);
	return status ? error_set(e, status, "%s", why.text) : take_facts(d, &facts, e);
}

static enum status
refuse_number(struct error *e)
{
	return error_set(e, STATUS_REFUSED,
	    "the job has more than %d documents; print them in several jobs",
	    MESSAGE_ATTACHMENTS_MAX);
}

/* Takes one document in, after a look at it. */
static enum status
add_document(
    struct documents *out, struct document d, const struct intake *in, struct error *e)
{
	struct document *new = &out->item[out->count];
	enum status status;

	if (out->count == MESSAGE_ATTACHMENTS_MAX)
		return refuse_number(e);
	*new = d;
	out->count++;
	status = identify(new, e);
	if (status == STATUS_OK && is_pdf(new))
		status = look_into(new, job_is_filtered(in->job), out->count, e);
	out->pages += new->pages;
	return status;
}

/* Tells the PDFs of the stream apart. */
static enum status
sort_stream(struct documents *out, const struct intake *in, off_t size, struct error *e)
{
	static struct span spans[SPOOL_FILES_MAX];
	struct spans found = { .item = spans, .max = sizeof(spans) / sizeof(spans[0]) };
	const struct spool *spool = in->spool;
	bool filtered = job_is_filtered(in->job);
	size_t count = 0, last;
	enum status status;
	struct error why;

	status = pdf_split(&found, in->scratch, size, &why);
	count = found.count;
	if (status == STATUS_INVALID && filtered)
		return error_set(e, STATUS_HOLD,
		    "the filters delivered no PDF (%s); nothing was sent, look for a "
		    "filter's error in CUPS's error_log",
		    why.text);
	if (status == STATUS_RETRY)
		return error_set(e, status, "%s", why.text);
	if (status == STATUS_INVALID) { /* one document of another kind */
		count = 1;
		spans[0] = (struct span){ .start = 0, .size = size };
		status = STATUS_OK;
	}
	if (filtered && spool->count && count != spool->count)
		return error_set(e, STATUS_HOLD,
		    "the job has %zu documents and the filters delivered %zu; nothing "
		    "was sent, look for a filter's error in CUPS's error_log",
		    spool->count, count);
	last = count - (spool->banner_last ? 1 : 0);
	for (size_t i = spool->banner_first ? 1 : 0; status == STATUS_OK && i < last;
	     i++) {
		struct document d = {
			.fd = in->scratch, .start = spans[i].start, .size = spans[i].size
		};

		status = add_document(out, d, in, e);
	}
	return status;
}

/* Takes the spooled files of a raw job as they are. */
static enum status
sort_files(struct documents *out, const struct intake *in, struct error *e)
{
	const struct spool *spool = in->spool;
	size_t last = spool->count - (spool->banner_last ? 1 : 0);
	enum status status = STATUS_OK;

	for (size_t i = spool->banner_first ? 1 : 0; status == STATUS_OK && i < last;
	     i++) {
		struct document d = { .fd = spool->fd[i] };
		struct stat st;

		if (fstat(d.fd, &st) < 0)
			return error_errno(e, "cannot read the document");
		d.size = st.st_size;
		status = add_document(out, d, in, e);
	}
	return status;
}

enum status
documents_sort(
    struct documents *out, const struct intake *in, off_t size, struct error *e)
{
	bool filtered = job_is_filtered(in->job);
	enum status status;

	*out = (struct documents){ 0 };
	if (in->spool->too_many)
		return refuse_number(e);
	if (in->spool->banner_first || in->spool->banner_last)
		log_message(LEVEL_DEBUG, "Leaving out the banner %s the documents",
		    in->spool->banner_first
			? in->spool->banner_last ? "before and after" : "before"
			: "after");
	/* several raw documents come as one stream without seams: the files have them */
	if (in->job->file || (!filtered && in->spool->count > 1))
		status = sort_files(out, in, e);
	else
		status = sort_stream(out, in, size, e);
	if (status == STATUS_OK && out->count == 0)
		status = error_set(e, STATUS_HOLD,
		    "cupsd handed over a banner and no document; give the queue "
		    "Postroom's PPD, or switch its banners off (job-sheets)");
	if (status)
		documents_clear(out);
	return status;
}

/* The number-th value of an option that is given once a document; NULL unless there are
 * `count`. */
static const char *
document_option(
    const struct pairs *options, const char *name, size_t number, size_t count)
{
	const char *value = NULL;
	size_t seen = 0;

	for (size_t i = 0; i < options->count; i++) {
		if (strcasecmp(options->item[i].name, name) != 0)
			continue;
		if (seen++ == number)
			value = options->item[i].value;
	}
	return seen == count ? value : NULL;
}

/* Whether an earlier document has this name. */
static bool
is_taken(const struct documents *d, size_t number, const char *name)
{
	for (size_t i = 0; i < number; i++)
		if (strcasecmp(d->item[i].filename, name) == 0)
			return true;
	return false;
}

/* A name for document `number` from a text; a name that is taken gets a number. */
static char *
make_name(
    const struct documents *d, size_t number, const char *text, const char *extension)
{
	char *first = filename_clean(text, extension), *name = NULL;
	char suffix[FILENAME_SUFFIX_MAX + 1];

	if (!first || !is_taken(d, number, first))
		return first;
	for (size_t i = number + 1; !name || is_taken(d, number, name); i++) {
		snprintf(suffix, sizeof(suffix), "-%zu", i);
		free(name);
		name = filename_with(first, suffix);
		if (!name)
			break;
	}
	free(first);
	return name;
}

/* A PDF that somebody printed may have come from a stranger: it says nothing. */
static void
forget_scans(struct documents *d)
{
	for (size_t i = 0; i < d->count; i++) {
		struct document *one = &d->item[i];

		free(one->remark);
		one->remark = NULL;
		one->scanned = one->incomplete = one->hold = false;
	}
}

enum status
documents_name(struct documents *d, const struct job *job, const struct pairs *options,
    const char *wanted, struct error *e)
{
	enum status status = STATUS_OK;
	struct buf title;

	if (!options_get(options, "mail-scanned"))
		forget_scans(d);
	buf_init(&title, strlen(job->title));
	sources_title(&title, job->title);
	for (size_t i = 0; i < d->count; i++) {
		const char *own =
		    document_option(options, "document-name-supplied", i, d->count);
		const char *text = wanted ? wanted : buf_text(&title);
		char *name;

		if (!wanted && d->count > 1 && own && own[0])
			text = own;
		name = make_name(d, i, text, d->item[i].filename);
		if (!name) {
			status = error_set(e, STATUS_RETRY, "out of memory");
			break;
		}
		free(d->item[i].filename);
		d->item[i].filename = name;
	}
	buf_clear(&title);
	return status;
}

const struct document *
documents_held(const struct documents *d)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->item[i].hold)
			return &d->item[i];
	return NULL;
}

void
documents_clear(struct documents *d)
{
	for (size_t i = 0; i < d->count; i++) {
		free(d->item[i].filename);
		free(d->item[i].remark);
	}
	*d = (struct documents){ 0 };
}
