/*
 * sources: the places where a job can say where it goes, asked in order.
 *
 * Each field keeps the first text that a source gives, and that source's name for
 * messages.
 */
#ifndef POSTROOM_SOURCES_H
#define POSTROOM_SOURCES_H

#include <stdbool.h>

#include "backend/job.h"
#include "lib/base/buf.h"
#include "lib/base/list.h"
#include "lib/base/status.h"
#include "lib/account/config.h"

enum field_name {
	FIELD_TO,
	FIELD_CC,
	FIELD_BCC,
	FIELD_SUBJECT,
	FIELD_BODY,
	FIELD_FILENAME,
	FIELD_ACCOUNT,
	FIELD_COUNT,
};

struct field {
	char *text;         /* raw; NULL: no source says anything */
	const char *origin; /* "job option mail-to"; static; never NULL */
	/* What a text that makes no sense means: STATUS_SETTINGS where every job of the
	 * queue would have it, else STATUS_HOLD. */
	enum status fault;
};

struct fields {
	struct field item[FIELD_COUNT];
};

/* Asks all sources. STATUS_HOLD: a source is malformed (a bare Custom, a bad mail-uri);
 * STATUS_SETTINGS: the queue's device URI is. On failure there is nothing to clear. */
enum status sources_gather(struct fields *out, const struct config *config,
    const struct job *job, const struct pairs *options, struct error *e);
void fields_clear(struct fields *f);

/* Appends the job's title without its tag "[to: …]", as subject and file names have it;
 * false when out is over. */
bool sources_title(struct buf *out, const char *title);

/* The user's own address from [users], with %u put in; *out is NULL when there is none.
 * STATUS_HOLD when the user's name cannot stand in an address. The caller frees. */
enum status sources_own_address(
    char **out, const struct config *config, const char *user, struct error *e);

#endif
