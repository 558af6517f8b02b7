/*
 * custodian: the root half's side of access tokens: what it hands to the worker out of
 * the account's vault (lib/login/vault.h), and what it takes back.
 *
 * The worker asks the authorization server, as it alone talks to the network. It gets no
 * key of a certificate, only statements that were signed with it; a refresh token or a
 * client secret it gets only when the account needs a new access token, and a few times
 * in a run at most.
 */
#ifndef POSTROOM_CUSTODIAN_H
#define POSTROOM_CUSTODIAN_H

#include <stdbool.h>

#include "backend/channel.h"
#include "lib/base/status.h"
#include "lib/account/config.h"
#include "lib/login/vault.h"

enum {
	CUSTODIAN_GRANTS_MAX = 8, /* handed out in one run */
};

/* All zero: closed. */
struct custodian {
	struct vault *vault;
	unsigned grants; /* that were handed out */
	bool waiting;    /* for what becomes of the last one */
};

/* Opens the vault of an account that signs in with tokens; `folder` (state.h) must stay
 * open. STATUS_RETRY. */
enum status custodian_open(
    struct custodian *c, int folder, const struct account *account, struct error *e);
void custodian_close(struct custodian *c);

/* Answers a record of the worker, if it is one of RECORD_ASK_TOKEN, RECORD_RENEWED,
 * RECORD_NOT_RENEWED and RECORD_GAVE_UP; false for all others, and for those that come
 * out of turn. */
bool custodian_hear(struct custodian *c, int channel, const struct record *r);

#endif
