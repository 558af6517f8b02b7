/*
 * pdfcheck: is it a whole PDF, how many pages has it, and what does a scan say of itself?
 *
 * libqpdf reads the document in a child process with limits on memory and time, so that a
 * hostile file harms neither the mail nor this process.
 *
 * scan2mail leaves word in the information dictionary of what it made (pdfwriter.h). So
 * can everybody who writes a PDF: what stands there is good for the document's own job
 * and for nothing else.
 */
#ifndef POSTROOM_PDFCHECK_H
#define POSTROOM_PDFCHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/status.h"
#include "lib/doc/pdfsplit.h"
#include "lib/doc/pdfwriter.h"

enum pdf_strictness {
	PDF_STRICT,  /* any damage is an error: a filter was cut short */
	PDF_LENIENT, /* what a viewer can repair may pass */
};

struct pdf_facts {
	unsigned pages;  /* 0: it opens with a password only, and cannot be counted */
	bool encrypted;  /* also where everybody may open it */
	uint64_t images; /* bytes of all images, as they stand there; where asked for */
	/* As the document says; with no other Creator than scan2mail, and with a password
	 * only, it says nothing: false and "". */
	bool scanned;                    /* its Creator is scan2mail */
	bool incomplete;                 /* pages are missing */
	bool hold;                       /* somebody is to look at it before it is sent */
	char remark[PDF_REMARK_MAX + 1]; /* cleaned as a line (text.h) */
};

/* A document to be looked at. */
struct examining {
	int fd;
	struct span span; /* where it is in the file */
	enum pdf_strictness strictness;
	int stop;    /* a descriptor: when it turns readable all ends; -1: none */
	bool images; /* count their bytes, which takes its time */
};

/* Stores what there is to know. STATUS_INVALID: damaged or cut short, no page, or beyond
 * the limits; the sentence says which. STATUS_RETRY: the system failed; STATUS_CANCELLED:
 * `stop` turned readable. */
enum status pdf_examine(
    const struct examining *what, struct pdf_facts *facts, struct error *e);
/* The same for the number of pages alone, which nothing stops. */
enum status pdf_pages(int fd, const struct span *span, enum pdf_strictness strictness,
    unsigned *pages, struct error *e);

/* For a PDF that was made just now: all of the file is one, with so many pages. *size
 * receives its bytes. */
enum status pdf_verify(int fd, off_t *size, unsigned pages, int stop, struct error *e);

#endif
