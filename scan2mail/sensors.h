/*
 * sensors: what a scanner's buttons and sensors show, as options of its driver.
 *
 * The scanner is opened only to look and let go at once, so that other programs can scan
 * between two looks. Nothing is set but a driver's own "button-update", and nothing is
 * started. Some drivers hold a value until they are closed (pixma), or until it is read
 * (avision, plustek, rts8891): each option is read once in a look.
 */
#ifndef POSTROOM_SENSORS_H
#define POSTROOM_SENSORS_H

#include <stddef.h>

#include "lib/base/status.h"
#include "scan2mail/wire.h"

enum {
	SENSORS_MAX = WIRE_TEXTS_MAX / 2, /* options that a look reads */
	SENSORS_POLL_MS = 500, /* between two looks, where nothing else is said */
};

struct uplink;

struct sensors_wish {
	const char *device;
	const char *const *option; /* their names; NULL: all that may be sensors */
	size_t count;
	unsigned poll_ms;
};

/* The child's body (child.h); context: a struct sensors_wish. After each look
 * WIRE_SENSORS with what could be read, BOOL as 0 or 1; WIRE_BUSY when somebody else has
 * the scanner, which is tried again; WIRE_FAULT, and the end, when it cannot be opened or
 * tells more than a record holds. */
void sensors_look(struct uplink *up, const void *context);

/* The value of an option in a WIRE_SENSORS record, inside its bytes; NULL: it has none.
 */
const char *sensors_value(const struct wire_record *record, const char *option);

/* Prints what may be a button or a sensor of the device, how to name one in
 * postroom.conf(5), and then each change until a signal comes (interrupt.h), which is the
 * way that it ends with STATUS_OK. device "": the one that SANE_DEFAULT_DEVICE names. */
enum status sensors_show(const char *device, unsigned poll_ms, struct error *e);

#endif
