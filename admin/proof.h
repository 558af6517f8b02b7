/*
 * proof: with what an account's application shows the authorization server who it is,
 * besides its id. Read as root; the refresh token, which belongs to it too, is the
 * vault's.
 */
#ifndef POSTROOM_ADMIN_PROOF_H
#define POSTROOM_ADMIN_PROOF_H

#include "lib/base/status.h"
#include "lib/send/config.h"
#include "lib/send/grant.h"

/* The client secret where a file of it is set; for oauth-app else a new assertion, for
 * the others nothing: a public client has none. STATUS_SETTINGS, STATUS_RETRY as
 * secret_read() and assertion_make(). grant_wipe() is the caller's. */
enum status proof_make(struct grant *out, const struct account *a, struct error *e);

#endif
