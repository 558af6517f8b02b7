/*
 * status: how an operation ended, in one enum for the whole tree.
 *
 * A function that can fail returns an enum status and, when it is not STATUS_OK, leaves
 * one sentence for a person in the caller's struct error. Out-parameters stay untouched
 * on failure. The sentence may hold bytes from outside; the logger cleans them (log.h).
 */
#ifndef POSTROOM_STATUS_H
#define POSTROOM_STATUS_H

enum status {
	STATUS_OK,
	STATUS_INVALID,   /* input breaks a rule; the caller knows what follows from it */
	STATUS_HOLD,      /* this job needs a person: no recipient, refused by policy */
	STATUS_SETTINGS,  /* settings or credentials are wrong: every job would fail */
	STATUS_REFUSED,   /* this message can never be sent */
	STATUS_RETRY,     /* trouble that may pass: network, server, disk, memory */
	STATUS_CANCELLED, /* somebody stopped the job */
};

enum {
	ERROR_TEXT_MAX = 1024, /* bytes, with the NUL; longer texts are cut */
};

struct error {
	char text[ERROR_TEXT_MAX];
};

/* Writes the sentence into e, which may be NULL, and returns status, for `return
 * error_set(…)`. */
enum status error_set(struct error *e, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As error_set() with STATUS_RETRY, and appends ": " and the text of errno. */
enum status error_errno(struct error *e, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
