/*
 * supervisor: the root half of the backend. It reads the settings, opens the job's files,
 * starts the worker and turns the worker's end, whatever it is, into a status: cupsd
 * would take a worker's death by signal for success (backend(7)).
 *
 *   start ──► serve ──RESULT──► leave (2 s for QUIT, then SIGKILL)
 *               │ SIGTERM: 1.5 s before COMMITTED, 27 s after it, then SIGKILL
 *               │ worker dies: held
 */
#ifndef POSTROOM_SUPERVISOR_H
#define POSTROOM_SUPERVISOR_H

#include "backend/job.h"
#include "lib/base/status.h"
#include "lib/send/config.h"

/* Before anything else: no SIGPIPE, SIGTERM and SIGCHLD only through descriptors, no core
 * file, no descriptors but 0, 1 and 2, which are open. */
void supervisor_guard(void);

/* Runs the job to its end in a worker. */
enum status supervisor_run(
    const struct config *config, const struct job *job, struct error *e);

/* Waits before the job is tried again and says so in the queue, as cupsd itself would
 * start it at once; returns early on SIGTERM. */
void supervisor_wait(unsigned seconds, const char *reason);

#endif
