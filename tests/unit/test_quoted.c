/* quoted: exact lines at the borders, and the laws of all lines for random text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/mail/quoted.h"

enum {
	OUT_MAX = 64 * 1024,
	ROUNDS = 2000,
	TEXT_MAX = 400,
	SEED = 2045,
};

#define X10 "xxxxxxxxxx"
#define X70 X10 X10 X10 X10 X10 X10 X10

static void
lines_are_exact(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "", "" },
		{ "a", "a\r\n" },
		{ "a\n", "a\r\n" },
		{ "\n", "\r\n" },
		{ "a\n\nb\n\n", "a\r\n\r\nb\r\n\r\n" },
		{ "1=2", "1=3D2\r\n" },
		{ "ü", "=C3=BC\r\n" },
		{ "a\tb c", "a\tb c\r\n" },
		/* Blanks at the end of a line would be lost on the way. */
		{ "a \nb\t", "a=20\r\nb=09\r\n" },
		{ "a  ", "a =20\r\n" },
		{ ".", "=2E\r\n" },
		{ ".\n..a\nb.", "=2E\r\n=2E.a\r\nb.\r\n" },
		{ "From me\nFromage\n From x", "=46rom me\r\nFromage\r\n From x\r\n" },
		{ "a\rb\x01", "a=0Db=01\r\n" },
		/* 76 fit; of 77 the last goes to the next line. */
		{ X70 "123456", X70 "123456\r\n" },
		{ X70 "1234567", X70 "12345=\r\n67\r\n" },
		/* A token is never torn apart. */
		{ X70 "123=", X70 "123=3D\r\n" },
		{ X70 "1234=", X70 "1234=\r\n=3D\r\n" },
		{ X70 "12=x", X70 "12=3Dx\r\n" },
		{ X70 "123=x", X70 "123=\r\n=3Dx\r\n" },
		/* What a soft break puts at the start of a line counts too. */
		{ X70 "12345.6", X70 "12345=\r\n=2E6\r\n" },
		{ X70 "12345From x", X70 "12345=\r\n=46rom x\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf out;

		buf_init(&out, OUT_MAX);
		assert_true(quoted_lines(&out, rows[i].in));
		assert_string_equal(buf_text(&out), rows[i].out);
		buf_clear(&out);
	}
}

/* Undoes quoted_lines(); asserts on the way what holds for each line. */
static void
decode(struct buf *out, const char *s)
{
	while (*s) {
		const char *end = strstr(s, "\r\n");
		bool soft;

		assert_non_null(end);
		assert_true(end - s <= QUOTED_LINE_MAX);
		assert_true(*s != '.' && strncmp(s, "From ", 5) != 0);
		assert_true(end == s || (end[-1] != ' ' && end[-1] != '\t'));
		soft = end > s && end[-1] == '=';
		for (; s < end - soft; s++) {
			char hex[3] = { s[1], s[1] ? s[2] : '\0', '\0' };

			assert_true(*s == '\t' || (*s >= 0x20 && *s <= 0x7e));
			if (*s != '=') {
				buf_putc(out, *s);
				continue;
			}
			assert_int_equal(strspn(hex, "0123456789ABCDEF"), 2);
			buf_putc(out, (char)strtoul(hex, NULL, 16));
			s += 2;
		}
		if (!soft)
			buf_putc(out, '\n');
		s = end + 2;
	}
}

static void
random_text_comes_back(void **state)
{
	static const char letters[] = "  \t\n\n..==From \r\xc3\xbc\x7f--_";

	(void)state;
	srand(SEED);
	for (int round = 0; round < ROUNDS; round++) {
		char text[TEXT_MAX + 2];
		size_t len = (size_t)rand() % TEXT_MAX;
		struct buf out, back;

		for (size_t i = 0; i < len; i++)
			if (rand() % 3)
				text[i] = letters[(size_t)rand() % (sizeof(letters) - 1)];
			else
				text[i] = (char)(rand() % 255 + 1);
		text[len] = '\0';
		buf_init(&out, OUT_MAX);
		buf_init(&back, OUT_MAX);
		assert_true(quoted_lines(&out, text));
		decode(&back, buf_text(&out));
		if (len > 0 && text[len - 1] != '\n')
			memcpy(text + len, "\n", 2);
		assert_string_equal(buf_text(&back), text);
		buf_clear(&out);
		buf_clear(&back);
	}
}

static void
a_full_buffer_is_told(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 4);
	assert_false(quoted_lines(&out, "abc"));
	buf_clear(&out);
	assert_true(quoted_lines(&out, "ab"));
	buf_clear(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_exact),
		cmocka_unit_test(random_text_comes_back),
		cmocka_unit_test(a_full_buffer_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
