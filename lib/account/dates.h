/*
 * dates: until when which server takes passwords, from a small file that can be brought
 * up to date without a release (the setting dates_file).
 *
 *   [password NAME]                 a row; NAME is for people
 *   hosts = smtp.example.com, *.mail.example    a host, or all below a domain
 *   off_by_default = 2026-12-31     the last day of passwords that nobody switched on
 *                                   again; or unknown
 *   removed = unknown               the last day of passwords; or unknown
 *   text = One sentence.            what else there is to say
 *   more = https://…                where it was announced
 *
 * Lines as in postroom.conf(5), read by settings.h. Days are UTC's.
 */
#ifndef POSTROOM_DATES_H
#define POSTROOM_DATES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/list.h"
#include "lib/base/settings.h"
#include "lib/base/status.h"

enum {
	DATES_ROWS_MAX = 32,
	DATES_HOSTS_MAX = 16,      /* of a row */
	DATES_TEXT_MAX = 300,      /* bytes of a row's sentence, and of its address */
	DATES_NEAR = 180,          /* days before an end from which people are warned */
	DATES_SENTENCE_MAX = 1000, /* bytes of dates_sentence() */
};

/* Days since 1970-01-01; 0: unknown. */
struct dates_row {
	char *name;
	struct settings_place place;
	struct list hosts;
	int64_t off_by_default, removed;
	char *text, *more; /* "" */
};

struct dates {
	struct dates_row row[DATES_ROWS_MAX];
	size_t count;
};

/* The table, for documents and tests. */
extern const struct schema dates_schema;

/* Opens (owner root or the caller, not writable by others) and reads the file;
 * dates_free() frees what it stores. STATUS_SETTINGS: it is missing or damaged;
 * STATUS_RETRY. */
enum status dates_load(struct dates **out, const char *path, struct error *e);
/* The same on text in memory. */
enum status dates_parse(
    struct dates **out, const char *text, size_t len, const char *path, struct error *e);
void dates_free(struct dates *d); /* d may be NULL */

/* The first row with this host; NULL: nothing is known of it. d may be NULL. */
const struct dates_row *dates_find(const struct dates *d, const char *host);

/* Whom a sentence is for. */
struct dates_question {
	const char *host;
	const char *account; /* its name, for the remedy */
	int64_t now;         /* seconds since 1970 */
};

/* How it stands with passwords. */
enum dates_state {
	DATES_FAR,  /* their end is further off than DATES_NEAR */
	DATES_SOON, /* it is near, or nobody knows when it comes */
	DATES_OFF,  /* they are off, unless somebody switched them on again */
	DATES_OVER, /* there are none any more */
};

enum dates_state dates_state(const struct dates_row *row, int64_t now);

/* Appends a sentence of that: "smtp.office365.com switches passwords off by default at
 * the end of December 2026; run: postroom login office365. …". False when out is over. */
bool dates_sentence(
    struct buf *out, const struct dates_row *row, const struct dates_question *q);

#endif
