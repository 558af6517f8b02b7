/*
 * replies: what a server's reply means for the job.
 *
 * One table maps stage, code, enhanced code and text to a class and a sentence for the
 * person who has to act. The first row that fits counts; the last rows hold the plain
 * rules of RFC 5321. CURLcodes are not looked at: libcurl reports a temporary refusal of
 * the login and a wrong password alike.
 */
#ifndef POSTROOM_REPLIES_H
#define POSTROOM_REPLIES_H

#include <stdbool.h>

#include "lib/base/status.h"
#include "lib/send/reply.h"

enum verdict {
	VERDICT_SENT,
	VERDICT_WAIT,            /* network or server trouble: the job's own schedule */
	VERDICT_THROTTLED,       /* the account may not send for a minute or two */
	VERDICT_QUOTA,           /* the account may not send for an hour or more */
	VERDICT_RECIPIENT_LATER, /* this recipient not now, others may get it */
	VERDICT_RECIPIENT,       /* this recipient never, others may get it */
	VERDICT_TOO_LARGE,       /* this message never, a smaller one perhaps */
	VERDICT_MESSAGE,         /* this message never */
	VERDICT_LOGIN,    /* the login is refused, which may pass by itself: waited out */
	VERDICT_SETTINGS, /* nothing goes before somebody mends something: stops the
			     queue at once; repeating it can get the mailbox blocked */
};

struct reply_class {
	enum verdict verdict;
	const char *advice; /* what happened and what to do; static */
};

/* The class of a reply that is not a plain success. Never fails. */
struct reply_class reply_classify(const struct reply *r);

/* Whether the advice is about passwords: none for somebody who showed a token. */
bool reply_is_of_passwords(const struct reply *r);

/* STATUS_OK, RETRY, REFUSED or SETTINGS; VERDICT_LOGIN is RETRY: how long it is waited
 * for is the caller's matter. */
enum status verdict_status(enum verdict v);

/* "sent", "wait", "throttled" … as the man page and the golden tests name them. */
const char *verdict_name(enum verdict v);

/* "ADVICE (the server said to the login: 535 5.7.3 Authentication unsuccessful)" and the
 * class's status. */
enum status reply_explain(const struct reply *r, struct error *e);

#endif
