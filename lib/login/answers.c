/* answers: what an authorization server answers (answers.h). */
#include "lib/login/answers.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base/text.h"
#include "lib/login/refusal.h"
#include "lib/web/object.h"

enum {
	LIFETIME = 300, /* seconds, of what does not tell how long it lives */
	DEVICE_LIFETIME_MAX = 60 * 60,
	INTERVAL = 5, /* seconds between two questions (RFC 8628 3.2) */
};

#define ALPHANUMERIC "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static const char BASE64URL[] = ALPHANUMERIC "-_"; /* RFC 4648 5: in its order */
static const char TOKEN[] = ALPHANUMERIC "-._~+/"; /* RFC 6750 2.1 */

/* -- scopes ------------------------------------------------------------------------ */

/* Cuts the next word off a scope; 0: there is none. */
static size_t
next_word(const char **scope)
{
	*scope += strspn(*scope, " ");
	return strcspn(*scope, " ");
}

bool
answers_scope_has(const char *scope, const char *word)
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
answers_missing(char out[OAUTH_MISSING_MAX], const char *asked, const char *granted)
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
		answers_missing(out->missing, r->asked->scope, granted);
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
answers_tokens(struct oauth_tokens *out, const struct oauth_reply *r,
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
answers_device(struct oauth_device *out, const struct oauth_reply *r,
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
answers_who(char *out, size_t size, const char *jwt)
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
answers_have_nonce(const char *jwt, const char *nonce)
{
	struct object *o = read_claims(jwt);
	const char *claim = o ? object_text(o, "nonce") : NULL;
	bool has = claim && strcmp(claim, nonce) == 0;

	object_free(o);
	return has;
}
