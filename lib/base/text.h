/*
 * text: UTF-8 text from outside made harmless.
 *
 * RFC 3629 (UTF-8). Cleaning never fails: what cannot stay becomes U+FFFD or a space.
 */
#ifndef POSTROOM_TEXT_H
#define POSTROOM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"

/* The bytes (1 to 4) of the valid character that starts at s, of which left bytes remain;
 * 0 when there is none: cut short, overlong, a surrogate, beyond U+10FFFF, or left is 0.
 */
size_t utf8_length(const char *s, size_t left);
/* Whether all len bytes are valid UTF-8. */
bool utf8_valid(const char *s, size_t len);
/* Whether all bytes are 0x20 to 0x7e. */
bool text_is_ascii(const char *s);

enum text_rule {
	TEXT_LINE,  /* one line: control characters (C0, DEL, C1, U+2028, U+2029) become a
		       space */
	TEXT_LINES, /* line feeds and tabs stay; CR LF and CR become LF */
};

/* Appends to out what a person may see of len bytes: invalid bytes become U+FFFD,
 * characters that reorder or hide text (U+200E, U+200F, U+202A-202E, U+2066-2069, U+FEFF)
 * are dropped, control characters follow the rule, blanks at both ends are taken off.
 * False when out is over. */
bool text_clean(struct buf *out, const char *s, size_t len, enum text_rule rule);

/* The length of the longest start of s that has at most max bytes and ends at a
 * character. */
size_t text_cut(const char *s, size_t max);

/* Appends s for a sentence: its first max bytes, cleaned as a line, with "…" where it was
 * cut. */
bool text_show(struct buf *out, const char *s, size_t max);

enum text_rounding { TEXT_DOWN, TEXT_UP };

enum {
	TEXT_SIZE_MAX = 24, /* bytes of a size as text, with the NUL */
};

/* "41 bytes", "1.5 KB", "35.0 MB" (powers of 1024, as in postroom.conf). Of two sizes the
 * larger one, rounded up, never reads the same as the smaller one, rounded down. */
void text_size(char out[TEXT_SIZE_MAX], uint64_t bytes, enum text_rounding rounding);

#endif
