/*
 * inquiry: what CUPS knows of queues and jobs.
 */
#ifndef POSTROOM_INQUIRY_H
#define POSTROOM_INQUIRY_H

#include "lib/base/status.h"
#include "scan2mail/link.h"

/* Finds the queue that is asked for ("": the user's default). STATUS_SETTINGS: CUPS says
 * that there is none; STATUS_RETRY: CUPS does not say; STATUS_CANCELLED: a signal came.
 */
enum status inquiry_queue(char queue[LINK_QUEUE_MAX], const char *asked, struct error *e);
/* The same, in a thread that talks with CUPS already. */
enum status inquiry_queue_over(
    struct link *l, char queue[LINK_QUEUE_MAX], const char *asked, struct error *e);

/* A job of a scan, ended or not. */
struct inquiry_job {
	int number;    /* 0: CUPS knows none, or no longer */
	int kilobytes; /* of its document, rounded up */
	char queue[LINK_QUEUE_MAX];
};

/* Finds the job that carries this scan's id (relay.h), as Get-Jobs has it (RFC 8011
 * 4.2.6). STATUS_RETRY: CUPS does not answer; STATUS_CANCELLED: a signal came. */
enum status inquiry_job(struct inquiry_job *out, const char *id, struct error *e);

#endif
