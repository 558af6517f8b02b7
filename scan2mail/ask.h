/*
 * ask: the question between two pages on the glass, or two stacks, on the terminal.
 */
#ifndef POSTROOM_ASK_H
#define POSTROOM_ASK_H

#include "scan2mail/scan.h"

struct ask {
	int in;     /* where the answer is typed */
	int out;    /* where the question goes */
	int source; /* enum scan_source: where the next page is expected */
};

/* For struct scan_job; context is a struct ask. Enter goes on; "q", the end of the input
 * and SIGHUP end it. STATUS_CANCELLED: another signal came (Ctrl-C); STATUS_RETRY: the
 * terminal failed. */
enum status ask_person(
    void *context, const struct scan_question *q, bool *go, struct error *e);

#endif
