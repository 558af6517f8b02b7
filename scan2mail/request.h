/*
 * request: what is to be scanned and where it goes: the command line over the profile
 * over the defaults.
 */
#ifndef POSTROOM_REQUEST_H
#define POSTROOM_REQUEST_H

#include <stdbool.h>
#include <time.h>

#include "lib/base/status.h"
#include "lib/mail/template.h"
#include "lib/account/config.h"
#include "scan2mail/arguments.h"

enum {
	REQUEST_TO_MAX = 30000,    /* bytes of mail-to: IPP ends at 32767 */
	REQUEST_SUBJECT_MAX = 998, /* bytes */
	REQUEST_RESOLUTION = 300,  /* the default */
};

/* A second pass of the feeder for the backs of its sheets. */
enum backs {
	BACKS_NONE,
	BACKS_REVERSED, /* the stack is turned over as one: the last back comes first */
	BACKS_SAME,     /* in the order of the fronts */
};

struct request {
	char *profile; /* its name, also where none is in the settings */
	char *device;  /* "": the first that SANE finds */
	int source;    /* enum scan_source */
	int mode;      /* enum scan_mode */
	unsigned resolution;
	struct paper paper;
	unsigned quality;     /* of JPEG */
	unsigned rotate_back; /* degrees, clockwise */
	int partial;          /* enum scan_partial */
	int backs;            /* enum backs */
	bool more;            /* asks for another page or stack, until there is none */
	struct scan_waits waits;
	struct pairs option; /* the driver's own options */
	char *to;            /* "": the queue decides */
	char *subject;       /* expanded, cleaned, never empty */
	char *filename;      /* expanded, cleaned; "": the subject decides */
	char *queue;         /* "": the user's default queue */
};

/* The profile whose next number (counter.h) request_make() wants in its values, as the
 * subject or the file's name holds %n. NULL: none does, or there is no such profile. */
const char *request_numbered(
    const struct arguments *arguments, const struct config *config);

/* Merges; config may be NULL (no settings file). STATUS_SETTINGS: no such profile, or
 * what it says does not go with the command line; STATUS_INVALID: a recipient or the
 * subject breaks a rule. request_clear() frees. */
enum status request_make(struct request *out, const struct arguments *arguments,
    const struct config *config, const struct template_values *values, struct error *e);
void request_clear(struct request *r);

#endif
