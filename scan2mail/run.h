/*
 * run: a command that scan2maild starts, and what it says.
 *
 * It is started by its argument vector, with a short environment, in a process group of
 * its own: a terminal's Ctrl-C reaches scan2maild alone, which ends it in order. What it
 * writes goes to the log line by line, with a label in front; its last line is kept for
 * its end, as that is where scan2mail says why it failed.
 *
 * One that is not done in its time is asked to end (SIGTERM), then ended (SIGKILL).
 */
#ifndef POSTROOM_RUN_H
#define POSTROOM_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/status.h"

enum {
	RUN_MAX_MS = 4 * 60 * 60 * 1000, /* the largest of stacks is below it */
	RUN_STOP_MS =
	    30 * 1000, /* from SIGTERM to SIGKILL: a disk may be slow (interrupt.h) */
};

struct run;

struct run_command {
	const char *const *argv; /* NULL-terminated; the first is an absolute path */
	const char *label;       /* copied */
	int64_t now;             /* clock_ms() */
};

/* STATUS_RETRY: the system failed. */
enum status run_start(
    struct run **out, const struct run_command *command, struct error *e);

/* To be polled (POLLIN): its output, -1 when that has ended, and its end. */
int run_output(const struct run *r);
int run_end(const struct run *r);

/* Logs the lines that are there. */
void run_read(struct run *r);
/* Ends what has taken longer than RUN_MAX_MS; to be called at run_due() at the latest, of
 * which INT64_MAX is never. */
void run_bound(struct run *r, int64_t now);
int64_t run_due(const struct run *r);
/* After its end: logs what is left, and a failure as one line with its reason; frees r.
 * Gives its exit code, 128 + N for a signal N. */
int run_finish(struct run *r);
/* Asks it to end, or has it ended (SIGKILL to its group). */
void run_stop(struct run *r);
void run_kill(struct run *r);

#endif
