/* Tests of lib/doc/pdfcheck.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/buf.h"
#include "lib/doc/pdfcheck.h"
#include "lib/doc/pdfwriter.h"
#include "tests/unit/pdf_rig.h"

#define NOUGHTS "<00000000000000000000000000000000>"
/* 32 bytes as a string: no password has this key */
#define KEY                                                                              \
	"("                                                                              \
	"0123456789abcdef0123456789abcdef"                                               \
	")"

/* Replaces the buffer's bytes by a PDF of so many pages. */
static void
make(struct buf *b, unsigned pages)
{
	const struct pdf_page page = { { PIXEL_GRAY, 40, 40, 90 }, 72, 72, 0 };
	unsigned char row[40] = { 0 };
	struct sink sink = { .write = take, .context = b };
	struct pdf *p = NULL;
	struct error e;

	buf_reset(b);
	assert_int_equal(pdf_new(&p, &sink, NULL, 0, &e), STATUS_OK);
	for (unsigned i = 0; i < pages; i++) {
		assert_int_equal(pdf_page_start(p, &page, &e), STATUS_OK);
		for (int y = 0; y < 40; y++)
			assert_int_equal(pdf_page_row(p, row, &e), STATUS_OK);
		assert_int_equal(pdf_page_end(p, &e), STATUS_OK);
	}
	assert_int_equal(pdf_finish(p, &e), STATUS_OK);
	pdf_free(p);
}

/* Checks the bytes, which stand `before` bytes into a file. */
static enum status
check_at(const struct buf *b, off_t before, enum pdf_strictness how, unsigned *pages)
{
	struct span span = { before, (off_t)b->len };
	int fd = memfd_create("pdf", MFD_CLOEXEC);
	struct error e = { "" };
	enum status status;

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, buf_text(b), b->len, before), (ssize_t)b->len);
	*pages = 99;
	status = pdf_pages(fd, &span, how, pages, &e);
	assert_int_equal(*e.text != '\0', status != STATUS_OK);
	if (status != STATUS_OK)
		assert_int_equal(*pages, 99);
	close(fd);
	return status;
}

static void
pages_are_counted(void **state)
{
	static const unsigned counts[] = { 1, 2, 65, 500 };
	static const off_t places[] = { 0, 1, 4095, 4096, 100000 };
	struct buf *b = *state;
	unsigned pages;

	for (size_t i = 0; i < 4; i++) {
		make(b, counts[i]);
		for (size_t k = 0; k < 5; k++) {
			assert_int_equal(
			    check_at(b, places[k], PDF_STRICT, &pages), STATUS_OK);
			assert_int_equal(pages, counts[i]);
		}
		assert_int_equal(check_at(b, 0, PDF_LENIENT, &pages), STATUS_OK);
		assert_int_equal(pages, counts[i]);
	}
}

/* Cut anywhere, a filter's PDF is refused. */
static void
cut_documents_are_refused(void **state)
{
	struct buf *b = *state;
	size_t whole;
	unsigned pages;

	make(b, 3);
	whole = b->len;
	for (size_t len = 1; len < whole - 6; len += len < whole - 40 ? 211 : 1) {
		b->len = len;
		assert_int_equal(check_at(b, 0, PDF_STRICT, &pages), STATUS_INVALID);
	}
	b->len = whole;
	assert_int_equal(check_at(b, 0, PDF_STRICT, &pages), STATUS_OK);
}

/* A table that points nowhere: a viewer mends it, a filter never wrote it. */
static void
damage_is_mended_where_allowed(void **state)
{
	struct buf *b = *state;
	unsigned pages;
	char *table;

	make(b, 3);
	table = memmem(b->data, b->len, "xref\n0", 6);
	assert_non_null(table);
	memcpy(table, "xxxx", 4);
	assert_int_equal(check_at(b, 0, PDF_STRICT, &pages), STATUS_INVALID);
	assert_int_equal(check_at(b, 0, PDF_LENIENT, &pages), STATUS_OK);
	assert_int_equal(pages, 3);
}

static void
nonsense_is_refused(void **state)
{
	static const char *const texts[] = {
		"x",
		"%PDF-1.4\n",
		"%PDF-1.4\n%%EOF\n",
		"%PDF-1.4\ntrailer\n<</Root 1 0 R>>\nstartxref\n9\n%%EOF\n",
		/* a catalog that is its own tree of pages */
		("%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 1 0 R>>\nendobj\ntrailer\n"
		 "<</Root 1 0 R>>\nstartxref\n0\n%%EOF\n"),
	};
	struct buf *b = *state;
	unsigned pages;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		buf_reset(b);
		buf_puts(b, texts[i]);
		assert_int_equal(check_at(b, 0, PDF_STRICT, &pages), STATUS_INVALID);
		assert_int_equal(check_at(b, 0, PDF_LENIENT, &pages), STATUS_INVALID);
	}
	buf_reset(b);
	assert_int_equal(check_at(b, 0, PDF_LENIENT, &pages), STATUS_INVALID);
}

/* One that wants more stack or memory than there is ends the child alone. */
static void
hostile_documents_harm_nobody(void **state)
{
	struct buf *b = *state;
	unsigned pages;

	buf_puts(b, "%PDF-1.4\n1 0 obj\n");
	for (int i = 0; i < 4 * 1024 * 1024; i++)
		buf_putc(b, '[');
	buf_puts(b, "\nendobj\ntrailer\n<</Root 1 0 R>>\nstartxref\n0\n%%EOF\n");
	assert_int_equal(check_at(b, 0, PDF_LENIENT, &pages), STATUS_INVALID);
}

/* What needs a password passes: its pages cannot be counted. */
static void
encrypted_documents_pass(void **state)
{
	static const char *const objects[] = {
		"1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n",
		"2 0 obj\n<</Type/Pages/Count 0/Kids[]>>\nendobj\n",
		"3 0 obj\n<</Filter/Standard/V 1/R 2/P -4/O " KEY "/U " KEY
		">>\nendobj\n",
	};
	struct buf *b = *state, table;
	unsigned pages;

	buf_init(&table, PDF_MAX);
	buf_puts(b, "%PDF-1.4\n");
	for (size_t i = 0; i < 3; i++) {
		buf_printf(&table, "%010zu 00000 n \n", b->len);
		buf_puts(b, objects[i]);
	}
	buf_printf(&table, "trailer\n<</Size 4/Root 1 0 R/Encrypt 3 0 R/ID[%s%s]>>\n",
	    NOUGHTS, NOUGHTS);
	buf_printf(&table, "startxref\n%zu\n%%%%EOF\n", b->len);
	buf_printf(b, "xref\n0 4\n0000000000 65535 f \n%s", table.data);
	assert_int_equal(check_at(b, 0, PDF_STRICT, &pages), STATUS_OK);
	assert_int_equal(pages, 0);
	buf_clear(&table);
}

static int
open_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) != -1;
	return count;
}

/* No child and no descriptor stays, and this process has not read the document. */
static void
nothing_stays_behind(void **state)
{
	struct buf *b = *state;
	struct rusage before, after;
	int descriptors = open_descriptors();
	unsigned pages;

	make(b, 1);
	while (b->len < 8 * 1024 * 1024)
		buf_puts(b, "garbage behind the end of the document\n");
	assert_int_equal(check_at(b, 0, PDF_LENIENT, &pages), STATUS_OK);
	getrusage(RUSAGE_SELF, &before);
	assert_int_equal(check_at(b, 0, PDF_LENIENT, &pages), STATUS_OK);
	getrusage(RUSAGE_SELF, &after);
	assert_true(after.ru_maxrss - before.ru_maxrss < 1024);
	assert_int_equal(open_descriptors(), descriptors);
	assert_int_equal(waitpid(-1, NULL, 0), -1);
}

static void
bad_descriptors_are_said(void **state)
{
	struct span span = { 0, 100 };
	unsigned pages = 99;
	struct error e = { "" };

	(void)state;
	assert_int_equal(pdf_pages(-1, &span, PDF_STRICT, &pages, &e), STATUS_RETRY);
	assert_string_not_equal(e.text, "");
	assert_int_equal(pages, 99);
}

static void
stops_where_it_is_told(void **state)
{
	struct buf *b = *state;
	struct examining what = { .strictness = PDF_STRICT };
	struct pdf_facts facts = { .pages = 99 };
	struct error e = { "" };
	off_t size = -7;

	make(b, 500);
	what.span.size = (off_t)b->len;
	what.fd = memfd_create("pdf", MFD_CLOEXEC);
	assert_int_equal(pwrite(what.fd, buf_text(b), b->len, 0), (ssize_t)b->len);
	what.stop = what.fd; /* a file is always readable */
	assert_int_equal(pdf_examine(&what, &facts, &e), STATUS_CANCELLED);
	assert_non_null(strstr(e.text, "the job was stopped"));
	assert_int_equal(facts.pages, 99);
	assert_int_equal(pdf_verify(what.fd, &size, 500, what.fd, &e), STATUS_CANCELLED);
	assert_int_equal(size, -7);
	assert_int_equal(pdf_verify(what.fd, &size, 500, -1, &e), STATUS_OK);
	assert_int_equal(size, b->len);
	close(what.fd);
}

static uint64_t
images_of(const struct buf *b, bool asked)
{
	struct examining what = { .fd = memfd_create("pdf", MFD_CLOEXEC),
		.stop = -1,
		.strictness = PDF_LENIENT,
		.images = asked };
	struct pdf_facts facts = { .images = 99 };
	struct error e = { "" };

	assert_true(what.fd >= 0);
	what.span.size = (off_t)b->len;
	assert_int_equal(pwrite(what.fd, buf_text(b), b->len, 0), (ssize_t)b->len);
	assert_int_equal(pdf_examine(&what, &facts, &e), STATUS_OK);
	close(what.fd);
	return facts.images;
}

/* Two pages that are an image each, and a page that has none. */
static void
images_are_counted_where_asked(void **state)
{
	static const char empty[] =
	    "%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n"
	    "2 0 obj\n<</Type/Pages/Count 1/Kids[3 0 R]>>\nendobj\n"
	    "3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>\nendobj\n"
	    "xref\n0 4\n0000000000 65535 f \n0000000009 00000 n \n"
	    "0000000054 00000 n \n0000000105 00000 n \n"
	    "trailer\n<</Size 4/Root 1 0 R>>\nstartxref\n170\n%%EOF\n";
	struct buf *b = *state;
	uint64_t one;

	make(b, 1);
	one = images_of(b, true);
	assert_in_range(one, 100, b->len);
	assert_int_equal(images_of(b, false), 0);
	make(b, 2);
	assert_int_equal(images_of(b, true), 2 * one);
	buf_reset(b);
	buf_puts(b, empty);
	assert_int_equal(images_of(b, true), 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(pages_are_counted),
		T(cut_documents_are_refused),
		T(damage_is_mended_where_allowed),
		T(nonsense_is_refused),
		T(hostile_documents_harm_nobody),
		T(encrypted_documents_pass),
		T(nothing_stays_behind),
		T(bad_descriptors_are_said),
		T(stops_where_it_is_told),
		T(images_are_counted_where_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
