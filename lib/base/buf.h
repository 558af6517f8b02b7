/*
 * buf: a byte buffer that grows to a limit fixed at its birth.
 *
 * The bytes are always followed by a NUL that len does not count. An addition that would
 * pass max, or finds no memory, adds nothing, returns false and sets `over`, which stays
 * set: a row of additions needs one check at its end.
 */
#ifndef POSTROOM_BUF_H
#define POSTROOM_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data; /* NULL until the first addition */
	size_t len;
	size_t size; /* bytes allocated */
	size_t max;  /* most bytes that len may reach */
	bool over;
};

/* Makes an empty buffer that holds at most max bytes. Nothing is allocated. */
void buf_init(struct buf *b, size_t max);
/* Frees the bytes; the buffer is empty again and keeps its max. */
void buf_clear(struct buf *b);
/* Empties the buffer and keeps its memory. */
void buf_reset(struct buf *b);
/* The bytes as a string, "" when nothing was added. Owned by b. */
const char *buf_text(const struct buf *b);
/* The bytes as a malloc'ed string that the caller frees; NULL when `over` or out of
 * memory. The buffer is empty afterwards. */
char *buf_take(struct buf *b);

bool buf_add(struct buf *b, const void *bytes, size_t len);
bool buf_putc(struct buf *b, char c);
bool buf_puts(struct buf *b, const char *text);
bool buf_printf(struct buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
