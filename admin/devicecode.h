/*
 * devicecode: how often a device asks whether somebody has signed in (RFC 8628 3.5).
 * Pure.
 */
#ifndef POSTROOM_ADMIN_DEVICECODE_H
#define POSTROOM_ADMIN_DEVICECODE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/login/oauth.h"

enum {
	DEVICECODE_SLOWER = 5,   /* seconds more, when the server says slow_down */
	DEVICECODE_LONGEST = 60, /* seconds that trouble makes of the interval, at most */
};

/* Whether to ask again after this answer, and in *interval after how many seconds: as
 * before, 5 s more, or after trouble twice as many. `after`: a Retry-After, or -1. */
bool devicecode_again(int64_t *interval, enum oauth_verdict verdict, int64_t after);

#endif
