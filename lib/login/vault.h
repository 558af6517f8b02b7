/*
 * vault: where root keeps the accounts' tokens, and what it hands out of it.
 *
 *   tokens/ACCOUNT        the tokens (tokens.h), root's alone, replaced as a whole
 *   tokens/ACCOUNT.lock   locked (flock) by whoever asks for new tokens
 *   tokens/ACCOUNT.new-PID   one in the making, or left by a process that died
 *   tokens/ACCOUNT.reminded  not the vault's (backend/reminder.h)
 *
 * A rotated refresh token is on the disk, durably (fsync of file and folder), before the
 * one that it replaces is gone: the file is renamed over. A process that dies in between
 * leaves one or the other, whole. The lock makes one question of many: who waited for it
 * finds the tokens that the other one got.
 *
 * In file names ACCOUNT is in lower case: names of accounts are compared without case.
 *
 * No network here, and no parsing of what came from it: that is done by a process without
 * root, which is handed a grant, and hands the tokens back.
 */
#ifndef POSTROOM_VAULT_H
#define POSTROOM_VAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/status.h"
#include "lib/account/config.h"
#include "lib/login/grant.h"
#include "lib/login/oauth.h"
#include "lib/login/tokens.h"

enum {
	VAULT_PATIENCE = 120,  /* seconds: longer than one exchange with a server lasts */
	VAULT_PAUSE = 60,      /* seconds that a failure keeps others away */
	VAULT_PAUSE_WAIT = 30, /* at least, where the service has trouble */
	VAULT_PAUSE_LOCKED = 15 * 60, /* at least, where it asked for a long pause */
};

struct vault;

/* Opens an account's place in the folder of tokens (a descriptor, open for reading). It
 * is not taken over and must stay, as the account must. Reads nothing yet. STATUS_RETRY:
 * memory; STATUS_SETTINGS: no account may have this name (value_check_name()). */
enum status vault_open(
    struct vault **out, int folder, const struct account *account, struct error *e);
/* Gives the lock back and wipes what is in memory; v may be NULL. */
void vault_close(struct vault *v);

/* The tokens as they are on the disk now; none where the file is missing, damaged
 * (*damaged, which may be NULL), or its tokens belong to other settings. The pointer
 * lives until the next call. STATUS_RETRY: the disk; STATUS_SETTINGS: the file is not
 * root's alone. */
enum status vault_look(
    const struct tokens **out, struct vault *v, bool *damaged, struct error *e);

/* What a vault gives to one who wants an access token. */
enum vault_answer {
	VAULT_READY, /* tokens->access is fresh, and is not the one that was refused */
	VAULT_BUSY,  /* somebody else asks for one now: try again in a moment */
	VAULT_GRANT, /* the lock is held now; ask, and call vault_store() or vault_fail()
		      */
};

/* No lock is held afterwards but with VAULT_GRANT.
 *
 * refused: the tokens_serial() of an access token that the server did not take, and that
 * counts as old; or 0. `grant` is filled for VAULT_GRANT only: refresh token, client
 * secret, or a new assertion, as the account's auth wants; and the disk has room reserved
 * for the answer, as a service may take the old refresh token back when it gives a new
 * one. With STATUS_OK *answer tells. Otherwise STATUS_RETRY or STATUS_SETTINGS with a
 * sentence: a file cannot be used, there is no room, nobody has signed in ("run: postroom
 * login NAME"), or the last question failed and nobody is to ask again yet (*wait ms; the
 * sentence is that failure's). */
struct vault_want {
	uint32_t refused;
	const struct tokens *tokens; /* out: VAULT_READY */
	int64_t wait;                /* out: ms, on failure; 0: as the caller thinks */
};
enum status vault_ask(enum vault_answer *answer, struct vault *v, struct vault_want *want,
    struct grant *grant, struct error *e);

/* With what an account's application shows the authorization server who it is, besides
 * its id: the client secret, where a file of it is set; for oauth-app else a new
 * assertion; for the others nothing, as a public client has none. The rest of *out is
 * empty; grant_wipe() is the caller's. STATUS_SETTINGS, STATUS_RETRY as secret_read() and
 * assertion_make(). */
enum status vault_proof(struct grant *out, const struct account *a, struct error *e);

/* Waits for the lock, at most so many seconds. For the administrator's command.
 * STATUS_RETRY: somebody else has it all the time, or the disk; STATUS_SETTINGS: its file
 * is not root's alone. Here and below, STATUS_OK and nothing is done where it is held. */
enum status vault_lock(struct vault *v, unsigned seconds, struct error *e);

/* What was answered to the grant: stored durably, then the lock is given back, also on
 * failure. A refresh token that did not come leaves the old one. STATUS_INVALID: no lock
 * is held, or the tokens are none; STATUS_SETTINGS: what stands in the file's place is
 * not root's alone. STATUS_RETRY: they are good, and not stored for sure, as the sentence
 * tells: the disk failed and the file is as it was; or its folder alone could not be
 * synced, and the new tokens are there until a power failure, perhaps. What belongs to
 * other settings is replaced: whoever asks has to know that its own are the present ones.
 */
enum status vault_store(
    struct vault *v, const struct oauth_tokens *answer, struct error *e);
/* Somebody has signed in: as vault_store(), with a new login number and under this
 * account's settings; nothing of what was there stays. Takes the lock itself where it is
 * not held, and waits VAULT_PATIENCE for it. */
enum status vault_sign_in(
    struct vault *v, const struct oauth_tokens *answer, struct error *e);
/* It was refused, or nobody answered: noted, so that not everybody asks in vain; then the
 * lock is given back. `after`: seconds of a Retry-After, or -1. It keeps away only who
 * would ask with the same: login, settings and files of secrets. A verdict that is no
 * refusal counts as OAUTH_WAIT. What cannot be noted is lost. */
void vault_fail(
    struct vault *v, const struct oauth_refusal *why, int64_t after, const char *text);
/* Gives the lock back without a word. */
void vault_unlock(struct vault *v);

/* Changes when somebody signs in, and when the client secret's, certificate's or key's
 * file does; not when tokens are renewed. */
uint64_t vault_fingerprint(struct vault *v);

#endif
