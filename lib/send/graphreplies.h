/*
 * graphreplies: what Microsoft Graph's refusals mean for the job. One table, as
 * replies.h: what was asked, HTTP status and error code to a verdict and a sentence.
 * Pure.
 *
 * The service's words are never looked at: they may repeat what a stranger printed.
 */
#ifndef POSTROOM_GRAPHREPLIES_H
#define POSTROOM_GRAPHREPLIES_H

#include "lib/base/status.h"
#include "lib/send/reply.h"
#include "lib/send/replies.h"

/* What was asked. */
enum graph_deed {
	GRAPH_SENDING,   /* sendMail, or a draft's send: Mail.Send */
	GRAPH_DRAFTING,  /* looking for, making and filling drafts: Mail.ReadWrite */
	GRAPH_UPLOADING, /* an upload session's own address, without the token */
};

/* A refusal as Graph's JSON tells it; texts may be NULL. */
struct graph_refusal {
	enum graph_deed deed;
	int code;            /* HTTP status */
	const char *error;   /* "ErrorMessageSizeExceeded" */
	const char *message; /* its words */
	const char *request; /* request-id, for Microsoft's support */
};

/* The class of an answer that is not the success that was expected. Never fails. */
struct reply_class graph_classify(const struct graph_refusal *r);

/* As a reply, for receipt and record: code is the HTTP status, text "ERROR: message
 * [request-id]", stage STAGE_AUTH for a 401 to the token, STAGE_BODY for all others. */
void graph_reply(struct reply *out, const struct graph_refusal *r);

/* "ADVICE (Microsoft Graph said: 403 ErrorSendAsDenied: …)" and the class's status. */
enum status graph_explain(const struct graph_refusal *r, struct error *e);

#endif
