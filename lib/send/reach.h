/*
 * reach: a TCP connection to a host, whatever address of it answers first.
 *
 * A name may stand for addresses that are dead: the next one is tried as soon as one
 * refuses, or after REACH_STAGGER, while those before it may still answer (RFC 8305).
 * The resolver is the system's and blocks; all else ends within the limit or when `stop`
 * turns readable.
 */
#ifndef POSTROOM_REACH_H
#define POSTROOM_REACH_H

#include <netdb.h>
#include <stdint.h>

#include "lib/base/status.h"

enum {
	REACH_ADDRESSES_MAX = 32, /* of one name; what comes after them is not tried */
	REACH_STAGGER = 250,      /* milliseconds from one attempt to the next */
};

struct reach {
	const char *host; /* a name, or an address without brackets */
	uint16_t port;
	unsigned limit; /* seconds from the first attempt to a connection */
	int stop;       /* a descriptor that turns readable to end it; or -1 */
};

/* Stores a connected, non-blocking descriptor that the caller closes. STATUS_RETRY: the
 * name cannot be resolved, or nothing answered within the limit; STATUS_CANCELLED: `stop`
 * turned readable. */
enum status reach_connect(int *out, const struct reach *where, struct error *e);

/* The same where the addresses are known; in the order of the list. */
enum status reach_any(
    int *out, const struct addrinfo *list, const struct reach *where, struct error *e);

#endif
