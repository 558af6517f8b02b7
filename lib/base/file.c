/* file: files whose owner and mode matter (file.h). */
#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	/* A directory is only walked through: O_PATH asks for no right to list it. */
	DIR_FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
	/* O_NONBLOCK: opening a FIFO must not wait for its writer. */
	FILE_FLAGS = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
	OTHERS_WRITE = S_IWGRP | S_IWOTH,
	OTHERS_ANY = S_IRWXG | S_IRWXO,
	SHOWN_MAX = 400, /* bytes of a path in a sentence, so that the rule has room */
};

/* What openat(2) says of the path, not of the system. */
static const struct {
	int number;
	const char *sentence;
} refusals[] = {
	{ ENOENT, "does not exist; create it, or correct the path" },
	{ ELOOP, "is a symbolic link; give the path of the file itself" },
	{ ENOTDIR, "is a symbolic link or no directory; give the path without links" },
	{ EACCES, "may not be opened by this user" },
	{ EPERM, "may not be opened by this user" },
	{ ENXIO, "is no regular file" },
	{ ENODEV, "is no regular file" },
	{ ENAMETOOLONG, "has too long a name" },
};

/* Absolute, and no component empty, "." or "..": each can be opened by its name. */
static bool
is_plain(const char *path)
{
	if (*path != '/' || strlen(path) >= PATH_MAX)
		return false;
	while (*path) {
		size_t len = strcspn(++path, "/");

		if (strncmp(path, "..", len) == 0)
			return false;
		path += len;
	}
	return true;
}

/* Opens the last component of the first len bytes of path, which stands in dir. */
static enum status
open_in(int *out, int dir, const char *path, size_t len, struct error *e)
{
	int fd, shown = len < SHOWN_MAX ? (int)len : SHOWN_MAX;
	bool last = path[len] == '\0';
	char name[PATH_MAX];
	size_t start = len;

	while (path[start - 1] != '/')
		start--;
	snprintf(name, sizeof(name), "%.*s", (int)(len - start), path + start);
	fd = openat(dir, name, last ? FILE_FLAGS : DIR_FLAGS);
	if (fd >= 0) {
		*out = fd;
		return STATUS_OK;
	}
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (errno == refusals[i].number)
			return error_set(e, STATUS_SETTINGS, "%.*s %s", shown, path,
			    refusals[i].sentence);
	return error_errno(e, "%.*s cannot be opened", shown, path);
}

/* The owner, and the bits that nobody else may have; first len bytes of path. */
static enum status
check_access(const struct stat *st, const struct file_rule *rule, mode_t forbidden,
    const char *path, struct error *e)
{
	unsigned mode = st->st_mode & 07777;

	if (st->st_uid != 0 && (rule->root_only || st->st_uid != rule->owner))
		return error_set(e, STATUS_SETTINGS,
		    "%s belongs to user %u; run: chown root %s", path,
		    (unsigned)st->st_uid, path);
	if (st->st_mode & forbidden)
		return error_set(e, STATUS_SETTINGS,
		    "%s is open to other users (mode %04o); run: chmod %s %s", path, mode,
		    forbidden == OTHERS_ANY ? "0600" : "go-w", path);
	return STATUS_OK;
}

static enum status
check_directory(
    int fd, const char *path, size_t len, const struct file_rule *rule, struct error *e)
{
	mode_t forbidden = OTHERS_WRITE;
	char name[PATH_MAX];
	struct stat st;

	snprintf(name, sizeof(name), "%.*s", len ? (int)len : 1, path);
	if (fstat(fd, &st) != 0)
		return error_errno(e, "%s cannot be examined", name);
	if (st.st_mode & S_ISVTX) /* others may add names there, not change ours */
		forbidden = 0;
	return check_access(&st, rule, forbidden, name, e);
}

static enum status
check_file(int fd, const char *path, const struct file_rule *rule, struct error *e)
{
	struct stat st;
	enum status status;

	if (fstat(fd, &st) != 0)
		return error_errno(e, "%s cannot be examined", path);
	if (!S_ISREG(st.st_mode))
		return error_set(e, STATUS_SETTINGS, "%s is no regular file", path);
	status =
	    check_access(&st, rule, rule->root_only ? OTHERS_ANY : OTHERS_WRITE, path, e);
	if (status != STATUS_OK)
		return status;
	if (rule->root_only && st.st_nlink != 1)
		return error_set(e, STATUS_SETTINGS,
		    "%s has a second name (hard link) in the file system; write the file "
		    "anew",
		    path);
	if ((uintmax_t)st.st_size < rule->min || (uintmax_t)st.st_size > rule->max)
		return error_set(e, STATUS_SETTINGS,
		    "%s has %jd bytes; allowed: %zu to %zu", path, (intmax_t)st.st_size,
		    rule->min, rule->max);
	return STATUS_OK;
}

enum status
file_open(int *out, const char *path, const struct file_rule *rule, struct error *e)
{
	enum status status = STATUS_OK;
	size_t len = 0; /* of the part of path that fd stands for */
	int fd, next;

	if (!is_plain(path))
		return error_set(e, STATUS_SETTINGS,
		    "'%.*s' is no absolute path of a file; allowed: a path from / on, "
		    "without '.', '..' and '//'",
		    SHOWN_MAX, path);
	fd = open("/", DIR_FLAGS);
	if (fd < 0)
		return error_errno(e, "/ cannot be opened");
	while (path[len]) {
		status = check_directory(fd, path, len, rule, e);
		if (status != STATUS_OK)
			goto out;
		len += 1 + strcspn(path + len + 1, "/");
		status = open_in(&next, fd, path, len, e);
		if (status != STATUS_OK)
			goto out;
		close(fd);
		fd = next;
	}
	status = check_file(fd, path, rule, e);
	if (status == STATUS_OK) {
		*out = fd;
		return STATUS_OK;
	}
out:
	close(fd);
	return status;
}

/* read(2) over signals. */
static ssize_t
read_some(int fd, void *bytes, size_t len)
{
	ssize_t n;

	do
		n = read(fd, bytes, len);
	while (n < 0 && errno == EINTR);
	return n;
}

enum status
file_read(int fd, void *bytes, size_t *len, const char *path, struct error *e)
{
	size_t have = 0, max = *len;
	char beyond;
	ssize_t n;

	do {
		n = have < max ? read_some(fd, (char *)bytes + have, max - have)
			       : read_some(fd, &beyond, 1);
		if (n < 0)
			return error_errno(e, "%s cannot be read", path);
		if (n > 0 && have == max)
			return error_set(e, STATUS_SETTINGS,
			    "%s has more than %zu bytes, which is all that is allowed",
			    path, max);
		have += (size_t)n;
	} while (n > 0);
	*len = have;
	return STATUS_OK;
}

bool
file_read_at(int fd, void *bytes, size_t len, off_t offset)
{
	unsigned char *next = bytes;

	while (len > 0) {
		ssize_t n = pread(fd, next, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO;
		if (n <= 0)
			return false;
		next += n;
		offset += n;
		len -= (size_t)n;
	}
	return true;
}

int
file_scratch(const char *dir)
{
	static const char name[] = "/postroom-XXXXXX";
	char path[PATH_MAX];
	int fd, len;

	/* O_EXCL: the file can never be given a name. */
	fd = open(dir, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd;
	/* A file system without nameless files. */
	len = snprintf(path, sizeof(path), "%s%s", dir, name);
	if ((size_t)len >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

bool
file_write(int fd, const void *bytes, size_t len)
{
	const char *next = bytes;

	while (len > 0) {
		ssize_t n = write(fd, next, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (n == 0)
				errno = EIO;
			return false;
		}
		next += n;
		len -= (size_t)n;
	}
	return true;
}
