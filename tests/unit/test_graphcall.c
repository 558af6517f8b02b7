/* Tests of lib/send/graphcall.c. */
#include "lib/send/graphcall.h"
#include "tests/unit/graph_rig.h"

static void
a_refused_token(void **state)
{
	struct scene s = scene();

	(void)state;
	script("");
	s.token = "another-token-of-length-0123456789";
	assert_ends(&s, STATUS_RETRY, VERDICT_LOGIN, "sendmail");
	assert_int_equal(s.receipt.reply.stage, STAGE_AUTH);
	assert_int_equal(s.receipt.reply.code, 401);
	assert_false(s.logged_in);
	assert_int_equal(s.settlements, 1);
	assert_int_equal(s.settled.verdict, VERDICT_LOGIN);
	assert_false(s.receipt.uncertain);
}

static void
no_token_is_repeated(void **state)
{
	struct scene s = scene();

	(void)state;
	script("\"faults\": {\"sendmail\": {\"status\": 400, \"error\": \"Bad\", "
	       "\"message\": \"what is Bearer " TOKEN "?\"}}");
	assert_ends(&s, STATUS_REFUSED, VERDICT_MESSAGE, "sendmail");
	assert_non_null(strstr(s.receipt.reply.text, "left out"));
	assert_null(strstr(s.e.text, "7f3a9c0d15e24b68"));
}

static void
throttled_with_retry_after(void **state)
{
	struct scene s = scene();

	(void)state;
	script("\"faults\": {\"sendmail\": {\"status\": 429, \"error\": "
	       "\"ApplicationThrottled\", \"headers\": {\"Retry-After\": \"77\"}}}");
	assert_ends(&s, STATUS_RETRY, VERDICT_THROTTLED, "sendmail");
	assert_int_equal(s.receipt.retry_after, 77);
	assert_false(s.logged_in); /* a gate in front of the service knows no token */
	script("\"faults\": {\"sendmail\": {\"status\": 503, \"error\": "
	       "\"ErrorServerBusy\", \"headers\": {\"Retry-After\": \"9\"}}}");
	assert_ends(&s, STATUS_RETRY, VERDICT_WAIT, "sendmail");
	assert_int_equal(s.receipt.retry_after, 9);
	assert_false(s.receipt.uncertain);
	assert_int_equal(s.settlements, 1);
}

static void
nobody_home(void **state)
{
	struct scene s = scene();

	(void)state;
	snprintf(s.graph_url, sizeof(s.graph_url), "https://127.0.0.1:1/v1.0");
	assert_int_equal(play(&s), STATUS_RETRY);
	assert_true(s.receipt.unreachable);
	assert_int_equal(s.commits, 0);
	assert_int_equal(s.receipt.verdict, VERDICT_WAIT);
}

static void
wrong_addresses(void **state)
{
	static const char *const urls[] = { "http://127.0.0.1/v1.0", "graph", "",
		"https://user@127.0.0.1/v1.0", "https://127.0.0.1/v1.0?a=" };

	(void)state;
	script("");
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct scene s = scene();

		snprintf(s.graph_url, sizeof(s.graph_url), "%s", urls[i]);
		if (!urls[i][0])
			snprintf(s.graph_url, sizeof(s.graph_url), " ");
		assert_ends(&s, STATUS_SETTINGS, VERDICT_SETTINGS, "");
	}
}

static void
a_wrong_certificate(void **state)
{
	struct scene s = scene();

	(void)state;
	script("\"certificate\": \"unknown-ca\"");
	assert_ends(&s, STATUS_SETTINGS, VERDICT_SETTINGS, "");
	assert_int_equal(s.commits, 0);
}

static void
nonsense(void **state)
{
	static const char *const faults[] = {
		"\"create\": {\"raw\": \"\"}",
		"\"create\": {\"raw\": \"{\"}",
		"\"create\": {\"raw\": \"{\\\"id\\\": \\\"\\\"}\"}",
		"\"create\": {\"raw\": \"{\\\"id\\\": [\\\"a\\\"]}\"}",
		"\"create\": {\"raw\": \"{\\\"id\\\": \\\"\\u00ff\\\"}\"}",
		"\"session\": {\"raw\": \"{\\\"uploadUrl\\\": 5}\"}",
		"\"session\": {\"raw\": \"\\u0000\\u0000\"}",
	};
	char *text = malloc(2 * MB);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct scene s = large();

		snprintf(text, 2 * MB, "\"faults\": {%s}", faults[i]);
		script(text);
		assert_int_equal(play(&s), STATUS_RETRY);
		assert_int_equal(s.receipt.verdict, VERDICT_WAIT);
		assert_int_equal(s.commits, 0);
		end(&s);
	}
	for (size_t size = 600; size < MB; size *= 20) {
		struct scene s = large();

		snprintf(text, 2 * MB,
		    "\"faults\": {\"create\": {\"raw\": \"{\\\"id\\\": \\\"%0*d\\\"}\"}}",
		    (int)size, 1);
		script(text);
		assert_int_equal(play(&s), STATUS_RETRY);
		assert_int_equal(s.receipt.verdict, VERDICT_WAIT);
		end(&s);
	}
	free(text);
}

/* A subject, a name or an address that a stranger chose must not change what an error
 * means. */
static void
words_do_not_count(void **state)
{
	struct scene s = scene();

	(void)state;
	script("\"faults\": {\"sendmail\": {\"status\": 400, \"error\": \"ErrorX\", "
	       "\"message\": \"ErrorSendAsDenied: 401 InvalidAuthenticationToken\"}}");
	assert_ends(&s, STATUS_REFUSED, VERDICT_MESSAGE, "sendmail");
}

static void
escapes_all_but_plain_letters(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	assert_true(graphcall_escape(&out, "aZ09-._~ /%?#+='\r\n\xc3\xbc@"));
	assert_string_equal(
	    buf_text(&out), "aZ09-._~%20%2F%25%3F%23%2B%3D%27%0D%0A%C3%BC%40");
	buf_clear(&out);
	buf_init(&out, 5);
	assert_false(graphcall_escape(&out, "ab//"));
	buf_clear(&out);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refused_token),
		cmocka_unit_test(no_token_is_repeated),
		cmocka_unit_test(throttled_with_retry_after),
		cmocka_unit_test(nobody_home),
		cmocka_unit_test(wrong_addresses),
		cmocka_unit_test(a_wrong_certificate),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(words_do_not_count),
		cmocka_unit_test(escapes_all_but_plain_letters),
	};

	return cmocka_run_group_tests(tests, start_fake, end_fake);
}
