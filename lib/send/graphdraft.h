/*
 * graphdraft: a message's draft in the mailbox: found again after an earlier attempt, or
 * made, without its attachments (graphupload.h puts those on it), and sent.
 *
 * A draft is ours when it has the message's Message-ID, exactly the envelope's
 * recipients, and no attachment but the message's. Others with its Message-ID are
 * deleted: one draft is sent, and none is left behind.
 */
#ifndef POSTROOM_GRAPHDRAFT_H
#define POSTROOM_GRAPHDRAFT_H

#include <stdbool.h>

#include "lib/base/status.h"
#include "lib/mail/message.h"
#include "lib/send/graphcall.h"

enum {
	GRAPH_ID_MAX = 512, /* bytes of an id that the service gives, with the NUL */
	/* Bytes that the service may count more to an attachment than it has. */
	GRAPH_ATTACHMENT_SLACK = 64 * 1024,
};

struct graphdraft {
	char id[GRAPH_ID_MAX];             /* "": there is none */
	bool has[MESSAGE_ATTACHMENTS_MAX]; /* which of the message's attachments */
	bool foreign;                      /* it has others, too */
};

/* The message's attachments; none where s->bare is NULL. */
const struct attachment *graphdraft_attachments(
    const struct submission *s, size_t *count);

/* Looks for what an earlier attempt left: *sent where the message was sent to all of the
 * envelope; else *d is its draft, or has no id. Where the service refuses the question
 * for want of a right (403), there is nothing. */
enum status graphdraft_find(
    struct graphdraft *d, bool *sent, struct graphcall *g, struct error *e);

/* Makes it, of s->bare or else the whole message. */
enum status graphdraft_make(struct graphdraft *d, struct graphcall *g, struct error *e);

/* Sets `has` and `foreign` anew. */
enum status graphdraft_look(struct graphdraft *d, struct graphcall *g, struct error *e);

/* Sends it: the commit point. */
enum status graphdraft_send(struct graphdraft *d, struct graphcall *g, struct error *e);

/* Deletes it, as far as that can be done. */
void graphdraft_delete(const struct graphdraft *d, struct graphcall *g);

/* "/messages/ID", and what follows it, for graphcall_question.path. False: too long. */
bool graphdraft_path(struct buf *out, const char *id, const char *rest);

#endif
