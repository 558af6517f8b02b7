/*
 * pdfwriter: an append-only PDF of scanned pages (ISO 32000-1).
 *
 * Each page is one image that covers it. Bytes leave as they come and never again change,
 * so the PDF can be sent while it is scanned; memory is 48 bytes a page. The document
 * owns its state.
 *
 * STATUS_RETRY: no room or no memory, STATUS_REFUSED: the file would grow beyond the ten
 * digits of its table. A page that this happens to can be left out as one that did not
 * become whole, and the others be finished; room for the end is kept (sink.h). Where the
 * sink has failed for good, or cannot reserve, each call that writes fails as it did.
 */
#ifndef POSTROOM_PDFWRITER_H
#define POSTROOM_PDFWRITER_H

#include <stdbool.h>
#include <time.h>

#include "lib/base/status.h"
#include "lib/doc/encoder.h"
#include "lib/doc/sink.h"

enum {
	PDF_PAGES_MAX = 100000,
	PDF_REMARK_MAX = 1000, /* bytes */
};

struct pdf_page {
	struct raster raster;
	double x_dpi,
	    y_dpi; /* the real resolution: the page's size in points follows from it */
	unsigned rotate; /* degrees clockwise that a viewer turns it: 0, 90, 180, 270 */
};

/* What a document says of itself to whoever sends it. */
struct pdf_remark {
	const char *text; /* UTF-8, cut at PDF_REMARK_MAX; "" for none */
	bool incomplete;  /* pages are missing: the scan ended by a fault */
	bool hold;        /* somebody is to look at it before it is sent */
};

struct pdf;

/* Writes the header. title may be NULL; when goes into the document's information. */
enum status pdf_new(struct pdf **out, const struct sink *sink, const char *title,
    time_t when, struct error *e);
/* Starts a page's image. A page counts when pdf_page_end() has succeeded.
 * On failure there is no page to be ended or dropped. STATUS_INVALID: the raster, the
 * resolution or the number of pages is beyond the limits. */
enum status pdf_page_start(struct pdf *p, const struct pdf_page *page, struct error *e);
/* The next line. STATUS_INVALID: there are height lines already; nothing was added. */
enum status pdf_page_row(struct pdf *p, const unsigned char *row, struct error *e);
/* STATUS_INVALID: lines are missing. After any failure pdf_page_drop() is left for this
 * page. */
enum status pdf_page_end(struct pdf *p, struct error *e);
/* Closes the stream of a page that did not become whole and leaves it out of the
 * document. */
enum status pdf_page_drop(struct pdf *p, struct error *e);
unsigned pdf_page_count(const struct pdf *p);
/* For pdf_finish(): the page that was written as number order[i], from 0, becomes page i;
 * pages that are written later follow. STATUS_INVALID: not each page exactly once. */
enum status pdf_order(
    struct pdf *p, const unsigned *order, unsigned count, struct error *e);
/* For pdf_finish(), which writes it into the information dictionary: PostroomRemark, and
 * PostroomIncomplete (incomplete) and PostroomHold (hold) where they are so; text strings
 * all, as ISO 32000-1, 14.3.3 wants them under keys of one's own. */
enum status pdf_remark(struct pdf *p, const struct pdf_remark *remark, struct error *e);
/* Page tree, cross-reference table, trailer; no page may be open. STATUS_INVALID when
 * there is no page. */
enum status pdf_finish(struct pdf *p, struct error *e);
void pdf_free(struct pdf *p);

#endif
