/*
 * device: a scanner, through libsane. Runs in the scanning child (child.h) and speaks in
 * records (wire.h): drivers may hang, crash or lie, and do so to the child alone.
 */
#ifndef POSTROOM_DEVICE_H
#define POSTROOM_DEVICE_H

struct uplink;

/* The child's bodies, for child_start(). Each sends its records, WIRE_DONE or
 * WIRE_FAULT last, and lets the scanner go on SIGTERM. */

/* context: a struct request. WIRE_READY, then WIRE_PAGE, WIRE_ROWS and WIRE_PAGE_END for
 * each page: of the feeder until it is empty, of the flatbed one. */
void device_scan(struct uplink *up, const void *context);
/* WIRE_DEVICE for each scanner: name, maker, model. */
void device_list(struct uplink *up, const void *context);

#endif
