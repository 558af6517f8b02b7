/*
 * pdfcheck: is it a whole PDF, and how many pages has it?
 *
 * libqpdf reads the document in a child process with limits on memory and time, so that a
 * hostile file harms neither the mail nor this process.
 */
#ifndef POSTROOM_PDFCHECK_H
#define POSTROOM_PDFCHECK_H

#include <stdbool.h>

#include "lib/base/status.h"
#include "lib/doc/pdfsplit.h"

enum pdf_strictness {
	PDF_STRICT,  /* any damage is an error: a filter was cut short */
	PDF_LENIENT, /* what a viewer can repair may pass */
};

struct pdf_facts {
	unsigned pages; /* 0: it opens with a password only, and cannot be counted */
	bool encrypted; /* also where everybody may open it */
};

/* Stores what there is to know. STATUS_INVALID: damaged or cut short, no page, or beyond
 * the limits; the sentence says which. STATUS_RETRY: the system failed. */
enum status pdf_examine(int fd, const struct span *span, enum pdf_strictness strictness,
    struct pdf_facts *facts, struct error *e);
/* The same for the number of pages alone. */
enum status pdf_pages(int fd, const struct span *span, enum pdf_strictness strictness,
    unsigned *pages, struct error *e);

/* For a PDF that was made just now: all of the file is one, with so many pages. *size
 * receives its bytes. */
enum status pdf_verify(int fd, off_t *size, unsigned pages, struct error *e);

#endif
