/*
 * job: what cupsd says about a job, copied out of arguments and environment before the
 * environment is emptied. Nothing is believed here; it is only carried.
 */
#ifndef POSTROOM_JOB_H
#define POSTROOM_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "lib/base/list.h"
#include "lib/base/status.h"

struct job {
	char *id;      /* argv[1], digits */
	char *user;    /* argv[2], free text */
	char *title;   /* argv[3] */
	char *options; /* argv[5] */
	char *file;    /* argv[6]: the document, when no filter ran; else NULL */
	/* from the environment, "" where it says nothing */
	char *device_uri;
	char *printer;
	char *final_type; /* FINAL_CONTENT_TYPE: what the filters made */
	char *sheet; /* CUPS_FILETYPE: "job-sheet" when the first document is a banner */
	char *software;
	char *server;       /* CUPS_SERVER: socket or host */
	char *request_root; /* the folder of cupsd's spooled documents */
	char *tmpdir;
};

/* Copies. argc is 6 or 7. STATUS_INVALID: the job id is no number; STATUS_RETRY: no
 * memory. */
enum status job_init(struct job *j, int argc, char *const argv[], struct error *e);
void job_clear(struct job *j);

/* Whether the documents come out of a filter that ends in PDF. */
bool job_is_filtered(const struct job *j);

/* What makes a message the same message at every attempt. */
struct job_identity {
	/* The job's number and its job-uuid ("17-6d1b…"), or its time where cupsd gave no
	 * UUID. The number belongs to it as cupsd takes a job-uuid from clients: a
	 * stranger may name another job's. */
	char name[64];
	time_t created; /* the job's creation; now where cupsd does not tell */
};

struct job_identity job_identity(
    const struct job *j, const struct pairs *options, time_t now);

#endif
