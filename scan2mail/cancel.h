/*
 * cancel: sane_cancel() once, in time, and by SIGTERM if need be. For the scanning child.
 *
 * SIGTERM only sets a flag, and interrupts what blocks: sane_cancel() is called where the
 * driver has come back. SANE 4.3.9 allows it in a signal's handler too, but many drivers
 * hold a lock then, and hang. So that is the last means, for a driver that has not come
 * back CANCEL_LAST_MS after SIGTERM: SIGKILL would follow anyhow (CHILD_TERM_MS).
 */
#ifndef POSTROOM_CANCEL_H
#define POSTROOM_CANCEL_H

#include <stdbool.h>
#include <stdint.h>

#include <sane/sane.h>

enum {
	CANCEL_LAST_MS = 250,
};

/* From now on SIGTERM is heeded. The thread that calls it is the one for libsane. */
void cancel_catch(void);
/* Whether it is to end, by SIGTERM or cancel_want(): nobody reads any more. */
bool cancel_wanted(void);
void cancel_want(void);
/* Sleeps; SIGTERM ends that. */
void cancel_sleep(int64_t ms);

/* sane_start() is about to be called. */
void cancel_begin(SANE_Handle handle);
/* Calls sane_cancel(), if none has been called since cancel_begin(). */
void cancel_now(void);

#endif
