/*
 * exit: the one table from status to the code that cupsd understands (backend(7)).
 */
#ifndef POSTROOM_EXIT_H
#define POSTROOM_EXIT_H

#include "lib/base/status.h"

/* CUPS_BACKEND_OK, HOLD, STOP, CANCEL or RETRY_CURRENT; never FAILED (1) or AUTH_REQUIRED
 * (2), which cupsd answers by aborting the job or by asking its owner for a password. */
int exit_code(enum status status);

#endif
