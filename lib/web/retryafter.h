/*
 * retryafter: how long a web service asks to be left alone (RFC 9110 10.2.3). Pure.
 */
#ifndef POSTROOM_RETRYAFTER_H
#define POSTROOM_RETRYAFTER_H

#include <stdint.h>
#include <time.h>

enum {
	RETRYAFTER_MAX = 24 * 60 * 60, /* seconds */
};

/* Seconds that a Retry-After field asks for, in seconds or as a date, which is counted
 * from the answer's own Date, else from now, as clocks differ. At most RETRYAFTER_MAX; -1
 * where there is none (NULL) or it is nonsense. */
int64_t retryafter_read(const char *text, const char *date, time_t now);

#endif
