/*
 * switching: changes keys of one account in the settings file, in place: everything else
 * in it stays as its administrator wrote it (amend.h).
 *
 *   read ─► amended ─► parsed ─► FILE.new, fsync ─► renamed over FILE ◄── commit ─► fsync
 *
 * The file keeps owner and mode; there is the old file or the new one at any moment. No
 * symbolic link is followed: file_open()'s rules hold for it and all folders above.
 *
 * One at a time: the lock is a file in the folder of tokens, which is root's alone.
 * Nobody else can hold it, to keep root waiting.
 */
#ifndef POSTROOM_ADMIN_SWITCHING_H
#define POSTROOM_ADMIN_SWITCHING_H

#include <stdint.h>

#include "lib/base/amend.h"
#include "lib/base/status.h"
#include "lib/account/config.h"

enum {
	SWITCHING_PATIENCE = 10, /* seconds that another one is waited for */
};

#define SWITCHING_LOCK "~settings.lock" /* the name of no account */

struct switching {
	const char *path;                /* of the settings */
	const char *account;             /* its name */
	const struct amendment *changes; /* as amend_text() */
	const struct config *config;     /* whose state_dir has the folder of tokens */
	/* endpoint_identity() that the account is to have then, which was tried; 0: any.
	 * Else somebody has changed the file meanwhile. */
	uint32_t identity;
};

/* What the settings would be: a config that config_free() frees. Writes nothing.
 * STATUS_SETTINGS: the changed settings do not fit together, or the file is not to be
 * used; STATUS_INVALID: a value cannot stand in it; STATUS_RETRY. */
enum status switching_plan(
    struct config **out, const struct switching *s, struct error *e);

/* Changes the file. STATUS_OK: it is on the disk. Otherwise, as above, it is as it was;
 * only where the folder cannot be synced it may be the new one already. STATUS_RETRY also
 * when another one is at it for SWITCHING_PATIENCE. */
enum status switching_apply(const struct switching *s, struct error *e);

#endif
