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
#include "lib/send/config.h"
#include "lib/send/dialogue.h"

struct submission {
	const struct account *account;
	const char *password;                  /* NULL with auth = none; not kept */
	const struct mailbox_list *recipients; /* the envelope's, 1 or more */
	struct message_stream *message;        /* read from its start to its end */
	int stop; /* a descriptor that turns readable when the job is to be stopped; or -1
		   */
	/* Called with the stage and the message bytes handed over so far; may be NULL. */
	void (*watch)(void *context, enum stage stage, uint64_t sent);
	/* Called once, before the last bytes leave; false breaks off. May be NULL. */
	bool (*commit)(void *context);
	void *context; /* of both */
};

struct receipt {
	struct reply reply; /* the server's last word; code 0 when it said nothing */
	bool uncertain;     /* committed, and no answer came: it may have arrived */
};

/* Sends. STATUS_OK: the server took the message. Otherwise e says what happened and what
 * to do: STATUS_RETRY, STATUS_REFUSED, STATUS_SETTINGS by reply or by what broke;
 * STATUS_CANCELLED when `stop` turned readable before the commit point (afterwards the
 * answer is waited for, at most SUBMISSION_STOP_WAIT). receipt is filled in either case.
 * Ends within the stages' limits. */
enum status submission_send(
    const struct submission *s, struct receipt *receipt, struct error *e);

enum {
	SUBMISSION_STOP_WAIT = 25, /* seconds */
};

/* The longest silence in seconds that a stage may last; for the body, until its last
 * byte. */
unsigned submission_patience(enum stage stage, bool committed);

#endif
