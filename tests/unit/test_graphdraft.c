/* Tests of lib/send/graphdraft.c. */
#include "tests/unit/graph_rig.h"

static void
what_is_sent_to_others_is_not_found(void **state)
{
	struct scene s = scene();

	(void)state;
	script("\"mailbox\": [{\"id\": \"" ID "\", \"draft\": false, \"to\": "
	       "[\"a@example.com\", \"c@example.com\"]}]");
	s.find = true;
	assert_sent(&s, "search get sendmail");
	assert_false(s.receipt.found);
}

/* A draft that an earlier attempt left is filled and sent. */
static void
a_draft_is_taken_up(void **state)
{
	static const struct {
		const char *fault, *first, *then;
	} cases[] = {
		{ "\"create\": [\"effect-then-close\"]", "search create",
		    "search get list attach session put put send" },
		{ "\"attach\": [\"effect-then-close\"]", "search create attach",
		    "search get list session put put send" },
		{ "\"attach\": [\"half\"]", "search create attach",
		    "search get list attach session put put send" },
		{ "\"send\": [\"reset\"]", DRAFT, "search get list send" },
		{ "\"send\": [\"503 ErrorServerBusy\"]", DRAFT, "search get list send" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene s = large();
		char text[KB];

		snprintf(text, sizeof(text), "\"faults\": {%s}", cases[i].fault);
		script(text);
		assert_ends(&s, STATUS_RETRY, VERDICT_WAIT, cases[i].first);
		snprintf(text, sizeof(text), "%s %s", cases[i].first, cases[i].then);
		s.find = true;
		assert_sent(&s, text);
		assert_int_equal(drafts(), 0);
		end(&s);
	}
}

/* Drafts that are not ours, or not any more, are deleted and not sent. */
static void
other_drafts_are_not_sent(void **state)
{
	static const struct {
		const char *mailbox, *steps;
	} cases[] = {
		{ "\"to\": [\"a@example.com\"]", "search get delete" },
		{ "\"to\": [\"a@example.com\", \"b@example.com\", \"c@example.com\"]",
		    "search get delete" },
		{ "\"to\": [\"a@example.com\", \"b@example.com\"], \"attachments\": "
		  "[[\"Other.pdf\", 100]]",
		    "search get list delete" },
		{ "\"to\": [\"a@example.com\", \"b@example.com\"], \"attachments\": "
		  "[[\"Gro\\u00df.pdf\", 5242887], [\"Gro\\u00df.pdf\", 5242887]]",
		    "search get list delete" },
		{ "\"to\": [\"a@example.com\", \"b@example.com\"], \"attachments\": "
		  "[[\"Gro\\u00df.pdf\", 5000000]]",
		    "search get list delete" },
		{ "\"to\": [\"a@example.com\", \"b@example.com\"], \"attachments\": "
		  "[[\"Gro\\u00df.pdf\", 5310000]]",
		    "search get list delete" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene s = large();
		char text[KB];

		snprintf(text, sizeof(text), "\"mailbox\": [{\"id\": \"" ID "\", %s}]",
		    cases[i].mailbox);
		script(text);
		snprintf(text, sizeof(text), "%s create attach session put put send",
		    cases[i].steps);
		assert_sent(&s, text);
		assert_int_equal(drafts(), 0);
		end(&s);
	}
}

/* A mailbox that cannot be looked at is not an empty one. */
static void
what_cannot_be_read_is_not_taken_for_nothing(void **state)
{
	static const char *const nonsense[] = { "{\"raw\": \"<html>\"}",
		"{\"raw\": \"\"}", "{\"raw\": \"{}\"}",
		"{\"raw\": \"{\\\"value\\\": {}}\"}",
		"{\"raw\": \"{\\\"toRecipients\\\": 1}\"}" };
	static const struct {
		const char *step, *draft, *steps;
	} cases[] = {
		{ "search", "false", "search" },
		{ "get", "false", "search get" },
		{ "list", "true", "search get list" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t n = 0; n < sizeof(nonsense) / sizeof(nonsense[0]); n++) {
			struct scene s = scene();
			char text[KB];

			snprintf(text, sizeof(text),
			    "\"mailbox\": [{\"id\": \"" ID "\", \"draft\": %s, \"to\": "
			    "[\"a@example.com\", \"b@example.com\"]}], \"faults\": "
			    "{\"%s\": [%s]}",
			    cases[i].draft, cases[i].step, nonsense[n]);
			script(text);
			s.find = true;
			assert_ends(&s, STATUS_RETRY, VERDICT_WAIT, cases[i].steps);
			assert_int_equal(s.commits, 0);
		}
}

/* What may be the message, sent, is shown by another answer or at another time. */
static void
what_is_not_shown_is_not_taken_for_nothing(void **state)
{
	static const char *const refusals[] = { "400 ErrorInvalidRequest",
		"403 ErrorAccessDenied", "503 ErrorServerBusy" };

	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct scene s = scene();
		char text[KB];

		snprintf(text, sizeof(text),
		    "\"mailbox\": [{\"id\": \"" ID "\", \"draft\": false, \"to\": "
		    "[\"a@example.com\", \"b@example.com\"]}], \"faults\": {\"get\": "
		    "[\"%s\"]}",
		    refusals[i]);
		script(text);
		s.find = true;
		assert_ends(&s, STATUS_RETRY, VERDICT_WAIT, "search get");
		assert_int_equal(play(&s), STATUS_OK);
		assert_true(s.receipt.found);
	}
}

static void
ids_that_cannot_be_used(void **state)
{
	static const char *const ids[] = { "\\\"\\\"", "\\\".\\\"", "\\\"..\\\"", "5",
		"null" };

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct scene s = scene(), l = large();
		char text[KB];

		snprintf(text, sizeof(text),
		    "\"faults\": {\"search\": [{\"raw\": \"{\\\"value\\\": [{\\\"id\\\": "
		    "%s}]}\"}]}",
		    ids[i]);
		script(text);
		s.find = true;
		assert_ends(&s, STATUS_RETRY, VERDICT_WAIT, "search");
		snprintf(text, sizeof(text),
		    "\"faults\": {\"create\": [{\"raw\": \"{\\\"id\\\": %s}\"}]}",
		    ids[i]);
		script(text);
		assert_ends(&l, STATUS_RETRY, VERDICT_WAIT, "search create");
		assert_sent(
		    &l, "search create search get list attach session put put send");
		end(&l);
	}
}

static void
one_of_several_drafts_is_sent(void **state)
{
	struct scene s = scene();

	(void)state;
	script("\"mailbox\": [{\"id\": \"" ID "\", \"to\": [\"a@example.com\", "
	       "\"b@example.com\"]}, {\"id\": \"" ID "\", \"to\": [\"a@example.com\", "
	       "\"b@example.com\"]}, {\"id\": \"other@example.com\"}]");
	s.find = true;
	assert_int_equal(play(&s), STATUS_OK);
	assert_int_equal(drafts(), 1); /* the stranger's */
	assert_true(asked("delete", "path", "/messages/"));
}

static void
what_can_never_be_sent_leaves_no_draft(void **state)
{
	struct scene s = large();

	(void)state;
	script("\"message_max\": 5000000");
	assert_ends(&s, STATUS_REFUSED, VERDICT_TOO_LARGE, DRAFT " delete");
	assert_int_equal(drafts(), 0);
	assert_int_equal(s.settlements, 1);
	assert_int_equal(s.settled.verdict, VERDICT_TOO_LARGE);
	end(&s);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_sent_to_others_is_not_found),
		cmocka_unit_test(a_draft_is_taken_up),
		cmocka_unit_test(other_drafts_are_not_sent),
		cmocka_unit_test(what_cannot_be_read_is_not_taken_for_nothing),
		cmocka_unit_test(what_is_not_shown_is_not_taken_for_nothing),
		cmocka_unit_test(ids_that_cannot_be_used),
		cmocka_unit_test(one_of_several_drafts_is_sent),
		cmocka_unit_test(what_can_never_be_sent_leaves_no_draft),
	};

	return cmocka_run_group_tests(tests, start_fake, end_fake);
}
