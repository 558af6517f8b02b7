/*
 * pdfsplit: concatenated PDFs told apart.
 *
 * The filters of CUPS hand a job of several documents over as one stream of PDFs. A new
 * document starts at "%PDF-" behind "%%EOF" and blanks, when the "startxref" before it
 * points, counted from its own document's start, at a cross-reference (ISO 32000-1 7.5).
 * PDFs inside streams are not cut out, nor is an incremental update taken for a document.
 */
#ifndef POSTROOM_PDFSPLIT_H
#define POSTROOM_PDFSPLIT_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/base/status.h"

enum {
	PDFSPLIT_MAX = 1000, /* documents in one stream */
};

struct span {
	off_t start, size; /* bytes */
};

struct spans {
	struct span *item; /* room for max, the caller's */
	size_t max;
	size_t count;
};

/* Finds the documents in fd's first size bytes, in order; together the spans cover all
 * bytes from the first "%PDF-" (which must stand in the first 1024 bytes) to the end.
 * Sets out->item and out->count. STATUS_INVALID: no PDF, or more documents than max.
 * STATUS_RETRY: reading fails, or fd ends before size. On failure items may have changed,
 * count has not. */
enum status pdf_split(struct spans *out, int fd, off_t size, struct error *e);

#endif
