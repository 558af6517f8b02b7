/* Tests of lib/doc/pdfpart.c: the parts are read back with libqpdf. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <qpdf/qpdf-c.h>

#include "lib/base/buf.h"
#include "lib/base/file.h"
#include "lib/doc/pdfpart.h"
#include "lib/doc/pdfwriter.h"
#include "tests/unit/pdf_rig.h"

enum {
	NARROWEST = 40, /* points of page 1; each page is a point wider than the last */
	HEIGHT = 40,
	MANY = 500,         /* pages, which take libqpdf a while */
	IMAGE = 100 * 1000, /* bytes */
	NOBODY = 65534,
};

/* Replaces the buffer's bytes by a PDF whose pages can be told by their width. */
static void
make(struct buf *b, unsigned pages)
{
	unsigned char row[1000] = { 0 };
	struct sink sink = { .write = take, .context = b };
	struct pdf *p = NULL;
	struct error e;

	buf_reset(b);
	assert_int_equal(pdf_new(&p, &sink, "Report", 0, &e), STATUS_OK);
	for (unsigned i = 0; i < pages; i++) {
		const struct pdf_page page = { { PIXEL_GRAY, NARROWEST + i, HEIGHT, 90 },
			72, 72, 0 };

		assert_int_equal(pdf_page_start(p, &page, &e), STATUS_OK);
		for (int y = 0; y < HEIGHT; y++)
			assert_int_equal(pdf_page_row(p, row, &e), STATUS_OK);
		assert_int_equal(pdf_page_end(p, &e), STATUS_OK);
	}
	assert_int_equal(pdf_finish(p, &e), STATUS_OK);
	pdf_free(p);
}

/* Adds an object of a handmade PDF. */
static void __attribute__((format(printf, 3, 4)))
add_object(struct buf *b, struct buf *table, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	buf_printf(table, "%010zu 00000 n \n", b->len);
	buf_puts(b, text);
}

/* Two pages as an office program writes them: both have the list of all images, and each
 * shows one. */
static void
make_with_shared_images(struct buf *b)
{
	struct buf table;

	buf_reset(b);
	buf_init(&table, PDF_MAX);
	buf_puts(b, "%PDF-1.4\n");
	add_object(b, &table, "1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n");
	add_object(b, &table,
	    "2 0 obj\n<</Type/Pages/Count 2/Kids[3 0 R 4 0 R]"
	    "/MediaBox[0 0 100 100]>>\nendobj\n");
	for (int i = 0; i < 2; i++)
		add_object(b, &table,
		    "%d 0 obj\n<</Type/Page/Parent 2 0 R/Resources 5 0 R"
		    "/Contents %d 0 R>>\nendobj\n",
		    3 + i, 6 + i);
	add_object(b, &table, "5 0 obj\n<</XObject<</A 8 0 R/B 9 0 R>>>>\nendobj\n");
	for (int i = 0; i < 2; i++)
		add_object(b, &table,
		    "%d 0 obj\n<</Length 5>>\nstream\n/%c Do\nendstream\nendobj\n", 6 + i,
		    'A' + i);
	for (int i = 0; i < 2; i++) {
		add_object(b, &table,
		    "%d 0 obj\n<</Type/XObject/Subtype/Image/Width %d/Height 1"
		    "/BitsPerComponent 8/ColorSpace/DeviceGray/Filter/DCTDecode"
		    "/Length %d>>\nstream\n",
		    8 + i, IMAGE, IMAGE);
		for (int k = 0; k < IMAGE; k++)
			buf_putc(b, (char)('a' + i));
		buf_puts(b, "\nendstream\nendobj\n");
	}
	buf_printf(&table, "trailer\n<</Size 10/Root 1 0 R>>\nstartxref\n%zu\n%%%%EOF\n",
	    b->len);
	buf_printf(b, "xref\n0 10\n0000000000 65535 f \n%s", buf_text(&table));
	buf_clear(&table);
}

static int
write_file(const struct buf *b)
{
	int fd = file_scratch("/tmp");

	assert_true(fd >= 0);
	assert_true(file_write(fd, buf_text(b), b->len));
	return fd;
}

/* Cuts; a descriptor of the part, or -1. */
static int
part(const struct buf *b, unsigned first, unsigned last, enum status *status)
{
	const struct cutting what = {
		.fd = write_file(b), .pages = { first, last }, .stop = -1
	};
	int out = file_scratch("/tmp");
	struct error e = { "" };
	off_t size = -7;
	struct stat st;

	assert_true(out >= 0);
	*status = pdf_part(out, &size, &what, &e);
	assert_int_equal(*e.text != '\0', *status != STATUS_OK);
	close(what.fd);
	if (*status == STATUS_OK) {
		assert_int_equal(fstat(out, &st), 0);
		assert_int_equal(st.st_size, size);
		return out;
	}
	assert_int_equal(size, -7);
	close(out);
	return -1;
}

/* Opens a part with libqpdf and closes it. */
static qpdf_data
open_part(int fd, struct buf *bytes)
{
	qpdf_data qpdf = qpdf_init();
	char block[4096];
	ssize_t n;

	buf_init(bytes, PDF_MAX);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	while ((n = read(fd, block, sizeof(block))) > 0)
		buf_add(bytes, block, (size_t)n);
	close(fd);
	qpdf_silence_errors(qpdf);
	assert_int_equal(
	    qpdf_read_memory(qpdf, "part", bytes->data, bytes->len, NULL), QPDF_SUCCESS);
	return qpdf;
}

static void
check_pages(int fd, unsigned first, unsigned last)
{
	struct buf bytes;
	qpdf_data qpdf = open_part(fd, &bytes);
	unsigned pages = (unsigned)qpdf_get_num_pages(qpdf);
	qpdf_oh info;

	assert_int_equal(pages, last - first + 1);
	for (unsigned i = 0; i < pages; i++) {
		qpdf_oh box =
		    qpdf_oh_get_key(qpdf, qpdf_get_page_n(qpdf, i), "/MediaBox");
		double width =
		    qpdf_oh_get_numeric_value(qpdf, qpdf_oh_get_array_item(qpdf, box, 2));

		assert_int_equal((unsigned)width, NARROWEST + first - 1 + i);
	}
	info = qpdf_oh_get_key(qpdf, qpdf_get_trailer(qpdf), "/Info");
	assert_string_equal(
	    qpdf_oh_get_utf8_value(qpdf, qpdf_oh_get_key(qpdf, info, "/Title")),
	    "Report");
	qpdf_cleanup(&qpdf);
	buf_clear(&bytes);
}

static void
pages_are_those_asked_for(void **state)
{
	static const struct page_range ranges[] = { { 1, 7 }, { 1, 1 }, { 7, 7 },
		{ 2, 5 }, { 4, 7 } };
	struct buf *b = *state;
	enum status status;

	make(b, 7);
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		int fd = part(b, ranges[i].first, ranges[i].last, &status);

		assert_int_equal(status, STATUS_OK);
		check_pages(fd, ranges[i].first, ranges[i].last);
	}
}

static void
the_same_pages_give_the_same_bytes(void **state)
{
	struct buf *b = *state, first, second;
	enum status status;
	qpdf_data qpdf;

	make(b, 5);
	qpdf = open_part(part(b, 2, 4, &status), &first);
	qpdf_cleanup(&qpdf);
	qpdf = open_part(part(b, 2, 4, &status), &second);
	qpdf_cleanup(&qpdf);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.data, second.data, first.len);
	buf_clear(&first);
	buf_clear(&second);
}

static void
what_no_page_shows_stays_behind(void **state)
{
	struct buf *b = *state, bytes;
	enum status status;
	qpdf_data qpdf;

	make_with_shared_images(b);
	assert_true(b->len > 2 * IMAGE);
	for (unsigned i = 1; i <= 2; i++) {
		qpdf = open_part(part(b, i, i, &status), &bytes);
		assert_true(bytes.len > IMAGE);
		assert_true(bytes.len < IMAGE + IMAGE / 2);
		assert_int_equal(
		    memmem(bytes.data, bytes.len, "aaaaaaaa", 8) != NULL, i == 1);
		assert_int_equal(
		    memmem(bytes.data, bytes.len, "bbbbbbbb", 8) != NULL, i == 2);
		qpdf_cleanup(&qpdf);
		buf_clear(&bytes);
	}
}

static void
wrong_pages_are_refused(void **state)
{
	static const struct page_range ranges[] = { { 0, 1 }, { 3, 2 }, { 3, 4 },
		{ 4, 4 }, { 1, 4294967295U }, { 4294967295U, 4294967295U } };
	struct buf *b = *state;
	enum status status;

	make(b, 3);
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		assert_int_equal(part(b, ranges[i].first, ranges[i].last, &status), -1);
		assert_int_equal(status, STATUS_INVALID);
	}
}

/* What libqpdf would repair may miss pages: it is not divided. */
static void
damaged_documents_are_refused(void **state)
{
	struct buf *b = *state;
	enum status status;
	char *table;

	make(b, 3);
	table = memmem(b->data, b->len, "xref\n0", 6);
	assert_non_null(table);
	memcpy(table, "xxxx", 4);
	part(b, 1, 2, &status);
	assert_int_equal(status, STATUS_INVALID);
	make(b, 3);
	b->len /= 2;
	part(b, 1, 2, &status);
	assert_int_equal(status, STATUS_INVALID);
	b->len = 0;
	part(b, 1, 2, &status);
	assert_int_equal(status, STATUS_INVALID);
	buf_puts(b, "\" } nonsense");
	part(b, 1, 2, &status);
	assert_int_equal(status, STATUS_INVALID);
}

/* Also what everybody may read: its parts would not have its owner's rules. */
static void
encrypted_documents_are_refused(void **state)
{
	struct buf *b = *state;
	enum status status;
	qpdf_data qpdf = qpdf_init();

	make(b, 3);
	assert_int_equal(
	    qpdf_read_memory(qpdf, "plain", b->data, b->len, NULL), QPDF_SUCCESS);
	assert_int_equal(qpdf_init_write_memory(qpdf), QPDF_SUCCESS);
	qpdf_set_r6_encryption_parameters2(qpdf, "", "owner", QPDF_TRUE, QPDF_TRUE,
	    QPDF_TRUE, QPDF_TRUE, QPDF_TRUE, QPDF_TRUE, qpdf_r3p_none, QPDF_TRUE);
	assert_int_equal(qpdf_write(qpdf), QPDF_SUCCESS);
	buf_reset(b);
	buf_add(b, qpdf_get_buffer(qpdf), qpdf_get_buffer_length(qpdf));
	qpdf_cleanup(&qpdf);
	part(b, 1, 2, &status);
	assert_int_equal(status, STATUS_INVALID);
}

static void
bad_descriptors_are_said(void **state)
{
	const struct cutting what = { .fd = -1, .pages = { 1, 1 }, .stop = -1 };
	struct error e = { "" };
	off_t size;

	(void)state;
	assert_int_equal(pdf_part(-1, &size, &what, &e), STATUS_RETRY);
	assert_string_not_equal(e.text, "");
}

static void
stops_where_it_is_told(void **state)
{
	struct buf *b = *state;
	struct cutting what = { .pages = { 1, MANY } };
	int out = file_scratch("/tmp");
	struct error e = { "" };
	off_t size = -7;
	struct stat st;

	make(b, MANY);
	what.fd = write_file(b);
	what.stop = what.fd; /* a file is always readable */
	assert_int_equal(pdf_part(out, &size, &what, &e), STATUS_CANCELLED);
	assert_non_null(strstr(e.text, "the job was stopped"));
	assert_int_equal(size, -7);
	assert_int_equal(fstat(out, &st), 0);
	assert_int_equal(st.st_size, 0); /* before it was cut, not when it is checked */
	assert_int_equal(waitpid(-1, NULL, 0), -1);
	close(what.fd);
	close(out);
}

/* As the worker does: its own files are all that it may open anew. */
static void
works_without_root(void **state)
{
	struct buf *b = *state;
	enum status status;
	int wait_status;
	pid_t child;

	make(b, 3);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (geteuid() == 0 &&
		    (setresgid(NOBODY, NOBODY, NOBODY) ||
			setresuid(NOBODY, NOBODY, NOBODY)))
			_exit(2);
		_exit(part(b, 2, 3, &status) < 0);
	}
	assert_int_equal(waitpid(child, &wait_status, 0), child);
	assert_int_equal(wait_status, 0);
}

/* A disk of 64 KB in a view of the file system of this process's own. */
static bool
mount_small_disk(char *path)
{
	if (!mkdtemp(path))
		return false;
	if (unshare(CLONE_NEWNS) == 0 &&
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("none", path, "tmpfs", 0, "size=64k") == 0)
		return true;
	rmdir(path);
	return false;
}

/* libqpdf ends well over a file that was cut short; pdf_part() does not. */
static void
full_disks_are_told_from_bad_documents(void **state)
{
	char path[] = "/tmp/postroom-test-XXXXXX";
	struct cutting what = { .pages = { 1, 1 }, .stop = -1 };
	struct buf *b = *state;
	struct error e = { "" };
	off_t size = -7;
	int out;

	if (!mount_small_disk(path)) {
		print_message("# needs the right to mount: a full disk\n");
		skip();
	}
	make_with_shared_images(b);
	what.fd = write_file(b);
	out = file_scratch(path);
	assert_true(out >= 0);
	assert_int_equal(pdf_part(out, &size, &what, &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, strerror(ENOSPC)));
	assert_int_equal(size, -7);
	close(out);
	close(what.fd);
	umount(path);
	rmdir(path);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(pages_are_those_asked_for),
		T(the_same_pages_give_the_same_bytes),
		T(what_no_page_shows_stays_behind),
		T(wrong_pages_are_refused),
		T(damaged_documents_are_refused),
		T(encrypted_documents_are_refused),
		T(bad_descriptors_are_said),
		T(stops_where_it_is_told),
		T(works_without_root),
		T(full_disks_are_told_from_bad_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
