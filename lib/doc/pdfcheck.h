/*
 * pdfcheck: is it a whole PDF, and how many pages has it?
 *
 * libqpdf reads the document in a child process with limits on memory and time, so that a
 * hostile file harms neither the mail nor this process.
 */
#ifndef POSTROOM_PDFCHECK_H
#define POSTROOM_PDFCHECK_H

#include "lib/base/status.h"
#include "lib/doc/pdfsplit.h"

enum pdf_strictness {
	PDF_STRICT,  /* any damage is an error: a filter was cut short */
	PDF_LENIENT, /* what a viewer can repair may pass */
};

/* Stores the number of pages; 0 when the document is encrypted and cannot be counted.
 * STATUS_INVALID: damaged or cut short, no page, or beyond the limits; the sentence says
 * which. STATUS_RETRY: the system failed. */
enum status pdf_pages(int fd, const struct span *span, enum pdf_strictness strictness,
    unsigned *pages, struct error *e);

#endif
