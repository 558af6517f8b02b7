/*
 * wayover: how an account gets from its password to OAuth: what will stand in the
 * settings file, tried before it does.
 */
#ifndef POSTROOM_ADMIN_WAYOVER_H
#define POSTROOM_ADMIN_WAYOVER_H

#include <stdbool.h>

#include "admin/say.h"
#include "admin/wish.h"
#include "lib/base/amend.h"
#include "lib/base/status.h"
#include "lib/account/config.h"

struct wayover {
	char client_id[ASK_MAX], tenant[ASK_MAX];
	struct amendment changes[AMEND_KEYS_MAX + 1]; /* ends with a NULL key */
	struct config *config;         /* as the settings will be; wayover_clear() */
	const struct account *account; /* of that config */
};

/* Whether the account is to change its way: it has a password, or the wish says so.
 * STATUS_INVALID: it says so for an account that signs in otherwise already; STATUS_OK
 * with *is otherwise. The very way that it has is no change. */
enum status wayover_is_wanted(
    bool *is, const struct account *a, const struct wish *wish, struct error *e);

/* Makes the changes, and the config that they give; asks on the terminal for what is
 * missing. Nothing is written. STATUS_INVALID: something is missing and cannot be asked
 * for; otherwise as switching_plan(). */
enum status wayover_plan(struct wayover *out, const struct config *config,
    const struct account *a, const struct wish *wish, struct error *e);

void wayover_clear(struct wayover *w);

#endif
