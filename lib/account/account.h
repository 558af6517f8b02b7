/*
 * account: what follows from the settings of one account, and whether they fit together,
 * which no single key can tell: a server without a way to log in that suits it, a login
 * that lacks something, a login without encryption. Pure.
 */
#ifndef POSTROOM_ACCOUNT_H
#define POSTROOM_ACCOUNT_H

#include "lib/base/settings.h"
#include "lib/base/status.h"
#include "lib/account/config.h"

/* Looks at an account as it was read, and sets its sender where the file gives none.
 * STATUS_SETTINGS: "PATH: [account NAME]: what is wrong; what to do". Where the file has
 * a `fault`, all that is wrong goes there, with the line of the account's head, and into
 * account->place.faults; the status is STATUS_OK then. STATUS_RETRY: memory. */
enum status account_check(
    struct account *a, const struct settings_text *file, struct error *e);

/* The port to connect to: the server's own, or 587, 465, 25 by tls. */
uint16_t account_port(const struct account *a);
/* Whether it sends through Microsoft Graph instead of SMTP. */
bool account_is_graph(const struct account *a);
/* Whether it signs in with tokens. */
bool account_is_oauth(const struct account *a);
/* Whether somebody has to sign in for it (oauth-device, oauth-code). */
bool account_is_delegated(const struct account *a);
/* "password", "oauth-device" … and "starttls" … as in the settings. */
const char *account_auth(const struct account *a);
const char *account_tls(const struct account *a);
/* The words of enum auth_mode and enum tls_mode, in their order; the last is NULL. */
extern const char *const account_auths[], *const account_tls_modes[];

#endif
