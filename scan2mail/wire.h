/*
 * wire: the records in which the scanning child tells its parent what it has.
 *
 * A record is a head of 8 bytes (kind and length, 32 bits each in the machine's byte
 * order) and its payload. The parent does not trust the child, which runs drivers of
 * many makers: whatever arrives is checked.
 */
#ifndef POSTROOM_WIRE_H
#define POSTROOM_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "scan2mail/rows.h"

enum {
	WIRE_HEAD_SIZE = 8,
	WIRE_PAYLOAD_MAX = 4096,
	WIRE_FRAME_SIZE = 8 * 4,
	WIRE_LENGTH_SIZE = 4,
	WIRE_TEXTS_MAX = 128,
};

enum wire_kind {
	WIRE_DEVICE = 1, /* a scanner that was found: three texts */
	WIRE_READY,      /* the scanner is set: "duplex" for both sides, or "simplex" */
	WIRE_PAGE,       /* a page begins: a frame */
	WIRE_ROWS,       /* bytes of its lines, in the next block: their number */
	WIRE_PLANE,      /* another colour of this page begins: a frame */
	WIRE_PAGE_END,   /* the device says that it is complete */
	WIRE_BUSY,    /* the scanner is in use, and waited for: one text, each second */
	WIRE_ASK,     /* the stack is done; child_go() or the end is waited for */
	WIRE_DONE,    /* nothing more to scan, or to list */
	WIRE_FAULT,   /* it went wrong: in few words ("paper jam"), and a sentence */
	WIRE_ABLE,    /* what a scanner can do: one text, a line each */
	WIRE_SENSORS, /* its buttons and sensors: a name and a value each */
	WIRE_KINDS
};

struct wire_record {
	enum wire_kind kind;
	const unsigned char *payload; /* inside the bytes given to wire_parse() */
	size_t len;
};

enum wire_progress {
	WIRE_MORE,   /* the record is not complete yet */
	WIRE_WHOLE,  /* *out is set */
	WIRE_BROKEN, /* these bytes are no record */
};

void wire_put_head(
    unsigned char out[WIRE_HEAD_SIZE], enum wire_kind kind, size_t payload_len);
/* Takes a record off the start of len bytes; it has WIRE_HEAD_SIZE + out->len bytes. */
enum wire_progress wire_parse(
    struct wire_record *out, const unsigned char *bytes, size_t len);

/* Frames: resolutions are kept in 65536ths. */
void wire_put_frame(unsigned char out[WIRE_FRAME_SIZE], const struct frame *frame);
/* False, and *out is as it was, when the record holds no frame. */
bool wire_get_frame(struct frame *out, const struct wire_record *record);

/* A block's length. */
void wire_put_length(unsigned char out[WIRE_LENGTH_SIZE], size_t len);
bool wire_get_length(size_t *out, const struct wire_record *record);

/* Points texts at the record's `count` NUL-terminated strings; false when there are not
 * exactly so many. */
bool wire_get_texts(const char **texts, size_t count, const struct wire_record *record);

#endif
