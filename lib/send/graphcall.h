/*
 * graphcall: one question to Microsoft Graph after another, for one message: addresses,
 * the token, what the answer says, and what all of it leaves in the receipt.
 *
 * The token goes into what is asked below graph_url and into nothing else. Every request
 * asks for immutable ids: a draft keeps its own when it is sent.
 */
#ifndef POSTROOM_GRAPHCALL_H
#define POSTROOM_GRAPHCALL_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "lib/base/buf.h"
#include "lib/base/status.h"
#include "lib/send/graphbody.h"
#include "lib/send/graphreplies.h"
#include "lib/web/http.h"
#include "lib/web/object.h"
#include "lib/send/receipt.h"
#include "lib/send/submission.h"

enum {
	GRAPH_PAUSE_MAX = 60, /* seconds of Retry-After that are waited out in place */
};

struct graphcall {
	const struct submission *job;
	struct receipt *receipt;
	struct http *http;
	char base[HTTP_URL_MAX]; /* the mailbox's address */
	bool accepted;           /* the token was */
	bool committed;          /* s->commit has said yes */
	bool uncertain;          /* a commit, and no word on it */
	time_t began;            /* CLOCK_MONOTONIC seconds */
	uint64_t done, whole;    /* bytes of message and attachments, for watch */
	/* Of the last question. */
	struct http_answer answer;
	struct object *said; /* its JSON; NULL: there is none */
};

/* What is asked; NULL and 0: nothing of it. */
struct graphcall_question {
	enum graph_deed deed;
	const char *method;
	const char *path; /* below the mailbox: "/messages"; with GRAPH_UPLOADING the
			     whole address, as the service gave it */
	const char *type;
	const char *range;      /* of Content-Range */
	const char *text;       /* the request's body, or */
	struct graphbody *body; /* this; it counts as progress */
	bool commits;           /* the message is sent by this */
	int good[2];            /* the codes that are success */
	const char *list; /* that good[0]'s answer has: without it nothing was answered */
};

/* Opens it for a submission; receipt must be clear. graphcall_close() is called in either
 * case. STATUS_SETTINGS: graph_url is no address; else as http_open(). */
enum status graphcall_open(struct graphcall *g, const struct submission *s,
    struct receipt *receipt, struct error *e);
void graphcall_close(struct graphcall *g);

/* Asks. STATUS_OK: it was answered with one of the good codes. Otherwise receipt and e
 * have what was said, or what broke, and answer.code is 0 where nothing was said, or
 * nothing that can be read. */
enum status graphcall_ask(
    struct graphcall *g, const struct graphcall_question *q, struct error *e);

/* The error code of the last answer, "" where it has none. */
const char *graphcall_error(const struct graphcall *g);

/* What is asked from now on is asked although `stop` is readable. */
enum status graphcall_ignore_stop(struct graphcall *g, struct error *e);

/* Waits as long as the last answer asks to, or until `stop` turns readable; not at all
 * where it does not ask. False: it asks for more than GRAPH_PAUSE_MAX. */
bool graphcall_pause(const struct graphcall *g);

/* Appends text as a part of a path or query (RFC 3986: all but unreserved characters in
 * percent signs). */
bool graphcall_escape(struct buf *out, const char *text);

#endif
