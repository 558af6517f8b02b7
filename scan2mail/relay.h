/*
 * relay: a file into a CUPS queue, while it grows, at CUPS's own pace.
 *
 * A thread sends one Print-Job request (RFC 8011 4.2.1) with the file's bytes in chunks,
 * as application/vnd.cups-pdf, with recipients, subject and file name as job attributes.
 * Whoever writes the file never waits for it; its memory is one block. CUPS makes a job
 * of it only when the request is complete: broken off before, there never was one. No
 * password is asked for.
 */
#ifndef POSTROOM_RELAY_H
#define POSTROOM_RELAY_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/status.h"
#include "scan2mail/link.h"

struct relay_job {
	const char *queue;    /* "": the user's default queue */
	const char *to;       /* "": the queue decides */
	const char *subject;  /* never empty */
	const char *filename; /* "": the subject decides */
	/* By which CUPS knows the job again (inquiry_job()); "": it does not. */
	const char *id;
};

struct relay_answer {
	int job;                    /* its number, 0: none is known */
	char queue[LINK_QUEUE_MAX]; /* where it is, "" while that is not known */
	bool doubt;  /* it failed, but CUPS had all of it and may have made a job */
	bool silent; /* CUPS does not answer: another job would fare no better */
};

struct relay;

/* Begins to send the file, of which there are no bytes yet. The caller keeps fd and the
 * job's texts until relay_free(). STATUS_RETRY: no thread can be had. */
enum status relay_start(
    struct relay **out, int fd, const struct relay_job *job, struct error *e);
/* The file has len bytes by now. */
void relay_grown(struct relay *r, off_t len);
/* The file is whole: waits for CUPS's answer. What was broken off before CUPS had all of
 * it is sent once more, from the start. To be called once. STATUS_RETRY: there is no job,
 * or out->doubt; STATUS_SETTINGS: there is no such queue; STATUS_CANCELLED: a signal came
 * (interrupt.h). *out is set in any case. */
enum status relay_finish(struct relay *r, struct relay_answer *out, struct error *e);
/* Breaks off what is not finished and ends the thread. NULL does nothing. */
void relay_free(struct relay *r);

#endif
