/*
 * pacing: a rest before the last bytes of a frame.
 *
 * Many drivers read the scanner in a thread of their own, and end it at the last byte
 * that sane_read() takes: in SANE's sanei_thread by pthread_cancel(3), whatever it is at.
 * A reader that is quick then meets it before it has freed its memory, which is lost with
 * each page, or amid free(3), whose lock stays taken: the next page hangs. So what the
 * last read will find is left in the driver until the thread has had time to end.
 */
#ifndef POSTROOM_PACING_H
#define POSTROOM_PACING_H

#include <stdbool.h>
#include <stddef.h>

#include <sane/sane.h>

enum {
	PACING_TAIL = 4096, /* bytes: less than a pipe holds, or the thread would wait */
	PACING_REST_MS = 2,
};

struct pacing {
	size_t ahead; /* bytes of this frame before the rest; 0: none is to come */
};

/* At the start of a frame. One whose size is not known, or below the tail, has no rest.
 */
void pacing_begin(struct pacing *p, const SANE_Parameters *at);
/* How many bytes to ask for next, of room bytes. */
size_t pacing_room(const struct pacing *p, size_t room);
/* They have come. True, once in a frame: rest before the next read. */
bool pacing_took(struct pacing *p, size_t len);

#endif
