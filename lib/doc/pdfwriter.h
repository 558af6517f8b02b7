/*
 * pdfwriter: an append-only PDF of scanned pages (ISO 32000-1).
 *
 * Each page is one image that covers it. Bytes leave as they come and never again change,
 * so the PDF can be sent while it is scanned; memory is 8 bytes an object. The document
 * owns its state: after a failure other than STATUS_INVALID only pdf_free() is left to
 * call. STATUS_REFUSED: the file grows beyond the ten digits of its table.
 */
#ifndef POSTROOM_PDFWRITER_H
#define POSTROOM_PDFWRITER_H

#include <time.h>

#include "lib/base/status.h"
#include "lib/doc/encoder.h"
#include "lib/doc/sink.h"

enum {
	PDF_PAGES_MAX = 100000,
};

struct pdf_page {
	struct raster raster;
	double x_dpi,
	    y_dpi; /* the real resolution: the page's size in points follows from it */
};

struct pdf;

/* Writes the header. title may be NULL; when goes into the document's information. */
enum status pdf_new(struct pdf **out, const struct sink *sink, const char *title,
    time_t when, struct error *e);
/* Starts a page's image. A page counts when pdf_page_end() has succeeded.
 * STATUS_INVALID: the raster, the resolution or the number of pages is beyond the limits;
 * the document is as it was. */
enum status pdf_page_start(struct pdf *p, const struct pdf_page *page, struct error *e);
/* The next line. STATUS_INVALID: there are height lines already; nothing was added. */
enum status pdf_page_row(struct pdf *p, const unsigned char *row, struct error *e);
/* STATUS_INVALID: lines are missing; pdf_page_drop() is left for this page. */
enum status pdf_page_end(struct pdf *p, struct error *e);
/* Closes the stream of a page that did not become whole and leaves it out of the
 * document. */
enum status pdf_page_drop(struct pdf *p, struct error *e);
unsigned pdf_page_count(const struct pdf *p);
/* Page tree, cross-reference table, trailer; no page may be open. STATUS_INVALID when
 * there is no page. */
enum status pdf_finish(struct pdf *p, struct error *e);
void pdf_free(struct pdf *p);

#endif
