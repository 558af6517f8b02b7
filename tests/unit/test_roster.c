/* Tests of lib/send/roster.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/send/roster.h"

static struct roster roster;

static int
clear_roster(void **state)
{
	(void)state;
	roster_clear(&roster);
	return 0;
}

static void
add(enum journal_recipient kind, const char *address, const char *text)
{
	struct roster_entry entry = { kind, (char *)address, (char *)text };

	assert_true(roster_add(&roster, &entry));
}

static void
assert_state(const char *address, enum journal_recipient kind)
{
	const struct roster_entry *entry = roster_find(&roster, address);

	assert_int_equal(entry ? entry->state : RECIPIENT_IS_OPEN, kind);
}

static void
fresh_entries_do_not_count(void **state)
{
	(void)state;
	add(RECIPIENT_HAS_IT, "a@x", "");
	add(RECIPIENT_WAS_REFUSED, "b@x", "no such user");
	assert_state("a@x", RECIPIENT_IS_OPEN);
	assert_state("b@x", RECIPIENT_IS_OPEN);
	roster_drop(&roster);
	roster_settle(&roster, true);
	assert_state("a@x", RECIPIENT_IS_OPEN);
	assert_state("b@x", RECIPIENT_IS_OPEN);
}

static void
what_was_sent_settles_all(void **state)
{
	(void)state;
	add(RECIPIENT_HAS_IT, "a@x", "");
	add(RECIPIENT_WAS_REFUSED, "b@x", "no such user");
	roster_settle(&roster, true);
	assert_state("a@x", RECIPIENT_HAS_IT);
	assert_state("b@x", RECIPIENT_WAS_REFUSED);
	assert_string_equal(roster_find(&roster, "b@x")->text, "no such user");
	add(RECIPIENT_HAS_IT, "c@x", "");
	roster_drop(&roster);
	assert_state("a@x", RECIPIENT_HAS_IT);
	assert_state("c@x", RECIPIENT_IS_OPEN);
}

static void
nobody_has_what_was_not_sent(void **state)
{
	(void)state;
	add(RECIPIENT_HAS_IT, "a@x", "");
	add(RECIPIENT_WAS_REFUSED, "b@x", "1");
	add(RECIPIENT_HAS_IT, "c@x", "");
	add(RECIPIENT_HAS_IT, "d@x", "");
	add(RECIPIENT_WAS_REFUSED, "e@x", "2");
	roster_settle(&roster, false);
	assert_int_equal(roster.count, 2);
	assert_int_equal(roster.fresh, 0);
	assert_state("a@x", RECIPIENT_IS_OPEN);
	assert_state("b@x", RECIPIENT_WAS_REFUSED);
	assert_state("c@x", RECIPIENT_IS_OPEN);
	assert_state("d@x", RECIPIENT_IS_OPEN);
	assert_string_equal(roster_find(&roster, "e@x")->text, "2");
}

static void
last_word_counts(void **state)
{
	(void)state;
	add(RECIPIENT_WAS_REFUSED, "a@x", "");
	roster_settle(&roster, false);
	add(RECIPIENT_HAS_IT, "a@x", "");
	roster_settle(&roster, true);
	assert_state("a@x", RECIPIENT_HAS_IT);
}

static void
domains_compare_in_either_case(void **state)
{
	(void)state;
	add(RECIPIENT_HAS_IT, "Bob@Example.com", "");
	add(RECIPIENT_HAS_IT, "\"a@b\"@example.com", "");
	roster_settle(&roster, true);
	assert_state("Bob@example.COM", RECIPIENT_HAS_IT);
	assert_state("bob@example.com", RECIPIENT_IS_OPEN);
	assert_state("Bob@example.co", RECIPIENT_IS_OPEN);
	assert_state("Bob@example.com.", RECIPIENT_IS_OPEN);
	assert_state("\"a@b\"@EXAMPLE.com", RECIPIENT_HAS_IT);
	assert_state("\"a@B\"@example.com", RECIPIENT_IS_OPEN);
	assert_state("", RECIPIENT_IS_OPEN);
}

static void
roster_has_a_limit(void **state)
{
	struct roster_entry entry = { RECIPIENT_HAS_IT, (char *)"a@x", (char *)"" };
	char address[32];

	(void)state;
	for (int i = 0; i < ROSTER_MAX; i++) {
		snprintf(address, sizeof(address), "%d@x", i);
		add(RECIPIENT_HAS_IT, address, "");
	}
	assert_false(roster_add(&roster, &entry));
	roster_settle(&roster, true);
	assert_false(roster_add(&roster, &entry));
	assert_state("0@x", RECIPIENT_HAS_IT);
	assert_state("3999@x", RECIPIENT_HAS_IT);
	assert_state("a@x", RECIPIENT_IS_OPEN);
}

static void
words_are_these(void **state)
{
	static const char *const rows[][2] = {
		{ "bob@example.com", "bob@example.com" },
		{ "\"a b\"@x", "\"a%20b\"@x" },
		{ "100%@x", "100%25@x" },
		{ "a\t\n\x7f@x", "a%09%0A%7F@x" },
		{ "\xc3\xbc@x", "%C3%BC@x" },
		{ "%", "%25" },
	};
	char word[ROSTER_WORD_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(roster_encode(word, rows[i][0]));
		assert_string_equal(word, rows[i][1]);
		assert_true(roster_decode(word));
		assert_string_equal(word, rows[i][0]);
	}
}

static void
longest_address_fits(void **state)
{
	char address[ADDRESS_MAX + 2], word[ROSTER_WORD_MAX] = "before";

	(void)state;
	memset(address, ' ', sizeof(address));
	address[ADDRESS_MAX + 1] = '\0';
	assert_false(roster_encode(word, address));
	assert_false(roster_encode(word, ""));
	assert_string_equal(word, "before");
	address[ADDRESS_MAX] = '\0';
	assert_true(roster_encode(word, address));
	assert_int_equal(strlen(word), ROSTER_WORD_MAX - 1);
	assert_true(roster_decode(word));
	assert_string_equal(word, address);
}

static void
nonsense_is_no_address(void **state)
{
	static const char *const words[] = { "", "%", "%2", "%zz", "a%2", "%0a@x", "%00",
		"%61", "% 1", "%+1", "a b", "\xc3\xbc@x", "a\x7f", "%252%" };
	char word[ROSTER_WORD_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(word, sizeof(word), "%s", words[i]);
		if (roster_decode(word))
			fail_msg("'%s'", words[i]);
	}
	memset(word, 'x', ADDRESS_MAX + 1);
	word[ADDRESS_MAX + 1] = '\0';
	assert_false(roster_decode(word));
	word[ADDRESS_MAX] = '\0';
	assert_true(roster_decode(word));
}

#define roster_test(f) cmocka_unit_test_teardown(f, clear_roster)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		roster_test(fresh_entries_do_not_count),
		roster_test(what_was_sent_settles_all),
		roster_test(nobody_has_what_was_not_sent),
		roster_test(last_word_counts),
		roster_test(domains_compare_in_either_case),
		roster_test(roster_has_a_limit),
		cmocka_unit_test(words_are_these),
		cmocka_unit_test(longest_address_fits),
		cmocka_unit_test(nonsense_is_no_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
