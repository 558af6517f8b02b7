/*
 * limits: what one account may do at a time, over all processes and queues.
 *
 * A folder of small files that the workers share:
 *
 *   ACCOUNT.N       one per connection that is allowed; whoever has it locked (flock) may
 *                   connect. The kernel frees the lock of a process that dies.
 *   ACCOUNT.login   locked while a login is tried that has not been seen to work
 *   ACCOUNT.state   its standing (standing.h), read and rewritten under its lock
 *
 * All times are boot times (moment.h): a wall clock that jumps neither stalls nor floods,
 * and a restart of the machine forgets waits. A state file that is damaged, or says what
 * cannot be, is begun anew.
 */
#ifndef POSTROOM_LIMITS_H
#define POSTROOM_LIMITS_H

#include <stdint.h>

#include "lib/base/status.h"
#include "lib/send/standing.h"

enum {
	LIMITS_BURST = 4,      /* messages that may leave at once after a rest, if a
				  minute allows at least six times as many */
	LIMITS_WAIT_MAX = 120, /* seconds that limits_enter() waits at most */
	LIMITS_PAUSE_STAY = 5, /* seconds of the server's pause that it waits out */
	LIMITS_NAME_MAX = 64,  /* bytes of an account's name, with the NUL */
	LIMITS_LOGIN_PAUSE = STANDING_LOGIN_PAUSE,
	LIMITS_SIZE_DAYS = STANDING_SIZE_DAYS,
};

/* What the settings say. */
struct limits_rule {
	const char *account;  /* its name: letters, digits, '.', '_', '-'; any case */
	uint64_t connections; /* at one time; 0 counts as 1 */
	uint64_t per_minute;  /* messages; 0 counts as 1 */
	uint64_t fingerprint; /* of secret and settings; 0: there is no login */
	const char *server;   /* its host; what another one told is forgotten. Or NULL */
};

struct limits;

/* Opens an account's limits in a folder, and its state file with them, which is made when
 * it is missing. `folder` is not taken over. STATUS_SETTINGS: not a name of an account;
 * STATUS_RETRY: the disk. */
enum status limits_open(
    struct limits **out, int folder, const struct limits_rule *rule, struct error *e);
/* Gives back what limits_enter() granted, and frees. */
void limits_close(struct limits *l);

/* For how long nobody may send. */
struct limits_closed {
	int64_t wait; /* ms until it is worth another try; 0: nobody can tell, as of a
			 disk that fails */
};

/* Waits until the account may connect and send one message: no pause is on, the login is
 * not one that was refused within LIMITS_LOGIN_PAUSE (unless the fingerprint is another
 * one), a connection is free, the bucket has a token. One login that never worked with
 * this fingerprint is tried at a time, one that was refused once in LIMITS_LOGIN_PAUSE by
 * all processes together. A connection that is still held is kept.
 *
 * STATUS_OK: it may; the token is spent, whatever comes of it; limits_close() or
 * limits_leave() gives the connection back. STATUS_RETRY: a refused login, a pause of
 * more than LIMITS_PAUSE_STAY, LIMITS_WAIT_MAX is over, or the disk fails, as limits that
 * are not written down are not kept; *closed tells, and e has its sentence.
 * STATUS_CANCELLED: `stop` (a descriptor, or -1) turned readable. When it is not OK
 * nothing is held.
 *
 * A process that is forked meanwhile shares the connection until it ends, or until
 * limits_leave() is called here. */
enum status limits_enter(
    struct limits *l, int stop, struct limits_closed *closed, struct error *e);
/* Gives the connection back, and the login's lock. */
void limits_leave(struct limits *l);

/* What an attempt taught; each is stored at once. What cannot be stored is lost: the next
 * limits_enter() meets the same disk, and tells. */

/* The server took the login. Frees the login's lock. */
void limits_login_good(struct limits *l);
/* It refused; text is its sentence. Frees the login's lock. Returns the ms since it was
 * refused first with this fingerprint (0 for the first time). */
int64_t limits_login_refused(struct limits *l, const char *text);
/* Nobody may connect for ms milliseconds; a longer pause stays. */
void limits_pause(struct limits *l, int64_t ms, const char *text);
/* EHLO said SIZE; 0: it said none. */
void limits_size_seen(struct limits *l, uint64_t size);

/* The SIZE that was seen within LIMITS_SIZE_DAYS, of this server; 0: none. */
uint64_t limits_size(struct limits *l);

/* A login that was refused, whatever its fingerprint was: whether it would be another one
 * by now is not told. */
struct limits_refusal {
	int64_t left;  /* ms until it is tried again; 0: nothing is closed */
	int64_t since; /* ms since it was tried last; where it is closed */
	char text[STANDING_TEXT_MAX]; /* what was said of it */
};

/* Looks whether an account is closed so, for an onlooker: nothing is made, locked or
 * waited for. STATUS_SETTINGS, STATUS_RETRY as limits_open(); a file that is missing or
 * damaged is none of that: nothing is closed. */
enum status limits_peek(
    struct limits_refusal *out, int folder, const char *account, struct error *e);

#endif
