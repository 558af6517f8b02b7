/*
 * trial: a message sent with a new token over the account's real way, before the token is
 * relied on: that a service gives tokens does not mean that the mail server takes them.
 */
#ifndef POSTROOM_ADMIN_TRIAL_H
#define POSTROOM_ADMIN_TRIAL_H

#include "lib/base/status.h"
#include "lib/account/config.h"

struct trial {
	const struct config *config;
	const struct account *account;
	const char *token;   /* may lie in hidden memory (hidden.h) */
	const char *address; /* where it is sent to; checked by trial_address() */
};

/* Where it goes: `wanted`, or where that is NULL the mailbox itself: the user name, or
 * the sender where that is no address. NULL: wanted is no address; the sentence says
 * what is. */
const char *trial_address(
    const struct account *account, const char *wanted, struct error *e);

/* Sends it, in an errand. STATUS_OK: the server took it. Otherwise as submission_send()
 * and graph_send(). */
enum status trial_send(const struct trial *trial, struct error *e);

#endif
