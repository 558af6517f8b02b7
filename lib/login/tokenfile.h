/*
 * tokenfile: the file in which an account's tokens lie, and its lock (vault.h names the
 * files). Replaced as a whole, durably, and under the lock alone: what is found in the
 * making then was left by a process that died, and is removed.
 */
#ifndef POSTROOM_TOKENFILE_H
#define POSTROOM_TOKENFILE_H

#include <stdbool.h>

#include "lib/base/status.h"
#include "lib/login/tokens.h"
#include "lib/account/value.h"

enum {
	TOKENFILE_ROOM =
	    VALUE_NAME_MAX + 1, /* bytes of an account's name, with the NUL */
};

struct tokenfile {
	int folder;          /* not owned */
	int lock;            /* -1: not held */
	int made;            /* the new file, reserved; -1: none is */
	const char *account; /* for sentences; not owned */
	char name[TOKENFILE_ROOM];
};

/* Names the file; nothing is opened. STATUS_SETTINGS: the name is none that an account
 * may have (value_check_name()). */
enum status tokenfile_init(
    struct tokenfile *f, int folder, const char *account, struct error *e);

/* Reads the tokens; all zero where the file is missing or *damaged. STATUS_RETRY: the
 * disk; STATUS_SETTINGS: the file is not this user's alone. On failure all is zero. */
enum status tokenfile_read(
    struct tokens *out, bool *damaged, const struct tokenfile *f, struct error *e);

/* Tries the lock once: with STATUS_OK f->lock tells. STATUS_RETRY: the disk;
 * STATUS_SETTINGS: the lock's file is not this user's alone. */
enum status tokenfile_try(struct tokenfile *f, struct error *e);
/* Waits for it so many seconds at most; STATUS_RETRY also when it did not come. */
enum status tokenfile_lock(struct tokenfile *f, unsigned seconds, struct error *e);
/* Gives it back, if it is held; from children that were forked meanwhile, too. What is
 * reserved goes. */
void tokenfile_unlock(struct tokenfile *f);

/* Makes sure that the disk has room for tokens of any size: they go into a file that
 * stands there from now on. The lock is held. STATUS_RETRY: it has none. */
enum status tokenfile_reserve(struct tokenfile *f, struct error *e);

/* Puts tokens where the old ones are, into what is reserved, if it is; the lock is held.
 * STATUS_INVALID: they are none; STATUS_SETTINGS: a folder stands in the file's place;
 * STATUS_RETRY: the disk. The old ones are there then as they were; or, where the folder
 * alone could not be synced, the new ones, and a power failure may bring the old ones
 * back. The sentence tells which. */
enum status tokenfile_write(struct tokenfile *f, const struct tokens *t, struct error *e);

#endif
