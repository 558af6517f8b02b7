/*
 * A job whose message is too large, for the tests of parts and pieces: its documents are
 * made here, and every division of it is checked here for what is asked of all.
 */
#ifndef POSTROOM_TEST_OVERSIZED_H
#define POSTROOM_TEST_OVERSIZED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/parts.h"
#include "lib/base/buf.h"
#include "lib/base/file.h"
#include "lib/doc/pdfcheck.h"
#include "lib/doc/pdfshrink.h"
#include "lib/doc/pdfwriter.h"

enum {
	BYTES_MAX = 16 * 1024 * 1024,
	KB = 1024,
	SCAN_DPI = 300,
	SCAN_SIDE = 300, /* pixels of a scanned page */
	GAP = 100,       /* bytes between the documents of one file */
};

/* A job: its documents stand in one file, as the filters bring them. */
struct setup {
	struct account account;
	struct route route;
	struct documents documents;
	struct letter whole;
	int fd;
	struct buf bytes; /* of the document that is made */
	struct oversize steps;
	struct parts_rule rule;
	struct error error;
};

static inline int
set_up(void **state)
{
	struct setup *s = calloc(1, sizeof(*s));
	struct error e;

	*state = s;
	if (!s)
		return -1;
	buf_init(&s->bytes, BYTES_MAX);
	s->account.name = strdup("office365");
	s->fd = file_scratch("/tmp");
	if (s->fd < 0 ||
	    mailbox_parse(&s->account.from, "Scanner <scanner@example.com>", &e) ||
	    mailbox_list_parse(&s->route.to, "Bob <bob@example.com>", &e))
		return -1;
	s->route.account = &s->account;
	s->whole = (struct letter){ .route = &s->route,
		.documents = &s->documents,
		.identity = { .name = "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
		    .created = 1763818468 },
		.part = 1,
		.parts = 1 };
	s->steps = (struct oversize){ { OVERSIZE_SPLIT, OVERSIZE_REFUSE }, 2 };
	s->rule =
	    (struct parts_rule){ .oversize = &s->steps, .tmpdir = "/tmp", .stop = -1 };
	return 0;
}

static inline int
tear_down(void **state)
{
	struct setup *s = *state;

	close(s->fd);
	documents_clear(&s->documents);
	route_clear(&s->route);
	mailbox_clear(&s->account.from);
	free(s->account.name);
	buf_clear(&s->bytes);
	free(s);
	return 0;
}

static inline void
need_ghostscript(void)
{
	if (!pdf_can_shrink()) {
		print_message("# needs the package ghostscript\n");
		skip();
	}
}

/* -- documents --------------------------------------------------- */

static inline enum status
take(void *context, const void *bytes, size_t len, struct error *e)
{
	(void)e;
	assert_true(buf_add(context, bytes, len));
	return STATUS_OK;
}

/* Adds what stands in s->bytes behind the documents before it. */
static inline void
add_bytes(struct setup *s, const char *filename, const char *type, unsigned pages)
{
	struct document *d = &s->documents.item[s->documents.count++];
	off_t at = lseek(s->fd, 0, SEEK_END) + GAP;

	assert_int_equal(
	    pwrite(s->fd, s->bytes.data, s->bytes.len, at), (ssize_t)s->bytes.len);
	*d = (struct document){ .filename = strdup(filename),
		.fd = s->fd,
		.start = at,
		.size = (off_t)s->bytes.len,
		.pages = pages };
	snprintf(d->type, sizeof(d->type), "%s", type);
	s->documents.pages += pages;
}

/* A page of noise, of which no encoder makes less: about side * side bytes. */
static inline void
add_page(struct pdf *p, unsigned side, unsigned dpi)
{
	const struct pdf_page page = { { PIXEL_GRAY, side, side, 90 }, dpi, dpi, 0 };
	static unsigned char row[4096];
	static uint32_t noise = 1;
	struct error e;

	assert_int_equal(pdf_page_start(p, &page, &e), STATUS_OK);
	for (unsigned y = 0; y < side; y++) {
		for (unsigned x = 0; x < side; x++) {
			noise = noise * 1103515245 + 12345;
			row[x] = (unsigned char)(noise >> 16);
		}
		assert_int_equal(pdf_page_row(p, row, &e), STATUS_OK);
	}
	assert_int_equal(pdf_page_end(p, &e), STATUS_OK);
}

/* A PDF of pages with these sides. */
static inline void
add_pages(struct setup *s, const char *filename, const unsigned *sides, unsigned count,
    unsigned dpi)
{
	struct sink sink = { .write = take, .context = &s->bytes };
	struct pdf *p = NULL;
	struct error e;

	buf_reset(&s->bytes);
	assert_int_equal(pdf_new(&p, &sink, NULL, 0, &e), STATUS_OK);
	for (unsigned i = 0; i < count; i++)
		add_page(p, sides[i], dpi);
	assert_int_equal(pdf_finish(p, &e), STATUS_OK);
	pdf_free(p);
	add_bytes(s, filename, "application/pdf", count);
}

/* A PDF of equal pages. */
static inline void
add_pdf(struct setup *s, const char *filename, unsigned pages, unsigned side)
{
	unsigned sides[500];

	for (unsigned i = 0; i < pages; i++)
		sides[i] = side;
	add_pages(s, filename, sides, pages, 72);
}

static inline void
add_scan(struct setup *s, const char *filename, unsigned pages)
{
	unsigned sides[20];

	for (unsigned i = 0; i < pages; i++)
		sides[i] = SCAN_SIDE;
	add_pages(s, filename, sides, pages, SCAN_DPI);
}

static inline void
add_other(struct setup *s, const char *filename, size_t size)
{
	buf_reset(&s->bytes);
	while (s->bytes.len < size)
		buf_putc(&s->bytes, 'x');
	add_bytes(s, filename, "image/png", 0);
}

/* -- what is asked of all parts ---------------------------------- */

static inline uint64_t
size_of(const struct letter *letter)
{
	uint64_t size;
	struct error e;

	assert_int_equal(compose_size(&size, letter, &e), STATUS_OK);
	return size;
}

/* The bytes of a part's message, which the caller frees. */
static inline char *
read_part(const struct parts *p, unsigned part, size_t *len)
{
	struct letter letter = parts_letter(p, part);
	struct message_stream *m;
	struct error e;
	char *bytes;

	assert_int_equal(compose_open(&m, &letter, &e), STATUS_OK);
	*len = (size_t)message_size(m);
	bytes = malloc(*len + 1);
	assert_non_null(bytes);
	assert_int_equal(message_read(m, bytes, *len), (ssize_t)*len);
	bytes[*len] = '\0';
	message_close(m);
	return bytes;
}

static inline unsigned
count_pages(const struct document *d)
{
	struct span span = { d->start, d->size };
	struct error e;
	unsigned pages;

	assert_int_equal(pdf_pages(d->fd, &span, PDF_STRICT, &pages, &e), STATUS_OK);
	return pages;
}

/* Checks one part's documents; adds the pages that are really there. */
static inline void
check_documents(const struct documents *d, unsigned *pages)
{
	unsigned sum = 0;

	assert_true(d->count > 0);
	for (size_t i = 0; i < d->count; i++) {
		if (d->item[i].pages)
			assert_int_equal(count_pages(&d->item[i]), d->item[i].pages);
		sum += d->item[i].pages;
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(d->item[i].filename, d->item[k].filename);
	}
	assert_int_equal(d->pages, sum);
	*pages += sum;
}

/* Makes the parts: all fit, and hold all pages. */
static inline struct parts *
make(struct setup *s)
{
	struct parts *p = NULL;
	unsigned pages = 0;

	if (parts_make(&p, &s->whole, &s->rule, &s->error) != STATUS_OK)
		fail_msg("%s", s->error.text);
	for (unsigned i = 1; i <= parts_count(p); i++) {
		struct letter letter = parts_letter(p, i);

		assert_int_equal(letter.part, i);
		assert_int_equal(letter.parts, parts_count(p));
		assert_true(size_of(&letter) <= s->rule.limit);
		check_documents(letter.documents, &pages);
	}
	assert_int_equal(pages, s->documents.pages);
	return p;
}

static inline void
check_not_made(struct setup *s, enum status status, const char *words)
{
	struct parts *p = NULL;

	*s->error.text = '\0';
	assert_int_equal(parts_make(&p, &s->whole, &s->rule, &s->error), status);
	assert_null(p);
	if (!strstr(s->error.text, words))
		fail_msg("'%s' is not in: %s", words, s->error.text);
}

static inline void
check_name(const struct parts *p, unsigned part, size_t i, const char *name)
{
	struct letter letter = parts_letter(p, part);

	assert_true(letter.documents->count > i);
	assert_string_equal(letter.documents->item[i].filename, name);
}

#define WITH_JOB(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
