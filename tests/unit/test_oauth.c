/* Tests of lib/login/oauth.c: what is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/login/oauth.h"

enum {
	TEXT_MAX = 64 * 1024,
};

#define ASSERTS "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"

/* -- asking ------------------------------------------------------------------------ */

static void
assert_form(const struct oauth_question *q, const char *expected)
{
	struct buf out;

	buf_init(&out, OAUTH_FORM_MAX);
	assert_true(oauth_form(&out, q));
	assert_string_equal(buf_text(&out), expected);
	buf_clear(&out);
}

static void
questions_become_forms(void **state)
{
	struct oauth_question q = { .kind = GRANT_REFRESH,
		.client_id = "app id",
		.scope = "https://outlook.office.com/SMTP.Send offline_access",
		.token = "M.C5!a*b$c/d+e=" };

	(void)state;
	assert_form(&q,
	    "grant_type=refresh_token&client_id=app%20id&scope=https%3A%2F%2Foutlook."
	    "office.com%2FSMTP.Send%20offline_access&refresh_token=M.C5%21a%2Ab%24c%2Fd"
	    "%2Be%3D");
	q = (struct oauth_question){ .kind = GRANT_CLIENT,
		.client_id = "app",
		.scope = "x/.default",
		.token = "never sent",
		.client_secret = "a~b&c=d" };
	assert_form(&q,
	    "grant_type=client_credentials&client_id=app&scope=x%2F.default"
	    "&client_secret=a~b%26c%3Dd");
	q.assertion = "h.p.s";
	assert_form(&q,
	    "grant_type=client_credentials&client_id=app&scope=x%2F.default"
	    "&client_assertion_type=" ASSERTS "&client_assertion=h.p.s");
	q = (struct oauth_question){ .kind = GRANT_DEVICE,
		.client_id = "app",
		.token = "device",
		.client_secret = "",
		.assertion = "" };
	assert_form(&q,
	    "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_"
	    "code&client_id=app&device_code=device");
	q = (struct oauth_question){ .kind = GRANT_CODE,
		.client_id = "app",
		.token = "code",
		.verifier = "a-._~z",
		.redirect_url = "http://localhost:8080/" };
	assert_form(&q,
	    "grant_type=authorization_code&client_id=app&code=code"
	    "&redirect_uri=http%3A%2F%2Flocalhost%3A8080%2F"
	    "&code_verifier=a-._~z");
}

static void
device_codes_are_asked_for(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, OAUTH_FORM_MAX);
	assert_true(oauth_device_form(&out, "app", "a b", NULL));
	assert_string_equal(buf_text(&out), "client_id=app&scope=a%20b");
	buf_reset(&out);
	assert_true(oauth_device_form(&out, "app", "a", "s"));
	assert_string_equal(buf_text(&out), "client_id=app&scope=a&client_secret=s");
	buf_clear(&out);
	buf_init(&out, 20);
	assert_false(oauth_device_form(&out, "app", "a b", NULL));
	buf_clear(&out);
}

static void
pairs_are_joined(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, TEXT_MAX);
	buf_puts(&out, "https://a.example/x?");
	assert_true(oauth_pair(&out, "a", ""));
	assert_true(oauth_pair(&out, "b c", "\xc3\xbc\x01\x7f%"));
	assert_string_equal(
	    buf_text(&out), "https://a.example/x?a=&b%20c=%C3%BC%01%7F%25");
	buf_clear(&out);
	buf_init(&out, 4);
	assert_false(oauth_pair(&out, "name", "v"));
	buf_clear(&out);
}

/* -- a query ----------------------------------------------------------------------- */

static void
values_are_found_in_queries(void **state)
{
	static const struct {
		const char *query, *name, *value; /* NULL: none */
	} queries[] = {
		{ "code=a&state=b", "code", "a" },
		{ "code=a&state=b", "state", "b" },
		{ "code=a%2Bb+c%20d&x", "code", "a+b c d" },
		{ "code=a=b==", "code", "a=b==" },
		{ "code=", "code", "" },
		{ "&&code=a&&", "code", "a" },
		{ "c%6fde=a", "code", "a" },
		{ "code=%c3%BC", "code", "\xc3\xbc" },
		{ "xcode=a&codex=b&cod=c", "code", NULL },
		{ "", "code", NULL },
		{ "code", "code", NULL },
		{ "code&code=a", "code", NULL },
		{ "code=a&code=a", "code", NULL },
		{ "code=a&c%6Fde=b", "code", NULL },
		{ "code=a%00b", "code", NULL },
		{ "code=a%", "code", NULL },
		{ "code=a%4", "code", NULL },
		{ "code=a%4&x=1", "code", NULL },
		{ "code=a%zz", "code", NULL },
		{ "code=a%-1", "code", NULL },
		{ "co%=b&code=a%41", "code", "aA" },
		{ "CODE=a", "code", NULL },
		{ "=a", "", "a" },
	};
	struct buf out;

	(void)state;
	buf_init(&out, TEXT_MAX);
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		const char *value = queries[i].value;
		char expected[64];

		buf_reset(&out);
		buf_puts(&out, "x");
		snprintf(expected, sizeof(expected), "x%s", value ? value : "");
		if (oauth_query(&out, queries[i].query, queries[i].name) !=
			(value != NULL) ||
		    strcmp(buf_text(&out), expected) != 0 || out.len != strlen(expected))
			fail_msg("'%s': '%s'", queries[i].query, buf_text(&out));
	}
	buf_clear(&out);
	buf_init(&out, 3);
	assert_false(oauth_query(&out, "code=long", "code"));
	assert_string_equal(buf_text(&out), "");
	buf_clear(&out);
	buf_init(&out, 3);
	assert_true(oauth_query(&out, "code=", "code"));
	buf_clear(&out);
}

static void
what_is_written_is_read_again(void **state)
{
	char all[256];
	struct buf form, out;

	(void)state;
	for (int c = 1; c < 256; c++)
		all[c - 1] = (char)c;
	all[255] = '\0';
	buf_init(&form, TEXT_MAX);
	buf_init(&out, TEXT_MAX);
	assert_true(oauth_pair(&form, "a", "x"));
	assert_true(oauth_pair(&form, all, all));
	assert_true(oauth_query(&out, buf_text(&form), all));
	assert_string_equal(buf_text(&out), all);
	buf_clear(&form);
	buf_clear(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_become_forms),
		cmocka_unit_test(device_codes_are_asked_for),
		cmocka_unit_test(pairs_are_joined),
		cmocka_unit_test(values_are_found_in_queries),
		cmocka_unit_test(what_is_written_is_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
