/*
 * worker: the part of the backend that touches a stranger's bytes and the network. It has
 * given up root before it reads the first of them.
 */
#ifndef POSTROOM_WORKER_H
#define POSTROOM_WORKER_H

#include "backend/documents.h"
#include "backend/job.h"
#include "lib/base/status.h"
#include "lib/account/config.h"

struct worker {
	const struct config *config;
	const struct job *job;
	struct intake intake;
	int limits;      /* the folder of limits (state.h) */
	const char *tmp; /* the worker's folder for what it makes of documents */
	int channel;     /* to the supervisor */
};

/* Delivers the job: documents, route, message, submission. STATUS_OK: the server took it,
 * or there was nothing to send. The sentence says which, also on success. */
enum status worker_deliver(const struct worker *w, struct error *e);

#endif
