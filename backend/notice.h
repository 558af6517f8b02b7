/*
 * notice: the short mail that tells a job's owner that it, or a part of it, was not sent.
 *
 * From the account's own address to the owner's ([users]) and to the administrator's, as
 * `notify` says; with the document's name and the reason, never with the document. Marked
 * as automatic (RFC 3834), so that nothing answers it. There is none about a notice.
 */
#ifndef POSTROOM_NOTICE_H
#define POSTROOM_NOTICE_H

#include <stddef.h>
#include <time.h>

#include "backend/job.h"
#include "lib/base/status.h"
#include "lib/mail/address.h"
#include "lib/mail/message.h"
#include "lib/account/config.h"

enum {
	NOTICE_LISTED_MAX = 20, /* recipients that are named; the others are counted */
};

enum notice_kind {
	NOTICE_END,   /* it will not be sent, or not to everybody */
	NOTICE_DELAY, /* it waits for notice_after now, and will be tried on */
	NOTICE_HELD,  /* it waits for a person, who releases or cancels it */
};

/* One recipient that did not get it. */
struct notice_recipient {
	const char *address;
	const char *text; /* the server's words to this address; "": it said none */
};

struct notice {
	enum notice_kind kind;
	const struct config *config;
	const struct account *account;
	const struct job *job;
	struct job_identity identity;
	time_t now;       /* the notice's own time */
	time_t first_try; /* give_up_after counts from here; 0: from the job's creation */
	const char *reason; /* a sentence: what happened and what to do */
	const struct notice_recipient *failed; /* those that did not get it */
	size_t failed_count;
	size_t sent_count; /* recipients that did */
};

/* Who is to be told: the addresses of `notify`, each once, without those that the server
 * refused (in n->failed with a text; whoever printed to himself what is too large is
 * told). Empty when there is nobody: an owner whom [users] does not know is not told. The
 * caller clears it. STATUS_RETRY: no memory. */
enum status notice_recipients(
    struct mailbox_list *out, const struct notice *n, struct error *e);

/* The notice as a message to them. The same notice gives the same bytes, in one time
 * zone; times in its text are the server's local ones. The caller closes the stream,
 * which needs neither n nor `to` any more. STATUS_INVALID: too many recipients for a
 * header; STATUS_RETRY: no memory. */
enum status notice_open(struct message_stream **out, const struct notice *n,
    const struct mailbox_list *to, struct error *e);

#endif
