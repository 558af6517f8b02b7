/*
 * parts: the messages that carry a job, each within the limit of what may be sent.
 *
 * Usually one, with all documents. What is too large is made smaller by the steps of
 * `oversize`, in their order: shrink lowers the resolution of images, split makes several
 * messages at document and page boundaries, refuse gives up.
 */
#ifndef POSTROOM_PARTS_H
#define POSTROOM_PARTS_H

#include <stdint.h>

#include "backend/compose.h"
#include "backend/documents.h"
#include "lib/base/status.h"
#include "lib/account/config.h"

/* How a job is to be divided. */
struct parts_rule {
	uint64_t limit;                  /* bytes of a message as sent */
	const struct oversize *oversize; /* the steps */
	const char *tmpdir;              /* for what is made anew */
	int stop; /* a descriptor: when it turns readable all ends; -1: none. 0 is one,
		     too */
	/* What an earlier attempt chose (journal.h), so that it comes out the same: parts
	 * 0: nothing yet. Otherwise limit and resolution are its own. */
	unsigned parts, resolution;
};

struct parts; /* owns its files */

/* Divides. `whole` is the letter with all documents; what it points to must outlive the
 * parts. Where it fits, nothing is copied and no child runs. STATUS_REFUSED: it cannot be
 * made small enough; the sentence has the size, the limit and what to do. STATUS_HOLD: an
 * earlier attempt divided it otherwise; STATUS_RETRY: the system failed (no room for
 * temporary files); STATUS_CANCELLED: `stop` turned readable. */
enum status parts_make(struct parts **out, const struct letter *whole,
    const struct parts_rule *rule, struct error *e);
void parts_free(struct parts *p);

unsigned parts_count(const struct parts *p);
/* The resolution that images were lowered to; 0: they are as they were. */
unsigned parts_resolution(const struct parts *p);
/* The letter of a part, 1 to parts_count(). */
struct letter parts_letter(const struct parts *p, unsigned part);

#endif
