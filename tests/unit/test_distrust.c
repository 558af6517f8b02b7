/* Tests of lib/web/distrust.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/x509_vfy.h>

#include "lib/web/distrust.h"

static void
the_clock_is_suspected_where_it_may_be_wrong(void **state)
{
	static const struct {
		long result;
		time_t now;
		bool clock;
	} rows[] = {
		{ X509_V_ERR_CERT_NOT_YET_VALID, 0, true },
		{ X509_V_ERR_CERT_NOT_YET_VALID, 4000000000, true },
		{ X509_V_ERR_CERT_HAS_EXPIRED, DISTRUST_CLOCK_MIN - 1, true },
		{ X509_V_ERR_CERT_HAS_EXPIRED, DISTRUST_CLOCK_MIN, false },
		{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, 0, false },
		{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, 0, false },
		{ X509_V_OK, 0, false },
		{ -1, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char sentence[DISTRUST_ROOM] = "as it was";

		assert_int_equal(distrust_is_clock(sentence, rows[i].result, rows[i].now),
		    rows[i].clock);
		assert_int_equal(strcmp(sentence, "as it was") == 0, !rows[i].clock);
	}
}

static void
the_sentence_tells_the_clock(void **state)
{
	char sentence[DISTRUST_ROOM];

	(void)state;
	assert_true(
	    distrust_is_clock(sentence, X509_V_ERR_CERT_NOT_YET_VALID, 1455184800));
	assert_string_equal(sentence,
	    "its certificate is not valid yet by this machine's clock (2016-02-11 10:00 "
	    "UTC), so nothing was sent; check the clock with timedatectl");
	assert_true(distrust_is_clock(sentence, X509_V_ERR_CERT_HAS_EXPIRED, 0));
	assert_non_null(
	    strstr(sentence, "not valid any more by this machine's clock (1970"));
	assert_true(
	    distrust_is_clock(sentence, X509_V_ERR_CERT_NOT_YET_VALID, INT64_MAX));
	assert_non_null(strstr(sentence, "an unknown time"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_clock_is_suspected_where_it_may_be_wrong),
		cmocka_unit_test(the_sentence_tells_the_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
