/*
 * priv: giving up root, once, early, for good, and checked.
 */
#ifndef POSTROOM_PRIV_H
#define POSTROOM_PRIV_H

#include <stdbool.h>

#include "lib/base/status.h"

struct identity {
	unsigned uid, gid;
};

/* Looks an account up. STATUS_SETTINGS when there is none, or when it is root. */
enum status priv_lookup(struct identity *out, const char *user, struct error *e);

/* No core file, no ptrace by equals (RLIMIT_CORE 0, PR_SET_DUMPABLE 0). To be called
 * again after priv_drop(), which the kernel answers by resetting dumpable. */
void priv_hide(void);

/* Whether the kernel is to spare this process and its later children when memory runs out
 * (proc(5), oom_score_adj); only root may ask for it, anybody may give it back. */
void priv_spare(bool spare);

/* Groups, group, user, in this order, each step checked; afterwards root cannot come back
 * (verified) and no new privilege can be gained by exec (PR_SET_NO_NEW_PRIVS). Does
 * nothing when the process is not root. STATUS_SETTINGS when a step fails: the caller
 * must not go on. */
enum status priv_drop(const struct identity *id, struct error *e);

#endif
