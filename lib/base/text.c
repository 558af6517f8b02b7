/* text: UTF-8 text from outside made harmless (text.h). */
#include "lib/base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const char REPLACEMENT[] = "\xef\xbf\xbd"; /* U+FFFD */

static bool
is_tail(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

size_t
utf8_length(const char *s, size_t left)
{
	unsigned char first, second;
	size_t len;

	if (left == 0)
		return 0;
	first = (unsigned char)s[0];
	if (first < 0x80)
		return 1;
	len = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
	if (first < 0xc2 || first > 0xf4 || len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if (!is_tail(s[i]))
			return 0;
	second = (unsigned char)s[1];
	if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
	    (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
		return 0;
	return len;
}

bool
utf8_valid(const char *s, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_length(s + i, len - i);
		if (n == 0)
			return false;
	}
	return true;
}

bool
text_is_ascii(const char *s)
{
	for (; *s; s++)
		if (*s < 0x20 || *s > 0x7e)
			return false;
	return true;
}

/* The code point of a valid character of n bytes. */
static uint32_t
decode(const char *s, size_t n)
{
	static const unsigned char first_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t c = (unsigned char)s[0] & first_bits[n];

	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	return c;
}

static bool
is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029;
}

static bool
is_hidden(uint32_t c)
{
	return c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
	    (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* Appends the character of n bytes at s as the rule wants it. */
static void
add_clean(struct buf *out, const char *s, size_t n, enum text_rule rule)
{
	uint32_t c = decode(s, n);

	if (is_hidden(c))
		return;
	if (!is_control(c))
		buf_add(out, s, n);
	else if (rule == TEXT_LINES && (c == '\n' || c == '\t'))
		buf_putc(out, *s);
	else if (rule == TEXT_LINES && c == '\r')
		buf_putc(out, '\n');
	else
		buf_putc(out, ' ');
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

bool
text_clean(struct buf *out, const char *s, size_t len, enum text_rule rule)
{
	size_t start = out->len, skip = start;

	for (size_t i = 0; i < len;) {
		size_t n = utf8_length(s + i, len - i);

		if (rule == TEXT_LINES && s[i] == '\r' && i + 1 < len && s[i + 1] == '\n')
			i++;
		if (n)
			add_clean(out, s + i, n, rule);
		else
			buf_puts(out, REPLACEMENT);
		i += n ? n : 1;
	}
	if (!out->data)
		return !out->over;
	while (out->len > start && is_blank(out->data[out->len - 1]))
		out->len--;
	while (skip < out->len && is_blank(out->data[skip]))
		skip++;
	memmove(out->data + start, out->data + skip, out->len - skip);
	out->len -= skip - start;
	out->data[out->len] = '\0';
	return !out->over;
}

size_t
text_cut(const char *s, size_t max)
{
	size_t len = strlen(s);

	if (len <= max)
		return len;
	for (len = max; len > 0 && is_tail(s[len]); len--)
		continue;
	return len;
}

bool
text_show(struct buf *out, const char *s, size_t max)
{
	size_t len = strlen(s), cut = text_cut(s, max);

	text_clean(out, s, cut, TEXT_LINE);
	if (cut < len)
		buf_puts(out, "…");
	return !out->over;
}

void
text_size(char out[TEXT_SIZE_MAX], uint64_t bytes, enum text_rounding rounding)
{
	const uint64_t kb = 1024, mb = 1024 * kb;
	uint64_t unit = bytes < mb ? kb : mb;
	uint64_t tenths = bytes / unit * 10 + bytes % unit * 10 / unit;

	if (bytes < kb) {
		snprintf(out, TEXT_SIZE_MAX, "%u bytes", (unsigned)bytes);
		return;
	}
	if (rounding == TEXT_UP && bytes % unit * 10 % unit != 0)
		tenths++;
	snprintf(out, TEXT_SIZE_MAX, "%llu.%u %s", (unsigned long long)(tenths / 10),
	    (unsigned)(tenths % 10), unit == kb ? "KB" : "MB");
}
