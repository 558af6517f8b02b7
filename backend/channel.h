/*
 * channel: what supervisor (root) and worker (nobody's friend) say to each other over a
 * socket pair (SOCK_SEQPACKET, one record a packet).
 *
 * The worker asks for the credential of the account that the job chose, and for the job's
 * journal; it tells when the message can no longer be called back, what is to be
 * recorded, and how it ended. Where the account signs in with tokens, it asks for one,
 * and may be handed what a new one is asked for with. A worker that lies gains nothing:
 * it gets one account's credential, the journal of its own job, and its end is believed
 * only for its own job.
 */
#ifndef POSTROOM_CHANNEL_H
#define POSTROOM_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/status.h"
#include "lib/login/grant.h"
#include "lib/send/history.h"

enum record_type {
	/* worker: value is the account's index. supervisor: value is a status, text the
	 * password, or certificate and key, or the sentence, number stands for the state
	 * of secret and settings files: another number, another content. */
	RECORD_ASK_SECRET,
	RECORD_SECRET,
	/* worker: number is the tokens_serial() of an access token of this account that
	 * the server did not take, or 0. supervisor: value is a status; with STATUS_OK
	 * number is an enum vault_answer, text the access token or the grant (grant.h);
	 * else number is the milliseconds to wait, text the sentence. */
	RECORD_ASK_TOKEN,
	RECORD_TOKEN,
	/* worker, after a grant: number is the seconds that the access token lives, text
	 * is it, a line feed, and the refresh token, if one came. supervisor: value is a
	 * status, text the sentence: whether the job may use them. */
	RECORD_RENEWED,
	RECORD_STORED,
	/* worker, after a grant: it was refused. value is an enum oauth_verdict, number
	 * the seconds of a Retry-After or -1, text the sentence. */
	RECORD_NOT_RENEWED,
	RECORD_GAVE_UP, /* worker, after a grant: it was stopped before an answer came */
	/* worker: text is the job's name (job.h). supervisor: value is a status, text the
	 * sentence, number 1 where a damaged journal was set aside; the descriptor comes
	 * along. */
	RECORD_ASK_JOURNAL,
	RECORD_JOURNAL,
	RECORD_COMMITTED, /* worker: the end of the data is about to be sent */
	RECORD_SETTLED, /* worker: the server has answered it, and the journal has that */
	RECORD_HISTORY, /* worker: text is a line for the record (history.h) */
	/* worker: number is the milliseconds to wait before the next try, value the
	 * account's index, and WAIT_FOR_NETWORK where the server could not be reached */
	RECORD_WAIT,
	RECORD_RESULT, /* worker: value is a status, text the sentence */
};

enum {
	WAIT_FOR_NETWORK = 0x10000,
	CHANNEL_TEXT_MAX = HISTORY_LINE_MAX,
};

_Static_assert((int)CHANNEL_TEXT_MAX > (int)GRANT_TEXT_MAX, "a grant fits into a record");
_Static_assert((int)CHANNEL_TEXT_MAX > 2 * (int)TOKEN_MAX + 1, "and so do two tokens");

struct record {
	uint32_t type; /* enum record_type */
	uint32_t value;
	int64_t number;
	char text[CHANNEL_TEXT_MAX + 1];
};

struct words {
	enum record_type type;
	uint32_t value;
	int64_t number;
	const char *text; /* NULL: none; cut at CHANNEL_TEXT_MAX */
	int fd;           /* 0: none; a descriptor to go along */
};

/* False when the other side is gone. Never raises SIGPIPE. */
bool channel_send(int channel, const struct words *words);
/* Blocks for one record; false when the other side is gone or sent nonsense. The text
 * always ends with a NUL. *fd (NULL: such a record is nonsense) receives a descriptor
 * that came along, close-on-exec, or -1. */
bool channel_receive(int channel, struct record *out, int *fd);

#endif
