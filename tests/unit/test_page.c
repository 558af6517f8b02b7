/* Tests of scan2mail/page.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include <cmocka.h>

#include "lib/base/buf.h"
#include "scan2mail/page.h"

enum {
	OUT_MAX = 4 * 1024 * 1024,
	WIDTH = 30,
	STRIDE = 100, /* bytes of a line: 90 and padding */
	HEIGHT = 20,
};

struct fixture {
	struct buf out;
	struct pdf *pdf;
	struct page page;
	bool full; /* the PDF's target takes nothing more */
	unsigned char bytes[HEIGHT * STRIDE];
};

static enum status
take(void *context, const void *bytes, size_t len, struct error *e)
{
	struct fixture *f = context;

	if (f->full)
		return error_set(e, STATUS_RETRY, "the target is full");
	assert_true(buf_add(&f->out, bytes, len));
	return STATUS_OK;
}

static void
restart(struct fixture *f)
{
	struct sink sink = { take, f };
	struct error e;

	pdf_free(f->pdf);
	f->pdf = NULL;
	buf_reset(&f->out);
	assert_int_equal(pdf_new(&f->pdf, &sink, NULL, 0, &e), STATUS_OK);
	f->page.pdf = f->pdf;
}

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	buf_init(&f->out, OUT_MAX);
	f->page = (struct page){ .scratch_dir = "/tmp", .scratch = -1 };
	for (size_t i = 0; i < sizeof(f->bytes); i++)
		f->bytes[i] = (unsigned char)(i * 37);
	restart(f);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	page_clear(&f->page);
	pdf_free(f->pdf);
	buf_clear(&f->out);
	free(f);
	return 0;
}

static struct frame
make_frame(unsigned lines)
{
	return (struct frame){ true, 8, WIDTH, STRIDE, lines, 72, 72 };
}

/* Feeds len bytes in pieces of this size. */
static enum status
feed(struct fixture *f, size_t len, size_t piece, struct error *e)
{
	enum status status = STATUS_OK;

	for (size_t at = 0; at < len && status == STATUS_OK; at += piece)
		status = page_add(
		    &f->page, f->bytes + at, len - at < piece ? len - at : piece, e);
	return status;
}

/* The document of one page that came in pieces of this size. */
static void
scan(struct fixture *f, unsigned lines, size_t piece)
{
	struct frame frame = make_frame(lines);
	struct error e;

	restart(f);
	assert_int_equal(page_begin(&f->page, &frame, PIXEL_RGB, &e), STATUS_OK);
	assert_int_equal(feed(f, sizeof(f->bytes), piece, &e), STATUS_OK);
	assert_int_equal(page_end(&f->page, &e), STATUS_OK);
	assert_int_equal(pdf_finish(f->pdf, &e), STATUS_OK);
}

/* Whatever the pieces, and whether the height is known first or last. */
static void
pieces_do_not_matter(void **state)
{
	static const size_t pieces[] = { 1, 7, 89, 90, 99, 100, 101, 199, 250, 1999 };
	struct fixture *f = *state;
	size_t len;
	char *expected;

	scan(f, HEIGHT, sizeof(f->bytes));
	len = f->out.len;
	expected = buf_take(&f->out);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		for (unsigned lines = 0; lines <= HEIGHT; lines += HEIGHT) {
			scan(f, lines, pieces[i]);
			assert_int_equal(f->out.len, len);
			assert_memory_equal(f->out.data, expected, len);
		}
	free(expected);
}

static void
missing_lines_are_said(void **state)
{
	struct fixture *f = *state;
	struct frame frame = make_frame(HEIGHT);
	struct error e;

	assert_int_equal(page_begin(&f->page, &frame, PIXEL_RGB, &e), STATUS_OK);
	assert_int_equal(feed(f, sizeof(f->bytes) - 1, 100, &e), STATUS_OK);
	assert_int_equal(page_end(&f->page, &e), STATUS_INVALID);
	assert_non_null(strstr(e.text, "19 of 20 lines"));
	assert_int_equal(page_drop(&f->page, &e), STATUS_OK);
	assert_int_equal(pdf_page_count(f->pdf), 0);
	assert_int_equal(page_drop(&f->page, &e), STATUS_OK); /* nothing to drop */
	scan(f, HEIGHT, 100);
	assert_int_equal(pdf_page_count(f->pdf), 1);
}

static void
surplus_is_left_out(void **state)
{
	struct fixture *f = *state;
	struct frame frame = make_frame(HEIGHT - 1);
	struct error e;

	assert_int_equal(page_begin(&f->page, &frame, PIXEL_RGB, &e), STATUS_OK);
	assert_int_equal(feed(f, sizeof(f->bytes), 64, &e), STATUS_OK);
	assert_int_equal(f->page.count, HEIGHT - 1);
	assert_int_equal(page_end(&f->page, &e), STATUS_OK);
	assert_int_equal(pdf_page_count(f->pdf), 1);
}

/* Without a known height, what is no whole line is left out; without any, no page. */
static void
unknown_heights_are_counted(void **state)
{
	struct fixture *f = *state;
	struct frame frame = make_frame(0);
	struct error e;

	assert_int_equal(page_begin(&f->page, &frame, PIXEL_RGB, &e), STATUS_OK);
	assert_int_equal(feed(f, 5 * STRIDE + 99, 64, &e), STATUS_OK);
	assert_int_equal(page_end(&f->page, &e), STATUS_OK);
	assert_non_null(memmem(f->out.data, f->out.len, "/Height 5\n", 10));
	assert_int_equal(page_begin(&f->page, &frame, PIXEL_RGB, &e), STATUS_OK);
	assert_int_equal(feed(f, STRIDE - 1, 64, &e), STATUS_OK);
	assert_int_equal(page_end(&f->page, &e), STATUS_INVALID);
	assert_int_equal(page_drop(&f->page, &e), STATUS_OK);
	assert_int_equal(pdf_page_count(f->pdf), 1);
}

/* A page that never ends is stopped by the limit of an image. */
static void
endless_pages_are_stopped(void **state)
{
	struct fixture *f = *state;
	struct frame frame = make_frame(0);
	enum status status = STATUS_OK;
	unsigned lines = 0;
	struct error e;

	assert_int_equal(page_begin(&f->page, &frame, PIXEL_BILEVEL, &e), STATUS_OK);
	while (status == STATUS_OK && lines < 2 * ENCODER_SIDE_MAX) {
		status = page_add(&f->page, f->bytes, STRIDE, &e);
		lines++;
	}
	assert_int_equal(status, STATUS_INVALID);
	assert_int_equal(lines, ENCODER_SIDE_MAX + 1);
	assert_int_equal(page_drop(&f->page, &e), STATUS_OK);
}

/* A frame that is refused leaves the document as it is. */
static void
bad_frames_are_refused(void **state)
{
	struct fixture *f = *state;
	struct frame frame = make_frame(HEIGHT);
	size_t before = f->out.len;
	struct error e;

	frame.bytes_per_line = 89;
	assert_int_equal(page_begin(&f->page, &frame, PIXEL_RGB, &e), STATUS_INVALID);
	frame = make_frame(HEIGHT);
	frame.x_dpi = 0;
	assert_int_equal(page_begin(&f->page, &frame, PIXEL_RGB, &e), STATUS_INVALID);
	assert_int_equal(page_drop(&f->page, &e), STATUS_OK);
	assert_int_equal(f->out.len, before);
}

static void
failures_of_the_document_are_not_the_page_s(void **state)
{
	struct fixture *f = *state;
	struct frame frame = make_frame(HEIGHT);
	struct error e;

	f->full = true;
	assert_int_equal(page_begin(&f->page, &frame, PIXEL_RGB, &e), STATUS_RETRY);
	assert_string_equal(e.text, "the target is full");
	frame.lines = 0;
	f->page.scratch_dir = "/nonexistent";
	assert_int_equal(page_begin(&f->page, &frame, PIXEL_RGB, &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, "/nonexistent"));
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(pieces_do_not_matter),
		T(missing_lines_are_said),
		T(surplus_is_left_out),
		T(unknown_heights_are_counted),
		T(endless_pages_are_stopped),
		T(bad_frames_are_refused),
		T(failures_of_the_document_are_not_the_page_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
