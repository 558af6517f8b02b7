/*
 * machine: what `postroom check` looks at beside the accounts: the worker's user, the
 * folder of state, tokens in it that no account has, and the backend's owner and mode.
 * Changes nothing.
 */
#ifndef POSTROOM_ADMIN_MACHINE_H
#define POSTROOM_ADMIN_MACHINE_H

#include "admin/finding.h"
#include "lib/account/config.h"

void machine_examine(struct findings *f, const struct config *config);

#endif
