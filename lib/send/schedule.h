/*
 * schedule: how long a job waits before it is tried again. Pure.
 *
 * The waits are 1, 4, 20, 60, 120 times the first one, then always 240 times, at most
 * SCHEDULE_MAX: 15 s, 1, 5, 15, 30 minutes, then every hour with the default of 15 s.
 * Each is up to a fifth shorter or longer by chance, so that jobs that failed together do
 * not come back together.
 */
#ifndef POSTROOM_SCHEDULE_H
#define POSTROOM_SCHEDULE_H

#include <stdint.h>

enum {
	SCHEDULE_STAY_MAX = 30 * 60, /* seconds that one run of the backend may wait */
	SCHEDULE_MAX = 60 * 60,      /* seconds: the longest wait, before chance */
};

/* Milliseconds to wait after the attempts-th attempt (1 or more) failed. `first` is the
 * first wait in seconds (0 counts as 1); chance is any random number. */
int64_t schedule_wait(unsigned attempts, uint64_t first, uint32_t chance);

/* A span from least to most milliseconds, by chance; least when most is no more. */
int64_t schedule_between(int64_t least, int64_t most, uint32_t chance);

#endif
