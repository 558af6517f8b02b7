/*
 * planes: a page that comes as three frames, red, green and blue in any order (SANE
 * 3.2.1), made one.
 *
 * The frames wait in a nameless file, row by row beside each other, and are given back as
 * rows of red, green, blue with 8 bits each. Memory is that of a few lines.
 */
#ifndef POSTROOM_PLANES_H
#define POSTROOM_PLANES_H

#include <stdbool.h>

#include "lib/base/status.h"
#include "scan2mail/rows.h"

enum {
	PLANES = 3,
	/* Lines beyond the height that was announced, which are left out; or as many
	 * again as were announced. With more the page is at fault: it would never end. */
	SURPLUS_MAX = 4096,
};

struct planes {
	int file;                /* -1: not open */
	const char *scratch_dir; /* not owned; for sentences */
	unsigned width, lines;   /* of the first frame; lines 0: not known */
	unsigned count[PLANES];  /* rows taken, in the order red, green, blue */
	bool begun[PLANES];
	int current;      /* index of the frame that is taken, -1: none */
	unsigned surplus; /* lines of it that were left out */
	struct rows rows;
	unsigned char *row; /* room for PLANES * width samples */
};

/* All of these: STATUS_INVALID when the page is at fault, STATUS_RETRY when the system
 * is. planes_clear() frees, also what was never opened. */

/* For the frames of one page; first is any of them. */
enum status planes_open(struct planes *p, const char *scratch_dir,
    const struct frame *first, struct error *e);
/* Begins the next frame. STATUS_INVALID: it has come before, or has another size than the
 * first; or it is none that rows.h knows. */
enum status planes_begin(struct planes *p, const struct frame *frame, struct error *e);
/* The next line of it, as the device sends it; what is beyond the height that was
 * announced is left out, up to SURPLUS_MAX. */
enum status planes_add(struct planes *p, const unsigned char *line, struct error *e);
/* All frames are in; stores their number of rows. STATUS_INVALID: a frame is missing, or
 * is shorter than it should be. */
enum status planes_end(const struct planes *p, unsigned *lines, struct error *e);
/* Row number y, interleaved, into out, which has room for 3 * width bytes. */
enum status planes_row(struct planes *p, unsigned y, unsigned char *out, struct error *e);
/* Whether a frame of so many lines has that many too much; says so. */
enum status planes_surplus(unsigned lines, unsigned surplus, struct error *e);
void planes_clear(struct planes *p);

#endif
