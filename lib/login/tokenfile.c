/* tokenfile: the file of an account's tokens, and its lock (tokenfile.h). */
#include "lib/login/tokenfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"

enum {
	/* O_NONBLOCK: opening a FIFO must not wait for its writer. */
	GUARD_FLAGS = O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
	NEW_FLAGS = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	OTHERS = S_IRWXG | S_IRWXO,
	ROOM = TOKENFILE_ROOM + 32, /* bytes of a file's name, with the NUL */
	POLL_MS = 50,               /* between two tries of the lock */
	TURNS_MAX = 3, /* that somebody may take the lock's file away meanwhile */
};

static const char LOCK[] = ".lock", NEW[] = ".new-";

enum status
tokenfile_init(struct tokenfile *f, int folder, const char *account, struct error *e)
{
	if (value_check_name(account, NULL) != STATUS_OK)
		return error_set(e, STATUS_SETTINGS,
		    "an account that signs in with tokens cannot be called '%.100s'; give "
		    "it a short name without a dot",
		    account);
	*f = (struct tokenfile){
		.folder = folder, .lock = -1, .made = -1, .account = account
	};
	snprintf(f->name, sizeof(f->name), "%s", account);
	for (char *c = f->name; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return STATUS_OK;
}

/* -- the file ---------------------------------------------------------------------- */

static enum status
not_ours(const char *name, struct error *e)
{
	return error_set(e, STATUS_SETTINGS,
	    "%s in the folder of tokens is no file of user %u alone (mode 0600, one name); "
	    "remove it",
	    name, (unsigned)geteuid());
}

/* Opens a file of the folder that is this user's alone; -1 where there is none. */
static enum status
open_guarded(
    int *out, const struct tokenfile *f, const char *name, int flags, struct error *e)
{
	struct stat st;
	int fd = openat(f->folder, name, GUARD_FLAGS | flags, 0600);

	if (fd < 0 && errno == ENOENT) {
		*out = -1;
		return STATUS_OK;
	}
	if (fd < 0 && (errno == ELOOP || errno == EISDIR || errno == ENXIO))
		return not_ours(name, e);
	if (fd < 0)
		return error_errno(
		    e, "%s in the folder of tokens cannot be opened", name);
	/* No name at all: it was renamed over since, and is whole all the same. */
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    !(st.st_mode & OTHERS) && st.st_nlink <= 1) {
		*out = fd;
		return STATUS_OK;
	}
	close(fd);
	return not_ours(name, e);
}

enum status
tokenfile_read(
    struct tokens *out, bool *damaged, const struct tokenfile *f, struct error *e)
{
	char bytes[TOKENS_MAX];
	size_t len = sizeof(bytes);
	enum status status;
	struct stat st;
	int fd = -1;

	tokens_wipe(out);
	*damaged = false;
	status = open_guarded(&fd, f, f->name, O_RDONLY, e);
	if (status != STATUS_OK || fd < 0)
		return status;
	if (fstat(fd, &st) != 0)
		status = error_errno(e, "%s cannot be examined", f->name);
	else if (st.st_size > (off_t)sizeof(bytes))
		*damaged = true;
	else if ((status = file_read(fd, bytes, &len, f->name, e)) == STATUS_OK)
		*damaged = !tokens_read(out, bytes, len);
	close(fd);
	explicit_bzero(bytes, sizeof(bytes));
	return status;
}

/* Removes what was left in the making. The lock is held: nobody else makes any. */
static void
remove_leftovers(const struct tokenfile *f)
{
	int fd = openat(f->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	size_t own = strlen(f->name), mark = sizeof(NEW) - 1;
	const struct dirent *entry;

	if (!dir && fd >= 0)
		close(fd);
	while (dir && (entry = readdir(dir)))
		if (strncmp(entry->d_name, f->name, own) == 0 &&
		    strncmp(entry->d_name + own, NEW, mark) == 0)
			unlinkat(f->folder, entry->d_name, 0);
	if (dir)
		closedir(dir);
}

/* The new file's name. */
static void
name_new(char name[ROOM], const struct tokenfile *f)
{
	snprintf(name, ROOM, "%s%s%ld", f->name, NEW, (long)getpid());
}

static bool
make_new(struct tokenfile *f)
{
	char name[ROOM];

	remove_leftovers(f);
	name_new(name, f);
	f->made = openat(f->folder, name, NEW_FLAGS, 0600);
	return f->made >= 0;
}

/* Removes the new file; errno stays. */
static void
drop_new(struct tokenfile *f)
{
	char name[ROOM];
	int number = errno;

	name_new(name, f);
	if (f->made >= 0)
		close(f->made);
	f->made = -1;
	unlinkat(f->folder, name, 0);
	errno = number;
}

enum status
tokenfile_reserve(struct tokenfile *f, struct error *e)
{
	int number = 0;

	if (f->made >= 0)
		return STATUS_OK;
	if (make_new(f) && (number = posix_fallocate(f->made, 0, TOKENS_MAX)) == 0 &&
	    fsync(f->made) == 0)
		return STATUS_OK;
	if (number)
		errno = number;
	drop_new(f);
	return error_errno(e,
	    "No tokens are asked for, as those of account %s could not be written",
	    f->account);
}

/* Fills the new file, durably, and closes it. */
static bool
fill_new(struct tokenfile *f, const struct buf *text)
{
	int number, fd;
	bool good;

	if (f->made < 0 && !make_new(f))
		return false;
	fd = f->made;
	f->made = -1;
	good = file_write(fd, text->data, text->len) &&
	    ftruncate(fd, (off_t)text->len) == 0 && fsync(fd) == 0;
	number = errno;
	if (close(fd) != 0 && good) { /* NFS tells here that the disk is full */
		good = false;
		number = errno;
	}
	errno = number;
	return good;
}

/* Puts the tokens where the old ones are. */
static enum status
replace(struct tokenfile *f, const struct buf *text, struct error *e)
{
	char name[ROOM];

	name_new(name, f);
	if (!fill_new(f, text) || renameat(f->folder, name, f->folder, f->name) != 0) {
		drop_new(f);
		if (errno == EISDIR)
			return not_ours(f->name, e);
		return error_errno(
		    e, "The tokens of account %s cannot be written", f->account);
	}
	/* From here on everybody finds the new ones. */
	if (fsync(f->folder) != 0)
		return error_errno(e,
		    "The new tokens of account %s are written, but a power failure may "
		    "bring the old ones back",
		    f->account);
	return STATUS_OK;
}

enum status
tokenfile_write(struct tokenfile *f, const struct tokens *t, struct error *e)
{
	static const char zeros[TOKENS_MAX];
	enum status status;
	struct buf text;

	/* All its memory at once: a buffer that moves leaves copies of tokens behind. */
	buf_init(&text, TOKENS_MAX);
	if (!buf_add(&text, zeros, sizeof(zeros)))
		return error_set(e, STATUS_RETRY, "out of memory");
	buf_reset(&text);
	if (tokens_write(&text, t))
		status = replace(f, &text, e);
	else
		status = error_set(e, STATUS_INVALID,
		    "What came for account %s are no tokens", f->account);
	explicit_bzero(text.data, text.size);
	buf_clear(&text);
	return status;
}

/* -- the lock ---------------------------------------------------------------------- */

/* Whether the lock's name still stands for the file: who removed it made it two. */
static bool
is_current(const struct tokenfile *f, int fd, const char *name)
{
	struct stat mine, named;

	return fstat(fd, &mine) == 0 &&
	    fstatat(f->folder, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	    mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
}

enum status
tokenfile_try(struct tokenfile *f, struct error *e)
{
	char name[ROOM];
	int fd = -1;

	snprintf(name, sizeof(name), "%s%s", f->name, LOCK);
	for (int turn = 0; turn < TURNS_MAX && f->lock < 0; turn++) {
		enum status status = open_guarded(&fd, f, name, O_RDWR | O_CREAT, e);

		if (status != STATUS_OK)
			return status;
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0) {
			int number = fd < 0 ? ENOENT : errno;

			if (fd >= 0)
				close(fd);
			errno = number;
			return number == EWOULDBLOCK
			    ? STATUS_OK
			    : error_errno(e, "%s cannot be locked", name);
		}
		if (is_current(f, fd, name))
			f->lock = fd;
		else
			close(fd);
	}
	return STATUS_OK;
}

enum status
tokenfile_lock(struct tokenfile *f, unsigned seconds, struct error *e)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	int64_t end = clock_ms() + (int64_t)seconds * 1000;
	enum status status;

	while ((status = tokenfile_try(f, e)) == STATUS_OK && f->lock < 0) {
		if (clock_ms() >= end)
			return error_set(e, STATUS_RETRY,
			    "Somebody else is asking for tokens of account %s; try again "
			    "in a minute",
			    f->account);
		nanosleep(&pause, NULL);
	}
	return status;
}

void
tokenfile_unlock(struct tokenfile *f)
{
	if (f->made >= 0)
		drop_new(f);
	if (f->lock < 0)
		return;
	/* Not by closing alone: a child that was forked meanwhile has a copy. */
	flock(f->lock, LOCK_UN);
	close(f->lock);
	f->lock = -1;
}
