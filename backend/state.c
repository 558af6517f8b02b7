/* state: the folder of what outlives a run (state.h). */
#include "backend/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/priv.h"

enum {
	FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
	OTHERS_WRITE = S_IWGRP | S_IWOTH,
};

/* What a folder is to be. */
struct folder {
	const char *name; /* in the parent; or the absolute path */
	mode_t mode;
	uid_t owner;
	gid_t group;
};

/* What the settings have to say otherwise; the rest is the disk's trouble. */
static enum status
blame(const char *path, const char *name, struct error *e)
{
	if (errno == ENOENT)
		return error_set(e, STATUS_SETTINGS,
		    "%s%s cannot be made, as the folder above it is missing; create it, "
		    "or name another state_dir",
		    path, name);
	if (errno == ELOOP || errno == ENOTDIR)
		return error_set(e, STATUS_SETTINGS,
		    "%s%s is no folder (or a symbolic link); name another state_dir",
		    path, name);
	return error_errno(
	    e, "%s%s, where journals are kept, cannot be used", path, name);
}

/* Opens a folder below `parent`, made first where it is missing. */
static enum status
open_folder(
    int *out, int parent, const struct folder *f, const char *path, struct error *e)
{
	bool made = mkdirat(parent, f->name, f->mode) == 0, ours;
	struct stat st;
	int fd;

	if (!made && errno != EEXIST)
		return blame(path, f->name, e);
	fd = openat(parent, f->name, FOLDER_FLAGS);
	if (fd < 0)
		return blame(path, f->name, e);
	if (fstat(fd, &st) != 0)
		goto broken;
	/* made now; or by another run that has not given it away yet, or never will */
	ours = made || (st.st_uid == geteuid() && st.st_uid != f->owner);
	if (ours &&
	    (fchown(fd, f->owner, f->group) != 0 || fchmod(fd, f->mode) != 0 ||
		fstat(fd, &st) != 0))
		goto broken;
	if (st.st_uid == f->owner && !(st.st_mode & OTHERS_WRITE)) {
		*out = fd;
		return STATUS_OK;
	}
	close(fd);
	return error_set(e, STATUS_SETTINGS,
	    "%s%s belongs to user %u with mode %04o; run: chown %u %s%s; chmod %04o %s%s",
	    path, f->name, (unsigned)st.st_uid, (unsigned)st.st_mode & 07777,
	    (unsigned)f->owner, path, f->name, (unsigned)f->mode, path, f->name);
broken:
	blame(path, f->name, e);
	close(fd);
	return STATUS_RETRY;
}

/* Who owns what: root and the worker; or, in a run by hand, whoever runs it. */
static enum status
find_owners(struct identity *own, struct identity *worker, const struct config *config,
    struct error *e)
{
	*own = (struct identity){ .uid = geteuid(), .gid = getegid() };
	*worker = *own;
	return own->uid == 0 ? priv_lookup(worker, config->user, e) : STATUS_OK;
}

enum status
state_open(struct state *out, const struct config *config, struct error *e)
{
	struct identity own, worker;
	enum status status = find_owners(&own, &worker, config, e);
	struct folder top = { config->state_dir, 0755, own.uid, own.gid };
	struct folder jobs = { "jobs", 0700, own.uid, own.gid };
	struct folder tokens = { "tokens", 0700, own.uid, own.gid };
	struct folder limits = { "limits", 0700, worker.uid, worker.gid };
	struct folder tmp = { "tmp", 0700, worker.uid, worker.gid };
	struct state s = { .jobs = -1, .limits = -1, .tokens = -1 };
	char path[STATE_PATH_MAX / 2];
	int fd = -1, unused = -1;

	if (snprintf(path, sizeof(path), "%s/", config->state_dir) >= (int)sizeof(path))
		return error_set(e, STATUS_SETTINGS, "state_dir has too long a path");
	snprintf(s.tmp, sizeof(s.tmp), "%stmp", path);
	if (status == STATUS_OK)
		status = open_folder(&fd, AT_FDCWD, &top, "", e);
	if (status == STATUS_OK)
		status = open_folder(&s.jobs, fd, &jobs, path, e);
	if (status == STATUS_OK)
		status = open_folder(&s.limits, fd, &limits, path, e);
	if (status == STATUS_OK)
		status = open_folder(&s.tokens, fd, &tokens, path, e);
	if (status == STATUS_OK)
		status = open_folder(&unused, fd, &tmp, path, e);
	if (unused >= 0)
		close(unused);
	if (fd >= 0)
		close(fd);
	if (status == STATUS_OK)
		*out = s;
	else
		state_close(&s);
	return status;
}

void
state_close(struct state *s)
{
	if (s->jobs >= 0)
		close(s->jobs);
	if (s->limits >= 0)
		close(s->limits);
	if (s->tokens >= 0)
		close(s->tokens);
	s->jobs = s->limits = s->tokens = -1;
}
