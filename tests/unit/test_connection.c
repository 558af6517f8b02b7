/* Tests of lib/send/connection.c, with a listener on loopback. */
#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/send/connection.h"

enum {
	LIMIT = 30, /* seconds */
	URL_MAX = 64,
};

/* A listener, the connection to it, and its other end. */
struct pair {
	struct connection near;
	int listener, far;
	uint16_t port;
};

static struct pair
connected(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);
	struct pair p = { .listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
	struct reach where = { .host = "127.0.0.1", .limit = LIMIT, .stop = -1 };
	struct error e = { "" };

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(p.listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(p.listener, 1), 0);
	assert_int_equal(getsockname(p.listener, (struct sockaddr *)&address, &size), 0);
	where.port = p.port = ntohs(address.sin_port);
	if (connection_open(&p.near, &where, &e) != STATUS_OK)
		fail_msg("%s", e.text);
	p.far = accept(p.listener, NULL, NULL);
	assert_true(p.far >= 0);
	return p;
}

static void
pair_close(struct pair *p)
{
	connection_close(&p->near);
	if (p->far >= 0)
		close(p->far);
	close(p->listener);
}

/* Waits until fd has something to read. */
static void
await(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&p, 1, LIMIT * 1000), 1);
}

static void
counts_what_comes(void **state)
{
	struct pair p = connected();
	char bytes[8];

	(void)state;
	assert_false(connection_has_news(&p.near));
	assert_int_equal(connection_heard(&p.near), 0);
	assert_int_equal(write(p.far, "12345", 5), 5);
	await(p.near.fd);
	assert_true(connection_has_news(&p.near));
	assert_int_equal(connection_heard(&p.near), 5);
	assert_int_equal(read(p.near.fd, bytes, sizeof(bytes)), 5);
	assert_false(connection_has_news(&p.near));
	assert_int_equal(connection_heard(&p.near), 5); /* read or not */
	close(p.far);
	p.far = -1;
	await(p.near.fd);
	assert_true(connection_has_news(&p.near));
	pair_close(&p);
}

static void
hangs_up(void **state)
{
	struct pair p = connected();
	char byte;

	(void)state;
	connection_hang_up(&p.near, SHUT_RD);
	assert_int_equal(write(p.near.fd, "x", 1), 1); /* QUIT may be said */
	assert_int_equal(read(p.far, &byte, 1), 1);
	connection_hang_up(&p.near, SHUT_RDWR);
	await(p.far);
	assert_int_equal(read(p.far, &byte, 1), 0);
	pair_close(&p);
	connection_hang_up(&p.near, SHUT_RDWR); /* there is none any more */
	assert_false(connection_has_news(&p.near));
}

static void
fails_without_a_server(void **state)
{
	struct pair p = connected();
	struct reach where = {
		.host = "127.0.0.1", .port = p.port, .limit = LIMIT, .stop = -1
	};
	struct connection c;
	struct error e = { "" };

	(void)state;
	pair_close(&p);
	assert_int_equal(connection_open(&c, &where, &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, "it does not answer"));
	assert_int_equal(c.fd, -1);
	connection_close(&c);
}

/* libcurl speaks over it to a host whose name nobody knows, and closes it; it gets no
 * second one. */
static void
is_all_that_libcurl_has(void **state)
{
	struct pair p = connected();
	CURL *easy = curl_easy_init(), *second;
	char url[URL_MAX], byte;
	struct error e;

	(void)state;
	assert_non_null(easy);
	snprintf(url, sizeof(url), "http://mail..example:%u/", p.port);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
	assert_int_equal(connection_give(&p.near, easy, &e), STATUS_OK);
	assert_int_equal(curl_easy_perform(easy), CURLE_OK);
	assert_true(p.near.adopted);
	assert_int_equal(write(p.near.fd, "x", 1), 1);
	assert_int_equal(read(p.far, &byte, 1), 1);
	second = curl_easy_duphandle(easy);
	assert_int_equal(curl_easy_perform(second), CURLE_COULDNT_CONNECT);
	curl_easy_cleanup(second);
	assert_true(p.near.fd >= 0); /* the first one still has it */
	curl_easy_cleanup(easy);
	assert_int_equal(p.near.fd, -1);
	assert_int_equal(read(p.far, &byte, 1), 0);
	pair_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_what_comes),
		cmocka_unit_test(hangs_up),
		cmocka_unit_test(fails_without_a_server),
		cmocka_unit_test(is_all_that_libcurl_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
