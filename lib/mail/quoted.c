/* quoted: quoted-printable text (quoted.h). */
#include "lib/mail/quoted.h"

#include <stdio.h>
#include <string.h>

/* Whether the character is the last of its line. */
static bool
is_last(const char *s)
{
	return s[1] == '\n' || s[1] == '\0';
}

/* Whether the character at s, which would stand at this column, must be encoded. */
static bool
must_encode(const char *s, size_t column)
{
	unsigned char c = (unsigned char)s[0];

	if (c == ' ' || c == '\t')
		return is_last(s);
	if (column == 0 && (c == '.' || strncmp(s, "From ", 5) == 0))
		return true;
	return c == '=' || c < 0x21 || c > 0x7e;
}

/* Writes the token that stands for the character into token; its length. */
static size_t
encode(char token[4], const char *s, size_t column)
{
	if (must_encode(s, column))
		return (size_t)snprintf(token, 4, "=%02X", (unsigned char)s[0]);
	token[0] = s[0];
	return 1;
}

bool
quoted_lines(struct buf *out, const char *text)
{
	size_t column = 0;

	for (const char *s = text; *s; s++) {
		char token[4];
		/* A soft break must fit behind all but the last. */
		size_t len, room = QUOTED_LINE_MAX - (is_last(s) ? 0 : 1);

		if (*s == '\n') {
			buf_puts(out, "\r\n");
			column = 0;
			continue;
		}
		len = encode(token, s, column);
		if (column + len > room) {
			buf_puts(out, "=\r\n");
			column = 0;
			len = encode(token, s, column);
		}
		buf_add(out, token, len);
		column += len;
	}
	if (column > 0)
		buf_puts(out, "\r\n");
	return !out->over;
}
