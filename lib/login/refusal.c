/* refusal: what an authorization server's refusal means (refusal.h). */
#include "lib/login/refusal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/buf.h"
#include "lib/base/text.h"
#include "lib/login/aadsts.h"
#include "lib/account/secret.h"

enum {
	DESCRIPTION_MAX = 200, /* bytes of the server's own words in a sentence */
	CLEAN_MAX = 3 * DESCRIPTION_MAX,
	SAID_MAX = 512, /* of all that it said, our words between included */
	/* A run of letters, digits and the like that is as long may be a token or a
	 * secret; ids have 36. */
	TOKEN_RUN = 40,
	NUMBERS_MAX = 8,  /* of error_codes that are looked at */
	NEED_PROXY = 407, /* an HTTP code that no service has (RFC 9110 15.5.8) */
};

#define ALPHANUMERIC "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static const char WORD[] = ALPHANUMERIC "-._";
/* What tokens are made of, but for the '/' that addresses are full of. */
static const char RUN[] = ALPHANUMERIC "-._~+=";

static const char ADVICE_SIGN_IN[] =
    "the sign-in service wants somebody to sign in again; do it with postroom login";
static const char ADVICE_TROUBLE[] =
    "the sign-in service has trouble or is busy at the moment; nothing has to be done";
static const char ADVICE_ADDRESS[] =
    "the sign-in service refuses the request; check authority, tenant, client_id and "
    "token_url";
static const char ADVICE_SILENT[] =
    "the sign-in service refuses the request without saying why; sign in again (postroom "
    "login), or check client_id, client_secret_file or certificate_file, and token_url";
static const char ADVICE_NO_ANSWER[] =
    "what answered is no sign-in service; check authority and token_url, and look for a "
    "proxy or a login page in this network";

/* What follows from an `error`: RFC 6749 4.1.2.1 and 5.2, RFC 8628 3.5, OpenID Connect
 * Core 3.1.2.6, and Microsoft's own words. */
static const struct row {
	const char *error;
	enum oauth_verdict verdict;
	const char *advice;
} rows[] = {
	{ "authorization_pending", OAUTH_PENDING,
	    "nobody has signed in with the code yet" },
	{ "slow_down", OAUTH_SLOW_DOWN, "the sign-in service is asked too often" },
	{ "expired_token", OAUTH_EXPIRED,
	    "the code has expired before anybody signed in; begin anew (postroom "
	    "login)" },
	/* the only cure for a code that the service does not know */
	{ "bad_verification_code", OAUTH_EXPIRED,
	    "the sign-in service does not know the code; begin anew (postroom login)" },
	{ "access_denied", OAUTH_DECLINED,
	    "whoever signed in refused, or may not use this application; sign in again "
	    "and accept, or ask the administrator for consent" },
	{ "authorization_declined", OAUTH_DECLINED,
	    "whoever signed in refused; begin anew (postroom login) and accept" },

	{ "invalid_grant", OAUTH_SIGN_IN,
	    "the stored sign-in is not valid any more; sign in again (postroom login)" },
	{ "interaction_required", OAUTH_SIGN_IN, ADVICE_SIGN_IN },
	{ "login_required", OAUTH_SIGN_IN, ADVICE_SIGN_IN },
	{ "consent_required", OAUTH_SIGN_IN,
	    "nobody has consented to the application's permissions; have the "
	    "administrator grant consent, then sign in again (postroom login)" },

	{ "invalid_client", OAUTH_SETTINGS,
	    "the sign-in service does not accept the application; check client_id, and "
	    "client_secret_file or certificate_file" },
	{ "unauthorized_client", OAUTH_SETTINGS,
	    "the application may not sign in this way; check client_id, tenant and the "
	    "application's registration" },
	{ "invalid_scope", OAUTH_SETTINGS,
	    "the sign-in service does not know what is asked for; check scope, and the "
	    "application's API permissions" },
	{ "invalid_resource", OAUTH_SETTINGS,
	    "the organisation does not have the service that is asked for; check scope "
	    "and tenant" },
	{ "invalid_request", OAUTH_SETTINGS, ADVICE_ADDRESS },
	{ "unsupported_grant_type", OAUTH_SETTINGS,
	    "the sign-in service does not offer this way to sign in; use another auth" },

	{ "temporarily_unavailable", OAUTH_WAIT, ADVICE_TROUBLE },
	{ "server_error", OAUTH_WAIT, ADVICE_TROUBLE },
};

static const struct row *
find_row(const char *error)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].error, error) == 0)
			return &rows[i];
	return NULL;
}

/* -- secrets ----------------------------------------------------------------------- */

/* Whether a text repeats a part of a secret, as a form has it. */
static bool
repeats_encoded(const char *text, const char *secret)
{
	size_t most = 1 + 3 * strlen(secret); /* "=" and %XX for each byte */
	struct buf form;
	bool found;

	buf_init(&form, most);
	form.data = calloc(1, most + 1); /* all at once: growing leaves copies behind */
	form.size = form.data ? most + 1 : 0;
	/* what cannot be looked for is not shown */
	found = !oauth_pair(&form, "", secret) ||
	    secret_part_is_in(text, buf_text(&form) + 1);
	if (form.data)
		explicit_bzero(form.data, form.size);
	buf_clear(&form);
	return found;
}

/* Whether a text repeats something of what only we and the server may know. */
static bool
repeats_secret(const char *text, const struct oauth_question *q)
{
	const char *const secrets[] = { q ? q->token : NULL, q ? q->client_secret : NULL,
		q ? q->assertion : NULL, q ? q->verifier : NULL };

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		const char *secret = secrets[i];

		if (secret && *secret &&
		    (secret_part_is_in(text, secret) ||
			secret_is_in(text, q->client_id, secret) ||
			repeats_encoded(text, secret)))
			return true;
	}
	return false;
}

/* -- what it means ----------------------------------------------------------------- */

/* Keeps a word of the server if it is one, too short for a token, and no secret. */
static void
take_word(char out[OAUTH_WORD_MAX], const char *text, const struct oauth_question *asked)
{
	size_t len = text ? strspn(text, WORD) : 0;

	if (len > 0 && len < TOKEN_RUN && text[len] == '\0' &&
	    !repeats_secret(text, asked))
		memcpy(out, text, len + 1);
}

/* The number that tells most: Entra puts what lies deepest last. */
static unsigned long
take_number(const struct object *o)
{
	const char *text = object_text(o, "error_description");
	unsigned long best = text ? aadsts_number(text) : 0;
	int64_t number;

	for (size_t i = 0; i < NUMBERS_MAX; i++) {
		if (!object_item_number(&number, o, "error_codes", i, NULL) ||
		    number <= 0)
			break;
		if (best == 0 || aadsts_find((unsigned long)number))
			best = (unsigned long)number;
	}
	return best;
}

/* Whether the device flow is under way, and goes on asking. */
static bool
asks_on(enum oauth_verdict v)
{
	return v == OAUTH_PENDING || v == OAUTH_SLOW_DOWN;
}

/* HTTP statuses that pass, whatever else is said (RFC 9110, RFC 8470, RFC 6585). */
static bool
is_trouble(int code)
{
	return code == 408 || code == 425 || code == 429 || code >= 500;
}

/* Whether something else than the sign-in service answered: a portal, a proxy. Services
 * refuse with an object, or with nothing. */
static bool
is_page(const struct oauth_reply *r, const struct object *o)
{
	size_t i = 0;

	while (i < r->len && memchr(" \t\r\n", r->body[i], 4))
		i++;
	return !o &&
	    (r->html || r->code == NEED_PROXY || (i < r->len && r->body[i] == '<'));
}

/* A wrong OAUTH_WAIT only asks again; any other verdict that is wrong stops a queue. So
 * what says that it passes is believed first. */
static enum oauth_verdict
judge(int code, const struct oauth_refusal *why, bool page)
{
	const struct row *row = find_row(why->error);
	const struct aadsts *known = aadsts_find(why->number);
	enum oauth_verdict verdict = OAUTH_WAIT;

	if (row)
		verdict = row->verdict;
	else if (why->error[0] || (code >= 400 && code < 500 && !page))
		verdict = OAUTH_SETTINGS;
	if (asks_on(verdict))
		return verdict;
	if (known && (known->verdict == OAUTH_LOCKED || known->verdict == OAUTH_WAIT))
		return known->verdict;
	return is_trouble(code) ? OAUTH_WAIT : verdict;
}

static const char *
choose_advice(int code, const struct oauth_refusal *why, bool page)
{
	const struct row *row = find_row(why->error);
	const struct aadsts *known = aadsts_find(why->number);

	if (known)
		return known->advice;
	if (is_trouble(code))
		return ADVICE_TROUBLE;
	if (row)
		return row->advice;
	if (why->error[0])
		return ADVICE_ADDRESS;
	return code >= 400 && !page ? ADVICE_SILENT : ADVICE_NO_ANSWER;
}

/* Whether something in a text is long enough for a token. */
static bool
may_hold_token(const char *text)
{
	while (*text) {
		size_t run = strspn(text, RUN);

		if (run >= TOKEN_RUN)
			return true;
		text += run + strcspn(text + run, RUN);
	}
	return false;
}

/* Whether here begins what Microsoft puts after its words. */
static bool
is_tail(const char *text)
{
	static const char *const tails[] = {
		"Trace ID: ", "Correlation ID: ", "Timestamp: "
	};

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++)
		if (strncasecmp(text, tails[i], strlen(tails[i])) == 0)
			return true;
	return false;
}

/* The bytes of a text's first sentence, without the full stop. */
static size_t
sentence_length(const char *text)
{
	size_t i = 0;

	while (text[i] && !strchr("\r\n", text[i]) &&
	    !(text[i] == '.' && strchr(" \r\n", text[i + 1])) && !is_tail(text + i))
		i++;
	while (i > 0 && text[i - 1] == ' ')
		i--;
	return i;
}

/* Appends the first sentence of a text, without the number before it. */
static void
add_description(struct buf *out, const char *text, unsigned long number)
{
	char prefix[OAUTH_WORD_MAX];
	struct buf clean;
	size_t len, cut;

	snprintf(prefix, sizeof(prefix), "AADSTS%lu: ", number);
	if (strncmp(text, prefix, strlen(prefix)) == 0)
		text += strlen(prefix);
	len = sentence_length(text);
	cut = text_cut(text, DESCRIPTION_MAX);
	buf_init(&clean, CLEAN_MAX);
	text_clean(&clean, text, len < cut ? len : cut, TEXT_LINE);
	if (clean.len > 0)
		buf_printf(out, ": %s%s", buf_text(&clean), cut < len ? "…" : "");
	buf_clear(&clean);
}

/* All that the server said: "invalid_grant, AADSTS700082: …; for Microsoft's support: …".
 */
static void
add_said(struct buf *out, int code, const struct oauth_refusal *why, const char *text)
{
	if (why->error[0])
		buf_puts(out, why->error);
	else
		buf_printf(out, "HTTP %d", code);
	if (why->number)
		buf_printf(out, ", AADSTS%lu", why->number);
	if (text)
		add_description(out, text, why->number);
	if (why->request[0])
		buf_printf(
		    out, "; for Microsoft's support: correlation id %s", why->request);
}

static enum status
status_of(enum oauth_verdict v)
{
	bool passes = v == OAUTH_WAIT || v == OAUTH_LOCKED || asks_on(v);

	return passes ? STATUS_RETRY : STATUS_SETTINGS;
}

/* The server's own words, where they may be shown. */
static const char *
words_of(const struct object *o, const struct oauth_question *asked)
{
	const char *text = o ? object_text(o, "error_description") : NULL;

	return text && !may_hold_token(text) && !repeats_secret(text, asked) ? text
									     : NULL;
}

enum status
refusal_read(struct oauth_refusal *why, const struct oauth_reply *r,
    const struct object *o, struct error *e)
{
	bool page = is_page(r, o);
	struct buf said;

	*why = (struct oauth_refusal){ .number = 0 };
	if (o) {
		take_word(why->error, object_text(o, "error"), r->asked);
		take_word(why->request, object_text(o, "correlation_id"), r->asked);
		why->number = take_number(o);
	}
	why->verdict = judge(r->code, why, page);
	buf_init(&said, SAID_MAX);
	add_said(&said, r->code, why, words_of(o, r->asked));
	error_set(e, status_of(why->verdict), "%s (the sign-in service said: %s)",
	    choose_advice(r->code, why, page), buf_text(&said));
	buf_clear(&said);
	return status_of(why->verdict);
}
