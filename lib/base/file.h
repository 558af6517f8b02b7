/*
 * file: opening and reading files whose owner and mode matter.
 *
 * The checks are made on open descriptors, never on paths, so that nothing can be swapped
 * between the check and the use. No component of the path may be a symbolic link.
 */
#ifndef POSTROOM_FILE_H
#define POSTROOM_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/status.h"

struct file_rule {
	bool
	    root_only; /* owner root, no permission bits for group and others, one link */
	uid_t owner;   /* without root_only: owner is root or this user; not writable by
			  others */
	size_t min, max; /* bytes */
};

/* Opens an absolute path for reading, component by component with O_NOFOLLOW; each
 * directory must belong to root (without root_only: or to `owner`) and not be writable by
 * group or others, unless it is sticky. Stores a descriptor (close-on-exec) that the
 * caller closes. STATUS_SETTINGS: a rule is broken or the file is missing; the text names
 * path and rule. STATUS_RETRY: the system failed (descriptors, memory, I/O). */
enum status file_open(
    int *out, const char *path, const struct file_rule *rule, struct error *e);

/* Reads all that the descriptor gives into bytes, which has room for *len of them; stores
 * their number in *len. STATUS_SETTINGS when there are more, STATUS_RETRY when reading
 * fails; path is for the sentence. */
enum status file_read(
    int fd, void *bytes, size_t *len, const char *path, struct error *e);

/* Reads all len bytes from offset on, over signals and short reads. False and errno; EIO
 * when the file ends before. */
bool file_read_at(int fd, void *bytes, size_t len, off_t offset);

/* Creates a nameless file in dir for reading and writing by this process alone; -1 and
 * errno. */
int file_scratch(const char *dir);

/* Writes all len bytes, also over signals and short writes. False and errno on failure.
 */
bool file_write(int fd, const void *bytes, size_t len);

#endif
