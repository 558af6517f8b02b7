/*
 * channel: what supervisor (root) and worker (nobody's friend) say to each other over a
 * socket pair (SOCK_SEQPACKET, one record a packet).
 *
 * The worker asks for the password of the account that the job chose; it tells when the
 * message can no longer be called back, and how it ended. A worker that lies gains
 * nothing: it gets one account's password once, and its end is believed only for its own
 * job.
 */
#ifndef POSTROOM_CHANNEL_H
#define POSTROOM_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/status.h"
#include "lib/send/secret.h"

enum record_type {
	RECORD_ASK_SECRET, /* worker: value is the account's index */
	RECORD_SECRET, /* supervisor: value is a status, text the password or the sentence
			*/
	RECORD_COMMITTED, /* worker: the end of the data is about to be sent */
	RECORD_RESULT,    /* worker: value is a status, text the sentence */
};

struct record {
	uint32_t type; /* enum record_type */
	uint32_t value;
	char text[SECRET_MAX + 1];
};

/* False when the other side is gone. Never raises SIGPIPE. */
bool channel_send(int fd, enum record_type type, uint32_t value, const char *text);
/* Blocks for one record; false when the other side is gone or sent nonsense. The text
 * always ends with a NUL. */
bool channel_receive(int fd, struct record *out);

#endif
