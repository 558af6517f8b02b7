/*
 * recording: what a job's end, or a step of it, leaves in the record (history.h). Whose
 * line it is, its head, the supervisor says.
 */
#ifndef POSTROOM_RECORDING_H
#define POSTROOM_RECORDING_H

#include "backend/compose.h"
#include "backend/worker.h"
#include "lib/base/status.h"
#include "lib/send/history.h"
#include "lib/send/journal.h"

/* What is known of the job; each may be NULL. */
struct recording {
	const struct worker *worker;
	const struct account *account;
	const struct letter *letter;
	const struct journal *journal;
};

/* Completes `event` (its event, recipients, size, reply, duplicate and text are the
 * caller's, all else is filled in) and has it written. */
void recording_write(const struct recording *r, struct history *event);

/* How a job ended that was not sent, or why it waits; nothing for other statuses. */
void recording_end(const struct recording *r, enum status status, const char *text);

#endif
