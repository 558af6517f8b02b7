/*
 * listener: waits on loopback for the browser that comes back from signing in, and
 * meanwhile for an address pasted into the terminal.
 *
 * Bounded: LISTENER_PEERS connections at one time, of which the oldest makes room;
 * REDIRECT_MAX bytes and LISTENER_PATIENCE seconds each; LISTENER_LIMIT seconds in all.
 */
#ifndef POSTROOM_ADMIN_LISTENER_H
#define POSTROOM_ADMIN_LISTENER_H

#include <stdint.h>

#include "admin/errand.h"
#include "admin/redirect.h"
#include "lib/base/status.h"

enum {
	LISTENER_PEERS = 8,
	LISTENER_PATIENCE = 10,
	LISTENER_LIMIT = 15 * 60,
};

/* Listens on 127.0.0.1; port 0: one that is free. *port is the one it has. Stores a
 * descriptor that the caller closes. STATUS_SETTINGS: the port is taken; STATUS_RETRY. */
enum status listener_open(int *out, uint16_t *port, struct error *e);

/* In a child: waits until a browser, or a pasted line, brings a code or the server's
 * refusal (out->error). side->given may be -1: nobody listens then. Each line that is no
 * such address is answered with a sentence. STATUS_SETTINGS: nothing came in time. */
enum status listener_wait(struct redirect *out, const struct errand_side *side,
    const char *state, struct error *e);

#endif
