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
 * A recipient that is refused ends nothing as long as another one is taken: DATA follows
 * the last recipient's reply then. A reply to a recipient that speaks of the account, the
 * server or the message ends it at once (replies.h tells them apart).
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
#include "lib/send/reply.h"

enum {
	REPLY_LINES_MAX = 128,       /* lines of one reply */
	DIALOGUE_CHALLENGES_MAX = 8, /* 334 replies */
};

/* What the client wants; fixed before the first line. */
struct dialogue_plan {
	bool starttls; /* the connection starts in clear text and must change to TLS */
	bool optional; /* with starttls: only where the server offers it */
	bool auth;     /* a 235 must be seen before MAIL */
	bool token;    /* by an access token (XOAUTH2, OAUTHBEARER) and no password */
	size_t recipients;
	uint64_t size; /* bytes of the message */
};

struct dialogue {
	struct dialogue_plan plan;
	enum stage stage;
	bool encrypted;     /* STARTTLS was answered by 220 */
	bool authenticated; /* 235 was seen */
	bool refused;       /* the reply ended it: whatever follows answers QUIT */
	bool can_login; /* EHLO offered AUTH with what the plan needs, as libcurl reads it
			 */
	bool can_tls;   /* and STARTTLS */
	uint64_t size_limit; /* what EHLO's SIZE says; 0: no limit known */
	bool greeted;   /* EHLO was answered on the connection that will carry mail */
	bool committed; /* the client's to set: it hands over the message's last bytes */
	size_t recipients_answered; /* the n-th reply is the n-th recipient's */
	size_t recipients_taken;
	bool put_off;        /* the excuse asks to try again later */
	size_t excuse_of;    /* the recipient that `excuse` speaks of */
	struct reply excuse; /* why it is not taken: of the first that is put off, else of
				the first that is refused; code 0: all are taken */
	struct reply reply;  /* the last whole reply, or the one that is arriving */
	unsigned lines;      /* of the reply that is arriving */
	unsigned challenges;
};

void dialogue_init(struct dialogue *d, const struct dialogue_plan *plan);

/* Takes one line as the server sent it, with or without its CR LF. STATUS_OK: go on, or
 * refused, see dialogue_refused(). Anything else: the client must break off before it
 * sends another byte: STATUS_SETTINGS no AUTH that the plan needs; STATUS_REFUSED the
 * message is over SIZE; STATUS_RETRY not an SMTP reply (quoted until AUTH began: later it
 * may repeat what was shown), too many lines, EHLO refused, an
 * answer to the message before `committed`. */
enum status dialogue_line(
    struct dialogue *d, const char *line, size_t len, struct error *e);

/* Whether a reply refused its command, or was no answer to it (250 to DATA), and so ended
 * the dialogue: only QUIT may follow, and the answer to that is not kept. libcurl knows
 * this by itself, save at STAGE_RCPT: there the client must break off. */
bool dialogue_refused(const struct dialogue *d);

/* The reply that tells how it ended or how far it came: the last one, or the excuse where
 * no recipient was taken. */
const struct reply *dialogue_last_word(const struct dialogue *d);

#endif
