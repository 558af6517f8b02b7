/*
 * flow: what each way to sign in needs, what it brings home, and what root looks at
 * before it takes that in.
 */
#ifndef POSTROOM_ADMIN_FLOW_H
#define POSTROOM_ADMIN_FLOW_H

#include <stdbool.h>

#include "lib/base/status.h"
#include "lib/account/config.h"
#include "lib/login/grant.h"
#include "lib/login/oauth.h"

enum {
	FLOW_WHO_MAX = 321, /* bytes of who signed in, with the NUL */
};

struct flow {
	const struct config *config;
	const struct account *account;
	const struct grant *grant; /* of it, client secret or assertion */
	bool paste;                /* code flow: the address is pasted, nobody listens */
};

/* Plain data, to travel from a child. */
struct flow_result {
	struct oauth_tokens tokens;
	char who[FLOW_WHO_MAX]; /* who signed in; "": that cannot be told */
};

/* In the child: takes the tokens in, and reads who signed in out of them. */
void flow_take(struct flow_result *out, const struct oauth_tokens *tokens);

/* In the parent: whether what came is what a child may bring: strings that end, tokens
 * of printable ASCII without blanks, a lifetime. STATUS_RETRY otherwise. */
enum status flow_check(struct flow_result *result, struct error *e);

/* The ways. Each runs its errands to their end, and tells the administrator what to do.
 * Status and sentence as signin_ask() and errand_run(); the result is checked. */

/* RFC 8628: a code to type on any device. */
enum status devicecode_sign_in(
    struct flow_result *out, const struct flow *flow, struct error *e);
/* RFC 6749 4.1 with RFC 7636 and RFC 8252: a browser on this machine, or the address that
 * it ended at, pasted. */
enum status authcode_sign_in(
    struct flow_result *out, const struct flow *flow, struct error *e);
/* RFC 6749 4.4: nobody signs in; a token is asked for once, to see that it comes. */
enum status appcode_sign_in(
    struct flow_result *out, const struct flow *flow, struct error *e);

#endif
