/*
 * store: the folder of tokens (vault.h) below state_dir, for the administrator's
 * commands.
 */
#ifndef POSTROOM_ADMIN_STORE_H
#define POSTROOM_ADMIN_STORE_H

#include "lib/base/status.h"
#include "lib/account/config.h"

/* Opens state_dir/tokens, and makes it and state_dir where they are missing, as the
 * backend does. Stores a descriptor that the caller closes. STATUS_SETTINGS: it cannot be
 * made where it is to be, is a link, or is not the caller's alone; STATUS_RETRY: the
 * disk. */
enum status store_open(int *folder, const struct config *config, struct error *e);

#endif
