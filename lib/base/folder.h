/*
 * folder: opening folders whose owner and mode matter, and making those that are missing.
 */
#ifndef POSTROOM_FOLDER_H
#define POSTROOM_FOLDER_H

#include <sys/types.h>

#include "lib/base/status.h"

/* What a folder is to be. */
struct folder {
	const char *name; /* in the parent; or an absolute path */
	const char *path; /* for the sentences: what stands before the name; "" */
	mode_t mode;      /* that it is made with; others never may write there, and with
			     0700 not read either */
	uid_t owner;
	gid_t group;
	const char *remedy; /* what else helps; NULL: "name another state_dir" */
};

/* Opens a folder below `parent` (AT_FDCWD with an absolute name), made first where it is
 * missing; one that another run has made and not given away yet is given away. Symbolic
 * links are not followed. Stores a descriptor that the caller closes. STATUS_SETTINGS: it
 * cannot be made where it is to be, is a link or no folder, or has another owner or mode;
 * STATUS_RETRY: the disk is full or fails. */
enum status folder_open(int *out, int parent, const struct folder *f, struct error *e);

#endif
