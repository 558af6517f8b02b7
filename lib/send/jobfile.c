/* jobfile: the files of the jobs' journals (jobfile.h). */
#include "lib/send/jobfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/file.h"
#include "lib/base/moment.h"
#include "lib/base/seal.h"
#include "lib/send/journal.h"
#include "lib/send/progress.h"

enum {
	OPEN_FLAGS = O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY,
	TURNS_MAX = 3,                /* that others may change the folder meanwhile */
	FIRST_MAX = 512,              /* bytes of the first line */
	ROOM = JOBFILE_NAME_MAX + 32, /* bytes of a file's name, with the NUL */
	CONTROL_MAX = 24,             /* bytes of the name of cupsd's file of a job */
	DAY = 24 * 60 * 60,
	PLAUSIBLE = 1767225600, /* 2026-01-01: no right clock is behind it */
};

static const char SWEPT[] = ".swept";

static const char NAME_BYTES[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				 "0123456789-";

/* Where a journal is looked for. */
struct place {
	int folder;
	const char *name;
	const char *job;
	bool set_aside;
};

static bool
is_name(const char *name, size_t max)
{
	size_t len = strspn(name, NAME_BYTES);

	return len > 0 && len < max && name[len] == '\0';
}

/* Moves a file within the folder where nothing has the new name. */
static bool
rename_fresh(int folder, const char *from, const char *to)
{
	if (renameat2(folder, from, folder, to, RENAME_NOREPLACE) == 0)
		return true;
	if (errno != EINVAL && errno != ENOSYS)
		return false;
	/* A file system that cannot promise it: nobody else makes these names. */
	if (faccessat(folder, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		errno = EEXIST;
	return errno == ENOENT && renameat(folder, from, folder, to) == 0;
}

static void
aside_name(char name[ROOM], const struct place *p, int number)
{
	snprintf(name, ROOM, "%s.damaged-%d", p->name, number);
}

/* Gives a damaged journal another name. */
static enum status
set_aside(struct place *p, struct error *e)
{
	char name[ROOM];

	for (int n = 1; n <= JOBFILE_ASIDE_MAX; n++) {
		aside_name(name, p, n);
		if (rename_fresh(p->folder, p->name, name))
			return STATUS_OK;
		if (errno != EEXIST)
			break;
	}
	return error_errno(
	    e, "The damaged journal %s cannot be renamed; see to the disk", p->name);
}

/* Whether the file is what only journal_file() makes, not what somebody put there. */
static enum status
check_file(int fd, const struct place *p, struct error *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return error_errno(e, "The journal %s cannot be examined", p->name);
	if (S_ISREG(st.st_mode) && st.st_uid == geteuid() && st.st_nlink <= 1)
		return STATUS_OK;
	return error_set(e, STATUS_SETTINGS,
	    "The journal %s is no regular file of user %u with one name; remove it from "
	    "the folder of journals",
	    p->name, (unsigned)geteuid());
}

static enum status
lock(int fd, const struct place *p, struct error *e)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return STATUS_OK;
	if (errno != EWOULDBLOCK)
		return error_errno(e, "The journal %s cannot be locked", p->name);
	return error_set(e, STATUS_RETRY,
	    "Another backend works on this job: its journal %s is in use.", p->name);
}

/* Whether the name still stands for the file: before it was locked it may have been set
 * aside, or swept. */
static bool
is_current(int fd, int folder, const char *name)
{
	struct stat mine, named;

	return fstat(fd, &mine) == 0 &&
	    fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	    mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
}

/* Reads the first line; *good is false when it is none. False and errno when the disk
 * fails. */
static bool
read_birth(int fd, struct progress_birth *b, bool *good)
{
	char bytes[FIRST_MAX], *cursor = bytes;
	const char *line;
	ssize_t n = pread(fd, bytes, sizeof(bytes), 0);

	if (n < 0)
		return false;
	*good =
	    seal_next(&cursor, bytes + n, &line) == SEAL_LINE && progress_birth(b, line);
	return true;
}

/* Whether it is a journal of this job; *good is false when it is none at all. */
static enum status
check_birth(int fd, const struct place *p, bool *good, struct error *e)
{
	struct progress_birth b = { .known = false };
	struct stat st;

	if (fstat(fd, &st) != 0)
		return error_errno(e, "The journal %s cannot be examined", p->name);
	*good = false;
	if (st.st_size > JOURNAL_FILE_MAX)
		return STATUS_OK;
	if (!read_birth(fd, &b, good))
		return error_errno(e, "The journal %s cannot be read", p->name);
	if (*good && !b.known)
		return error_set(e, STATUS_HOLD,
		    "The journal %s was written by a newer version of Postroom: install "
		    "that one, then release the job.",
		    p->name);
	if (*good && strcmp(b.job, p->job) != 0)
		return error_set(e, STATUS_HOLD,
		    "The journal %s is that of job %s, not of job %s: cancel the job and "
		    "print it again.",
		    p->name, b.job, p->job);
	return STATUS_OK;
}

/* Opens what is there, locked. *out stays -1 when nothing is, or what was is set aside.
 */
static enum status
find(int *out, struct place *p, struct error *e)
{
	int fd = openat(p->folder, p->name, OPEN_FLAGS);
	enum status status;
	bool good = false;

	if (fd < 0 && errno == ENOENT)
		return STATUS_OK;
	if (fd < 0 && (errno == ELOOP || errno == EISDIR || errno == ENXIO))
		return error_set(e, STATUS_SETTINGS,
		    "The journal %s is no regular file; remove it from the folder of "
		    "journals",
		    p->name);
	if (fd < 0)
		return error_errno(e, "The journal %s cannot be opened", p->name);
	status = check_file(fd, p, e);
	if (status == STATUS_OK)
		status = lock(fd, p, e);
	if (status != STATUS_OK || !is_current(fd, p->folder, p->name))
		goto out;
	status = check_birth(fd, p, &good, e);
	if (status == STATUS_OK && good) {
		*out = fd;
		return STATUS_OK;
	}
	if (status == STATUS_OK)
		status = set_aside(p, e);
out:
	close(fd);
	return status;
}

/* Writes the first lines. A journal of the job that was set aside, by this process or by
 * one that died meanwhile, leaves its doubt to the new one. */
static bool
write_birth(int fd, struct place *p)
{
	struct moment now = moment_now();
	char text[MOMENT_TEXT_MAX], line[FIRST_MAX], aside[ROOM];
	struct buf lines;
	bool good;

	aside_name(aside, p, 1);
	p->set_aside = faccessat(p->folder, aside, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	    errno != ENOENT;
	moment_write(text, &now);
	snprintf(line, sizeof(line), "job 1 %s %s", p->job, text);
	buf_init(&lines, 2 * FIRST_MAX);
	seal_write(&lines, line);
	if (p->set_aside)
		seal_write(&lines, "doubt");
	if (lines.over)
		errno = ENOMEM;
	good = !lines.over && file_write(fd, lines.data, lines.len) && fdatasync(fd) == 0;
	buf_clear(&lines);
	return good;
}

/* Makes the journal under another name first: under its own it is never half written.
 * *out stays -1 when somebody else was quicker. */
static enum status
create(int *out, struct place *p, struct error *e)
{
	char name[ROOM];
	int fd, number;

	snprintf(name, sizeof(name), "%s.new-%ld", p->name, (long)getpid());
	unlinkat(p->folder, name, 0); /* of a dead process that had the same number */
	fd = openat(p->folder, name, OPEN_FLAGS | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return error_errno(e, "The journal %s cannot be made", p->name);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && write_birth(fd, p) &&
	    rename_fresh(p->folder, name, p->name)) {
		*out = fd;
		return STATUS_OK;
	}
	number = errno;
	close(fd);
	unlinkat(p->folder, name, 0);
	errno = number;
	return number == EEXIST
	    ? STATUS_OK
	    : error_errno(e, "The journal %s cannot be written", p->name);
}

enum status
jobfile_open(
    int *out, int folder, const struct jobfile *which, bool *set_aside, struct error *e)
{
	struct place p = { .folder = folder, .name = which->name, .job = which->job };
	enum status status = STATUS_OK;
	int fd = -1;

	if (!is_name(which->name, JOBFILE_NAME_MAX) ||
	    !is_name(which->job, JOURNAL_JOB_MAX))
		return error_set(e, STATUS_SETTINGS,
		    "There can be no journal of job '%.20s' with the name '%.80s': allowed "
		    "are letters, digits and '-'.",
		    which->job, which->name);
	for (int turn = 0; turn < TURNS_MAX && status == STATUS_OK && fd < 0; turn++) {
		status = find(&fd, &p, e);
		if (status == STATUS_OK && fd < 0)
			status = create(&fd, &p, e);
	}
	if (status != STATUS_OK)
		return status;
	if (fd < 0)
		return error_set(e, STATUS_RETRY,
		    "Another backend works on this job: its journal %s changes all the "
		    "time.",
		    which->name);
	/* Also where it was found: who made it may have died before this. */
	if (fsync(folder) != 0) {
		error_errno(
		    e, "The folder of the journal %s cannot be written", which->name);
		close(fd);
		return STATUS_RETRY;
	}
	*out = fd;
	*set_aside = p.set_aside;
	return STATUS_OK;
}

/* -- sweeping ----------------------------------------------------------------------- */

/* A sweep under way. */
struct sweep {
	int folder;
	int64_t wall;
	int spool; /* cupsd's folder of jobs; -1: nobody is asked */
};

/* Whether it is time, and the clock can be believed; notes the time of this sweep. */
static bool
is_time(int folder, int64_t wall)
{
	const struct timespec now = { .tv_sec = (time_t)wall };
	struct stat st = { .st_mtime = 0 }; /* where there was no sweep: long ago */
	int64_t since;
	bool noted;
	int fd;

	if (wall < PLAUSIBLE)
		return false;
	fstatat(folder, SWEPT, &st, AT_SYMLINK_NOFOLLOW);
	since = wall - (int64_t)st.st_mtime;
	if (since >= 0 && since < DAY)
		return false;
	fd = openat(folder, SWEPT, OPEN_FLAGS | O_CREAT, 0600);
	if (fd < 0)
		return false;
	noted = futimens(fd, (const struct timespec[]){ now, now }) == 0;
	close(fd);
	return noted && since >= 0 && since <= (int64_t)JOBFILE_DAYS * DAY;
}

/* A journal, or one of the names that are made from its own. */
static bool
is_ours(const char *name)
{
	size_t len = strspn(name, NAME_BYTES);

	return len > 0 && len < JOBFILE_NAME_MAX &&
	    (name[len] == '\0' || strncmp(name + len, ".damaged-", 9) == 0 ||
		strncmp(name + len, ".new-", 5) == 0);
}

/* The name of cupsd's own file of a job: its number, with five digits or more. */
static bool
control_name(char name[CONTROL_MAX], const char *job)
{
	long number;

	errno = 0;
	number = strtol(job, NULL, 10);
	if (errno || job[strspn(job, "0123456789")])
		return false;
	snprintf(name, CONTROL_MAX, "c%05ld", number);
	return true;
}

/* Whether cupsd still has the job of a journal; also when that cannot be found out. A
 * file that names no job is nobody's. */
static bool
is_wanted(int spool, int fd)
{
	struct progress_birth b = { .known = false };
	char name[CONTROL_MAX];
	bool good;

	if (spool < 0)
		return false;
	if (!read_birth(fd, &b, &good))
		return true;
	if (!good || !b.known || !control_name(name, b.job))
		return false;
	return faccessat(spool, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

/* Removes a file that is old, not in use, and of no job that cupsd has. */
static bool
sweep_one(const struct sweep *s, const char *name)
{
	int fd = openat(s->folder, name, OPEN_FLAGS);
	bool gone = false;
	struct stat st;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    s->wall - (int64_t)st.st_mtime > (int64_t)JOBFILE_DAYS * DAY &&
	    flock(fd, LOCK_EX | LOCK_NB) == 0 && is_current(fd, s->folder, name) &&
	    !is_wanted(s->spool, fd))
		gone = unlinkat(s->folder, name, 0) == 0;
	close(fd);
	return gone;
}

static size_t
sweep_all(const struct sweep *s)
{
	int fd = openat(s->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	size_t count = 0;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while ((entry = readdir(dir)))
		if (is_ours(entry->d_name))
			count += sweep_one(s, entry->d_name);
	closedir(dir);
	return count;
}

size_t
jobfile_sweep(int folder, int64_t wall, const char *request_root)
{
	struct sweep s = { .folder = folder, .wall = wall };
	size_t count = 0;

	if (!is_time(folder, wall))
		return 0;
	s.spool = open(request_root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (!*request_root || s.spool >= 0)
		count = sweep_all(&s);
	if (s.spool >= 0)
		close(s.spool);
	return count;
}
