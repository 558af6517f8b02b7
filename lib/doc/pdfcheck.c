/*
 * pdfcheck: libqpdf in a child of its own (pdfcheck.h, confine.h).
 *
 * The document is mapped, so nothing is copied; the child leaves one struct as its
 * report.
 */
#include "lib/doc/pdfcheck.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <qpdf/qpdf-c.h>

#include "lib/base/buf.h"
#include "lib/base/text.h"
#include "lib/doc/confine.h"

enum {
	MEMORY_MAX = 512 * 1024 * 1024, /* bytes beyond what is mapped already */
	SECONDS_MAX = 30,               /* of CPU */
	PATIENCE = 10 * SECONDS_MAX,    /* by the clock: a busy machine is slow */
	TEXT_MAX = 256,
};

struct reading {
	const char *bytes;
	size_t size;
	bool strict;
	bool images; /* are counted too */
};

struct result {
	enum status status;
	struct pdf_facts facts; /* the remark as it stands there */
	char text[TEXT_MAX];    /* what libqpdf says; "" when it said nothing */
};

_Static_assert(sizeof(struct result) <= CONFINE_REPORT_MAX, "the report fits");

/* The first complaint of libqpdf: its error, else (where damage matters) a warning. */
static bool
complaint(qpdf_data qpdf, bool warnings, struct result *r)
{
	qpdf_error error = NULL;

	if (qpdf_has_error(qpdf))
		error = qpdf_get_error(qpdf);
	else if (warnings && qpdf_more_warnings(qpdf))
		error = qpdf_next_warning(qpdf);
	if (!error)
		return false;
	r->status = STATUS_INVALID;
	snprintf(
	    r->text, sizeof(r->text), "%s", qpdf_get_error_message_detail(qpdf, error));
	return true;
}

/* The number under a key of a dictionary; 0 where there is none. */
static int
number_at(qpdf_data qpdf, qpdf_oh dictionary, const char *key)
{
	int number = 0;

	qpdf_oh_get_value_as_int(qpdf, qpdf_oh_get_key(qpdf, dictionary, key), &number);
	return number > 0 ? number : 0;
}

/* Bytes of all streams that are images (ISO 32000-1 8.9.5). */
static uint64_t
count_images(qpdf_data qpdf)
{
	int objects = number_at(qpdf, qpdf_get_trailer(qpdf), "/Size");
	uint64_t bytes = 0;

	for (int id = 1; id < objects; id++) {
		qpdf_oh object = qpdf_get_object_by_id(qpdf, id, 0);
		qpdf_oh dictionary;

		if (qpdf_oh_is_stream(qpdf, object)) {
			dictionary = qpdf_oh_get_dict(qpdf, object);
			if (qpdf_oh_is_name_and_equals(qpdf,
				qpdf_oh_get_key(qpdf, dictionary, "/Subtype"), "/Image"))
				bytes += (uint64_t)number_at(qpdf, dictionary, "/Length");
		}
		qpdf_oh_release_all(qpdf);
	}
	return bytes;
}

/* The text under a key of a dictionary as UTF-8, up to its first NUL; "" where there is
 * none. It lives until the next call. */
static const char *
text_at(qpdf_data qpdf, qpdf_oh dictionary, const char *key)
{
	qpdf_oh value = qpdf_oh_get_key(qpdf, dictionary, key);
	const char *text = NULL;
	size_t len;

	if (qpdf_oh_is_string(qpdf, value))
		qpdf_oh_get_value_as_utf8(qpdf, value, &text, &len);
	return text ? text : "";
}

/* What scan2mail left in the information dictionary (ISO 32000-1 14.3.3), whatever it is
 * by now: nothing in there makes a document a bad one. */
static void
read_information(qpdf_data qpdf, struct pdf_facts *facts)
{
	qpdf_oh info = qpdf_oh_get_key(qpdf, qpdf_get_trailer(qpdf), "/Info");
	const char *remark;

	if (!qpdf_oh_is_dictionary(qpdf, info) ||
	    strcmp(text_at(qpdf, info, "/Creator"), "scan2mail") != 0)
		return;
	facts->scanned = true;
	facts->incomplete =
	    strcmp(text_at(qpdf, info, "/PostroomIncomplete"), "incomplete") == 0;
	facts->hold = strcmp(text_at(qpdf, info, "/PostroomHold"), "hold") == 0;
	remark = text_at(qpdf, info, "/PostroomRemark");
	memcpy(facts->remark, remark, text_cut(remark, PDF_REMARK_MAX));
}

/* In the child: fills a struct result. */
static void
read_pdf(void *context, void *report)
{
	const struct reading *in = context;
	struct result *r = report;
	qpdf_data qpdf = qpdf_init();
	QPDF_ERROR_CODE code;
	int pages = -1;

	*r = (struct result){ .status = STATUS_OK };
	qpdf_silence_errors(qpdf);
	qpdf_set_suppress_warnings(qpdf, QPDF_TRUE);
	qpdf_set_attempt_recovery(qpdf, in->strict ? QPDF_FALSE : QPDF_TRUE);
	code = qpdf_read_memory(qpdf, "document", in->bytes, in->size, NULL);
	if ((code & QPDF_ERRORS) && qpdf_has_error(qpdf) &&
	    qpdf_get_error_code(qpdf, qpdf_get_error(qpdf)) == qpdf_e_password) {
		r->facts.encrypted = true; /* whole as far as one can tell, 0 pages */
		goto out;
	}
	if (!(code & QPDF_ERRORS))
		pages = qpdf_get_num_pages(qpdf);
	if (complaint(qpdf, in->strict, r))
		goto out;
	if (pages > 0) {
		r->facts.pages = (unsigned)pages;
		r->facts.encrypted = qpdf_is_encrypted(qpdf);
		read_information(qpdf, &r->facts);
		if (in->images)
			r->facts.images = count_images(qpdf);
		goto out;
	}
	r->status = STATUS_INVALID;
	snprintf(r->text, sizeof(r->text), "it has no page");
out:
	qpdf_cleanup(&qpdf);
}

/* Not in the child, which a document may have taken over. */
static enum status
clean_remark(struct pdf_facts *facts, struct error *e)
{
	struct buf clean;
	bool cleaned;

	facts->remark[PDF_REMARK_MAX] = '\0';
	buf_init(&clean, sizeof(facts->remark) * 3); /* an invalid byte becomes three */
	cleaned = text_clean(&clean, facts->remark, strlen(facts->remark), TEXT_LINE);
	snprintf(facts->remark, sizeof(facts->remark), "%.*s",
	    (int)text_cut(buf_text(&clean), PDF_REMARK_MAX), buf_text(&clean));
	buf_clear(&clean);
	return cleaned ? STATUS_OK : error_set(e, STATUS_RETRY, "out of memory");
}

enum status
pdf_examine(const struct examining *what, struct pdf_facts *facts, struct error *e)
{
	const struct confinement limits = {
		.memory = MEMORY_MAX,
		.seconds = SECONDS_MAX,
		.patience = PATIENCE,
		.input = -1,
		.result = -1,
		.stop = what->stop,
	};
	struct reading in = { .strict = what->strictness == PDF_STRICT,
		.images = what->images };
	struct result r;
	const struct confined call = { read_pdf, &in, &r, sizeof(r) };
	enum status status;

	if (what->span.size <= 0)
		return error_set(e, STATUS_INVALID, "the PDF is empty");
	in.bytes = confine_map(what->fd, &what->span);
	in.size = (size_t)what->span.size;
	if (!in.bytes)
		return error_errno(e, "the PDF cannot be checked");
	status = confine_call(&limits, &call, e);
	confine_unmap(in.bytes, &what->span);
	if (status)
		return status;
	r.text[TEXT_MAX - 1] = '\0'; /* whatever became of the child */
	if (r.status != STATUS_OK)
		return error_set(
		    e, STATUS_INVALID, "the PDF is damaged or cut short: %s", r.text);
	status = clean_remark(&r.facts, e);
	if (status == STATUS_OK)
		*facts = r.facts;
	return status;
}

enum status
pdf_pages(int fd, const struct span *span, enum pdf_strictness strictness,
    unsigned *pages, struct error *e)
{
	const struct examining what = {
		.fd = fd, .span = *span, .strictness = strictness, .stop = -1
	};
	struct pdf_facts facts;
	enum status status = pdf_examine(&what, &facts, e);

	if (status == STATUS_OK)
		*pages = facts.pages;
	return status;
}

enum status
pdf_verify(int fd, off_t *size, unsigned pages, int stop, struct error *e)
{
	struct examining what = { .fd = fd, .strictness = PDF_STRICT, .stop = stop };
	struct pdf_facts facts;
	struct stat st;
	enum status status;

	if (fstat(fd, &st) != 0)
		return error_errno(e, "the new PDF cannot be checked");
	what.span.size = st.st_size;
	status = pdf_examine(&what, &facts, e);
	if (status)
		return status;
	if (facts.pages != pages)
		return error_set(e, STATUS_INVALID, "the new PDF has %u of %u pages",
		    facts.pages, pages);
	*size = st.st_size;
	return STATUS_OK;
}
