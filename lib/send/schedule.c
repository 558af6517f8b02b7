/* schedule: how long a job waits before it is tried again (schedule.h). */
#include "lib/send/schedule.h"

enum {
	SPREAD = 5, /* a wait is longer or shorter by at most this part of it */
};

/* The waits, as multiples of the first; the last one repeats. */
static const uint16_t steps[] = { 1, 4, 20, 60, 120, 240 };

static const unsigned LAST = sizeof(steps) / sizeof(steps[0]) - 1;

int64_t
schedule_wait(unsigned attempts, uint64_t first, uint32_t chance)
{
	unsigned step = attempts > 0 ? attempts - 1 : 0;
	uint64_t seconds = SCHEDULE_MAX;
	int64_t wait, part;

	if (step > LAST)
		step = LAST;
	if (first < 1)
		first = 1;
	if (first < (uint64_t)SCHEDULE_MAX / steps[step])
		seconds = first * steps[step];
	wait = (int64_t)seconds * 1000;
	part = wait / SPREAD;
	return schedule_between(wait - part, wait + part, chance);
}

int64_t
schedule_between(int64_t least, int64_t most, uint32_t chance)
{
	uint64_t span = (uint64_t)most - (uint64_t)least, share;

	if (most <= least)
		return least;
	/* span * chance / UINT32_MAX, in two steps that stay within 64 bits */
	share = span / UINT32_MAX * chance;
	share += span % UINT32_MAX * chance / UINT32_MAX;
	return (int64_t)((uint64_t)least + share);
}
