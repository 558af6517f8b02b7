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

/* Overwrites the text in a way that the compiler keeps. */
void secret_wipe(struct secret *s);

#endif
