/*
 * graphupload: one attachment put onto a draft: a small one in a single request, a large
 * one in ranges through an upload session, taken up again where it broke off.
 *
 * A session ends by itself after some time, and ends where the last range arrived but its
 * answer did not: then the draft's list of attachments tells (graphdraft.h).
 */
#ifndef POSTROOM_GRAPHUPLOAD_H
#define POSTROOM_GRAPHUPLOAD_H

#include <stddef.h>

#include "lib/base/status.h"
#include "lib/send/graphcall.h"
#include "lib/send/graphdraft.h"

/* Puts the message's attachment of this index onto the draft; d->has tells so then. After
 * a break (network, 5xx, a session that is gone, Retry-After of up to GRAPH_PAUSE_MAX) it
 * goes on, at most GRAPH_RESUMES_MAX times. */
enum status graphupload_put(
    struct graphcall *g, struct graphdraft *d, size_t index, struct error *e);

#endif
