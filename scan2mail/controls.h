/*
 * controls: a scanner's options, set by what they mean.
 *
 * The SANE standard fixes few names; the others are a table of what drivers use
 * (matching.h). Order: source, mode, sides, resolution, depth, the driver's own options
 * of the request, area, since each may change what the next one offers (SANE 4.4,
 * SANE_INFO_RELOAD_OPTIONS). A later one may also change an earlier one: what did not
 * stay is set again, a few times at most; what a scanner has rounded stays as it is.
 * An own option of the request stands in the place of the one that a meaning would set.
 * Runs in the scanning child.
 */
#ifndef POSTROOM_CONTROLS_H
#define POSTROOM_CONTROLS_H

#include <stdbool.h>

#include <sane/sane.h>

#include "lib/base/buf.h"
#include "lib/base/status.h"
#include "scan2mail/request.h"

struct controls {
	bool feeder;         /* pages come until the feeder is empty */
	bool duplex;         /* two images of each sheet */
	bool has_flatbed;    /* there is one besides */
	double x_dpi, y_dpi; /* as the scanner has taken them */
	bool has_dpi;        /* it has; else they are the request's */
	double width;        /* of the area, in millimetres; 0: not known */
};

/* Sets all options for the request, with source instead of its own. STATUS_INVALID: the
 * scanner cannot do it; the sentence says what it can. */
enum status controls_apply(struct controls *out, SANE_Handle handle,
    const struct request *request, int source, struct error *e);

/* The resolution across a page of so many pixels. Where no option tells, the area does.
 */
double controls_dpi(const struct controls *c, unsigned pixels);

/* Appends what the scanner can do, a line each: "sources: flatbed (Flatbed), adf (ADF)",
 * "modes: …", "resolutions: …", "area: 216 x 356 mm", "options: …". Sets its sources, one
 * after the other, to find out; starts nothing. STATUS_RETRY: out is over. */
enum status controls_describe(struct buf *out, SANE_Handle handle, struct error *e);

#endif
