/*
 * mailing: one message submitted, within its account's limits.
 *
 * What the server says of the account (the login is refused, too much at a time, a day's
 * quota is used up, SIZE) is kept for all processes; for how long this job has to wait is
 * worked out here.
 */
#ifndef POSTROOM_MAILING_H
#define POSTROOM_MAILING_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/asking.h"
#include "backend/worker.h"
#include "lib/base/status.h"
#include "lib/mail/message.h"
#include "lib/send/limits.h"
#include "lib/send/submission.h"

struct mailing {
	const struct worker *worker;
	const struct account *account;
	const struct credential *credential;
	struct limits *limits;
	struct message_stream *message;
	struct message_stream *bare; /* for Graph: without its attachments; or NULL */
	bool find; /* for Graph: an earlier attempt may have left something */
	const struct mailbox_list *recipients;
	bool quiet; /* a notice: the queue does not show its progress */
	bool (*commit)(void *context);
	void (*settled)(void *context, const struct receipt *receipt);
	void *context; /* of both */
};

/* How it went. */
struct mailed {
	struct receipt receipt; /* delivery is the caller's, as many as recipients */
	bool tried;             /* a connection was attempted; else nobody was asked */
	int64_t
	    wait; /* ms that this account has to wait; 0: as the job's schedule says */
};

/* Submits. The status and its sentence as submission_send() has them, with two
 * differences: STATUS_RETRY also when the limits do not allow it now; a refused login is
 * STATUS_RETRY until it was refused for auth_patience, then STATUS_SETTINGS. An access
 * token that is refused is renewed and tried once more; then it is STATUS_SETTINGS. */
enum status mailing_send(const struct mailing *m, struct mailed *out, struct error *e);

#endif
