/* folder: folders whose owner and mode matter (folder.h). */
#include "lib/base/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
	OTHERS_WRITE = S_IWGRP | S_IWOTH,
	OTHERS_ANY = S_IRWXG | S_IRWXO,
};

/* What the settings have to say otherwise; the rest is the disk's trouble. */
static enum status
blame(const struct folder *f, struct error *e)
{
	const char *remedy = f->remedy ? f->remedy : "name another state_dir";

	if (errno == ENOENT)
		return error_set(e, STATUS_SETTINGS,
		    "%s%s cannot be made, as the folder above it is missing; create it, "
		    "or %s",
		    f->path, f->name, remedy);
	if (errno == ELOOP || errno == ENOTDIR)
		return error_set(e, STATUS_SETTINGS,
		    "%s%s is no folder (or a symbolic link); %s", f->path, f->name,
		    remedy);
	return error_errno(e, "the folder %s%s cannot be used", f->path, f->name);
}

static bool
is_right(const struct folder *f, const struct stat *st)
{
	mode_t forbidden = f->mode & OTHERS_ANY ? OTHERS_WRITE : OTHERS_ANY;

	return st->st_uid == f->owner && !(st->st_mode & forbidden);
}

enum status
folder_open(int *out, int parent, const struct folder *f, struct error *e)
{
	bool made = mkdirat(parent, f->name, f->mode) == 0, ours;
	enum status status;
	struct stat st;
	int fd;

	if (!made && errno != EEXIST)
		return blame(f, e);
	fd = openat(parent, f->name, FOLDER_FLAGS);
	if (fd < 0)
		return blame(f, e);
	if (fstat(fd, &st) != 0)
		goto broken;
	/* made now; or by another run that has not given it away yet, or never will */
	ours = made || (st.st_uid == geteuid() && st.st_uid != f->owner);
	if (ours &&
	    (fchown(fd, f->owner, f->group) != 0 || fchmod(fd, f->mode) != 0 ||
		fstat(fd, &st) != 0))
		goto broken;
	if (is_right(f, &st)) {
		*out = fd;
		return STATUS_OK;
	}
	close(fd);
	return error_set(e, STATUS_SETTINGS,
	    "%s%s belongs to user %u with mode %04o; run: chown %u %s%s; chmod %04o %s%s",
	    f->path, f->name, (unsigned)st.st_uid, (unsigned)st.st_mode & 07777,
	    (unsigned)f->owner, f->path, f->name, (unsigned)f->mode, f->path, f->name);
broken:
	status = blame(f, e);
	close(fd);
	return status;
}
