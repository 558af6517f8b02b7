/*
 * ticket: what the job of a kept PDF is to say, as the text of a file beside it.
 *
 * Lines "name: value", UTF-8, each ended by a line feed: queue, to, subject, filename,
 * id (as in relay.h), and "doubt: yes" where CUPS may have a job of it already. Lines
 * with other names are passed over.
 */
#ifndef POSTROOM_TICKET_H
#define POSTROOM_TICKET_H

#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/base/status.h"
#include "scan2mail/relay.h"

enum {
	TICKET_MAX = 64 * 1024, /* bytes */
};

struct ticket {
	char *text;           /* holds the job's texts */
	struct relay_job job; /* "" for what is not said */
	bool doubt;
};

/* Appends the text of a ticket, each value cleaned as a line (text.h), so that it can be
 * read. False: out is over. */
bool ticket_write(struct buf *out, const struct relay_job *job, bool doubt);
/* Takes a text apart. STATUS_INVALID: it is damaged, or has no subject. ticket_clear()
 * frees. */
enum status ticket_read(
    struct ticket *out, const char *text, size_t len, struct error *e);
void ticket_clear(struct ticket *t);

#endif
