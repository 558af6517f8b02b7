/* Tests of admin/pkce.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "admin/pkce.h"

static void
challenge_of_the_rfc(void **state)
{
	char challenge[PKCE_WORD_MAX];

	(void)state;
	/* RFC 7636 appendix B */
	assert_true(
	    pkce_challenge(challenge, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
	assert_string_equal(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

static void
words_are_of_the_alphabet_and_all_different(void **state)
{
	enum { WORDS = 200 };
	static char word[WORDS][PKCE_WORD_MAX];

	(void)state;
	for (int i = 0; i < WORDS; i++) {
		assert_true(pkce_random(word[i]));
		assert_int_equal(strlen(word[i]), 43); /* RFC 7636 4.1: 43 to 128 */
		assert_int_equal(
		    strspn(word[i],
			"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
		    43);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(word[i], word[j]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(challenge_of_the_rfc),
		cmocka_unit_test(words_are_of_the_alphabet_and_all_different),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
