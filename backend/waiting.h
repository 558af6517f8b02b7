/*
 * waiting: what the root half does between two tries of a job. cupsd would start the job
 * again at once, so the backend stays for the time that has to pass, and says so in the
 * queue.
 *
 * It ends early when somebody stops the job, when the settings or the secret change, and,
 * where the server could not be reached, when it can be reached again.
 */
#ifndef POSTROOM_WAITING_H
#define POSTROOM_WAITING_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/account/config.h"

enum {
	WAITING_PROBE_EVERY =
	    30, /* seconds between two looks whether the server is back */
	WAITING_PROBE_LIMIT = 20, /* seconds that one may take */
};

struct waiting {
	int64_t wait;                  /* ms; one stay is SCHEDULE_STAY_MAX at most */
	const char *reason;            /* a sentence: why */
	const struct config *config;   /* NULL: its file could not be read */
	const struct account *account; /* whose server and secret are meant; or NULL */
	uint64_t fingerprint; /* of settings and secret, as the last try had them */
	bool unreachable;     /* the server did not answer at all: its return ends it */
};

enum waited {
	WAITED_OUT,     /* the time has passed, or the longest stay has */
	WAITED_STOPPED, /* SIGTERM: cupsd cancels the job, or ends */
	WAITED_CHANGED, /* settings or secret are others now */
	WAITED_REACHED, /* the server can be reached again */
};

/* How long this stay is at most, in ms: the wait, or as much of it as one stay may last.
 */
int64_t waiting_stay(const struct waiting *w);

/* Waits; SIGTERM and its like must be blocked. */
enum waited waiting_run(const struct waiting *w);

#endif
