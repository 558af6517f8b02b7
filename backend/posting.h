/*
 * posting: one part of a job, submitted to those recipients that do not have it, with the
 * journal written around the commit point.
 */
#ifndef POSTROOM_POSTING_H
#define POSTROOM_POSTING_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/desk.h"
#include "lib/base/status.h"
#include "lib/send/replies.h"

/* How it went, beyond the status. */
struct posted {
	enum verdict verdict;
	bool unreachable;     /* the server was not reached at all */
	int64_t wait;         /* ms, as the account's limits say; 0: they do not */
	uint64_t size;        /* of the message */
	uint64_t size_limit;  /* what the server's SIZE said; 0: not asked, or none */
	bool rest_at_once;    /* some are put off only as there were too many at once */
	struct error put_off; /* why some recipient has to wait; "": none has */
	struct reply reply;   /* the server's last word */
};

/* Posts. STATUS_OK: whoever can have the part has it now, or is refused or put off: the
 * journal knows. Otherwise nobody has it who did not have it before; as mailing_send().
 */
enum status posting_run(struct posted *out, const struct desk *d,
    const struct letter *letter, struct error *e);

#endif
