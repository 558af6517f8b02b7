/*
 * signin: a new access token from an account's authorization server. Talks to the
 * network, so it runs without root.
 */
#ifndef POSTROOM_SIGNIN_H
#define POSTROOM_SIGNIN_H

#include <stdint.h>

#include "lib/base/status.h"
#include "lib/account/config.h"
#include "lib/account/endpoint.h"
#include "lib/login/grant.h"
#include "lib/web/http.h"
#include "lib/login/oauth.h"

enum {
	/* Seconds of one question, however its answer trickles in. The lock of the vault
	 * is held meanwhile, and others wait longer for it (VAULT_PATIENCE). */
	SIGNIN_LONGEST = 90,
};

/* How asking went, beyond the status; filled in either case, the tokens with STATUS_OK. A
 * question that has left is waited for when `stop` turns readable, as its answer may be
 * the only one (HTTP_STOP_WAIT). */
struct signin {
	struct oauth_tokens tokens;
	struct oauth_refusal why;
	int64_t after; /* seconds of a Retry-After; -1: none */
};

/* Asks the account's token endpoint once: by the refresh token where the grant has one,
 * else as the application. The scope is always sent. stop as in http_open(). Statuses as
 * answers_tokens() and http_exchange(); STATUS_RETRY with why.verdict OAUTH_WAIT where
 * nobody answered: the sentence names the key that the address comes from. */
enum status signin_request(struct signin *out, const struct account *account,
    const struct grant *grant, int stop, struct error *e);

/* Posts a form to one of the account's addresses, and gives whatever is answered;
 * statuses and sentences as above. The session is the caller's, here and below. */
struct signin_form {
	const struct account *account;
	enum endpoint where;
	const struct buf *form;
};
enum status signin_post(struct http_answer *answer, const struct signin_form *f,
    struct http *session, struct error *e);

/* The same for any question (a device code, an authorization code). */
enum status signin_ask(struct signin *out, const struct account *account,
    const struct oauth_question *question, struct http *session, struct error *e);

#endif
