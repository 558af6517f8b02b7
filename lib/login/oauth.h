/*
 * oauth: what is asked of an authorization server, and the words for what it answers
 * (answers.h reads it). Pure.
 *
 * RFC 6749 (OAuth 2.0), RFC 8628 (device authorization), RFC 7636 (PKCE), RFC 7523
 * (client assertions). As Microsoft asks, what follows from a refusal is decided by its
 * `error` and the HTTP status alone; a number in its text (AADSTS…, aadsts.h) chooses the
 * advice, and how long to keep away.
 */
#ifndef POSTROOM_OAUTH_H
#define POSTROOM_OAUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/status.h"

enum {
	TOKEN_MAX = 8191, /* bytes of a token; AUTH takes 9,216 in base64 (RFC 4954 4) */
	OAUTH_FORM_MAX = 64 * 1024,
	OAUTH_CODE_MAX = 4096,      /* bytes of a device code or an authorization code */
	OAUTH_WORD_MAX = 64,        /* of a user code, an `error`; with the NUL */
	OAUTH_ADDRESS_MAX = 512,    /* of the address where a person signs in */
	OAUTH_LIFETIME_MAX = 86400, /* seconds that an access token is believed to live */
	OAUTH_MISSING_MAX = 256,    /* of scopes that were not granted; with the NUL */
};

/* -- asking ----------------------------------------------------------------------- */

enum oauth_kind { GRANT_REFRESH, GRANT_CLIENT, GRANT_DEVICE, GRANT_CODE };

struct oauth_question {
	enum oauth_kind kind;
	const char *client_id;
	const char *scope;         /* NULL: none is sent (GRANT_DEVICE, GRANT_CODE) */
	const char *token;         /* refresh token, device code or authorization code */
	const char *client_secret; /* NULL: none; a public client must not send one */
	const char *assertion;     /* NULL: none; a signed JWT (assertion.h) */
	const char *verifier, *redirect_url; /* GRANT_CODE */
};

/* Appends the body, application/x-www-form-urlencoded. False when out is over. */
bool oauth_form(struct buf *out, const struct oauth_question *q);

/* The body of a device authorization request (RFC 8628 3.1). */
bool oauth_device_form(
    struct buf *out, const char *client_id, const char *scope, const char *client_secret);

/* Appends "name=value" to a form or query, with '&' before it when out is not empty and
 * does not end with '?'. */
bool oauth_pair(struct buf *out, const char *name, const char *value);

/* Finds a name in a query or form ("a=b&c=d") and appends its value, decoded. False when
 * it is not there, comes twice, is not well formed, or holds a NUL. */
bool oauth_query(struct buf *out, const char *query, const char *name);

/* -- answers ---------------------------------------------------------------------- */

struct oauth_tokens {
	char access[TOKEN_MAX + 1];
	char refresh[TOKEN_MAX + 1]; /* "": none came: the old one stays */
	char id[TOKEN_MAX + 1];      /* an OpenID Connect id_token; "" */
	int64_t lifetime;            /* seconds that the access token lives from now on */
	/* Scopes that were asked for and not granted, by what the answer says, with
	 * blanks between; "": all are, or it does not say (RFC 6749 5.1). See
	 * answers_missing(). */
	char missing[OAUTH_MISSING_MAX];
};

/* What a refusal asks for. */
enum oauth_verdict {
	OAUTH_GRANTED,
	OAUTH_PENDING,   /* device flow: the person has not signed in yet */
	OAUTH_SLOW_DOWN, /* the same, and 5 s more between two questions from now on */
	OAUTH_DECLINED,  /* the person said no */
	OAUTH_EXPIRED,   /* the code is too old: begin anew */
	OAUTH_WAIT,      /* the service has trouble or throttles: later */
	OAUTH_LOCKED,    /* later, and not before a long pause */
	OAUTH_SIGN_IN,   /* somebody has to sign in again (postroom login) */
	OAUTH_SETTINGS,  /* settings, registration or rights are wrong */
};

struct oauth_refusal {
	enum oauth_verdict verdict;
	char error[OAUTH_WORD_MAX];   /* "invalid_grant"; "" */
	unsigned long number;         /* AADSTS number; 0: none */
	char request[OAUTH_WORD_MAX]; /* correlation id, for Microsoft's support; "" */
};

/* What came back, of whatever kind. */
struct oauth_reply {
	int code; /* HTTP */
	const char *body;
	size_t len;
	bool html; /* its Content-Type says so */
	/* What was asked, whose secrets no sentence repeats; NULL: it had none. */
	const struct oauth_question *asked;
};

struct oauth_device {
	char code[OAUTH_CODE_MAX + 1];   /* secret: ours to ask with */
	char user_code[OAUTH_WORD_MAX];  /* for the person to type; printable ASCII */
	char address[OAUTH_ADDRESS_MAX]; /* where; an https or http://localhost URL */
	int64_t lifetime;                /* seconds; 1 to an hour */
	int64_t interval; /* seconds between two questions; 5 where none is named */
};

/* "pending", "sign-in" … for tests and logs. */
const char *oauth_verdict_name(enum oauth_verdict v);

/* Overwrites them in a way that the compiler keeps. */
void oauth_tokens_wipe(struct oauth_tokens *t);

#endif
