/*
 * page: the bytes of a device's page on their way into the PDF.
 *
 * Bytes come in pieces of any length; whole lines are converted and handed on at once.
 * Where the device does not know the page's height, its lines wait in a nameless file,
 * since an image's height stands before its data; so do the three frames of a page that
 * comes in colours (planes.h). A page counts when it is whole.
 */
#ifndef POSTROOM_PAGE_H
#define POSTROOM_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/status.h"
#include "lib/doc/pdfwriter.h"
#include "scan2mail/planes.h"
#include "scan2mail/rows.h"

/* How a page shall be. */
struct page_style {
	enum pixel_format format; /* at most, as rows_init() wants it */
	unsigned quality;         /* of JPEG: 1 to 100, 0: the encoder's */
	unsigned rotate;          /* degrees, clockwise */
};

struct page {
	struct pdf *pdf;         /* not owned */
	const char *scratch_dir; /* not owned */
	struct frame frame;      /* the one that is being taken */
	struct pdf_page output;
	struct rows rows;
	struct planes planes;
	unsigned char *line; /* a line that came in pieces */
	size_t line_len;
	unsigned char *row; /* room for a converted one */
	unsigned count;     /* lines taken of the frame */
	unsigned surplus;   /* lines left out of it */
	int scratch;        /* -1: none */
	bool planar;        /* it comes as three frames */
	bool open;          /* the PDF has the page half */
};

/* All of these: STATUS_INVALID when the page is at fault, STATUS_RETRY when there is no
 * room for it, on a disk or in memory, or what pdfwriter.h says. After page_drop() the
 * document can go on without it, or says why not. */

/* For a page that was not begun: as page_clear() leaves it. */
void page_init(struct page *p, const char *scratch_dir);
/* Begins a page in pdf. */
enum status page_begin(struct page *p, const struct frame *frame,
    const struct page_style *style, struct error *e);
/* Begins the next frame of a page that comes as three. STATUS_INVALID: it does not, or
 * the frame does not fit (planes.h). */
enum status page_plane(struct page *p, const struct frame *frame, struct error *e);
/* Takes the next bytes of its lines. What a device sends beyond the height that it
 * announced is left out, up to SURPLUS_MAX (planes.h). */
enum status page_add(
    struct page *p, const unsigned char *bytes, size_t len, struct error *e);
/* Ends the page. STATUS_INVALID: lines or frames are missing. */
enum status page_end(struct page *p, struct error *e);
/* Leaves a page out that was begun; does nothing else. */
enum status page_drop(struct page *p, struct error *e);
/* Frees what a page holds, without a word to the PDF. */
void page_clear(struct page *p);

#endif
