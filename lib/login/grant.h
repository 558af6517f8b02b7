/*
 * grant: with what a process that talks to the network asks for an access token; and as
 * text, to travel from root to that process. Pure.
 */
#ifndef POSTROOM_GRANT_H
#define POSTROOM_GRANT_H

#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/login/assertion.h"
#include "lib/login/oauth.h"
#include "lib/account/secret.h"

enum {
	GRANT_TEXT_MAX = TOKEN_MAX + SECRET_MAX + ASSERTION_MAX + 8,
};

/* "" where there is none. */
struct grant {
	char refresh[TOKEN_MAX + 1];
	char client_secret[SECRET_MAX + 1];
	char assertion[ASSERTION_MAX + 1];
};

/* Three lines, and back; false when out is over, a text of the grant holds control bytes,
 * or the text is not theirs (*out is untouched then). */
bool grant_write(struct buf *out, const struct grant *g);
bool grant_read(struct grant *out, const char *text);
void grant_wipe(struct grant *g);

#endif
