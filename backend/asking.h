/*
 * asking: the worker's side of the channel: what it cannot do without root is asked of
 * the supervisor.
 */
#ifndef POSTROOM_ASKING_H
#define POSTROOM_ASKING_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/worker.h"
#include "lib/base/status.h"
#include "lib/send/config.h"
#include "lib/send/journal.h"
#include "lib/send/secret.h"

/* What an account signs in with. */
struct credential {
	struct secret secret; /* empty with auth = none; wiped by the owner */
	uint64_t fingerprint; /* of secret and settings: changes when they do */
};

/* STATUS_SETTINGS: the secret cannot be used, or the account signs in in a way that this
 * version does not know; STATUS_RETRY. */
enum status asking_credential(struct credential *out, const struct worker *w,
    const struct account *account, struct error *e);

/* The job's journal, which journal_free() closes. A damaged one is reported in the log.
 * STATUS_RETRY, STATUS_HOLD, STATUS_SETTINGS as journal_file() has them. */
enum status asking_journal(
    struct journal **out, const struct worker *w, const char *name, struct error *e);

/* The next try is due after so many ms; `network`: or as soon as the account's server can
 * be reached. */
void asking_wait(
    const struct worker *w, const struct account *account, int64_t ms, bool network);

/* A line for the record. */
void asking_history(const struct worker *w, const char *line);

/* The message may be on its way, and the server has answered it; false when the
 * supervisor is gone. */
bool asking_committed(const struct worker *w);
bool asking_settled(const struct worker *w);

#endif
