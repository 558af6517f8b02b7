/* Tests of lib/web/http.c: exchanges with a web server on loopback that go as they
 * should. What breaks is in test_http_break.c. */
#include "tests/unit/http_rig.h"

enum {
	URL_BYTES = 64,
	STREAM = 24 * 1024 * 1024, /* bytes of a large body */
	GROWTH = 4 * 1024,         /* KB that it may cost */
};

#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

/* A session with a server, and what the callbacks saw. */
struct scene {
	struct peer server;
	char url[URL_BYTES];
	struct http *http;
	struct http_answer answer;
	struct error e;
	int commits;
	uint64_t given, watched, at_commit;
	uint32_t sum;
};

static struct scene *
scene_open(void (*serve)(struct peer *s), const char *const *replies)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->server.serve = serve;
	s->server.replies = replies;
	server_start(&s->server, GOOD);
	snprintf(s->url, sizeof(s->url), "https://127.0.0.1:%u/a?b=c", s->server.port);
	http_answer_init(&s->answer);
	assert_int_equal(http_open(&s->http, ca_file, -1, &s->e), STATUS_OK);
	return s;
}

static void
scene_close(struct scene *s)
{
	http_answer_clear(&s->answer);
	http_close(s->http);
	free(s);
}

static bool
on_commit(void *context)
{
	struct scene *s = context;

	s->commits++;
	s->at_commit = s->watched;
	return true;
}

static void
on_watch(void *context, uint64_t sent)
{
	struct scene *s = context;

	assert_true(sent > s->watched);
	s->watched = sent;
}

static ssize_t
on_read(void *context, char *bytes, size_t len)
{
	struct scene *s = context;

	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)((s->given + i) % 251);
	s->given += len;
	s->sum = sum_add(s->sum, bytes, len);
	return (ssize_t)len;
}

static void
exchange(struct scene *s, const struct http_request *r)
{
	enum status status = http_exchange(s->http, r, &s->answer, &s->e);

	if (status != STATUS_OK)
		fail_msg("%d: %s", status, s->e.text);
}

static void
asks_and_hears(void **state)
{
	static const char *const replies[] = {
		"HTTP/1.1 100 Continue\r\nLocation: no\r\n\r\nHTTP/1.1 200 OK\r\n"
		"Content-Length: 5\r\nrequest-id: 1-a\r\nx-ms-request-id: 2-b\r\n\r\nhello",
		NULL
	};
	struct scene *s = scene_open(serve_list, replies);

	(void)state;
	exchange(s, &(struct http_request){ .method = "GET", .url = s->url });
	server_end(&s->server);
	assert_int_equal(s->answer.code, 200);
	assert_string_equal(buf_text(&s->answer.body), "hello");
	assert_string_equal(s->answer.request_id, "1-a");
	assert_string_equal(s->answer.location, "");
	assert_int_equal(s->answer.retry_after, -1);
	assert_false(s->answer.committed || s->answer.unreachable);
	assert_ptr_equal(
	    strstr(s->server.head[0], "GET /a?b=c HTTP/1.1\r\n"), s->server.head[0]);
	assert_null(strstr(s->server.head[0], "Authorization"));
	assert_null(strstr(s->server.head[0], "Content-"));
	assert_null(strstr(s->server.head[0], "Cookie"));
	assert_non_null(
	    strstr(s->server.head[0], "User-Agent: Postroom/" POSTROOM_VERSION "\r\n"));
	scene_close(s);
}

/* Each method, with what it carries. */
static const struct {
	const char *method, *type, *bytes, *length;
	uint64_t at_commit;
} methods[] = {
	{ "POST", "application/json", "a=1&b=2", "Content-Length: 7\r\n", 5 },
	{ "PUT", NULL, "a=1&b=2", "Content-Length: 7\r\n", 5 },
	{ "POST", NULL, "", "Content-Length: 0\r\n", 0 },
	{ "PUT", NULL, "x", "Content-Length: 1\r\n", 0 },
	{ "PUT", NULL, "xyz", "Content-Length: 3\r\n", 1 },
	{ "DELETE", NULL, "", "\r\n\r\n", 0 },
	{ "GET", NULL, "", "\r\n\r\n", 0 },
};

enum {
	METHODS = sizeof(methods) / sizeof(methods[0]),
};

/* They came as they should. */
static void
expect_methods(const struct scene *s)
{
	for (size_t i = 0; i < METHODS; i++) {
		const char *head = s->server.head[i];

		if (strncmp(head, methods[i].method, strlen(methods[i].method)) != 0 ||
		    !strstr(head, methods[i].length) ||
		    strcmp(s->server.body[i], methods[i].bytes) != 0)
			fail_msg("%s%s", head, s->server.body[i]);
		assert_null(strstr(head, "Expect"));
		assert_null(strstr(head, "Transfer-Encoding"));
		/* said to the one that it was given for */
		assert_int_equal(
		    strstr(head, "Authorization: Bearer t0p-s3cret\r\n") != NULL, i == 0);
		assert_int_equal(
		    strstr(head, "Content-Range: bytes 0-6/7\r\n") != NULL, i == 1);
		assert_int_equal(strstr(head, "Content-Type") != NULL, i == 0);
	}
}

/* commit is called once, before the last two bytes. */
static void
sends_methods(void **state)
{
	const char *replies[METHODS + 1] = { NULL };
	struct scene *s;

	(void)state;
	for (size_t i = 0; i < METHODS; i++)
		replies[i] = OK_EMPTY;
	s = scene_open(serve_list, replies);
	for (size_t i = 0; i < METHODS; i++) {
		const char *const more[] = { "Content-Range: bytes 0-6/7", NULL };
		const struct http_request r = { .method = methods[i].method,
			.url = s->url,
			.type = methods[i].type,
			.bearer = i == 0 ? "t0p-s3cret" : NULL,
			.fields = i == 1 ? more : NULL,
			.bytes = methods[i].bytes,
			.size = strlen(methods[i].bytes),
			.commit = on_commit,
			.watch = on_watch,
			.context = s };

		s->commits = 0;
		s->watched = s->at_commit = 0;
		exchange(s, &r);
		assert_int_equal(s->commits, 1);
		assert_int_equal(s->at_commit, methods[i].at_commit);
		assert_int_equal(s->watched, r.size);
		assert_true(s->answer.committed);
		assert_int_equal(s->answer.body.len, 0);
	}
	server_end(&s->server);
	assert_int_equal(s->server.connections, 1);
	expect_methods(s);
	scene_close(s);
}

/* In pieces, with trailers, which are no header. */
static void
reads_chunks(void **state)
{
	static const char *const replies[] = {
		"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n"
		"Location: /first\r\n\r\n"
		"5;x=y\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nLocation: /late\r\n"
		"Retry-After: 7\r\n\r\n",
		NULL
	};
	struct scene *s = scene_open(serve_list, replies);

	(void)state;
	exchange(s, &(struct http_request){ .method = "GET", .url = s->url });
	server_end(&s->server);
	assert_int_equal(s->answer.code, 201);
	assert_string_equal(buf_text(&s->answer.body), "hello world");
	assert_string_equal(s->answer.location, "/first");
	assert_int_equal(s->answer.retry_after, -1);
	scene_close(s);
}

/* What an answer says beside its body. */
static void
reads_fields(void **state)
{
	static const struct {
		const char *reply;
		int code, retry_after;
		const char *id;
	} rows[] = {
		{ "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"
		  "WWW-Authenticate: Negotiate\r\n",
		    401, -1, "" },
		{ "HTTP/1.1 429 Many\r\nretry-after: 17 \r\nX-MS-Request-Id: b-2\r\n",
		    429, 17, "b-2" },
		{ "HTTP/1.1 503 Busy\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
		  "Retry-After: Sun, 06 Nov 1994 08:50:37 GMT\r\n",
		    503, 60, "" },
		{ "HTTP/1.0 429 Many\r\nRetry-After: soon\r\nrequest-id: \x1b[2J\r\n",
		    429, -1, "" },
		{ "HTTP/1.1 429 Many\r\nrequest-id: "
		  "0123456789012345678901234567890123456789012345678901234567890123456\r\n",
		    429, -1,
		    "012345678901234567890123456789012345678901234567890123456789012" },
		{ "HTTP/1.1 302 There\r\nLocation: https://x.example/\xc3\xa9\r\n", 302,
		    -1, "" },
	};
	enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		char reply[1024];
		const char *const replies[] = { reply, NULL };
		struct scene *s = scene_open(serve_list, replies);

		snprintf(
		    reply, sizeof(reply), "%sContent-Length: 2\r\n\r\n{}", rows[i].reply);
		exchange(s, &(struct http_request){ .method = "GET", .url = s->url });
		server_end(&s->server);
		assert_int_equal(s->server.requests, 1);
		assert_int_equal(s->answer.code, rows[i].code);
		assert_int_equal(s->answer.retry_after, rows[i].retry_after);
		assert_string_equal(s->answer.request_id, rows[i].id);
		assert_string_equal(s->answer.location, "");
		assert_string_equal(buf_text(&s->answer.body), "{}");
		scene_close(s);
	}
}

/* Nobody is sent anywhere, and no token with him. */
static void
follows_no_redirect(void **state)
{
	char reply[200];
	const char *const replies[] = { reply, NULL };
	struct peer other = { .serve = serve_list, .replies = replies };
	struct scene *s;

	(void)state;
	server_start(&other, GOOD);
	for (int code = 301; code <= 308; code++) {
		char there[URL_BYTES];

		s = scene_open(serve_list, replies);
		snprintf(there, sizeof(there), "https://127.0.0.1:%u/x", other.port);
		snprintf(reply, sizeof(reply),
		    "HTTP/1.1 %d There\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
		    code, there);
		exchange(s,
		    &(struct http_request){ .method = "POST",
			.url = s->url,
			.bearer = "t0p-s3cret",
			.bytes = "ab",
			.size = 2 });
		server_end(&s->server);
		assert_int_equal(s->answer.code, code);
		assert_string_equal(s->answer.location, there);
		assert_int_equal(s->server.requests, 1);
		scene_close(s);
	}
	server_end(&other);
	assert_int_equal(other.connections, 0);
}

/* -- large bodies ---------------------------------------------------------------- */

/* What the sanitizer keeps of freed memory is no growth. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return "quarantine_size_mb=1:thread_local_quarantine_size_kb=64";
}

static long
memory(const char *key)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[200];
	long kb = -1;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			kb = strtol(line + strlen(key), NULL, 10);
	fclose(f);
	return kb;
}

static void
forget_peak(void)
{
	FILE *f = fopen("/proc/self/clear_refs", "w");

	assert_non_null(f);
	assert_true(fputs("5", f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
streams_without_memory(void **state)
{
	static const char *const replies[] = { OK_EMPTY, OK_EMPTY, NULL };
	struct scene *s = scene_open(serve_list, replies);
	struct http_request r = { .method = "PUT",
		.url = s->url,
		.size = STREAM,
		.read = on_read,
		.commit = on_commit,
		.watch = on_watch,
		.context = s };
	long before, peak;

	(void)state;
	exchange(s, &(struct http_request){ .method = "GET", .url = s->url });
	before = memory("VmRSS:");
	forget_peak();
	exchange(s, &r);
	peak = memory("VmHWM:");
	server_end(&s->server);
	assert_int_equal(s->server.size, STREAM);
	assert_int_equal(s->server.sum, s->sum);
	assert_int_equal(s->given, STREAM);
	assert_int_equal(s->at_commit, STREAM - 2);
	if (peak - before > GROWTH)
		fail_msg("%ld KB", peak - before);
	scene_close(s);
}

/* -- addresses ------------------------------------------------------------------- */

static void
knows_hosts(void **state)
{
	static const struct {
		const char *url, *host;
		uint16_t port;
	} rows[] = {
		{ "https://graph.microsoft.com/v1.0", "graph.microsoft.com", 443 },
		{ "HTTPS://localhost:8443", "localhost", 8443 },
		{ "https://127.0.0.1:65535/?a", "127.0.0.1", 65535 },
		{ "https://[::1]:1/x", "::1", 1 },
		{ "http://example.com/", NULL, 0 },
		{ "https:/example.com/", NULL, 0 },
		{ "https:///example.com/", NULL, 0 },
		{ "https://", NULL, 0 },
		{ "https://:443/", NULL, 0 },
		{ "https://user@example.com/", NULL, 0 },
		{ "https://user:word@example.com/", NULL, 0 },
		{ "https://@example.com/", NULL, 0 },
		{ "https://example.com\\@other.example/", NULL, 0 },
		{ "https://example.com:0/", NULL, 0 },
		{ "https://example.com:65536/", NULL, 0 },
		{ "https://example.com:x/", NULL, 0 },
		{ "https://example.com/a b", NULL, 0 },
		{ "https://example.com/a\r\nX: y", NULL, 0 },
		{ "https://ex\xc3\xa4mple.com/", NULL, 0 },
		{ " https://example.com/", NULL, 0 },
		{ "ftp://example.com/", NULL, 0 },
		{ "example.com", NULL, 0 },
		{ "", NULL, 0 },
		{ NULL, NULL, 0 },
	};
	char host[64], small[19], *longest = malloc(HTTP_URL_MAX + 1);
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool good = http_host(host, sizeof(host), &port, rows[i].url);

		if (good != (rows[i].host != NULL))
			fail_msg("%s", rows[i].url);
		if (!good)
			continue;
		assert_string_equal(host, rows[i].host);
		assert_int_equal(port, rows[i].port);
	}
	assert_false(http_host(small, sizeof(small), &port, rows[0].url));
	memset(longest, 'a', HTTP_URL_MAX);
	memcpy(longest, "https://h/", 10);
	longest[HTTP_URL_MAX] = '\0';
	assert_false(http_host(host, sizeof(host), &port, longest));
	longest[HTTP_URL_MAX - 1] = '\0';
	assert_true(http_host(host, sizeof(host), &port, longest));
	free(longest);
}

/* Nothing is asked where the address is none, or the request is no request. */
static void
refuses_requests(void **state)
{
	static const char *const replies[] = { NULL };
	struct scene *s = scene_open(serve_list, replies);
	char there[URL_BYTES], user[URL_BYTES];
	const struct http_request rows[] = {
		{ .method = "GET", .url = there },
		{ .method = "GET", .url = user },
		{ .method = "TRACE", .url = s->url },
		{ .method = "GET", .url = s->url, .bearer = "a\r\nX: y" },
	};

	(void)state;
	snprintf(there, sizeof(there), "http://127.0.0.1:%u/", s->server.port);
	snprintf(user, sizeof(user), "https://secret@127.0.0.1:%u/", s->server.port);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(
		    http_exchange(s->http, &rows[i], &s->answer, &s->e), STATUS_SETTINGS);
		assert_null(strstr(s->e.text, "secret"));
		assert_int_equal(s->answer.code, 0);
	}
	server_end(&s->server);
	assert_int_equal(s->server.connections, 0);
	scene_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_and_hears),
		cmocka_unit_test(sends_methods),
		cmocka_unit_test(reads_chunks),
		cmocka_unit_test(reads_fields),
		cmocka_unit_test(follows_no_redirect),
		cmocka_unit_test(streams_without_memory),
		cmocka_unit_test(knows_hosts),
		cmocka_unit_test(refuses_requests),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
