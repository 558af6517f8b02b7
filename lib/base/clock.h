/*
 * clock: CLOCK_MONOTONIC, for waits within one process. It stands still while the machine
 * sleeps, so that no limit runs out meanwhile. What outlives a process: moment.h.
 */
#ifndef POSTROOM_CLOCK_H
#define POSTROOM_CLOCK_H

#include <stdint.h>

int64_t clock_ms(void);
int64_t clock_seconds(void);

#endif
