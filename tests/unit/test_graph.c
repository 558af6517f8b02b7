/* Tests of lib/send/graph.c: which way a message goes, and the commit point. */
#include "tests/unit/graph_rig.h"

static void
small_goes_in_one_request(void **state)
{
	struct scene s = scene();

	(void)state;
	script("");
	add_document(&s, "Scan.pdf", 1000);
	add_document(&s, "Scan (2).pdf", 100 * KB + 1);
	assert_sent(&s, "sendmail");
	assert_int_equal(s.commits, 1);
	assert_int_equal(s.receipt.reply.code, 202);
	assert_non_null(strstr(s.receipt.reply.text, "[request-"));
	assert_false(s.receipt.found);
	assert_true(asked("sendmail", "path", "/v1.0/me/sendMail"));
	assert_true(asked("sendmail", "type", "text/plain"));
	assert_true(asked("sendmail", "prefer", "IdType=\"ImmutableId\""));
	end(&s);
}

static void
an_application_names_the_mailbox(void **state)
{
	struct scene s = scene();

	(void)state;
	script("");
	s.account.auth = AUTH_OAUTH_APP;
	assert_sent(&s, "sendmail");
	assert_true(
	    asked("sendmail", "path", "/v1.0/users/scanner%40example.com/sendMail"));
}

/* The message whose base64 just fits, and the one that is a byte larger. */
static void
the_largest_small_one(void **state)
{
	(void)state;
	for (size_t more = 0; more < 2; more++) {
		struct scene s = scene();
		size_t size = 2200 * KB, over;

		script("");
		add_document(&s, "Scan.pdf", size);
		play(&s);
		over = s.size > GRAPH_MIME_MAX ? 0 : GRAPH_MIME_MAX - (size_t)s.size;
		end(&s);
		s = scene();
		add_document(&s, "Scan.pdf", size + over / 78 * 57 + more * 57 * 2);
		script("");
		assert_sent(&s, more ? "search create attach send" : "sendmail");
		end(&s);
	}
}

static void
large_goes_as_a_draft(void **state)
{
	struct scene s = large();

	(void)state;
	script("");
	assert_sent(&s, DRAFT);
	assert_int_equal(s.commits, 1);
	assert_int_equal(drafts(), 0);
	assert_int_equal(s.sent, s.size);
	assert_false(s.goes_back);
	assert_true(asked("put", "range", "bytes 0-3932159/5242887"));
	assert_true(asked("put", "range", "bytes 3932160-5242886/5242887"));
	assert_true(asked("put", "where", "upload"));
	assert_false(asked("put", "bearer", "t"));
	assert_true(asked("send", "path", "%2B")); /* ids have a '+', '/' and '=' */
	assert_false(asked("send", "path", "+"));
	end(&s);
}

static void
refusals(void **state)
{
	static const struct {
		const char *fault;
		enum status status;
		enum verdict verdict;
	} cases[] = {
		{ "403 ErrorSendAsDenied", STATUS_SETTINGS, VERDICT_SETTINGS },
		{ "403 ErrorAccessDenied", STATUS_SETTINGS, VERDICT_SETTINGS },
		{ "404 MailboxNotEnabledForRESTAPI", STATUS_SETTINGS, VERDICT_SETTINGS },
		{ "500 ErrorInternalServerError", STATUS_RETRY, VERDICT_WAIT },
		{ "413 ErrorMessageSizeExceeded", STATUS_REFUSED, VERDICT_TOO_LARGE },
		{ "400 ErrorInvalidRecipients", STATUS_REFUSED, VERDICT_MESSAGE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene s = scene();
		char text[KB];

		snprintf(text, sizeof(text), "\"faults\": {\"sendmail\": \"%s\"}",
		    cases[i].fault);
		script(text);
		assert_ends(&s, cases[i].status, cases[i].verdict, "sendmail");
		assert_int_equal(s.settlements, 1);
		assert_int_equal(s.receipt.size_limit,
		    cases[i].verdict == VERDICT_TOO_LARGE ? s.size / 2 : 0);
	}
}

static void
no_permission_for_drafts(void **state)
{
	struct scene s = large(), small = scene();

	(void)state;
	script("\"may\": [\"send\"]");
	assert_ends(&s, STATUS_SETTINGS, VERDICT_SETTINGS, "search create");
	assert_non_null(strstr(s.e.text, "Mail.ReadWrite"));
	assert_int_equal(s.settlements, 0);
	end(&s);
	script("\"may\": [\"send\"]");
	small.find = true;
	assert_sent(&small, "search sendmail");
}

/* 200 says yes, and sends nothing: it has been seen. */
static void
small_that_is_too_large_goes_as_a_draft(void **state)
{
	static const char *const oversize[] = { "413", "200" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct scene s = scene();
		char text[KB];

		snprintf(text, sizeof(text),
		    "\"request_max\": 200000, \"oversize\": %s, \"session_min\": 100000",
		    oversize[i]);
		script(text);
		add_document(&s, "Scan.pdf", 130 * KB);
		s.bare_is_sent = true;
		assert_sent(&s, "sendmail search create attach send");
		assert_int_equal(s.commits, 1); /* although there are two forms */
		end(&s);
	}
}

/* Between the two forms it is known that nothing was sent. */
static void
small_that_is_too_large_and_then_no_draft(void **state)
{
	struct scene s = scene();

	(void)state;
	script("\"faults\": {\"sendmail\": \"413 RequestEntityTooLarge\", "
	       "\"create\": \"503 ErrorServerBusy\"}");
	assert_ends(&s, STATUS_RETRY, VERDICT_WAIT, "sendmail search create");
	assert_int_equal(s.commits, 1);
	assert_int_equal(s.settlements, 1);
	assert_int_equal(s.settled.verdict, VERDICT_WAIT);
	assert_false(s.receipt.uncertain);
	script("\"may\": [\"send\"], \"faults\": {\"sendmail\": \"413 \"}");
	assert_ends(&s, STATUS_SETTINGS, VERDICT_SETTINGS, "sendmail search create");
	assert_int_equal(s.settlements, 1);
	script("\"faults\": {\"sendmail\": \"413 \", \"send\": \"effect-then-close\"}");
	assert_int_equal(play(&s), STATUS_RETRY);
	assert_true(s.receipt.uncertain);
	assert_int_equal(s.commits, 1);
	assert_int_equal(s.settlements, 0);
}

static void
held_back(void **state)
{
	struct scene s = scene();

	(void)state;
	script("");
	s.hold_back = true;
	assert_ends(&s, STATUS_RETRY, VERDICT_WAIT, "");
	assert_int_equal(s.commits, 1);
	assert_int_equal(s.settlements, 0);
	assert_false(s.receipt.uncertain);
}

/* It took effect, and nobody said so: the next attempt finds it. */
static void
sent_without_an_answer(void **state)
{
	static const char *const faults[] = { "\"effect-then-close\"",
		"{\"status\": 504, \"error\": \"UnknownError\", \"effect\": true}",
		"{\"status\": 500, \"raw\": \"<html>\", \"effect\": true}" };

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct scene s = scene();
		char text[KB];

		snprintf(
		    text, sizeof(text), "\"faults\": {\"sendmail\": [%s]}", faults[i]);
		script(text);
		assert_int_equal(play(&s), STATUS_RETRY);
		assert_true(s.receipt.uncertain);
		assert_int_equal(s.commits, 1);
		assert_int_equal(s.settlements, 0);

		s.find = true;
		assert_sent(&s, "sendmail search get");
		assert_true(s.receipt.found);
		assert_int_equal(s.commits, 0);
		assert_true(s.settled.found);
	}
}

static void
a_connection_that_ends_before(void **state)
{
	struct scene s = scene();

	(void)state;
	script("\"faults\": {\"sendmail\": [\"half\"]}");
	add_document(&s, "Scan.pdf", 2 * MB);
	assert_ends(&s, STATUS_RETRY, VERDICT_WAIT, "sendmail");
	s.find = true;
	assert_sent(&s, "sendmail search sendmail");
	end(&s);
}

static void
stopped_on_the_way(void **state)
{
	struct scene s = large();

	(void)state;
	script("");
	s.stop_at = STAGE_BODY;
	assert_int_equal(play(&s), STATUS_CANCELLED);
	assert_int_equal(s.commits, 0);
	assert_int_equal(s.settlements, 0);
	assert_false(s.receipt.uncertain);
	assert_int_equal(drafts(), 0);
	end(&s);
}

/* What was stopped after an earlier attempt's draft was found leaves that neither. */
static void
stopped_with_an_older_draft(void **state)
{
	struct scene s = large();

	(void)state;
	script("\"faults\": {\"send\": [\"reset\"], \"list\": [null]}");
	assert_int_equal(play(&s), STATUS_RETRY);
	assert_int_equal(drafts(), 1);
	add_document(&s, "Third.pdf", 1 * MB);
	s.stop_at = STAGE_BODY;
	assert_int_equal(play(&s), STATUS_CANCELLED);
	assert_int_equal(drafts(), 0);
	end(&s);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_goes_in_one_request),
		cmocka_unit_test(an_application_names_the_mailbox),
		cmocka_unit_test(the_largest_small_one),
		cmocka_unit_test(large_goes_as_a_draft),
		cmocka_unit_test(refusals),
		cmocka_unit_test(no_permission_for_drafts),
		cmocka_unit_test(small_that_is_too_large_goes_as_a_draft),
		cmocka_unit_test(small_that_is_too_large_and_then_no_draft),
		cmocka_unit_test(held_back),
		cmocka_unit_test(sent_without_an_answer),
		cmocka_unit_test(a_connection_that_ends_before),
		cmocka_unit_test(stopped_on_the_way),
		cmocka_unit_test(stopped_with_an_older_draft),
	};

	return cmocka_run_group_tests(tests, start_fake, end_fake);
}
