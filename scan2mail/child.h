/*
 * child: a process that may hang or crash without harm, and the records it sends.
 *
 * Drivers of scanners run in it (device.h). It has a process group of its own, so that
 * what it starts ends with it and the terminal's Ctrl-C reaches the parent alone, and it
 * dies with its parent.
 *
 * Records come through a pipe, the lines of pages through blocks of memory that both
 * processes share, in turn: a driver writes where an encoder reads, and nothing is
 * copied. For each block that the parent has done with, it gives back a credit.
 */
#ifndef POSTROOM_CHILD_H
#define POSTROOM_CHILD_H

#include "lib/base/status.h"
#include "scan2mail/wire.h"

enum {
	CHILD_BLOCKS = 16,
	CHILD_BLOCK_SIZE = 64 * 1024,
	CHILD_TERM_MS = 500, /* from SIGTERM to SIGKILL */
};

struct child;
struct uplink; /* the child's side */

/* Starts body(up, context) in a new process, which ends when body returns. SIGPIPE must
 * be ignored (interrupt_catch()). STATUS_RETRY: the system failed. */
enum status child_start(struct child **out,
    void (*body)(struct uplink *up, const void *context), const void *context,
    struct error *e);

/* Waits at most wait_ms for the next record. Its payload is valid until the next call;
 * that of WIRE_ROWS is the block. STATUS_INVALID: silence, nonsense, or the child has
 * ended: e says which. STATUS_CANCELLED: a signal came (interrupt.h). */
enum status child_next(
    struct child *c, struct wire_record *out, int wait_ms, struct error *e);

/* Gives the child grace_ms to end by itself, then SIGTERM, then SIGKILL to its group;
 * frees c, which may be NULL. */
void child_end(struct child *c, int grace_ms);

/* -- for the child ------------------------------------------------------------------- */

/* Sends a record, but no WIRE_ROWS. False when the parent is gone. */
bool child_send(struct uplink *up, enum wire_kind kind, const void *payload, size_t len);
/* The block of CHILD_BLOCK_SIZE bytes to be filled next; waits until the parent has done
 * with it. NULL when the parent is gone. */
unsigned char *child_block(struct uplink *up);
/* Sends the first len bytes of that block as WIRE_ROWS. */
bool child_send_block(struct uplink *up, size_t len);

#endif
