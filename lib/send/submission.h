/*
 * submission: one message handed to a submission server through libcurl.
 *
 * libcurl carries bytes and does TLS; what may be said when is watched by dialogue.c,
 * what a reply means stands in replies.c. RFC 6409 (submission), RFC 8314 (implicit TLS).
 *
 * The commit point is the call of `commit`: before it every failure may be retried, after
 * it the server may have taken the message even when no answer came.
 */
#ifndef POSTROOM_SUBMISSION_H
#define POSTROOM_SUBMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/status.h"
#include "lib/mail/address.h"
#include "lib/mail/message.h"
#include "lib/account/config.h"
#include "lib/send/dialogue.h"
#include "lib/send/receipt.h"

struct submission {
	const struct account *account;
	const char *password; /* NULL: there is none, here and below; not kept */
	const char *token;    /* an access token (AUTH XOAUTH2 or OAUTHBEARER; Graph) */
	const char *pem;      /* auth = none: certificate and key to show in TLS */
	const struct mailbox_list *recipients; /* the envelope's, 1 or more */
	struct message_stream *message;        /* read from its start to its end */
	/* For Graph alone: the message without its attachments (NULL: it has none), and
	 * whether an earlier attempt may have sent it, or left something of it. */
	struct message_stream *bare;
	bool find;
	int stop; /* a descriptor that turns readable when the job is to be stopped; or -1
		   */
	/* Called with the stage and the message bytes handed over so far; may be NULL. */
	void (*watch)(void *context, enum stage stage, uint64_t sent);
	/* Called once, before the last bytes leave; false breaks off. May be NULL. */
	bool (*commit)(void *context);
	/* Called once, when the server has answered the end of the data, before QUIT; the
	 * receipt is complete. May be NULL. */
	void (*settled)(void *context, const struct receipt *receipt);
	void *context; /* of all three */
};

/* Sends to those recipients that the server takes. STATUS_OK: it took the message for one
 * or more of them (receipt->delivery tells for whom). Otherwise e says what happened and
 * what to do: STATUS_RETRY, STATUS_REFUSED, STATUS_SETTINGS by reply or by what broke;
 * when every recipient is refused, REFUSED; when some are only put off, RETRY; e names
 * the first of these. A reply to a recipient that concerns more than this recipient ends
 * it for all, before DATA. STATUS_CANCELLED when `stop` turned readable before the commit
 * point (afterwards the answer is waited for, at most SUBMISSION_STOP_WAIT). receipt is
 * filled in either case. Ends within the stages' limits, but for the resolver's. */
enum status submission_send(
    const struct submission *s, struct receipt *receipt, struct error *e);

enum {
	SUBMISSION_STOP_WAIT = 25, /* seconds */
	/* Seconds that the way to the commit point may take, however steadily it goes on:
	 * cupsd's MaxJobTime, three hours by default, would cancel the job. */
	SUBMISSION_LONGEST = 2 * 60 * 60,
};

/* The longest silence in seconds that a stage may last; for the body, until its last
 * byte. */
unsigned submission_patience(enum stage stage, bool committed);

#endif
