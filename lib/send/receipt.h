/*
 * receipt: what a submission came to, for the job and for each recipient.
 *
 * Made from the dialogue alone; pure. The texts are the server's own, raw bytes.
 */
#ifndef POSTROOM_RECEIPT_H
#define POSTROOM_RECEIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/status.h"
#include "lib/send/dialogue.h"
#include "lib/send/replies.h"

enum {
	DELIVERY_TEXT_MAX =
	    400, /* bytes of a server's words to one recipient, with the NUL */
};

/* What became of one recipient. */
struct delivery {
	enum verdict verdict; /* SENT: the server takes messages for it, and took this one
				 when submission_send() says so; RECIPIENT,
				 RECIPIENT_LATER: it does not; WAIT: it was not asked */
	char text[DELIVERY_TEXT_MAX]; /* its words, with codes; "" */
};

struct receipt {
	struct reply reply;   /* the server's last word; code 0 when it said nothing */
	enum verdict verdict; /* what it means, also where no reply came */
	bool uncertain;       /* committed, and no answer came: it may have arrived */
	bool unreachable;     /* no connection was made */
	bool found;           /* an earlier attempt had sent it (graph.h) */
	int64_t retry_after;  /* seconds that the server asks to wait; -1: it does not */
	bool greeted;         /* EHLO was answered inside TLS: size_limit is known */
	uint64_t size_limit;  /* what EHLO's SIZE said; 0: none */
	struct delivery *delivery; /* one each recipient, the caller's */
};

/* Sets all but `delivery`, which keeps its place, to what it is before the first word. */
void receipt_clear(struct receipt *receipt, size_t recipients);

/* Notes what the dialogue's last reply said to the recipient of this index. */
void receipt_note(struct receipt *receipt, size_t index, const struct reply *reply);

/* Sets all but `unreachable` and `delivery` from the dialogue and the status that it
 * ended with. */
void receipt_fill(struct receipt *receipt, const struct dialogue *d, enum status status);

#endif
