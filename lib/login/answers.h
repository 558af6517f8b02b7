/*
 * answers: what an authorization server answers, read and checked. Pure.
 *
 * RFC 6749 5 (tokens), RFC 8628 3.2 (device authorization), RFC 7519 (JWT, unchecked),
 * OpenID Connect Core. What refuses is refusal.h's.
 */
#ifndef POSTROOM_ANSWERS_H
#define POSTROOM_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/status.h"
#include "lib/login/oauth.h"

/* Reads the answer of a token endpoint. STATUS_OK: the tokens. STATUS_RETRY: OAUTH_WAIT,
 * LOCKED, PENDING, SLOW_DOWN, or an answer that is none; STATUS_SETTINGS: the others. e
 * says what happened and what to do, with error, number and correlation id; never a
 * token. An access token and an id_token hold only bytes that RFC 6750 2.1 allows, a
 * refresh token visible ASCII (RFC 6749 A.17, without the blank), or the answer is
 * refused. */
enum status answers_tokens(struct oauth_tokens *out, const struct oauth_reply *r,
    struct oauth_refusal *why, struct error *e);

/* Reads the answer to a device authorization request; as answers_tokens(). */
enum status answers_device(struct oauth_device *out, const struct oauth_reply *r,
    struct oauth_refusal *why, struct error *e);

/* The name of who signed in, as a JWT's claims say it (preferred_username, upn,
 * unique_name, email: the first that is there), for comparing with the mailbox only: no
 * signature is checked, as it came from the authorization server itself over TLS. False:
 * the token is no such JWT. */
bool answers_who(char *out, size_t size, const char *jwt);

/* Whether an id_token carries this nonce (OpenID Connect Core 3.1.3.7). */
bool answers_have_nonce(const char *jwt, const char *nonce);

/* Whether a scope, which is a list of words, has this one. */
bool answers_scope_has(const char *scope, const char *word);

/* Which words of the asked scope are not in the granted one: as many as fit. Left out are
 * those that are no rights at a resource (openid, profile, email, offline_access), and
 * RESOURCE/.default, which stands for others. Of addresses their last part counts, in
 * either case: Microsoft shortens them, and names other scopes of the resource, too. */
void answers_missing(char out[OAUTH_MISSING_MAX], const char *asked, const char *granted);

#endif
