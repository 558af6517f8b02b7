/*
 * pdfshrink: a PDF with its images at a lower resolution, by Ghostscript in a confined
 * child, where the package ghostscript is installed.
 *
 * Pages stay as they are in number, size, text, links and bookmarks; a signature does
 * not survive. The same document gives the same bytes at every run of one Ghostscript.
 */
#ifndef POSTROOM_PDFSHRINK_H
#define POSTROOM_PDFSHRINK_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/status.h"

enum {
	PDFSHRINK_MONO_MIN = 300, /* dots per inch: below, scanned letters fall apart */
};

struct shrinking {
	int fd; /* a file of this process's user that holds the document alone */
	unsigned resolution; /* dots per inch that images have at most; those of black
				and white PDFSHRINK_MONO_MIN at least */
	int stop;            /* a descriptor: when it turns readable all ends; -1: none */
	const char *tmpdir;  /* where Ghostscript may keep temporary files */
};

/* Whether Ghostscript is there. */
bool pdf_can_shrink(void);

/* Writes a smaller document into `out`, an empty file; *size receives its bytes.
 * STATUS_INVALID: Ghostscript cannot do it (encrypted, damaged, out of limits), it has
 * hardly any images, or does not become smaller; STATUS_SETTINGS: it is not installed;
 * STATUS_RETRY: the system failed, or the disk is full; STATUS_CANCELLED: `stop` turned
 * readable. On failure `out` may hold anything. */
enum status pdf_shrink(
    int out, off_t *size, const struct shrinking *what, struct error *e);

#endif
