/* grant: what an access token is asked for with (grant.h). */
#include "lib/login/grant.h"

#include <stddef.h>
#include <string.h>

/* The lines, in their order. */
static const struct {
	size_t offset, max; /* in struct grant; bytes without the NUL */
} lines[] = {
	{ offsetof(struct grant, refresh), TOKEN_MAX },
	{ offsetof(struct grant, client_secret), SECRET_MAX },
	{ offsetof(struct grant, assertion), ASSERTION_MAX },
};

enum {
	LINES = sizeof(lines) / sizeof(lines[0]),
};

/* Whether a line can hold the len bytes. */
static bool
is_line(const char *text, size_t len, size_t max)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return len <= max;
}

bool
grant_write(struct buf *out, const struct grant *g)
{
	for (size_t i = 0; i < LINES; i++) {
		const char *text = (const char *)g + lines[i].offset;
		size_t len = strlen(text);

		if (!is_line(text, len, lines[i].max))
			return false;
		buf_add(out, text, len);
		buf_putc(out, '\n');
	}
	return !out->over;
}

bool
grant_read(struct grant *out, const char *text)
{
	const char *start[LINES];
	size_t len[LINES];

	for (size_t i = 0; i < LINES; i++) {
		start[i] = text;
		len[i] = strcspn(text, "\n");
		if (text[len[i]] != '\n' || !is_line(text, len[i], lines[i].max))
			return false;
		text += len[i] + 1;
	}
	if (*text)
		return false;
	grant_wipe(out);
	for (size_t i = 0; i < LINES; i++)
		memcpy((char *)out + lines[i].offset, start[i], len[i]);
	return true;
}

void
grant_wipe(struct grant *g)
{
	explicit_bzero(g, sizeof(*g));
}
