/*
 * desk: all that one attempt at a job works with: its journal, its account's credential
 * and limits, its letter.
 */
#ifndef POSTROOM_DESK_H
#define POSTROOM_DESK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/asking.h"
#include "backend/compose.h"
#include "backend/recording.h"
#include "backend/worker.h"
#include "lib/base/status.h"
#include "lib/send/journal.h"
#include "lib/send/limits.h"

struct desk {
	const struct worker *worker;
	const struct letter *whole;
	const struct account *account;
	struct credential *credential;
	struct journal *journal;
	struct limits *limits;
};

/* Asks for what is needed. On failure nothing is held. */
enum status desk_open(struct desk *d, const struct worker *w, const struct letter *whole,
    const struct account *account, struct error *e);
void desk_close(struct desk *d);

/* Milliseconds for which the job has been tried; what it was held or stopped for in
 * between hardly counts (journal.h). */
int64_t desk_age(const struct desk *d);

/* How far the recipients are, all parts together. */
struct tally {
	size_t has;     /* all parts */
	size_t refused; /* a part, for good */
	size_t open;
};
struct tally desk_tally(const struct desk *d, unsigned parts);

/* Whether a part of the job was sent; and whether one was sent or may have arrived. */
bool desk_was_sent(const struct desk *d);
bool desk_has_begun(const struct desk *d);

/* What became of a recipient: refused in any part is refused. text as
 * journal_recipient(). */
enum journal_recipient desk_recipient(
    const struct desk *d, unsigned parts, const char *address, char *text);

/* For recording_write(). */
struct recording desk_recording(const struct desk *d, const struct letter *letter);

#endif
