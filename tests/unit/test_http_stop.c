/* Tests of lib/web/http.c: exchanges that stand still, are stopped, or broken off by a
 * callback. */
#include <poll.h>

#include "tests/unit/http_scene.h"

enum {
	NEVER = SERVER_PATIENCE,
	DROP_MS = 100, /* from one byte to the next */
};

/* -- what servers do ------------------------------------------------------------- */

static void
serve_silence(struct peer *s)
{
	if (server_accepts(s, true))
		server_reads(s);
	server_waits(s);
}

/* Reads the head alone, and the rest stays with the client. */
static void
serve_stall(struct peer *s)
{
	if (server_accepts(s, true))
		server_reads_head(s);
	server_waits(s);
}

static void
serve_stall_and_stop(struct peer *s)
{
	if (server_accepts(s, true))
		server_reads_head(s);
	press_stop(s->stop);
	server_waits(s);
}

static void
serve_no_tls_and_stop(struct peer *s)
{
	server_accepts(s, false);
	press_stop(s->stop);
	server_waits(s);
}

/* Answers a byte at a time, for ten seconds. */
static void
serve_drops(struct peer *s)
{
	struct pollfd gone = { .events = POLLIN };

	if (!server_accepts(s, true) || !server_reads(s))
		return;
	gone.fd = s->fd;
	server_says(s, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
	while (poll(&gone, 1, DROP_MS) == 0 && server_says(s, "x"))
		;
}

/* -- silence and stop ------------------------------------------------------------ */

static void
loses_patience(void **state)
{
	static const struct {
		void (*serve)(struct peer *s);
		uint64_t size;
		unsigned silence, patience;
		bool committed;
	} rows[] = {
		{ serve_stall, LARGE, 1, NEVER, false },
		{ serve_silence, SMALL, NEVER, 1, true },
		{ serve_silence, 0, 1, 0, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene *s = scene_new(rows[i].serve);
		struct http_request r;
		time_t began = time(NULL);

		scene_open(s);
		r = request(s, rows[i].size);
		r.silence = rows[i].silence;
		r.patience = rows[i].patience;
		assert_int_equal(exchange(s, &r), STATUS_RETRY);
		expect_text(s, "it does not answer");
		assert_true(time(NULL) - began < NEVER / 2);
		assert_int_equal(s->answer.committed, rows[i].committed);
		assert_false(s->answer.unreachable);
		http_close(s->http);
		server_end(&s->server);
		scene_free(s);
	}
}

/* An answer that trickles in has an end, too. */
static void
loses_patience_with_drops(void **state)
{
	struct scene *s = scene_new(serve_drops);
	time_t began = time(NULL);
	struct http_request r;

	(void)state;
	scene_open(s);
	r = request(s, SMALL);
	r.longest = 2;
	assert_int_equal(exchange(s, &r), STATUS_RETRY);
	expect_text(s, "it takes too long over its answer");
	assert_true(time(NULL) - began < NEVER / 2);
	assert_true(s->answer.committed);
	assert_int_equal(s->answer.code, 200);
	assert_true(s->answer.body.len > 1);
	assert_false(s->answer.unreachable);
	http_close(s->http);
	server_end(&s->server);
	scene_free(s);
}

static void
stops_before_the_commit(void **state)
{
	static const struct {
		void (*serve)(struct peer *s);
		uint64_t size, stop_at;
	} rows[] = {
		{ serve_stall_and_stop, LARGE, 0 },
		{ serve_no_tls_and_stop, SMALL, 0 },
		/* the last bytes but two have left */
		{ serve_silence, SMALL, SMALL - 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene *s = scene_new(rows[i].serve);

		s->stop_at = rows[i].stop_at;
		assert_int_equal(play(s, rows[i].size), STATUS_CANCELLED);
		assert_int_equal(s->commits, 0);
		assert_false(s->answer.committed || s->answer.unreachable);
		scene_free(s);
	}
}

static void
stops_at_once(void **state)
{
	struct scene *s = scene_new(serve_empty);

	(void)state;
	press_stop(s->stop[1]);
	assert_int_equal(play(s, 0), STATUS_CANCELLED);
	assert_int_equal(s->server.requests + s->commits, 0);
	scene_free(s);
}

/* Without a commit there is nothing to wait for. */
static void
stops_without_a_commit(void **state)
{
	struct scene *s = scene_new(serve_stall_and_stop);
	struct http_request r;

	(void)state;
	scene_open(s);
	r = request(s, SMALL);
	r.commit = NULL;
	assert_int_equal(exchange(s, &r), STATUS_CANCELLED);
	http_close(s->http);
	server_end(&s->server);
	scene_free(s);
}

/* What may have arrived is worth waiting for. */
static void
waits_for_the_answer_after_the_commit(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct scene *s = scene_new(serve_empty);

		s->stop_at_commit = true;
		assert_int_equal(play(s, i ? SMALL : 0), STATUS_OK);
		assert_int_equal(s->answer.code, 200);
		assert_true(s->answer.committed);
		scene_free(s);
	}
}

static void
does_not_call_it_stopped_after_the_commit(void **state)
{
	struct scene *s = scene_new(serve_silence);
	struct http_request r;

	(void)state;
	s->stop_at_commit = true;
	scene_open(s);
	r = request(s, SMALL);
	r.patience = 1;
	assert_int_equal(exchange(s, &r), STATUS_RETRY);
	assert_true(s->answer.committed);
	http_close(s->http);
	server_end(&s->server);
	scene_free(s);
}

/* -- callbacks that fail --------------------------------------------------------- */

static void
holds_the_end_back(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct scene *s = scene_new(serve_silence);

		s->hold_back = true;
		assert_int_equal(play(s, i ? SMALL : 0), STATUS_RETRY);
		expect_text(s, "its end was held back");
		assert_int_equal(s->commits, 1);
		assert_false(s->answer.committed);
		assert_int_equal(s->server.size, i ? SMALL - 2 : 0);
		assert_int_equal(s->server.requests, i); /* without a body, not a byte */
		scene_free(s);
	}
}

static void
tells_why_it_cannot_read(void **state)
{
	static const struct {
		uint64_t size, fail_at;
		int failure;
		const char *text;
	} rows[] = {
		{ LARGE, LARGE / 2, EIO, "cannot read the document" },
		{ LARGE, LARGE / 2, 0, "cannot read the document" },
		{ SMALL, SMALL - 2, EIO, "cannot read the document" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene *s = scene_new(serve_silence);

		s->fail_at = rows[i].fail_at;
		s->failure = rows[i].failure;
		assert_int_equal(play(s, rows[i].size), STATUS_RETRY);
		assert_non_null(strstr(s->e.text, rows[i].text));
		assert_non_null(strstr(s->e.text, strerror(s->failure ? EIO : ENODATA)));
		assert_int_equal(s->answer.committed, rows[i].size == SMALL);
		scene_free(s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loses_patience),
		cmocka_unit_test(loses_patience_with_drops),
		cmocka_unit_test(stops_before_the_commit),
		cmocka_unit_test(stops_at_once),
		cmocka_unit_test(stops_without_a_commit),
		cmocka_unit_test(waits_for_the_answer_after_the_commit),
		cmocka_unit_test(does_not_call_it_stopped_after_the_commit),
		cmocka_unit_test(holds_the_end_back),
		cmocka_unit_test(tells_why_it_cannot_read),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
