/*
 * watch: a scanner whose buttons are looked at, through a child that may hang or crash.
 *
 * A child that does so, and a scanner that cannot be opened, are tried again after 1, 2,
 * 4 … 60 seconds; that is said once, and once more when the scanner answers again. A
 * child that tells more than its looks can have given is ended in the same way, so that
 * none keeps the others from being looked at. One that cannot be ended has no successor
 * before it is gone.
 *
 * A child is ended after WATCH_LOOKS_MAX looks and another one started, as drivers leak
 * with each open; what is known of the buttons stays.
 */
#ifndef POSTROOM_WATCH_H
#define POSTROOM_WATCH_H

#include <stdint.h>

#include "lib/account/config.h"

#define WATCH_NEVER INT64_MAX

enum {
	WATCH_RETRY_MIN_MS = 1000,
	WATCH_RETRY_MAX_MS = 60 * 1000,
	WATCH_BUSY_MS =
	    60 * 1000,          /* after which it is said that another program has it */
	WATCH_RECORDS_MAX = 16, /* that one watch_work() takes */
	/* Looks that may be told of before their time: `now` is that of a round's start,
	 * and a round may have been a long one. */
	WATCH_LOOKS_SPARE = 2 * WATCH_RECORDS_MAX,
	WATCH_LOOKS_MAX = 1000, /* of one child */
};

struct watch;

/* Watches the buttons that the settings have for this device; config must stay as long.
 * NULL: memory is short. All times are those of clock_ms(). */
struct watch *watch_new(const struct config *config, const char *device);
/* Ends the child too; w may be NULL. */
void watch_free(struct watch *w);
/* Asks the child to end and does not wait. Where several are to be freed it comes first,
 * for all of them: their children then have CHILD_TERM_MS together (child.h). */
void watch_term(struct watch *w);
/* Goes on with what is known of the buttons that have the same option and value, and of
 * the child, which is ended; both are the same device's, and w has not begun. */
void watch_inherit(struct watch *w, struct watch *from);

/* What to poll (POLLIN), -1: nothing; and when to call watch_work() at the latest. */
int watch_fd(const struct watch *w);
int64_t watch_due(const struct watch *w);

/* Does what is due, and takes what the child has told: the button that was pressed, or
 * NULL. When several are, the first in the settings counts. */
const struct button *watch_work(struct watch *w, int64_t now);

/* The scanner is let go; what was pressed until it is watched again does not count. */
void watch_pause(struct watch *w);
void watch_resume(struct watch *w, int64_t now);

/* Milliseconds until what has failed this often is tried again: twice as long each time,
 * from least to most. */
int64_t watch_wait(unsigned failures, int64_t least, int64_t most);

#endif
