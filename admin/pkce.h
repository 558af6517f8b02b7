/*
 * pkce: the secret by which an authorization code is of use to nobody but who asked for
 * it (RFC 7636), and other random words.
 */
#ifndef POSTROOM_ADMIN_PKCE_H
#define POSTROOM_ADMIN_PKCE_H

#include <stdbool.h>

enum {
	PKCE_WORD_MAX = 44, /* 32 bytes in base64url without padding, with the NUL */
};

/* A random word, for a verifier or a state. False without a random generator. */
bool pkce_random(char out[PKCE_WORD_MAX]);

/* The challenge of a verifier, by the method S256. False: OpenSSL cannot. */
bool pkce_challenge(char out[PKCE_WORD_MAX], const char *verifier);

#endif
