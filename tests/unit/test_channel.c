/* Tests of backend/channel.c: records between two sides that do not trust each other. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/channel.h"

enum {
	HEAD = offsetof(struct record, text),
	DESCRIPTORS_MAX = 4, /* beside one packet */
};

static int
open_pair(void **state)
{
	int *ends = malloc(2 * sizeof(*ends));

	*state = ends;
	return ends ? socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) : -1;
}

static int
close_pair(void **state)
{
	int *ends = *state;

	close(ends[0]);
	close(ends[1]); /* a test may have closed it */
	free(ends);
	return 0;
}

/* What a hostile other side might write. */
static void
send_raw(int fd, size_t len)
{
	char bytes[2 * sizeof(struct record)];

	memset(bytes, 'x', sizeof(bytes));
	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
}

static bool
say(int channel, enum record_type type, uint32_t value, const char *text)
{
	const struct words words = { .type = type, .value = value, .text = text };

	return channel_send(channel, &words);
}

static void
carries_records_in_order(void **state)
{
	const int *ends = *state;
	const struct words words = {
		.type = RECORD_WAIT, .value = 7, .number = INT64_MIN, .text = NULL
	};
	struct record r;

	assert_true(channel_send(ends[0], &words));
	assert_true(say(ends[0], RECORD_RESULT, UINT32_MAX, "the sentence\n"));
	memset(&r, 'x', sizeof(r));
	assert_true(channel_receive(ends[1], &r, NULL));
	assert_int_equal(r.type, RECORD_WAIT);
	assert_int_equal(r.value, 7);
	assert_true(r.number == INT64_MIN);
	assert_string_equal(r.text, "");
	assert_true(channel_receive(ends[1], &r, NULL));
	assert_int_equal(r.type, RECORD_RESULT);
	assert_int_equal(r.value, UINT32_MAX);
	assert_string_equal(r.text, "the sentence\n");
}

/* The longest text passes whole, and what is longer is cut. */
static void
carries_the_longest_text(void **state)
{
	const int *ends = *state;
	char text[CHANNEL_TEXT_MAX + 10];
	struct record r;

	memset(text, 's', sizeof(text) - 1);
	text[CHANNEL_TEXT_MAX] = '\0';
	assert_true(say(ends[0], RECORD_SECRET, 0, text));
	assert_true(channel_receive(ends[1], &r, NULL));
	assert_string_equal(r.text, text);
	text[CHANNEL_TEXT_MAX] = 's';
	text[sizeof(text) - 1] = '\0';
	assert_true(say(ends[0], RECORD_SECRET, 0, text));
	assert_true(channel_receive(ends[1], &r, NULL));
	assert_int_equal(strlen(r.text), CHANNEL_TEXT_MAX);
}

static void
refuses_records_that_are_cut(void **state)
{
	const int *ends = *state;
	struct record r;

	for (size_t len = 1; len < HEAD; len++) {
		send_raw(ends[0], len);
		assert_false(channel_receive(ends[1], &r, NULL));
	}
	send_raw(ends[0], HEAD);
	assert_true(channel_receive(ends[1], &r, NULL));
	assert_string_equal(r.text, "");
}

/* A text always ends inside its field, however much the other side sends. */
static void
ends_every_text(void **state)
{
	const int *ends = *state;
	static const size_t lengths[] = { HEAD + CHANNEL_TEXT_MAX,
		HEAD + CHANNEL_TEXT_MAX + 1, sizeof(struct record) - 1,
		sizeof(struct record), sizeof(struct record) + 1,
		2 * sizeof(struct record) };
	struct record r;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		memset(&r, 'y', sizeof(r));
		send_raw(ends[0], lengths[i]);
		assert_true(channel_receive(ends[1], &r, NULL));
		assert_non_null(memchr(r.text, '\0', sizeof(r.text)));
		assert_int_equal(strlen(r.text), CHANNEL_TEXT_MAX);
	}
}

/* A descriptor passes with its record, as one of the receiver's own that no program
 * inherits. */
static void
carries_a_descriptor(void **state)
{
	const int *ends = *state;
	int pipe_ends[2], came = -1;
	struct record r;
	char byte = 0;

	assert_int_equal(pipe(pipe_ends), 0);
	const struct words words = { .type = RECORD_JOURNAL, .fd = pipe_ends[1] };

	assert_true(channel_send(ends[0], &words));
	assert_true(channel_receive(ends[1], &r, &came));
	assert_true(came >= 0 && came != pipe_ends[1]);
	assert_int_equal(fcntl(came, F_GETFD), FD_CLOEXEC);
	assert_int_equal(write(came, "x", 1), 1);
	assert_int_equal(read(pipe_ends[0], &byte, 1), 1);
	assert_int_equal(byte, 'x');
	close(came);
	assert_true(say(ends[0], RECORD_JOURNAL, 0, "without"));
	assert_true(channel_receive(ends[1], &r, &came));
	assert_int_equal(came, -1);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

/* Where none is expected it is closed, and the record is nonsense. */
static void
refuses_a_descriptor(void **state)
{
	const int *ends = *state;
	int pipe_ends[2];
	struct record r;
	char byte;

	assert_int_equal(pipe(pipe_ends), 0);
	const struct words words = { .type = RECORD_RESULT, .fd = pipe_ends[1] };

	assert_true(channel_send(ends[0], &words));
	close(pipe_ends[1]);
	assert_false(channel_receive(ends[1], &r, NULL));
	assert_int_equal(
	    read(pipe_ends[0], &byte, 1), 0); /* nobody holds its other end */
	close(pipe_ends[0]);
}

/* As a hostile other side might: several descriptors beside one packet. */
static void
send_descriptors(int channel, const int fd[], size_t count)
{
	struct record r = { .type = RECORD_JOURNAL };
	struct iovec body = { .iov_base = &r, .iov_len = HEAD };
	union {
		char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
		struct cmsghdr align;
	} beside = { "" };
	struct msghdr packet = { .msg_iov = &body,
		.msg_iovlen = 1,
		.msg_control = beside.bytes,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&packet);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(c), fd, count * sizeof(int));
	assert_int_equal(sendmsg(channel, &packet, MSG_NOSIGNAL), HEAD);
}

/* Whether somebody still has the end that a pipe is written to. */
static bool
is_held(int pipe_end)
{
	char byte;

	return read(pipe_end, &byte, 1) != 0;
}

/* Of several at most one is kept: the receiver would run out of them. */
static void
keeps_one_of_several_descriptors(void **state)
{
	const int *ends = *state;

	for (size_t count = 1; count <= DESCRIPTORS_MAX; count++)
		for (int wanted = 0; wanted < 2; wanted++) {
			int out[DESCRIPTORS_MAX], in[DESCRIPTORS_MAX], came = -1;
			struct record r;
			size_t held = 0;

			for (size_t i = 0; i < count; i++) {
				int both[2];

				assert_int_equal(pipe2(both, O_NONBLOCK | O_CLOEXEC), 0);
				out[i] = both[0];
				in[i] = both[1];
			}
			send_descriptors(ends[0], in, count);
			assert_int_equal(
			    channel_receive(ends[1], &r, wanted ? &came : NULL), wanted);
			assert_int_equal(came >= 0, wanted);
			for (size_t i = 0; i < count; i++)
				close(in[i]);
			for (size_t i = 0; i < count; i++)
				held += is_held(out[i]);
			assert_int_equal(held, wanted);
			if (wanted)
				close(came);
			for (size_t i = 0; i < count; i++) {
				assert_false(is_held(out[i]));
				close(out[i]);
			}
		}
}

/* No SIGPIPE, which would end the backend as if the job were done. */
static void
notices_that_nobody_is_there(void **state)
{
	int *ends = *state;
	struct record r;

	assert_true(say(ends[1], RECORD_COMMITTED, 0, NULL));
	close(ends[1]);
	ends[1] = -1;
	assert_true(channel_receive(ends[0], &r, NULL)); /* its last word still arrives */
	assert_int_equal(r.type, RECORD_COMMITTED);
	assert_false(channel_receive(ends[0], &r, NULL));
	assert_false(say(ends[0], RECORD_RESULT, 0, "lost"));
	assert_false(say(-1, RECORD_RESULT, 0, "lost"));
	assert_false(channel_receive(-1, &r, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    carries_records_in_order, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(
		    carries_the_longest_text, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(
		    refuses_records_that_are_cut, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(ends_every_text, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(
		    carries_a_descriptor, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(
		    refuses_a_descriptor, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(
		    keeps_one_of_several_descriptors, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(
		    notices_that_nobody_is_there, open_pair, close_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
