/* Tests of lib/send/graphupload.c. */
#include "tests/unit/graph_rig.h"

static void
an_upload_goes_on_after_a_break(void **state)
{
	static const struct {
		const char *fault, *steps;
	} cases[] = {
		{ "\"put\": [\"half\"]", "put where put put" },
		{ "\"put\": [null, \"close\"]", "put put where put" },
		{ "\"put\": [\"effect-then-close\"]", "put where put" },
		{ "\"put\": [\"500 \", \"416 ErrorInvalidRange\"]",
		    "put where put where put put" },
		{ "\"put\": [\"409 \"], \"where\": [\"503 \"]",
		    "put where where put put" },
		{ "\"put\": [{\"status\": 503, \"headers\": {\"Retry-After\": \"1\"}}]",
		    "put where put put" },
		/* the last range arrived, and the session is gone with it */
		{ "\"put\": [null, \"effect-then-close\"]", "put put where list" },
		/* the session is gone */
		{ "\"put\": [null, \"forget\"]", "put put where list session put put" },
		{ "\"put\": [\"401 ExpiredAuthenticationToken\"], \"where\": [\"410 \"]",
		    "put where list session put put" },
		/* an answer that makes no sense */
		{ "\"put\": [{\"raw\": \"{\\\"nextExpectedRanges\\\": "
		  "[\\\"99999999999999999999-\\\"]}\"}]",
		    "put where put" },
		{ "\"put\": [{\"raw\": \"[[[[\\u0000\"}]", "put put" },
		{ "\"put\": [{\"status\": 503}], \"where\": [{\"raw\": "
		  "\"{\\\"nextExpectedRanges\\\": [\\\"-1\\\"]}\"}]",
		    "put where list session put put" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene s = large();
		char text[KB];

		snprintf(text, sizeof(text), "\"faults\": {%s}", cases[i].fault);
		script(text);
		snprintf(text, sizeof(text), "search create attach session %s send",
		    cases[i].steps);
		assert_sent(&s, text);
		assert_int_equal(s.commits, 1);
		assert_int_equal(s.sent, s.size);
		end(&s);
	}
}

static void
an_upload_does_not_go_on_for_ever(void **state)
{
	struct scene s = large();

	(void)state;
	script("\"faults\": {\"put\": \"half\"}");
	assert_ends(&s, STATUS_RETRY, VERDICT_WAIT,
	    "search create attach session put where put where put where put where put "
	    "where put");
	assert_int_equal(s.settlements, 0);
	script("\"faults\": {\"put\": \"forget\"}");
	assert_ends(&s, STATUS_RETRY, VERDICT_WAIT,
	    "search create attach session put where list session put where list session "
	    "put where list session put where list session put where list session put");
	script("\"faults\": {\"session\": {\"status\": 429, \"error\": "
	       "\"ApplicationThrottled\", \"headers\": {\"Retry-After\": \"61\"}}}");
	assert_ends(&s, STATUS_RETRY, VERDICT_THROTTLED, "search create attach session");
	assert_int_equal(s.receipt.retry_after, 61);
	script("\"faults\": {\"session\": \"401 InvalidAuthenticationToken\"}");
	assert_ends(&s, STATUS_RETRY, VERDICT_LOGIN, "search create attach session");
	script("\"faults\": {\"attach\": \"429 ApplicationThrottled\"}");
	assert_ends(&s, STATUS_RETRY, VERDICT_THROTTLED, "search create attach");
	end(&s);
}

static void
where_sessions_begin(void **state)
{
	struct scene s = scene();

	(void)state;
	script("\"session_min\": 3500000, \"request_max\": 6000000");
	add_document(&s, "Scan.pdf", GRAPH_SESSION_MIN);
	add_document(&s, "Scan.pdf", GRAPH_SESSION_MIN - 1);
	assert_sent(&s, "search create session attach attach send");
	end(&s);
	s = scene();
	script("");
	add_document(&s, "Scan.pdf", 0);
	add_document(&s, "Scan.pdf", GRAPH_SESSION_MIN - 1);
	add_document(&s, "Scan.pdf", 2 * GRAPH_RANGE);
	assert_sent(&s, "search create attach attach session put put send");
	end(&s);
}

/* An upload's address may lead anywhere: no token goes there, and nothing but https. */
static void
an_address_in_the_clear(void **state)
{
	struct scene s = large();

	(void)state;
	script("\"faults\": {\"session\": {\"raw\": \"{\\\"uploadUrl\\\": "
	       "\\\"http://127.0.0.1/\\\"}\"}}");
	assert_int_not_equal(play(&s), STATUS_OK);
	assert_false(asked("put", "step", "put"));
	assert_int_equal(s.commits, 0);
	end(&s);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_upload_goes_on_after_a_break),
		cmocka_unit_test(an_upload_does_not_go_on_for_ever),
		cmocka_unit_test(where_sessions_begin),
		cmocka_unit_test(an_address_in_the_clear),
	};

	return cmocka_run_group_tests(tests, start_fake, end_fake);
}
