/*
 * A scene of one or two exchanges with a web server, for the tests of what breaks in
 * lib/web/http.c. To be included once, by a test.
 */
#ifndef POSTROOM_TESTS_HTTP_SCENE_H
#define POSTROOM_TESTS_HTTP_SCENE_H

#include <errno.h>

#include "tests/unit/http_rig.h"

enum {
	URL_BYTES = 64,
	LARGE = 24 * 1024 * 1024, /* bytes of a body that fits no buffer */
	SMALL = 10,
};

#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

/* An exchange, and what the callbacks saw. */
struct scene {
	struct peer server;
	struct http *http;
	struct http_answer answer;
	struct error e;
	enum kind kind;
	const char *ca_file;
	char url[URL_BYTES];
	int stop[2];
	/* what the callbacks are to do */
	bool hold_back, stop_at_commit;
	uint64_t stop_at, fail_at; /* bytes of the body; 0: never */
	int failure;               /* errno; 0: the body ends */
	/* what they saw */
	int commits;
	uint64_t given;
};

static struct scene *
scene_new(void (*serve)(struct peer *s))
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->server.serve = serve;
	s->ca_file = ca_file;
	assert_int_equal(pipe(s->stop), 0);
	s->server.stop = s->stop[1];
	http_answer_init(&s->answer);
	return s;
}

static void
scene_open(struct scene *s)
{
	server_start(&s->server, s->kind);
	snprintf(s->url, sizeof(s->url), "https://127.0.0.1:%u/SECRET", s->server.port);
	assert_int_equal(http_open(&s->http, s->ca_file, s->stop[0], &s->e), STATUS_OK);
}

static void
scene_free(struct scene *s)
{
	http_answer_clear(&s->answer);
	close(s->stop[0]);
	close(s->stop[1]);
	free(s);
}

static void
press_stop(int fd)
{
	assert_int_equal(write(fd, "x", 1), 1);
}

static bool
on_commit(void *context)
{
	struct scene *s = context;

	s->commits++;
	if (s->stop_at_commit)
		press_stop(s->stop[1]);
	return !s->hold_back;
}

static void
on_watch(void *context, uint64_t sent)
{
	struct scene *s = context;

	if (s->stop_at && sent >= s->stop_at) {
		press_stop(s->stop[1]);
		s->stop_at = 0;
	}
}

static ssize_t
on_read(void *context, char *bytes, size_t len)
{
	struct scene *s = context;

	if (s->fail_at && s->given >= s->fail_at) {
		errno = s->failure;
		return s->failure ? -1 : 0;
	}
	memset(bytes, 'x', len);
	s->given += len;
	return (ssize_t)len;
}

/* A request with a body of that size (0: none), all callbacks set. */
static struct http_request
request(struct scene *s, uint64_t size)
{
	return (struct http_request){ .method = "POST",
		.url = s->url,
		.bearer = "t0p-SECRET",
		.size = size,
		.read = on_read,
		.commit = on_commit,
		.watch = on_watch,
		.context = s,
		.silence = SERVER_PATIENCE };
}

static enum status
exchange(struct scene *s, const struct http_request *r)
{
	enum status status;

	s->e.text[0] = '\0';
	status = http_exchange(s->http, r, &s->answer, &s->e);
	if (status != STATUS_OK && (strstr(s->e.text, "SECRET") || !s->e.text[0]))
		fail_msg("%s", s->e.text);
	return status;
}

/* A scene of one exchange. */
static enum status
play(struct scene *s, uint64_t size)
{
	struct http_request r;
	enum status status;

	scene_open(s);
	r = request(s, size);
	status = exchange(s, &r);
	http_close(s->http);
	server_end(&s->server);
	return status;
}

static void
expect_text(const struct scene *s, const char *text)
{
	char host[URL_BYTES];

	snprintf(host, sizeof(host), "127.0.0.1:%u: ", s->server.port);
	if (strstr(s->e.text, host) != s->e.text || !strstr(s->e.text, text))
		fail_msg("%s", s->e.text);
}

static void
serve_empty(struct peer *s)
{
	static const char *const replies[] = { OK_EMPTY, OK_EMPTY, NULL };

	s->replies = replies;
	serve_list(s);
}

#endif
