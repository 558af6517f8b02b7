/*
 * graphbody: what a request to Microsoft Graph carries, made while it is read: a message
 * or an attachment in base64 (RFC 4648, no line breaks), or a range of an attachment as
 * it is. Memory does not grow with it.
 */
#ifndef POSTROOM_GRAPHBODY_H
#define POSTROOM_GRAPHBODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/mail/message.h"

enum {
	GRAPHBODY_BLOCK = 24 * 1024, /* bytes that are encoded at a time */
};

/* What it is made from must outlive it. */
struct graphbody {
	const char *before, *after;     /* text around it, as it stands */
	bool plain;                     /* not in base64 */
	struct message_stream *message; /* or, where it is NULL: */
	int fd;
	off_t offset;  /* of the next byte */
	uint64_t size; /* bytes before they are encoded */

	/* Where reading stands. */
	uint64_t left; /* bytes that were not read yet */
	size_t before_len, before_at, after_len, after_at;
	size_t ready_at, ready_len;
	char ready[4]; /* a word that the reader had no room for */
};

/* The whole message, which is rewound. */
void graphbody_message(struct graphbody *b, struct message_stream *message);
/* A whole attachment between two texts. */
void graphbody_attachment(struct graphbody *b, const struct attachment *a,
    const char *before, const char *after);
/* len bytes of an attachment from `at` on, as they are. */
void graphbody_range(
    struct graphbody *b, const struct attachment *a, uint64_t at, uint64_t len);

/* Bytes of the request, exactly. */
uint64_t graphbody_size(const struct graphbody *b);
/* As message_read(): the next bytes, 0 at the end, -1 with errno; EIO where it is shorter
 * than it was said to be. */
ssize_t graphbody_read(struct graphbody *b, char *bytes, size_t len);

#endif
