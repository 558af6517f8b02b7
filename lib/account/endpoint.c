/* endpoint: the web addresses of an account's sign-in and of Graph (endpoint.h). */
#include "lib/account/endpoint.h"
#include "lib/account/account.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum {
	HOST_MAX = 256, /* bytes of a host's name, with the NUL (RFC 1035 2.3.4) */
	PORT_DIGITS = 5,
	PORT_HTTPS = 443,
};

static const char HTTPS[] = "https://";
static const char DIGITS[] = "0123456789";
static const char NAME_CHARS[] = "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

#define SCOPE_SMTP     "https://outlook.office.com/SMTP.Send offline_access"
#define SCOPE_SMTP_APP "https://outlook.office365.com/.default"
#define SCOPE_GRAPH    "https://%s/Mail.Send https://%s/Mail.ReadWrite offline_access"

/* -- where ------------------------------------------------------------------------- */

bool
endpoint_url(char url[ENDPOINT_URL_MAX], const struct account *a, enum endpoint which)
{
	const struct {
		const char *own, *last;
	} endpoints[] = {
		[ENDPOINT_DEVICE] = { a->device_url, "devicecode" },
		[ENDPOINT_TOKEN] = { a->token_url, "token" },
		[ENDPOINT_AUTHORIZE] = { a->authorize_url, "authorize" },
	};
	const char *own = endpoints[which].own, *last = endpoints[which].last;
	char made[ENDPOINT_URL_MAX];
	size_t authority = strlen(a->authority);
	int len;

	while (authority > 0 && a->authority[authority - 1] == '/')
		authority--;
	if (*own)
		len = snprintf(made, sizeof(made), "%s", own);
	else if (authority == 0 || strpbrk(a->authority, "?#") ||
	    a->tenant[strspn(a->tenant, NAME_CHARS)])
		return false;
	else
		len = snprintf(made, sizeof(made), "%.*s/%s/oauth2/v2.0/%s",
		    (int)authority, a->authority, a->tenant, last);
	if (len < 0 || (size_t)len >= sizeof(made))
		return false;
	memcpy(url, made, (size_t)len + 1);
	return true;
}

/* Copies a host's name in lower case, whatever the locale; false when it does not fit. */
static bool
copy_host(char *host, size_t size, const char *name, size_t len)
{
	if (len >= size)
		return false;
	for (size_t i = 0; i < len; i++)
		host[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a')
							   : name[i];
	host[len] = '\0';
	return true;
}

/* The port behind a host in a URL: nothing, or ":" and a number. */
static bool
read_port(uint16_t *out, const char *text)
{
	unsigned long port = 0;
	size_t len;

	*out = PORT_HTTPS;
	if (*text != ':')
		return *text == '\0' || strchr("/?#", *text);
	len = strspn(++text, DIGITS);
	if (len == 0 || len > PORT_DIGITS || (text[len] && !strchr("/?#", text[len])))
		return false;
	for (size_t i = 0; i < len; i++)
		port = port * 10 + (unsigned long)(text[i] - '0');
	*out = (uint16_t)port;
	return port > 0 && port <= UINT16_MAX;
}

/* The host and port of a URL. What is unusual there (a user's name, an escape, an address
 * in brackets) names none: two readers must not see two hosts. */
static bool
url_server(char *host, size_t size, uint16_t *port, const char *url)
{
	size_t len, scheme = strlen(HTTPS);
	uint16_t number;

	if (strncmp(url, HTTPS, scheme) != 0)
		return false;
	url += scheme;
	len = strspn(url, NAME_CHARS);
	if (len == 0 || !read_port(&number, url + len) ||
	    !copy_host(host, size, url, len))
		return false;
	*port = number;
	return true;
}

bool
endpoint_server(char *host, size_t size, uint16_t *port, const struct account *a)
{
	if (account_is_graph(a))
		return url_server(host, size, port, a->graph_url);
	if (!copy_host(host, size, a->server.host, strlen(a->server.host)))
		return false;
	*port = account_port(a);
	return true;
}

/* -- what for ---------------------------------------------------------------------- */

const char *
endpoint_scope(char room[ENDPOINT_URL_MAX], const struct account *a)
{
	bool app = a->auth == AUTH_OAUTH_APP;
	char host[HOST_MAX] = "";
	uint16_t port;

	if (*a->scope)
		return a->scope;
	if (!account_is_graph(a))
		return app ? SCOPE_SMTP_APP : SCOPE_SMTP;
	endpoint_server(host, sizeof(host), &port, a);
	if (app)
		snprintf(room, ENDPOINT_URL_MAX, "https://%s/.default", host);
	else
		snprintf(room, ENDPOINT_URL_MAX, SCOPE_GRAPH, host, host);
	return room;
}

/* Adds a text and the NUL behind it, which no text holds. */
static uLong
add_text(uLong sum, const char *text)
{
	return crc32(sum, (const Bytef *)text, (uInt)strlen(text) + 1);
}

uint32_t
endpoint_identity(const struct account *a)
{
	static const enum endpoint all[] = { ENDPOINT_DEVICE, ENDPOINT_TOKEN,
		ENDPOINT_AUTHORIZE };
	char room[ENDPOINT_URL_MAX], host[HOST_MAX], digits[PORT_DIGITS + 1];
	uint16_t port = 0;
	uLong sum = add_text(crc32(0, NULL, 0), account_auth(a));

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		sum = add_text(sum, endpoint_url(room, a, all[i]) ? room : "");
	sum = add_text(sum, a->client_id);
	sum = add_text(sum, endpoint_scope(room, a));
	sum = add_text(sum, a->username);
	sum = add_text(sum, endpoint_server(host, sizeof(host), &port, a) ? host : "");
	snprintf(digits, sizeof(digits), "%u", port);
	sum = add_text(sum, digits);
	return sum ? (uint32_t)sum : 1;
}
