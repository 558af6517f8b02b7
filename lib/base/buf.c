/* buf: a byte buffer with a limit (buf.h). */
#include "lib/base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUF_FIRST = 128, /* bytes of the first allocation */
};

/* No buffer is larger, whatever its max: a size that doubles must not wrap. */
static const size_t BUF_LIMIT = SIZE_MAX / 4;

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void
buf_clear(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max);
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
	b->over = false;
	if (b->data)
		b->data[0] = '\0';
}

const char *
buf_text(const struct buf *b)
{
	return b->data ? b->data : "";
}

char *
buf_take(struct buf *b)
{
	char *text = NULL;

	if (!b->over)
		text = b->data ? b->data : strdup("");
	else
		free(b->data);
	buf_init(b, b->max);
	return text;
}

/* Makes room for len more bytes and the NUL. */
static bool
grow(struct buf *b, size_t len)
{
	size_t size = b->size ? b->size : BUF_FIRST;
	char *data;

	if (b->over || len > b->max - b->len || b->len + len > BUF_LIMIT) {
		b->over = true;
		return false;
	}
	if (b->len + len < b->size)
		return true;
	while (size <= b->len + len)
		size *= 2;
	data = realloc(b->data, size);
	if (!data) {
		b->over = true;
		return false;
	}
	b->data = data;
	b->size = size;
	return true;
}

bool
buf_add(struct buf *b, const void *bytes, size_t len)
{
	if (!grow(b, len))
		return false;
	if (len)
		memcpy(b->data + b->len, bytes, len);
	b->len += len;
	b->data[b->len] = '\0';
	return true;
}

bool
buf_putc(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

bool
buf_puts(struct buf *b, const char *text)
{
	return buf_add(b, text, strlen(text));
}

bool
buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0 || !grow(b, (size_t)len)) {
		b->over = true;
		return false;
	}
	va_start(args, format);
	vsnprintf(b->data + b->len, (size_t)len + 1, format, args);
	va_end(args);
	b->len += (size_t)len;
	return true;
}
