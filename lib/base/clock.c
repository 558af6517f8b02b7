/* clock: CLOCK_MONOTONIC (clock.h). */
#include "lib/base/clock.h"

#include <time.h>

enum { MS = 1000, NS_OF_MS = 1000 * 1000 };

int64_t
clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * MS + t.tv_nsec / NS_OF_MS;
}

int64_t
clock_seconds(void)
{
	return clock_ms() / MS;
}
