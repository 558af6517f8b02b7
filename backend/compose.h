/*
 * compose: the message of a job. A pure function of job, route and documents, so that
 * every attempt makes the same bytes, with the same Message-ID and Date.
 */
#ifndef POSTROOM_COMPOSE_H
#define POSTROOM_COMPOSE_H

#include <stdint.h>

#include "backend/documents.h"
#include "backend/job.h"
#include "backend/route.h"
#include "lib/base/status.h"
#include "lib/mail/message.h"

enum {
	PARTS_MAX = 99, /* messages of one job */
	COMPOSE_ID_MAX = 64 + 8 + 1 + ADDRESS_DOMAIN_MAX + 1,
};

/* One message, or one of several that carry the job together. All is the caller's and
 * must live until message_close(). */
struct letter {
	const struct route *route;
	const struct documents *documents; /* that this message carries */
	const char *title; /* the subject where the route has none; NULL: the name of
			      the first document */
	struct job_identity identity;
	unsigned part, parts; /* "1 of 3"; 1 of 1: the whole job */
	/* For a service that takes the recipients from the header: these and no others
	 * stand in it, those of neither To nor Cc as Bcc. NULL: there is an envelope. */
	const struct mailbox_list *only;
};

/* Opens the stream that the caller closes with message_close(). One is open at a time.
 * With several parts the subject ends with " (1 of 3)", the text with "Part 1 of 3.", and
 * each has a Message-ID and a boundary of its own. Scans are listed with their pages also
 * below the sender's own text, and what they say of themselves stands before the list;
 * where pages of one are missing, the subject says " (incomplete)". How large the message
 * may be is not looked at (parts.h). STATUS_REFUSED: it passes a limit of the format. */
enum status compose_open(
    struct message_stream **out, const struct letter *letter, struct error *e);

/* The same without the attachments; it may be open beside the message. */
enum status compose_open_bare(
    struct message_stream **out, const struct letter *letter, struct error *e);

/* The bytes of the message as sent. */
enum status compose_size(uint64_t *out, const struct letter *letter, struct error *e);

/* The Message-ID of a letter, without brackets. */
void compose_id(char id[COMPOSE_ID_MAX], const struct letter *letter);

#endif
