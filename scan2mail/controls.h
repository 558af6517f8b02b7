/*
 * controls: a scanner's options, set by what they mean.
 *
 * The SANE standard fixes few names; the others are a table of what drivers use. Order:
 * source, mode, depth, resolution, area, since each may change what the next one offers
 * (SANE 4.4, SANE_INFO_RELOAD_OPTIONS): an option is looked up anew each time it is used.
 * Runs in the scanning child.
 */
#ifndef POSTROOM_CONTROLS_H
#define POSTROOM_CONTROLS_H

#include <stdbool.h>

#include <sane/sane.h>

#include "lib/base/status.h"
#include "scan2mail/request.h"

struct controls {
	bool feeder;         /* pages come until the feeder is empty */
	bool has_flatbed;    /* there is one besides */
	double x_dpi, y_dpi; /* as the scanner has taken them */
};

/* Sets all options for the request, with source instead of its own. STATUS_INVALID: the
 * scanner cannot do it; the sentence says what it can. */
enum status controls_apply(struct controls *out, SANE_Handle handle,
    const struct request *request, int source, struct error *e);

#endif
