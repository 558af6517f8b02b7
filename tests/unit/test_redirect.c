/* Tests of admin/redirect.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "admin/redirect.h"

enum {
	ROUNDS = 50000,
};

static const char state_word[] = "s-1_A";
static struct redirect r;

static enum redirect_found
request(const char *text)
{
	memset(&r, 0, sizeof(r));
	return redirect_request(&r, text, strlen(text), state_word);
}

static enum redirect_found
pasted(const char *text)
{
	memset(&r, 0, sizeof(r));
	return redirect_pasted(&r, text, state_word);
}

#define HOST " HTTP/1.1\r\nHost: localhost:1\r\n\r\n"

static void
a_browser_brings_code_or_error(void **state)
{
	(void)state;
	assert_int_equal(request("GET /?code=1.A%2Bb&state=s-1_A" HOST), REDIRECT_CODE);
	assert_string_equal(r.code, "1.A+b");
	assert_string_equal(r.error, "");
	assert_int_equal(
	    request("GET /?session_state=x&state=s-1_A&code=c HTTP/1.0\r\n\r\n"),
	    REDIRECT_CODE);
	assert_string_equal(r.code, "c");
	assert_int_equal(
	    request("GET /?error=access_denied&error_description=no&state=s-1_A" HOST),
	    REDIRECT_ERROR);
	assert_string_equal(r.error, "access_denied");
	assert_string_equal(r.code, "");
}

static void
all_else_is_refused(void **state)
{
	static const struct row {
		const char *text;
		enum redirect_found found;
	} rows[] = {
		{ "GET /favicon.ico" HOST, REDIRECT_PLACE },
		{ "GET /" HOST, REDIRECT_PLACE },
		{ "GET /x?code=c&state=s-1_A" HOST, REDIRECT_PLACE },
		{ "POST /?code=c&state=s-1_A" HOST, REDIRECT_METHOD },
		{ "CONNECT /?code=c&state=s-1_A" HOST, REDIRECT_METHOD },
		{ "GETS /?code=c&state=s-1_A" HOST, REDIRECT_METHOD },
		{ "HEAD /?code=c&state=s-1_A" HOST, REDIRECT_METHOD },
		{ "get /?code=c&state=s-1_A" HOST, REDIRECT_METHOD },
		{ "GET /?code=c" HOST, REDIRECT_BAD },
		{ "GET /?code=c&state=" HOST, REDIRECT_BAD },
		{ "GET /?code=c&state=s-1_B" HOST, REDIRECT_BAD },
		{ "GET /?code=c&state=s-1_" HOST, REDIRECT_BAD },
		{ "GET /?code=c&state=s-1_AA" HOST, REDIRECT_BAD },
		{ "GET /?code=c&state=s-1_A&state=s-1_A" HOST, REDIRECT_BAD },
		{ "GET /?code=c&code=d&state=s-1_A" HOST, REDIRECT_BAD },
		{ "GET /?code=&state=s-1_A" HOST, REDIRECT_BAD },
		{ "GET /?code=a%00b&state=s-1_A" HOST, REDIRECT_BAD },
		{ "GET /?code=a%0ab&state=s-1_A" HOST, REDIRECT_BAD },
		{ "GET /?code=%zz&state=s-1_A" HOST, REDIRECT_BAD },
		{ "GET /?state=s-1_A" HOST, REDIRECT_BAD },
		{ "GET http://localhost/?code=c&state=s-1_A" HOST, REDIRECT_BAD },
		{ "GET /?code=c&state=s-1_A HTTP/2\r\n\r\n", REDIRECT_BAD },
		{ "GET /?code=c&state=s-1_A\r\n\r\n", REDIRECT_BAD },
		{ "GET\r\n\r\n", REDIRECT_BAD },
		{ "\r\n\r\n", REDIRECT_BAD },
		{ "GET /?code=c\x01&state=s-1_A" HOST, REDIRECT_BAD },
		{ "\x16\x03\x01\x02 \r\n\r\n", REDIRECT_BAD },
		{ "GET /?code=c&state=s-1_A HTTP/1.1\r\nHost: l\r\n", REDIRECT_MORE },
		{ "GET /?code=c&state=s-1_A", REDIRECT_MORE },
		{ "", REDIRECT_MORE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (request(rows[i].text) != rows[i].found || r.code[0])
			fail_msg("row %zu: %s", i, rows[i].text);
}

static void
a_request_has_an_end(void **state)
{
	static char text[REDIRECT_MAX + 100];
	static const char nul[] = "GET /?code=c\0&state=s-1_A" HOST;

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(
	    redirect_request(&r, text, REDIRECT_MAX - 1, state_word), REDIRECT_MORE);
	assert_int_equal(
	    redirect_request(&r, text, REDIRECT_MAX, state_word), REDIRECT_BAD);
	memcpy(text + REDIRECT_MAX + 10, "\r\n\r\n", 4);
	assert_int_equal(
	    redirect_request(&r, text, sizeof(text), state_word), REDIRECT_BAD);
	assert_int_equal(
	    redirect_request(&r, nul, sizeof(nul) - 1, state_word), REDIRECT_BAD);
}

/* A code is as long as it may be, and one byte longer. */
static void
a_code_has_its_room(void **state)
{
	static char text[REDIRECT_MAX];
	int len;

	(void)state;
	for (int more = 0; more < 2; more++) {
		len = snprintf(text, sizeof(text), "GET /?state=s-1_A&code=");
		memset(text + len, 'c', OAUTH_CODE_MAX + (size_t)more);
		memcpy(text + len + OAUTH_CODE_MAX + more, HOST, sizeof(HOST));
		assert_int_equal(request(text), more ? REDIRECT_BAD : REDIRECT_CODE);
	}
}

static void
an_address_is_pasted(void **state)
{
	static const char *const good[] = {
		"http://localhost:1234/?code=a%2Fb&state=s-1_A",
		"  http://localhost/?state=s-1_A&code=a%2Fb#fragment",
		"localhost:1234/?code=a%2Fb&state=s-1_A&session_state=1\r",
		"?code=a%2Fb&state=s-1_A ",
		"code=a%2Fb&state=s-1_A",
	};
	static const char *const bad[] = { "", "http://localhost:1234/", "1.AbCd",
		"http://localhost/?code=a", "http://localhost/?code=a&state=S-1_A",
		"http://localhost/?code=a#&state=s-1_A",
		"http://localhost/?code=\x1b[1m&state=s-1_A", "%", "?", "\xff\xfe" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(pasted(good[i]), REDIRECT_CODE);
		assert_string_equal(r.code, "a/b");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(pasted(bad[i]), REDIRECT_BAD);
	assert_int_equal(
	    pasted("http://localhost/?error=access_denied&state=s-1_A"), REDIRECT_ERROR);
}

static void
a_pasted_text_has_an_end(void **state)
{
	char *text = malloc(REDIRECT_MAX + 3);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', REDIRECT_MAX + 2);
	text[REDIRECT_MAX + 2] = '\0';
	assert_int_equal(redirect_pasted(&r, text, state_word), REDIRECT_BAD);
	free(text);
}

static void
nonsense_is_no_code(void **state)
{
	static const char pieces[][16] = { "GET ", "/?", "code=", "&", "state=", "%", "=",
		" HTTP/1.1", "\r\n", "\r", "x", "\xff" };
	uint32_t seed = 7;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		char text[200] = "";
		enum redirect_found found;

		for (int i = 0; i < 12; i++) {
			seed = seed * 1664525 + 1013904223;
			strncat(text, pieces[(seed >> 16) % 12], 15);
		}
		found = request(text);
		assert_true(found != REDIRECT_CODE && found != REDIRECT_ERROR);
		assert_int_equal(pasted(text), REDIRECT_BAD);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_browser_brings_code_or_error),
		cmocka_unit_test(all_else_is_refused),
		cmocka_unit_test(a_request_has_an_end),
		cmocka_unit_test(a_code_has_its_room),
		cmocka_unit_test(an_address_is_pasted),
		cmocka_unit_test(a_pasted_text_has_an_end),
		cmocka_unit_test(nonsense_is_no_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
