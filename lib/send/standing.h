/*
 * standing: what the processes of one account know together of how it stands with its
 * server: how fast it sent, which login works, whether it is to pause. Pure.
 *
 * As text: five sealed lines (seal.h), in this order.
 *
 *   bucket NS                              boot time; see standing_take_token()
 *   good FINGERPRINT                       the login that was seen to work; 0: none
 *   refused FINGERPRINT AGAIN FIRST TEXT   the one that was refused; "refused 0": none
 *   pause END TEXT                         "pause": none
 *   size BYTES SERVER SEEN                 the SIZE of the server with this number
 *
 * All moments that lie ahead are bounded: no damage keeps anybody out for long.
 */
#ifndef POSTROOM_STANDING_H
#define POSTROOM_STANDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/moment.h"

enum {
	STANDING_MAX = 4096,        /* bytes of all lines */
	STANDING_TEXT_MAX = 1024,   /* bytes of a server's text, with the NUL */
	STANDING_LOGIN_PAUSE = 900, /* seconds between two tries of a refused login */
	STANDING_PAUSE_MAX = 86400, /* seconds that a pause lasts at most */
	STANDING_SIZE_DAYS = 1,     /* that a server's SIZE is believed */
};

/* All zero: nothing is known. */
struct standing {
	int64_t bucket;
	uint64_t good; /* fingerprint; 0: none */
	struct {
		uint64_t fingerprint; /* 0: none was refused */
		struct moment again;  /* when it may be tried */
		struct moment first;  /* since when it is refused */
		char text[STANDING_TEXT_MAX];
	} refused;
	struct {
		struct moment end; /* without a name: there is none */
		char text[STANDING_TEXT_MAX];
	} pause;
	struct {
		uint64_t bytes;
		uint32_t server;    /* the caller's number for it */
		struct moment seen; /* without a name: never */
	} size;
};

/* Reads the lines; changes the bytes. All lines count, or none: what is damaged gives a
 * standing of which nothing is known. What follows the lines is not looked at. */
void standing_read(struct standing *out, char *bytes, size_t len);
/* Appends the lines. False when out is over. */
bool standing_write(struct buf *out, const struct standing *s);

/* How fast messages may leave. */
struct standing_rate {
	int64_t interval; /* ns from one to the next */
	int64_t burst;    /* so many at once, 1 or more */
};

/* Takes a token at a time in ns of boot time. Returns 0, or the ns until there is one, at
 * most one interval; nothing is taken then.
 *
 * The generic cell rate algorithm (ITU-T I.371): the bucket is the time at which it will
 * be full. Each message moves it on by one interval, exactly, however late the sender
 * woke up, so that the rate does not drift. It lies ahead by a burst at most: one that
 * lies further (another boot's, a damage, a rule that was loosened) counts as full. */
int64_t standing_take_token(
    struct standing *s, const struct standing_rate *rate, int64_t now);

/* ms until the pause is over; 0: there is none. */
int64_t standing_pause_left(const struct standing *s, const struct moment *now);
/* Sets one; false when one that is as long is set already, or ms is not
 * above 0. Text is cleaned and cut. */
bool standing_pause(
    struct standing *s, const struct moment *now, int64_t ms, const char *text);

/* Fingerprint 0 stands for an account without a login, here and below. */

/* Whether the login was seen to work last time. */
bool standing_knows(const struct standing *s, uint64_t fingerprint);
/* ms until a login that was refused may be tried; 0: now. */
int64_t standing_refusal_left(
    const struct standing *s, uint64_t fingerprint, const struct moment *now);
/* It is tried now: if it was refused before, this was the one try for a while. */
void standing_login_tried(
    struct standing *s, uint64_t fingerprint, const struct moment *now);
/* It works; false when that was known, and no other one was refused. */
bool standing_login_good(struct standing *s, uint64_t fingerprint);
/* It was refused. Returns the ms since it was first; 0: now. */
int64_t standing_login_refused(
    struct standing *s, uint64_t fingerprint, const struct moment *now, const char *text);

/* The server told its SIZE, 0: none; false when that is known and fresh. */
bool standing_size_seen(
    struct standing *s, const struct moment *now, uint32_t server, uint64_t size);
/* What it told within STANDING_SIZE_DAYS; 0: nothing, or another server did. */
uint64_t standing_size(
    const struct standing *s, const struct moment *now, uint32_t server);

#endif
