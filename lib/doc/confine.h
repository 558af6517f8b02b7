/*
 * confine: a function, or another program, run on a hostile document in a child process
 * with limits.
 *
 * The child has no descriptor but those it is given, lowered limits on memory, CPU time
 * and file size, no core file, every signal as it was at birth, and dies with its parent.
 * What it writes into `report` is all that is believed of it. What it has of its parent's
 * memory holds no remains of secrets (hidden.h).
 */
#ifndef POSTROOM_CONFINE_H
#define POSTROOM_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/status.h"
#include "lib/doc/pdfsplit.h"

enum {
	CONFINE_REPORT_MAX = 4096, /* bytes: what a pipe takes whole or not at all */
};

struct confinement {
	uint64_t memory;   /* bytes of address space; of a function: beyond what is mapped
			      already */
	unsigned seconds;  /* of CPU */
	unsigned patience; /* seconds by the clock: then it is killed */
	uint64_t output;   /* bytes that it may write into a file */
	int input, result; /* descriptors that it keeps; or -1. A program gets them as
			      standard input and output */
	int stop; /* a descriptor: when it turns readable the child is killed; -1: none.
		     Always to be set: 0 is a descriptor, too */
	const char *tmpdir; /* a program's TMPDIR, all of its environment; or NULL */
};

/* A function, and the report (size bytes, CONFINE_REPORT_MAX at most) that it leaves. */
struct confined {
	void (*work)(void *context, void *report);
	void *context, *report;
	size_t size;
};

/* Runs it in a child; its report comes back. STATUS_INVALID: it crashed or passed a
 * limit: the document is damaged or made to harm; e says which. STATUS_RETRY: the system
 * failed, or it was killed for want of patience. STATUS_CANCELLED: `stop` turned
 * readable; the child is gone. report is untouched on failure. */
enum status confine_call(
    const struct confinement *c, const struct confined *call, struct error *e);

/* Runs a program (an absolute path; arguments, its own name first, end with NULL),
 * standard error to /dev/null. STATUS_INVALID also when it ends with anything but 0;
 * STATUS_SETTINGS: it is not installed. */
enum status confine_program(const struct confinement *c, const char *path,
    const char *const arguments[], struct error *e);

/* The bytes of a document for work() to read, mapped and not copied; NULL and errno. For
 * the caller itself they are taboo: a file that shrinks meanwhile would kill it. */
const char *confine_map(int fd, const struct span *span);
void confine_unmap(const char *bytes, const struct span *span);

/* Whether the disk has room for so many more bytes of a file, to tell a full disk from a
 * bad document: libqpdf and Ghostscript both end well over a file that was cut short.
 * False and errno. */
bool confine_has_room(int fd, off_t bytes);

#endif
