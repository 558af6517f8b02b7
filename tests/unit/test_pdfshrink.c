/* Tests of lib/doc/pdfshrink.c: what Ghostscript made is read back with libqpdf. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <qpdf/qpdf-c.h>

#include "lib/base/buf.h"
#include "lib/base/file.h"
#include "lib/doc/pdfshrink.h"
#include "lib/doc/pdfwriter.h"

enum {
	PDF_MAX = 16 * 1024 * 1024,
	INCHES = 2, /* sides of a page */
	POINTS = 72 * INCHES,
	PAGES = 2,
	NOBODY = 65534,
};

/* A document, and a folder for Ghostscript's files. */
struct setup {
	struct buf pdf;
	char folder[64];
};

static int
set_up(void **state)
{
	struct setup *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	buf_init(&s->pdf, PDF_MAX);
	snprintf(s->folder, sizeof(s->folder), "/tmp/postroom-test-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	*state = s;
	return 0;
}

/* Nothing may be left in the folder. */
static int
tear_down(void **state)
{
	struct setup *s = *state;
	int left = rmdir(s->folder);

	buf_clear(&s->pdf);
	free(s);
	return left;
}

static void
need_ghostscript(void)
{
	if (!pdf_can_shrink()) {
		print_message("# needs the package ghostscript\n");
		skip();
	}
}

static enum status
take(void *context, const void *bytes, size_t len, struct error *e)
{
	(void)e;
	assert_true(buf_add(context, bytes, len));
	return STATUS_OK;
}

/* Replaces the buffer's bytes by pages of noise, which no encoder makes small. */
static void
make(struct buf *b, enum pixel_format format, unsigned dpi)
{
	const struct pdf_page page = { { format, INCHES * dpi, INCHES * dpi, 90 }, dpi,
		dpi, 0 };
	static unsigned char row[8192];
	struct sink sink = { .write = take, .context = b };
	struct pdf *p = NULL;
	struct error e;
	uint32_t noise = 1;

	buf_reset(b);
	assert_int_equal(pdf_new(&p, &sink, "Report", 0, &e), STATUS_OK);
	for (int i = 0; i < PAGES; i++) {
		assert_int_equal(pdf_page_start(p, &page, &e), STATUS_OK);
		for (unsigned y = 0; y < INCHES * dpi; y++) {
			for (size_t k = 0; k < sizeof(row); k++) {
				noise = noise * 1103515245 + 12345;
				row[k] = (unsigned char)(noise >> 16);
			}
			assert_int_equal(pdf_page_row(p, row, &e), STATUS_OK);
		}
		assert_int_equal(pdf_page_end(p, &e), STATUS_OK);
	}
	assert_int_equal(pdf_finish(p, &e), STATUS_OK);
	pdf_free(p);
}

/* Replaces the buffer's bytes by the document as libqpdf writes it: with a link and a
 * bookmark, and encrypted where it is asked for. */
static void
rewrite(struct buf *b, bool link, bool encrypted)
{
	qpdf_data q = qpdf_init();
	qpdf_oh page, root;

	assert_int_equal(
	    qpdf_read_memory(q, "plain", b->data, b->len, NULL), QPDF_SUCCESS);
	page = qpdf_get_page_n(q, 1);
	root = qpdf_get_root(q);
	if (link) {
		qpdf_oh_replace_key(q, page, "/Annots",
		    qpdf_oh_parse(q,
			"[<</Type/Annot/Subtype/Link/Rect[0 0 50 50]"
			"/A<</S/URI/URI(https://example.com/)>>>>]"));
		qpdf_oh outlines = qpdf_make_indirect_object(
		    q, qpdf_oh_parse(q, "<</Type/Outlines/Count 1>>"));
		qpdf_oh mark =
		    qpdf_make_indirect_object(q, qpdf_oh_parse(q, "<</Title(Chapter)>>"));
		qpdf_oh place = qpdf_oh_new_array(q);

		qpdf_oh_append_item(q, place, page);
		qpdf_oh_append_item(q, place, qpdf_oh_new_name(q, "/Fit"));
		qpdf_oh_replace_key(q, mark, "/Dest", place);
		qpdf_oh_replace_key(q, mark, "/Parent", outlines);
		qpdf_oh_replace_key(q, outlines, "/First", mark);
		qpdf_oh_replace_key(q, outlines, "/Last", mark);
		qpdf_oh_replace_key(q, root, "/Outlines", outlines);
	}
	assert_int_equal(qpdf_init_write_memory(q), QPDF_SUCCESS);
	if (encrypted)
		qpdf_set_r6_encryption_parameters2(q, "", "owner", QPDF_TRUE, QPDF_TRUE,
		    QPDF_TRUE, QPDF_TRUE, QPDF_TRUE, QPDF_TRUE, qpdf_r3p_none, QPDF_TRUE);
	assert_int_equal(qpdf_write(q), QPDF_SUCCESS);
	buf_reset(b);
	buf_add(b, qpdf_get_buffer(q), qpdf_get_buffer_length(q));
	qpdf_cleanup(&q);
}

static int
write_file(const struct buf *b)
{
	int fd = file_scratch("/tmp");

	assert_true(fd >= 0);
	assert_true(file_write(fd, buf_text(b), b->len));
	return fd;
}

/* Makes the document smaller; its bytes go to `small`. */
static enum status
shrink(struct setup *s, unsigned resolution, struct buf *small)
{
	int out = file_scratch("/tmp");
	struct shrinking what = { .fd = write_file(&s->pdf),
		.resolution = resolution,
		.stop = -1,
		.tmpdir = s->folder };
	struct error e = { "" };
	enum status status;
	static char block[65536];
	off_t size = -7;
	ssize_t n;

	assert_true(out >= 0);
	status = pdf_shrink(out, &size, &what, &e);
	assert_int_equal(*e.text != '\0', status != STATUS_OK);
	close(what.fd);
	buf_init(small, PDF_MAX);
	if (status != STATUS_OK)
		assert_int_equal(size, -7);
	assert_int_equal(lseek(out, 0, SEEK_SET), 0);
	while (status == STATUS_OK && (n = read(out, block, sizeof(block))) > 0)
		buf_add(small, block, (size_t)n);
	if (status == STATUS_OK)
		assert_int_equal(small->len, size);
	close(out);
	return status;
}

static enum status
try(struct setup *s, unsigned resolution)
{
	struct buf small;
	enum status status = shrink(s, resolution, &small);

	buf_clear(&small);
	return status;
}

static double
number_at(qpdf_data q, qpdf_oh array, int i)
{
	return qpdf_oh_get_numeric_value(q, qpdf_oh_get_array_item(q, array, i));
}

/* The pages are as large as they were; each has one image of so many pixels. */
static void
check_pages(struct buf *small, unsigned pixels)
{
	qpdf_data q = qpdf_init();
	qpdf_oh page, box, images;

	assert_int_equal(
	    qpdf_read_memory(q, "small", small->data, small->len, NULL), QPDF_SUCCESS);
	assert_int_equal(qpdf_get_num_pages(q), PAGES);
	for (size_t i = 0; i < PAGES; i++) {
		page = qpdf_get_page_n(q, i);
		box = qpdf_oh_get_key(q, page, "/MediaBox");
		assert_int_equal((int)number_at(q, box, 2), POINTS);
		assert_int_equal((int)number_at(q, box, 3), POINTS);
		images = qpdf_oh_get_key(
		    q, qpdf_oh_get_key(q, page, "/Resources"), "/XObject");
		qpdf_oh_begin_dict_key_iter(q, images);
		assert_true(qpdf_oh_dict_more_keys(q));
		images = qpdf_oh_get_key(q, images, qpdf_oh_dict_next_key(q));
		assert_int_equal(
		    qpdf_oh_get_int_value_as_int(
			q, qpdf_oh_get_key(q, qpdf_oh_get_dict(q, images), "/Width")),
		    (int)pixels);
	}
	box = qpdf_oh_get_key(q, qpdf_get_trailer(q), "/Info");
	assert_string_equal(
	    qpdf_oh_get_utf8_value(q, qpdf_oh_get_key(q, box, "/Title")), "Report");
	qpdf_cleanup(&q);
}

static void
images_get_the_resolution(void **state)
{
	static const struct {
		enum pixel_format format;
		unsigned before, asked, after; /* dots per inch */
	} rows[] = {
		{ PIXEL_RGB, 300, 200, 200 },
		{ PIXEL_RGB, 200, 150, 150 },
		{ PIXEL_GRAY, 300, 100, 100 },
		{ PIXEL_GRAY, 210, 200, 200 },
		{ PIXEL_BILEVEL, 600, 100, PDFSHRINK_MONO_MIN },
	};
	struct setup *s = *state;
	struct buf small;

	need_ghostscript();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make(&s->pdf, rows[i].format, rows[i].before);
		assert_int_equal(shrink(s, rows[i].asked, &small), STATUS_OK);
		assert_true(small.len < s->pdf.len);
		check_pages(&small, rows[i].after * INCHES);
		buf_clear(&small);
	}
}

static void
the_same_document_gives_the_same_bytes(void **state)
{
	struct setup *s = *state;
	struct buf first, second;

	need_ghostscript();
	make(&s->pdf, PIXEL_RGB, 300);
	assert_int_equal(shrink(s, 100, &first), STATUS_OK);
	sleep(1); /* another second, which would show in a date */
	assert_int_equal(shrink(s, 100, &second), STATUS_OK);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.data, second.data, first.len);
	buf_clear(&first);
	buf_clear(&second);
}

static void
links_and_bookmarks_stay(void **state)
{
	struct setup *s = *state;
	qpdf_data q = qpdf_init();
	struct buf small;
	qpdf_oh found;

	need_ghostscript();
	make(&s->pdf, PIXEL_GRAY, 300);
	rewrite(&s->pdf, true, false);
	assert_int_equal(shrink(s, 100, &small), STATUS_OK);
	check_pages(&small, 100 * INCHES);
	assert_int_equal(
	    qpdf_read_memory(q, "small", small.data, small.len, NULL), QPDF_SUCCESS);
	found = qpdf_oh_get_key(q, qpdf_get_page_n(q, 1), "/Annots");
	found = qpdf_oh_get_key(q, qpdf_oh_get_array_item(q, found, 0), "/A");
	found = qpdf_oh_get_key(q, found, "/URI");
	assert_string_equal(qpdf_oh_get_string_value(q, found), "https://example.com/");
	found = qpdf_oh_get_key(q, qpdf_get_root(q), "/Outlines");
	found = qpdf_oh_get_key(q, qpdf_oh_get_key(q, found, "/First"), "/Title");
	assert_string_equal(qpdf_oh_get_utf8_value(q, found), "Chapter");
	qpdf_cleanup(&q);
	buf_clear(&small);
}

static void
encrypted_documents_stay(void **state)
{
	struct setup *s = *state;

	need_ghostscript();
	make(&s->pdf, PIXEL_GRAY, 300);
	rewrite(&s->pdf, false, true);
	assert_int_equal(try(s, 100), STATUS_INVALID);
}

/* What would become larger is given up at the size that it has. */
static void
small_documents_stay(void **state)
{
	struct setup *s = *state;

	need_ghostscript();
	buf_puts(&s->pdf,
	    "%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n"
	    "2 0 obj\n<</Type/Pages/Count 1/Kids[3 0 R]>>\nendobj\n"
	    "3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>\nendobj\n"
	    "xref\n0 4\n0000000000 65535 f \n0000000009 00000 n \n"
	    "0000000054 00000 n \n0000000105 00000 n \n"
	    "trailer\n<</Size 4/Root 1 0 R>>\nstartxref\n170\n%%EOF\n");
	assert_int_equal(try(s, 100), STATUS_INVALID);
}

/* Ghostscript would take the first two for empty pages, and run the others. */
static void
nonsense_is_refused(void **state)
{
	static const char *const texts[] = { "", "nonsense", "%PDF-1.4\n",
		"%!PS\nshowpage\n", "%!PS\n{ } loop\n" };
	struct setup *s = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		buf_reset(&s->pdf);
		buf_puts(&s->pdf, texts[i]);
		assert_int_equal(try(s, 100), STATUS_INVALID);
	}
	make(&s->pdf, PIXEL_GRAY, 300);
	s->pdf.len /= 2;
	assert_int_equal(try(s, 100), STATUS_INVALID);
}

/* A program before the document, which libqpdf skips and Ghostscript would run: the
 * reader would get its pages. */
static void
documents_start_at_the_first_byte(void **state)
{
	struct setup *s = *state;
	struct buf behind;

	need_ghostscript();
	make(&s->pdf, PIXEL_GRAY, 300);
	buf_init(&behind, PDF_MAX);
	buf_puts(&behind, "%!PS\nshowpage showpage quit\n");
	buf_add(&behind, s->pdf.data, s->pdf.len);
	buf_clear(&s->pdf);
	s->pdf = behind;
	assert_int_equal(try(s, 100), STATUS_INVALID);
}

static void
missing_things_are_said(void **state)
{
	struct setup *s = *state;
	struct shrinking what = {
		.fd = -1, .resolution = 100, .stop = -1, .tmpdir = s->folder
	};
	struct error e = { "" };
	off_t size;
	int out = file_scratch("/tmp");

	assert_int_equal(pdf_shrink(out, &size, &what, &e), STATUS_RETRY);
	assert_string_not_equal(e.text, "");
	make(&s->pdf, PIXEL_GRAY, 100);
	what.fd = write_file(&s->pdf);
	what.tmpdir = "/nonexistent";
	assert_int_equal(pdf_shrink(out, &size, &what, &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, "/nonexistent"));
	close(what.fd);
	close(out);
}

/* Ends with `what`, a word in its sentence, and nothing stays behind: tear_down() looks
 * into the folder, too. */
static void
check_stopped(const struct shrinking *what)
{
	int out = file_scratch("/tmp");
	struct error e = { "" };
	off_t size = -7;
	struct stat st;

	assert_int_equal(pdf_shrink(out, &size, what, &e), STATUS_CANCELLED);
	assert_non_null(strstr(e.text, "the job was stopped"));
	assert_int_equal(size, -7);
	assert_int_equal(fstat(out, &st), 0);
	assert_int_equal(st.st_size, 0); /* not when the new one is checked */
	assert_int_equal(waitpid(-1, NULL, 0), -1);
	close(out);
}

/* At its first look, and when Ghostscript runs: it has its folder by then. */
static void
stops_where_it_is_told(void **state)
{
	struct setup *s = *state;
	struct shrinking what = { .resolution = 100, .tmpdir = "/nonexistent" };

	need_ghostscript();
	make(&s->pdf, PIXEL_RGB, 300);
	what.fd = what.stop = write_file(&s->pdf); /* a file is always readable */
	check_stopped(&what);
	what.tmpdir = s->folder;
	what.stop = inotify_init1(IN_CLOEXEC);
	assert_true(inotify_add_watch(what.stop, s->folder, IN_CREATE) >= 0);
	check_stopped(&what);
	close(what.stop);
	close(what.fd);
}

/* As the worker does: its own files are all that Ghostscript may open anew. */
static void
works_without_root(void **state)
{
	struct setup *s = *state;
	int wait_status;
	pid_t child;

	need_ghostscript();
	make(&s->pdf, PIXEL_GRAY, 300);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (geteuid() == 0 &&
		    (chown(s->folder, NOBODY, NOBODY) ||
			setresgid(NOBODY, NOBODY, NOBODY) ||
			setresuid(NOBODY, NOBODY, NOBODY)))
			_exit(2);
		_exit(try(s, 100) != STATUS_OK);
	}
	assert_int_equal(waitpid(child, &wait_status, 0), child);
	assert_int_equal(wait_status, 0);
}

/* A disk of 64 KB in a view of the file system of this process's own. */
static bool
mount_small_disk(const char *path)
{
	return unshare(CLONE_NEWNS) == 0 &&
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("none", path, "tmpfs", 0, "size=64k") == 0;
}

/* Ghostscript ends well over a file that was cut short; pdf_shrink() does not. */
static void
full_disks_are_told_from_bad_documents(void **state)
{
	struct setup *s = *state;
	struct shrinking what = {
		.fd = -1, .resolution = 200, .stop = -1, .tmpdir = "/tmp"
	};
	struct error e = { "" };
	off_t size = -7;
	int out;

	need_ghostscript();
	if (!mount_small_disk(s->folder)) {
		print_message("# needs the right to mount: a full disk\n");
		skip();
	}
	make(&s->pdf, PIXEL_RGB, 300);
	what.fd = write_file(&s->pdf);
	out = file_scratch(s->folder);
	assert_true(out >= 0);
	assert_int_equal(pdf_shrink(out, &size, &what, &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, strerror(ENOSPC)));
	assert_int_equal(size, -7);
	close(out);
	close(what.fd);
	umount(s->folder);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(images_get_the_resolution),
		T(the_same_document_gives_the_same_bytes),
		T(links_and_bookmarks_stay),
		T(encrypted_documents_stay),
		T(small_documents_stay),
		T(nonsense_is_refused),
		T(documents_start_at_the_first_byte),
		T(missing_things_are_said),
		T(stops_where_it_is_told),
		T(works_without_root),
		T(full_disks_are_told_from_bad_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
