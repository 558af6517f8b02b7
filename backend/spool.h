/*
 * spool: a job's documents as cupsd keeps them, in CUPS_REQUESTROOT/dJJJJJ-NNN.
 *
 * The filters' stream alone does not tell how many documents a job has nor that its last
 * page is a banner, and a raw job of several documents arrives as one unbroken stream.
 * cupsd's own files tell: they are opened by the supervisor, which is root, before it
 * gives up anything.
 */
#ifndef POSTROOM_SPOOL_H
#define POSTROOM_SPOOL_H

#include <stdbool.h>
#include <stddef.h>

#include "backend/job.h"
#include "lib/base/status.h"

enum {
	SPOOL_DOCUMENTS_MAX = 100,
	SPOOL_FILES_MAX = SPOOL_DOCUMENTS_MAX + 2, /* two banners */
};

struct spool {
	int fd[SPOOL_FILES_MAX]; /* one a document, banners included */
	size_t count; /* 0: cupsd's folder cannot be read (a run by hand, not as root) */
	bool banner_first, banner_last;
	bool too_many; /* more than SPOOL_FILES_MAX: the rest is not here */
};

/* Opens the document of argv[6], or else all that cupsd spooled for the job.
 * STATUS_RETRY: a file is there and cannot be opened. */
enum status spool_open(struct spool *out, const struct job *job, struct error *e);
void spool_close(struct spool *s);

#endif
