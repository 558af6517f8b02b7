/*
 * statedir: the user's own state folder, and small files in it.
 *
 * It is $STATE_DIRECTORY (systemd.exec(5); the first of a list with colons), else
 * $XDG_STATE_HOME/postroom, else ~/.local/state/postroom; paths that are not absolute do
 * not count. Its folders are the user's alone (0700).
 */
#ifndef POSTROOM_STATEDIR_H
#define POSTROOM_STATEDIR_H

#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/base/status.h"

enum {
	STATEDIR_FILE_MAX = 64 * 1024, /* bytes of a small file */
};

/* Appends the path of the folder `name` in it. STATUS_SETTINGS: the environment names no
 * absolute path, or a very long one. */
enum status statedir_path(struct buf *out, const char *name, struct error *e);

/* Opens the folder `name` in it, made with all above it where they are missing. Stores a
 * descriptor that the caller closes. STATUS_SETTINGS: it, or what it would be made
 * in, belongs to another user; STATUS_RETRY: the system failed. */
enum status statedir_open(int *out, const char *name, struct error *e);

/* Appends what the file `name` of an open folder holds. False and errno, ENOENT when it
 * is missing, EFBIG when it is too long, for out too. */
bool statedir_read(struct buf *out, int folder, const char *name);

/* Puts a file in the place of the one of this name, whole or not at all; the name does
 * not begin with a dot. The caller sees to it that no other process does so at the same
 * time. False and errno. */
bool statedir_write(int folder, const char *name, const struct buf *text);

#endif
