/* Tests of lib/send/reach.c, on loopback. A dead address is one whose listener's queue is
 * full: Linux drops what knocks there, as a firewall does. */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/send/reach.h"

enum {
	LIMIT = 30,        /* seconds */
	SOON = 10 * 1000,  /* milliseconds, far below the limit, on a busy machine */
	SHORT_WAIT = 300,  /* milliseconds */
	UNTOUCHED = -1234, /* what stands in an out-parameter before */
	LIST_MAX = REACH_ADDRESSES_MAX + 3,
};

/* A listener, and what filled its queue. */
struct listener {
	struct sockaddr_in address;
	int fd, guest[2];
};

/* A list of addresses as getaddrinfo() gives it. */
struct list {
	struct addrinfo item[LIST_MAX];
	struct sockaddr_in address[LIST_MAX];
	size_t count;
};

static int64_t
milliseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int
open_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static struct listener
listen_at(const char *address, int backlog)
{
	struct listener l = { .guest = { -1, -1 } };
	socklen_t size = sizeof(l.address);

	l.address = (struct sockaddr_in){ .sin_family = AF_INET };
	assert_int_equal(inet_pton(AF_INET, address, &l.address.sin_addr), 1);
	l.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(l.fd >= 0);
	assert_int_equal(bind(l.fd, (struct sockaddr *)&l.address, size), 0);
	assert_int_equal(listen(l.fd, backlog), 0);
	assert_int_equal(getsockname(l.fd, (struct sockaddr *)&l.address, &size), 0);
	return l;
}

static void
listener_close(struct listener *l)
{
	for (int i = 0; i < 2; i++)
		if (l->guest[i] >= 0)
			close(l->guest[i]);
	close(l->fd);
}

/* The first guest has the one place; a second is there in case the kernel grants two. */
static struct listener
dead_at(const char *address)
{
	struct listener l = listen_at(address, 0);

	for (int i = 0; i < 2; i++) {
		l.guest[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		assert_true(l.guest[i] >= 0);
		connect(l.guest[i], (struct sockaddr *)&l.address, sizeof(l.address));
	}
	return l;
}

/* An address where nobody listens. */
static struct sockaddr_in
refusing(void)
{
	struct listener l = listen_at("127.0.0.1", 1);

	listener_close(&l);
	return l.address;
}

static void
list_add(struct list *list, const struct sockaddr_in *address)
{
	size_t i = list->count++;

	assert_true(i < LIST_MAX);
	list->address[i] = *address;
	list->item[i] = (struct addrinfo){ .ai_family = AF_INET,
		.ai_socktype = SOCK_STREAM,
		.ai_addr = (struct sockaddr *)&list->address[i],
		.ai_addrlen = sizeof(list->address[i]) };
	if (i)
		list->item[i - 1].ai_next = &list->item[i];
}

/* Whether fd is connected to this listener, and as it must be for libcurl. */
static void
assert_connected(int fd, const struct listener *l)
{
	struct sockaddr_in peer;
	socklen_t size = sizeof(peer);

	assert_int_equal(getpeername(fd, (struct sockaddr *)&peer, &size), 0);
	assert_int_equal(peer.sin_addr.s_addr, l->address.sin_addr.s_addr);
	assert_int_equal(peer.sin_port, l->address.sin_port);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static void
connects_to_names_and_addresses(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost" };
	struct listener l = listen_at("127.0.0.1", 8);

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		const struct reach where = { .host = hosts[i],
			.port = ntohs(l.address.sin_port),
			.limit = LIMIT,
			.stop = -1 };
		struct error e = { "" };
		int fd = UNTOUCHED;

		if (reach_connect(&fd, &where, &e) != STATUS_OK)
			fail_msg("%s: %s", hosts[i], e.text);
		assert_connected(fd, &l);
		close(fd);
	}
	listener_close(&l);
}

static void
connects_to_ipv6(void **state)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t size = sizeof(address);
	struct reach where = { .host = "::1", .limit = LIMIT, .stop = -1 };
	int fd = -1, server = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct error e = { "" };

	(void)state;
	if (server < 0 || bind(server, (struct sockaddr *)&address, size) < 0) {
		print_message("this machine has no IPv6 loopback address\n");
		close(server);
		skip();
	}
	assert_int_equal(listen(server, 1), 0);
	assert_int_equal(getsockname(server, (struct sockaddr *)&address, &size), 0);
	where.port = ntohs(address.sin6_port);
	if (reach_connect(&fd, &where, &e) != STATUS_OK)
		fail_msg("%s", e.text);
	close(fd);
	close(server);
}

static void
passes_dead_addresses(void **state)
{
	struct listener dead[] = { dead_at("127.0.0.2"), dead_at("127.0.0.3") };
	struct listener alive = listen_at("127.0.0.4", 1);
	const struct reach where = { .host = "three", .limit = LIMIT, .stop = -1 };
	struct list list = { .count = 0 };
	int64_t start = milliseconds(), took;
	int fd = UNTOUCHED, files = open_files();
	struct error e = { "" };

	(void)state;
	list_add(&list, &dead[0].address);
	list_add(&list, &dead[1].address);
	list_add(&list, &alive.address);
	assert_int_equal(reach_any(&fd, list.item, &where, &e), STATUS_OK);
	took = milliseconds() - start;
	assert_connected(fd, &alive);
	/* in their order, and none before its time */
	assert_in_range(took, 2 * REACH_STAGGER, SOON);
	close(fd);
	assert_int_equal(open_files(), files);
	listener_close(&dead[0]);
	listener_close(&dead[1]);
	listener_close(&alive);
}

/* A host that says no is no reason to wait. */
static void
hurries_past_refusals(void **state)
{
	struct sockaddr_in nobody = refusing();
	struct listener alive = listen_at("127.0.0.4", 1);
	const struct reach where = { .host = "many", .limit = LIMIT, .stop = -1 };
	struct list list = { .count = 0 };
	int64_t start = milliseconds();
	int fd = UNTOUCHED;
	struct error e;

	(void)state;
	while (list.count < REACH_ADDRESSES_MAX - 1)
		list_add(&list, &nobody);
	list_add(&list, &alive.address);
	assert_int_equal(reach_any(&fd, list.item, &where, &e), STATUS_OK);
	assert_in_range(
	    milliseconds() - start, 0, (REACH_ADDRESSES_MAX - 1) * REACH_STAGGER / 2);
	assert_connected(fd, &alive);
	close(fd);
	listener_close(&alive);
}

/* Also an address that the kernel refuses by itself: no route, no such family. */
static void
passes_impossible_addresses(void **state)
{
	struct listener alive = listen_at("127.0.0.4", 1);
	struct sockaddr_in nowhere = { .sin_family = AF_INET, .sin_port = htons(25) };
	const struct reach where = { .host = "odd", .limit = LIMIT, .stop = -1 };
	struct list list = { .count = 0 };
	int64_t start = milliseconds();
	int fd = UNTOUCHED;
	struct error e;

	(void)state;
	nowhere.sin_addr.s_addr = htonl(INADDR_BROADCAST); /* EACCES, ENETUNREACH */
	list_add(&list, &nowhere);
	list_add(&list, &nowhere);
	list.item[1].ai_family = AF_UNSPEC; /* EAFNOSUPPORT from socket(2) */
	list_add(&list, &alive.address);
	assert_int_equal(reach_any(&fd, list.item, &where, &e), STATUS_OK);
	assert_connected(fd, &alive);
	close(fd);
	listener_close(&alive);
	list.item[1].ai_next = NULL; /* and where there are no others */
	fd = UNTOUCHED;
	assert_int_equal(reach_any(&fd, list.item, &where, &e), STATUS_RETRY);
	assert_int_equal(fd, UNTOUCHED);
	assert_in_range(milliseconds() - start, 0, SOON);
}

static void
says_that_all_refuse(void **state)
{
	struct sockaddr_in nobody = refusing();
	const struct reach where = {
		.host = "mail.example.com", .port = 587, .limit = LIMIT, .stop = -1
	};
	struct list list = { .count = 0 };
	int64_t start = milliseconds();
	int fd = UNTOUCHED, files = open_files();
	struct error e = { "" };

	(void)state;
	list_add(&list, &nobody);
	list_add(&list, &nobody);
	assert_int_equal(reach_any(&fd, list.item, &where, &e), STATUS_RETRY);
	assert_string_equal(
	    e.text, "mail.example.com:587: it does not answer (Connection refused)");
	assert_in_range(milliseconds() - start, 0, SOON);
	assert_int_equal(fd, UNTOUCHED);
	assert_int_equal(open_files(), files);
}

static void
ends_at_the_limit(void **state)
{
	struct sockaddr_in nobody = refusing();
	struct listener dead = dead_at("127.0.0.2");
	const struct reach where = { .host = "dead", .port = 1, .limit = 1, .stop = -1 };
	struct list list = { .count = 0 };
	int64_t start = milliseconds();
	int fd = UNTOUCHED, files = open_files();
	struct error e = { "" };

	(void)state;
	list_add(&list, &nobody);
	list_add(&list, &dead.address);
	assert_int_equal(reach_any(&fd, list.item, &where, &e), STATUS_RETRY);
	assert_in_range(milliseconds() - start, 1000, SOON);
	assert_string_equal(e.text, "dead:1: it does not answer (Connection timed out)");
	assert_int_equal(fd, UNTOUCHED);
	assert_int_equal(open_files(), files);
	listener_close(&dead);
}

static void
tries_no_more_than_the_maximum(void **state)
{
	struct sockaddr_in nobody = refusing();
	struct listener alive = listen_at("127.0.0.4", 1);
	const struct reach where = { .host = "many", .limit = LIMIT, .stop = -1 };
	struct list list = { .count = 0 };
	int fd = UNTOUCHED;
	struct error e;

	(void)state;
	while (list.count < REACH_ADDRESSES_MAX)
		list_add(&list, &nobody);
	while (list.count < LIST_MAX)
		list_add(&list, &alive.address);
	assert_int_equal(reach_any(&fd, list.item, &where, &e), STATUS_RETRY);
	assert_int_equal(fd, UNTOUCHED);
	listener_close(&alive);
}

/* Before the first packet, and while nothing answers. */
static void
ends_when_stopped(void **state)
{
	struct listener dead = dead_at("127.0.0.2");
	const struct itimerspec spans[] = { { .it_value.tv_nsec = 1 },
		{ .it_value.tv_nsec = SHORT_WAIT * 1000000L } };
	struct list list = { .count = 0 };
	int files = open_files();

	(void)state;
	list_add(&list, &dead.address);
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		struct reach where = { .host = "dead", .port = 1, .limit = LIMIT };
		int64_t start = milliseconds();
		struct error e = { "" };
		int fd = UNTOUCHED;

		where.stop = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
		assert_true(where.stop >= 0);
		assert_int_equal(timerfd_settime(where.stop, 0, &spans[i], NULL), 0);
		assert_int_equal(reach_any(&fd, list.item, &where, &e), STATUS_CANCELLED);
		assert_in_range(milliseconds() - start, 0, SOON);
		assert_string_equal(e.text, "stopped before dead:1 answered");
		assert_int_equal(fd, UNTOUCHED);
		close(where.stop);
	}
	assert_int_equal(open_files(), files);
	listener_close(&dead);
}

static void
says_that_a_name_is_unknown(void **state)
{
	/* no resolver is asked for what cannot be a name */
	const struct reach where = {
		.host = "mail..example", .port = 587, .limit = LIMIT, .stop = -1
	};
	struct error e = { "" };
	int fd = UNTOUCHED;

	(void)state;
	assert_int_equal(reach_connect(&fd, &where, &e), STATUS_RETRY);
	assert_non_null(
	    strstr(e.text, "mail..example:587: its name cannot be resolved ("));
	assert_int_equal(fd, UNTOUCHED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connects_to_names_and_addresses),
		cmocka_unit_test(connects_to_ipv6),
		cmocka_unit_test(passes_dead_addresses),
		cmocka_unit_test(hurries_past_refusals),
		cmocka_unit_test(passes_impossible_addresses),
		cmocka_unit_test(says_that_all_refuse),
		cmocka_unit_test(ends_at_the_limit),
		cmocka_unit_test(tries_no_more_than_the_maximum),
		cmocka_unit_test(ends_when_stopped),
		cmocka_unit_test(says_that_a_name_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
