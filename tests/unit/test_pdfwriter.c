/* Tests of lib/doc/pdfwriter.c. libqpdf reads what it wrote; its bytes are looked at
 * where readers are more patient than the standard. */
#include "tests/unit/pdfwriter_rig.h"

#include <math.h>

static void
writes_all_formats(void **state)
{
	static const struct pdf_page pages[] = {
		{ { PIXEL_RGB, 33, 17, 0 }, 300, 300, 0 },
		{ { PIXEL_GRAY, 1, 1, 100 }, 300, 600, 0 },
		{ { PIXEL_BILEVEL, 999, 5, 0 }, 600, 150.5, 0 },
	};
	struct target *t = *state;
	struct pdf *p = start(t, NULL);
	struct error e;

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(add_page(p, &pages[i], &e), STATUS_OK);
		assert_int_equal(pdf_page_count(p), i + 1);
	}
	assert_int_equal(pdf_finish(p, &e), STATUS_OK);
	assert_int_equal(read_pages(t), 3);
	assert_memory_equal(t->out.data, "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", 15);
	assert_memory_equal(t->out.data + t->out.len - 6, "%%EOF\n", 6);
	assert_non_null(memmem(t->out.data, t->out.len, "/Producer (Postroom ", 20));
	assert_non_null(memmem(t->out.data, t->out.len, "/Creator (scan2mail)\n", 21));
	assert_null(memmem(t->out.data, t->out.len, "/Rotate", 7));
	assert_null(memmem(t->out.data, t->out.len, "/Postroom", 9));
}

/* Points from the real resolution, with a point as the decimal sign in every locale. */
static void
pages_have_their_size(void **state)
{
	static const struct {
		struct pdf_page page;
		const char *box;
	} cases[] = {
		{ { { PIXEL_GRAY, 2480, 3508, 0 }, 300, 300, 0 },
		    "/MediaBox [0 0 595.200 841.920]" },
		{ { { PIXEL_GRAY, 100, 100, 0 }, 72, 144, 0 },
		    "/MediaBox [0 0 100.000 50.000]" },
		{ { { PIXEL_GRAY, 1, 2, 0 }, 4800, 4800, 0 },
		    "/MediaBox [0 0 0.015 0.030]" },
		{ { { PIXEL_GRAY, 7, 7, 0 }, 307.4, 72.5, 0 },
		    "/MediaBox [0 0 1.640 6.952]" },
		{ { { PIXEL_GRAY, 200, 1, 0 }, 1, 1, 0 },
		    "/MediaBox [0 0 14400.000 72.000]" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct target *t = *state;
		struct pdf *p = start(t, NULL);
		struct error e;

		assert_int_equal(add_page(p, &cases[i].page, &e), STATUS_OK);
		assert_int_equal(pdf_finish(p, &e), STATUS_OK);
		assert_int_equal(read_pages(t), 1);
		assert_non_null(
		    memmem(t->out.data, t->out.len, cases[i].box, strlen(cases[i].box)));
	}
}

/* 64 pages to a node of the tree: around the edges, and several nodes. */
static void
page_trees_are_whole(void **state)
{
	static const int counts[] = { 1, 63, 64, 65, 128, 129, 300 };

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct target *t = *state;
		struct pdf *p = start(t, NULL);
		struct error e;

		for (int k = 0; k < counts[i]; k++)
			assert_int_equal(add_page(p, &small, &e), STATUS_OK);
		assert_int_equal(pdf_finish(p, &e), STATUS_OK);
		assert_int_equal(read_pages(t), counts[i]);
	}
}

/* Every entry has 20 bytes and points at its object's head. */
static void
cross_references_are_exact(void **state)
{
	struct target *t = *state;
	struct pdf *p = start(t, "x");
	const char *table, *tail;
	unsigned count, offset;
	char head[32];
	struct error e;

	assert_int_equal(add_page(p, &small, &e), STATUS_OK);
	assert_int_equal(add_page(p, &small, &e), STATUS_OK);
	assert_int_equal(pdf_finish(p, &e), STATUS_OK);
	tail = memmem(t->out.data, t->out.len, "startxref\n", 10);
	assert_non_null(tail);
	assert_int_equal(sscanf(tail, "startxref %u", &offset), 1);
	table = t->out.data + offset;
	assert_int_equal(sscanf(table, "xref 0 %u", &count), 1);
	table = strchr(strchr(table, '\n') + 1, '\n') + 1;
	assert_memory_equal(table, "0000000000 65535 f \n", 20);
	for (unsigned i = 1; i < count; i++) {
		table += 20;
		assert_int_equal(sscanf(table, "%10u", &offset), 1);
		assert_memory_equal(table + 10, " 00000 n \n", 10);
		snprintf(head, sizeof(head), "%u 0 obj\n", i);
		assert_memory_equal(t->out.data + offset, head, strlen(head));
	}
	snprintf(head, sizeof(head), "trailer\n<< /Size %u ", count);
	assert_memory_equal(table + 20, head, strlen(head));
}

/* The length counts the image's bytes, not the line's end behind them. */
static void
lengths_are_exact(void **state)
{
	struct target *t = *state;
	struct pdf *p = start(t, NULL);
	const char *image, *end;
	char length[64];
	struct error e;

	assert_int_equal(add_page(p, &small, &e), STATUS_OK);
	assert_int_equal(pdf_finish(p, &e), STATUS_OK);
	image = memmem(t->out.data, t->out.len, "\nstream\n\xff\xd8", 10);
	assert_non_null(image);
	image += strlen("\nstream\n");
	end = memmem(image, t->out.len - (size_t)(image - t->out.data),
	    "\xff\xd9\nendstream\nendobj\n6 0 obj\n", 28);
	assert_non_null(end);
	end += 2;
	snprintf(length, sizeof(length), "6 0 obj\n%zu\nendobj\n", (size_t)(end - image));
	assert_non_null(memmem(t->out.data, t->out.len, length, strlen(length)));
}

static void
titles_are_utf16(void **state)
{
	static const struct {
		const char *title, *hex;
	} cases[] = {
		{ "Scan (1)\\", "/Title <FEFF005300630061006E0020002800310029005C>" },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
		    "/Title <FEFF00E420ACD83DDE00>" },
		{ "a\nb\xff", "/Title <FEFF006100200062FFFD>" },
		{ "", "/Title <FEFF>" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct target *t = *state;
		struct pdf *p = start(t, cases[i].title);
		struct error e;

		assert_int_equal(add_page(p, &small, &e), STATUS_OK);
		assert_int_equal(pdf_finish(p, &e), STATUS_OK);
		assert_int_equal(read_pages(t), 1);
		assert_non_null(
		    memmem(t->out.data, t->out.len, cases[i].hex, strlen(cases[i].hex)));
		assert_non_null(
		    memmem(t->out.data, t->out.len, "(D:20261122120000Z)", 19));
	}
}

/* One more than is kept of a title, cut inside a character. */
static void
long_titles_are_cut(void **state)
{
	char title[1003];
	struct target *t = *state;
	struct error e;
	struct pdf *p;

	memset(title, 'x', sizeof(title));
	memcpy(title + 999, "\xc3\xa4", 3);
	p = start(t, title);
	assert_int_equal(add_page(p, &small, &e), STATUS_OK);
	assert_int_equal(pdf_finish(p, &e), STATUS_OK);
	assert_int_equal(read_pages(t), 1);
	assert_null(memmem(t->out.data, t->out.len, "00E4", 4));
	assert_non_null(memmem(t->out.data, t->out.len, "00780078>", 9));
}

static void
dropped_pages_leave_no_trace(void **state)
{
	static const struct pdf_page pages[] = {
		{ { PIXEL_RGB, 20, 10, 0 }, 72, 72, 0 },
		{ { PIXEL_BILEVEL, 20, 10, 0 }, 72, 72, 0 },
	};
	unsigned char row[60] = { 0 };

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		struct target *t = *state;
		struct pdf *p = start(t, NULL);
		struct error e;

		for (int lines = 0; lines < 10; lines += 9) { /* none, all but one */
			assert_int_equal(pdf_page_start(p, &pages[i], &e), STATUS_OK);
			for (int y = 0; y < lines; y++)
				assert_int_equal(pdf_page_row(p, row, &e), STATUS_OK);
			assert_int_equal(pdf_page_end(p, &e), STATUS_INVALID);
			assert_int_equal(pdf_page_drop(p, &e), STATUS_OK);
			assert_int_equal(pdf_page_count(p), 0);
		}
		assert_int_equal(pdf_finish(p, &e), STATUS_INVALID);
		assert_int_equal(add_page(p, &pages[i], &e), STATUS_OK);
		assert_int_equal(pdf_page_start(p, &pages[i], &e), STATUS_OK);
		assert_int_equal(pdf_page_drop(p, &e), STATUS_OK);
		assert_int_equal(pdf_finish(p, &e), STATUS_OK);
		assert_int_equal(read_pages(t), 1);
	}
}

static void
impossible_pages_are_refused(void **state)
{
	static const struct pdf_page pages[] = {
		{ { PIXEL_GRAY, 0, 10, 0 }, 72, 72, 0 },
		{ { PIXEL_GRAY, 10, ENCODER_SIDE_MAX + 1, 0 }, 300, 300, 0 },
		{ { PIXEL_GRAY, 10, 10, 0 }, 0, 72, 0 },
		{ { PIXEL_GRAY, 10, 10, 0 }, 72, -1, 0 },
		{ { PIXEL_GRAY, 10, 10, 0 }, (double)NAN, 72, 0 },
		{ { PIXEL_GRAY, 10, 10, 0 }, 72, (double)INFINITY, 0 },
		{ { PIXEL_GRAY, 10, 10, -1 }, 72, 72, 0 },
		{ { PIXEL_GRAY, 10, 10, 101 }, 72, 72, 0 },
		{ { PIXEL_GRAY, 10, 10, 0 }, 72, 72, 45 },
		{ { PIXEL_GRAY, 10, 10, 0 }, 72, 72, 360 },
		{ { PIXEL_GRAY, 201, 10, 0 }, 1, 1, 0 }, /* 14472 points */
	};
	struct target *t = *state;
	struct pdf *p = start(t, NULL);
	size_t before = t->out.len;
	unsigned char row[20] = { 0 };
	struct error e;

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		*e.text = '\0';
		assert_int_equal(pdf_page_start(p, &pages[i], &e), STATUS_INVALID);
		assert_string_not_equal(e.text, "");
	}
	assert_int_equal(t->out.len, before);
	assert_int_equal(pdf_page_start(p, &small, &e), STATUS_OK);
	for (int y = 0; y < 10; y++)
		assert_int_equal(pdf_page_row(p, row, &e), STATUS_OK);
	assert_int_equal(pdf_page_row(p, row, &e), STATUS_INVALID);
	assert_int_equal(pdf_page_end(p, &e), STATUS_OK);
	assert_int_equal(pdf_finish(p, &e), STATUS_OK);
	assert_int_equal(read_pages(t), 1);
}

static enum status
write_all(struct target *t, struct error *e)
{
	struct sink sink = { .write = take, .context = t };
	enum status status;

	pdf_free(t->pdf);
	t->pdf = NULL;
	t->writes = 0;
	status = pdf_new(&t->pdf, &sink, NULL, NOON, e);
	if (status == STATUS_OK)
		status = add_page(t->pdf, &small, e);
	return status == STATUS_OK ? pdf_finish(t->pdf, e) : status;
}

static void
failures_of_the_sink_come_back(void **state)
{
	struct target *t = *state;
	struct error e;
	int writes;

	assert_int_equal(write_all(t, &e), STATUS_OK);
	writes = t->writes;
	assert_true(writes >= 4);
	for (t->writes_allowed = 0; t->writes_allowed < writes; t->writes_allowed++) {
		*e.text = '\0';
		assert_int_equal(write_all(t, &e), STATUS_RETRY);
		assert_string_equal(e.text, "the target is full");
		if (t->pdf && pdf_page_count(t->pdf) > 0)
			assert_int_equal(pdf_finish(t->pdf, &e), STATUS_RETRY);
		assert_string_equal(e.text, "the target is full");
		assert_int_equal(t->writes, t->writes_allowed + 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(writes_all_formats, set_up, tear_down),
		cmocka_unit_test_setup_teardown(pages_have_their_size, set_up, tear_down),
		cmocka_unit_test_setup_teardown(page_trees_are_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    cross_references_are_exact, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lengths_are_exact, set_up, tear_down),
		cmocka_unit_test_setup_teardown(titles_are_utf16, set_up, tear_down),
		cmocka_unit_test_setup_teardown(long_titles_are_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    dropped_pages_leave_no_trace, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    impossible_pages_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    failures_of_the_sink_come_back, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
