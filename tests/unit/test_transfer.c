/* Tests of lib/web/transfer.c, with a server on loopback that never says a word. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/web/transfer.h"

enum { URL_ROOM = 64 };

struct setup {
	struct transfer transfer;
	int listener, pipe[2];
	unsigned asked, patience; /* how often given_up() was asked, and may be */
};

static bool
given_up(void *context)
{
	struct setup *s = context;

	return ++s->asked > s->patience;
}

static bool
stopped(void *context)
{
	struct setup *s = context;

	s->asked++;
	return s->transfer.stopping;
}

static int
set_up(void **state)
{
	static struct setup s;
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	char url[URL_ROOM];

	s = (struct setup){ .listener = socket(
				AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) };
	assert_int_equal(bind(s.listener, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(s.listener, 1), 0);
	assert_int_equal(getsockname(s.listener, (struct sockaddr *)&at, &len), 0);
	assert_int_equal(pipe(s.pipe), 0);
	s.transfer.multi = curl_multi_init();
	s.transfer.easy = curl_easy_init();
	s.transfer.stop = s.pipe[0];
	snprintf(url, sizeof(url), "smtp://127.0.0.1:%u", ntohs(at.sin_port));
	curl_easy_setopt(s.transfer.easy, CURLOPT_URL, url);
	*state = &s;
	return 0;
}

static int
tear_down(void **state)
{
	struct setup *s = *state;

	curl_multi_remove_handle(s->transfer.multi, s->transfer.easy);
	curl_easy_cleanup(s->transfer.easy);
	curl_multi_cleanup(s->transfer.multi);
	close(s->listener);
	close(s->pipe[0]);
	close(s->pipe[1]);
	return 0;
}

static bool
somebody_came(const struct setup *s)
{
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void
begins_nothing_in_vain(void **state)
{
	struct setup *s = *state;

	assert_int_equal(
	    transfer_run(&s->transfer, given_up, s), CURLE_OPERATION_TIMEDOUT);
	assert_int_equal(s->asked, 1);
	assert_false(somebody_came(s));
}

/* It is asked each second, also where nothing comes. */
static void
is_given_up_in_silence(void **state)
{
	struct setup *s = *state;
	int64_t began = clock_ms();

	s->patience = 3;
	assert_int_equal(
	    transfer_run(&s->transfer, given_up, s), CURLE_OPERATION_TIMEDOUT);
	assert_true(somebody_came(s));
	assert_true(clock_ms() - began < 5000);
	assert_false(s->transfer.stopping);
}

static void
sees_stop(void **state)
{
	struct setup *s = *state;
	int64_t now = clock_seconds();

	assert_int_equal(write(s->pipe[1], "", 1), 1);
	assert_int_equal(
	    transfer_run(&s->transfer, stopped, s), CURLE_OPERATION_TIMEDOUT);
	assert_int_equal(s->asked, 1);
	assert_true(s->transfer.stopping_since >= now);
	/* for the first time only */
	s->transfer.stopping_since = 7;
	transfer_look_at_stop(&s->transfer);
	assert_int_equal(s->transfer.stopping_since, 7);
}

static void
says_how_it_ended(void **state)
{
	struct setup *s = *state;

	close(s->listener);
	s->listener = -1;
	s->transfer.stop = -1;
	s->patience = 1000;
	assert_int_equal(transfer_run(&s->transfer, given_up, s), CURLE_COULDNT_CONNECT);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(begins_nothing_in_vain),
		T(is_given_up_in_silence),
		T(sees_stop),
		T(says_how_it_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
