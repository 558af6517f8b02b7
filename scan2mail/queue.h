/*
 * queue: the PDF into a CUPS queue, while it is made.
 *
 * One Print-Job request (RFC 8011 4.2.1) carries it in chunks, as
 * application/vnd.cups-pdf, with recipients and subject as job attributes. The connection
 * opens with the first byte. CUPS makes a job of it only when the request is complete:
 * closed before, there never was one. No password is asked for.
 */
#ifndef POSTROOM_QUEUE_H
#define POSTROOM_QUEUE_H

#include "scan2mail/destination.h"
#include "scan2mail/request.h"

/* Finds the queue. request's texts must live until out->close(). STATUS_SETTINGS: there
 * is no such queue; STATUS_RETRY: CUPS cannot be reached. */
enum status queue_open(
    struct destination *out, const struct request *request, struct error *e);

#endif
