/*
 * dialogue: the client's view of an SMTP dialogue, followed by its replies alone.
 *
 * libcurl speaks the commands in a fixed order and hands over each line that the server
 * answers; the dialogue knows from the order which command a reply belongs to. It keeps
 * the last reply, what EHLO offered, and says when the dialogue must not go on. Pure: no
 * I/O.
 *
 *            2yz            250                   220          250
 *   GREETING ───► EHLO ──────────► STARTTLS ──────────► EHLO ───────┐  (tls = starttls)
 *                  │ 250 (tls = implicit, none)                     │
 *                  ▼                                                ▼
 *                 AUTH ◄────────────────────────────────────────────┘
 *                  │ 334 … 235    (auth = none: straight to MAIL)
 *                  ▼     250        250 each        354         2yz
 *                 MAIL ──────► RCPT ────────► DATA ─────► BODY ──────► DONE
 *
 * RFC 5321 (SMTP), RFC 3207 (STARTTLS), RFC 4954 (AUTH), RFC 1870 (SIZE), RFC 2034
 * (codes).
 */
#ifndef POSTROOM_DIALOGUE_H
#define POSTROOM_DIALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/status.h"

enum stage {
	STAGE_GREETING, /* name, connection and greeting */
	STAGE_EHLO,
	STAGE_STARTTLS, /* the command and the handshake */
	STAGE_AUTH,
	STAGE_MAIL,
	STAGE_RCPT,
	STAGE_DATA,
	STAGE_BODY, /* the message and the answer to its end */
	STAGE_DONE, /* the server took the message */
};

enum {
	REPLY_TEXT_MAX = 600,  /* bytes kept of a reply's text, all its lines together */
	REPLY_LINES_MAX = 128, /* lines of one reply */
	DIALOGUE_CHALLENGES_MAX = 8, /* 334 replies */
};

struct reply {
	enum stage stage;
	int code;                  /* 0: no reply yet */
	char enhanced[12];         /* "5.7.139", or "" */
	char text[REPLY_TEXT_MAX]; /* without codes, lines joined by a blank; raw bytes */
};

/* What the client wants; fixed before the first line. */
struct dialogue_plan {
	bool starttls; /* the connection starts in clear text and must change to TLS */
	bool auth;     /* a 235 must be seen before MAIL */
	size_t recipients;
	uint64_t size; /* bytes of the message */
};

struct dialogue {
	struct dialogue_plan plan;
	enum stage stage;
	bool encrypted;      /* STARTTLS was answered by 220 */
	bool authenticated;  /* 235 was seen */
	bool refused;        /* the reply ended it: whatever follows answers QUIT */
	bool can_login;      /* EHLO offered AUTH LOGIN or PLAIN, as libcurl reads it */
	uint64_t size_limit; /* what EHLO's SIZE says; 0: no limit known */
	size_t recipients_taken;
	struct reply reply; /* the last whole reply, or the one that is arriving */
	unsigned lines;     /* of the reply that is arriving */
	unsigned challenges;
};

void dialogue_init(struct dialogue *d, const struct dialogue_plan *plan);

/* Takes one line as the server sent it, with or without its CR LF. STATUS_OK: go on (also
 * after a refusal: libcurl ends the dialogue by itself, and `reply` says why). Anything
 * else: the client must break off before it sends another byte: STATUS_SETTINGS no AUTH
 * LOGIN or PLAIN offered; STATUS_REFUSED the message is over SIZE; STATUS_RETRY not an
 * SMTP reply, too many lines, EHLO refused after TLS. */
enum status dialogue_line(
    struct dialogue *d, const char *line, size_t len, struct error *e);

/* Whether a reply refused its command, or was no answer to it (250 to DATA). That reply
 * stays the last word: libcurl says QUIT then, and the answer to that is not kept. */
bool dialogue_refused(const struct dialogue *d);

/* "the connection", "STARTTLS", "the recipient" … for sentences. */
const char *stage_name(enum stage stage);

#endif
