/* oauth: questions to an authorization server, and its answers (oauth.h). */
#include "lib/login/oauth.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base/text.h"
#include "lib/web/object.h"
#include "lib/login/refusal.h"

enum {
	LIFETIME = 300, /* seconds, of what does not tell how long it lives */
	DEVICE_LIFETIME_MAX = 60 * 60,
	INTERVAL = 5, /* seconds between two questions (RFC 8628 3.2) */
};

#define ALPHANUMERIC "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static const char UNRESERVED[] = ALPHANUMERIC "-._~"; /* RFC 3986 2.3 */
static const char BASE64URL[] = ALPHANUMERIC "-_";    /* RFC 4648 5: in its order */
static const char TOKEN[] = ALPHANUMERIC "-._~+/";    /* RFC 6750 2.1 */

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

/* -- scopes ------------------------------------------------------------------------ */

/* Cuts the next word off a scope; 0: there is none. */
static size_t
next_word(const char **scope)
{
	*scope += strspn(*scope, " ");
	return strcspn(*scope, " ");
}

bool
oauth_scope_has(const char *scope, const char *word)
{
	for (size_t len; (len = next_word(&scope)) > 0; scope += len)
		if (len == strlen(word) && memcmp(scope, word, len) == 0)
			return true;
	return false;
}

/* The last part of a scope that is an address, or all of it. */
static const char *
last_part(const char *word, size_t *len)
{
	const char *slash = memrchr(word, '/', *len);

	if (!slash || (size_t)(slash + 1 - word) == *len)
		return word;
	*len -= (size_t)(slash + 1 - word);
	return slash + 1;
}

static bool
is_granted_in(const char *granted, const char *part, size_t size)
{
	for (size_t len; (len = next_word(&granted)) > 0; granted += len) {
		size_t other_size = len;
		const char *other = last_part(granted, &other_size);

		if (other_size == size && strncasecmp(other, part, size) == 0)
			return true;
	}
	return false;
}

void
oauth_missing(char out[OAUTH_MISSING_MAX], const char *asked, const char *granted)
{
	static const char no_rights[] = "openid profile email offline_access .default";
	size_t used = 0;

	out[0] = '\0';
	for (size_t len; (len = next_word(&asked)) > 0; asked += len) {
		size_t size = len;
		const char *part = last_part(asked, &size);

		if (is_granted_in(no_rights, part, size) ||
		    is_granted_in(granted, part, size) ||
		    used + 1 + len >= OAUTH_MISSING_MAX)
			continue;
		if (used)
			out[used++] = ' ';
		memcpy(out + used, asked, len);
		used += len;
		out[used] = '\0';
	}
}

/* -- answers ----------------------------------------------------------------------- */

/* An answer that says yes, and is none. */
static enum status
nonsense(struct oauth_refusal *why, struct error *e, const char *what)
{
	why->verdict = OAUTH_WAIT;
	return error_set(e, STATUS_RETRY,
	    "the sign-in service answered something that Postroom does not understand "
	    "(%s); check authority and token_url if this goes on",
	    what);
}

/* Whether the answer grants what was asked for: there are servers that refuse with 200.
 */
static bool
is_granted(const struct oauth_reply *r, const struct object *o)
{
	const char *error = o ? object_text(o, "error") : NULL;

	return r->code == 200 && o && (!error || !*error);
}

static bool
is_bearer(const char *text)
{
	size_t len = strspn(text, TOKEN);

	return len > 0 && text[len + strspn(text + len, "=")] == '\0' &&
	    strlen(text) <= TOKEN_MAX;
}

/* Whether text has 1 to max bytes, all of them visible ASCII. */
static bool
is_visible(const char *text, size_t max)
{
	return text && *text && strlen(text) <= max && text_is_ascii(text) &&
	    !strchr(text, ' ');
}

/* A number of seconds within bounds; `otherwise` where there is none. */
static int64_t
take_seconds(const struct object *o, const char *name, int64_t otherwise, int64_t most)
{
	int64_t seconds;

	if (!object_number(&seconds, o, name))
		seconds = otherwise;
	if (seconds < 1)
		return 1;
	return seconds < most ? seconds : most;
}

/* What the answer's scope lacks. Without one all is granted. */
static void
take_missing(
    struct oauth_tokens *out, const struct oauth_reply *r, const struct object *o)
{
	const char *granted = object_text(o, "scope");

	out->missing[0] = '\0';
	if (granted && *granted && r->asked && r->asked->scope)
		oauth_missing(out->missing, r->asked->scope, granted);
}

static enum status
take_tokens(struct oauth_tokens *out, const struct object *o, struct oauth_refusal *why,
    struct error *e)
{
	const char *access = object_text(o, "access_token");
	const char *refresh = object_text(o, "refresh_token");
	const char *id = object_text(o, "id_token");
	const char *type = object_text(o, "token_type");

	if (!access || !is_bearer(access))
		return nonsense(why, e, "no access token that can be used");
	if (type && strcasecmp(type, "Bearer") != 0)
		return nonsense(why, e, "a token that is not a bearer's");
	if (refresh && *refresh && !is_visible(refresh, TOKEN_MAX))
		return nonsense(why, e, "no refresh token that can be kept");
	if (id && *id && !is_bearer(id))
		return nonsense(why, e, "an id_token that is none");
	snprintf(out->access, sizeof(out->access), "%s", access);
	snprintf(out->refresh, sizeof(out->refresh), "%s", refresh ? refresh : "");
	snprintf(out->id, sizeof(out->id), "%s", id ? id : "");
	out->lifetime = take_seconds(o, "expires_in", LIFETIME, OAUTH_LIFETIME_MAX);
	return STATUS_OK;
}

enum status
oauth_tokens_read(struct oauth_tokens *out, const struct oauth_reply *r,
    struct oauth_refusal *why, struct error *e)
{
	struct object *o = object_read(r->body, r->len);
	enum status status;

	*why = (struct oauth_refusal){ .verdict = OAUTH_GRANTED };
	status =
	    is_granted(r, o) ? take_tokens(out, o, why, e) : refusal_read(why, r, o, e);
	if (status == STATUS_OK)
		take_missing(out, r, o);
	object_free(o);
	return status;
}

/* Whether a person may be sent there. */
static bool
is_address(const char *text)
{
	static const char *const starts[] = { "https://", "http://localhost/",
		"http://localhost:" };

	if (!is_visible(text, OAUTH_ADDRESS_MAX - 1) || strpbrk(text, "\"<>@\\^`{|}"))
		return false;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (strncmp(text, starts[i], strlen(starts[i])) == 0 &&
		    text[strlen(starts[i])])
			return true;
	return false;
}

static enum status
take_device(struct oauth_device *out, const struct object *o, struct oauth_refusal *why,
    struct error *e)
{
	const char *code = object_text(o, "device_code");
	const char *user = object_text(o, "user_code");
	const char *address = object_text(o, "verification_uri");

	if (!address) /* as Google calls it */
		address = object_text(o, "verification_url");
	if (!is_visible(code, OAUTH_CODE_MAX))
		return nonsense(why, e, "no device code");
	if (!user || !*user || strlen(user) >= OAUTH_WORD_MAX || !text_is_ascii(user))
		return nonsense(why, e, "no code to type");
	if (!is_address(address))
		return nonsense(why, e, "no address to sign in at");
	snprintf(out->code, sizeof(out->code), "%s", code);
	snprintf(out->user_code, sizeof(out->user_code), "%s", user);
	snprintf(out->address, sizeof(out->address), "%s", address);
	out->lifetime = take_seconds(o, "expires_in", LIFETIME, DEVICE_LIFETIME_MAX);
	out->interval = take_seconds(o, "interval", INTERVAL, DEVICE_LIFETIME_MAX);
	return STATUS_OK;
}

enum status
oauth_device_read(struct oauth_device *out, const struct oauth_reply *r,
    struct oauth_refusal *why, struct error *e)
{
	struct object *o = object_read(r->body, r->len);
	enum status status;

	*why = (struct oauth_refusal){ .verdict = OAUTH_GRANTED };
	status =
	    is_granted(r, o) ? take_device(out, o, why, e) : refusal_read(why, r, o, e);
	object_free(o);
	return status;
}

/* -- who --------------------------------------------------------------------------- */

/* Decodes base64url without padding; the bytes written, 0 when it is none. */
static size_t
decode_base64url(char *out, const char *s, size_t len)
{
	unsigned bits = 0, held = 0;
	size_t size = 0;

	for (size_t i = 0; i < len; i++) {
		const char *at = memchr(BASE64URL, s[i], sizeof(BASE64URL) - 1);

		if (!at)
			return 0;
		bits = bits << 6 | (unsigned)(at - BASE64URL);
		held += 6;
		if (held >= 8) {
			held -= 8;
			out[size++] = (char)(bits >> held & 0xff);
		}
	}
	return len % 4 == 1 ? 0 : size;
}

/* The claims of a JWT; NULL: it is none. */
static struct object *
read_claims(const char *jwt)
{
	const char *payload = strchr(jwt, '.'), *end;
	char bytes[TOKEN_MAX];

	end = payload ? strchr(++payload, '.') : NULL;
	if (!end || end - payload > TOKEN_MAX)
		return NULL;
	return object_read(
	    bytes, decode_base64url(bytes, payload, (size_t)(end - payload)));
}

bool
oauth_who(char *out, size_t size, const char *jwt)
{
	static const char *const claims[] = { "preferred_username", "upn", "unique_name",
		"email" };
	struct object *o = read_claims(jwt);
	bool found = false;

	for (size_t i = 0; o && !found && i < sizeof(claims) / sizeof(claims[0]); i++) {
		const char *who = object_text(o, claims[i]);

		if (!who || !*who)
			continue;
		if (strlen(who) >= size)
			break;
		snprintf(out, size, "%s", who);
		found = true;
	}
	object_free(o);
	return found;
}

bool
oauth_has_nonce(const char *jwt, const char *nonce)
{
	struct object *o = read_claims(jwt);
	const char *claim = o ? object_text(o, "nonce") : NULL;
	bool has = claim && strcmp(claim, nonce) == 0;

	object_free(o);
	return has;
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
