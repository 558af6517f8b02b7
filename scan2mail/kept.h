/*
 * kept: bringing kept scans (shelf.h) into their queues.
 *
 * A .pdf that somebody put there without a .job is sent too: to the user's default queue,
 * with its name as subject, once it is whole and nobody has written to it for some
 * seconds. What is no PDF, no regular file, or somebody else's is left alone.
 *
 * While one is sent, its name says so (shelf.h): whoever is killed then leaves a PDF of
 * which the next round says that it may be a job already. It is removed only if it is
 * still what was sent.
 */
#ifndef POSTROOM_KEPT_H
#define POSTROOM_KEPT_H

#include "lib/base/log.h"
#include "lib/base/status.h"

struct kept_report {
	/* Told of each file, in one sentence; NULL: nobody is. */
	void (*say)(void *context, enum log_level level, const char *sentence);
	void *context;
	unsigned sent;      /* PDFs that are jobs now, and are gone from the folder */
	unsigned stay;      /* that are still there, also what is only called .pdf */
	unsigned elsewhere; /* that another process is just sending */
};

/* Brings all in, oldest first; each PDF is locked meanwhile, so that two at once send
 * nothing twice. What fails stays. Sweeps up what interrupted runs have left. STATUS_OK:
 * all was tried, the counts say with what success. Otherwise the folder cannot be used,
 * or a signal came (STATUS_CANCELLED). */
enum status kept_resend(struct kept_report *report, struct error *e);

#endif
