/*
 * account: whether the settings of one account fit together, which no single key can
 * tell: a server without a way to log in that suits it, a login that lacks something,
 * a login without encryption. Pure.
 */
#ifndef POSTROOM_ACCOUNT_H
#define POSTROOM_ACCOUNT_H

#include "lib/base/settings.h"
#include "lib/base/status.h"
#include "lib/send/config.h"

/* Looks at an account as it was read, and sets its sender where the file gives none.
 * STATUS_SETTINGS: "PATH: [account NAME]: what is wrong; what to do". Where the file has
 * a `fault`, all that is wrong goes there, with the line of the account's head, and into
 * account->place.faults; the status is STATUS_OK then. STATUS_RETRY: memory. */
enum status account_check(
    struct account *a, const struct settings_text *file, struct error *e);

#endif
