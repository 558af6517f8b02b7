/* Tests of lib/doc/pdfwriter.c with a sink that keeps room for the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <qpdf/qpdf-c.h>

#include "lib/base/buf.h"
#include "lib/doc/pdfwriter.h"

enum {
	OUT_MAX = 8 * 1024 * 1024,
};

/* A disk of so many bytes, of which some are to be left. */
struct disk {
	struct buf out;
	uint64_t size, reserve;
	uint64_t end;   /* what the largest reserve was for */
	size_t written; /* when it was given up */
	struct pdf *pdf;
	struct error error;
};

static enum status
write_disk(void *context, const void *bytes, size_t len, struct error *e)
{
	struct disk *d = context;

	if (d->out.len + len + d->reserve > d->size)
		return error_set(e, STATUS_RETRY, "the disk is full");
	assert_true(buf_add(&d->out, bytes, len));
	return STATUS_OK;
}

static void
reserve(void *context, uint64_t bytes)
{
	struct disk *d = context;

	d->reserve = bytes;
	if (bytes == 0)
		d->written = d->out.len;
	else
		d->end = bytes;
}

static void
start_disk(struct disk *d, uint64_t size, const char *title)
{
	const struct sink sink = { write_disk, d, reserve };

	*d = (struct disk){ .size = size };
	buf_init(&d->out, OUT_MAX);
	assert_int_equal(pdf_new(&d->pdf, &sink, title, 0, &d->error), STATUS_OK);
}

static void
end_disk(struct disk *d)
{
	pdf_free(d->pdf);
	buf_clear(&d->out);
}

static unsigned
read_pages(const struct disk *d)
{
	qpdf_data q = qpdf_init();
	unsigned pages;

	qpdf_silence_errors(q);
	qpdf_set_suppress_warnings(q, QPDF_TRUE);
	qpdf_set_attempt_recovery(q, QPDF_FALSE);
	assert_int_equal(
	    qpdf_read_memory(q, "test", d->out.data, d->out.len, NULL), QPDF_SUCCESS);
	assert_int_equal(qpdf_check_pdf(q), QPDF_SUCCESS);
	assert_false(qpdf_more_warnings(q));
	pages = (unsigned)qpdf_get_num_pages(q);
	qpdf_cleanup(&q);
	return pages;
}

/* One page more; where there is no room for it, it is left out. */
static bool
add_or_drop(struct disk *d, const struct pdf_page *page)
{
	unsigned char row[4096] = { 0 };
	enum status status = pdf_page_start(d->pdf, page, &d->error);
	bool started = status == STATUS_OK;

	for (unsigned y = 0; y < page->raster.height && status == STATUS_OK; y++)
		status = pdf_page_row(d->pdf, row, &d->error);
	if (status == STATUS_OK)
		status = pdf_page_end(d->pdf, &d->error);
	if (status == STATUS_OK)
		return true;
	assert_int_equal(status, STATUS_RETRY);
	assert_string_equal(d->error.text, "the disk is full");
	if (started)
		assert_int_equal(pdf_page_drop(d->pdf, &d->error), STATUS_OK);
	return false;
}

/* Wherever the disk is full, at each byte around the third page: two pages, or three. */
static void
room_for_the_end_is_kept(void **state)
{
	static const struct pdf_page pages[] = {
		{ { PIXEL_RGB, 900, 30, 90 }, 72, 72, 0 },
		{ { PIXEL_BILEVEL, 900, 30, 0 }, 72, 72, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		unsigned least = 3, most = 0;
		uint64_t size, two;
		struct disk d;

		start_disk(&d, UINT64_MAX / 2, NULL);
		assert_true(add_or_drop(&d, &pages[i]) && add_or_drop(&d, &pages[i]));
		two = d.out.len;
		assert_true(add_or_drop(&d, &pages[i]));
		size = d.out.len + d.reserve + 1;
		end_disk(&d);
		for (; size >= two + d.end; size--) {
			unsigned whole = 0;

			start_disk(&d, size, NULL);
			while (whole < 3 && add_or_drop(&d, &pages[i]))
				whole++;
			assert_int_equal(pdf_finish(d.pdf, &d.error), STATUS_OK);
			assert_true(d.out.len <= size);
			assert_int_equal(read_pages(&d), whole);
			least = whole < least ? whole : least;
			most = whole > most ? whole : most;
			end_disk(&d);
		}
		assert_int_equal(least, 2);
		assert_int_equal(most, 3);
	}
}

/* The longest end: many pages of the longest numbers, some dropped, and long texts. */
static void
the_end_needs_no_more_than_its_room(void **state)
{
	const struct pdf_page page = { { PIXEL_GRAY, 2000, 1, 1 }, 10, 0.01, 270 };
	char longest[PDF_REMARK_MAX + 1];
	const struct pdf_remark remark = { longest, true, true };
	struct disk d;

	(void)state;
	memset(longest, 'x', PDF_REMARK_MAX);
	longest[PDF_REMARK_MAX] = '\0';
	for (unsigned count = 1; count <= 2048; count *= 4) {
		start_disk(&d, UINT64_MAX / 2, longest);
		for (unsigned i = 0; i < count; i++) {
			assert_true(add_or_drop(&d, &page));
			assert_int_equal(
			    pdf_page_start(d.pdf, &page, &d.error), STATUS_OK);
			assert_int_equal(pdf_page_drop(d.pdf, &d.error), STATUS_OK);
		}
		assert_true(add_or_drop(&d, &page));
		assert_int_equal(pdf_remark(d.pdf, &remark, &d.error), STATUS_OK);
		assert_int_equal(pdf_finish(d.pdf, &d.error), STATUS_OK);
		assert_true(d.out.len - d.written <= d.end);
		end_disk(&d);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(room_for_the_end_is_kept),
		cmocka_unit_test(the_end_needs_no_more_than_its_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
