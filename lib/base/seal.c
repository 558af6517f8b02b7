/* seal: a line of text that tells whether it is whole (seal.h). */
#include "lib/base/seal.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "lib/base/text.h"

enum {
	DIGITS = 8,        /* of the checksum */
	MARK = 1 + DIGITS, /* with the blank before it */
	/* Cleaning makes three bytes of an invalid one at most. */
	CLEAN_MAX = 3 * SEAL_MAX,
};

static void
make_digits(char digits[DIGITS + 1], const char *text, size_t len)
{
	unsigned long sum = crc32(0, (const Bytef *)text, (uInt)len) & 0xffffffff;

	snprintf(digits, DIGITS + 1, "%08lx", sum);
}

bool
seal_write(struct buf *out, const char *text)
{
	char digits[DIGITS + 1];
	struct buf clean;
	size_t len;

	buf_init(&clean, CLEAN_MAX);
	if (!text_clean(&clean, text, text_cut(text, SEAL_MAX), TEXT_LINE))
		out->over = true; /* no memory: half a text must not pass for a whole */
	len = text_cut(buf_text(&clean), SEAL_MAX);
	make_digits(digits, buf_text(&clean), len);
	buf_printf(out, "%.*s %s\n", (int)len, buf_text(&clean), digits);
	buf_clear(&clean);
	return !out->over;
}

bool
seal_write_exact(struct buf *out, const char *text)
{
	const size_t before = out->len;
	size_t len = strnlen(text, SEAL_EXACT_MAX + 1);
	char digits[DIGITS + 1];

	if (out->over || len > SEAL_EXACT_MAX || !text_is_ascii(text)) {
		out->over = true;
		return false;
	}
	make_digits(digits, text, len);
	if (buf_add(out, text, len) && buf_putc(out, ' ') &&
	    buf_add(out, digits, DIGITS) && buf_putc(out, '\n'))
		return true;
	out->len = before; /* half a line would only look like damage */
	if (out->data)
		out->data[before] = '\0';
	return false;
}

/* Whether the len bytes of a line are a text and its checksum. The digits are compared as
 * they stand: another way to write the same number is damage too. */
static bool
is_whole(const char *line, size_t len)
{
	char digits[DIGITS + 1];

	if (len < MARK || line[len - MARK] != ' ' || memchr(line, '\0', len))
		return false;
	make_digits(digits, line, len - MARK);
	return memcmp(line + len - DIGITS, digits, DIGITS) == 0;
}

enum seal_found
seal_next(char **cursor, char *end, const char **text)
{
	char *line = *cursor, *feed;
	size_t len;

	if (line == end)
		return SEAL_END;
	feed = memchr(line, '\n', (size_t)(end - line));
	*cursor = feed ? feed + 1 : end;
	if (!feed)
		return SEAL_TORN;
	len = (size_t)(feed - line);
	if (!is_whole(line, len))
		return SEAL_DAMAGED;
	line[len - MARK] = '\0';
	*text = line;
	return SEAL_LINE;
}
