/*
 * compose: the message of a job. A pure function of job, route and documents, so that
 * every attempt makes the same bytes, with the same Message-ID and Date.
 */
#ifndef POSTROOM_COMPOSE_H
#define POSTROOM_COMPOSE_H

#include "backend/documents.h"
#include "backend/job.h"
#include "backend/route.h"
#include "lib/base/status.h"
#include "lib/mail/message.h"

/* Opens the stream that the caller closes with message_close(). route and documents must
 * live until then. STATUS_REFUSED: the message passes a limit, the account's
 * max_message_size too. */
enum status compose_open(struct message_stream **out, const struct route *route,
    const struct documents *documents, const struct job_identity *identity,
    struct error *e);

#endif
