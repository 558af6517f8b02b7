/* Tests of backend/documents.c: what scans among a job's documents say of themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/documents.h"
#include "lib/base/buf.h"
#include "lib/base/file.h"
#include "lib/doc/pdfwriter.h"

enum {
	BYTES_MAX = 1024 * 1024,
};

/* A job and what the filters brought, or a client as it is. */
struct setup {
	struct job job;
	struct spool spool;
	struct buf stream;
	struct documents documents;
	struct error error;
};

static int
set_up(void **state)
{
	struct setup *s = calloc(1, sizeof(*s));

	*state = s;
	if (!s)
		return -1;
	buf_init(&s->stream, BYTES_MAX);
	s->job = (struct job){ .final_type = strdup("application/vnd.cups-pdf") };
	return 0;
}

static int
tear_down(void **state)
{
	struct setup *s = *state;

	documents_clear(&s->documents);
	spool_close(&s->spool);
	buf_clear(&s->stream);
	job_clear(&s->job);
	free(s);
	return 0;
}

static enum status
take(void *context, const void *bytes, size_t len, struct error *e)
{
	(void)e;
	assert_true(buf_add(context, bytes, len));
	return STATUS_OK;
}

/* Appends a scan. */
static void
add_scan(struct setup *s, unsigned pages, const char *remark, bool hold)
{
	const struct pdf_page page = { { PIXEL_GRAY, 1, 1, 90 }, 72, 72, 0 };
	struct buf whole;
	const struct sink sink = { .write = take, .context = &whole };
	struct pdf *p;
	struct error e;

	buf_init(&whole, BYTES_MAX);
	assert_int_equal(pdf_new(&p, &sink, NULL, 0, &e), STATUS_OK);
	while (pages--) {
		assert_int_equal(pdf_page_start(p, &page, &e), STATUS_OK);
		assert_int_equal(
		    pdf_page_row(p, (const unsigned char *)"", &e), STATUS_OK);
		assert_int_equal(pdf_page_end(p, &e), STATUS_OK);
	}
	assert_int_equal(
	    pdf_remark(p, &(struct pdf_remark){ remark, *remark != '\0', hold }, &e),
	    STATUS_OK);
	assert_int_equal(pdf_finish(p, &e), STATUS_OK);
	pdf_free(p);
	assert_true(buf_add(&s->stream, whole.data, whole.len));
	buf_clear(&whole);
}

/* Turns the last scan into what any other program made, in as many bytes. */
static void
disguise(struct setup *s)
{
	char *name = memrchr(s->stream.data, '(', s->stream.len);

	while (memcmp(name, "(scan2mail)", 11) != 0)
		name = memrchr(s->stream.data, '(', (size_t)(name - s->stream.data));
	memcpy(name, "(scan2male)", 11);
}

static void
sort(struct setup *s)
{
	struct intake in = { .job = &s->job,
		.spool = &s->spool,
		.input = -1,
		.scratch = file_scratch("/tmp") };

	assert_true(file_write(in.scratch, s->stream.data, s->stream.len));
	documents_clear(&s->documents);
	if (documents_sort(&s->documents, &in, (off_t)s->stream.len, &s->error))
		fail_msg("%s", s->error.text);
	close(in.scratch);
}

static void
a_scan_is_known(void **state)
{
	struct setup *s = *state;
	const struct document *d = s->documents.item;

	add_scan(s, 7, "paper jam\nafter page 7", false);
	sort(s);
	assert_int_equal(s->documents.count, 1);
	assert_true(d->scanned);
	assert_int_equal(d->pages, 7);
	assert_int_equal(d->whole, 7);
	assert_string_equal(d->remark, "paper jam after page 7");
	assert_true(d->incomplete);
	assert_null(documents_held(&s->documents));
	buf_reset(&s->stream);
	add_scan(s, 2, "", true);
	sort(s);
	assert_true(d->scanned);
	assert_false(d->incomplete);
	assert_null(d->remark);
	assert_ptr_equal(documents_held(&s->documents), d);
}

/* Its bytes are the same but for its maker's name. */
static void
what_was_printed_says_nothing(void **state)
{
	struct setup *s = *state;
	const struct document *d = s->documents.item;

	add_scan(s, 7, "remark", true);
	disguise(s);
	sort(s);
	assert_int_equal(d->pages, 7);
	assert_false(d->scanned || d->hold || d->incomplete);
	assert_int_equal(d->whole, 0);
	assert_null(d->remark);
	assert_null(documents_held(&s->documents));
}

static void
one_of_several_holds_the_job(void **state)
{
	struct setup *s = *state;
	const struct document *d = s->documents.item;

	add_scan(s, 1, "printed", true);
	disguise(s);
	add_scan(s, 2, "whole", false);
	add_scan(s, 3, "part", true);
	add_scan(s, 4, "too", true);
	sort(s);
	assert_int_equal(s->documents.count, 4);
	assert_false(d[0].scanned);
	assert_true(d[1].scanned && d[2].scanned && d[3].scanned);
	assert_string_equal(d[1].remark, "whole");
	assert_ptr_equal(documents_held(&s->documents), &d[2]);
}

/* As scan2mail's own jobs arrive: no filter has run. */
static void
raw_scans_are_known(void **state)
{
	struct setup *s = *state;
	const struct document *d = s->documents.item;

	add_scan(s, 3, "raw", true);
	s->job.file = strdup("d00001-001");
	s->spool.fd[s->spool.count++] = file_scratch("/tmp");
	assert_true(file_write(s->spool.fd[0], s->stream.data, s->stream.len));
	sort(s);
	assert_true(d->scanned && d->hold);
	assert_string_equal(d->remark, "raw");
	assert_int_equal(d->whole, 3);
}

int
main(void)
{
#define WITH_JOB(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_JOB(a_scan_is_known),
		WITH_JOB(what_was_printed_says_nothing),
		WITH_JOB(one_of_several_holds_the_job),
		WITH_JOB(raw_scans_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
