/* Tests of scan2mail/page.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
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

static const struct page_style color = { PIXEL_RGB, 0, 0 };
static const struct page_style bilevel = { PIXEL_BILEVEL, 0, 0 };

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
	struct sink sink = { .write = take, .context = f };
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
	page_init(&f->page, "/tmp");
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
	return (struct frame){ CHANNEL_ALL, true, 8, WIDTH, STRIDE, lines, 72, 72 };
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
	assert_int_equal(page_begin(&f->page, &frame, &color, &e), STATUS_OK);
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

	assert_int_equal(page_begin(&f->page, &frame, &color, &e), STATUS_OK);
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

	assert_int_equal(page_begin(&f->page, &frame, &color, &e), STATUS_OK);
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

	assert_int_equal(page_begin(&f->page, &frame, &color, &e), STATUS_OK);
	assert_int_equal(feed(f, 5 * STRIDE + 99, 64, &e), STATUS_OK);
	assert_int_equal(page_end(&f->page, &e), STATUS_OK);
	assert_non_null(memmem(f->out.data, f->out.len, "/Height 5\n", 10));
	assert_int_equal(page_begin(&f->page, &frame, &color, &e), STATUS_OK);
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

	assert_int_equal(page_begin(&f->page, &frame, &bilevel, &e), STATUS_OK);
	while (status == STATUS_OK && lines < 2 * ENCODER_SIDE_MAX) {
		status = page_add(&f->page, f->bytes, STRIDE, &e);
		lines++;
	}
	assert_int_equal(status, STATUS_INVALID);
	assert_int_equal(lines, ENCODER_SIDE_MAX + 1);
	assert_int_equal(page_drop(&f->page, &e), STATUS_OK);
}

/* One that has announced its height, by as many lines again, or SURPLUS_MAX. */
static void
surplus_has_an_end(void **state)
{
	static const unsigned heights[] = { 1, SURPLUS_MAX, SURPLUS_MAX + 7 };
	struct fixture *f = *state;

	for (size_t i = 0; i < 2 * sizeof(heights) / sizeof(heights[0]); i++) {
		unsigned height = heights[i / 2], lines = 0;
		struct frame frame = make_frame(height);
		enum status status = STATUS_OK;
		struct error e = { "" };

		if (i % 2) {
			frame.channel = CHANNEL_RED;
			frame.color = false;
		}
		assert_int_equal(page_begin(&f->page, &frame, &bilevel, &e), STATUS_OK);
		while (status == STATUS_OK && lines < 4 * SURPLUS_MAX) {
			status = page_add(&f->page, f->bytes, STRIDE, &e);
			lines++;
		}
		assert_int_equal(status, STATUS_INVALID);
		assert_non_null(strstr(e.text, "does not end the page"));
		assert_int_equal(
		    lines, height + (height > SURPLUS_MAX ? height : SURPLUS_MAX) + 1);
		assert_int_equal(page_drop(&f->page, &e), STATUS_OK);
	}
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
	assert_int_equal(page_begin(&f->page, &frame, &color, &e), STATUS_INVALID);
	frame = make_frame(HEIGHT);
	frame.x_dpi = 0;
	assert_int_equal(page_begin(&f->page, &frame, &color, &e), STATUS_INVALID);
	assert_int_equal(page_drop(&f->page, &e), STATUS_OK);
	assert_int_equal(f->out.len, before);
}

/* The document of one page as this style has it; the bytes are in f->out. */
static void
scan_as(struct fixture *f, const struct page_style *style)
{
	struct frame frame = make_frame(HEIGHT);
	struct error e;

	restart(f);
	assert_int_equal(page_begin(&f->page, &frame, style, &e), STATUS_OK);
	assert_int_equal(feed(f, sizeof(f->bytes), 100, &e), STATUS_OK);
	assert_int_equal(page_end(&f->page, &e), STATUS_OK);
	assert_int_equal(pdf_finish(f->pdf, &e), STATUS_OK);
}

static void
styles_are_kept(void **state)
{
	static const struct page_style coarse = { PIXEL_RGB, 10, 0 },
				       fine = { PIXEL_RGB, 95, 180 },
				       best = { PIXEL_RGB, 101, 0 };
	struct frame frame = make_frame(HEIGHT);
	struct fixture *f = *state;
	struct error e;
	size_t len;

	scan_as(f, &coarse);
	len = f->out.len;
	assert_null(memmem(f->out.data, len, "/Rotate", 7));
	scan_as(f, &fine);
	assert_true(f->out.len > len + 200);
	assert_non_null(memmem(f->out.data, f->out.len, "/Rotate 180\n", 12));
	restart(f);
	assert_int_equal(page_begin(&f->page, &frame, &best, &e), STATUS_INVALID);
}

/* One colour of the page that f->bytes hold, in lines of `stride` bytes. */
static struct frame
make_plane(int channel, unsigned stride, unsigned lines)
{
	return (struct frame){ channel, false, 8, WIDTH, stride, lines, 72, 72 };
}

static enum status
feed_plane(struct fixture *f, const struct frame *frame, unsigned lines, struct error *e)
{
	unsigned char line[STRIDE] = { 0 };
	enum status status = STATUS_OK;

	for (unsigned y = 0; y < lines && status == STATUS_OK; y++) {
		for (unsigned x = 0; x < WIDTH; x++)
			line[x] = f->bytes[y * STRIDE + 3 * x +
			    (unsigned)(frame->channel - CHANNEL_RED)];
		status = page_add(&f->page, line, 7, e);
		if (status == STATUS_OK)
			status =
			    page_add(&f->page, line + 7, frame->bytes_per_line - 7, e);
	}
	return status;
}

/* A page in three frames is what it is in one, in whatever order they come, whether the
 * height is known, and what is wanted of it. */
static void
three_frames_make_one_page(void **state)
{
	static const int orders[][3] = {
		{ CHANNEL_RED, CHANNEL_GREEN, CHANNEL_BLUE },
		{ CHANNEL_BLUE, CHANNEL_RED, CHANNEL_GREEN },
	};
	static const struct page_style styles[] = { { PIXEL_RGB, 90, 90 },
		{ PIXEL_GRAY, 90, 0 }, { PIXEL_BILEVEL, 0, 0 } };
	struct fixture *f = *state;

	for (size_t i = 0; i < 12; i++) {
		const int *order = orders[i % 2];
		unsigned lines = i / 2 % 2 ? HEIGHT : 0;
		struct frame frame = make_plane(order[0], WIDTH, lines);
		char *expected;
		size_t len;
		struct error e;

		scan_as(f, &styles[i / 4]);
		len = f->out.len;
		expected = buf_take(&f->out);
		restart(f);
		assert_int_equal(
		    page_begin(&f->page, &frame, &styles[i / 4], &e), STATUS_OK);
		assert_int_equal(feed_plane(f, &frame, HEIGHT, &e), STATUS_OK);
		for (unsigned k = 1; k < 3; k++) {
			/* padding may differ, and half a line too many is nothing */
			assert_int_equal(page_add(&f->page, f->bytes, 5, &e), STATUS_OK);
			frame = make_plane(order[k], WIDTH + 20 * k, lines);
			assert_int_equal(page_plane(&f->page, &frame, &e), STATUS_OK);
			assert_int_equal(feed_plane(f, &frame, HEIGHT, &e), STATUS_OK);
			assert_int_equal(f->page.count, HEIGHT);
		}
		assert_int_equal(page_end(&f->page, &e), STATUS_OK);
		assert_int_equal(pdf_finish(f->pdf, &e), STATUS_OK);
		assert_int_equal(f->out.len, len);
		assert_memory_equal(f->out.data, expected, len);
		free(expected);
	}
}

/* A frame too few, a frame too short: the page is left out, and others may follow. */
static void
pages_with_missing_frames_are_not_whole(void **state)
{
	struct fixture *f = *state;

	for (unsigned missing = 0; missing < 3; missing++) {
		struct frame frame = make_plane(CHANNEL_RED, WIDTH, HEIGHT);
		struct error e = { "" };

		assert_int_equal(page_begin(&f->page, &frame, &color, &e), STATUS_OK);
		assert_int_equal(feed_plane(f, &frame, HEIGHT, &e), STATUS_OK);
		frame.channel = CHANNEL_BLUE;
		assert_int_equal(page_plane(&f->page, &frame, &e), STATUS_OK);
		assert_int_equal(feed_plane(f, &frame, HEIGHT - missing, &e), STATUS_OK);
		if (missing) {
			frame.channel = CHANNEL_GREEN;
			assert_int_equal(page_plane(&f->page, &frame, &e), STATUS_OK);
			assert_int_equal(feed_plane(f, &frame, HEIGHT, &e), STATUS_OK);
		}
		assert_int_equal(page_end(&f->page, &e), STATUS_INVALID);
		assert_non_null(strstr(e.text, missing ? "blue" : "no green"));
		assert_int_equal(page_drop(&f->page, &e), STATUS_OK);
		assert_int_equal(pdf_page_count(f->pdf), 0);
	}
	scan(f, HEIGHT, 100);
	assert_int_equal(pdf_page_count(f->pdf), 1);
}

static void
frames_that_do_not_belong_are_refused(void **state)
{
	struct frame frame = make_frame(HEIGHT), plane = make_plane(CHANNEL_RED, 30, 20);
	struct fixture *f = *state;
	struct error e;

	assert_int_equal(page_begin(&f->page, &frame, &color, &e), STATUS_OK);
	assert_int_equal(page_plane(&f->page, &plane, &e), STATUS_INVALID);
	assert_non_null(strstr(e.text, "needs none"));
	assert_int_equal(page_drop(&f->page, &e), STATUS_OK);
	assert_int_equal(page_begin(&f->page, &plane, &color, &e), STATUS_OK);
	assert_int_equal(page_plane(&f->page, &frame, &e), STATUS_INVALID);
	assert_int_equal(page_drop(&f->page, &e), STATUS_OK);
	plane.width = UINT32_MAX;
	assert_int_equal(page_begin(&f->page, &plane, &color, &e), STATUS_INVALID);
	plane = make_plane(CHANNEL_RED, 30, 20);
	f->page.scratch_dir = "/nonexistent";
	assert_int_equal(page_begin(&f->page, &plane, &color, &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, "/nonexistent"));
}

/* Nowhere to keep a page, or no more room there: it is left out, and others may follow.
 */
static void
scratch_files_without_room_cost_the_page_alone(void **state)
{
	struct fixture *f = *state;
	struct frame plane = make_plane(CHANNEL_RED, WIDTH, HEIGHT);
	struct frame frame = make_frame(0);
	struct error e;

	for (int planar = 0; planar < 2; planar++) {
		const struct frame *first = planar ? &plane : &frame;
		int *file = planar ? &f->page.planes.file : &f->page.scratch;

		restart(f);
		f->page.scratch_dir = "/nonexistent";
		assert_int_equal(page_begin(&f->page, first, &color, &e), STATUS_RETRY);
		f->page.scratch_dir = "/tmp";
		assert_int_equal(page_begin(&f->page, first, &color, &e), STATUS_OK);
		close(*file);
		*file = open("/dev/full", O_RDWR | O_CLOEXEC);
		assert_int_equal(feed(f, sizeof(f->bytes), STRIDE, &e), STATUS_RETRY);
		assert_non_null(strstr(e.text, "/tmp: No space left on device"));
		assert_int_equal(page_drop(&f->page, &e), STATUS_OK);
		frame.lines = HEIGHT;
		assert_int_equal(page_begin(&f->page, &frame, &color, &e), STATUS_OK);
		assert_int_equal(feed(f, sizeof(f->bytes), STRIDE, &e), STATUS_OK);
		assert_int_equal(page_end(&f->page, &e), STATUS_OK);
		assert_int_equal(pdf_finish(f->pdf, &e), STATUS_OK);
		frame.lines = 0;
	}
}

static void
failures_of_the_document_are_not_the_page_s(void **state)
{
	struct fixture *f = *state;
	struct frame frame = make_frame(HEIGHT);
	struct error e;

	f->full = true;
	assert_int_equal(page_begin(&f->page, &frame, &color, &e), STATUS_RETRY);
	assert_string_equal(e.text, "the target is full");
	frame.lines = 0;
	f->page.scratch_dir = "/nonexistent";
	assert_int_equal(page_begin(&f->page, &frame, &color, &e), STATUS_RETRY);
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
		T(surplus_has_an_end),
		T(bad_frames_are_refused),
		T(styles_are_kept),
		T(three_frames_make_one_page),
		T(pages_with_missing_frames_are_not_whole),
		T(frames_that_do_not_belong_are_refused),
		T(scratch_files_without_room_cost_the_page_alone),
		T(failures_of_the_document_are_not_the_page_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
