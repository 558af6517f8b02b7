/* Tests of scan2mail/child.c. */
#include "tests/unit/child_rig.h"

enum {
	RECORDS = 300,
};

/* Blocks of all lengths, more of them than there are at one time. */
static size_t
block_len(size_t i)
{
	return i % 3 ? i * 7 : CHILD_BLOCK_SIZE - i;
}

static void
send_many(struct uplink *up, const void *context)
{
	static unsigned char payload[WIRE_PAYLOAD_MAX + 1];

	(void)context;
	for (size_t i = 0; i < RECORDS; i++) {
		unsigned char *block = child_block(up);

		if (!block || child_block(up) != block)
			return;
		memset(block, (int)i, CHILD_BLOCK_SIZE);
		if (!child_send_block(up, block_len(i)))
			return;
	}
	if (child_send(up, WIRE_DEVICE, payload, sizeof(payload)))
		return;
	memset(payload, 'x', sizeof(payload));
	child_send(up, WIRE_DEVICE, payload, WIRE_PAYLOAD_MAX);
	child_send(up, WIRE_DONE, NULL, 0);
}

static void
assert_filled(const struct wire_record *r, int byte)
{
	for (size_t k = 0; k < r->len; k++)
		if (r->payload[k] != (unsigned char)byte)
			fail_msg("byte %zu is not %d", k, byte);
}

static void
records_arrive_whole(void **state)
{
	struct child *c = NULL;
	struct wire_record r;
	struct error e;

	assert_int_equal(begin(&c, send_many, *state, &e), STATUS_OK);
	for (size_t i = 0; i < RECORDS; i++) {
		assert_int_equal(child_next(c, &r, LONG_MS, &e), STATUS_OK);
		assert_int_equal(r.kind, WIRE_ROWS);
		assert_int_equal(r.len, block_len(i));
		assert_filled(&r, (int)i);
	}
	assert_int_equal(child_next(c, &r, LONG_MS, &e), STATUS_OK);
	assert_int_equal(r.kind, WIRE_DEVICE);
	assert_int_equal(r.len, WIRE_PAYLOAD_MAX);
	assert_filled(&r, 'x');
	assert_int_equal(child_next(c, &r, LONG_MS, &e), STATUS_OK);
	assert_int_equal(r.kind, WIRE_DONE);
	assert_int_equal(r.len, 0);
	assert_int_equal(child_next(c, &r, LONG_MS, &e), STATUS_INVALID);
	child_end(c, LONG_MS);
	assert_all_gone(*state);
}

/* Says how many blocks it got without waiting, then fills the first one anew. */
static void
fill_all(struct uplink *up, const void *context)
{
	(void)context;
	for (int i = 0; i < CHILD_BLOCKS; i++) {
		memset(child_block(up), i, CHILD_BLOCK_SIZE);
		child_send_block(up, CHILD_BLOCK_SIZE);
	}
	memset(child_block(up), 99, CHILD_BLOCK_SIZE);
	child_send(up, WIRE_DONE, NULL, 0);
}

/* The block at hand is not written to before it is given back. */
static void
blocks_wait_their_turn(void **state)
{
	struct child *c = NULL;
	struct wire_record r;
	struct error e = { "" };

	assert_int_equal(begin(&c, fill_all, *state, &e), STATUS_OK);
	assert_int_equal(child_next(c, &r, LONG_MS, &e), STATUS_OK);
	for (int i = 1; i < CHILD_BLOCKS; i++) {
		assert_int_equal(r.kind, WIRE_ROWS);
		assert_filled(&r, i - 1);
		assert_int_equal(child_next(c, &r, LONG_MS, &e), STATUS_OK);
	}
	assert_filled(&r, CHILD_BLOCKS - 1);
	assert_int_equal(child_next(c, &r, LONG_MS, &e), STATUS_OK);
	assert_int_equal(r.kind, WIRE_DONE);
	child_end(c, LONG_MS);
}

static void
crash(struct uplink *up, const void *context)
{
	(void)context;
	child_send(up, WIRE_READY, NULL, 0);
	signal(SIGABRT, SIG_DFL);
	kill(getpid(), SIGKILL);
}

static void
a_crash_is_said(void **state)
{
	struct child *c = NULL;
	struct wire_record r;
	struct error e = { "" };

	assert_int_equal(begin(&c, crash, *state, &e), STATUS_OK);
	assert_int_equal(child_next(c, &r, LONG_MS, &e), STATUS_OK);
	assert_int_equal(child_next(c, &r, LONG_MS, &e), STATUS_INVALID);
	assert_non_null(strstr(e.text, "crashed by the signal KILL"));
	child_end(c, LONG_MS);
	assert_all_gone(*state);
}

/* Bytes as they are, also such as are no records. */
static void
send_bytes(struct uplink *up, const void *context)
{
	const struct shared *s = context;

	(void)up;
	if (write(records_fd(), s->bytes, s->len) != (ssize_t)s->len)
		_exit(1);
}

static void
nonsense_is_said(void **state)
{
	struct shared *s = *state;
	struct child *c = NULL;
	struct wire_record r;
	struct error e = { "" };

	s->bytes = "GET / HTTP/1.0\r\n";
	s->len = strlen(s->bytes);
	assert_int_equal(begin(&c, send_bytes, s, &e), STATUS_OK);
	assert_int_equal(child_next(c, &r, LONG_MS, &e), STATUS_INVALID);
	assert_non_null(strstr(e.text, "astray"));
	child_end(c, LONG_MS);
}

static void
a_record_cut_short_is_said(void **state)
{
	struct shared *s = *state;
	unsigned char bytes[WIRE_HEAD_SIZE + 5] = { 0 };
	struct child *c = NULL;
	struct wire_record r;
	struct error e = { "" };

	wire_put_head(bytes, WIRE_FAULT, 6);
	s->bytes = (const char *)bytes;
	s->len = sizeof(bytes);
	assert_int_equal(begin(&c, send_bytes, s, &e), STATUS_OK);
	assert_int_equal(child_next(c, &r, LONG_MS, &e), STATUS_INVALID);
	child_end(c, LONG_MS);
}

/* A block that is longer than any, and one whose length is none. */
static void
impossible_blocks_are_said(void **state)
{
	struct shared *s = *state;
	unsigned char bytes[WIRE_HEAD_SIZE + WIRE_LENGTH_SIZE];

	for (size_t i = 0; i < 2; i++) {
		struct child *c = NULL;
		struct wire_record r;
		struct error e = { "" };

		wire_put_head(bytes, WIRE_ROWS, i ? WIRE_LENGTH_SIZE : 0);
		wire_put_length(bytes + WIRE_HEAD_SIZE, CHILD_BLOCK_SIZE + 1);
		s->bytes = (const char *)bytes;
		s->len = sizeof(bytes) - (i ? 0 : WIRE_LENGTH_SIZE);
		assert_int_equal(begin(&c, send_bytes, s, &e), STATUS_OK);
		assert_int_equal(child_next(c, &r, LONG_MS, &e), STATUS_INVALID);
		assert_non_null(strstr(e.text, "astray"));
		child_end(c, LONG_MS);
	}
}

/* Blocks without end, whose credits it does not take. */
static void
send_blocks(struct uplink *up, const void *context)
{
	unsigned char record[WIRE_HEAD_SIZE + WIRE_LENGTH_SIZE];
	int fd = records_fd();

	(void)up, (void)context;
	wire_put_head(record, WIRE_ROWS, WIRE_LENGTH_SIZE);
	wire_put_length(record + WIRE_HEAD_SIZE, 1);
	while (write(fd, record, sizeof(record)) == sizeof(record))
		continue;
}

static void
credits_that_nobody_takes_are_said(void **state)
{
	enum status status = STATUS_OK;
	struct child *c = NULL;
	struct wire_record r;
	struct error e = { "" };

	assert_int_equal(begin(&c, send_blocks, *state, &e), STATUS_OK);
	alarm(LONG_MS / 1000);
	while (status == STATUS_OK)
		status = child_next(c, &r, LONG_MS, &e);
	assert_false(child_go(c));
	alarm(0);
	assert_int_equal(status, STATUS_INVALID);
	assert_non_null(strstr(e.text, "astray"));
	child_end(c, LONG_MS);
	assert_all_gone(*state);
}

static void
silence_is_said_and_ended(void **state)
{
	struct child *c = NULL;
	struct wire_record r;
	struct error e = { "" };
	long start = now_ms();

	assert_int_equal(begin(&c, hang, *state, &e), STATUS_OK);
	assert_int_equal(child_next(c, &r, SHORT_MS, &e), STATUS_INVALID);
	assert_true(now_ms() - start >= SHORT_MS);
	assert_non_null(strstr(e.text, "has not answered for 1 second"));
	start = now_ms();
	assert_int_equal(child_end(c, 0), 0);
	assert_in_range(now_ms() - start, CHILD_TERM_MS - 1, CHILD_TERM_MS + 5000);
	assert_all_gone(*state);
}

static void
sigterm_goes_first(void **state)
{
	struct shared *s = *state;
	struct child *c = NULL;
	struct wire_record r;
	struct error e;
	char byte = 0;

	assert_int_equal(begin(&c, listen_to_term, s, &e), STATUS_OK);
	assert_int_equal(child_next(c, &r, LONG_MS, &e), STATUS_OK);
	child_end(c, 0);
	assert_int_equal(read(s->alive[0], &byte, 1), 1);
	assert_int_equal(byte, 't');
	assert_all_gone(s);
}

/* One that writes for ever learns that nobody reads; so does one that waits. */
static void
flood(struct uplink *up, const void *context)
{
	(void)context;
	while (child_block(up) && child_send_block(up, CHILD_BLOCK_SIZE))
		continue;
	while (child_send(up, WIRE_READY, NULL, 0))
		continue;
}

static void
a_reader_may_leave(void **state)
{
	struct child *c = NULL;
	struct wire_record r;
	struct error e;

	assert_int_equal(begin(&c, flood, *state, &e), STATUS_OK);
	assert_int_equal(child_next(c, &r, LONG_MS, &e), STATUS_OK);
	assert_int_equal(child_end(c, LONG_MS), 0);
	assert_all_gone(*state);
	assert_int_equal(child_end(NULL, 0), 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(records_arrive_whole),
		T(blocks_wait_their_turn),
		T(a_crash_is_said),
		T(nonsense_is_said),
		T(a_record_cut_short_is_said),
		T(impossible_blocks_are_said),
		T(credits_that_nobody_takes_are_said),
		T(silence_is_said_and_ended),
		T(sigterm_goes_first),
		T(a_reader_may_leave),
	};

	signal(SIGPIPE, SIG_IGN); /* as interrupt_catch() has it */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
