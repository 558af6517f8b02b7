/*
 * refusal: what an authorization server's refusal means, and a sentence for it. Pure.
 *
 * Decided by its `error` and the HTTP status (RFC 6749 5.2, RFC 8628 3.5). An AADSTS
 * number chooses the advice; of the verdict it may only make OAUTH_WAIT or OAUTH_LOCKED,
 * which ask again: a wrong one of these costs time, any other wrong one stops a queue.
 */
#ifndef POSTROOM_REFUSAL_H
#define POSTROOM_REFUSAL_H

#include "lib/base/status.h"
#include "lib/login/oauth.h"
#include "lib/web/object.h"

/* Reads an answer that grants nothing; o: its object, NULL where it has none. Fills why.
 * Statuses as answers_tokens(). The sentence: "ADVICE (the sign-in service said:
 * invalid_grant, AADSTS700082: …; for Microsoft's support: correlation id …)". The
 * service's own words are its first sentence, cleaned and cut; left out where something
 * in them may be a token, or repeats a part of a secret that was asked with. Where a page
 * for people came in place of an object, it was not the sign-in service that answered:
 * OAUTH_WAIT. */
enum status refusal_read(struct oauth_refusal *why, const struct oauth_reply *r,
    const struct object *o, struct error *e);

#endif
