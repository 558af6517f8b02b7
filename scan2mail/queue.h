/*
 * queue: the PDF into a CUPS queue, while it is made.
 *
 * Bytes go into a file of the user's state folder (shelf.h), and from there to CUPS at
 * its own pace (relay.h): neither scanner nor encoder waits for it. When CUPS has not
 * taken the PDF in the end, the file is kept with what its job was to say, and
 * kept_resend() (kept.h) brings it in. Where the state folder cannot be used, or is full,
 * the file is in $TMPDIR (/var/tmp). Unless there is room again, what CUPS does not take
 * gets a name there, which is told, and is sent by nobody.
 */
#ifndef POSTROOM_QUEUE_H
#define POSTROOM_QUEUE_H

#include "scan2mail/destination.h"
#include "scan2mail/request.h"

/* Finds the queue; when CUPS does not answer, it is not known and the PDF will be kept,
 * which is logged. request's texts must live until out->close(). STATUS_SETTINGS: there
 * is no such queue; STATUS_RETRY: there is no room for the PDF; STATUS_CANCELLED: a
 * signal came.
 *
 * out->commit(): the PDF is whole: it is kept before CUPS gets its end, and given up when
 * CUPS has made a job of it. STATUS_RETRY: CUPS did not take it, or a signal came before
 * it had answered; out->kept says whether it is kept. STATUS_CANCELLED: a signal came,
 * and it could not be kept. */
enum status queue_open(
    struct destination *out, const struct request *request, struct error *e);

#endif
