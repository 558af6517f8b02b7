/*
 * telling: the notice to a job's owner, sent once at most.
 */
#ifndef POSTROOM_TELLING_H
#define POSTROOM_TELLING_H

#include "backend/desk.h"
#include "backend/notice.h"
#include "lib/base/status.h"

/* Tells the owner that the job was not sent, or not to everybody, or that it waits
 * (notice.h), unless a notice of this kind has left already. parts is 0 when there was no
 * message yet. STATUS_OK: it was sent, or there is nobody to tell: the log says which.
 * Otherwise nobody was told: STATUS_RETRY for now, STATUS_REFUSED never, STATUS_SETTINGS
 * before the account is mended; e says why. */
enum status telling_run(const struct desk *d, enum notice_kind kind, unsigned parts,
    const char *reason, struct error *e);

#endif
