/*
 * bearer: the access token that an account signs in with: fetched when it is needed, and
 * renewed once when the server does not take it.
 */
#ifndef POSTROOM_BEARER_H
#define POSTROOM_BEARER_H

#include <stdint.h>

#include "backend/worker.h"
#include "lib/base/status.h"
#include "lib/account/config.h"
#include "lib/login/oauth.h"

enum {
	BEARER_POLL = 100,     /* ms between two looks while another process renews it */
	BEARER_PATIENCE = 150, /* seconds that this is waited for */
};

/* To be kept in hidden_new()'s memory. */
struct bearer {
	char token[TOKEN_MAX + 1];
	uint32_t serial; /* stands for it (tokens.h) */
	int64_t wait;    /* ms until another try makes sense, on failure; 0: unknown */
};

/* Gets a token that is good for some minutes: the one that all processes share, or a new
 * one, for which one of them asks. With a `refused` serial it is not that one. The
 * progress is shown in the queue. STATUS_RETRY, STATUS_SETTINGS (with the sentence of the
 * authorization server), STATUS_CANCELLED. */
enum status bearer_get(struct bearer *b, const struct worker *w,
    const struct account *account, uint32_t refused, struct error *e);

#endif
