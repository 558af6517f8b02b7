/*
 * secret: an app password read from a file that only root can read.
 */
#ifndef POSTROOM_SECRET_H
#define POSTROOM_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/status.h"

enum {
	SECRET_MAX = 4096, /* bytes of the file */
};

struct secret {
	char text[SECRET_MAX + 1];
};

/* Reads path under file_open()'s root_only rule (1 to SECRET_MAX bytes). One trailing LF
 * or CR LF is taken off. Microsoft's form, four groups of four lower-case letters with
 * blanks between, loses its blanks; any other text stays as it is. Control bytes, NUL and
 * an empty text are refused. STATUS_SETTINGS or STATUS_RETRY; the sentence names the file
 * and never its content. */
enum status secret_read(struct secret *out, const char *path, struct error *e);

/* Whether text repeats the password, as it is or as AUTH LOGIN and PLAIN send it
 * (base64). */
bool secret_is_in(const char *text, const char *user, const char *password);

enum {
	SECRET_PART = 16, /* bytes of a token that nobody else may see in a row */
};

/* Whether text repeats SECRET_PART or more bytes in a row of a token, as it is or inside
 * something that was encoded in base64, as AUTH XOAUTH2 and OAUTHBEARER send it. */
bool secret_part_is_in(const char *text, const char *token);

/* Overwrites the text in a way that the compiler keeps. */
void secret_wipe(struct secret *s);

#endif
