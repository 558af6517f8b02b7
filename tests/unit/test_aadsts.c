/* Tests of lib/login/aadsts.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/text.h"
#include "lib/login/aadsts.h"

enum {
	ADVICE_MAX = 240, /* bytes, so that a whole sentence fits a state message */
	ADVICE_MIN = 30,
};

/* Microsoft's numbers by what is done about them, told apart from the table. */
static const struct {
	unsigned long number;
	enum oauth_verdict verdict;
	const char *word; /* that its advice must have */
} known[] = {
	{ 7000215, OAUTH_SETTINGS, "secret's Value, not its ID" },
	{ 70002, OAUTH_SETTINGS, "secret's Value, not its ID" },
	{ 7000222, OAUTH_SETTINGS, "expired" },
	{ 7000218, OAUTH_SETTINGS, "Allow public client flows" },
	{ 700025, OAUTH_SETTINGS, "client_secret_file" },
	{ 700027, OAUTH_SETTINGS, "certificate_file" },
	{ 50012, OAUTH_SETTINGS, "certificate_file" },
	{ 700030, OAUTH_SETTINGS, "certificate_file" },
	{ 500133, OAUTH_WAIT, "clock" },
	{ 700024, OAUTH_WAIT, "clock" },
	{ 700016, OAUTH_SETTINGS, "client_id" },
	{ 700011, OAUTH_SETTINGS, "client_id" },
	{ 90002, OAUTH_SETTINGS, "tenant" },
	{ 50059, OAUTH_SETTINGS, "tenant" },
	{ 50128, OAUTH_SETTINGS, "tenant" },
	{ 90038, OAUTH_SETTINGS, "authority" },
	{ 900382, OAUTH_SETTINGS, "authority" },
	{ 65001, OAUTH_SIGN_IN, "consent" },
	{ 65004, OAUTH_SIGN_IN, "consent" },
	{ 90094, OAUTH_SIGN_IN, "consent" },
	{ 90095, OAUTH_SIGN_IN, "consent" },
	{ 650057, OAUTH_SETTINGS, "scope" },
	{ 65005, OAUTH_SETTINGS, "scope" },
	{ 500011, OAUTH_SETTINGS, "scope" },
	{ 70011, OAUTH_SETTINGS, "scope" },
	{ 28002, OAUTH_SETTINGS, "scope" },
	{ 28003, OAUTH_SETTINGS, "scope" },
	{ 700022, OAUTH_SETTINGS, "scope" },
	{ 50076, OAUTH_SIGN_IN, "multifactor" },
	{ 50079, OAUTH_SIGN_IN, "multifactor" },
	{ 50074, OAUTH_SIGN_IN, "multifactor" },
	{ 50072, OAUTH_SIGN_IN, "multifactor" },
	{ 50078, OAUTH_SIGN_IN, "multifactor" },
	{ 50158, OAUTH_SIGN_IN, "multifactor" },
	{ 53003, OAUTH_SETTINGS, "correlation id" },
	{ 530032, OAUTH_SETTINGS, "Conditional Access" },
	{ 530035, OAUTH_SETTINGS, "security defaults" },
	{ 53000, OAUTH_SETTINGS, "device" },
	{ 53001, OAUTH_SETTINGS, "device" },
	{ 50097, OAUTH_SETTINGS, "device" },
	{ 50131, OAUTH_SETTINGS, "device" },
	{ 700082, OAUTH_SIGN_IN, "90 days" },
	{ 70008, OAUTH_SIGN_IN, "90 days" },
	{ 70043, OAUTH_SIGN_IN, "sign-in frequency" },
	{ 50173, OAUTH_SIGN_IN, "revoked" },
	{ 70000, OAUTH_SIGN_IN, "sign in again" },
	{ 50126, OAUTH_SIGN_IN, "password" },
	{ 50056, OAUTH_SIGN_IN, "password" },
	{ 50055, OAUTH_SIGN_IN, "password" },
	{ 50144, OAUTH_SIGN_IN, "password" },
	{ 50034, OAUTH_SETTINGS, "user" },
	{ 51004, OAUTH_SETTINGS, "user" },
	{ 50020, OAUTH_SETTINGS, "user" },
	{ 50053, OAUTH_LOCKED, "locked" },
	{ 50057, OAUTH_SETTINGS, "disabled" },
	{ 50105, OAUTH_SETTINGS, "assign" },
	{ 7000112, OAUTH_SETTINGS, "disabled" },
	{ 70001, OAUTH_SETTINGS, "disabled" },
	{ 50194, OAUTH_SETTINGS, "tenant" },
	{ 9001023, OAUTH_SETTINGS, "tenant" },
	{ 90124, OAUTH_SETTINGS, "tenant" },
	{ 90130, OAUTH_SETTINGS, "tenant" },
	{ 50196, OAUTH_LOCKED, "too often" },
	{ 90006, OAUTH_WAIT, "at the moment" },
	{ 90012, OAUTH_WAIT, "at the moment" },
	{ 90024, OAUTH_WAIT, "at the moment" },
	{ 90033, OAUTH_WAIT, "at the moment" },
	{ 90090, OAUTH_WAIT, "at the moment" },
	{ 50033, OAUTH_WAIT, "at the moment" },
	{ 50087, OAUTH_WAIT, "at the moment" },
	{ 90055, OAUTH_WAIT, "at the moment" },
	{ 70016, OAUTH_PENDING, "nobody has signed in" },
	{ 70018, OAUTH_EXPIRED, "begin anew" },
	{ 70019, OAUTH_EXPIRED, "begin anew" },
	{ 54005, OAUTH_EXPIRED, "begin anew" },
	{ 50134, OAUTH_EXPIRED, "data centre" },
	{ 50011, OAUTH_SETTINGS, "http://localhost" },
	{ 900144, OAUTH_SETTINGS, "scope" },
	{ 90014, OAUTH_SETTINGS, "scope" },
	{ 9002313, OAUTH_SETTINGS, "scope" },
	{ 501481, OAUTH_EXPIRED, "begin anew" },
	{ 700021, OAUTH_SETTINGS, "certificate_file" },
	{ 50027, OAUTH_SETTINGS, "certificate_file" },
};

enum {
	KNOWN = sizeof(known) / sizeof(known[0]),
};

static void
numbers_are_known(void **state)
{
	size_t count;

	(void)state;
	for (size_t i = 0; i < KNOWN; i++) {
		const struct aadsts *row = aadsts_find(known[i].number);
		const char *word = known[i].word;

		if (!row)
			fail_msg("%lu is not known", known[i].number);
		assert_int_equal(row->number, known[i].number);
		if (row->verdict != known[i].verdict)
			fail_msg(
			    "%lu: %s", row->number, oauth_verdict_name(row->verdict));
		if (!strstr(row->advice, word))
			fail_msg("%lu: '%s'", row->number, row->advice);
	}
	aadsts_rows(&count);
	assert_int_equal(count, KNOWN);
	assert_null(aadsts_find(0));
	assert_null(aadsts_find(1));
	assert_null(aadsts_find(7000216));
}

static void
rows_are_sound(void **state)
{
	size_t count;
	const struct aadsts *rows = aadsts_rows(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		const char *advice = rows[i].advice;
		size_t len = strlen(advice);

		assert_ptr_equal(aadsts_find(rows[i].number), &rows[i]); /* once */
		assert_true(rows[i].verdict != OAUTH_GRANTED);
		if (len < ADVICE_MIN || len > ADVICE_MAX || !text_is_ascii(advice) ||
		    advice[len - 1] == '.' || advice[len - 1] == ' ' ||
		    strstr(advice, "  "))
			fail_msg("%lu: '%s'", rows[i].number, advice);
	}
}

static void
numbers_are_found_in_texts(void **state)
{
	static const struct {
		const char *text;
		unsigned long number;
	} texts[] = {
		{ "AADSTS700082: The refresh token has expired.", 700082 },
		{ "Error: AADSTS70002: a. AADSTS50012: b.", 70002 },
		{ "AADSTS9001023", 9001023 },
		{ "AADSTS: AADSTSx AADSTS50053.", 50053 },
		{ "AADSTSAADSTS50053", 50053 },
		{ "AADSTS999999999", 999999999 },
		{ "AADSTS9999999999", 0 },
		{ "AADSTS99999999999999999999999999 AADSTS5", 5 },
		{ "AADSTS-5", 0 },
		{ "AADSTS 5", 0 },
		{ "aadsts5", 0 },
		{ "AADSTS", 0 },
		{ "no number 700082", 0 },
		{ "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (aadsts_number(texts[i].text) != texts[i].number)
			fail_msg(
			    "'%s': %lu", texts[i].text, aadsts_number(texts[i].text));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_known),
		cmocka_unit_test(rows_are_sound),
		cmocka_unit_test(numbers_are_found_in_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
