/*
 * reply: what a submission server answered, and to what.
 */
#ifndef POSTROOM_REPLY_H
#define POSTROOM_REPLY_H

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
	REPLY_TEXT_MAX = 600, /* bytes kept of a reply's text, all its lines together */
};

struct reply {
	enum stage stage;
	int code;                  /* 0: no reply yet */
	char enhanced[12];         /* "5.7.139", or "" */
	char text[REPLY_TEXT_MAX]; /* without codes, lines joined by a blank; raw bytes */
};

/* "the connection", "STARTTLS", "the recipient" … for sentences. */
const char *stage_name(enum stage stage);

#endif
