/*
 * progress: what the lines of a job's journal mean (journal.h). Pure.
 *
 * The lines that were read from the disk and those that are appended now go through the
 * same progress_read(), so that a process knows exactly what the next one will.
 */
#ifndef POSTROOM_PROGRESS_H
#define POSTROOM_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/moment.h"
#include "lib/send/journal.h"

struct progress;

struct progress *progress_new(void); /* NULL: no memory */
void progress_free(struct progress *g);

struct progress_found {
	size_t whole; /* bytes of all lines that end; a torn one may follow */
	bool damaged; /* a line of them is damaged, or means nothing */
};

/* Takes in sealed lines; the bytes are changed. False without memory: what is known then
 * is not all. */
bool progress_read(
    struct progress *g, char *bytes, size_t len, struct progress_found *found);

/* As journal_summary() and the others tell it. */
const struct journal_summary *progress_summary(const struct progress *g);
int64_t progress_age(const struct progress *g, const struct moment *now);
struct journal_part progress_part(const struct progress *g, unsigned part);
enum journal_recipient progress_recipient(
    const struct progress *g, unsigned part, const char *address, char *text);

/* Whether a notice of this kind may have left; NULL: there is no such kind. */
const bool *progress_notice(struct progress *g, const char *kind);

/* What a journal's first line says. */
struct progress_birth {
	bool known; /* the format; else nothing more is known */
	char job[JOURNAL_JOB_MAX];
	struct moment moment;
};

/* Reads the text of a first line; false when it is none. */
bool progress_birth(struct progress_birth *out, const char *line);

/* The words of a verdict, by enum journal_end. */
extern const char *const progress_ends[];

#endif
