/* Tests of lib/login/answers.c: what is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/login/answers.h"
#include "lib/login/oauth.h"

enum {
	TEXT_MAX = 64 * 1024,
};

#define ACCESS "eyJ0eXAi.ey-_~+/Jh.c2ln=="
#define CANARY "canary-canary"

/* -- answers ----------------------------------------------------------------------- */

static struct oauth_tokens tokens;
static struct oauth_device device;
static struct oauth_refusal why;
static struct error e;

static enum status
read_tokens(int code, const char *body)
{
	struct oauth_reply r = { .code = code, .body = body, .len = strlen(body) };

	memset(&tokens, 'z', sizeof(tokens));
	memset(&why, 'z', sizeof(why));
	memset(&e, 0, sizeof(e));
	return answers_tokens(&tokens, &r, &why, &e);
}

static enum status
read_device(int code, const char *body)
{
	struct oauth_reply r = { .code = code, .body = body, .len = strlen(body) };

	memset(&device, 'z', sizeof(device));
	memset(&why, 'z', sizeof(why));
	memset(&e, 0, sizeof(e));
	return answers_device(&device, &r, &why, &e);
}

static void
tokens_are_taken(void **state)
{
	(void)state;
	assert_int_equal(read_tokens(200,
			     "{\"token_type\":\"bearer\",\"scope\":\"x\","
			     "\"expires_in\":3599,\"ext_expires_in\":9,"
			     "\"access_token\":\"" ACCESS "\",\"refresh_token\":"
			     "\"0.A!*$\\\"\\u007e\",\"id_token\":\"a.b.c\"}"),
	    STATUS_OK);
	assert_string_equal(tokens.access, ACCESS);
	assert_string_equal(tokens.refresh, "0.A!*$\"~");
	assert_string_equal(tokens.id, "a.b.c");
	assert_int_equal(tokens.lifetime, 3599);
	assert_int_equal(why.verdict, OAUTH_GRANTED);
	assert_string_equal(why.error, "");
	assert_int_equal(why.number, 0);
	assert_int_equal(read_tokens(200,
			     "{\"access_token\":\"x\",\"error\":\"\","
			     "\"refresh_token\":\"\",\"id_token\":null}"),
	    STATUS_OK);
	assert_string_equal(tokens.access, "x");
	assert_string_equal(tokens.refresh, "");
	assert_string_equal(tokens.id, "");
	oauth_tokens_wipe(&tokens);
	for (size_t i = 0; i < sizeof(tokens); i++)
		assert_int_equal(((const char *)&tokens)[i], 0);
}

static void
lifetimes_are_bounded(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} lives[] = {
		{ "3599", 3599 },
		{ "\"3600\"", 3600 },
		{ "null", 300 },
		{ "\"soon\"", 300 },
		{ "3599.5", 300 },
		{ "[]", 300 },
		{ "0", 1 },
		{ "-5", 1 },
		{ "-9223372036854775808", 1 },
		{ "86400", 86400 },
		{ "86401", 86400 },
		{ "\"9223372036854775807\"", 86400 },
		{ "\"9223372036854775808\"", 300 },
	};
	char body[256];

	(void)state;
	for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
		snprintf(body, sizeof(body), "{\"access_token\":\"x\",\"expires_in\":%s}",
		    lives[i].text);
		assert_int_equal(read_tokens(200, body), STATUS_OK);
		assert_int_equal(tokens.lifetime, lives[i].seconds);
	}
	assert_int_equal(read_tokens(200, "{\"access_token\":\"x\"}"), STATUS_OK);
	assert_int_equal(tokens.lifetime, 300);
}

/* Nothing is taken, it may pass, and the sentence shows nothing of the answer. */
static void
assert_nonsense(enum status status, const void *out)
{
	assert_int_equal(status, STATUS_RETRY);
	assert_int_equal(why.verdict, OAUTH_WAIT);
	assert_int_equal(*(const char *)out, 'z');
	assert_string_not_equal(e.text, "");
	assert_null(strstr(e.text, CANARY));
}

static void
tokens_that_cannot_be_used_are_refused(void **state)
{
	static const char *const bodies[] = {
		"",
		"<html>" CANARY "</html>",
		"[\"" CANARY "\"]",
		"{}",
		"{\"access_token\":\"\"}",
		"{\"access_token\":5}",
		"{\"access_token\":[\"" CANARY "\"]}",
		"{\"access_token\":\"" CANARY " b\"}",
		"{\"access_token\":\"" CANARY "\\r\\nb\"}",
		"{\"access_token\":\"" CANARY "\\u00fc\"}",
		"{\"access_token\":\"" CANARY "\\u0001\"}",
		"{\"access_token\":\"" CANARY "=b\"}",
		"{\"access_token\":\"=\"}",
		"{\"access_token\":\"" CANARY "!\"}",
		"{\"access_token\":\"" CANARY "\",\"token_type\":\"DPoP\"}",
		"{\"access_token\":\"" CANARY "\",\"refresh_token\":\"a b\"}",
		"{\"access_token\":\"" CANARY "\",\"refresh_token\":\"a\\nb\"}",
		"{\"access_token\":\"" CANARY "\",\"refresh_token\":\"a\\u00fc\"}",
		"{\"access_token\":\"" CANARY "\",\"id_token\":\"a b\"}",
		"{\"access_token\":\"" CANARY "\",\"access_token\":\"b\"}",
		"{\"access_token\":\"" CANARY "\"",
		"{\"access_token\":\"" CANARY "\"}{}",
		"{\"access_token\":\"" CANARY "\",\"error\":\"server_error\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		assert_nonsense(read_tokens(200, bodies[i]), &tokens);
	assert_nonsense(read_tokens(302, "{\"access_token\":\"a\"}"), &tokens);
	assert_nonsense(read_tokens(204, ""), &tokens);
	assert_nonsense(read_tokens(503, "{\"access_token\":\"a\"}"), &tokens);
}

/* An answer with one text of this many bytes between `before` and `after`. */
static const char *
make_long(const char *before, size_t len, const char *after)
{
	static char body[TEXT_MAX], text[TEXT_MAX / 2];

	memset(text, 'a', len);
	text[len] = '\0';
	snprintf(body, sizeof(body), "%s%s%s", before, text, after);
	return body;
}

static void
tokens_have_a_longest(void **state)
{
	static const char *const before[] = { "{\"access_token\":\"",
		"{\"access_token\":\"a\",\"refresh_token\":\"",
		"{\"access_token\":\"a\",\"id_token\":\"" };
	const char *const out[] = { tokens.access, tokens.refresh, tokens.id };

	(void)state;
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		const char *longest = make_long(before[i], TOKEN_MAX, "\"}");

		assert_int_equal(read_tokens(200, longest), STATUS_OK);
		assert_int_equal(strlen(out[i]), TOKEN_MAX);
		assert_nonsense(
		    read_tokens(200, make_long(before[i], TOKEN_MAX + 1, "\"}")),
		    &tokens);
	}
}

static void
refusals_are_told(void **state)
{
	(void)state;
	assert_int_equal(
	    read_tokens(400, "{\"error\":\"invalid_grant\"}"), STATUS_SETTINGS);
	assert_int_equal(why.verdict, OAUTH_SIGN_IN);
	assert_int_equal(
	    read_tokens(200, "{\"error\":\"authorization_pending\"}"), STATUS_RETRY);
	assert_int_equal(why.verdict, OAUTH_PENDING);
	assert_int_equal(
	    read_device(400, "{\"error\":\"invalid_client\"}"), STATUS_SETTINGS);
	assert_int_equal(why.verdict, OAUTH_SETTINGS);
	assert_int_equal(device.code[0], 'z');
	assert_int_equal(read_device(429, ""), STATUS_RETRY);
	assert_int_equal(why.verdict, OAUTH_WAIT);
}

#define CODE "\"device_code\":\"GAQ!AB\""
#define USER "\"user_code\":\"E57P XGL5\""
#define URI  "\"verification_uri\":\"https://microsoft.com/devicelogin\""

static void
device_codes_are_taken(void **state)
{
	(void)state;
	assert_int_equal(read_device(200,
			     "{" CODE "," USER "," URI
			     ",\"expires_in\":900,\"interval\":\"7\",\"message\":\"x\"}"),
	    STATUS_OK);
	assert_string_equal(device.code, "GAQ!AB");
	assert_string_equal(device.user_code, "E57P XGL5");
	assert_string_equal(device.address, "https://microsoft.com/devicelogin");
	assert_int_equal(device.lifetime, 900);
	assert_int_equal(device.interval, 7);
	assert_int_equal(why.verdict, OAUTH_GRANTED);
	assert_int_equal(read_device(200,
			     "{" CODE "," USER ",\"verification_url\":"
			     "\"http://localhost:8080/d\",\"expires_in\":99999}"),
	    STATUS_OK);
	assert_string_equal(device.address, "http://localhost:8080/d");
	assert_int_equal(device.lifetime, 3600);
	assert_int_equal(device.interval, 5);
	assert_int_equal(
	    read_device(200, "{" CODE "," USER "," URI ",\"interval\":0}"), STATUS_OK);
	assert_int_equal(device.lifetime, 300);
	assert_int_equal(device.interval, 1);
}

static void
device_codes_that_cannot_be_used_are_refused(void **state)
{
	static const char *const bodies[] = {
		"{" USER "," URI "}",
		"{" CODE "," URI "}",
		"{" CODE "," USER "}",
		"{\"device_code\":\"\"," USER "," URI "}",
		"{\"device_code\":\"a b\"," USER "," URI "}",
		"{\"device_code\":\"a\\u00fc\"," USER "," URI "}",
		"{" CODE ",\"user_code\":\"\"," URI "}",
		"{" CODE ",\"user_code\":\"a\\u001b[2J\"," URI "}",
		"{" CODE ",\"user_code\":\"\\u202eabc\"," URI "}",
		"{" CODE ",\"user_code\":5," URI "}",
		"{" CODE "," USER ",\"verification_uri\":\"\"}",
		"{" CODE "," USER ",\"verification_uri\":\"https://\"}",
		"{" CODE "," USER ",\"verification_uri\":\"http://evil.example/\"}",
		"{" CODE "," USER ",\"verification_uri\":\"http://localhost.evil.ex/\"}",
		"{" CODE "," USER
		",\"verification_uri\":\"http://localhost:@evil.example/\"}",
		"{" CODE "," USER ",\"verification_uri\":\"javascript:alert(1)\"}",
		"{" CODE "," USER ",\"verification_uri\":\"https://a.example/ b\"}",
		"{" CODE "," USER ",\"verification_uri\":\"https://a.example/\\n\"}",
		"{" CODE "," USER ",\"verification_uri\":\"https://a.example/<\"}",
		"[]",
		"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		assert_nonsense(read_device(200, bodies[i]), &device);
}

static void
device_codes_have_a_longest(void **state)
{
	static const struct {
		const char *before;
		size_t most;
		const char *after;
	} texts[] = {
		{ "{\"device_code\":\"", OAUTH_CODE_MAX, "\"," USER "," URI "}" },
		{ "{" CODE ",\"user_code\":\"", OAUTH_WORD_MAX - 1, "\"," URI "}" },
		{ "{" CODE "," USER ",\"verification_uri\":\"https://",
		    OAUTH_ADDRESS_MAX - 1 - 8, "\"}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *before = texts[i].before, *after = texts[i].after;
		size_t most = texts[i].most;

		assert_int_equal(
		    read_device(200, make_long(before, most, after)), STATUS_OK);
		assert_nonsense(
		    read_device(200, make_long(before, most + 1, after)), &device);
	}
}

/* Any byte changed, or the rest missing: no harm, and nothing half taken. */
static void
damage_does_no_harm(void **state)
{
	static const char whole[] =
	    "{\"access_token\":\"abc\",\"refresh_token\":\"def\",\"expires_in\":9}";
	char copy[sizeof(whole)];

	(void)state;
	for (size_t len = 0; len < sizeof(whole) - 1; len++) {
		struct oauth_reply r = { .code = 200, .body = whole, .len = len };

		assert_int_equal(answers_tokens(&tokens, &r, &why, &e), STATUS_RETRY);
	}
	memcpy(copy, whole, sizeof(whole));
	for (size_t i = 0; i < sizeof(whole) - 1; i++)
		for (int c = 0; c < 256; c++) {
			struct oauth_reply r = {
				.code = 200, .body = copy, .len = sizeof(whole) - 1
			};

			copy[i] = (char)c;
			answers_tokens(&tokens, &r, &why, &e);
			answers_device(&device, &r, &why, &e);
			copy[i] = whole[i];
		}
}

/* -- scopes ------------------------------------------------------------------------ */

static void
what_is_not_granted_is_told(void **state)
{
	static const struct {
		const char *asked, *granted, *missing;
	} rows[] = {
		{ "a b", "b a", "" },
		{ "a b c", "b", "a c" },
		{ "  a   b ", " b", "a" },
		{ "a", "aa A-b", "a" },
		{ "a openid profile offline_access email", "a", "" },
		{ "https://outlook.office.com/SMTP.Send offline_access",
		    "https://outlook.office.com/IMAP.AccessAsUser.All "
		    "https://outlook.office.com/SMTP.Send",
		    "" },
		{ "https://outlook.office.com/SMTP.Send offline_access",
		    "https://outlook.office.com/POP.AccessAsUser.All",
		    "https://outlook.office.com/SMTP.Send" },
		{ "https://graph.microsoft.com/Mail.Send "
		  "https://graph.microsoft.com/Mail.ReadWrite",
		    "mail.send User.Read", "https://graph.microsoft.com/Mail.ReadWrite" },
		{ "https://outlook.office365.com/.default", "x", "" },
		{ "https://mail.google.com/", "https://mail.google.com/", "" },
		{ "https://mail.google.com/", "https://other.google.com/ /",
		    "https://mail.google.com/" },
		{ "", "a", "" },
	};
	char missing[OAUTH_MISSING_MAX], asked[2 * OAUTH_MISSING_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		answers_missing(missing, rows[i].asked, rows[i].granted);
		if (strcmp(missing, rows[i].missing) != 0)
			fail_msg(
			    "'%s', '%s': '%s'", rows[i].asked, rows[i].granted, missing);
	}
	for (size_t i = 0; i < sizeof(asked); i++) /* as many as fit */
		asked[i] = i % 2 ? ' ' : 'x';
	asked[sizeof(asked) - 1] = '\0';
	answers_missing(missing, asked, "y");
	assert_int_equal(strlen(missing), OAUTH_MISSING_MAX - 1);
	memset(asked, 'x', OAUTH_MISSING_MAX);
	asked[OAUTH_MISSING_MAX] = '\0';
	answers_missing(missing, asked, "y");
	assert_string_equal(missing, "");
	assert_true(answers_scope_has("a openid b", "openid"));
	assert_false(answers_scope_has("a openid2 xopenid", "openid"));
	assert_false(answers_scope_has("", "openid"));
}

/* What an answer says of its scope counts; where it says nothing, all is granted. */
static void
an_answer_tells_its_scope(void **state)
{
	static const struct {
		const char *body, *missing;
	} rows[] = {
		{ "{\"access_token\":\"t\",\"scope\":\"x\"}", "y" },
		{ "{\"access_token\":\"t\",\"scope\":\"y x z\"}", "" },
		{ "{\"access_token\":\"t\",\"scope\":\"\"}", "" },
		{ "{\"access_token\":\"t\",\"scope\":[\"x\"]}", "" },
		{ "{\"access_token\":\"t\"}", "" },
	};
	const struct oauth_question q = { .client_id = "c", .scope = "x y openid" };
	static struct oauth_tokens t;
	struct oauth_refusal refusal;
	struct error error;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		const char *body = rows[i / 2].body;
		struct oauth_reply r = { .code = 200,
			.body = body,
			.len = strlen(body),
			.asked = i % 2 ? &q : NULL };

		memset(t.missing, 'z', sizeof(t.missing));
		assert_int_equal(answers_tokens(&t, &r, &refusal, &error), STATUS_OK);
		assert_string_equal(t.missing, i % 2 ? rows[i / 2].missing : "");
	}
}

static void
a_nonce_is_looked_for(void **state)
{
	/* {"nonce":"n-0S6_WzA2Mj"}, {"nonce":1}, {} */
	static const char good[] = "e30.eyJub25jZSI6Im4tMFM2X1d6QTJNaiJ9.x";

	(void)state;
	assert_true(answers_have_nonce(good, "n-0S6_WzA2Mj"));
	assert_false(answers_have_nonce(good, "n-0S6_WzA2M"));
	assert_false(answers_have_nonce(good, ""));
	assert_false(answers_have_nonce("e30.eyJub25jZSI6MX0.x", "1"));
	assert_false(answers_have_nonce("e30.e30.x", ""));
	assert_false(answers_have_nonce("opaque", "opaque"));
	assert_false(answers_have_nonce("", ""));
}

/* -- who --------------------------------------------------------------------------- */

/* Made with another program: printf '{"…"}' | basenc --base64url | tr -d = */
static void
who_signed_in_is_read(void **state)
{
	static const struct {
		const char *jwt, *who; /* NULL: none */
	} jwts[] = {
		/* {"upn":"u@x.de","preferred_username":"p@x.de"} */
		{ "e30.eyJ1cG4iOiJ1QHguZGUiLCJwcmVmZXJyZWRfdXNlcm5hbWUiOiJwQHguZGUifQ.s",
		    "p@x.de" },
		/* {"email":"e@x.de","unique_name":"n@x.de"} */
		{ "e30.eyJlbWFpbCI6ImVAeC5kZSIsInVuaXF1ZV9uYW1lIjoibkB4LmRlIn0.",
		    "n@x.de" },
		/* {"email":"e@x.de"} */
		{ "e30.eyJlbWFpbCI6ImVAeC5kZSJ9.s", "e@x.de" },
		/* {"upn":"","email":"e@x.de"} */
		{ "e30.eyJ1cG4iOiIiLCJlbWFpbCI6ImVAeC5kZSJ9.s", "e@x.de" },
		/* {"upn":"ÿþ>?"}: both - and _ */
		{ "e30.eyJ1cG4iOiLDv8O-Pj8ifQ.s", "\xc3\xbf\xc3\xbe>?" },
		{ "e30.eyJ1cG4iOiI_Pz8ifQ.s", "???" },
		/* {"sub":"1"} */
		{ "e30.eyJzdWIiOiIxIn0.s", NULL },
		/* {"upn":5} */
		{ "e30.eyJ1cG4iOjV9.s", NULL },
		{ "e30.eyJlbWFpbCI6ImVAeC5kZSJ9", NULL },
		{ "e30.eyJlbWFpbCI6ImVAeC5kZSJ9=.s", NULL },
		{ "e30.eyJlbWFpbCI6ImVAeC5kZSJ.s", NULL },
		{ "e30.eyJlbWFpbCI6ImVAeC5kZSJ9A.s", NULL },
		{ "e30.eyJ1cG4iOiI/Pz8ifQ.s", NULL },
		{ "e30.eyJlbWFp bCI6ImVAeC5kZSJ9.s", NULL },
		{ "e30..s", NULL },
		{ "..", NULL },
		{ ".", NULL },
		{ "", NULL },
		{ "EwB4A8l6BAAU", NULL },
	};
	char who[64];

	(void)state;
	for (size_t i = 0; i < sizeof(jwts) / sizeof(jwts[0]); i++) {
		const char *expected = jwts[i].who;

		memcpy(who, "as it was", 10);
		if (answers_who(who, sizeof(who), jwts[i].jwt) != (expected != NULL) ||
		    strcmp(who, expected ? expected : "as it was") != 0)
			fail_msg("'%s': '%s'", jwts[i].jwt, who);
	}
	assert_true(answers_who(who, 7, jwts[2].jwt));
	assert_false(answers_who(who, 6, jwts[2].jwt));
}

static void
who_signed_in_has_a_longest(void **state)
{
	char jwt[2 * TOKEN_MAX], who[64];

	(void)state;
	memset(jwt, 'A', sizeof(jwt));
	memcpy(jwt, "e30.", 4);
	memcpy(jwt + sizeof(jwt) - 3, ".s", 3);
	assert_false(answers_who(who, sizeof(who), jwt));
	jwt[4 + TOKEN_MAX - 1] = '.';
	jwt[4 + TOKEN_MAX] = '\0';
	assert_false(answers_who(who, sizeof(who), jwt));
	jwt[4 + TOKEN_MAX - 1] = 'A';
	jwt[4 + TOKEN_MAX] = '.';
	jwt[4 + TOKEN_MAX + 1] = '\0';
	assert_false(answers_who(who, sizeof(who), jwt));
}

static void
verdicts_have_names(void **state)
{
	static const char *const names[] = { "granted", "pending", "slow-down",
		"declined", "expired", "wait", "locked", "sign-in", "settings" };

	(void)state;
	for (int v = OAUTH_GRANTED; v <= OAUTH_SETTINGS; v++)
		assert_string_equal(oauth_verdict_name((enum oauth_verdict)v), names[v]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_are_taken),
		cmocka_unit_test(lifetimes_are_bounded),
		cmocka_unit_test(tokens_that_cannot_be_used_are_refused),
		cmocka_unit_test(tokens_have_a_longest),
		cmocka_unit_test(refusals_are_told),
		cmocka_unit_test(device_codes_are_taken),
		cmocka_unit_test(device_codes_that_cannot_be_used_are_refused),
		cmocka_unit_test(device_codes_have_a_longest),
		cmocka_unit_test(damage_does_no_harm),
		cmocka_unit_test(what_is_not_granted_is_told),
		cmocka_unit_test(an_answer_tells_its_scope),
		cmocka_unit_test(a_nonce_is_looked_for),
		cmocka_unit_test(who_signed_in_is_read),
		cmocka_unit_test(who_signed_in_has_a_longest),
		cmocka_unit_test(verdicts_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
