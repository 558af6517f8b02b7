/*
 * child: a process that may hang or crash without harm, and the records it sends.
 *
 * Drivers of scanners run in it (device.h). It has a process group of its own, so that
 * what it starts ends with it and the terminal's Ctrl-C reaches the parent alone. It dies
 * with the thread that started it, leaves no core file, has no descriptor of its parent
 * but standard error, which is its standard output too, and all signals as a new process
 * has them, but for SIGPIPE. There may be several at one time (INTERRUPT_GROUPS_MAX).
 *
 * Records come through a pipe, the lines of pages through blocks of memory that both
 * processes share, in turn: a driver writes where an encoder reads, and nothing is
 * copied. For each block that the parent has done with, it gives back a credit.
 */
#ifndef POSTROOM_CHILD_H
#define POSTROOM_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/status.h"
#include "scan2mail/wire.h"

enum {
	CHILD_BLOCKS = 16,
	CHILD_BLOCK_SIZE = 64 * 1024,
	CHILD_TERM_MS = 500,  /* from SIGTERM to SIGKILL */
	CHILD_KILL_MS = 1000, /* from SIGKILL until a child is given up */
};

struct child;
struct uplink; /* the child's side */

/* Starts body(up, context) in a new process, which ends when body returns. SIGPIPE must
 * be ignored, and SIGCHLD not (interrupt_catch()). STATUS_RETRY: the system failed. */
enum status child_start(struct child **out,
    void (*body)(struct uplink *up, const void *context), const void *context,
    struct error *e);

/* For poll(2): readable when there may be a record, or the child has ended. */
int child_fd(const struct child *c);
/* Whether child_next() has something to say without a long wait. Several may have come
 * with one event of child_fd(): to be asked again after each. */
bool child_ready(const struct child *c);

/* Waits at most wait_ms for the next record, also when that comes piece by piece. Its
 * payload is valid until the next call; that of WIRE_ROWS is the block. STATUS_INVALID:
 * silence, nonsense, or the child has ended: e says which. Nonsense is also a child that
 * does not take its credits. STATUS_CANCELLED: a signal
 * came (interrupt.h). */
enum status child_next(
    struct child *c, struct wire_record *out, int wait_ms, struct error *e);

/* Answers WIRE_ASK: the child goes on. False: it is gone, or takes no answers. */
bool child_go(struct child *c);
/* Sends SIGTERM and does not wait: where several are to end, before child_end() of each.
 */
void child_term(struct child *c);
/* Nobody reads any more, which a child that sends or asks learns from child_send() and
 * its like. Gives it grace_ms to end by itself, or until a signal comes (interrupt.h);
 * then CHILD_TERM_MS after SIGTERM, which is sent now or was by child_term(); then
 * SIGKILL goes to its group. Frees c, which may be NULL. Gives 0, or the process that
 * CHILD_KILL_MS later is still there, as in a system call that nothing ends. */
pid_t child_end(struct child *c, int grace_ms);
/* Whether such a process has ended meanwhile, which is told once. */
bool child_is_gone(pid_t left);

/* -- for the child ------------------------------------------------------------------- */

/* Sends a record, but no WIRE_ROWS. False when the parent is gone. */
bool child_send(struct uplink *up, enum wire_kind kind, const void *payload, size_t len);
/* Sends a record of `count` texts, of which each may be NULL for "". */
bool child_send_texts(
    struct uplink *up, enum wire_kind kind, const char *const *texts, size_t count);
/* Waits for the answer to WIRE_ASK, which was sent; whether to go on. */
bool child_ask(struct uplink *up);
/* The block of CHILD_BLOCK_SIZE bytes to be filled next; waits until the parent has done
 * with it. NULL when the parent is gone. */
unsigned char *child_block(struct uplink *up);
/* Sends the first len bytes of that block as WIRE_ROWS. */
bool child_send_block(struct uplink *up, size_t len);

#endif
