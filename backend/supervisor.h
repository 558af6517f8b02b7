/*
 * supervisor: the root half of the backend. It reads the settings, opens the job's files,
 * starts the worker and turns the worker's end, whatever it is, into a status: cupsd
 * would take a worker's death by signal for success (backend(7)).
 *
 *   start ──► serve ──RESULT──► leave (1 s, then SIGKILL)
 *               │ SIGTERM: 1.5 s, between COMMITTED and SETTLED 27 s, while a new token
 *               │ is under way 10 s, then SIGKILL
 *               │ worker dies: held
 */
#ifndef POSTROOM_SUPERVISOR_H
#define POSTROOM_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/job.h"
#include "backend/keeper.h"
#include "lib/base/status.h"
#include "lib/account/config.h"

/* Before anything else: no SIGPIPE, SIGTERM and SIGCHLD only through descriptors, no core
 * file, no descriptors but 0, 1 and 2, which are open; SIGTERM too when cupsd dies. */
void supervisor_guard(void);

/* How a run ended. */
struct ending {
	struct keeper keeper; /* with the job's journal, which stays open */
	int64_t wait;     /* ms before the next try, as the worker asked; 0: it did not */
	bool unreachable; /* the server could not be reached */
};

/* Runs the job to its end in a worker. ending is filled in either case;
 * supervisor_close() closes what it holds. */
enum status supervisor_run(struct ending *ending, const struct config *config,
    const struct job *job, struct error *e);
void supervisor_close(struct ending *ending);

#endif
