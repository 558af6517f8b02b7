/* How a message is read: in pieces of any size, again, and from files that fail. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/buf.h"
#include "lib/mail/base64.h"
#include "lib/mail/message.h"

enum {
	OUT_MAX = 4 * 1024 * 1024,
	BLOCK = 1024 * BASE64_LINE_IN, /* as message.c reads */
};

/* -- making messages --------------------------------------------- */

/* A message with all that it points to. */
struct sample {
	struct mailbox from;
	struct attachment attachment[3];
	struct message message;
};

static void
sample_init(struct sample *s)
{
	*s = (struct sample){ .message = {
				  .subject = "Offer",
				  .body = "Printed by bob.",
				  .date = 1795354468,
				  .id = "d6a1b2c3.1@hub.example.com",
				  .boundary = "d6a1b2c3=_1",
			      } };
	assert_int_equal(mailbox_parse(&s->from, "scanner@example.com", NULL), 0);
	s->message.from = &s->from;
	s->message.attachment = s->attachment;
}

/* Attaches size bytes of a pattern that stand behind start others in their file. */
static void
attach(struct sample *s, off_t start, size_t size)
{
	struct attachment *a = &s->attachment[s->message.attachment_count++];
	FILE *file = tmpfile();

	assert_non_null(file);
	for (off_t i = 0; i < start; i++)
		putc('-', file);
	for (size_t i = 0; i < size; i++)
		putc((int)((i * 7 + i / 251) & 0xff), file);
	assert_int_equal(fflush(file), 0);
	*a = (struct attachment){ .filename = "a.pdf",
		.type = "application/pdf",
		.fd = dup(fileno(file)),
		.start = start,
		.size = (off_t)size };
	fclose(file);
}

static void
sample_clear(struct sample *s)
{
	for (size_t i = 0; i < s->message.attachment_count; i++)
		close(s->attachment[i].fd);
	mailbox_clear(&s->from);
}

static struct message_stream *
open_sample(const struct sample *s)
{
	struct error e = { "" };
	struct message_stream *stream = NULL;

	if (message_open(&stream, &s->message, &e) != STATUS_OK)
		fail_msg("%s", e.text);
	return stream;
}

/* Reads the stream to its end in pieces; each but the last must be full. */
static void
read_all(struct message_stream *stream, size_t piece, struct buf *out)
{
	/* Of the exact size, so that the sanitizer sees a byte too many. */
	char *bytes = malloc(piece);
	uint64_t left = message_size(stream);

	for (;;) {
		ssize_t n = message_read(stream, bytes, piece);

		assert_true(n >= 0);
		assert_true((uint64_t)n == (left < piece ? left : piece));
		if (n == 0)
			break;
		assert_true(buf_add(out, bytes, (size_t)n));
		left -= (uint64_t)n;
	}
	free(bytes);
}

/* The whole message, in memory that the caller clears. */
static struct buf
compose(const struct sample *s)
{
	struct message_stream *stream = open_sample(s);
	struct buf out;

	buf_init(&out, OUT_MAX);
	read_all(stream, OUT_MAX, &out);
	assert_true(out.len == message_size(stream));
	message_close(stream);
	return out;
}

/* -- tests ------------------------------------------------------- */

static void
pieces_give_the_same_bytes(void **state)
{
	static const size_t pieces[] = { 1, 2, 7, 76, 77, 78, 79, 155, 156, 1000, 65536,
		BLOCK / BASE64_LINE_IN * BASE64_LINE_OUT, 1048576 };
	struct message_stream *stream;
	struct buf want, got;
	struct sample s;

	(void)state;
	sample_init(&s);
	attach(&s, 5, BLOCK + 100);
	attach(&s, 0, 1);
	attach(&s, 0, 2 * BLOCK);
	want = compose(&s);
	stream = open_sample(&s);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		buf_init(&got, OUT_MAX);
		message_rewind(stream);
		read_all(stream, pieces[i], &got);
		assert_int_equal(got.len, want.len);
		assert_memory_equal(got.data, want.data, want.len);
		buf_clear(&got);
	}
	message_close(stream);
	buf_clear(&want);
	sample_clear(&s);
}

/* The base64 text of the pattern stands in the message, whole, at each length. */
static void
attachments_of_each_length_arrive(void **state)
{
	static const size_t lengths[] = { 0, 1, 2, 3, 56, 57, 58, 113, 114, 115,
		BLOCK - 1, BLOCK, BLOCK + 1, BLOCK + 57, 2 * BLOCK - 1, 2 * BLOCK + 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t len = lengths[i], size = (size_t)base64_size(len);
		unsigned char *bytes = malloc(len + 1);
		char *text = malloc(size + 1);
		struct sample s;
		struct buf out;

		sample_init(&s);
		attach(&s, 3, len);
		assert_int_equal(pread(s.attachment[0].fd, bytes, len, 3), len);
		base64_lines(text, bytes, len);
		out = compose(&s);
		assert_memory_equal(strstr(out.data, "base64\r\n\r\n") + 10, text, size);
		assert_string_equal(strstr(out.data, "base64\r\n\r\n") + 10 + size,
		    "--d6a1b2c3=_1--\r\n");
		buf_clear(&out);
		sample_clear(&s);
		free(bytes);
		free(text);
	}
}

static void
rewinding_starts_again(void **state)
{
	struct message_stream *stream;
	struct buf want, got;
	struct sample s;

	(void)state;
	sample_init(&s);
	attach(&s, 0, 3 * BLOCK);
	want = compose(&s);
	stream = open_sample(&s);
	/* Leave off in the header, within a line, within a block. */
	for (size_t stop = 1; stop < want.len; stop = stop * 3 + 1) {
		char *bytes = malloc(stop);

		assert_int_equal(message_read(stream, bytes, stop), stop);
		free(bytes);
		message_rewind(stream);
		buf_init(&got, OUT_MAX);
		read_all(stream, 4096, &got);
		assert_int_equal(got.len, want.len);
		assert_memory_equal(got.data, want.data, want.len);
		buf_clear(&got);
		message_rewind(stream);
	}
	message_close(stream);
	buf_clear(&want);
	sample_clear(&s);
}

static void
a_file_that_cannot_be_read_is_an_error(void **state)
{
	struct message_stream *stream;
	char bytes[4096];
	struct sample s;
	ssize_t n;

	(void)state;
	sample_init(&s);
	attach(&s, 0, 2 * BLOCK);
	stream = open_sample(&s);
	assert_int_equal(ftruncate(s.attachment[0].fd, 2 * BLOCK - 1), 0);
	errno = 0;
	while ((n = message_read(stream, bytes, sizeof(bytes))) > 0)
		continue;
	assert_true(n == -1 && errno == EIO);
	/* It stays so when the bytes are back: some may have been lost. */
	assert_int_equal(ftruncate(s.attachment[0].fd, 2 * BLOCK), 0);
	assert_int_equal(message_read(stream, bytes, sizeof(bytes)), -1);
	assert_int_equal(errno, EIO);
	message_rewind(stream);
	assert_int_equal(message_read(stream, bytes, sizeof(bytes)), sizeof(bytes));
	/* What pread(2) reports comes through. */
	message_rewind(stream);
	close(s.attachment[0].fd);
	while ((n = message_read(stream, bytes, sizeof(bytes))) > 0)
		continue;
	assert_true(n == -1 && errno == EBADF);
	s.message.attachment_count = 0;
	message_close(stream);
	sample_clear(&s);
}

static void
only_attachments_are_needed_later(void **state)
{
	char subject[] = "Offer", body[] = "Text";
	struct message_stream *stream;
	struct buf want, got;
	struct sample s;

	(void)state;
	sample_init(&s);
	s.message.subject = subject;
	s.message.body = body;
	attach(&s, 0, BLOCK + 1);
	want = compose(&s);
	stream = open_sample(&s);
	memset(subject, '?', strlen(subject));
	memset(body, '?', strlen(body));
	s.message = (struct message){ .attachment_count = 1 };
	buf_init(&got, OUT_MAX);
	read_all(stream, 1000, &got);
	assert_int_equal(got.len, want.len);
	assert_memory_equal(got.data, want.data, want.len);
	message_close(stream);
	buf_clear(&want);
	buf_clear(&got);
	sample_clear(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_give_the_same_bytes),
		cmocka_unit_test(attachments_of_each_length_arrive),
		cmocka_unit_test(rewinding_starts_again),
		cmocka_unit_test(a_file_that_cannot_be_read_is_an_error),
		cmocka_unit_test(only_attachments_are_needed_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
