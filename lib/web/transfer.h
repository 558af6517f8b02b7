/*
 * transfer: a transfer of libcurl's, driven to its end, or until it is given up or told
 * to stop (libcurl-multi(3)).
 */
#ifndef POSTROOM_TRANSFER_H
#define POSTROOM_TRANSFER_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/web/distrust.h"

/* The handles are the caller's, and so is what is set in them. */
struct transfer {
	CURLM *multi;
	CURL *easy;
	int stop;      /* a descriptor; when it turns readable the work is to be stopped;
			  -1: none */
	bool stopping; /* it has turned readable */
	int64_t stopping_since; /* clock_seconds() */
};

/* Whether `stop` has turned readable: then `stopping` is set, once. */
void transfer_look_at_stop(struct transfer *t);

/* Runs it until libcurl says how it ended. given_up() is asked before the first byte and
 * once a second at least, where `stop` was just looked at; when it is true, the end is
 * CURLE_OPERATION_TIMEDOUT. CURLE_FAILED_INIT: libcurl could not begin. */
CURLcode transfer_run(struct transfer *t, bool (*given_up)(void *context), void *context);

/* Whether the server's certificate was refused for a time that this machine's clock is
 * wrong about; with a sentence then (distrust.h). */
bool transfer_blames_clock(
    char sentence[DISTRUST_ROOM], const struct transfer *t, CURLcode code);

#endif
