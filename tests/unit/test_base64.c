/* base64 against RFC 4648's vectors and a plain encoder, at every length of some lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/mail/base64.h"

enum {
	LENGTH_MAX = 4096,
	OUT_MAX = (LENGTH_MAX / BASE64_LINE_IN + 1) * BASE64_LINE_OUT,
	SEED = 57,
};

/* Bit by bit, as slow as it is easy to believe. */
static size_t
plain_lines(char *out, const unsigned char *in, size_t len)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789+/";
	size_t n = 0, column = 0;

	for (size_t i = 0; i < len; i += 3) {
		unsigned bits = (unsigned)in[i] << 16;

		if (i + 1 < len)
			bits |= (unsigned)in[i + 1] << 8;
		if (i + 2 < len)
			bits |= in[i + 2];
		out[n++] = letters[bits >> 18];
		out[n++] = letters[bits >> 12 & 63];
		out[n++] = i + 1 < len ? letters[bits >> 6 & 63] : '=';
		out[n++] = i + 2 < len ? letters[bits & 63] : '=';
		column += 4;
		if (column == 76 || i + 3 >= len) {
			out[n++] = '\r';
			out[n++] = '\n';
			column = 0;
		}
	}
	return n;
}

static void
words_are_those_of_the_rfc(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
		{ "\xff\xff\xff\xfb\xef\xbe", "////++++" } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char out[16];
		size_t len = base64_word(
		    out, (const unsigned char *)rows[i].in, strlen(rows[i].in));

		assert_int_equal(len, strlen(rows[i].out));
		assert_memory_equal(out, rows[i].out, len);
	}
}

static void
lines_equal_the_plain_encoder(void **state)
{
	char *want = malloc(OUT_MAX);

	(void)state;
	srand(SEED);
	/* Buffers of the exact size, so that the sanitizer sees one byte too many. */
	for (size_t len = 0; len <= LENGTH_MAX; len++) {
		unsigned char *in = malloc(len);
		size_t size = (size_t)base64_size(len);
		char *out = malloc(size);

		for (size_t i = 0; i < len; i++)
			in[i] = (unsigned char)(rand() >> 3);
		assert_int_equal(plain_lines(want, in, len), size);
		assert_int_equal(base64_lines(out, in, len), size);
		assert_memory_equal(out, want, size);
		free(in);
		free(out);
	}
	free(want);
}

static void
each_twelve_bits_have_their_letters(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 4096; bits++) {
		unsigned char in[3] = { (unsigned char)(bits >> 4),
			(unsigned char)(bits << 4 | bits >> 8), (unsigned char)bits };
		char out[4], want[8];

		assert_int_equal(base64_word(out, in, 3), 4);
		plain_lines(want, in, 3);
		assert_memory_equal(out, want, 4);
	}
}

static void
size_needs_no_small_numbers(void **state)
{
	(void)state;
	assert_int_equal(base64_size(0), 0);
	assert_int_equal(base64_size(1), 6);
	assert_int_equal(base64_size(57), 78);
	assert_int_equal(base64_size(58), 84);
	assert_true(base64_size(57ULL << 40) == 78ULL << 40);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_those_of_the_rfc),
		cmocka_unit_test(lines_equal_the_plain_encoder),
		cmocka_unit_test(each_twelve_bits_have_their_letters),
		cmocka_unit_test(size_needs_no_small_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
