/*
 * tokens: what is known of one account's tokens, as text. Pure.
 *
 * Four sealed lines (seal.h), in this order:
 *
 *   tokens 1 IDENTITY LOGIN     version; what they belong to (endpoint.h); a random
 *                               number that each login draws anew
 *   refresh MOMENT TOKEN        when it came; "refresh": none
 *   access BORN END TOKEN       moments: when it came, and when it ends; "access": none
 *   failed UNTIL VERDICT ASKER TEXT   nobody like ASKER asks again before; "failed":
 *                               the last one worked
 *
 * IDENTITY, LOGIN and ASKER are hexadecimal, VERDICT is decimal. ASKER stands for what
 * was asked with (login, settings, secret), so that a failure keeps nobody away who asks
 * with something else. All or nothing: damage gives no tokens.
 */
#ifndef POSTROOM_TOKENS_H
#define POSTROOM_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/moment.h"
#include "lib/base/status.h"
#include "lib/login/oauth.h"

enum {
	TOKENS_MAX = 32 * 1024, /* bytes of all lines */
	TOKENS_TEXT_MAX = 900,  /* bytes of a sentence, with the NUL */
	TOKENS_MARGIN = 300,    /* seconds that an access token must still live, or half
				   of its life where that is less */
	TOKENS_PAUSE_MAX = 24 * 60 * 60, /* seconds that a failure keeps others away */
};

/* All zero: nothing is known. */
struct tokens {
	uint32_t identity;
	uint32_t login; /* 0: nobody has signed in (an app has no login) */
	char refresh[TOKEN_MAX + 1];
	struct moment refreshed;
	char access[TOKEN_MAX + 1];
	struct moment born, ends;
	struct {
		struct moment until; /* without a name: it did not fail */
		int verdict;         /* enum oauth_verdict */
		uint32_t asker;      /* the caller's number for what was asked with */
		char text[TOKENS_TEXT_MAX];
	} failed;
};

/* Reads the lines; changes the bytes. False: they are damaged, or in another version;
 * *out is all zero then. */
bool tokens_read(struct tokens *out, char *bytes, size_t len);
/* False when out is over, or it is nothing that tokens_read() reads: a token with other
 * bytes than RFC 6750 2.1 allows, a verdict that is none. */
bool tokens_write(struct buf *out, const struct tokens *t);

/* Whether the access token lives for TOKENS_MARGIN at least. One of an earlier boot does
 * not: only the wall clock knows how old it is, and that may be wrong. */
bool tokens_fresh(const struct tokens *t, const struct moment *now);
/* Whether an answer is one, whoever handed it over: strings that end, an access token,
 * and in the tokens nothing but visible ASCII. */
bool tokens_are_whole(const struct oauth_tokens *answer);
/* Takes an answer in, which is whole: a new access token, and where one came a new
 * refresh token. No failure is noted any more. */
void tokens_take(
    struct tokens *t, const struct oauth_tokens *answer, const struct moment *now);
/* Notes that asking failed, and for how many seconds nobody is to ask again (bounded);
 * the asker is 0 then. The text is cleaned and cut. */
void tokens_fail(struct tokens *t, const struct oauth_refusal *why, int64_t seconds,
    const char *text, const struct moment *now);
/* ms until somebody may ask again; 0: now. */
int64_t tokens_failed_left(const struct tokens *t, const struct moment *now);
/* Stands for an access token, to name it without showing it; 0 where there is none. */
uint32_t tokens_serial(const char *access);

void tokens_wipe(struct tokens *t);

#endif
