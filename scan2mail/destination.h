/*
 * destination: where the PDF goes, seen from the scanning side: a queue (queue.h) or a
 * file (output.h).
 */
#ifndef POSTROOM_DESTINATION_H
#define POSTROOM_DESTINATION_H

#include <stdbool.h>

#include "lib/base/status.h"
#include "lib/doc/sink.h"

enum {
	DESTINATION_NOTE_MAX = 256, /* bytes */
};

struct destination {
	struct sink sink;
	/* The PDF is whole: makes it count. This is the point after which nothing is
	 * taken back. */
	enum status (*commit)(void *context, struct error *e);
	/* Frees all; without a commit before, nothing is left behind where the
	 * destination can take it back. */
	void (*close)(void *context);
	/* After a commit that failed: all is kept in a file that the sentence names. */
	bool kept;
	char note[DESTINATION_NOTE_MAX]; /* after commit: "queue mail, job 12" */
};

#endif
