/*
 * state: the folder in which the backend keeps what has to outlive a job's run.
 *
 *   state_dir/          root's, readable by all
 *   state_dir/jobs/     root's alone: the journals (journal.h)
 *   state_dir/limits/   the worker's alone: what accounts may do at a time (limits.h)
 *   state_dir/tokens/   root's alone: what accounts sign in with (vault.h), and when
 *                       people were last reminded of its end (reminder.h)
 *   state_dir/tmp/      the worker's alone: what is made of documents that are too large;
 *                       cupsd's own TMPDIR is closed to it
 */
#ifndef POSTROOM_STATE_H
#define POSTROOM_STATE_H

#include "lib/base/status.h"
#include "lib/account/config.h"

enum {
	STATE_PATH_MAX = 1024, /* bytes of a path, with the NUL */
};

struct state {
	int jobs, limits, tokens; /* descriptors of the folders */
	char tmp[STATE_PATH_MAX]; /* the path of that folder */
};

/* Opens the folders and makes those that are missing. STATUS_SETTINGS: state_dir cannot
 * be made where it is to be, is a link, or others may write there; STATUS_RETRY: the disk
 * is full or fails. On failure nothing is open. */
enum status state_open(struct state *out, const struct config *config, struct error *e);
void state_close(struct state *s);

#endif
