/*
 * pdfpart: some pages of a PDF as a PDF of their own, by libqpdf in a confined child.
 *
 * It is the document with the other pages taken out: what no page uses any more goes with
 * them, title and bookmarks stay. The same pages give the same bytes at every run.
 */
#ifndef POSTROOM_PDFPART_H
#define POSTROOM_PDFPART_H

#include <sys/types.h>

#include "lib/base/status.h"

struct page_range {
	unsigned first, last; /* from 1, both included */
};

struct cutting {
	int fd; /* a file that holds the document alone */
	struct page_range pages;
	int stop; /* a descriptor: when it turns readable all ends; -1: none */
};

/* Writes the pages into `out`, an empty file; *size receives its bytes. Both files belong
 * to this process's user, since they are opened anew. STATUS_INVALID: libqpdf cannot do
 * it (encrypted, damaged in any way, no such pages, out of limits); STATUS_RETRY: the
 * system failed, or the disk is full; STATUS_CANCELLED: `stop` turned readable. On
 * failure `out` may hold anything. */
enum status pdf_part(int out, off_t *size, const struct cutting *what, struct error *e);

#endif
