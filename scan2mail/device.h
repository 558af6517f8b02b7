/*
 * device: a scanner, through libsane. Runs in the scanning child (child.h) and speaks in
 * records (wire.h): drivers may hang, crash or lie, and do so to the child alone.
 *
 * Whoever wants it to end closes the pipes or sends SIGTERM (cancel.h).
 */
#ifndef POSTROOM_DEVICE_H
#define POSTROOM_DEVICE_H

struct uplink;

/* The child's bodies, for child_start(). Each sends its records, WIRE_DONE or
 * WIRE_FAULT last. */

/* context: a struct request. WIRE_READY, again whenever it is set otherwise; then for
 * each page WIRE_PAGE with its first frame, WIRE_ROWS, for each further frame WIRE_PLANE
 * and WIRE_ROWS, and WIRE_PAGE_END: of the feeder until it is empty, of the flatbed one.
 * WIRE_BUSY at once and then each second while the scanner is in use. With request->more
 * or ->backs, WIRE_ASK in place of WIRE_DONE: child_go() scans the next stack or page,
 * and when there is none, WIRE_BUSY says so and WIRE_ASK comes again. */
void device_scan(struct uplink *up, const void *context);
/* WIRE_DEVICE for each scanner: name, maker, model. */
void device_list(struct uplink *up, const void *context);
/* context: a device's name. WIRE_ABLE. */
void device_describe(struct uplink *up, const void *context);

#endif
