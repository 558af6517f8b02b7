/* Tests of admin/listener.c, with browsers that have spoken before it looks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin/listener.h"

enum {
	BROWSERS_MAX = 2 * LISTENER_PEERS,
	ANSWER_MAX = 2048,
};

#define GOOD "GET /?code=the-code&state=st HTTP/1.1\r\nHost: localhost\r\n\r\n"

/* A wait, and who speaks to it. */
static struct {
	struct errand_side side;
	int typing; /* the other end of side.home */
	uint16_t port;
	int browser[BROWSERS_MAX];
	size_t count;
} w;
static struct redirect found;
static struct error e;

static int
set_up(void **state)
{
	int ends[2];

	(void)state;
	w.port = 0;
	w.count = 0;
	memset(&found, 0, sizeof(found));
	if (listener_open(&w.side.given, &w.port, &e) != STATUS_OK ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0)
		return -1;
	w.side.home = ends[0];
	w.typing = ends[1];
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < w.count; i++)
		close(w.browser[i]);
	if (w.side.given >= 0)
		close(w.side.given);
	close(w.side.home);
	close(w.typing);
	return 0;
}

/* A browser that connects and says this. */
static void
browse(const char *text)
{
	const struct sockaddr_in place = { .sin_family = AF_INET,
		.sin_port = htons(w.port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)&place, sizeof(place)), 0);
	assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
	w.browser[w.count++] = fd;
}

static void
type(const char *text)
{
	assert_int_equal(send(w.typing, text, strlen(text), 0), strlen(text));
}

/* The answer that browser i got. */
static const char *
answer(size_t i)
{
	static char text[ANSWER_MAX];
	size_t len = 0;
	ssize_t n;

	while ((n = recv(w.browser[i], text + len, sizeof(text) - 1 - len, 0)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	return text;
}

/* Starts with `start`, and says how long it is. */
static void
answered(size_t i, const char *start)
{
	const char *text = answer(i), *body = strstr(text, "\r\n\r\n");
	char field[40];

	assert_memory_equal(text, start, strlen(start));
	assert_non_null(body);
	snprintf(field, sizeof(field), "Content-Length: %zu\r\n", strlen(body + 4));
	assert_non_null(strstr(text, field));
	assert_non_null(strstr(body, "</html>"));
	assert_null(strstr(text, "the-code"));
}

static void
it_listens_on_loopback_alone(void **state)
{
	struct sockaddr_in place;
	socklen_t size = sizeof(place);
	int second = -1;
	uint16_t port = w.port;

	(void)state;
	assert_int_equal(getsockname(w.side.given, (struct sockaddr *)&place, &size), 0);
	assert_int_equal(place.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	assert_int_equal(ntohs(place.sin_port), w.port);
	assert_int_equal(listener_open(&second, &port, &e), STATUS_SETTINGS);
	assert_non_null(strstr(e.text, "redirect_port"));
}

static void
a_browser_brings_the_code(void **state)
{
	(void)state;
	browse(GOOD);
	assert_int_equal(listener_wait(&found, &w.side, "st", &e), STATUS_OK);
	assert_string_equal(found.code, "the-code");
	answered(0, "HTTP/1.1 200 OK\r\n");
}

static void
a_browser_brings_a_refusal(void **state)
{
	(void)state;
	browse("GET /?error=access_denied&state=st HTTP/1.1\r\n\r\n");
	assert_int_equal(listener_wait(&found, &w.side, "st", &e), STATUS_OK);
	assert_string_equal(found.code, "");
	assert_string_equal(found.error, "access_denied");
}

/* Silent connections, an icon, a stranger and nonsense come before: none is heard, none
 * keeps the one that counts away. */
static void
others_do_not_disturb(void **state)
{
	(void)state;
	browse("");
	browse("GET /favicon.ico HTTP/1.1\r\n\r\n");
	browse("GET /?code=evil&state=guess HTTP/1.1\r\n\r\n");
	browse("\x16\x03\x01\x02\x01 \r\n\r\n");
	browse("POST /?code=evil&state=st HTTP/1.1\r\n\r\n");
	browse("GET /?co");
	browse(GOOD);
	assert_int_equal(listener_wait(&found, &w.side, "st", &e), STATUS_OK);
	assert_string_equal(found.code, "the-code");
	answered(1, "HTTP/1.1 404 ");
	answered(2, "HTTP/1.1 400 ");
	answered(3, "HTTP/1.1 400 ");
	answered(4, "HTTP/1.1 405 ");
	answered(6, "HTTP/1.1 200 ");
}

/* As many as there is room for, the last of them with half a request; then others come,
 * for which the silent ones make room. */
static void
the_oldest_makes_room(void **state)
{
	const size_t half = LISTENER_PEERS - 1, last = 2 * half;
	const char *rest = "de=the-code&state=st HTTP/1.1\r\n\r\n";
	pid_t child;

	(void)state;
	for (size_t i = 0; i < half; i++)
		browse("GET /");
	browse("GET /?co");
	for (size_t i = half + 1; i < last; i++)
		browse("GET /");
	browse("GET /icon HTTP/1.1\r\n\r\n");
	child = fork();
	if (child == 0) { /* once the last one is answered, the others have been taken */
		answer(last);
		_exit(send(w.browser[half], rest, strlen(rest), MSG_NOSIGNAL) < 0);
	}
	assert_int_equal(listener_wait(&found, &w.side, "st", &e), STATUS_OK);
	assert_string_equal(found.code, "the-code");
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void
an_address_is_pasted_in_pieces(void **state)
{
	(void)state;
	type("http://localhost:1/?co");
	type("de=pasted&state=st\nrest");
	assert_int_equal(listener_wait(&found, &w.side, "st", &e), STATUS_OK);
	assert_string_equal(found.code, "pasted");
}

static void
a_wrong_line_is_answered_and_the_next_one_heard(void **state)
{
	char said[2048];
	ssize_t n;

	(void)state;
	type("\nhttp://localhost/?code=x&state=other\n");
	type("code=good&state=st\n");
	assert_int_equal(listener_wait(&found, &w.side, "st", &e), STATUS_OK);
	assert_string_equal(found.code, "good");
	n = recv(w.typing, said, sizeof(said), MSG_DONTWAIT);
	assert_true(n > 0);
	assert_non_null(memmem(said, (size_t)n, "paste all of it", 15));
	/* the empty line was not */
	assert_true(recv(w.typing, said, sizeof(said), MSG_DONTWAIT) < 0);
}

static void
a_line_that_is_too_long_is_dropped_as_a_whole(void **state)
{
	char piece[1024];

	(void)state;
	memset(piece, 'x', sizeof(piece) - 1);
	piece[sizeof(piece) - 1] = '\0';
	type("?code=evil&state=st ");
	for (int i = 0; i < 20; i++)
		type(piece);
	type("?code=evil&state=st\n?code=good&state=st\n");
	assert_int_equal(listener_wait(&found, &w.side, "st", &e), STATUS_OK);
	assert_string_equal(found.code, "good");
}

/* The last line needs no end; where nobody listens, the end of what is typed is one. */
static void
typing_ends(void **state)
{
	(void)state;
	close(w.side.given);
	w.side.given = -1;
	type("?code=good&state=st");
	shutdown(w.typing, SHUT_WR);
	assert_int_equal(listener_wait(&found, &w.side, "st", &e), STATUS_OK);
	assert_string_equal(found.code, "good");
	memset(&found, 0, sizeof(found));
	assert_int_equal(listener_wait(&found, &w.side, "st", &e), STATUS_SETTINGS);
	assert_non_null(strstr(e.text, "no address was pasted"));
}

#define WAIT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WAIT_TEST(it_listens_on_loopback_alone),
		WAIT_TEST(a_browser_brings_the_code),
		WAIT_TEST(a_browser_brings_a_refusal),
		WAIT_TEST(others_do_not_disturb),
		WAIT_TEST(the_oldest_makes_room),
		WAIT_TEST(an_address_is_pasted_in_pieces),
		WAIT_TEST(a_wrong_line_is_answered_and_the_next_one_heard),
		WAIT_TEST(a_line_that_is_too_long_is_dropped_as_a_whole),
		WAIT_TEST(typing_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
