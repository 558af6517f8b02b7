/*
 * arguments: the command line of scan2mail(1), as it was typed.
 */
#ifndef POSTROOM_ARGUMENTS_H
#define POSTROOM_ARGUMENTS_H

#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/base/list.h"
#include "lib/base/status.h"
#include "lib/account/config.h"

enum {
	ARGUMENTS_TO_MAX = 100,      /* times that -t may be given */
	ARGUMENTS_OPTIONS_MAX = 100, /* times that --option may be given */
	ARGUMENTS_UNSET = -1,
};

struct arguments {
	const char *profile; /* each NULL when not given */
	const char *device;
	const char *subject;
	const char *output;
	struct list to;
	struct pairs option; /* the driver's own */
	struct paper paper;
	bool has_paper;
	unsigned resolution; /* 0: not given */
	unsigned quality;    /* 0: not given */
	int mode;            /* enum scan_mode, or ARGUMENTS_UNSET */
	int source;          /* enum scan_source, or ARGUMENTS_UNSET */
	int partial;         /* enum scan_partial, or ARGUMENTS_UNSET */
	int rotate_back;     /* enum scan_rotate_back, or ARGUMENTS_UNSET */
	int backs;           /* enum backs of request.h */
	bool more;
	unsigned list; /* times that it was given */
	bool search, list_buttons, resend, help, version;
};

/* Reads the arguments; texts point into argv. STATUS_INVALID: the sentence says what is
 * allowed. arguments_clear() in any case. */
enum status arguments_parse(
    struct arguments *out, int argc, char *const *argv, struct error *e);
void arguments_clear(struct arguments *o);

/* Appends what --help prints. */
void arguments_help(struct buf *out);

#endif
