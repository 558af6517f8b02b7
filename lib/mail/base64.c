/*
 * base64: RFC 2045 6.8 (base64.h).
 *
 * Twelve bits at a time become two characters by one look into a table of 8 KiB, which
 * stays in the first-level cache; so encoding costs less than reading the file.
 */
#include "lib/mail/base64.h"

#include <endian.h>
#include <string.h>

/* c before each of the 64 characters. */
/* clang-format off */
#define ROW(c) \
	c "A" c "B" c "C" c "D" c "E" c "F" c "G" c "H" c "I" c "J" c "K" c "L" c "M" \
	c "N" c "O" c "P" c "Q" c "R" c "S" c "T" c "U" c "V" c "W" c "X" c "Y" c "Z" \
	c "a" c "b" c "c" c "d" c "e" c "f" c "g" c "h" c "i" c "j" c "k" c "l" c "m" \
	c "n" c "o" c "p" c "q" c "r" c "s" c "t" c "u" c "v" c "w" c "x" c "y" c "z" \
	c "0" c "1" c "2" c "3" c "4" c "5" c "6" c "7" c "8" c "9" c "+" c "/"

/* The two characters of each number of twelve bits. */
static const char pairs[] =
	ROW("A") ROW("B") ROW("C") ROW("D") ROW("E") ROW("F") ROW("G") ROW("H")
	ROW("I") ROW("J") ROW("K") ROW("L") ROW("M") ROW("N") ROW("O") ROW("P")
	ROW("Q") ROW("R") ROW("S") ROW("T") ROW("U") ROW("V") ROW("W") ROW("X")
	ROW("Y") ROW("Z") ROW("a") ROW("b") ROW("c") ROW("d") ROW("e") ROW("f")
	ROW("g") ROW("h") ROW("i") ROW("j") ROW("k") ROW("l") ROW("m") ROW("n")
	ROW("o") ROW("p") ROW("q") ROW("r") ROW("s") ROW("t") ROW("u") ROW("v")
	ROW("w") ROW("x") ROW("y") ROW("z") ROW("0") ROW("1") ROW("2") ROW("3")
	ROW("4") ROW("5") ROW("6") ROW("7") ROW("8") ROW("9") ROW("+") ROW("/");
/* clang-format on */

_Static_assert(sizeof(pairs) == 2 * 4096 + 1, "two characters for each twelve bits");

static void
put_pair(char *out, uint64_t bits)
{
	memcpy(out, pairs + 2 * (bits & 0xfff), 2);
}

/* Eight characters of six bytes; reads eight. */
static void
put_six(char *out, const unsigned char *in)
{
	uint64_t bits;

	memcpy(&bits, in, sizeof(bits));
	bits = be64toh(bits);
	put_pair(out, bits >> 52);
	put_pair(out + 2, bits >> 40);
	put_pair(out + 4, bits >> 28);
	put_pair(out + 6, bits >> 16);
}

/* Four characters of three bytes. */
static void
put_three(char *out, const unsigned char *in)
{
	uint64_t bits = (uint64_t)in[0] << 16 | (uint64_t)in[1] << 8 | in[2];

	put_pair(out, bits >> 12);
	put_pair(out + 2, bits);
}

/* One whole line: nine times six bytes (the last look reaches 56 bytes far), then three.
 */
static void
put_line(char *out, const unsigned char *in)
{
	for (size_t i = 0; i < 9; i++)
		put_six(out + 8 * i, in + 6 * i);
	put_three(out + 72, in + 54);
	memcpy(out + 76, "\r\n", 2);
}

size_t
base64_word(char *out, const unsigned char *in, size_t len)
{
	unsigned char last[3] = { 0 };
	size_t rest = len % 3, i, n = 0;

	for (i = 0; i + 3 <= len; i += 3, n += 4)
		put_three(out + n, in + i);
	if (rest == 0)
		return n;
	memcpy(last, in + i, rest);
	put_three(out + n, last);
	memset(out + n + rest + 1, '=', 3 - rest);
	return n + 4;
}

size_t
base64_lines(char *out, const unsigned char *in, size_t len)
{
	size_t n = 0;

	for (; len >= BASE64_LINE_IN; len -= BASE64_LINE_IN) {
		put_line(out + n, in);
		in += BASE64_LINE_IN;
		n += BASE64_LINE_OUT;
	}
	if (len == 0)
		return n;
	n += base64_word(out + n, in, len);
	memcpy(out + n, "\r\n", 2);
	return n + 2;
}

uint64_t
base64_size(uint64_t len)
{
	uint64_t lines = len / BASE64_LINE_IN, rest = len % BASE64_LINE_IN;

	return lines * BASE64_LINE_OUT + (rest ? (rest + 2) / 3 * 4 + 2 : 0);
}
