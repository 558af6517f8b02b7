/* Tests of lib/send/dialogue.c: what follows from the replies to recipients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/send/dialogue.h"

static enum status
feed(struct dialogue *d, const char *line, struct error *e)
{
	return dialogue_line(d, line, strlen(line), e);
}

/* A dialogue in which the first recipient has just been named. */
static struct dialogue
at_recipients(const struct dialogue_plan *plan)
{
	struct dialogue d;
	struct error e;

	dialogue_init(&d, plan);
	assert_int_equal(feed(&d, "220 hello", &e), STATUS_OK);
	assert_int_equal(feed(&d, "250 hello", &e), STATUS_OK);
	assert_int_equal(feed(&d, "250 sender", &e), STATUS_OK);
	assert_int_equal(d.stage, STAGE_RCPT);
	return d;
}

static void
counts_recipients(void **state)
{
	struct dialogue_plan plan = { .recipients = 1000 };
	struct dialogue d = at_recipients(&plan);
	struct error e;

	(void)state;
	for (int i = 0; i < 999; i++)
		assert_int_equal(feed(&d, i % 2 ? "250 yes" : "251 yes", &e), STATUS_OK);
	assert_int_equal(d.stage, STAGE_RCPT);
	assert_false(dialogue_refused(&d));
	assert_int_equal(feed(&d, "250 yes", &e), STATUS_OK);
	assert_int_equal(d.stage, STAGE_DATA);
}

/* Some of three are refused, as a man's address was typed wrong: the others get it. */
static void
goes_on_with_the_recipients_taken(void **state)
{
	static const struct {
		const char *line;
		size_t answered, taken;
	} rows[] = {
		{ "550 5.1.1 unknown", 1, 0 },
		{ "250 2.1.5 fine", 2, 1 },
		{ "451 4.7.1 greylisted", 3, 1 },
		{ "550 5.1.1 unknown", 4, 1 },
	};
	const struct dialogue_plan plan = { .recipients = 4 };
	struct dialogue d = at_recipients(&plan);
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(d.stage, STAGE_RCPT);
		assert_int_equal(feed(&d, rows[i].line, &e), STATUS_OK);
		assert_int_equal(d.recipients_answered, rows[i].answered);
		assert_int_equal(d.recipients_taken, rows[i].taken);
		assert_false(dialogue_refused(&d));
	}
	assert_int_equal(d.stage, STAGE_DATA);
	assert_ptr_equal(dialogue_last_word(&d), &d.reply);
	assert_int_equal(feed(&d, "354 go", &e), STATUS_OK);
	assert_int_equal(d.stage, STAGE_BODY);
}

/* Where nobody is taken: whose words tell why. */
static void
ends_without_recipients(void **state)
{
	static const struct {
		const char *lines[3];
		size_t teller;
	} rows[] = {
		{ { "550 5.1.1 a", "551 5.1.1 b", "553 5.1.1 c" }, 0 },
		{ { "451 4.7.1 a", "450 4.7.1 b", "550 5.1.1 c" }, 0 },
		{ { "550 5.1.1 a", "451 4.7.1 b", "450 4.7.1 c" }, 1 },
	};
	const struct dialogue_plan plan = { .recipients = 3 };
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dialogue d = at_recipients(&plan);
		const char *told = rows[i].lines[rows[i].teller];

		for (size_t n = 0; n < 3; n++) {
			assert_false(dialogue_refused(&d));
			assert_int_equal(feed(&d, rows[i].lines[n], &e), STATUS_OK);
		}
		assert_true(dialogue_refused(&d));
		assert_int_equal(d.stage, STAGE_RCPT);
		assert_int_equal(d.excuse_of, rows[i].teller);
		assert_ptr_equal(dialogue_last_word(&d), &d.excuse);
		assert_int_equal(d.excuse.stage, STAGE_RCPT);
		assert_int_equal(d.excuse.code, (int)strtol(told, NULL, 10));
		assert_string_equal(d.excuse.text, told + strlen("550 5.1.1 "));
		assert_int_equal(feed(&d, "221 bye", &e), STATUS_OK);
		assert_ptr_equal(dialogue_last_word(&d), &d.excuse);
	}
}

/* What is said to one recipient and means the account, the server or the message: nobody
 * gets anything, also where somebody was taken before. */
static void
ends_at_what_concerns_all(void **state)
{
	static const char *const lines[] = { "421 4.3.2 closing", "421 bye",
		"432 4.3.2 too many connections", "530 5.7.57 not authenticated",
		"552 5.3.4 too large", "354 what", "334 what" };
	const struct dialogue_plan plan = { .recipients = 2 };
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct dialogue d = at_recipients(&plan);

		assert_int_equal(feed(&d, i % 2 ? "550 5.1.1 no" : "250 yes", &e), 0);
		assert_int_equal(feed(&d, lines[i], &e), STATUS_OK);
		if (!dialogue_refused(&d))
			fail_msg("%s: goes on", lines[i]);
		assert_int_equal(d.stage, STAGE_RCPT);
		assert_int_equal(d.recipients_answered, 1);
		assert_ptr_equal(dialogue_last_word(&d), &d.reply);
		assert_int_equal(d.reply.code, (int)strtol(lines[i], NULL, 10));
	}
}

/* What a relay may have passed on from the recipient's server: the other one gets it. */
static void
goes_on_at_what_a_relay_passes_on(void **state)
{
	static const char *const lines[] = { "454 Throttling failure: Daily quota",
		"451 4.7.500 busy", "550 5.1.90 too many today", "550 5.2.252 blocked",
		"550 5.7.606 banned", "550 5.7.705 tenant" };
	const struct dialogue_plan plan = { .recipients = 2 };
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct dialogue d = at_recipients(&plan);

		assert_int_equal(feed(&d, "250 yes", &e), STATUS_OK);
		assert_int_equal(feed(&d, lines[i], &e), STATUS_OK);
		if (dialogue_refused(&d))
			fail_msg("%s: ends", lines[i]);
		assert_int_equal(d.recipients_taken, 1);
		assert_int_equal(d.stage, STAGE_DATA);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_recipients),
		cmocka_unit_test(goes_on_with_the_recipients_taken),
		cmocka_unit_test(ends_without_recipients),
		cmocka_unit_test(ends_at_what_concerns_all),
		cmocka_unit_test(goes_on_at_what_a_relay_passes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
