/*
 * counter: a number that grows with each scan of a profile (template.h, %n).
 *
 * A file for each profile holds the last number as decimal digits. It is replaced as a
 * whole, under a lock on its folder, so that two scans never get the same one.
 */
#ifndef POSTROOM_COUNTER_H
#define POSTROOM_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/status.h"

/* Takes the next number of a profile, 1 at first, from an open folder (statedir.h).
 * *damaged: the file was, and counting starts anew. STATUS_RETRY: the disk or the lock
 * failed; STATUS_CANCELLED: a signal came. */
enum status counter_take(
    uint64_t *out, bool *damaged, int folder, const char *profile, struct error *e);

#endif
