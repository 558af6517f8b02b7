/* switching: changes keys of one account in the settings file (switching.h). */
#include "admin/switching.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "admin/store.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/account/endpoint.h"

enum {
	FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
	/* O_NONBLOCK: opening a FIFO must not wait for its writer */
	LOCK_FLAGS = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
	OTHERS = S_IRWXG | S_IRWXO,
	POLL_MS = 50, /* between two tries of the lock */
	NEW_FLAGS = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	MODE_BITS = 07777,
};

/* One change of the file. */
struct work {
	const struct switching *s;
	struct stat before; /* of the file, as it was read */
	struct buf old, new;
	struct config *config; /* what the new text says */
};

static void
work_init(struct work *w, const struct switching *s)
{
	*w = (struct work){ .s = s };
	buf_init(&w->old, SETTINGS_FILE_MAX);
	buf_init(&w->new, SETTINGS_FILE_MAX);
}

static void
work_clear(struct work *w)
{
	buf_clear(&w->old);
	buf_clear(&w->new);
	config_free(w->config);
}

static enum status
read_file(struct work *w, struct error *e)
{
	const struct file_rule rule = { .owner = geteuid(), .max = SETTINGS_FILE_MAX };
	size_t len = SETTINGS_FILE_MAX;
	enum status status;
	char *bytes;
	int fd;

	status = file_open(&fd, w->s->path, &rule, e);
	if (status != STATUS_OK)
		return status;
	bytes = malloc(SETTINGS_FILE_MAX);
	if (!bytes || fstat(fd, &w->before) != 0)
		status = error_errno(e, "%s cannot be read", w->s->path);
	if (status == STATUS_OK)
		status = file_read(fd, bytes, &len, w->s->path, e);
	if (status == STATUS_OK && !buf_add(&w->old, bytes, len))
		status = error_set(e, STATUS_RETRY, "%s: out of memory", w->s->path);
	free(bytes);
	close(fd);
	return status;
}

/* Whether the account is the one that was tried. */
static bool
is_as_tried(const struct work *w)
{
	const struct account *a = config_account(w->config, w->s->account);

	return a && (w->s->identity == 0 || endpoint_identity(a) == w->s->identity);
}

/* Reads the file, makes the new text, and reads that as the backend will. */
static enum status
prepare(struct work *w, struct error *e)
{
	const struct amend_section section = { "account", w->s->account };
	enum status status = read_file(w, e);

	if (status == STATUS_OK)
		status = amend_text(&w->new, &w->old, &section, w->s->changes, e);
	if (status == STATUS_OK)
		status = config_parse(
		    &w->config, buf_text(&w->new), w->new.len, w->s->path, e);
	if (status == STATUS_OK && !is_as_tried(w))
		status = error_set(e, STATUS_RETRY,
		    "%s was changed by somebody meanwhile; run it again", w->s->path);
	return status;
}

/* Where the file stands: its folder, opened, and its name there. */
static enum status
open_folder(int *out, const char **name, const char *path, struct error *e)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];

	if (!slash || (size_t)(slash - path) >= sizeof(folder))
		return error_set(e, STATUS_SETTINGS, "%s is no absolute path", path);
	snprintf(
	    folder, sizeof(folder), "%.*s", (int)(slash - path) + (slash == path), path);
	/* no link can come between: file_open() found all folders to be root's */
	*out = open(folder, FOLDER_FLAGS);
	if (*out < 0)
		return error_errno(e, "%s cannot be opened", folder);
	*name = slash + 1;
	return STATUS_OK;
}

/* Writes the new text under a name of its own, with the owner and mode of the old. */
static bool
write_new(const struct work *w, int folder, const char *name)
{
	bool good;
	int fd;

	unlinkat(folder, name, 0); /* what a run that died has left; the lock is held */
	fd = openat(folder, name, NEW_FLAGS, 0600);
	if (fd < 0)
		return false;
	good = file_write(fd, buf_text(&w->new), w->new.len) &&
	    fchown(fd, w->before.st_uid, w->before.st_gid) == 0 &&
	    fchmod(fd, w->before.st_mode & MODE_BITS) == 0 && fsync(fd) == 0;
	return close(fd) == 0 && good;
}

static bool
is_unchanged(const struct work *w, int folder, const char *name)
{
	struct stat now;

	return fstatat(folder, name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	    now.st_ino == w->before.st_ino && now.st_dev == w->before.st_dev &&
	    now.st_size == w->before.st_size &&
	    now.st_mtim.tv_sec == w->before.st_mtim.tv_sec &&
	    now.st_mtim.tv_nsec == w->before.st_mtim.tv_nsec;
}

/* Puts the new text in the old one's place. */
static enum status
replace(const struct work *w, int folder, const char *name, struct error *e)
{
	const char *path = w->s->path;
	char new[NAME_MAX + 1];

	if (snprintf(new, sizeof(new), "%s.new", name) >= (int)sizeof(new))
		return error_set(e, STATUS_SETTINGS, "%s has too long a name", path);
	if (!write_new(w, folder, new)) {
		error_errno(e, "%s.new cannot be written", path);
		goto out;
	}
	if (!is_unchanged(w, folder, name)) {
		error_set(e, STATUS_RETRY,
		    "%s was changed by somebody meanwhile; run it again", path);
		goto out;
	}
	if (renameat(folder, new, folder, name) != 0) {
		error_errno(e, "%s cannot be replaced", path);
		goto out;
	}
	return fsync(folder) == 0
	    ? STATUS_OK
	    : error_errno(e, "%s was changed, but it is not sure to stay so", path);
out:
	unlinkat(folder, new, 0);
	return STATUS_RETRY;
}

enum status
switching_plan(struct config **out, const struct switching *s, struct error *e)
{
	enum status status;
	struct work w;

	work_init(&w, s);
	status = prepare(&w, e);
	if (status == STATUS_OK) {
		*out = w.config;
		w.config = NULL;
	}
	work_clear(&w);
	return status;
}

/* -- the lock ---------------------------------------------------------------------- */

/* Takes the lock of an open file within the patience. */
static bool
wait_for(int fd)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000 };
	int64_t end = clock_ms() + SWITCHING_PATIENCE * 1000;

	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK || clock_ms() >= end)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

/* Takes the lock; to be closed. Its file stays: who would remove it made it two. */
static enum status
lock(int *out, const struct switching *s, struct error *e)
{
	int folder = -1, fd;
	enum status status = store_open(&folder, s->config, e);
	struct stat st;

	if (status != STATUS_OK)
		return status;
	fd = openat(folder, SWITCHING_LOCK, LOCK_FLAGS, 0600);
	close(folder);
	if (fd < 0 || fstat(fd, &st) != 0)
		status = error_errno(e, "%s/tokens/" SWITCHING_LOCK " cannot be opened",
		    s->config->state_dir);
	else if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_mode & OTHERS)
		status = error_set(e, STATUS_SETTINGS,
		    "%s/tokens/" SWITCHING_LOCK
		    " is no file of user %u alone (mode 0600); "
		    "remove it",
		    s->config->state_dir, (unsigned)geteuid());
	else if (!wait_for(fd))
		status = error_set(e, STATUS_RETRY,
		    "another command changes %s all the time; run it again", s->path);
	if (status == STATUS_OK)
		*out = fd;
	else if (fd >= 0)
		close(fd);
	return status;
}

enum status
switching_apply(const struct switching *s, struct error *e)
{
	const char *name = NULL;
	int folder = -1, held = -1;
	enum status status;
	struct work w;

	work_init(&w, s);
	status = open_folder(&folder, &name, s->path, e);
	if (status == STATUS_OK)
		status = lock(&held, s, e);
	if (status == STATUS_OK)
		status = prepare(&w, e);
	if (status == STATUS_OK)
		status = replace(&w, folder, name, e);
	if (folder >= 0)
		close(folder);
	if (held >= 0)
		close(held);
	work_clear(&w);
	return status;
}
