/* store: the folder of tokens (store.h). */
#include "admin/store.h"

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

static const char folder_name[] = "tokens";

static enum status
blame(const char *state_dir, const char *name, struct error *e)
{
	if (errno == ENOENT)
		return error_set(e, STATUS_SETTINGS,
		    "%s cannot be made, as the folder above it is missing; create it, or "
		    "name another state_dir",
		    state_dir);
	if (errno == ELOOP || errno == ENOTDIR)
		return error_set(e, STATUS_SETTINGS,
		    "%s%s is no folder (or a symbolic link); name another state_dir",
		    state_dir, name);
	return error_errno(e, "%s%s cannot be used", state_dir, name);
}

/* Opens a folder below parent, made first where it is missing. */
static int
open_folder(int parent, const char *name, mode_t mode)
{
	bool made = mkdirat(parent, name, mode) == 0;
	int fd;

	if (!made && errno != EEXIST)
		return -1;
	fd = openat(parent, name, FOLDER_FLAGS);
	if (fd >= 0 && made && fchmod(fd, mode) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Whether it is the caller's, and others have none of these rights. */
static enum status
check_folder(
    int fd, mode_t forbidden, const char *state_dir, const char *name, struct error *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return blame(state_dir, name, e);
	if (st.st_uid == geteuid() && !(st.st_mode & forbidden))
		return STATUS_OK;
	return error_set(e, STATUS_SETTINGS,
	    "%s%s belongs to user %u with mode %04o; run: chown root %s%s; chmod %s "
	    "%s%s",
	    state_dir, name, (unsigned)st.st_uid, (unsigned)st.st_mode & 07777, state_dir,
	    name, forbidden == OTHERS_ANY ? "0700" : "go-w", state_dir, name);
}

enum status
store_open(int *folder, const struct config *config, struct error *e)
{
	const char *path = config->state_dir;
	enum status status;
	int top, fd = -1;

	top = open_folder(AT_FDCWD, path, 0755);
	if (top < 0)
		return blame(path, "", e);
	status = check_folder(top, OTHERS_WRITE, path, "", e);
	if (status != STATUS_OK)
		goto out;
	fd = open_folder(top, folder_name, 0700);
	if (fd < 0)
		status = blame(path, "/tokens", e);
	else
		status = check_folder(fd, OTHERS_ANY, path, "/tokens", e);
out:
	close(top);
	if (status == STATUS_OK)
		*folder = fd;
	else if (fd >= 0)
		close(fd);
	return status;
}
