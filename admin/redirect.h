/*
 * redirect: what a browser brings back from signing in (RFC 6749 4.1.2): an authorization
 * code, or an error, with the state that was sent along. Pure.
 *
 * Who does not know the state is not heard: other programs of the machine, other web
 * pages.
 */
#ifndef POSTROOM_ADMIN_REDIRECT_H
#define POSTROOM_ADMIN_REDIRECT_H

#include <stddef.h>

#include "lib/login/oauth.h"

enum {
	REDIRECT_MAX = 16 * 1024, /* bytes of a request's head, or of a pasted address */
};

struct redirect {
	char code[OAUTH_CODE_MAX + 1];
	char error[OAUTH_WORD_MAX];
};

enum redirect_found {
	REDIRECT_CODE,   /* the code is there */
	REDIRECT_ERROR,  /* the server's refusal is there: error */
	REDIRECT_MORE,   /* a request that is not whole yet */
	REDIRECT_METHOD, /* a request of another method than GET (405) */
	REDIRECT_PLACE,  /* a request for something else: an icon (404) */
	REDIRECT_BAD,    /* nonsense, too long, or without the state (400) */
	REDIRECT_KINDS
};

/* Reads an HTTP request of which len bytes have come. */
enum redirect_found redirect_request(
    struct redirect *out, const char *bytes, size_t len, const char *state);

/* Reads the address from a browser's address line, or the part of it behind the '?'. */
enum redirect_found redirect_pasted(
    struct redirect *out, const char *text, const char *state);

#endif
