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
	SCAN_REMARK_MAX = 512, /* bytes */
	/* A page takes at most waits.start and so many times waits.progress (by default
	 * 63 minutes), however little comes each time. */
	SCAN_PAGE_PIECES = 60,
	/* How often a scanner says that it is set before a page: once, once more when
	 * `auto` turns to the glass, and when its driver found the settings wrong. */
	SCAN_READY_MAX = 4,
};

/* What is asked between two stacks, or two pages on the glass. */
struct scan_question {
	unsigned pages; /* that there are so far */
	bool backs; /* the stack is to be turned over; else another one is asked for */
};

struct scan_job {
	const struct request *request;
	struct destination *destination;
	const char *scratch_dir; /* for pages of unknown height, and of three frames */
	time_t now;
	/* Asks the person; *go: there is more. NULL where request->more and ->backs are
	 * not set. STATUS_CANCELLED: a signal came. */
	enum status (*ask)(
	    void *context, const struct scan_question *q, bool *go, struct error *e);
	void *context;
};

struct scan_result {
	unsigned pages; /* that were whole, and are delivered */
	/* What the mail says of a stack that ended badly or looks odd: "paper jam after
	 * page 7: 7 pages attached"; "" for none. It is not logged here. */
	char remark[SCAN_REMARK_MAX];
};

/* Scans, and commits what has become whole, as request->partial has it. STATUS_OK: all
 * pages. STATUS_INVALID: the scanner failed, or there was no room for a page; out->pages
 * is the number of those that were whole and have been delivered all the same, 0: nothing
 * was; SIGTERM is such a fault once there is a whole page, unless partial is "drop", or
 * somebody is there to be asked for more. Any other: nothing was delivered, but see
 * destination->kept, which is where SIGTERM brings them if CUPS is to have them. */
enum status scan_run(
    const struct scan_job *job, struct scan_result *out, struct error *e);

#endif
