/* httprequest: the request of an exchange as libcurl is told it (httprequest.h). */
#include "lib/web/httprequest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/text.h"

/* Whether it is one word of printable ASCII. */
static bool
is_word(const char *s)
{
	return text_is_ascii(s) && !strchr(s, ' ');
}

bool
http_host(char *host, size_t size, uint16_t *port, const char *url)
{
	static const char scheme[] = "https://";
	const size_t start = sizeof(scheme) - 1;
	char *name = NULL, *number = NULL;
	CURLU *parts = curl_url();
	bool good = false;
	unsigned long n;
	size_t len;

	/* libcurl would take three slashes, and a blank in the middle */
	if (!parts || !url || !is_word(url) || strlen(url) >= HTTP_URL_MAX ||
	    strncasecmp(url, scheme, start) != 0 || url[start] == '/')
		goto out;
	if (curl_url_set(parts, CURLUPART_URL, url, CURLU_DISALLOW_USER) ||
	    curl_url_get(parts, CURLUPART_HOST, &name, 0) ||
	    curl_url_get(parts, CURLUPART_PORT, &number, CURLU_DEFAULT_PORT))
		goto out;
	n = strtoul(number, NULL, 10);
	len = strlen(name);
	good = n > 0 && n <= UINT16_MAX && len > 0 && len < size;
	if (!good)
		goto out;
	*port = (uint16_t)n;
	if (name[0] == '[') /* an IPv6 address */
		snprintf(host, size, "%.*s", (int)len - 2, name + 1);
	else
		snprintf(host, size, "%s", name);
out:
	curl_free(name);
	curl_free(number);
	curl_url_cleanup(parts);
	return good;
}

/* Adds "HEAD VALUE". A field without a value is not sent, also where libcurl would send
 * one of its own. */
static enum status
add(struct curl_slist **fields, const char *head, const char *value, struct error *e)
{
	char line[HTTPREQUEST_FIELD_MAX];
	enum status status = STATUS_OK;
	struct curl_slist *more;
	int len = snprintf(line, sizeof(line), "%s%s", head, value);

	if (len < 0 || (size_t)len >= sizeof(line) || !text_is_ascii(line) ||
	    !strchr(line, ':')) {
		status = error_set(e, STATUS_SETTINGS,
		    "a web service was not asked: a field of the request cannot be sent");
		goto out;
	}
	more = curl_slist_append(*fields, line);
	if (more)
		*fields = more;
	else
		status = error_set(e, STATUS_RETRY, "out of memory");
out:
	explicit_bzero(line, sizeof(line));
	return status;
}

static enum status
set_fields(
    CURL *easy, struct curl_slist **fields, const struct http_request *q, struct error *e)
{
	enum status status = add(fields, "Expect:", "", e);

	if (status == STATUS_OK)
		status = add(fields,
		    q->type ? "Content-Type: " : "Content-Type:", q->type ? q->type : "",
		    e);
	if (status == STATUS_OK && q->bearer)
		status = add(fields, "Authorization: Bearer ", q->bearer, e);
	for (size_t i = 0; status == STATUS_OK && q->fields && q->fields[i]; i++)
		status = add(fields, q->fields[i], "", e);
	if (status == STATUS_OK)
		curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *fields);
	return status;
}

static enum status
set_method(CURL *easy, const struct http_request *q, struct error *e)
{
	static const struct {
		const char *name;
		CURLoption kind, size; /* size 0: it has no body */
	} methods[] = {
		{ "GET", CURLOPT_HTTPGET, 0 },
		{ "DELETE", CURLOPT_HTTPGET, 0 },
		{ "POST", CURLOPT_POST, CURLOPT_POSTFIELDSIZE_LARGE },
		{ "PUT", CURLOPT_UPLOAD, CURLOPT_INFILESIZE_LARGE },
	};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(methods[i].name, q->method) != 0 ||
		    (q->size > 0 && !methods[i].size))
			continue;
		curl_easy_setopt(easy, methods[i].kind, 1L);
		if (methods[i].size)
			curl_easy_setopt(easy, methods[i].size, (curl_off_t)q->size);
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, q->method);
		return STATUS_OK;
	}
	return error_set(e, STATUS_SETTINGS,
	    "a web service was not asked: there is no such method with such a body");
}

enum status
httprequest_set(
    CURL *easy, struct curl_slist **fields, const struct http_request *q, struct error *e)
{
	enum status status;

	curl_easy_setopt(easy, CURLOPT_URL, q->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "Postroom/" POSTROOM_VERSION);
	status = set_method(easy, q, e);
	return status ? status : set_fields(easy, fields, q, e);
}

void
httprequest_wipe(struct curl_slist *fields)
{
	for (struct curl_slist *line = fields; line; line = line->next)
		explicit_bzero(line->data, strlen(line->data));
	curl_slist_free_all(fields);
}
