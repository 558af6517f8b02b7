/*
 * version: the documents of a job, as they are or with images of a lower resolution.
 */
#ifndef POSTROOM_VERSION_H
#define POSTROOM_VERSION_H

#include <stddef.h>

#include "backend/documents.h"
#include "lib/base/status.h"

struct version {
	struct documents documents; /* the names belong to those it was made of */
	const char *tmpdir;         /* for files, which the version owns */
	int stop;                   /* when it turns readable, shrinking ends; -1: none */
	int alone[MESSAGE_ATTACHMENTS_MAX]; /* a file of this document only, or -1 */
	struct version *original;           /* of which it was made, or NULL */
	unsigned resolution;                /* dots per inch; 0: none is smaller */
};

/* The documents as they are. What both point to must outlive the version; stop is a
 * descriptor, or -1. */
void version_init(
    struct version *v, const struct documents *d, const char *tmpdir, int stop);
/* Fills v, which was zero: each PDF whose images can be lowered to this resolution and
 * which becomes clearly smaller by it; the others as they are. STATUS_RETRY: the system
 * failed; STATUS_CANCELLED: `stop` turned readable. To be cleared in either case, before
 * the original. */
enum status version_shrink(
    struct version *v, struct version *original, unsigned resolution, struct error *e);
/* A descriptor, the version's, of a file that holds document i alone. STATUS_RETRY. */
enum status version_isolate(int *out, struct version *v, size_t i, struct error *e);
void version_clear(struct version *v);

#endif
