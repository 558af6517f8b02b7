/*
 * closing: what an attempt's end means for its job: it is sent, it ends and its owner is
 * told, or it waits.
 *
 * No job ends in silence: one whose owner cannot be told is tried again for a while and
 * then held, where everybody sees it.
 */
#ifndef POSTROOM_CLOSING_H
#define POSTROOM_CLOSING_H

#include "backend/desk.h"
#include "backend/posting.h"
#include "lib/base/status.h"

enum {
	CLOSING_PUT_OFF_MAX = 30 * 60, /* seconds that a job keeps its queue busy for
					  recipients whom the server puts off, or for an
					  owner who cannot be told */
};

struct closing {
	const struct desk *desk;
	unsigned parts;            /* 0: there is no message yet */
	const struct posted *last; /* what was posted last, if anything was */
};

/* All that can be settled now is settled: STATUS_OK when it reached somebody,
 * STATUS_REFUSED when nobody, STATUS_RETRY or STATUS_HOLD while some are put off. e is
 * only written. */
enum status closing_conclude(const struct closing *c, struct error *e);

/* e says why it may succeed later. STATUS_RETRY, with the wait told to the supervisor;
 * when it was tried for too long it is given up, and ends as closing_refuse() does. */
enum status closing_put_off(const struct closing *c, struct error *e);

/* e says why it never will be sent. STATUS_REFUSED, or STATUS_OK when some have it all;
 * STATUS_RETRY, STATUS_HOLD or STATUS_SETTINGS while its owner cannot be told. */
enum status closing_refuse(const struct closing *c, struct error *e);

/* The same for a job that ended in an earlier run, for the reason given then. */
enum status closing_tell_again(const struct closing *c, const char *why, struct error *e);

#endif
