/* Tests of lib/send/graphreplies.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/send/graphreplies.h"

static const struct {
	enum graph_deed deed;
	int code;
	const char *error;
	enum verdict verdict;
	const char *advice; /* in it; or NULL */
} cases[] = {
	{ GRAPH_SENDING, 401, "InvalidAuthenticationToken", VERDICT_LOGIN,
	    "postroom login" },
	{ GRAPH_DRAFTING, 401, NULL, VERDICT_LOGIN, NULL },
	{ GRAPH_UPLOADING, 401, NULL, VERDICT_WAIT, NULL },
	{ GRAPH_UPLOADING, 404, "ErrorItemNotFound", VERDICT_WAIT, NULL },
	{ GRAPH_UPLOADING, 416, NULL, VERDICT_WAIT, NULL },
	{ GRAPH_UPLOADING, 503, NULL, VERDICT_WAIT, "of its own" },
	{ GRAPH_UPLOADING, 429, NULL, VERDICT_THROTTLED, NULL },
	{ GRAPH_UPLOADING, 400, "ErrorMessageSizeExceeded", VERDICT_TOO_LARGE, NULL },
	{ GRAPH_SENDING, 403, "ErrorSendAsDenied", VERDICT_SETTINGS, "Send As" },
	{ GRAPH_SENDING, 403, "errorsendasdenied", VERDICT_SETTINGS, "Send As" },
	{ GRAPH_SENDING, 500, "ErrorSendAsDenied", VERDICT_SETTINGS, "Send As" },
	{ GRAPH_SENDING, 403, "ErrorAccessDenied", VERDICT_SETTINGS,
	    "give it Mail.Send" },
	{ GRAPH_DRAFTING, 403, "ErrorAccessDenied", VERDICT_SETTINGS,
	    "Mail.ReadWrite, or messages over 2 MB cannot be sent" },
	{ GRAPH_DRAFTING, 403, NULL, VERDICT_SETTINGS, "Mail.ReadWrite" },
	{ GRAPH_SENDING, 403, "Authorization_RequestDenied", VERDICT_SETTINGS,
	    "Mail.Send" },
	{ GRAPH_SENDING, 404, "MailboxNotEnabledForRESTAPI", VERDICT_SETTINGS,
	    "licence" },
	{ GRAPH_SENDING, 404, "ErrorInvalidUser", VERDICT_SETTINGS, "username" },
	{ GRAPH_DRAFTING, 404, "ErrorItemNotFound", VERDICT_WAIT, "draft" },
	{ GRAPH_SENDING, 404, NULL, VERDICT_SETTINGS, "graph_url" },
	{ GRAPH_SENDING, 301, NULL, VERDICT_SETTINGS, "graph_url" },
	{ GRAPH_SENDING, 407, NULL, VERDICT_SETTINGS, "graph_url" },
	{ GRAPH_SENDING, 413, "RequestEntityTooLarge", VERDICT_TOO_LARGE, NULL },
	{ GRAPH_SENDING, 413, NULL, VERDICT_TOO_LARGE, NULL },
	{ GRAPH_SENDING, 400, "ErrorMessageSizeExceeded", VERDICT_TOO_LARGE, NULL },
	{ GRAPH_SENDING, 429, "ApplicationThrottled", VERDICT_THROTTLED, NULL },
	{ GRAPH_SENDING, 429, "ErrorExceededMessageLimit", VERDICT_QUOTA, NULL },
	{ GRAPH_SENDING, 400, "ErrorSubmissionQuotaExceeded", VERDICT_QUOTA, NULL },
	{ GRAPH_SENDING, 403, "ErrorMessageSubmissionBlocked", VERDICT_SETTINGS,
	    "blocked" },
	{ GRAPH_SENDING, 403, "ErrorAccountSuspend", VERDICT_SETTINGS, "blocked" },
	{ GRAPH_SENDING, 507, "ErrorQuotaExceeded", VERDICT_SETTINGS, "mailbox is full" },
	{ GRAPH_SENDING, 400, "ErrorInvalidRecipients", VERDICT_MESSAGE, "recipient" },
	{ GRAPH_SENDING, 400, "ErrorMimeContentInvalidBase64String", VERDICT_MESSAGE,
	    "report" },
	{ GRAPH_SENDING, 400, "ErrorNobodyKnows", VERDICT_MESSAGE, NULL },
	{ GRAPH_SENDING, 500, NULL, VERDICT_WAIT, NULL },
	{ GRAPH_SENDING, 503, "ErrorServerBusy", VERDICT_WAIT, NULL },
	{ GRAPH_SENDING, 504, "UnknownError", VERDICT_WAIT, NULL },
	{ GRAPH_SENDING, 409, NULL, VERDICT_WAIT, NULL },
	{ GRAPH_SENDING, 200, NULL, VERDICT_WAIT, NULL },
	{ GRAPH_SENDING, 0, NULL, VERDICT_WAIT, NULL },
	{ GRAPH_SENDING, -5, "", VERDICT_WAIT, NULL },
	{ GRAPH_SENDING, 99999, NULL, VERDICT_WAIT, NULL },
};

static void
each_refusal_has_its_verdict(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct graph_refusal r = { .deed = cases[i].deed,
			.code = cases[i].code,
			.error = cases[i].error };
		struct reply_class class = graph_classify(&r);
		struct error e;

		if (class.verdict != cases[i].verdict)
			fail_msg("case %zu: %s", i, verdict_name(class.verdict));
		if (cases[i].advice && !strstr(class.advice, cases[i].advice))
			fail_msg("case %zu: %s", i, class.advice);
		assert_int_equal(graph_explain(&r, &e), verdict_status(class.verdict));
		assert_int_equal(strncmp(e.text, class.advice, 20), 0);
	}
}

static void
what_it_said_stands_in_the_reply(void **state)
{
	struct graph_refusal r = { .code = 403,
		.error = "ErrorSendAsDenied",
		.message = "The user may not.",
		.request = "abc-1" };
	struct reply reply;
	struct error e;

	(void)state;
	graph_reply(&reply, &r);
	assert_int_equal(reply.stage, STAGE_BODY);
	assert_int_equal(reply.code, 403);
	assert_string_equal(reply.enhanced, "");
	assert_string_equal(reply.text, "ErrorSendAsDenied: The user may not. [abc-1]");
	assert_int_equal(graph_explain(&r, &e), STATUS_SETTINGS);
	assert_non_null(strstr(e.text,
	    " (Microsoft Graph said: 403 ErrorSendAsDenied: The user may not. [abc-1])"));
	r.error = NULL;
	graph_reply(&reply, &r);
	assert_string_equal(reply.text, "The user may not. [abc-1]");
	r.message = "";
	graph_reply(&reply, &r);
	assert_string_equal(reply.text, "[abc-1]");
	r.request = NULL;
	r.error = "ErrorX";
	graph_reply(&reply, &r);
	assert_string_equal(reply.text, "ErrorX");
	r.error = NULL;
	graph_reply(&reply, &r);
	assert_string_equal(reply.text, "");
	graph_explain(&r, &e);
	assert_non_null(strstr(e.text, "(Microsoft Graph said: 403)"));
}

static void
the_login_is_meant_by_401_alone(void **state)
{
	struct graph_refusal r = { .code = 401 };
	struct reply reply;

	(void)state;
	graph_reply(&reply, &r);
	assert_int_equal(reply.stage, STAGE_AUTH);
	r.deed = GRAPH_DRAFTING;
	graph_reply(&reply, &r);
	assert_int_equal(reply.stage, STAGE_AUTH);
	r.deed = GRAPH_UPLOADING;
	graph_reply(&reply, &r);
	assert_int_equal(reply.stage, STAGE_BODY);
	r.deed = GRAPH_SENDING;
	r.code = 403;
	graph_reply(&reply, &r);
	assert_int_equal(reply.stage, STAGE_BODY);
}

static void
words_of_any_length(void **state)
{
	char many[5000];
	const struct graph_refusal r = {
		.code = 400, .error = many, .message = many, .request = many
	};
	struct reply reply;
	struct error e;

	(void)state;
	memset(many, 'A', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	graph_reply(&reply, &r);
	assert_true(strlen(reply.text) < REPLY_TEXT_MAX);
	assert_int_equal(reply.text[strlen(reply.text) - 1], ']');
	assert_int_equal(graph_explain(&r, &e), STATUS_REFUSED);
	assert_int_equal(e.text[strlen(e.text) - 1], ')');
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_refusal_has_its_verdict),
		cmocka_unit_test(what_it_said_stands_in_the_reply),
		cmocka_unit_test(the_login_is_meant_by_401_alone),
		cmocka_unit_test(words_of_any_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
