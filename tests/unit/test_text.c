/* Tests of lib/base/text.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/text.h"

enum {
	CODE_POINTS = 0x110000,
	NOISE_TEXTS = 5000,
	NOISE_MAX = 64,
	ROOM = 4096,
};

#define FFFD "\xef\xbf\xbd"

/* RFC 3629 3, written down plainly. */
static size_t
encode(char out[4], uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

static bool
is_surrogate(uint32_t c)
{
	return c >= 0xd800 && c <= 0xdfff;
}

static void
every_code_point_has_its_length(void **state)
{
	(void)state;
	for (uint32_t c = 0; c < CODE_POINTS; c++) {
		char s[4];
		size_t n = encode(s, c);

		if (utf8_length(s, n) != (is_surrogate(c) ? 0 : n))
			fail_msg("U+%04X", c);
		if (n > 1 && utf8_length(s, n - 1) != 0)
			fail_msg("U+%04X cut short", c);
	}
}

/* With the test above: what is counted here is exactly what is valid. */
static void
nothing_else_is_valid(void **state)
{
	static const unsigned char edges[] = { 0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xff };
	size_t ones = 0, twos = 0, threes = 0, fours = 0;
	unsigned char s[4];

	(void)state;
	for (unsigned i = 0; i < 1 << 24; i++) {
		s[0] = (unsigned char)(i >> 16);
		s[1] = (unsigned char)(i >> 8);
		s[2] = (unsigned char)i;
		threes += utf8_length((char *)s, 3) == 3;
		twos += s[2] == 0 && utf8_length((char *)s, 2) == 2;
		ones += s[1] == 0 && s[2] == 0 && utf8_length((char *)s, 1) == 1;
	}
	for (unsigned i = 0; i < 1 << 16; i++)
		for (size_t k = 0; k < sizeof(edges) * sizeof(edges); k++) {
			s[0] = (unsigned char)(i >> 8);
			s[1] = (unsigned char)i;
			s[2] = edges[k / sizeof(edges)];
			s[3] = edges[k % sizeof(edges)];
			fours += utf8_length((char *)s, 4) == 4;
		}
	assert_int_equal(ones, 0x80);
	assert_int_equal(twos, 0x800 - 0x80);
	assert_int_equal(threes, 0x10000 - 0x800 - 0x800);
	assert_int_equal(fours, (0x110000 - 0x10000) / 0x1000 * 2 * 2);
	assert_int_equal(utf8_length("a", 0), 0);
}

static void
valid_looks_at_every_byte(void **state)
{
	(void)state;
	assert_true(utf8_valid("", 0));
	assert_true(utf8_valid("a\0b", 3));
	assert_true(utf8_valid("B\xc3\xbcro \xf0\x9f\x93\xa0", 10));
	assert_false(utf8_valid("B\xc3\xbcro \xf0\x9f\x93\xa0", 9));
	assert_false(utf8_valid("a\x80", 2));
	assert_false(utf8_valid("\xc0\x80", 2));
	assert_false(utf8_valid("ab\xff", 3));
}

static void
ascii_is_printable_only(void **state)
{
	(void)state;
	assert_true(text_is_ascii(""));
	for (int c = 1; c < 256; c++) {
		const char s[] = { 'a', (char)c, '\0' };

		assert_int_equal(text_is_ascii(s), c >= 0x20 && c <= 0x7e);
	}
}

/* What becomes of each code point between two letters. */
static const char *
expected(uint32_t c, const char *itself, enum text_rule rule)
{
	static const uint32_t hidden[] = { 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d,
		0x202e, 0x2066, 0x2067, 0x2068, 0x2069, 0xfeff };

	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (c == hidden[i])
			return "";
	if (rule == TEXT_LINES && (c == '\n' || c == '\r'))
		return "\n";
	if (rule == TEXT_LINES && c == '\t')
		return "\t";
	if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029)
		return " ";
	return itself;
}

static void
clean_every_code_point(void **state)
{
	(void)state;
	for (uint32_t c = 0; c < CODE_POINTS; c++)
		for (int rule = TEXT_LINE; rule <= TEXT_LINES; rule++) {
			char s[7] = "a", itself[5] = "", want[8];
			size_t n = encode(s + 1, c);
			struct buf b;

			if (is_surrogate(c))
				continue;
			memcpy(itself, s + 1, n);
			s[1 + n] = 'b';
			buf_init(&b, ROOM);
			assert_true(text_clean(&b, s, n + 2, (enum text_rule)rule));
			snprintf(want, sizeof(want), "a%sb",
			    expected(c, itself, (enum text_rule)rule));
			if (strcmp(buf_text(&b), want) != 0)
				fail_msg("U+%04X, rule %d", c, rule);
			buf_clear(&b);
		}
}

static void
clean_known_texts(void **state)
{
	static const struct {
		const char *in;
		size_t len;
		enum text_rule rule;
		const char *out;
	} cases[] = {
		{ "", 0, TEXT_LINE, "" },
		{ " \t\r\n ", 5, TEXT_LINE, "" },
		{ " \t\r\n ", 5, TEXT_LINES, "" },
		{ "  a  b  ", 8, TEXT_LINE, "a  b" },
		{ "a\r\nBcc: x", 9, TEXT_LINE, "a  Bcc: x" },
		{ "a\r\nb\rc\nd\n\re", 11, TEXT_LINES, "a\nb\nc\nd\n\ne" },
		{ "a\r", 2, TEXT_LINES, "a" },
		{ "a\0b", 3, TEXT_LINE, "a b" },
		{ "a\0b", 3, TEXT_LINES, "a b" },
		{ "\xff", 1, TEXT_LINE, FFFD },
		{ "a\xc3", 2, TEXT_LINE, "a" FFFD },
		{ "\xc3(", 2, TEXT_LINE, FFFD "(" },
		{ "\xed\xa0\x80", 3, TEXT_LINE, FFFD FFFD FFFD },
		{ "\xc0\xaf", 2, TEXT_LINE, FFFD FFFD },
		{ "\xf4\x90\x80\x80", 4, TEXT_LINE, FFFD FFFD FFFD FFFD },
		{ "\xe2\x80\xae"
		  "fdp.exe",
		    10, TEXT_LINE, "fdp.exe" },
		{ "\xe2\x80\xae a", 5, TEXT_LINE, "a" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b;

		buf_init(&b, ROOM);
		assert_true(text_clean(&b, cases[i].in, cases[i].len, cases[i].rule));
		assert_string_equal(buf_text(&b), cases[i].out);
		assert_int_equal(b.len, strlen(cases[i].out));
		buf_clear(&b);
	}
}

/* What stood in the buffer stays, with its blanks. */
static void
clean_appends(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, ROOM);
	buf_puts(&b, "> ");
	assert_true(text_clean(&b, "   ", 3, TEXT_LINE));
	assert_string_equal(buf_text(&b), "> ");
	assert_true(text_clean(&b, "  x ", 4, TEXT_LINE));
	assert_string_equal(buf_text(&b), "> x");
	assert_true(text_clean(&b, "   ", 3, TEXT_LINE));
	assert_string_equal(buf_text(&b), "> x");
	buf_clear(&b);
}

/* A full buffer holds whole characters and says that it is over. */
static void
clean_stops_at_the_limit(void **state)
{
	static const char euros[] = "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac";

	(void)state;
	for (size_t max = 0; max <= 10; max++) {
		struct buf b;

		buf_init(&b, max);
		assert_int_equal(text_clean(&b, euros, 9, TEXT_LINE), max >= 9);
		assert_int_equal(b.len, max >= 9 ? 9 : max / 3 * 3);
		assert_int_equal(b.over, max < 9);
		assert_memory_equal(buf_text(&b), euros, b.len);
		buf_clear(&b);
	}
}

static void
clean_noise(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int i = 0; i < NOISE_TEXTS; i++) {
		enum text_rule rule = i % 2 ? TEXT_LINE : TEXT_LINES;
		char noise[NOISE_MAX];
		struct buf once, twice;

		for (int k = 0; k < NOISE_MAX; k++) {
			seed = seed * 1664525 + 1013904223;
			noise[k] = (char)(seed >> 24);
		}
		buf_init(&once, ROOM);
		buf_init(&twice, ROOM);
		assert_true(text_clean(&once, noise, NOISE_MAX, rule));
		assert_true(utf8_valid(buf_text(&once), once.len));
		for (size_t k = 0; k < once.len; k++)
			assert_true((unsigned char)once.data[k] >= 0x20 ||
			    (rule == TEXT_LINES &&
				(once.data[k] == '\n' || once.data[k] == '\t')));
		assert_true(text_clean(&twice, buf_text(&once), once.len, rule));
		assert_string_equal(buf_text(&once), buf_text(&twice));
		buf_clear(&once);
		buf_clear(&twice);
	}
}

static void
cut_ends_at_a_character(void **state)
{
	static const char text[] =
	    "a\xc3\xbc\xe2\x82\xac\xf0\x9f\x93\xa0z"; /* 1 2 3 4 1 */
	static const size_t lengths[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11 };

	(void)state;
	for (size_t max = 0; max < sizeof(lengths) / sizeof(lengths[0]); max++)
		assert_int_equal(text_cut(text, max), lengths[max]);
	assert_int_equal(text_cut("", 0), 0);
	assert_int_equal(text_cut("", 5), 0);
	assert_int_equal(text_cut("\x80\x80\x80", 2), 0);
}

static void
shows_for_a_sentence(void **state)
{
	static const struct {
		const char *text;
		size_t max;
		const char *shown;
	} rows[] = {
		{ "", 5, "" },
		{ "abcde", 5, "abcde" },
		{ "abcdef", 5, "abcde…" },
		{ "abcdü", 5, "abcd…" },
		{ "a\r\nb", 9, "a  b" },
		{ "a\xff", 9, "a\xef\xbf\xbd" },
	};
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(text_show(&out, rows[i].text, rows[i].max));
		assert_string_equal(buf_text(&out), rows[i].shown);
		buf_reset(&out);
	}
	buf_clear(&out);
	buf_init(&out, 2);
	assert_false(text_show(&out, "abc", 2));
	buf_clear(&out);
}

/* Rounded in the right direction, in every unit. */
static void
sizes_for_a_person(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *down, *up;
	} sizes[] = {
		{ 0, "0 bytes", "0 bytes" },
		{ 1023, "1023 bytes", "1023 bytes" },
		{ 1024, "1.0 KB", "1.0 KB" },
		{ 1025, "1.0 KB", "1.1 KB" },
		{ 1536, "1.5 KB", "1.5 KB" },
		{ 1024 * 1024 - 1, "1023.9 KB", "1024.0 KB" },
		{ 36700160, "35.0 MB", "35.0 MB" },
		{ 36700161, "35.0 MB", "35.1 MB" },
		{ UINT64_MAX, "17592186044415.9 MB", "17592186044416.0 MB" },
	};
	char text[TEXT_SIZE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		text_size(text, sizes[i].bytes, TEXT_DOWN);
		assert_string_equal(text, sizes[i].down);
		text_size(text, sizes[i].bytes, TEXT_UP);
		assert_string_equal(text, sizes[i].up);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_for_a_sentence),
		cmocka_unit_test(every_code_point_has_its_length),
		cmocka_unit_test(nothing_else_is_valid),
		cmocka_unit_test(valid_looks_at_every_byte),
		cmocka_unit_test(ascii_is_printable_only),
		cmocka_unit_test(clean_every_code_point),
		cmocka_unit_test(clean_known_texts),
		cmocka_unit_test(clean_appends),
		cmocka_unit_test(clean_stops_at_the_limit),
		cmocka_unit_test(clean_noise),
		cmocka_unit_test(cut_ends_at_a_character),
		cmocka_unit_test(sizes_for_a_person),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
