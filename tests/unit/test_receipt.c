/* Tests of lib/send/receipt.c: what a job believes of its submission. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/send/receipt.h"

enum {
	RECIPIENTS = 2,
	LIMIT = 5000,
};

/* A dialogue that stands at a stage, its last reply given there. */
static struct dialogue
at(enum stage stage, int code)
{
	return (struct dialogue){
		.plan = { .recipients = RECIPIENTS },
		.stage = stage,
		.committed = stage >= STAGE_BODY,
		.greeted = stage > STAGE_EHLO,
		.authenticated = stage > STAGE_AUTH,
		.size_limit = LIMIT,
		.reply = { .stage = stage, .code = code },
	};
}

static void
starts_with_nothing(void **state)
{
	struct delivery delivery[RECIPIENTS];
	struct receipt receipt;

	(void)state;
	memset(&receipt, 0xff, sizeof(receipt));
	memset(delivery, 0xff, sizeof(delivery));
	receipt.delivery = delivery;
	receipt_clear(&receipt, RECIPIENTS);
	assert_int_equal(receipt.reply.code, 0);
	assert_int_equal(receipt.verdict, VERDICT_WAIT);
	assert_false(
	    receipt.uncertain || receipt.unreachable || receipt.greeted || receipt.found);
	assert_ptr_equal(receipt.delivery, delivery);
	for (size_t i = 0; i < RECIPIENTS; i++) {
		assert_int_equal(delivery[i].verdict, VERDICT_WAIT);
		assert_string_equal(delivery[i].text, "");
	}
}

static void
notes_what_recipients_are_told(void **state)
{
	static const struct {
		struct reply reply;
		enum verdict verdict;
		const char *text;
	} rows[] = {
		{ { STAGE_RCPT, 250, "2.1.5", "fine" }, VERDICT_SENT, "250 2.1.5 fine" },
		{ { STAGE_RCPT, 251, "", "" }, VERDICT_SENT, "251 " },
		{ { STAGE_RCPT, 550, "5.1.1", "who?" }, VERDICT_RECIPIENT,
		    "550 5.1.1 who?" },
		{ { STAGE_RCPT, 451, "", "later" }, VERDICT_RECIPIENT_LATER,
		    "451 later" },
	};
	struct delivery delivery[RECIPIENTS];
	struct receipt receipt = { .delivery = delivery };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		receipt_clear(&receipt, RECIPIENTS);
		receipt_note(&receipt, 1, &rows[i].reply);
		assert_int_equal(delivery[1].verdict, rows[i].verdict);
		assert_string_equal(delivery[1].text, rows[i].text);
		assert_int_equal(delivery[0].verdict, VERDICT_WAIT);
	}
}

static void
cuts_long_words(void **state)
{
	struct delivery delivery[1];
	struct receipt receipt = { .delivery = delivery };
	struct reply reply = { .stage = STAGE_RCPT, .code = 550 };

	(void)state;
	memset(reply.text, 'x', sizeof(reply.text) - 1);
	snprintf(reply.enhanced, sizeof(reply.enhanced), "5.123.45678");
	receipt_note(&receipt, 0, &reply);
	assert_in_range(
	    strlen(delivery[0].text), DELIVERY_TEXT_MAX / 2, DELIVERY_TEXT_MAX - 1);
	assert_memory_equal(delivery[0].text, "550 5.123.45678 xx", 18);
}

/* The verdict is the refusal's where there is one, else what the status leaves. */
static void
finds_the_verdict(void **state)
{
	static const struct {
		enum stage stage;
		int code;
		bool refused;
		enum status status;
		enum verdict verdict;
		bool uncertain;
	} rows[] = {
		{ STAGE_DONE, 250, false, STATUS_OK, VERDICT_SENT, false },
		{ STAGE_BODY, 550, true, STATUS_REFUSED, VERDICT_MESSAGE, false },
		{ STAGE_BODY, 552, true, STATUS_REFUSED, VERDICT_TOO_LARGE, false },
		{ STAGE_BODY, 354, false, STATUS_RETRY, VERDICT_WAIT, true },
		{ STAGE_AUTH, 535, true, STATUS_RETRY, VERDICT_LOGIN, false },
		{ STAGE_MAIL, 550, true, STATUS_SETTINGS, VERDICT_SETTINGS, false },
		{ STAGE_MAIL, 432, true, STATUS_RETRY, VERDICT_THROTTLED, false },
		/* broken off: what the last reply means does not matter */
		{ STAGE_EHLO, 250, false, STATUS_SETTINGS, VERDICT_SETTINGS, false },
		{ STAGE_EHLO, 250, false, STATUS_REFUSED, VERDICT_TOO_LARGE, false },
		{ STAGE_EHLO, 220, false, STATUS_RETRY, VERDICT_WAIT, false },
		{ STAGE_AUTH, 535, true, STATUS_CANCELLED, VERDICT_WAIT, false },
		{ STAGE_AUTH, 334, false, STATUS_RETRY, VERDICT_WAIT, false },
		{ STAGE_GREETING, 0, false, STATUS_RETRY, VERDICT_WAIT, false },
	};
	struct receipt receipt = { .delivery = NULL };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dialogue d = at(rows[i].stage, rows[i].code);

		d.refused = rows[i].refused;
		receipt_fill(&receipt, &d, rows[i].status);
		if (receipt.verdict != rows[i].verdict)
			fail_msg("row %zu: %s", i, verdict_name(receipt.verdict));
		assert_int_equal(receipt.uncertain, rows[i].uncertain);
		assert_int_equal(receipt.reply.code, rows[i].code);
	}
}

static void
tells_the_excuse_where_nobody_is_taken(void **state)
{
	struct dialogue d = at(STAGE_RCPT, 550);
	struct receipt receipt = { .delivery = NULL };

	(void)state;
	d.refused = true;
	d.recipients_answered = RECIPIENTS;
	d.excuse = (struct reply){ .stage = STAGE_RCPT, .code = 451 };
	receipt_fill(&receipt, &d, STATUS_RETRY);
	assert_int_equal(receipt.verdict, VERDICT_RECIPIENT_LATER);
	assert_int_equal(receipt.reply.code, 451);
	d.recipients_taken = 1;
	receipt_fill(&receipt, &d, STATUS_REFUSED);
	assert_int_equal(receipt.verdict, VERDICT_RECIPIENT);
	assert_int_equal(receipt.reply.code, 550);
}

/* What the server said of itself; a limit told in clear text before TLS is none. */
static void
knows_how_far_it_came(void **state)
{
	struct receipt receipt = { .unreachable = true };
	struct dialogue d = at(STAGE_EHLO, 220);

	(void)state;
	receipt_fill(&receipt, &d, STATUS_RETRY);
	assert_false(receipt.greeted);
	assert_int_equal(receipt.size_limit, 0);
	assert_true(receipt.unreachable); /* not the dialogue's to tell */
	d = at(STAGE_AUTH, 535);
	receipt_fill(&receipt, &d, STATUS_RETRY);
	assert_true(receipt.greeted);
	assert_int_equal(receipt.size_limit, LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_with_nothing),
		cmocka_unit_test(notes_what_recipients_are_told),
		cmocka_unit_test(cuts_long_words),
		cmocka_unit_test(finds_the_verdict),
		cmocka_unit_test(tells_the_excuse_where_nobody_is_taken),
		cmocka_unit_test(knows_how_far_it_came),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
