/* Tests of lib/base/seal.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/seal.h"

static const char *const LINES[] = { "first", "", "the third: 250 2.0.0 OK", "a  b" };

enum {
	COUNT = sizeof(LINES) / sizeof(LINES[0]),
	ROOM = 64 * 1024,
};

static struct buf out;

static int
make_buffer(void **state)
{
	(void)state;
	buf_init(&out, ROOM);
	return 0;
}

static int
clear_buffer(void **state)
{
	(void)state;
	buf_clear(&out);
	return 0;
}

static void
write_lines(void)
{
	for (size_t i = 0; i < COUNT; i++)
		assert_true(seal_write(&out, LINES[i]));
}

/* The text that is read for one that was written. Owned by out. */
static const char *
through(const char *text)
{
	const char *found = NULL;
	char *cursor;

	buf_reset(&out);
	assert_true(seal_write(&out, text));
	cursor = out.data;
	assert_int_equal(seal_next(&cursor, out.data + out.len, &found), SEAL_LINE);
	assert_ptr_equal(cursor, out.data + out.len);
	return found;
}

static void
bytes_are_these(void **state)
{
	(void)state;
	assert_true(seal_write(&out, "123456789"));
	assert_true(seal_write(&out, ""));
	/* The check value of CRC-32 (ISO 3309). */
	assert_string_equal(buf_text(&out), "123456789 cbf43926\n 00000000\n");
}

static void
lines_come_back(void **state)
{
	const char *text = NULL;
	char *cursor, *end;

	(void)state;
	write_lines();
	cursor = out.data;
	end = out.data + out.len;
	for (size_t i = 0; i < COUNT; i++) {
		assert_int_equal(seal_next(&cursor, end, &text), SEAL_LINE);
		assert_string_equal(text, LINES[i]);
	}
	assert_int_equal(seal_next(&cursor, end, &text), SEAL_END);
	assert_ptr_equal(cursor, end);
}

static void
text_is_cleaned(void **state)
{
	(void)state;
	assert_string_equal(through("a\r\nb\tc\x7f"), "a  b c");
	assert_string_equal(through(" a\xff"), "a\xef\xbf\xbd");
	assert_string_equal(through("Gr\xc3\xbc\xc3\x9f"
				    "e"),
	    "Gr\xc3\xbc\xc3\x9f"
	    "e");
	assert_string_equal(through("\n"), "");
}

static void
long_text_is_cut_at_a_character(void **state)
{
	char text[2 * SEAL_MAX];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[SEAL_MAX] = '\0';
	assert_string_equal(through(text), text);
	text[SEAL_MAX] = 'x';
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(strlen(through(text)), SEAL_MAX);
	memcpy(text + SEAL_MAX - 1, "\xc3\xbc", 2); /* over the limit's edge */
	assert_int_equal(strlen(through(text)), SEAL_MAX - 1);
	memset(text, '\xff', sizeof(text) - 1); /* each becomes three bytes */
	assert_int_equal(strlen(through(text)), SEAL_MAX - SEAL_MAX % 3);
}

static void
full_buffer_is_told(void **state)
{
	struct buf small;

	(void)state;
	buf_init(&small, 14);
	assert_true(seal_write(&small, "1234"));
	buf_clear(&small);
	assert_false(seal_write(&small, "12345"));
	assert_int_equal(small.len, 0);
	buf_clear(&small);
}

static void
exact_text_is_not_touched(void **state)
{
	char text[SEAL_EXACT_MAX + 2], *cursor;
	const char *found = NULL;

	(void)state;
	assert_true(seal_write_exact(&out, " a  b "));
	assert_true(seal_write_exact(&out, "123456789"));
	assert_string_equal(buf_text(&out), " a  b  e6e63a5b\n123456789 cbf43926\n");
	memset(text, 'x', sizeof(text));
	text[SEAL_EXACT_MAX] = '\0';
	buf_reset(&out);
	assert_true(seal_write_exact(&out, text));
	cursor = out.data;
	assert_int_equal(seal_next(&cursor, out.data + out.len, &found), SEAL_LINE);
	assert_string_equal(found, text);
}

/* Rather nothing than another text; and a row of additions is told by its last. */
static void
inexact_text_is_refused(void **state)
{
	static const char *const texts[] = { "a\nb", "\x7f", "\xff", "gr\xc3\xbcn",
		"\x1b[" };
	char large[SEAL_EXACT_MAX + 2];
	struct buf small;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		buf_reset(&out);
		assert_true(seal_write_exact(&out, "before"));
		assert_false(seal_write_exact(&out, texts[i]));
		assert_false(seal_write_exact(&out, "after"));
		assert_string_equal(buf_text(&out), "before d83b5dae\n");
	}
	buf_reset(&out);
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	assert_false(seal_write_exact(&out, large));
	assert_int_equal(out.len, 0);
	for (size_t max = 0; max <= 14; max++) {
		buf_init(&small, max);
		assert_int_equal(seal_write_exact(&small, "1234"), max == 14);
		assert_int_equal(small.len, max == 14 ? 14 : 0);
		buf_clear(&small);
	}
}

/* What is found behind each cut: whole lines, then one that is torn. */
static void
cut_line_is_torn(void **state)
{
	char bytes[256];
	const char *text;

	(void)state;
	write_lines();
	assert_true(out.len < sizeof(bytes));
	for (size_t len = 0; len <= out.len; len++) {
		char *cursor = bytes;
		enum seal_found found;
		size_t lines = 0;

		memcpy(bytes, out.data, len);
		while ((found = seal_next(&cursor, bytes + len, &text)) == SEAL_LINE)
			assert_string_equal(text, LINES[lines++]);
		if (len == 0 || out.data[len - 1] == '\n')
			assert_int_equal(found, SEAL_END);
		else
			assert_int_equal(found, SEAL_TORN);
		assert_ptr_equal(cursor, bytes + len);
		assert_int_equal(seal_next(&cursor, bytes + len, &text), SEAL_END);
	}
}

static bool
is_a_line(const char *text)
{
	for (size_t i = 0; i < COUNT; i++)
		if (strcmp(text, LINES[i]) == 0)
			return true;
	return false;
}

/* Each changed byte costs one line, or two when it was or became a line feed. */
static void
every_changed_byte_is_noticed(void **state)
{
	char bytes[256];
	const char *text;

	(void)state;
	write_lines();
	for (size_t i = 0; i < out.len * 255; i++) {
		char *cursor = bytes, *place = bytes + i / 255;
		enum seal_found found;
		size_t lines = 0, bad = 0;

		memcpy(bytes, out.data, out.len);
		*place = (char)(*place ^ (int)(1 + i % 255));
		while ((found = seal_next(&cursor, bytes + out.len, &text)) != SEAL_END) {
			if (found == SEAL_LINE) {
				assert_true(is_a_line(text));
				lines++;
			} else {
				bad++;
			}
		}
		assert_in_range(bad, 1, 2);
		assert_in_range(lines, COUNT - 2, COUNT - 1);
	}
}

static void
nonsense_is_damaged(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
		{ "\n", 1 },
		{ "00000000\n", 9 },
		{ "x\n", 2 },
		{ "123456789cbf43926\n", 18 },
		{ "123456789 CBF43926\n", 19 },
		{ "123456789 cbf43926 \n", 20 },
		{ "123456789  cbf43926\n", 20 },
		{ "123456789\tcbf43926\n", 19 },
		{ "123456789 cbf43926\r\n", 20 },
		{ "\0 d202ef8d\n", 11 }, /* the checksum of one NUL */
		{ "\0\0\0\0\0\0\0\0\0\0\n", 11 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char bytes[32], *cursor = bytes;
		const char *text = "before";

		memcpy(bytes, rows[i].bytes, rows[i].len);
		if (seal_next(&cursor, bytes + rows[i].len, &text) != SEAL_DAMAGED)
			fail_msg("row %zu", i);
		assert_string_equal(text, "before");
		assert_ptr_equal(cursor, bytes + rows[i].len);
	}
}

#define seal_test(f) cmocka_unit_test_setup_teardown(f, make_buffer, clear_buffer)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		seal_test(bytes_are_these),
		seal_test(lines_come_back),
		seal_test(text_is_cleaned),
		seal_test(long_text_is_cut_at_a_character),
		seal_test(exact_text_is_not_touched),
		seal_test(inexact_text_is_refused),
		seal_test(full_buffer_is_told),
		seal_test(cut_line_is_torn),
		seal_test(every_changed_byte_is_noticed),
		seal_test(nonsense_is_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
