/*
 * fault: what a scanner's status means to a person.
 *
 * In few words, for the subject of a mail ("paper jam"), and in a sentence for the
 * terminal and the log: what happened, to what, what to do.
 */
#ifndef POSTROOM_FAULT_H
#define POSTROOM_FAULT_H

#include <stdbool.h>

#include <sane/sane.h>

enum {
	/* Not in every sane.h; some drivers have them. */
	FAULT_WARMING_UP = 12,
	FAULT_HW_LOCKED = 13,
};

/* What was being done: the same status does not always mean the same. */
enum fault_place {
	FAULT_OPENING,
	FAULT_FEEDER, /* at the start of a sheet */
	FAULT_GLASS,
	FAULT_MIDWAY, /* within a page, whose beginning has come */
	FAULT_PLACES
};

struct fault {
	const char *words;
	const char *sentence;
};

/* Never NULL: a status that nobody knows has a text too. */
const struct fault *fault_of(SANE_Status status, enum fault_place place);

/* Whether it is worth trying again in a while (SANE 4.3.7), and why, in a sentence. */
bool fault_passes(SANE_Status status, const char **why);

#endif
