/*
 * What the tests of lib/doc/pdfwriter.c share: a target in memory, and libqpdf that reads
 * what was written. To be included once, by a test.
 */
#ifndef POSTROOM_TESTS_PDFWRITER_RIG_H
#define POSTROOM_TESTS_PDFWRITER_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <qpdf/qpdf-c.h>

#include "lib/base/buf.h"
#include "lib/doc/pdfwriter.h"

enum {
	OUT_MAX = 8 * 1024 * 1024,
	NOON = 1795348800, /* 2026-11-22 12:00:00 UTC */
};

struct target {
	struct buf out;
	int writes, writes_allowed; /* -1: all */
	struct pdf *pdf;
};

static inline enum status
take(void *context, const void *bytes, size_t len, struct error *e)
{
	struct target *t = context;

	if (t->writes++ == t->writes_allowed)
		return error_set(e, STATUS_RETRY, "the target is full");
	assert_true(buf_add(&t->out, bytes, len));
	return STATUS_OK;
}

static inline int
set_up(void **state)
{
	static struct target target;

	target = (struct target){ .writes_allowed = -1 };
	buf_init(&target.out, OUT_MAX);
	*state = &target;
	return 0;
}

static inline int
tear_down(void **state)
{
	struct target *t = *state;

	pdf_free(t->pdf);
	buf_clear(&t->out);
	return 0;
}

static inline struct pdf *
start(struct target *t, const char *title)
{
	struct sink sink = { .write = take, .context = t };
	struct error e;

	pdf_free(t->pdf);
	t->pdf = NULL;
	buf_reset(&t->out);
	assert_int_equal(pdf_new(&t->pdf, &sink, title, NOON, &e), STATUS_OK);
	return t->pdf;
}

static const struct pdf_page small = { { PIXEL_GRAY, 20, 10, 75 }, 72, 72, 0 };

static inline enum status
add_page(struct pdf *p, const struct pdf_page *page, struct error *e)
{
	unsigned char row[4096] = { 0 };
	enum status status = pdf_page_start(p, page, e);

	for (unsigned y = 0; y < page->raster.height && status == STATUS_OK; y++)
		status = pdf_page_row(p, row, e);
	return status == STATUS_OK ? pdf_page_end(p, e) : status;
}

/* Reads the PDF without mending it; everything is decoded once. */
static inline qpdf_data
open_pdf(struct target *t)
{
	qpdf_data q = qpdf_init();

	qpdf_silence_errors(q);
	qpdf_set_suppress_warnings(q, QPDF_TRUE);
	qpdf_set_attempt_recovery(q, QPDF_FALSE);
	assert_int_equal(
	    qpdf_read_memory(q, "test", t->out.data, t->out.len, NULL), QPDF_SUCCESS);
	assert_int_equal(qpdf_check_pdf(q), QPDF_SUCCESS);
	return q;
}

/* How many pages it has. */
static inline int
read_pages(struct target *t)
{
	qpdf_data q = open_pdf(t);
	int pages = qpdf_get_num_pages(q);

	assert_false(qpdf_more_warnings(q));
	qpdf_cleanup(&q);
	return pages;
}

#endif
