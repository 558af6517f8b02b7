/*
 * replies: what a server's reply means for the job.
 *
 * One table maps stage, code, enhanced code and text to a status and a sentence for the
 * person who has to act. The first row that fits counts; the last rows hold the plain
 * rules of RFC 5321. CURLcodes are not looked at: libcurl reports a temporary refusal of
 * the login and a wrong password alike.
 */
#ifndef POSTROOM_REPLIES_H
#define POSTROOM_REPLIES_H

#include "lib/base/status.h"
#include "lib/send/dialogue.h"

struct reply_class {
	enum status status; /* OK, RETRY, REFUSED or SETTINGS */
	const char *advice; /* what happened and what to do; static */
};

/* The class of a reply that is not a plain success. Never fails. */
struct reply_class reply_classify(const struct reply *r);

/* "ADVICE (the server said: 535 5.7.3 Authentication unsuccessful)" and the class's
 * status. */
enum status reply_explain(const struct reply *r, struct error *e);

#endif
