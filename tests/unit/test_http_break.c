/* Tests of lib/web/http.c: servers that are not what they should be, and what is known
 * of the request where an exchange breaks. Silence and stop are in test_http_stop.c. */
#include "tests/unit/http_scene.h"

enum {
	BLOCK = 1000,
	RESETS_MAX = 20,
};

/* -- what servers do ------------------------------------------------------------- */

/* Reads the head of a request and hangs up. */
static void
serve_half(struct peer *s)
{
	if (server_accepts(s, true))
		server_reads_head(s);
}

/* Reads a request and hangs up. */
static void
serve_nothing(struct peer *s)
{
	if (server_accepts(s, true))
		server_reads(s);
}

/* Reads a request and answers something, of which it is not whole, then hangs up. */
static void
serve_cut(struct peer *s)
{
	serve_nothing(s);
	server_says(s, *s->replies);
	SSL_shutdown(s->ssl);
}

static void
serve_ssh(struct peer *s)
{
	static const char words[] = "SSH-2.0-OpenSSH_9.2\r\n";

	if (server_accepts(s, false))
		send(s->fd, words, strlen(words), MSG_NOSIGNAL);
	server_waits(s);
}

static void
serve_hang_up(struct peer *s)
{
	server_accepts(s, false);
}

/* The same piece again and again, until the client is gone. */
static void
serve_endless(struct peer *s)
{
	serve_nothing(s);
	server_says(s, s->replies[0]);
	while (server_says(s, s->replies[1]))
		;
}

/* -- the connection -------------------------------------------------------------- */

static void
distrusts(void **state)
{
	static const struct {
		enum kind kind;
		const char *ca_file; /* NULL: ours */
	} rows[] = {
		{ OTHER_NAME, NULL },
		{ EXPIRED, NULL },
		{ UNKNOWN, NULL },
		{ GOOD, "" },
		{ GOOD, "/nonexistent/ca.pem" },
		{ GOOD, "/proc/self/status" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene *s = scene_new(serve_empty);

		s->kind = rows[i].kind;
		if (rows[i].ca_file)
			s->ca_file = rows[i].ca_file;
		assert_int_equal(play(s, i % 2 ? SMALL : 0), STATUS_SETTINGS);
		expect_text(s, "ca_file");
		assert_int_equal(s->server.requests, 0);
		assert_int_equal(s->commits, 0);
		assert_false(s->answer.committed || s->answer.unreachable);
		scene_free(s);
	}
}

/* A clock that is wrong stops nothing for good. */
static void
suspects_the_clock(void **state)
{
	struct scene *s = scene_new(serve_empty);

	(void)state;
	s->kind = NOT_YET;
	assert_int_equal(play(s, SMALL), STATUS_RETRY);
	expect_text(s, "its certificate is not valid yet by this machine's clock (20");
	expect_text(s, "nothing was sent");
	assert_int_equal(s->server.requests, 0);
	assert_false(s->answer.committed || s->answer.unreachable);
	scene_free(s);
}

static void
reaches_nobody(void **state)
{
	/* a label of 64 bytes is none: no nameserver is asked */
	static const char long_url[] =
	    "https://"
	    "0123456789012345678901234567890123456789012345678901234567890123"
	    ".invalid/SECRET";
	struct scene *s = scene_new(serve_empty);
	struct http_request r;

	(void)state;
	scene_open(s);
	server_end(&s->server); /* its port is closed */
	r = request(s, 0);
	assert_int_equal(exchange(s, &r), STATUS_RETRY);
	expect_text(s, "cannot be reached");
	assert_true(s->answer.unreachable);
	assert_int_equal(s->commits, 0);
	r.url = long_url;
	assert_int_equal(exchange(s, &r), STATUS_RETRY);
	assert_non_null(strstr(s->e.text, ".invalid:443: its name cannot be resolved"));
	assert_true(s->answer.unreachable);
	assert_int_equal(s->commits, 0);
	http_close(s->http);
	scene_free(s);
}

static void
needs_tls(void **state)
{
	static void (*const servers[])(struct peer *) = { serve_ssh, serve_hang_up };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct scene *s = scene_new(servers[i]);

		assert_int_equal(play(s, 0), STATUS_RETRY);
		expect_text(s, "TLS could not be agreed on");
		assert_int_equal(s->commits, 0);
		assert_false(s->answer.unreachable);
		scene_free(s);
	}
}

/* Before the commit nothing has arrived, afterwards it may have. */
static void
knows_what_may_have_arrived(void **state)
{
	static const struct {
		void (*serve)(struct peer *s);
		uint64_t size;
		int commits;
	} rows[] = {
		{ serve_half, LARGE, 0 },
		{ serve_nothing, SMALL, 1 },
		{ serve_nothing, LARGE, 1 },
		{ serve_nothing, 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene *s = scene_new(rows[i].serve);

		assert_int_equal(play(s, rows[i].size), STATUS_RETRY);
		expect_text(s, "");
		assert_int_equal(s->commits, rows[i].commits);
		assert_int_equal(s->answer.committed, rows[i].commits);
		assert_int_equal(s->answer.code, 0);
		assert_int_equal(s->server.requests, 1);
		assert_int_equal(s->server.connections, 1);
		assert_false(s->answer.unreachable);
		scene_free(s);
	}
}

/* A kept connection that turns out dead: nothing that has begun to leave, or was
 * committed, is sent once more. */
static void
sends_nothing_twice(void **state)
{
	static const struct {
		uint64_t size;
		bool commit;
		int requests;
	} rows[] = { { 0, true, 2 }, { SMALL, true, 2 }, { SMALL, false, 2 },
		{ 0, false, 3 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const bool again = rows[i].requests == 3;
		struct scene *s = scene_new(serve_list);
		struct http_request r;

		/* the third request is read where the second reply would be */
		s->server.replies = (const char *const[]){ OK_EMPTY, "", OK_EMPTY, NULL };
		scene_open(s);
		r = request(s, 0);
		assert_int_equal(exchange(s, &r), STATUS_OK);
		r = request(s, rows[i].size);
		r.commit = rows[i].commit ? on_commit : NULL;
		s->commits = 0;
		assert_int_equal(exchange(s, &r), again ? STATUS_OK : STATUS_RETRY);
		http_close(s->http);
		server_end(&s->server);
		assert_int_equal(s->server.requests, rows[i].requests);
		assert_int_equal(s->commits, rows[i].commit);
		assert_int_equal(s->answer.committed, rows[i].commit);
		scene_free(s);
	}
}

/* -- answers --------------------------------------------------------------------- */

static void
hears_nonsense(void **state)
{
	static const char *const rows[] = {
		"SSH-2.0-OpenSSH_9.2\r\n",
		"\r\n\r\n",
		"<html>it works</html>",
		"HTTP/1.1\r\n\r\n",
		"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nContent-Len",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
		"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene *s = scene_new(serve_cut);

		s->server.replies = &rows[i];
		if (play(s, SMALL) != STATUS_RETRY)
			fail_msg("%s", rows[i]);
		expect_text(s, "");
		assert_true(s->answer.committed);
		scene_free(s);
	}
}

/* The code stands where it came whole; a refusal counts without its words. */
static void
keeps_the_code_of_a_cut_answer(void **state)
{
	static const struct {
		const char *reply;
		enum status status;
		int code;
	} rows[] = {
		{ "HTTP/1.1 202 OK\r\nContent-Length: 5\r\n\r\nab", STATUS_RETRY, 202 },
		{ "HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nab", STATUS_OK, 403 },
		{ "HTTP/1.1 403 No\r\nContent-Length: 5\r\n", STATUS_RETRY, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene *s = scene_new(serve_cut);

		s->server.replies = &rows[i].reply;
		assert_int_equal(play(s, SMALL), rows[i].status);
		assert_int_equal(s->answer.code, rows[i].code);
		scene_free(s);
	}
}

static void
bounds_answers(void **state)
{
	static char block[BLOCK + 1];
	const struct {
		const char *pieces[2];
		const char *text;
	} rows[] = {
		{ { "HTTP/1.1 200 OK\r\n\r\n", block }, "too large" },
		{ { "HTTP/1.1 400 OK\r\n\r\n", block }, "too large" },
		{ { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		      "4\r\nabcd\r\n" },
		    "too large" },
		{ { "HTTP/1.1 200 OK\r\n", "X-Field: something\r\n" }, "too large" },
		{ { "HTTP/1.1 200 OK\r\nX: ", block }, "" },
		{ { "", "HTTP/1.1 100 Continue\r\n\r\n" }, "too large" },
		{ { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
		      "X-Field: something\r\n" },
		    "too large" },
	};

	(void)state;
	memset(block, 'a', BLOCK);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene *s = scene_new(serve_endless);

		s->server.replies = rows[i].pieces;
		if (play(s, SMALL) != STATUS_RETRY)
			fail_msg("row %zu", i);
		expect_text(s, rows[i].text);
		assert_true(s->answer.body.len <= HTTP_ANSWER_MAX);
		scene_free(s);
	}
}

/* What fits exactly is taken. */
static void
takes_the_largest_answer(void **state)
{
	const size_t room = HTTP_ANSWER_MAX + BLOCK;
	char *reply = calloc(1, room);
	const char *const replies[] = { reply, NULL };

	(void)state;
	for (int more = 0; more < 2; more++) {
		struct scene *s = scene_new(serve_list);
		const int size = HTTP_ANSWER_MAX + more;
		int len = snprintf(
		    reply, room, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size);

		memset(reply + len, 'a', (size_t)size);
		s->server.replies = replies;
		assert_int_equal(play(s, 0), more ? STATUS_RETRY : STATUS_OK);
		if (!more)
			assert_int_equal(s->answer.body.len, HTTP_ANSWER_MAX);
		scene_free(s);
	}
	free(reply);
}

/* -- answers that come too early ------------------------------------------------- */

#define TOO_LARGE "HTTP/1.1 413 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"

static void
serve_early_refusal(struct peer *s)
{
	serve_half(s);
	server_says(s, *s->replies);
	server_waits(s);
}

/* The kernel resets the connection, as what was sent lies unread. */
static void
serve_early_refusal_and_reset(struct peer *s)
{
	serve_half(s);
	server_says(s, *s->replies);
}

static const char *const refusals[] = { TOO_LARGE,
	"HTTP/1.1 401 Who\r\nContent-Length: 2\r\n\r\n{}" };

static void
expect_refusal(const struct scene *s, int code)
{
	assert_int_equal(s->answer.code, code);
	assert_string_equal(buf_text(&s->answer.body), "{}");
	assert_int_equal(s->commits, 0);
	assert_false(s->answer.committed);
}

static void
hears_early_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct scene *s = scene_new(serve_early_refusal);

		s->server.replies = &refusals[i];
		if (play(s, LARGE) != STATUS_OK)
			fail_msg("%zu: %s", i, s->e.text);
		expect_refusal(s, i ? 401 : 413);
		scene_free(s);
	}
}

/* A reset that comes while libcurl is sending hides the answer before it from libcurl; it
 * does not do so each time. */
static void
hears_early_refusals_before_a_reset(void **state)
{
	bool heard = false;

	(void)state;
	for (int i = 0; i < RESETS_MAX && !heard; i++) {
		struct scene *s = scene_new(serve_early_refusal_and_reset);
		enum status status;

		s->server.replies = refusals;
		status = play(s, LARGE);
		heard = status == STATUS_OK;
		if (heard)
			expect_refusal(s, 413);
		assert_true(heard || status == STATUS_RETRY);
		assert_false(s->answer.committed || s->answer.unreachable);
		scene_free(s);
	}
	assert_true(heard);
}

/* A yes to half a request is none. */
static void
serve_early_yes(struct peer *s)
{
	char byte;

	serve_half(s);
	server_says(s, OK_EMPTY);
	while (SSL_read(s->ssl, &byte, 1) == 1)
		;
}

static void
believes_no_early_yes(void **state)
{
	struct scene *s = scene_new(serve_early_yes);

	(void)state;
	assert_int_equal(play(s, LARGE), STATUS_RETRY);
	expect_text(s, "before it had the whole request");
	assert_int_equal(s->commits, 0);
	assert_false(s->answer.committed);
	scene_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distrusts),
		cmocka_unit_test(suspects_the_clock),
		cmocka_unit_test(reaches_nobody),
		cmocka_unit_test(needs_tls),
		cmocka_unit_test(knows_what_may_have_arrived),
		cmocka_unit_test(sends_nothing_twice),
		cmocka_unit_test(hears_nonsense),
		cmocka_unit_test(keeps_the_code_of_a_cut_answer),
		cmocka_unit_test(bounds_answers),
		cmocka_unit_test(takes_the_largest_answer),
		cmocka_unit_test(hears_early_refusals),
		cmocka_unit_test(hears_early_refusals_before_a_reset),
		cmocka_unit_test(believes_no_early_yes),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
