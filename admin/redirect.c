/* redirect: what a browser brings back from signing in (redirect.h). */
#include "admin/redirect.h"

#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"

static const char end_of_head[] = "\r\n\r\n";

/* Finds a name's value; false when it is not there, empty, or longer than the room. */
static bool
find_value(char *out, size_t size, const char *query, const char *name)
{
	struct buf value;
	bool good;

	buf_init(&value, size - 1);
	good = oauth_query(&value, query, name) && value.len > 0 &&
	    text_is_ascii(buf_text(&value));
	if (good)
		snprintf(out, size, "%s", buf_text(&value));
	if (value.data)
		explicit_bzero(value.data, value.len);
	buf_clear(&value);
	return good;
}

static bool
is_state(const char *query, const char *state)
{
	char came[OAUTH_WORD_MAX];
	size_t len = strlen(state);

	return find_value(came, sizeof(came), query, "state") && strlen(came) == len &&
	    CRYPTO_memcmp(came, state, len) == 0;
}

static enum redirect_found
read_query(struct redirect *out, const char *query, const char *state)
{
	if (!is_state(query, state))
		return REDIRECT_BAD;
	if (find_value(out->code, sizeof(out->code), query, "code"))
		return REDIRECT_CODE;
	if (find_value(out->error, sizeof(out->error), query, "error"))
		return REDIRECT_ERROR;
	return REDIRECT_BAD;
}

/* Reads "GET /?QUERY HTTP/1.1", a string. */
static enum redirect_found
read_request_line(struct redirect *out, char *line, const char *state)
{
	static const char version[] = "HTTP/1.";
	char *target = strchr(line, ' '), *end = target ? strchr(target + 1, ' ') : NULL;

	if (!end || strncmp(end + 1, version, strlen(version)) != 0)
		return REDIRECT_BAD;
	*target++ = *end = '\0';
	if (strcmp(line, "GET") != 0)
		return REDIRECT_METHOD;
	if (strncmp(target, "/?", 2) != 0)
		return *target == '/' ? REDIRECT_PLACE : REDIRECT_BAD;
	return read_query(out, target + 2, state);
}

enum redirect_found
redirect_request(struct redirect *out, const char *bytes, size_t len, const char *state)
{
	char line[REDIRECT_MAX + 1];
	enum redirect_found found;
	const char *end = memmem(bytes, len, end_of_head, strlen(end_of_head));
	size_t first;

	if (!end)
		return len < REDIRECT_MAX ? REDIRECT_MORE : REDIRECT_BAD;
	first = (size_t)((const char *)memchr(bytes, '\r', len) - bytes);
	if (first > REDIRECT_MAX)
		return REDIRECT_BAD;
	memcpy(line, bytes, first);
	line[first] = '\0';
	found = strlen(line) == first && text_is_ascii(line)
	    ? read_request_line(out, line, state)
	    : REDIRECT_BAD;
	explicit_bzero(line, first);
	return found;
}

enum redirect_found
redirect_pasted(struct redirect *out, const char *text, const char *state)
{
	const char *mark = strchr(text, '?'), *query = mark ? mark + 1 : text;
	char copy[REDIRECT_MAX + 1];
	enum redirect_found found;
	size_t len;

	query += strspn(query, " \t");
	len = strcspn(query, "# \t\r\n"); /* a fragment is the browser's own */
	if (len > REDIRECT_MAX)
		return REDIRECT_BAD;
	memcpy(copy, query, len);
	copy[len] = '\0';
	found = text_is_ascii(copy) ? read_query(out, copy, state) : REDIRECT_BAD;
	explicit_bzero(copy, len);
	return found;
}
