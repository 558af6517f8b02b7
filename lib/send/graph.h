/*
 * graph: one message handed to Microsoft Graph (server = graph), as submission.h hands
 * one to a submission server: the same struct, commit point, receipt and statuses.
 *
 *   small (its MIME form fits GRAPH_MIME_MAX):
 *       POST /sendMail, the whole message in base64; only 202 is success ◄── commit
 *   large, or when the small form was refused as too large:
 *       GET  /messages?$filter=internetMessageId … and each that is found: an earlier
 *                                     attempt's draft, or the message, if it was sent
 *       POST /messages                else a draft: the message without attachments
 *       GET  /messages/ID/attachments those that the draft has already
 *       POST /messages/ID/attachments under GRAPH_SESSION_MIN
 *       POST …/createUploadSession    else; PUT ranges in order to the address it
 *                                     gives, without the token
 *       POST /messages/ID/send        only 202 is success ◄── commit
 *
 * A draft of an earlier attempt that goes to others, or has other attachments, is
 * deleted. What refuses the message for good leaves no draft, nor does `stop` where the
 * process is given the time to delete it.
 *
 * The token goes to the host of graph_url alone. Delegated accounts use /me, oauth-app
 * /users/USERNAME. Recipients are those in the message's own header: it must have been
 * composed with Bcc, and for exactly the recipients of the envelope.
 *
 * Microsoft Graph v1.0: user-sendmail, outlook-send-mime-message,
 * outlook-large-attachments, throttling.
 */
#ifndef POSTROOM_GRAPH_H
#define POSTROOM_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/status.h"
#include "lib/send/receipt.h"
#include "lib/send/submission.h"

enum {
	/* Bytes of a message whose base64 fits a request of 4 MiB. */
	GRAPH_MIME_MAX = 3 * 1024 * 1024 - 8 * 1024,
	/* Bytes; smaller attachments go in one POST. One of 3,145,611 bytes was the
	 * largest that was seen to pass. */
	GRAPH_SESSION_MIN = 3 * 1024 * 1024 - 8 * 1024,
	GRAPH_RANGE = 3932160,     /* bytes of a PUT: 12 times 320 KiB, under 4 MB */
	GRAPH_CONNECTIONS_MAX = 4, /* at one time, per application and mailbox */
	GRAPH_RESUMES_MAX = 5, /* times that one upload is taken up again after a break */
	GRAPH_DRAFTS_MAX = 10, /* messages of one Message-ID that are looked at */
	GRAPH_ATTACHMENTS_MAX = 200, /* of a draft that are looked at */
};

/* As submission_send(). s->token is the bearer; s->bare the message without its
 * attachments (NULL: it has none). s->find: whether an earlier attempt may have sent it
 * or left a draft: then it is looked for first, also where the message is small; what was
 * sent already is STATUS_OK with receipt->found. A question that is refused for want of
 * the right to read is passed over. Until the token was accepted `watch` is called with
 * no stage beyond STAGE_AUTH. `commit` and `settled` are called once, also where a small
 * message that was refused as too large goes on as a draft. receipt->retry_after is the
 * service's Retry-After. How large a message may be nobody can ask: with
 * VERDICT_TOO_LARGE receipt->size_limit is half of this one. */
enum status graph_send(
    const struct submission *s, struct receipt *receipt, struct error *e);

#endif
