/*
 * asking: the worker's side of the channel: what it cannot do without root is asked of
 * the supervisor.
 */
#ifndef POSTROOM_ASKING_H
#define POSTROOM_ASKING_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/channel.h"
#include "backend/worker.h"
#include "lib/base/status.h"
#include "lib/account/config.h"
#include "lib/send/journal.h"
#include "lib/login/vault.h"

/* What an account signs in with. Children of the worker find zeros in it (hidden.h). */
struct credential {
	/* By the account's auth: the password; with none the certificate and its key to
	 * show in TLS (PEM), or ""; "" with tokens (asking_token()). */
	char text[CHANNEL_TEXT_MAX + 1];
	uint64_t fingerprint; /* of secret and settings: changes when they do */
};

/* Stores a credential that credential_free() wipes and frees. STATUS_SETTINGS: the secret
 * cannot be used; STATUS_RETRY. */
enum status asking_credential(struct credential **out, const struct worker *w,
    const struct account *account, struct error *e);
void credential_free(struct credential *c); /* c may be NULL */

/* What the supervisor has for one who wants an access token; to be kept in hidden_new()'s
 * memory. */
struct token_answer {
	enum vault_answer kind;
	int64_t wait;              /* ms, on failure; 0: as the job's schedule says */
	char token[TOKEN_MAX + 1]; /* VAULT_READY */
	struct grant grant;        /* VAULT_GRANT */
};

/* Asks for a token of the account whose credential was asked for; refused:
 * tokens_serial() of the one that the server did not take, or 0. STATUS_SETTINGS,
 * STATUS_RETRY as vault_ask(). */
enum status asking_token(
    struct token_answer *out, const struct worker *w, uint32_t refused, struct error *e);

/* Hands the tokens over that a grant brought. STATUS_OK: the job may use them: the disk
 * has them, or what it failed with is in the log; STATUS_RETRY, STATUS_SETTINGS. */
enum status asking_store(
    const struct worker *w, const struct oauth_tokens *tokens, struct error *e);

/* It was stopped before the grant was answered. */
void asking_gave_up(const struct worker *w);

/* The grant brought nothing. `after`: seconds of a Retry-After, or -1. */
void asking_not_renewed(const struct worker *w, const struct oauth_refusal *why,
    int64_t after, const char *text);

/* The job's journal, which journal_free() closes. A damaged one is reported in the log.
 * STATUS_RETRY, STATUS_HOLD, STATUS_SETTINGS as journal_file() has them. */
enum status asking_journal(
    struct journal **out, const struct worker *w, const char *name, struct error *e);

/* The next try is due after so many ms; `network`: or as soon as the account's server can
 * be reached. */
void asking_wait(
    const struct worker *w, const struct account *account, int64_t ms, bool network);

/* A line for the record. */
void asking_history(const struct worker *w, const char *line);

/* The message may be on its way, and the server has answered it; false when the
 * supervisor is gone. */
bool asking_committed(const struct worker *w);
bool asking_settled(const struct worker *w);

#endif
