/*
 * distrust: what follows from a server's certificate that was not accepted. Pure.
 *
 * A machine whose clock is wrong, as many are for a while after they start, finds good
 * certificates not valid yet. That passes, and must stop no queue.
 */
#ifndef POSTROOM_DISTRUST_H
#define POSTROOM_DISTRUST_H

#include <stdbool.h>
#include <time.h>

enum {
	DISTRUST_ROOM = 200, /* bytes of a sentence, with the NUL */
	/* 2026-01-01: no clock that is right says less */
	DISTRUST_CLOCK_MIN = 1767225600,
};

/* Whether the clock is to blame, by OpenSSL's verdict (CURLINFO_SSL_VERIFYRESULT) and the
 * time that it is by this clock; with a sentence then. */
bool distrust_is_clock(char sentence[DISTRUST_ROOM], long result, time_t now);

#endif
