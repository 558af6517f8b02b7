/*
 * route: where a job goes, and with which words.
 *
 * Each field is taken from the first source that says something of it: job options
 * (mail-to …, then the PPD's keywords, then mail-uri), the queue's device URI, the job's
 * title
 * ("Subject [to: bob@example.com]"), job-billing, the user's own address in [users].
 * Pure: settings and job in, envelope and texts out.
 */
#ifndef POSTROOM_ROUTE_H
#define POSTROOM_ROUTE_H

#include "backend/job.h"
#include "lib/base/list.h"
#include "lib/base/status.h"
#include "lib/mail/address.h"
#include "lib/account/config.h"

enum {
	ROUTE_SUBJECT_MAX = 1000, /* bytes of a subject */
};

struct route {
	const struct account *account;  /* of the config */
	struct mailbox_list to, cc;     /* for the header */
	struct mailbox_list recipients; /* the envelope: to, cc, bcc, each address once */
	struct mailbox_list reply_to;   /* none or one */
	char *subject;
	char *body;     /* NULL: none was given */
	char *filename; /* NULL: none was given */
};

/* Decides. STATUS_HOLD: no recipient, a bad address, refused by policy; the sentence says
 * which and what to do. STATUS_SETTINGS: no account, a bad device URI. */
enum status route_find(struct route *out, const struct config *config,
    const struct job *job, const struct pairs *options, struct error *e);
void route_clear(struct route *r);

#endif
