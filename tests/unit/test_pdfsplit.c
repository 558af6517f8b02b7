/* Tests of lib/doc/pdfsplit.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/buf.h"
#include "lib/doc/pdfsplit.h"
#include "lib/doc/pdfwriter.h"

enum {
	STREAM_MAX = 64 * 1024 * 1024,
};

/* The least that counts as a document: its cross-reference stands behind its head. */
#define SMALL "%PDF-1.4\nxref\n0 0\ntrailer\n<<>>\nstartxref\n9\n%%EOF\n"

struct stream {
	struct buf bytes;
	struct span span[PDFSPLIT_MAX];
	size_t count;
};

static int
set_up(void **state)
{
	struct stream *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	buf_init(&s->bytes, STREAM_MAX);
	*state = s;
	return 0;
}

static int
tear_down(void **state)
{
	struct stream *s = *state;

	buf_clear(&s->bytes);
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

/* Appends a real PDF with a page of noise; more noise, more bytes. */
static void
add_real(struct buf *out, unsigned side)
{
	const struct pdf_page page = { { PIXEL_GRAY, side, side, 90 }, 72, 72, 0 };
	struct buf alone;
	struct sink sink = { .write = take, .context = &alone };
	unsigned char row[2000];
	struct pdf *p = NULL;
	struct error e;

	buf_init(&alone, STREAM_MAX);
	assert_int_equal(pdf_new(&p, &sink, "a document", 0, &e), STATUS_OK);
	assert_int_equal(pdf_page_start(p, &page, &e), STATUS_OK);
	for (unsigned y = 0; y < side; y++) {
		for (unsigned x = 0; x < side; x++)
			row[x] = (unsigned char)((x + y * 2000) * 2654435761u >> 15);
		assert_int_equal(pdf_page_row(p, row, &e), STATUS_OK);
	}
	assert_int_equal(pdf_page_end(p, &e), STATUS_OK);
	assert_int_equal(pdf_finish(p, &e), STATUS_OK);
	pdf_free(p);
	buf_add(out, alone.data, alone.len);
	buf_clear(&alone);
}

static enum status
split_max(struct stream *s, size_t max, struct error *e)
{
	struct spans spans = { s->span, max, 12345 };
	int fd = memfd_create("stream", MFD_CLOEXEC);
	enum status status;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, buf_text(&s->bytes), s->bytes.len), s->bytes.len);
	status = pdf_split(&spans, fd, (off_t)s->bytes.len, e);
	s->count = spans.count;
	close(fd);
	return status;
}

/* Splits; the spans must be these starts and cover everything behind the first one. */
static void
assert_starts(struct stream *s, const size_t *starts, size_t count)
{
	struct error e = { "" };

	assert_int_equal(split_max(s, PDFSPLIT_MAX, &e), STATUS_OK);
	assert_int_equal(s->count, count);
	for (size_t i = 0; i < count; i++) {
		size_t end = i + 1 < count ? starts[i + 1] : s->bytes.len;

		assert_int_equal(s->span[i].start, starts[i]);
		assert_int_equal(s->span[i].size, end - starts[i]);
	}
}

static void
real_documents_are_told_apart(void **state)
{
	static const unsigned sides[] = { 1, 300, 1500, 2 };
	struct stream *s = *state;
	size_t starts[4];

	for (size_t i = 0; i < 4; i++) {
		starts[i] = s->bytes.len;
		add_real(&s->bytes, sides[i]);
		assert_starts(s, starts, i + 1);
	}
}

/* A document's end and the next one's start, at every place of a block's edge. */
static void
block_edges_do_not_matter(void **state)
{
	struct stream *s = *state;
	size_t starts[2] = { 0 };

	for (size_t at = 65536 - 80; at < 65536 + 1200; at += at < 65536 + 20 ? 1 : 97) {
		buf_reset(&s->bytes);
		buf_puts(&s->bytes, "%PDF-1.4\nxref\n0 0\n");
		while (s->bytes.len < at - strlen("startxref\n9\n%%EOF\n"))
			buf_putc(&s->bytes, 'x');
		buf_puts(&s->bytes, "startxref\n9\n%%EOF\n");
		starts[1] = s->bytes.len;
		buf_puts(&s->bytes, SMALL);
		assert_starts(s, starts, 2);
	}
}

static void
blanks_and_line_ends_are_all_the_same(void **state)
{
	static const char *const ends[] = {
		"startxref\n9\n%%EOF",
		"startxref\r9\r%%EOF\r",
		"startxref\r\n9\r\n%%EOF\r\n",
		"startxref 9 %%EOF \t\f\r\n\n",
		"startxref\n000000000009\n\n%%EOF\n\n\n",
	};
	struct stream *s = *state;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t starts[2] = { 0 };

		buf_reset(&s->bytes);
		buf_printf(&s->bytes, "%%PDF-1.4\nxref\r\n0 0\n%s", ends[i]);
		starts[1] = s->bytes.len;
		buf_puts(&s->bytes, SMALL);
		assert_starts(s, starts, 2);
	}
}

static void
cross_reference_streams_count(void **state)
{
	static const char *const heads[] = {
		"7 0 obj\n<</Type/XRef/Size 8>>",
		"\n12 0 obj <</Length 5 /Type /XRef>>",
		"7\n0\nobj<</XRef>>",
	};
	struct stream *s = *state;

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		size_t starts[2] = { 0 };

		buf_reset(&s->bytes);
		buf_printf(&s->bytes, "%%PDF-1.5\n%s\nstartxref\n9\n%%%%EOF\n", heads[i]);
		starts[1] = s->bytes.len;
		buf_puts(&s->bytes, SMALL);
		assert_starts(s, starts, 2);
	}
}

/* Each text stands between the head of a document and "%PDF-"; none starts another. */
static void
what_does_not_fit_is_no_boundary(void **state)
{
	static const char *const texts[] = {
		"",                                         /* nothing before */
		"stream\n",                                 /* an embedded PDF */
		"%%EOF\n",                                  /* no startxref */
		"9\n%%EOF\n",                               /* nor its word */
		"startxref\n%%EOF\n",                       /* no number */
		"startxref9\n%%EOF\n",                      /* no blank */
		"startxref\n10\n%%EOF\n",                   /* beside the table */
		"startxref\n0\n%%EOF\n",                    /* the head itself */
		"startxref\n-9\n%%EOF\n",                   /* no offset */
		"startxref\n46\n%%EOF\n",                   /* the next document\'s own */
		"startxref\n999999\n%%EOF\n",               /* behind the end */
		"startxref\n18446744073709551625\n%%EOF\n", /* 9 beyond 64 bits */
		"startxref\n9223372036854775807\n%%EOF\n",  /* the largest off_t */
		"startxref\n9\n%%EOF\nx",                   /* not just blanks */
		"startxref\n9\n%%EO",                       /* cut */
		"startxref\n9 0\n%%EOF\n",                  /* two numbers */
	};
	struct stream *s = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const size_t start = 0;

		buf_reset(&s->bytes);
		buf_printf(&s->bytes, "%%PDF-1.4\nxref\n0 0\n%s", texts[i]);
		buf_puts(&s->bytes, SMALL);
		assert_starts(s, &start, 1);
	}
}

/* An object that is no cross-reference, and a word that only begins like one. */
static void
other_objects_are_no_cross_reference(void **state)
{
	static const char *const objects[] = {
		"7 0 obj\n<</Type/Catalog>>",
		"7 0 /XRef",
		"xreference",
		"(xref)",
		"xref",
	};
	struct stream *s = *state;
	const size_t start = 0;

	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		buf_reset(&s->bytes);
		buf_printf(&s->bytes, "%%PDF-1.5\n%s", objects[i]);
		/* "xref" needs a blank behind it: startxref follows at once */
		buf_printf(&s->bytes, "%sstartxref\n9\n%%%%EOF\n", i == 4 ? "" : "\n");
		buf_puts(&s->bytes, SMALL);
		assert_starts(s, &start, 1);
	}
}

/* A document that carries two whole ones in a stream: their offsets count from their own
 * starts, and do not fit the carrier. Then the carrier's end, and a neighbour. */
static void
carried_documents_stay_inside(void **state)
{
	struct stream *s = *state;
	size_t starts[2] = { 0 }, xref;

	buf_puts(&s->bytes, "%PDF-1.7\n1 0 obj\n<</Length 99>>\nstream\n");
	add_real(&s->bytes, 50);
	add_real(&s->bytes, 60);
	buf_puts(&s->bytes, SMALL SMALL);
	buf_puts(&s->bytes, "\nendstream\nendobj\n");
	xref = s->bytes.len;
	buf_printf(
	    &s->bytes, "xref\n0 2\ntrailer\n<<>>\nstartxref\n%zu\n%%%%EOF\n", xref);
	assert_starts(s, starts, 1);
	starts[1] = s->bytes.len;
	add_real(&s->bytes, 10);
	assert_starts(s, starts, 2);
}

static void
updates_belong_to_their_document(void **state)
{
	struct stream *s = *state;
	size_t starts[2] = { 0 }, xref;

	buf_puts(&s->bytes, SMALL "5 0 obj\n<<>>\nendobj\n");
	xref = s->bytes.len;
	buf_printf(&s->bytes,
	    "xref\n5 1\n0000000050 00000 n \ntrailer\n<</Prev 9>>\nstartxref\n%zu\n"
	    "%%%%EOF\n",
	    xref);
	assert_starts(s, starts, 1);
	starts[1] = s->bytes.len;
	buf_puts(&s->bytes, SMALL);
	assert_starts(s, starts, 2);
}

static void
what_stands_around_is_kept(void **state)
{
	struct stream *s = *state;
	size_t starts[2] = { 5, 5 + strlen(SMALL) };

	buf_puts(&s->bytes, "\x1b%-12" SMALL SMALL "\x1b%-12345X garbage");
	assert_starts(s, starts, 2);
}

static void
the_first_must_come_soon(void **state)
{
	struct stream *s = *state;
	struct error e = { "" };
	size_t start = 1023;

	for (size_t i = 0; i < start; i++)
		buf_putc(&s->bytes, ' ');
	buf_puts(&s->bytes, SMALL);
	assert_starts(s, &start, 1);
	buf_reset(&s->bytes);
	for (size_t i = 0; i < 1024; i++)
		buf_putc(&s->bytes, ' ');
	buf_puts(&s->bytes, SMALL);
	assert_int_equal(split_max(s, PDFSPLIT_MAX, &e), STATUS_INVALID);
	assert_int_equal(s->count, 12345);
	assert_non_null(strstr(e.text, "no PDF"));
}

static void
other_bytes_are_no_pdf(void **state)
{
	static const char *const texts[] = { "", "%", "%PDF", "%PD%PD%PDF",
		"hello\n%%EOF\n" };
	struct stream *s = *state;
	struct error e;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		buf_reset(&s->bytes);
		buf_puts(&s->bytes, texts[i]);
		assert_int_equal(split_max(s, PDFSPLIT_MAX, &e), STATUS_INVALID);
	}
}

static void
a_thousand_are_the_limit(void **state)
{
	static size_t starts[PDFSPLIT_MAX];
	struct stream *s = *state;
	struct error e;

	for (size_t i = 0; i < PDFSPLIT_MAX; i++) {
		starts[i] = s->bytes.len;
		buf_puts(&s->bytes, SMALL);
	}
	assert_starts(s, starts, PDFSPLIT_MAX);
	assert_int_equal(split_max(s, PDFSPLIT_MAX - 1, &e), STATUS_INVALID);
	assert_non_null(strstr(e.text, "999"));
	assert_int_equal(s->count, 12345);
}

/* Many ends that fit nothing: each costs a look at the file, and no more. */
static void
false_ends_cost_little(void **state)
{
	struct stream *s = *state;
	const size_t start = 0;

	buf_puts(&s->bytes, "%PDF-1.4\n");
	while (s->bytes.len < 4 * 1024 * 1024)
		buf_puts(&s->bytes, "startxref\n1\n%%EOF\n%PDF-%PDF-");
	assert_starts(s, &start, 1);
}

static void
failing_reads_are_said(void **state)
{
	struct stream *s = *state;
	struct error e = { "" };
	int fd = memfd_create("short", MFD_CLOEXEC);
	struct spans spans = { s->span, 10, 7 };

	assert_int_equal(write(fd, SMALL, strlen(SMALL)), strlen(SMALL));
	assert_int_equal(pdf_split(&spans, fd, 1000, &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, "of 1000 bytes"));
	close(fd);
	assert_int_equal(pdf_split(&spans, -1, 1000, &e), STATUS_RETRY);
	assert_int_equal(spans.count, 7);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(real_documents_are_told_apart),
		T(block_edges_do_not_matter),
		T(blanks_and_line_ends_are_all_the_same),
		T(cross_reference_streams_count),
		T(what_does_not_fit_is_no_boundary),
		T(other_objects_are_no_cross_reference),
		T(carried_documents_stay_inside),
		T(updates_belong_to_their_document),
		T(what_stands_around_is_kept),
		T(the_first_must_come_soon),
		T(other_bytes_are_no_pdf),
		T(a_thousand_are_the_limit),
		T(false_ends_cost_little),
		T(failing_reads_are_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
