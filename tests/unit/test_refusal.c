/* Tests of lib/login/refusal.c. */
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
#include "lib/login/refusal.h"

enum {
	SENTENCE_MAX = 660, /* bytes: 240 of advice, the rest of what was said */
	BODY_MAX = 8192,
};

static struct oauth_refusal why;
static struct error e;
static const struct oauth_question *asked; /* NULL: nothing secret */

/* Reads a refusal; body "" for an answer that is no object. */
static enum status
read_refusal(int code, const char *body)
{
	struct object *o = object_read(body, strlen(body));
	enum status status;

	assert_true(o || *body == '\0');
	memset(&why, 'z', sizeof(why));
	memset(&e, 0, sizeof(e));
	status = refusal_read(&why,
	    &(struct oauth_reply){
		.code = code, .body = body, .len = strlen(body), .asked = asked },
	    o, &e);
	object_free(o);
	assert_true(strlen(e.text) <= SENTENCE_MAX);
	assert_true(utf8_valid(e.text, strlen(e.text)));
	return status;
}

static enum oauth_verdict
verdict(int code, const char *error, unsigned long number)
{
	char body[BODY_MAX];
	enum status status;
	bool passes;

	snprintf(body, sizeof(body), "{\"error\":\"%s\",\"error_codes\":[%lu]}", error,
	    number);
	status = read_refusal(code, number || *error ? body : "");
	passes = why.verdict == OAUTH_WAIT || why.verdict == OAUTH_LOCKED ||
	    why.verdict == OAUTH_PENDING || why.verdict == OAUTH_SLOW_DOWN;
	assert_int_equal(status, passes ? STATUS_RETRY : STATUS_SETTINGS);
	return why.verdict;
}

static void
errors_decide(void **state)
{
	static const struct {
		int code;
		const char *error;
		enum oauth_verdict verdict;
	} errors[] = {
		{ 400, "authorization_pending", OAUTH_PENDING },
		{ 428, "authorization_pending", OAUTH_PENDING },
		{ 400, "slow_down", OAUTH_SLOW_DOWN },
		{ 429, "slow_down", OAUTH_SLOW_DOWN },
		{ 400, "expired_token", OAUTH_EXPIRED },
		{ 400, "bad_verification_code", OAUTH_EXPIRED },
		{ 403, "access_denied", OAUTH_DECLINED },
		{ 400, "authorization_declined", OAUTH_DECLINED },
		{ 400, "invalid_grant", OAUTH_SIGN_IN },
		{ 400, "interaction_required", OAUTH_SIGN_IN },
		{ 400, "login_required", OAUTH_SIGN_IN },
		{ 400, "consent_required", OAUTH_SIGN_IN },
		{ 401, "invalid_client", OAUTH_SETTINGS },
		{ 400, "unauthorized_client", OAUTH_SETTINGS },
		{ 400, "invalid_scope", OAUTH_SETTINGS },
		{ 400, "invalid_resource", OAUTH_SETTINGS },
		{ 400, "invalid_request", OAUTH_SETTINGS },
		{ 400, "unsupported_grant_type", OAUTH_SETTINGS },
		{ 400, "temporarily_unavailable", OAUTH_WAIT },
		{ 400, "server_error", OAUTH_WAIT },
		{ 400, "something_new", OAUTH_SETTINGS },
		{ 200, "something_new", OAUTH_SETTINGS },
		{ 200, "invalid_grant", OAUTH_SIGN_IN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (verdict(errors[i].code, errors[i].error, 0) != errors[i].verdict)
			fail_msg(
			    "%s: %s", errors[i].error, oauth_verdict_name(why.verdict));
		assert_string_equal(why.error, errors[i].error);
		assert_non_null(strstr(e.text, errors[i].error));
	}
}

static void
http_statuses_decide(void **state)
{
	(void)state;
	assert_int_equal(verdict(429, "", 0), OAUTH_WAIT);
	assert_int_equal(verdict(408, "", 0), OAUTH_WAIT);
	assert_int_equal(verdict(500, "", 0), OAUTH_WAIT);
	assert_int_equal(verdict(503, "", 0), OAUTH_WAIT);
	assert_int_equal(verdict(502, "invalid_client", 0), OAUTH_WAIT);
	assert_int_equal(verdict(429, "invalid_grant", 0), OAUTH_WAIT);
	assert_int_equal(verdict(500, "something_new", 7000215), OAUTH_WAIT);
	assert_int_equal(verdict(400, "", 0), OAUTH_SETTINGS);
	assert_non_null(strstr(e.text, "without saying why; sign in again"));
	assert_int_equal(verdict(404, "", 0), OAUTH_SETTINGS);
	assert_int_equal(verdict(499, "", 0), OAUTH_SETTINGS);
	assert_int_equal(verdict(200, "", 0), OAUTH_WAIT);
	assert_int_equal(verdict(302, "", 0), OAUTH_WAIT);
	assert_non_null(strstr(e.text, "(the sign-in service said: HTTP 302)"));
}

/* A number makes no verdict harder than its error; it only asks for time. */
static void
numbers_only_put_off(void **state)
{
	size_t count;
	const struct aadsts *rows = aadsts_rows(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		bool puts_off =
		    rows[i].verdict == OAUTH_WAIT || rows[i].verdict == OAUTH_LOCKED;
		enum oauth_verdict sign_in = puts_off ? rows[i].verdict : OAUTH_SIGN_IN;
		enum oauth_verdict set = puts_off ? rows[i].verdict : OAUTH_SETTINGS;

		assert_int_equal(verdict(400, "invalid_grant", rows[i].number), sign_in);
		assert_int_equal(why.number, rows[i].number);
		assert_memory_equal(e.text, rows[i].advice, strlen(rows[i].advice));
		assert_int_equal(verdict(401, "invalid_client", rows[i].number), set);
		assert_int_equal(
		    verdict(400, "authorization_pending", rows[i].number), OAUTH_PENDING);
	}
	assert_int_equal(verdict(400, "invalid_grant", 90033), OAUTH_WAIT);
	assert_int_equal(verdict(400, "invalid_grant", 50053), OAUTH_LOCKED);
	assert_int_equal(verdict(429, "invalid_grant", 50053), OAUTH_LOCKED);
	assert_int_equal(verdict(400, "invalid_grant", 50196), OAUTH_LOCKED);
	assert_int_equal(verdict(400, "invalid_grant", 123), OAUTH_SIGN_IN);
	assert_int_equal(why.number, 123);
	assert_int_equal(verdict(400, "temporarily_unavailable", 7000215), OAUTH_WAIT);
}

static void
sentences_have_all_in_one_place(void **state)
{
	(void)state;
	/* as Microsoft Entra writes it */
	assert_int_equal(
	    read_refusal(400,
		"{\"error\":\"invalid_grant\",\"error_description\":\"AADSTS700082: The "
		"refresh token has expired due to inactivity. The token was issued on "
		"2026-01-02T03:04:05.6789012Z and was inactive for 90.00:00:00.\\r\\n"
		"Trace ID: 0000aaaa-11bb-cccc-dd22-eeeeee333333\",\"error_codes\":"
		"[700082],\"timestamp\":\"2026-11-22 20:00:00Z\",\"trace_id\":\"0000aaaa-"
		"11bb-cccc-dd22-eeeeee333333\",\"correlation_id\":\"aaaa0000-bb11-2222-"
		"33cc-444444dddddd\",\"error_uri\":\"https://login.microsoftonline.com/"
		"error?code=700082\"}"),
	    STATUS_SETTINGS);
	assert_string_equal(e.text,
	    "nobody has used the sign-in for too long (90 days), so it has ended; sign "
	    "in again (postroom login), and keep postroom-refresh.timer running (the "
	    "sign-in service said: invalid_grant, AADSTS700082: The refresh token has "
	    "expired due to inactivity; for Microsoft's support: correlation id "
	    "aaaa0000-bb11-2222-33cc-444444dddddd)");
	assert_int_equal(why.verdict, OAUTH_SIGN_IN);
	assert_string_equal(why.error, "invalid_grant");
	assert_int_equal(why.number, 700082);
	assert_string_equal(why.request, "aaaa0000-bb11-2222-33cc-444444dddddd");
	read_refusal(400,
	    "{\"error\":\"invalid_grant\",\"error_description\":\"Token "
	    "has been expired or revoked.\"}"); /* as Google does */
	assert_string_equal(e.text,
	    "the stored sign-in is not valid any more; sign in again (postroom login) "
	    "(the sign-in service said: invalid_grant: Token has been expired or "
	    "revoked)");
	read_refusal(503, "");
	assert_string_equal(e.text,
	    "the sign-in service has trouble or is busy at the moment; nothing has to be "
	    "done (the sign-in service said: HTTP 503)");
}

static void
the_deepest_known_number_counts(void **state)
{
	static const struct {
		const char *more;
		unsigned long number;
	} bodies[] = {
		{ "\"error_codes\":[70002,50053]", 50053 },
		{ "\"error_codes\":[70002,1]", 70002 },
		{ "\"error_codes\":[2,1]", 2 },
		{ "\"error_codes\":[\"700082\"]", 700082 },
		{ "\"error_codes\":[1,2,3,4,5,6,7,8,50053]", 1 },
		{ "\"error_codes\":[-50053]", 0 },
		{ "\"error_codes\":[{}]", 0 },
		{ "\"error_codes\":700082", 0 },
		{ "\"error_description\":\"AADSTS7000222: Gone.\"", 7000222 },
		{ "\"error_description\":\"AADSTS5: x\",\"error_codes\":[6]", 5 },
		{ "\"error_description\":\"AADSTS5: x\",\"error_codes\":[70000]", 70000 },
	};
	char body[BODY_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		snprintf(body, sizeof(body), "{\"error\":\"invalid_grant\",%s}",
		    bodies[i].more);
		read_refusal(400, body);
		if (why.number != bodies[i].number)
			fail_msg("%s: %lu", bodies[i].more, why.number);
	}
}

/* Reads a refusal with this description; what stands in the sentence for it. */
static const char *
shown(const char *description)
{
	static const char before[] = "said: invalid_grant";
	char body[BODY_MAX];
	const char *at;

	snprintf(body, sizeof(body),
	    "{\"error\":\"invalid_grant\",\"error_description\":\"%s\"}", description);
	read_refusal(400, body);
	at = strstr(e.text, before);
	assert_non_null(at);
	return at + strlen(before);
}

static void
words_of_the_service_are_cut_and_cleaned(void **state)
{
	char text[1024], expected[1024];

	(void)state;
	assert_string_equal(shown(""), ")");
	assert_string_equal(shown("\\r\\nTrace ID: x"), ")");
	assert_string_equal(shown("\\u0007\\u202e"), ")");
	assert_string_equal(
	    shown("Broken Trace ID: 0000 Correlation ID: 1"), ": Broken)");
	assert_string_equal(shown("Broken! Timestamp: 2026"), ": Broken!)");
	assert_string_equal(shown("Correlation ID: 1 x"), ")");
	assert_string_equal(shown("Trace it"), ": Trace it)");
	assert_string_equal(shown("One. Two."), ": One)");
	assert_string_equal(shown("One\\r\\nTwo"), ": One)");
	assert_string_equal(shown("v2.0 of it"), ": v2.0 of it)");
	assert_string_equal(shown("AADSTS5: One."), ", AADSTS5: One)");
	assert_string_equal(shown("Was AADSTS5: One."), ", AADSTS5: Was AADSTS5: One)");
	assert_string_equal(shown("a\\u001b[2J\\u0085b\\u202ec\\u00fc"),
	    ": a [2J b"
	    "c\xc3\xbc)");
	for (size_t i = 0; i < 300; i += 2) /* two bytes each, and no runs */
		memcpy(text + i, "\xc3\xbc", 2);
	text[300] = '\0';
	snprintf(expected, sizeof(expected), ": %.200s…)", text);
	assert_string_equal(shown(text), expected);
	memmove(text + 1, text, 300);
	text[0] = 'x';
	text[301] = '\0';
	snprintf(expected, sizeof(expected), ": %.199s…)", text);
	assert_string_equal(shown(text), expected);
}

static void
what_may_be_a_token_is_not_shown(void **state)
{
	static const char run[] = "eyJ0eXAiOiJKV1QiLCJub-_~+.Abcdefghijklmn"; /* 40 */
	char text[1024], body[BODY_MAX];

	(void)state;
	assert_int_equal(strlen(run), 40);
	snprintf(text, sizeof(text), "The token %s is bad", run);
	assert_string_equal(shown(text), ")");
	snprintf(text, sizeof(text), "One. The token '%s' is bad", run);
	assert_string_equal(shown(text), ")"); /* whole, not only its first sentence */
	snprintf(text, sizeof(text), "The token %s is bad", run + 1);
	assert_non_null(strstr(shown(text), run + 1));
	assert_string_equal(
	    shown("Application 'aaaa0000-bb11-2222-33cc-444444dddddd' not found, see "
		  "https://learn.microsoft.com/entra/identity-platform/x"),
	    ": Application 'aaaa0000-bb11-2222-33cc-444444dddddd' not found, see "
	    "https://learn.microsoft.com/entra/identity-platform/x)");
	snprintf(
	    body, sizeof(body), "{\"error\":\"%s\",\"correlation_id\":\"%s\"}", run, run);
	read_refusal(400, body);
	assert_string_equal(why.error, "");
	assert_string_equal(why.request, "");
	assert_null(strstr(e.text, "eyJ0"));
}

/* Whatever was asked with comes back in a refusal: no part of it is shown. */
static void
what_was_asked_with_is_not_shown(void **state)
{
	static const char google[] = "GOCSPX-a1B2c3D4e5F6g7H8i9J0k1L2m3N"; /* 34 */
	static const char slashed[] = "1//0gAbC/dEfGhI/jKlMnO+pQrStU/vWxYz==";
	static const struct {
		const char *before;
		int bytes; /* of the secret */
		const char *after;
	} shapes[] = { { "Bad secret ", 99, "" }, { "no. ", 99, "" }, { "x=", 99, "&y" },
		{ "'", 20, "' is none" } };
	char text[512];
	struct oauth_question q[4] = { { .client_id = "c", .token = slashed },
		{ .client_id = "c", .client_secret = google },
		{ .client_id = "c", .assertion = google },
		{ .client_id = "c", .verifier = google } };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		asked = &q[i];
		for (size_t j = 0; j < 4; j++) {
			snprintf(text, sizeof(text), "%s%.*s%s", shapes[j].before,
			    shapes[j].bytes, i ? google : slashed, shapes[j].after);
			assert_string_equal(shown(text), ")");
		}
		assert_string_equal(shown("Bad secret."), ": Bad secret)");
	}
	asked = &q[0];
	assert_string_equal(shown("token=1%2F%2F0gAbC%2FdEfGhI%2FjKlM"), ")");
	assert_string_equal(shown("MS8vMGdBYkMvZEVmR2hJL2pLbE1uTytwUXJTdFUvdld4WXo9PQ"),
	    ")");                       /* in base64 */
	q[1].client_secret = "hunter2"; /* a short one, as a whole */
	asked = &q[1];
	assert_string_equal(shown("no hunter2 here"), ")");
	assert_string_equal(shown("no hunter here"), ": no hunter here)");
	q[1].client_secret = google; /* where words are wanted */
	snprintf(text, sizeof(text), "{\"error\":\"%s\",\"correlation_id\":\"x%s\"}",
	    google, google);
	read_refusal(400, text);
	asked = NULL;
	assert_string_equal(why.error, "");
	assert_string_equal(why.request, "");
	assert_null(strstr(e.text, "GOCSPX"));
}

/* A portal's or a proxy's page in place of an answer passes; a bare refusal does not. */
static void
pages_are_no_refusals(void **state)
{
	static const struct {
		int code;
		const char *body;
		bool html;
		enum oauth_verdict verdict;
	} rows[] = {
		{ 403, "<html>Sign in to the hotel</html>", false, OAUTH_WAIT },
		{ 404, "\r\n\t <!DOCTYPE html>", false, OAUTH_WAIT },
		{ 400, "Blocked", true, OAUTH_WAIT },
		{ 403, "", true, OAUTH_WAIT },
		{ 407, "", false, OAUTH_WAIT },
		{ 403, "", false, OAUTH_SETTINGS },
		{ 400, "   ", false, OAUTH_SETTINGS },
		{ 404, "Not found", false, OAUTH_SETTINGS },
		{ 403, "a <b>", false, OAUTH_SETTINGS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct oauth_reply r = { .code = rows[i].code,
			.body = rows[i].body,
			.len = strlen(rows[i].body),
			.html = rows[i].html };
		bool passes = rows[i].verdict == OAUTH_WAIT;

		assert_int_equal(refusal_read(&why, &r, NULL, &e),
		    passes ? STATUS_RETRY : STATUS_SETTINGS);
		assert_int_equal(why.verdict, rows[i].verdict);
		assert_non_null(strstr(e.text,
		    passes ? "what answered is no sign-in service" : "without saying"));
	}
}

/* An object counts, whatever its Content-Type. */
static void
objects_are_no_pages(void **state)
{
	static const char body[] = "{\"error\":\"invalid_client\"}";
	struct object *o = object_read(body, strlen(body));
	const struct oauth_reply r = { 403, body, strlen(body), true, NULL };

	(void)state;
	assert_int_equal(refusal_read(&why, &r, o, &e), STATUS_SETTINGS);
	assert_int_equal(why.verdict, OAUTH_SETTINGS);
	assert_non_null(strstr(e.text, "client_id"));
	object_free(o);
}

static void
words_that_are_none_are_left_out(void **state)
{
	static const char *const words[] = { "\"a b\"", "\"a\\nb\"", "\"\\u00fc\"",
		"\"\"", "5", "{}", "\"a;b\"" };
	char body[BODY_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(body, sizeof(body), "{\"error\":%s,\"correlation_id\":%s}",
		    words[i], words[i]);
		assert_int_equal(read_refusal(400, body), STATUS_SETTINGS);
		assert_string_equal(why.error, "");
		assert_string_equal(why.request, "");
		assert_non_null(strstr(e.text, "(the sign-in service said: HTTP 400)"));
	}
}

/* The longest of everything still has its correlation id. */
static void
sentences_end_in_time(void **state)
{
	char body[BODY_MAX], words[600];

	(void)state;
	for (size_t i = 0; i < sizeof(words); i++)
		words[i] = i % 8 == 7 ? ' ' : 'w';
	words[sizeof(words) - 1] = '\0';
	snprintf(body, sizeof(body),
	    "{\"error\":\"an_error_that_is_as_long_as_errors_may1\","
	    "\"error_description\":\"%s\",\"error_codes\":[50053,9223372036854775807],"
	    "\"correlation_id\":\"aaaa0000-bb11-2222-33cc-444444ddddddeee\"}",
	    words);
	read_refusal(400, body);
	assert_int_equal(why.verdict, OAUTH_LOCKED);
	assert_non_null(strstr(e.text, "an_error_that_is_as_long_as_errors_may1"));
	assert_non_null(
	    strstr(e.text, "correlation id aaaa0000-bb11-2222-33cc-444444ddddddeee)"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_decide),
		cmocka_unit_test(http_statuses_decide),
		cmocka_unit_test(numbers_only_put_off),
		cmocka_unit_test(sentences_have_all_in_one_place),
		cmocka_unit_test(the_deepest_known_number_counts),
		cmocka_unit_test(words_of_the_service_are_cut_and_cleaned),
		cmocka_unit_test(what_may_be_a_token_is_not_shown),
		cmocka_unit_test(what_was_asked_with_is_not_shown),
		cmocka_unit_test(pages_are_no_refusals),
		cmocka_unit_test(objects_are_no_pages),
		cmocka_unit_test(words_that_are_none_are_left_out),
		cmocka_unit_test(sentences_end_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
