/*
 * forget: the password of an account that signs in otherwise by now, removed.
 */
#ifndef POSTROOM_ADMIN_FORGET_H
#define POSTROOM_ADMIN_FORGET_H

#include "lib/base/status.h"
#include "lib/account/config.h"

/* Removes the file first and then the key that names it: what is cut off in between goes
 * on when it is run again. STATUS_SETTINGS: the account, or another one, needs the
 * password still; nobody has signed in; the file is not root's alone. STATUS_RETRY: the
 * disk. */
enum status forget_password(
    const struct config *config, const struct account *account, struct error *e);

#endif
