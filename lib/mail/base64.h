/*
 * base64: RFC 2045 6.8, whole lines of 76 characters and CR LF, at memory speed.
 */
#ifndef POSTROOM_BASE64_H
#define POSTROOM_BASE64_H

#include <stddef.h>
#include <stdint.h>

enum {
	BASE64_LINE_IN = 57,  /* bytes that make one line */
	BASE64_LINE_OUT = 78, /* its characters with CR LF */
};

/* Encodes len bytes into out, each line ended by CR LF, also the last; returns the
 * characters written: base64_size(len). out has room for them. */
size_t base64_lines(char *out, const unsigned char *in, size_t len);
/* Characters that base64_lines() makes of len bytes. */
uint64_t base64_size(uint64_t len);
/* Encodes len bytes without line breaks, padded; returns the characters written. No NUL.
 */
size_t base64_word(char *out, const unsigned char *in, size_t len);

#endif
