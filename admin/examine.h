/*
 * examine: what `postroom check` looks at in one account: files, certificates, tokens, a
 * login that was refused, until when its way of signing in works; and in scan profiles
 * and buttons. Reads; changes nothing, and talks to nobody.
 */
#ifndef POSTROOM_ADMIN_EXAMINE_H
#define POSTROOM_ADMIN_EXAMINE_H

#include <stdint.h>

#include "admin/finding.h"
#include "lib/account/config.h"
#include "lib/account/dates.h"

enum {
	EXAMINE_TOKEN_AGE = 60, /* days from which an old refresh token is told of;
				   Microsoft's end after 90 without use */
};

struct examination {
	struct findings *findings;
	const struct config *config;
	const struct account *account; /* without faults of its own */
	const struct dates *dates;     /* NULL: none are known */
	int64_t now;                   /* seconds since 1970 */
};

/* Prints the account's line and its findings. */
void examine_account(const struct examination *x);

/* Prints what is wrong between profiles, buttons and the address book; nothing where all
 * is well. */
void examine_scanning(struct findings *f, const struct config *config);

#endif
