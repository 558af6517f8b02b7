/*
 * history: the record of what was sent and what was not, one line per outcome.
 *
 * "KEY=VALUE KEY=VALUE …", UTF-8, the keys in a fixed order; keys without a value are
 * left out. A value of anything but plain ASCII, or with blanks, '"', '\' or '=', stands
 * in double quotes with \" and \\, and ends with "…" where it was cut. Nothing of the
 * document; its name only where the administrator wants it. The keys are described in
 * postroom.conf(5), in the order of history_key().
 *
 * A line has two parts with a blank between them. The head says whose it is, and comes
 * from a process that no document can take over; the rest comes from one that reads
 * documents. Of a key that stands twice the first one counts, so the rest forges no head.
 */
#ifndef POSTROOM_HISTORY_H
#define POSTROOM_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "lib/base/buf.h"
#include "lib/base/status.h"
#include "lib/send/reply.h"

enum {
	HISTORY_LINE_MAX = 30000, /* bytes of a line, */
	HISTORY_HEAD_MAX = 2000,  /* and of its head, with the blank behind it */
};

/* How a message, or a job, ended or waits. */
enum history_event {
	HISTORY_SENT,     /* the server took it */
	HISTORY_REFUSED,  /* the server will never take it */
	HISTORY_GIVEN_UP, /* after give_up_after */
	HISTORY_HELD,     /* a person has to look */
	HISTORY_STOPPED,  /* the queue was stopped: settings or credentials */
	HISTORY_WAITING,  /* it will be tried again */
	HISTORY_NOTICE,   /* a notice to the owner was taken */
};

/* Texts may be NULL, which says as little as "", here and below. */
struct history_job {
	time_t time; /* wall clock */
	const char *job, *queue, *user;
};

struct history {
	enum history_event event;
	const char *account;
	const char *const *recipients; /* those that the event is about */
	size_t recipient_count;
	uint64_t size;             /* bytes of the message; 0: none was made */
	const char *id;            /* Message-ID without brackets; "" */
	const struct reply *reply; /* the server's last word; NULL or code 0: none */
	unsigned part, parts;      /* 1 of 1 */
	unsigned attempts;
	int64_t duration;    /* ms since the first attempt */
	bool duplicate;      /* it may have been sent before */
	const char *text;    /* why, for what was not sent; "" */
	const char *subject; /* NULL: not to be logged */
};

/* Appends the head, less than HISTORY_HEAD_MAX bytes: longer values are cut. False when
 * out is over. */
bool history_head(struct buf *out, const struct history_job *job);

/* Appends the rest, without its line feed, at most HISTORY_LINE_MAX - HISTORY_HEAD_MAX
 * bytes: of more recipients than fit the last ones are only counted ("…+3"). False when
 * out is over. */
bool history_line(struct buf *out, const struct history *h);

/* The key of a line at this place; NULL behind the last one. */
const char *history_key(size_t place);

/* The server's own name for the message: from "2.0.0 OK <…@host> [Hostname=…]" the part
 * in <>, from "Ok: queued as 4F2C…" or "OK id=1abc" the word, from "Ok 0102-…" (Amazon
 * SES) the only word behind it; "" when there is none. */
void history_server_id(char *out, size_t size, const char *text);

/* Writes a line: appends it to the file `path` (made with mode 0640 when it is missing;
 * absolute, no symbolic link, regular), or where path is "" sends it to the system's log,
 * as syslog(3) does with the mail facility, but without waiting for it. The line may come
 * from a stranger: it is cleaned (TEXT_LINE) and cut at HISTORY_LINE_MAX, so that it
 * stays one line. Never blocks for long and never fails the job: STATUS_RETRY, e says
 * why. */
enum status history_write(const char *path, const char *line, struct error *e);

#endif
