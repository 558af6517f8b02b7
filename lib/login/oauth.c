/* oauth: questions to an authorization server (oauth.h). */
#include "lib/login/oauth.h"

#include <ctype.h>
#include <string.h>

#define ALPHANUMERIC "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static const char UNRESERVED[] = ALPHANUMERIC "-._~"; /* RFC 3986 2.3 */

/* -- asking ------------------------------------------------------------------------ */

static void
add_encoded(struct buf *out, const char *text)
{
	for (; *text; text++)
		if (strchr(UNRESERVED, *text))
			buf_putc(out, *text);
		else
			buf_printf(out, "%%%02X", (unsigned)(unsigned char)*text);
}

bool
oauth_pair(struct buf *out, const char *name, const char *value)
{
	if (out->len > 0 && out->data[out->len - 1] != '?')
		buf_putc(out, '&');
	add_encoded(out, name);
	buf_putc(out, '=');
	add_encoded(out, value);
	return !out->over;
}

/* The same, or nothing where there is no value. */
static void
add_pair(struct buf *out, const char *name, const char *value)
{
	if (value && *value)
		oauth_pair(out, name, value);
}

bool
oauth_form(struct buf *out, const struct oauth_question *q)
{
	static const struct {
		const char *type, *token;
	} kinds[] = {
		[GRANT_REFRESH] = { "refresh_token", "refresh_token" },
		[GRANT_CLIENT] = { "client_credentials", NULL },
		[GRANT_DEVICE] = { "urn:ietf:params:oauth:grant-type:device_code",
		    "device_code" },
		[GRANT_CODE] = { "authorization_code", "code" },
	};
	bool asserts = q->assertion && *q->assertion;

	oauth_pair(out, "grant_type", kinds[q->kind].type);
	oauth_pair(out, "client_id", q->client_id);
	add_pair(out, "scope", q->scope);
	if (kinds[q->kind].token)
		add_pair(out, kinds[q->kind].token, q->token);
	if (q->kind == GRANT_CODE) {
		add_pair(out, "redirect_uri", q->redirect_url);
		add_pair(out, "code_verifier", q->verifier);
	}
	if (asserts) {
		oauth_pair(out, "client_assertion_type",
		    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
		oauth_pair(out, "client_assertion", q->assertion);
	} else { /* one proof at a time (RFC 6749 2.3) */
		add_pair(out, "client_secret", q->client_secret);
	}
	return !out->over;
}

bool
oauth_device_form(
    struct buf *out, const char *client_id, const char *scope, const char *client_secret)
{
	oauth_pair(out, "client_id", client_id);
	add_pair(out, "scope", scope);
	add_pair(out, "client_secret", client_secret);
	return !out->over;
}

/* -- a query ----------------------------------------------------------------------- */

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

/* Takes the next byte of a form's text off *s; -1: it is not well formed. */
static int
next_byte(const char **s, const char *end)
{
	char c = *(*s)++;
	int high, low;

	if (c != '%')
		return c == '+' ? ' ' : (unsigned char)c;
	if (end - *s < 2)
		return -1;
	high = hex((*s)[0]);
	low = hex((*s)[1]);
	*s += 2;
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static bool
is_named(const char *s, size_t len, const char *name)
{
	const char *end = s + len;

	for (; s < end; name++)
		if (*name == '\0' || next_byte(&s, end) != (unsigned char)*name)
			return false;
	return *name == '\0';
}

static bool
add_decoded(struct buf *out, const char *s, size_t len)
{
	const char *end = s + len;
	size_t start = out->len;

	while (s < end) {
		int c = next_byte(&s, end);

		if (c > 0 && buf_putc(out, (char)c))
			continue;
		if (out->data) {
			explicit_bzero(out->data + start, out->len - start);
			out->len = start;
		}
		return false;
	}
	return buf_add(out, "", 0);
}

bool
oauth_query(struct buf *out, const char *query, const char *name)
{
	const char *found = NULL;
	size_t len;

	for (const char *s = query;; s += len + 1) {
		len = strcspn(s, "&");
		if (is_named(s, strcspn(s, "=&"), name)) {
			if (found)
				return false;
			found = s;
		}
		if (s[len] == '\0')
			break;
	}
	if (!found)
		return false;
	found += strcspn(found, "=&");
	return *found == '=' && add_decoded(out, found + 1, strcspn(found + 1, "&"));
}

/* -- the rest ---------------------------------------------------------------------- */

const char *
oauth_verdict_name(enum oauth_verdict v)
{
	static const char *const names[] = {
		[OAUTH_GRANTED] = "granted",
		[OAUTH_PENDING] = "pending",
		[OAUTH_SLOW_DOWN] = "slow-down",
		[OAUTH_DECLINED] = "declined",
		[OAUTH_EXPIRED] = "expired",
		[OAUTH_WAIT] = "wait",
		[OAUTH_LOCKED] = "locked",
		[OAUTH_SIGN_IN] = "sign-in",
		[OAUTH_SETTINGS] = "settings",
	};

	return names[v];
}

void
oauth_tokens_wipe(struct oauth_tokens *t)
{
	explicit_bzero(t, sizeof(*t));
}
