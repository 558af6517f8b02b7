/*
 * reminder: until when an account's password works, as far as that has been announced,
 * told in the log once a day at most.
 */
#ifndef POSTROOM_REMINDER_H
#define POSTROOM_REMINDER_H

#include <stdint.h>

#include "lib/account/config.h"

enum {
	REMINDER_EVERY = 24 * 60 * 60, /* seconds from one to the next */
};

/* Tells it, unless the account's stamp (ACCOUNT.reminded in the folder of tokens, its
 * time is that of the last reminder) is younger than REMINDER_EVERY at the time `now`
 * (seconds since 1970). Where nothing has been announced, or dates_file cannot be read,
 * it is silent: `postroom check` tells why. */
void reminder_give(
    const struct config *config, const struct account *account, int folder, int64_t now);

#endif
