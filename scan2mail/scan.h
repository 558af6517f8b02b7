/*
 * scan: the parent's side of a scan: records from the child become pages of a PDF.
 */
#ifndef POSTROOM_SCAN_H
#define POSTROOM_SCAN_H

#include <time.h>

#include "lib/base/status.h"
#include "scan2mail/destination.h"
#include "scan2mail/request.h"

enum {
	/* How long the child may be silent, in milliseconds. */
	SCAN_OPEN_MS = 60 * 1000,     /* until the scanner is open and set */
	SCAN_START_MS = 180 * 1000,   /* until a page's first bytes: lamps warm up */
	SCAN_PROGRESS_MS = 60 * 1000, /* between two pieces of a page */
	SCAN_CLOSE_MS = 30 * 1000,    /* until the scanner is closed */
};

struct scan_job {
	const struct request *request;
	struct destination *destination;
	const char *scratch_dir; /* for pages of unknown height */
	time_t now;
};

/* Scans, and commits what has become whole. STATUS_OK: all pages. STATUS_INVALID: the
 * scanner failed; *pages is the number of those that were whole and have been delivered
 * all the same, 0: nothing was. Any other: nothing was delivered. */
enum status scan_run(const struct scan_job *job, unsigned *pages, struct error *e);

/* Lists the scanners, a line each: appended to out. STATUS_INVALID: there is none, or
 * SANE failed. */
enum status scan_list(struct buf *out, struct error *e);

#endif
