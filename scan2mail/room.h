/*
 * room: room on the disk for what a file that grows is to end with.
 *
 * Before each piece, room is taken for it and for what is to be left behind it, so that a
 * disk that fills up meanwhile does not cost the end (sink.h, reserve). Where a file
 * system cannot do that, it is only seen when the disk is full.
 */
#ifndef POSTROOM_ROOM_H
#define POSTROOM_ROOM_H

#include <stdbool.h>
#include <sys/types.h>

struct room {
	off_t len;     /* bytes that were appended */
	off_t taken;   /* bytes that there is room for */
	off_t reserve; /* bytes that are to be left behind each piece; 0: none */
};

/* Appends, over whatever one that failed has left. False and errno: nothing was appended,
 * and the room that was left before is still there. */
bool room_append(struct room *r, int fd, const void *bytes, size_t count);
/* Ends the file where its bytes do, and gives the rest of the room back. False and errno.
 */
bool room_end(struct room *r, int fd);

#endif
