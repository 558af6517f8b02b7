/*
 * pieces: a job's documents in several messages, PDFs in several pieces where they must
 * be.
 *
 * The order stays; each message has as many as fit, and names that differ.
 */
#ifndef POSTROOM_PIECES_H
#define POSTROOM_PIECES_H

#include <stdint.h>

#include "backend/compose.h"
#include "backend/version.h"
#include "lib/base/status.h"

struct pieces; /* owns what was cut out; the version and the letter are the caller's */

/* Divides a version's documents into PARTS_MAX messages at most, of at most limit bytes,
 * as sent, that are otherwise like the letter. STATUS_INVALID: it cannot be done; e is
 * the reason, without a subject of its own ("page 3 of Report.pdf alone is too large").
 * STATUS_REFUSED: a message passes a limit of the format; STATUS_RETRY: the system
 * failed; STATUS_CANCELLED: the version's `stop` turned readable. */
enum status pieces_make(struct pieces **out, struct version *v,
    const struct letter *whole, uint64_t limit, struct error *e);
void pieces_free(struct pieces *p);

unsigned pieces_messages(const struct pieces *p);
/* What message 1 to pieces_messages() carries; the pieces own it. */
const struct documents *pieces_documents(const struct pieces *p, unsigned message);

#endif
