/*
 * page: the bytes of a device's page on their way into the PDF.
 *
 * Bytes come in pieces of any length; whole lines are converted and handed on at once.
 * Where the device does not know the page's height, its lines wait in a nameless file,
 * since an image's height stands before its data. A page counts when it is whole.
 */
#ifndef POSTROOM_PAGE_H
#define POSTROOM_PAGE_H

#include <stddef.h>

#include "lib/base/status.h"
#include "lib/doc/pdfwriter.h"
#include "scan2mail/rows.h"

struct page {
	struct pdf *pdf;         /* not owned */
	const char *scratch_dir; /* not owned */
	struct frame frame;
	struct pdf_page output;
	struct rows rows;
	unsigned char *line; /* a line that came in pieces */
	size_t line_len;
	unsigned char *row; /* room for a converted one */
	unsigned count;     /* lines taken */
	int scratch;        /* -1: none */
	bool open;          /* the PDF has the page half */
};

/* All of these: STATUS_INVALID when the page is at fault, and the document can go on
 * without it after page_drop(); anything else is the document's own failure. */

/* Begins a page in pdf, with rows as rows_init() wants them. */
enum status page_begin(
    struct page *p, const struct frame *frame, enum pixel_format wanted, struct error *e);
/* Takes the next bytes of its lines. What a device sends beyond the height that it
 * announced is left out. */
enum status page_add(
    struct page *p, const unsigned char *bytes, size_t len, struct error *e);
/* Ends the page. STATUS_INVALID: lines are missing. */
enum status page_end(struct page *p, struct error *e);
/* Leaves a page out that was begun; does nothing else. */
enum status page_drop(struct page *p, struct error *e);
/* Frees what a page holds, without a word to the PDF. */
void page_clear(struct page *p);

#endif
