/* Tests of the pure part of admin/authcode.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "admin/authcode.h"

enum {
	ADDRESS_TEXT_MAX = 4096,
};

static struct authcode_address wanted = { "http://localhost:1234", "st-ate", "chal_lenge",
	NULL };

/* The address of an account with these further settings; "" where there is none. */
static const char *
address(const char *more, size_t max)
{
	static char result[ADDRESS_TEXT_MAX];
	char text[1024];
	struct config *config = NULL;
	struct error e;
	struct buf out;
	int len = snprintf(text, sizeof(text),
	    "[account a]\nserver = smtp.example.com\nauth = oauth-code\n"
	    "username = scan+1@example.com\nclient_id = 1-2\n%s",
	    more);

	assert_int_equal(config_parse(&config, text, (size_t)len, "/test.conf", &e), 0);
	buf_init(&out, max);
	result[0] = '\0';
	if (authcode_address(&out, &config->account[0], &wanted))
		snprintf(result, sizeof(result), "%s", buf_text(&out));
	buf_clear(&out);
	config_free(config);
	return result;
}

static void
all_of_it_is_there_and_encoded(void **state)
{
	(void)state;
	assert_string_equal(address("tenant = contoso.example\n", ADDRESS_TEXT_MAX),
	    "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/authorize"
	    "?client_id=1-2&response_type=code"
	    "&redirect_uri=http%3A%2F%2Flocalhost%3A1234"
	    "&scope=https%3A%2F%2Foutlook.office.com%2FSMTP.Send%20offline_access"
	    "&state=st-ate&code_challenge=chal_lenge&code_challenge_method=S256"
	    "&login_hint=scan%2B1%40example.com&prompt=select_account");
}

static void
an_address_with_a_query_is_continued(void **state)
{
	static const char start[] =
	    "https://a.example/o?access_type=offline&client_id=1-2";

	(void)state;
	assert_memory_equal(
	    address("authorize_url = https://a.example/o?access_type=offline\n",
		ADDRESS_TEXT_MAX),
	    start, strlen(start));
}

static void
a_nonce_goes_along(void **state)
{
	(void)state;
	assert_null(strstr(address("", ADDRESS_TEXT_MAX), "nonce"));
	wanted.nonce = "n0+nce";
	assert_non_null(strstr(address("", ADDRESS_TEXT_MAX), "&nonce=n0%2Bnce&"));
	wanted.nonce = NULL;
}

static void
without_room_there_is_none(void **state)
{
	(void)state;
	assert_string_equal(address("", 100), "");
	assert_string_equal(address("", 20), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_it_is_there_and_encoded),
		cmocka_unit_test(an_address_with_a_query_is_continued),
		cmocka_unit_test(a_nonce_goes_along),
		cmocka_unit_test(without_room_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
