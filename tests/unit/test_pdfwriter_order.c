/* Tests of lib/doc/pdfwriter.c: the order of pages, how they are turned, and remarks. */
#include "tests/unit/pdfwriter_rig.h"

/* Pages that can be told apart: their widths are 10, 11, 12… points. */
static struct pdf *
write_counted(struct target *t, unsigned count)
{
	struct pdf *p = start(t, NULL);
	struct pdf_page page = small;
	struct error e;

	for (unsigned i = 0; i < count; i++) {
		page.raster.width = 10 + i;
		assert_int_equal(add_page(p, &page, &e), STATUS_OK);
	}
	return p;
}

/* The pages' numbers as they were written, and each hangs in the tree at its parent. */
static void
assert_order(struct target *t, const unsigned *order, unsigned count)
{
	qpdf_data q = open_pdf(t);

	assert_int_equal(qpdf_get_num_pages(q), count);
	for (unsigned i = 0; i < count; i++) {
		qpdf_oh page = qpdf_get_page_n(q, i);
		qpdf_oh box = qpdf_oh_get_key(q, page, "/MediaBox");
		qpdf_oh node = qpdf_oh_get_key(q, page, "/Parent");
		qpdf_oh kids = qpdf_oh_get_key(q, node, "/Kids");
		qpdf_oh right = qpdf_oh_get_array_item(q, box, 2);
		int id = qpdf_oh_get_object_id(q, page);
		qpdf_oh kid = qpdf_oh_get_array_item(q, kids, (int)(i % 64));

		assert_int_equal((int)(qpdf_oh_get_numeric_value(q, right) + 0.5),
		    10 + (order ? order[i] : i));
		assert_int_equal(qpdf_oh_get_object_id(q, kid), id);
		assert_int_equal(qpdf_oh_get_array_n_items(q, kids),
		    count - i / 64 * 64 < 64 ? count - i / 64 * 64 : 64);
	}
	assert_false(qpdf_more_warnings(q));
	qpdf_cleanup(&q);
}

/* Reversed, and with a stride, over one, two and more nodes. */
static void
pages_are_put_in_order(void **state)
{
	static const unsigned counts[] = { 1, 2, 64, 65, 128, 129, 300 };
	struct target *t = *state;
	unsigned order[300];
	struct error e;

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		for (unsigned stride = 0; stride < 2; stride++) {
			unsigned count = counts[i], half = (count + 1) / 2;
			struct pdf *p = write_counted(t, count);

			for (unsigned k = 0; k < count; k++)
				order[k] = !stride ? count - 1 - k
				    : k % 2        ? half + k / 2
						   : k / 2;
			assert_int_equal(pdf_order(p, order, count, &e), STATUS_OK);
			assert_int_equal(pdf_finish(p, &e), STATUS_OK);
			assert_order(t, order, count);
		}
}

static void
later_pages_follow_the_order(void **state)
{
	static const unsigned order[] = { 1, 0, 2 };
	struct target *t = *state;
	struct pdf *p = write_counted(t, 2);
	struct pdf_page page = small;
	struct error e;

	assert_int_equal(pdf_order(p, order, 2, &e), STATUS_OK);
	page.raster.width = 12;
	assert_int_equal(add_page(p, &page, &e), STATUS_OK);
	assert_int_equal(pdf_finish(p, &e), STATUS_OK);
	assert_order(t, order, 3);
}

/* What is no order changes nothing. */
static void
wrong_orders_are_refused(void **state)
{
	static const struct {
		unsigned order[4], count;
	} cases[] = {
		{ { 0, 1 }, 2 },
		{ { 2, 1, 0, 3 }, 4 },
		{ { 2, 1, 1 }, 3 },
		{ { 2, 1, 3 }, 3 },
		{ { 2, 1, UINT32_MAX }, 3 },
		{ { 0 }, 0 },
	};
	struct target *t = *state;
	struct pdf *p = write_counted(t, 3);
	struct error e;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		*e.text = '\0';
		assert_int_equal(
		    pdf_order(p, cases[i].order, cases[i].count, &e), STATUS_INVALID);
		assert_string_not_equal(e.text, "");
	}
	assert_int_equal(pdf_finish(p, &e), STATUS_OK);
	assert_order(t, NULL, 3);
}

static void
pages_are_turned(void **state)
{
	struct target *t = *state;
	struct pdf *p = start(t, NULL);
	struct pdf_page page = small;
	struct error e;
	qpdf_data q;

	for (page.rotate = 0; page.rotate < 360; page.rotate += 90)
		assert_int_equal(add_page(p, &page, &e), STATUS_OK);
	assert_int_equal(pdf_finish(p, &e), STATUS_OK);
	q = open_pdf(t);
	for (int i = 0; i < 4; i++) {
		qpdf_oh turn =
		    qpdf_oh_get_key(q, qpdf_get_page_n(q, (size_t)i), "/Rotate");

		assert_int_equal(qpdf_oh_is_integer(q, turn), i > 0);
		if (i > 0)
			assert_int_equal(qpdf_oh_get_int_value(q, turn), 90 * i);
	}
	qpdf_cleanup(&q);
}

/* The information's text under this key, read as any reader would; "" when there is none.
 */
static void
assert_info(struct target *t, const char *key, const char *expected)
{
	qpdf_data q = open_pdf(t);
	qpdf_oh info = qpdf_oh_get_key(q, qpdf_get_trailer(q), "/Info");
	qpdf_oh value = qpdf_oh_get_key(q, info, key);

	assert_int_equal(qpdf_oh_is_string(q, value), *expected != '\0');
	if (*expected)
		assert_string_equal(qpdf_oh_get_utf8_value(q, value), expected);
	qpdf_cleanup(&q);
}

static void
remarks_stand_in_the_information(void **state)
{
	static const struct {
		const char *remark, *text;
		bool hold;
	} cases[] = {
		{ "paper jam after page 7: 7 pages attached",
		    "paper jam after page 7: 7 pages attached", false },
		{ "Papierstau \xc3\xa4\xc3\xb6\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80",
		    "Papierstau \xc3\xa4\xc3\xb6\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80",
		    true },
		{ "a) >\r\nBcc: b\x01\x7f\\(", "a) >  Bcc: b  \\(", false },
		{ "\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd", true },
		{ "", "", true },
	};
	struct target *t = *state;
	struct error e;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool hold = cases[i].hold;
		struct pdf_remark first = { "first", hold, !hold };
		struct pdf_remark then = { cases[i].remark, !hold, hold };
		struct pdf *p = write_counted(t, 1);

		assert_int_equal(pdf_remark(p, &first, &e), STATUS_OK);
		assert_int_equal(pdf_remark(p, &then, &e), STATUS_OK);
		assert_int_equal(pdf_finish(p, &e), STATUS_OK);
		assert_info(t, "/PostroomRemark", cases[i].text);
		assert_info(t, "/Creator", "scan2mail");
		assert_info(t, "/PostroomHold", hold ? "hold" : "");
		assert_info(t, "/PostroomIncomplete", hold ? "" : "incomplete");
	}
}

/* All bytes wrong, which become the longest text; and one more than is kept. */
static void
long_remarks_are_cut(void **state)
{
	char remark[PDF_REMARK_MAX + 2], expected[3 * PDF_REMARK_MAX + 1];
	const struct pdf_remark said = { remark, false, false };
	struct target *t = *state;
	struct pdf *p = write_counted(t, 1);
	struct error e;

	memset(remark, 'x', PDF_REMARK_MAX + 1);
	remark[PDF_REMARK_MAX + 1] = '\0';
	assert_int_equal(pdf_remark(p, &said, &e), STATUS_OK);
	assert_int_equal(pdf_finish(p, &e), STATUS_OK);
	remark[PDF_REMARK_MAX] = '\0';
	assert_info(t, "/PostroomRemark", remark);
	p = write_counted(t, 1);
	memset(remark, 0xff, PDF_REMARK_MAX);
	assert_int_equal(pdf_remark(p, &said, &e), STATUS_OK);
	assert_int_equal(pdf_finish(p, &e), STATUS_OK);
	for (int i = 0; i < PDF_REMARK_MAX; i++)
		memcpy(expected + 3 * i, "\xef\xbf\xbd", 4);
	assert_info(t, "/PostroomRemark", expected);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(pages_are_put_in_order),
		T(later_pages_follow_the_order),
		T(wrong_orders_are_refused),
		T(pages_are_turned),
		T(remarks_stand_in_the_information),
		T(long_remarks_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
