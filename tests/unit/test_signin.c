/* Tests of lib/login/signin.c, with an authorization server on loopback. What its answers
 * mean is tested with oauth.c. */
#include "tests/unit/http_rig.h"

#include "lib/login/signin.h"

enum {
	URL_BYTES = 100,
	REPLY_BYTES = 1000,
};

#define GRANTED                                                                          \
	"{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"acc3ss\","    \
	"\"refresh_token\":\"n3w\"}"
#define REFUSED "{\"error\":\"invalid_grant\"}"

/* An account whose authorization server is the fake. */
struct scene {
	struct peer server;
	struct account account;
	struct grant grant;
	struct signin out;
	struct error e;
	char url[URL_BYTES];
	int stop[2];
};

static struct scene *
scene_open(enum kind kind, void (*serve)(struct peer *s), const char *const *replies)
{
	static char none[] = "", name[] = "office365", user[] = "scanner@example.com",
		    client[] = "cl1ent", tenant[] = "organizations",
		    host[] = "smtp.office365.com",
		    graph[] = "https://graph.microsoft.com/v1.0";
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->server.serve = serve;
	s->server.replies = replies;
	server_start(&s->server, kind);
	snprintf(s->url, sizeof(s->url), "https://127.0.0.1:%u", s->server.port);
	assert_int_equal(pipe(s->stop), 0);
	s->server.stop = s->stop[1];
	s->account = (struct account){ .name = name,
		.server = { .host = host },
		.ca_file = ca_file,
		.auth = AUTH_OAUTH_DEVICE,
		.username = user,
		.authority = s->url,
		.tenant = tenant,
		.client_id = client,
		.scope = none,
		.device_url = none,
		.token_url = none,
		.authorize_url = none,
		.graph_url = graph };
	/* what an earlier one left must not stay */
	snprintf(s->out.tokens.access, sizeof(s->out.tokens.access), "old");
	s->out.after = 99;
	return s;
}

static enum status
scene_plays(struct scene *s)
{
	enum status status =
	    signin_request(&s->out, &s->account, &s->grant, s->stop[0], &s->e);

	server_end(&s->server);
	return status;
}

static void
scene_close(struct scene *s)
{
	close(s->stop[0]);
	close(s->stop[1]);
	free(s);
}

/* An answer, with further fields that each end with CR LF; it stands until the next but
 * one. */
static const char *
answer(const char *line, const char *fields, const char *body)
{
	static char replies[2][REPLY_BYTES];
	static int turn;
	char *reply = replies[turn ^= 1];

	snprintf(reply, REPLY_BYTES, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s",
	    line, fields, strlen(body), body);
	return reply;
}

static void
refreshes(void **state)
{
	const char *const replies[] = { answer("200 OK", "", GRANTED), NULL };
	struct scene *s = scene_open(GOOD, serve_list, replies);

	(void)state;
	snprintf(s->grant.refresh, sizeof(s->grant.refresh), "0ld+refresh");
	if (scene_plays(s) != STATUS_OK)
		fail_msg("%s", s->e.text);
	assert_string_equal(s->out.tokens.access, "acc3ss");
	assert_string_equal(s->out.tokens.refresh, "n3w");
	assert_int_equal(s->out.why.verdict, OAUTH_GRANTED);
	assert_int_equal(s->out.after, -1);
	assert_non_null(strstr(
	    s->server.head[0], "POST /organizations/oauth2/v2.0/token HTTP/1.1\r\n"));
	assert_non_null(strstr(
	    s->server.head[0], "Content-Type: application/x-www-form-urlencoded\r\n"));
	assert_null(strstr(s->server.head[0], "Authorization"));
	assert_non_null(strstr(s->server.body[0], "grant_type=refresh_token"));
	assert_non_null(strstr(s->server.body[0], "client_id=cl1ent"));
	assert_non_null(strstr(s->server.body[0], "refresh_token=0ld%2Brefresh"));
	assert_non_null(
	    strstr(s->server.body[0], "scope=https%3A%2F%2Foutlook.office.com"));
	assert_null(strstr(s->server.body[0], "secret"));
	assert_null(strstr(s->server.body[0], "assertion"));
	scene_close(s);
}

/* As the application: a secret, or an assertion. */
static void
asks_as_the_application(void **state)
{
	static const char *const words[][2] = {
		{ "client_secret=w0rd", "client_assertion=" },
		{ "client_assertion=jwt", "client_secret=" },
	};

	(void)state;
	for (int i = 0; i < 2; i++) {
		const char *const replies[] = { answer("200 OK", "", GRANTED), NULL };
		struct scene *s = scene_open(GOOD, serve_list, replies);

		s->account.auth = AUTH_OAUTH_APP;
		if (i == 0)
			snprintf(s->grant.client_secret, sizeof(s->grant.client_secret),
			    "w0rd");
		else
			snprintf(s->grant.assertion, sizeof(s->grant.assertion), "jwt");
		if (scene_plays(s) != STATUS_OK)
			fail_msg("%s", s->e.text);
		assert_string_equal(s->out.tokens.access, "acc3ss");
		assert_non_null(
		    strstr(s->server.body[0], "grant_type=client_credentials"));
		assert_non_null(strstr(s->server.body[0], words[i][0]));
		assert_null(strstr(s->server.body[0], words[i][1]));
		assert_non_null(strstr(s->server.body[0], ".default"));
		scene_close(s);
	}
}

static void
tells_refusals(void **state)
{
	static const struct {
		const char *line, *fields, *body;
		enum status status;
		enum oauth_verdict verdict;
		int after;
	} rows[] = {
		{ "400 Bad Request", "", REFUSED, STATUS_SETTINGS, OAUTH_SIGN_IN, -1 },
		{ "429 Many", "Retry-After: 30\r\n", "", STATUS_RETRY, OAUTH_WAIT, 30 },
		{ "503 Busy", "Retry-After: 7\r\n", "<html>", STATUS_RETRY, OAUTH_WAIT,
		    7 },
		{ "200 OK", "", "{}", STATUS_RETRY, OAUTH_WAIT, -1 },
		{ "403 No", "Content-Type: TEXT/HTML;charset=utf-8\r\n", "Blocked",
		    STATUS_RETRY, OAUTH_WAIT, -1 },
		{ "403 No", "Content-Type: text/plain\r\n", "Blocked", STATUS_SETTINGS,
		    OAUTH_SETTINGS, -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *const replies[] = {
			answer(rows[i].line, rows[i].fields, rows[i].body), NULL
		};
		struct scene *s = scene_open(GOOD, serve_list, replies);

		snprintf(s->grant.refresh, sizeof(s->grant.refresh), "0ld");
		if (scene_plays(s) != rows[i].status)
			fail_msg("%s: %s", rows[i].line, s->e.text);
		assert_int_equal(s->out.why.verdict, rows[i].verdict);
		assert_int_equal(s->out.after, rows[i].after);
		assert_string_equal(s->out.tokens.access, "");
		assert_null(strstr(s->e.text, "0ld"));
		scene_close(s);
	}
}

#define GOOGLE "GOCSPX-a1B2c3D4e5F6g7H8i9J0k1L2m3N"

/* A server that repeats what it was asked with: no part of it is told. */
static void
tells_no_secret(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		const char *const replies[] = {
			answer("401 No", "",
			    "{\"error\":\"invalid_client\",\"error_"
			    "description\":\"Bad: " GOOGLE "\"}"),
			NULL
		};
		struct scene *s = scene_open(GOOD, serve_list, replies);

		snprintf(
		    s->grant.refresh, sizeof(s->grant.refresh), "%s", i ? GOOGLE : "0ld");
		snprintf(s->grant.client_secret, sizeof(s->grant.client_secret), "%s",
		    i ? "w0rd" : GOOGLE);
		assert_int_equal(scene_plays(s), STATUS_SETTINGS);
		assert_non_null(strstr(s->e.text, "invalid_client"));
		assert_null(strstr(s->e.text, "Bad"));
		assert_null(strstr(s->e.text, "GOCSPX"));
		scene_close(s);
	}
}

static void
tells_what_was_not_granted(void **state)
{
	const char *const replies[] = { answer("200 OK", "",
					    "{\"token_type\":\"Bearer\",\"access_token\":"
					    "\"a\",\"scope\":\"other\"}"),
		NULL };
	struct scene *s = scene_open(GOOD, serve_list, replies);

	(void)state;
	snprintf(s->grant.refresh, sizeof(s->grant.refresh), "0ld");
	assert_int_equal(scene_plays(s), STATUS_OK);
	assert_string_equal(
	    s->out.tokens.missing, "https://outlook.office.com/SMTP.Send");
	scene_close(s);
}

static void
serve_nothing(struct peer *s)
{
	if (server_accepts(s, true))
		server_reads(s);
}

/* An address that leads to nobody may be misspelt: the key is named. */
static void
names_the_key(void **state)
{
	static char missing[] = "https://127.0.0.1:1/t";
	static const char *const keys[] = { "authority", "token_url" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct scene *s = scene_open(GOOD, serve_nothing, NULL);

		snprintf(s->url, sizeof(s->url), "https://127.0.0.1:1");
		if (i)
			s->account.token_url = missing;
		snprintf(s->grant.refresh, sizeof(s->grant.refresh), "0ld");
		assert_int_equal(scene_plays(s), STATUS_RETRY);
		assert_non_null(strstr(s->e.text, "127.0.0.1:1: it cannot be reached"));
		assert_non_null(strstr(s->e.text, keys[i]));
		assert_null(strstr(s->e.text, keys[!i]));
		assert_non_null(strstr(s->e.text, "office365"));
		scene_close(s);
	}
}

/* Sends the token nowhere else. */
static void
follows_no_redirect(void **state)
{
	char reply[REPLY_BYTES];
	const char *const replies[] = { reply, NULL };
	const char *const granted[] = { answer("200 OK", "", GRANTED), NULL };
	struct peer other = { .serve = serve_list, .replies = granted };
	struct scene *s = scene_open(GOOD, serve_list, replies);

	(void)state;
	server_start(&other, GOOD);
	snprintf(reply, sizeof(reply),
	    "HTTP/1.1 307 There\r\nLocation: https://127.0.0.1:%u/\r\n"
	    "Content-Length: 0\r\n\r\n",
	    other.port);
	snprintf(s->grant.refresh, sizeof(s->grant.refresh), "0ld");
	assert_int_not_equal(scene_plays(s), STATUS_OK);
	server_end(&other);
	assert_int_equal(other.connections, 0);
	assert_int_equal(s->server.requests, 1);
	scene_close(s);
}

static void
tells_trouble(void **state)
{
	static const struct {
		enum kind kind;
		void (*serve)(struct peer *s);
		const char *authority; /* NULL: the fake */
		enum status status;
		enum oauth_verdict verdict;
	} rows[] = {
		{ GOOD, serve_nothing, NULL, STATUS_RETRY, OAUTH_WAIT },
		{ UNKNOWN, serve_nothing, NULL, STATUS_SETTINGS, OAUTH_SETTINGS },
		{ NOT_YET, serve_nothing, NULL, STATUS_RETRY, OAUTH_WAIT },
		{ GOOD, serve_nothing, "http://127.0.0.1", STATUS_SETTINGS,
		    OAUTH_SETTINGS },
		{ GOOD, serve_nothing, "https://127.0.0.1:1", STATUS_RETRY, OAUTH_WAIT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene *s = scene_open(rows[i].kind, rows[i].serve, NULL);

		if (rows[i].authority)
			snprintf(s->url, sizeof(s->url), "%s", rows[i].authority);
		snprintf(s->grant.refresh, sizeof(s->grant.refresh), "0ld");
		assert_int_equal(scene_plays(s), rows[i].status);
		assert_int_equal(s->out.why.verdict, rows[i].verdict);
		assert_int_equal(s->out.after, -1);
		assert_string_equal(s->out.tokens.access, "");
		assert_true(s->e.text[0]);
		scene_close(s);
	}
}

static void
refuses_what_is_too_long(void **state)
{
	struct scene *s = scene_open(GOOD, serve_nothing, NULL);
	char *long_url = calloc(1, 8000);

	(void)state;
	memset(long_url, 'a', 7999);
	s->account.token_url = long_url;
	assert_int_equal(scene_plays(s), STATUS_SETTINGS);
	assert_non_null(strstr(s->e.text, "[account office365]"));
	assert_int_equal(s->out.why.verdict, OAUTH_SETTINGS);
	free(long_url);
	scene_close(s);
}

/* Stopped with the form under way: what it was answered is not lost. */
static void
serve_stop(struct peer *s)
{
	if (!server_accepts(s, true) || !server_reads(s))
		return;
	assert_int_equal(write(s->stop, "x", 1), 1);
	/* it is heard of before the answer, or with it */
	server_says(s, s->replies[0]);
	server_waits(s);
}

static void
waits_for_the_answer_when_stopped(void **state)
{
	const char *const replies[] = { answer("200 OK", "", GRANTED), NULL };
	struct scene *s = scene_open(GOOD, serve_stop, replies);

	(void)state;
	snprintf(s->grant.refresh, sizeof(s->grant.refresh), "0ld");
	assert_int_equal(scene_plays(s), STATUS_OK);
	assert_string_equal(s->out.tokens.refresh, "n3w");
	scene_close(s);
}

static void
stops_before_it_asks(void **state)
{
	struct scene *s = scene_open(GOOD, serve_nothing, NULL);

	(void)state;
	assert_int_equal(write(s->stop[1], "x", 1), 1);
	assert_int_equal(scene_plays(s), STATUS_CANCELLED);
	assert_int_equal(s->server.requests, 0);
	scene_close(s);
}

/* Two questions over one session: a code that is not confirmed yet, then it is. */
static void
asks_over_one_session(void **state)
{
	const char *const replies[] = { answer("400 No", "",
					    "{\"error\":\"authorization_pending\"}"),
		answer("200 OK", "", GRANTED), NULL };
	const struct oauth_question question = {
		.kind = GRANT_DEVICE, .client_id = "cl1ent", .token = "d3vice"
	};
	struct scene *s = scene_open(GOOD, serve_list, replies);
	struct http *session;

	(void)state;
	assert_int_equal(http_open(&session, ca_file, -1, &s->e), STATUS_OK);
	assert_int_equal(
	    signin_ask(&s->out, &s->account, &question, session, &s->e), STATUS_RETRY);
	assert_int_equal(s->out.why.verdict, OAUTH_PENDING);
	if (signin_ask(&s->out, &s->account, &question, session, &s->e) != STATUS_OK)
		fail_msg("%s", s->e.text);
	assert_string_equal(s->out.tokens.access, "acc3ss");
	http_close(session);
	server_end(&s->server);
	assert_int_equal(s->server.connections, 1);
	assert_int_equal(s->server.requests, 2);
	assert_non_null(strstr(s->server.body[1], "device_code=d3vice"));
	assert_null(strstr(s->server.body[1], "scope="));
	scene_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refreshes),
		cmocka_unit_test(asks_as_the_application),
		cmocka_unit_test(tells_refusals),
		cmocka_unit_test(tells_no_secret),
		cmocka_unit_test(tells_what_was_not_granted),
		cmocka_unit_test(names_the_key),
		cmocka_unit_test(follows_no_redirect),
		cmocka_unit_test(tells_trouble),
		cmocka_unit_test(refuses_what_is_too_long),
		cmocka_unit_test(waits_for_the_answer_when_stopped),
		cmocka_unit_test(stops_before_it_asks),
		cmocka_unit_test(asks_over_one_session),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
