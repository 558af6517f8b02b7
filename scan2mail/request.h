/*
 * request: what is to be scanned and where it goes: the command line over the profile
 * over the defaults.
 */
#ifndef POSTROOM_REQUEST_H
#define POSTROOM_REQUEST_H

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

struct paper {
	const char *name;
	double width, height; /* millimetres; 0: all that the scanner has */
};

/* In the order of scan_profile's choice. */
extern const struct paper scan_papers[];

struct request {
	char *device; /* "": the first that SANE finds */
	int source;   /* enum scan_source */
	int mode;     /* enum scan_mode */
	unsigned resolution;
	const struct paper *paper;
	char *to;      /* "": the queue decides */
	char *subject; /* expanded, cleaned, never empty */
	char *queue;   /* "": the user's default queue */
};

/* Merges; config may be NULL (no settings file). STATUS_SETTINGS: no such profile;
 * STATUS_INVALID: a recipient or the subject breaks a rule. request_clear() frees. */
enum status request_make(struct request *out, const struct arguments *arguments,
    const struct config *config, const struct template_values *values, struct error *e);
void request_clear(struct request *r);

#endif
