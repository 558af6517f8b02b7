/* Tests of lib/web/httprequest.c: what it refuses, and the fields that it makes. What
 * arrives of a request is in test_http.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/web/httprequest.h"

#define URL   "https://example.com/"
#define TOKEN "t0p-s3cret"

/* The fields, one to a line; "REFUSED" and the like otherwise. */
static const char *
fields_of(const struct http_request *r)
{
	static char text[2 * HTTPREQUEST_FIELD_MAX];
	static const char *const names[] = {
		[STATUS_SETTINGS] = "SETTINGS", [STATUS_RETRY] = "RETRY"
	};
	struct curl_slist *fields = NULL;
	CURL *easy = curl_easy_init();
	struct error e = { "" };
	enum status status = httprequest_set(easy, &fields, r, &e);
	size_t used = 0;

	text[0] = '\0';
	for (struct curl_slist *line = fields; line; line = line->next) {
		assert_true(used + strlen(line->data) + 2 < sizeof(text));
		memcpy(text + used, line->data, strlen(line->data));
		used += strlen(line->data);
		text[used++] = '\n';
		text[used] = '\0';
	}
	curl_easy_cleanup(easy);
	httprequest_wipe(fields);
	assert_int_equal(e.text[0] != '\0', status != STATUS_OK);
	assert_null(strstr(e.text, "s3cret"));
	return status ? names[status] : text;
}

static void
makes_fields(void **state)
{
	static const char *const more[] = { "Accept: application/json", "Prefer: x",
		NULL };
	const struct http_request plain = { .method = "GET", .url = URL };
	const struct http_request full = { .method = "PUT",
		.url = URL,
		.bearer = TOKEN,
		.type = "text/plain",
		.fields = more,
		.size = 5 };

	(void)state;
	/* without a value: libcurl is not to send them */
	assert_string_equal(fields_of(&plain), "Expect:\nContent-Type:\n");
	assert_string_equal(fields_of(&full),
	    "Expect:\nContent-Type: text/plain\nAuthorization: Bearer " TOKEN
	    "\nAccept: application/json\nPrefer: x\n");
}

static void
refuses_what_is_no_request(void **state)
{
	static const char *const split[] = { "A: b\r\nX: s3cret", NULL };
	static const char *const nameless[] = { "s3cret", NULL };
	static const struct http_request rows[] = {
		{ .method = "", .url = URL },
		{ .method = "get", .url = URL },
		{ .method = "GET /s3cret HTTP/1.1\r\nX:", .url = URL },
		{ .method = "GET", .url = URL, .size = 1 },
		{ .method = "DELETE", .url = URL, .size = 1 },
		{ .method = "GET", .url = URL, .bearer = "s3cret\n" },
		{ .method = "GET", .url = URL, .bearer = "s3cret\xc3\xa9" },
		{ .method = "POST", .url = URL, .type = "text/plain\r\nX: s3cret" },
		{ .method = "GET", .url = URL, .fields = split },
		{ .method = "GET", .url = URL, .fields = nameless },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(fields_of(&rows[i]), "SETTINGS") != 0)
			fail_msg("row %zu", i);
}

static void
bounds_fields(void **state)
{
	static char token[HTTPREQUEST_FIELD_MAX];
	const size_t most = sizeof(token) - sizeof("Authorization: Bearer ");
	const struct http_request r = { .method = "GET", .url = URL, .bearer = token };

	(void)state;
	memset(token, 'a', most + 1);
	assert_string_equal(fields_of(&r), "SETTINGS");
	token[most] = '\0';
	assert_non_null(strstr(fields_of(&r), token));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_fields),
		cmocka_unit_test(refuses_what_is_no_request),
		cmocka_unit_test(bounds_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
