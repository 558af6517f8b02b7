/* Tests of lib/send/graphbody.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/mail/base64.h"
#include "lib/send/graphbody.h"

enum {
	SIZE_MAX_TEST = 2 * GRAPHBODY_BLOCK + 10,
	ROOM = 4 * SIZE_MAX_TEST,
	START = 7,
};

static unsigned char source[START + SIZE_MAX_TEST];

static struct attachment
make_attachment(size_t size)
{
	struct attachment a = { .filename = "a", .type = "b/c", .start = START };

	for (size_t i = 0; i < sizeof(source); i++)
		source[i] = (unsigned char)(i * 31 + i / 256);
	a.fd = memfd_create("document", MFD_CLOEXEC);
	a.size = (off_t)size;
	assert_int_equal(write(a.fd, source, START + size), (ssize_t)(START + size));
	return a;
}

/* Reads all of it, by so many bytes at a time. */
static size_t
read_all(struct graphbody *b, char *out, size_t step)
{
	size_t used = 0;
	ssize_t n;

	while ((n = graphbody_read(b, out + used, step)) > 0) {
		assert_true((size_t)n <= step);
		used += (size_t)n;
		assert_true(used + step < ROOM);
	}
	assert_int_equal(n, 0);
	assert_int_equal(graphbody_read(b, out + used, step), 0);
	return used;
}

static const size_t steps[] = { 1, 2, 3, 4, 5, 7, 4096, 65536 };

enum {
	STEPS = sizeof(steps) / sizeof(steps[0]),
};

static void
encodes_an_attachment_between_texts(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 3, 4, 100, GRAPHBODY_BLOCK - 1,
		GRAPHBODY_BLOCK, GRAPHBODY_BLOCK + 1, SIZE_MAX_TEST };
	char *want = malloc(ROOM), *got = malloc(ROOM);

	(void)state;
	assert_true(want && got);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct attachment a = make_attachment(sizes[i]);
		size_t len = 3;

		memcpy(want, "{a:", 3);
		len += base64_word(want + len, source + START, sizes[i]);
		memcpy(want + len, "}", 1);
		len++;
		for (size_t s = 0; s < STEPS; s++) {
			struct graphbody b;

			graphbody_attachment(&b, &a, "{a:", "}");
			assert_int_equal(graphbody_size(&b), len);
			assert_int_equal(read_all(&b, got, steps[s]), len);
			assert_memory_equal(got, want, len);
		}
		close(a.fd);
	}
	free(want);
	free(got);
}

static void
gives_a_range_as_it_is(void **state)
{
	struct attachment a = make_attachment(SIZE_MAX_TEST);
	char *got = malloc(ROOM);

	(void)state;
	assert_non_null(got);
	for (size_t s = 0; s < STEPS; s++) {
		struct graphbody b;

		graphbody_range(&b, &a, 1000, 30001);
		assert_int_equal(graphbody_size(&b), 30001);
		assert_int_equal(read_all(&b, got, steps[s]), 30001);
		assert_memory_equal(got, source + START + 1000, 30001);
	}
	free(got);
	close(a.fd);
}

/* The message is encoded as a whole: its own base64 lines are encoded once more. */
static void
encodes_a_message(void **state)
{
	static char none[] = "", address[] = "a@example.com";
	struct attachment a = make_attachment(SIZE_MAX_TEST);
	struct mailbox who = { none, address };
	const struct message message = { .from = &who,
		.subject = "x",
		.body = "y\n",
		.id = "1@example.com",
		.boundary = "=_b",
		.attachment = &a,
		.attachment_count = 1 };
	struct message_stream *m;
	char *plain = malloc(ROOM), *want = malloc(2 * ROOM), *got = malloc(2 * ROOM);
	size_t len, size;

	(void)state;
	assert_true(plain && want && got);
	assert_int_equal(message_open(&m, &message, NULL), STATUS_OK);
	size = (size_t)message_read(m, plain, ROOM);
	len = base64_word(want, (unsigned char *)plain, size);
	for (size_t s = 2; s < STEPS; s++) {
		struct graphbody b;
		size_t used = 0;
		ssize_t n;

		graphbody_message(&b, m); /* from its start, wherever it stands */
		assert_int_equal(graphbody_size(&b), len);
		while ((n = graphbody_read(&b, got + used, steps[s])) > 0)
			used += (size_t)n;
		assert_int_equal(used, len);
		assert_memory_equal(got, want, len);
	}
	message_close(m);
	close(a.fd);
	free(plain);
	free(want);
	free(got);
}

/* What became shorter is an error, and not less. */
static void
notices_what_is_missing(void **state)
{
	struct attachment a = make_attachment(100);
	struct graphbody b;
	char got[1000];

	(void)state;
	a.size = 101;
	graphbody_attachment(&b, &a, "", "");
	errno = 0;
	assert_int_equal(graphbody_read(&b, got, sizeof(got)), -1);
	assert_int_equal(errno, EIO);
	graphbody_range(&b, &a, 99, 2);
	errno = 0;
	assert_int_equal(graphbody_read(&b, got, sizeof(got)), -1);
	assert_int_equal(errno, EIO);
	close(a.fd);
	graphbody_range(&b, &a, 0, 1);
	assert_int_equal(graphbody_read(&b, got, sizeof(got)), -1);
	assert_int_equal(errno, EBADF);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_an_attachment_between_texts),
		cmocka_unit_test(gives_a_range_as_it_is),
		cmocka_unit_test(encodes_a_message),
		cmocka_unit_test(notices_what_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
