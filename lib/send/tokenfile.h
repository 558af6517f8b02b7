/*
 * tokenfile: the file in which an account's tokens lie, and its lock (vault.h names the
 * files). Replaced as a whole, durably, and under the lock alone: what is found in the
 * making then was left by a process that died, and is removed.
 */
#ifndef POSTROOM_TOKENFILE_H
#define POSTROOM_TOKENFILE_H

#include <stdbool.h>

#include "lib/base/status.h"
#include "lib/send/tokens.h"

enum {
	TOKENFILE_NAME_MAX = 100, /* bytes of an account's name */
	TOKENFILE_ROOM = TOKENFILE_NAME_MAX + 1,
};

struct tokenfile {
	int folder;          /* not owned */
	int lock;            /* -1: not held */
	const char *account; /* for sentences; not owned */
	char name[TOKENFILE_ROOM];
};

/* Names the file; nothing is opened. STATUS_SETTINGS: the name could be taken for another
 * account's file (".", "..", "x.lock", "x.new-1"). */
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
/* Gives it back, if it is held; from children that were forked meanwhile, too. */
void tokenfile_unlock(struct tokenfile *f);

/* Puts tokens where the old ones are; the lock is held. STATUS_INVALID: they are none;
 * STATUS_RETRY: the disk. The old ones are still there then, whole; only where the folder
 * could not be synced it may be the new ones. */
enum status tokenfile_write(
    const struct tokenfile *f, const struct tokens *t, struct error *e);

/* Removes the file and what was left in the making; the lock is held. STATUS_RETRY. */
enum status tokenfile_remove(const struct tokenfile *f, struct error *e);

#endif
