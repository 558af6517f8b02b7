/* Tests of lib/doc/pdfcheck.c: what a scan says of itself, and what a hostile PDF says in
 * its place. */
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
#include "lib/base/text.h"
#include "lib/doc/pdfcheck.h"
#include "tests/unit/pdf_rig.h"

enum {
	OBJECTS_MAX = 16,
};

#define SCAN     "/Creator(scan2mail)"
#define REPLACED "\xef\xbf\xbd"

/* Replaces the buffer's bytes by a PDF of scan2mail; text NULL: it says nothing. */
static void
make(struct buf *b, const char *text, bool incomplete, bool hold)
{
	const struct pdf_page page = { { PIXEL_GRAY, 1, 1, 90 }, 72, 72, 0 };
	struct sink sink = { .write = take, .context = b };
	const struct pdf_remark remark = { text, incomplete, hold };
	struct pdf *p = NULL;
	struct error e;

	buf_reset(b);
	assert_int_equal(pdf_new(&p, &sink, "Scan", 0, &e), STATUS_OK);
	assert_int_equal(pdf_page_start(p, &page, &e), STATUS_OK);
	assert_int_equal(pdf_page_row(p, (const unsigned char *)"", &e), STATUS_OK);
	assert_int_equal(pdf_page_end(p, &e), STATUS_OK);
	if (text)
		assert_int_equal(pdf_remark(p, &remark, &e), STATUS_OK);
	assert_int_equal(pdf_finish(p, &e), STATUS_OK);
	pdf_free(p);
}

/* The same by a PDF of one page with this behind "/Info" in its trailer, and with more
 * objects, from number 4 on, each parted from the next by a line feed. */
static void
write_pdf(struct buf *b, const char *info, const char *objects)
{
	static const char three[] = "<</Type/Catalog/Pages 2 0 R>>\n"
				    "<</Type/Pages/Count 1/Kids[3 0 R]>>\n"
				    "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>\n";
	const char *const texts[] = { three, objects };
	size_t offset[OBJECTS_MAX] = { 0 }, table;
	unsigned count = 1;

	buf_reset(b);
	buf_puts(b, "%PDF-1.4\n");
	for (size_t i = 0; i < 2; i++)
		for (const char *s = texts[i]; *s; s += strspn(s, "\n")) {
			size_t len = strcspn(s, "\n");

			offset[count] = b->len;
			buf_printf(b, "%u 0 obj\n", count++);
			buf_add(b, s, len);
			buf_puts(b, "\nendobj\n");
			s += len;
		}
	table = b->len;
	buf_printf(b, "xref\n0 %u\n0000000000 65535 f \n", count);
	for (unsigned i = 1; i < count; i++)
		buf_printf(b, "%010zu 00000 n \n", offset[i]);
	buf_printf(b,
	    "trailer\n<</Size %u/Root 1 0 R/Info %s>>\nstartxref\n%zu\n%%%%EOF\n", count,
	    info, table);
	assert_false(b->over);
}

/* What it says; the document is a good one in any case. */
static struct pdf_facts
facts_of(const struct buf *b)
{
	struct examining what = { .fd = memfd_create("pdf", MFD_CLOEXEC),
		.span = { 0, (off_t)b->len },
		.strictness = PDF_STRICT,
		.stop = -1 };
	struct pdf_facts facts;
	struct error e = { "" };

	memset(&facts, 'x', sizeof(facts));
	assert_true(what.fd >= 0);
	assert_int_equal(pwrite(what.fd, buf_text(b), b->len, 0), (ssize_t)b->len);
	if (pdf_examine(&what, &facts, &e) != STATUS_OK)
		fail_msg("%s", e.text);
	close(what.fd);
	assert_int_equal(facts.pages, 1);
	return facts;
}

static void
assert_says(const struct buf *b, bool scanned, bool hold, const char *remark)
{
	struct pdf_facts facts = facts_of(b);

	assert_int_equal(facts.scanned, scanned);
	assert_int_equal(facts.hold, hold);
	assert_string_equal(facts.remark, remark);
	if (!*remark)
		assert_false(facts.incomplete);
}

static void
assert_silent(const struct buf *b)
{
	assert_says(b, false, false, "");
}

/* -- our own ------------------------------------------------------------------------ */

static void
scans_say_what_scan2mail_wrote(void **state)
{
	static const char *const remarks[] = { "jam after page 7: 7 pages attached",
		"Störung – \xe7\xb4\x99 \xf0\x9f\x93\x84", "(\\" };
	struct buf *b = *state;

	make(b, NULL, false, false);
	assert_says(b, true, false, "");
	make(b, "", false, true);
	assert_says(b, true, true, "");
	for (size_t i = 0; i < sizeof(remarks) / sizeof(remarks[0]); i++)
		for (int n = 0; n < 4; n++) {
			make(b, remarks[i], n & 1, n & 2);
			assert_says(b, true, n & 2, remarks[i]);
			assert_int_equal(facts_of(b).incomplete, n & 1);
		}
}

static void
the_longest_remark_arrives(void **state)
{
	char remark[PDF_REMARK_MAX + 1];
	struct buf *b = *state;

	memset(remark, 'r', PDF_REMARK_MAX);
	remark[PDF_REMARK_MAX] = '\0';
	make(b, remark, false, false);
	assert_says(b, true, false, remark);
}

/* -- those of others ---------------------------------------------------------------- */

static void
others_say_nothing(void **state)
{
	static const char *const infos[] = {
		"<</PostroomRemark(r)/PostroomHold(hold)/PostroomIncomplete(incomplete)>>",
		"<</Creator(scan2mail )/PostroomRemark(r)/PostroomHold(hold)/PostroomIncomplete(incomplete)>>",
		"<</Creator(Writer)/PostroomRemark(r)/PostroomHold(hold)/PostroomIncomplete(incomplete)>>",
		"<</Creator/scan2mail/PostroomRemark(r)/PostroomHold(hold)/PostroomIncomplete(incomplete)>>",
		"<</Producer(scan2mail)/PostroomHold(hold)>>",
	};
	struct buf *b = *state;

	for (size_t i = 0; i < sizeof(infos) / sizeof(infos[0]); i++) {
		write_pdf(b, infos[i], "");
		assert_silent(b);
	}
}

/* Only its own word holds, and only a string is a remark. */
static void
other_types_are_nothing(void **state)
{
	static const char *const infos[] = {
		"<<" SCAN "/PostroomHold true/PostroomIncomplete true/PostroomRemark/r>>",
		"<<" SCAN "/PostroomHold(Hold)/PostroomRemark[(r)]>>",
		"<<" SCAN "/PostroomHold/hold/PostroomRemark<</A(r)>> >>",
		"<<" SCAN "/PostroomIncomplete(hold)>>",
		"<<" SCAN "/PostroomIncomplete/incomplete>>",
		"<<" SCAN "/PostroomHold()/PostroomIncomplete 1/PostroomRemark 7>>",
		"<<" SCAN "/PostroomHold 99 0 R/PostroomRemark 99 0 R>>",
	};
	struct buf *b = *state;

	for (size_t i = 0; i < sizeof(infos) / sizeof(infos[0]); i++) {
		write_pdf(b, infos[i], "");
		assert_says(b, true, false, "");
	}
}

static void
an_information_that_is_none_is_nothing(void **state)
{
	static const struct {
		const char *info, *objects;
	} cases[] = {
		{ "null", "" }, { "true", "" }, { "[" SCAN "]", "" },
		{ "(scan2mail)", "" }, { "99 0 R", "" },
		{ "1 0 R", "" },               /* the catalog */
		{ "4 0 R", "4 0 R\n" },        /* itself */
		{ "4 0 R", "5 0 R\n4 0 R\n" }, /* in a circle */
		{ "4 0 R", "<</Creator 5 0 R>>\n6 0 R\n5 0 R\n" },
		{ "4 0 R", "<</Creator 4 0 R>>\n" },
		{ "4 0 R", "<<" SCAN "\n" }, /* broken off */
	};
	struct buf *b = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_pdf(b, cases[i].info, cases[i].objects);
		assert_silent(b);
	}
	write_pdf(b, "4 0 R",
	    "<</Creator 5 0 R/PostroomHold 6 0 R/PostroomRemark 7 0 R>>\n"
	    "(scan2mail)\n(hold)\n(by reference)\n");
	assert_says(b, true, true, "by reference");
	write_pdf(b, "4 0 R",
	    "<<" SCAN "/PostroomHold 5 0 R/PostroomRemark 5 0 R>>\n"
	    "5 0 R\n");
	assert_says(b, true, false, "");
}

static void
hostile_remarks_are_cleaned(void **state)
{
	static const struct {
		const char *text; /* of the PDF */
		const char *remark;
	} cases[] = {
		/* what would begin a header, a recipient, a line of a log */
		{ "(jam\\r\\nBcc: eve@example.com\\nERROR: x)",
		    "jam  Bcc: eve@example.com ERROR: x" },
		{ "<FEFF000D000A0041000900420085004320280044>", "A B C D" },
		{ "<FEFF001B005B00330031006D0052009B0007>", "[31mR" },
		/* up to a NUL */
		{ "(abc\\000def)", "abc" },
		{ "<FEFF006100000062>", "a" },
		{ "(\\000abc)", "" },
		/* characters that reorder or hide: RLO, LRI, LRM, BOM */
		{ "<FEFF0061202E00622066006320 0E0064FEFF0065>", "abcde" },
		/* UTF-8 with its mark, as PDF 2.0 has it, and bytes that are none */
		{ "<EFBBBF C3BC>", "\xc3\xbc" },
		{ "<EFBBBF 41FF42>", "A" REPLACED "B" },
		/* PDFDocEncoding: ü, bullet */
		{ "<FC80>", "\xc3\xbc\xe2\x80\xa2" },
		{ "(  blanks  )", "blanks" },
		{ "<FEFF>", "" },
		{ "()", "" },
	};
	struct buf *b = *state;
	char info[300];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(
		    info, sizeof(info), "<<" SCAN "/PostroomRemark%s>>", cases[i].text);
		write_pdf(b, info, "");
		assert_says(b, true, false, cases[i].remark);
	}
}

/* Surrogates alone, half a character at the end: whatever libqpdf makes of them, some
 * with a NUL in it, is text. */
static void
half_characters_are_no_harm(void **state)
{
	static const char *const texts[] = { "<FEFFD8000041>", "<FEFFDC000041>",
		"<FEFF0041D800>", "<FEFFD800D800DC000041>", "<FEFF004100>", "<FFFE4100>",
		"<FFFE00D84100>", "<EFBBBFEDA08041>" };
	struct buf *b = *state;
	char info[200];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct pdf_facts facts;

		snprintf(info, sizeof(info), "<<" SCAN "/PostroomRemark%s>>", texts[i]);
		write_pdf(b, info, "");
		facts = facts_of(b);
		assert_true(facts.scanned);
		assert_true(utf8_valid(facts.remark, strlen(facts.remark)));
	}
}

/* Cut at a character, wherever in one the limit falls and whatever becomes of its bytes.
 */
static void
long_remarks_are_cut(void **state)
{
	static const struct {
		const char *mark, *lead, *piece, *shown;
	} cases[] = {
		{ "", "41", "78", "x" },
		{ "FEFF", "0041", "00FC", "\xc3\xbc" },
		{ "FEFF", "0041", "D83DDCC4", "\xf0\x9f\x93\x84" },
		{ "EFBBBF", "41", "FF", REPLACED },
	};
	struct buf *b = *state, info;

	buf_init(&info, PDF_MAX);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t leads = 1; leads <= 4; leads++) {
			size_t one = strlen(cases[i].shown);
			struct pdf_facts facts;

			buf_reset(&info);
			buf_printf(&info, "<<" SCAN "/PostroomRemark<%s", cases[i].mark);
			for (size_t k = 0; k < leads; k++)
				buf_puts(&info, cases[i].lead);
			for (int k = 0; k < 10 * 1024; k++)
				buf_puts(&info, cases[i].piece);
			buf_puts(&info, ">/PostroomHold(hold)>>");
			write_pdf(b, buf_text(&info), "");
			facts = facts_of(b);
			assert_true(facts.hold);
			assert_in_range(
			    strlen(facts.remark), PDF_REMARK_MAX - 3, PDF_REMARK_MAX);
			assert_int_equal(strspn(facts.remark, "A"), leads);
			for (const char *s = facts.remark + leads; *s; s += one)
				assert_memory_equal(s, cases[i].shown, one);
		}
	buf_clear(&info);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(scans_say_what_scan2mail_wrote),
		T(the_longest_remark_arrives),
		T(others_say_nothing),
		T(other_types_are_nothing),
		T(an_information_that_is_none_is_nothing),
		T(hostile_remarks_are_cleaned),
		T(half_characters_are_no_harm),
		T(long_remarks_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
