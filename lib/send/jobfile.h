/*
 * jobfile: the files of the jobs' journals, in one folder of root's (journal.h).
 *
 *   NAME             a journal; never there half made
 *   NAME.damaged-N   one that was set aside, for a person to look at
 *   NAME.new-PID     one in the making, or left by a process that died
 *   .swept           empty; its time is that of the last sweep
 */
#ifndef POSTROOM_JOBFILE_H
#define POSTROOM_JOBFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/status.h"

enum {
	JOBFILE_NAME_MAX = 80,  /* bytes of a name, with the NUL */
	JOBFILE_ASIDE_MAX = 99, /* damaged journals of one name */
	JOBFILE_DAYS = 30,      /* after which a journal is removed */
};

/* Whose journal it is; both are of letters, digits and '-'. */
struct jobfile {
	const char *name; /* the job-uuid */
	const char *job;  /* the job's number, shorter than JOURNAL_JOB_MAX */
};

/* Opens the journal of a job, or makes it with its first line, durably. Stores a
 * descriptor for reading and appending that the caller closes, and that holds a lock
 * (flock) until it and its copies are closed. A file whose first line is damaged, or that
 * is larger than JOURNAL_FILE_MAX, is renamed to NAME.damaged-N, and a new one that
 * begins in doubt is made in its place; *set_aside tells. STATUS_RETRY: another process
 * has it, or the disk fails or is full; STATUS_HOLD: it is the journal of another job
 * number, or in a newer format; STATUS_SETTINGS: it is no regular file of this user's
 * alone, or the name is none. */
enum status jobfile_open(
    int *out, int folder, const struct jobfile *which, bool *set_aside, struct error *e);

/* Removes what nothing was appended to for JOBFILE_DAYS (by the file's time, wall clock)
 * and no process has locked; so open a job's own journal first. Looks at most once a day,
 * by the time of ".swept". The clock is believed only when it stands in 2026 or later and
 * at most JOBFILE_DAYS after ".swept"; else nothing is removed, and from 2026 on the time
 * of ".swept" begins anew. A journal whose job cupsd still has (cNNNNN in request_root,
 * its folder of jobs) stays however old it is: a job that was held may still be released.
 * A request_root of "" asks nobody; one that cannot be opened keeps everything. What
 * cannot be removed stays. Returns how many went. */
size_t jobfile_sweep(int folder, int64_t wall, const char *request_root);

#endif
