/*
 * A buffer that a PDF is written into, for the tests of what reads PDFs.
 */
#ifndef POSTROOM_TEST_PDF_RIG_H
#define POSTROOM_TEST_PDF_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/base/buf.h"
#include "lib/doc/pdfwriter.h"

enum {
	PDF_MAX = 16 * 1024 * 1024,
};

static inline int
set_up(void **state)
{
	struct buf *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	buf_init(b, PDF_MAX);
	*state = b;
	return 0;
}

static inline int
tear_down(void **state)
{
	buf_clear(*state);
	free(*state);
	return 0;
}

/* A sink's write(): context is the buffer. */
static inline enum status
take(void *context, const void *bytes, size_t len, struct error *e)
{
	(void)e;
	assert_true(buf_add(context, bytes, len));
	return STATUS_OK;
}

#endif
