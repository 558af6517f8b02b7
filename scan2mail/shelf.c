/* shelf: where scans are kept (shelf.h). */
#include "scan2mail/shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "scan2mail/interrupt.h"
#include "scan2mail/statedir.h"

enum {
	STEM_SIZE = 64, /* of a NAME of ours, with the NUL */
	NUMBERS = 1000, /* scans of one second */
};

static const char FOLDER[] = "scans";

/* What a PDF's name ends in; those after the first while it is being sent. */
static const char *const endings[] = { ".pdf", ".sending", ".again" };
enum { ENDINGS = sizeof(endings) / sizeof(endings[0]) };

enum status
shelf_open(struct shelf *out, struct error *e)
{
	struct shelf s = { .folder = -1 };
	enum status status;
	struct buf path;

	buf_init(&path, sizeof(s.path) - 1);
	status = statedir_path(&path, FOLDER, e);
	if (status == STATUS_OK)
		status = statedir_open(&s.folder, FOLDER, e);
	snprintf(s.path, sizeof(s.path), "%s", buf_text(&path));
	buf_clear(&path);
	if (status == STATUS_OK)
		*out = s;
	return status;
}

void
shelf_close(struct shelf *s)
{
	if (*s->path)
		close(s->folder);
	*s = (struct shelf){ .folder = -1 };
}

/* A name in the place, at its end another ending than it has. */
void
shelf_name(char out[NAME_MAX + 1], const char *stem, size_t len, const char *ending)
{
	snprintf(out, NAME_MAX + 1, "%.*s%s", (int)len, stem, ending);
}

enum status
shelf_write_ticket(const struct shelf *s, const char *stem, size_t len,
    const struct ticket *ticket, struct error *e)
{
	enum status status = STATUS_OK;
	char name[NAME_MAX + 1];
	struct buf text;

	shelf_name(name, stem, len, ".job");
	buf_init(&text, TICKET_MAX);
	if (!ticket_write(&text, &ticket->job, ticket->doubt))
		status = error_set(
		    e, STATUS_RETRY, "what its job is to say is too long to be kept");
	else if (!statedir_write(s->folder, name, &text))
		status = error_errno(e, "%s/%s cannot be written", s->path, name);
	buf_clear(&text);
	return status;
}

/* A file that has a name from the start, for a file system without nameless ones. False
 * and errno. */
static bool
make_part(struct shelf_file *out, const struct shelf *s)
{
	int n = snprintf(out->part, sizeof(out->part), "%s/XXXXXX.part", s->path);

	if ((size_t)n >= sizeof(out->part)) {
		errno = ENAMETOOLONG;
		return false;
	}
	/* A round of kept.c, which has the lock too, leaves alone what is locked. */
	flock(s->folder, LOCK_EX);
	out->fd = mkostemps(out->part, (int)strlen(".part"), O_CLOEXEC);
	if (out->fd >= 0)
		flock(out->fd, LOCK_EX | LOCK_NB);
	flock(s->folder, LOCK_UN);
	return out->fd >= 0;
}

enum status
shelf_create(struct shelf_file *out, const struct shelf *s, struct error *e)
{
	out->part[0] = '\0';
	out->fd = openat(s->folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (out->fd >= 0)
		return STATUS_OK;
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
		return error_errno(e, "no file can be made in %s", s->path);
	if (!make_part(out, s)) {
		out->part[0] = '\0';
		return error_errno(e, "no file can be made in %s", s->path);
	}
	interrupt_removes(out->part);
	return STATUS_OK;
}

void
shelf_discard(struct shelf_file *f)
{
	if (*f->part) {
		unlink(f->part);
		interrupt_removes(NULL);
	}
	f->part[0] = '\0';
}

static bool
is_there(const struct shelf *s, const char *stem, size_t len, const char *ending)
{
	char name[NAME_MAX + 1];

	shelf_name(name, stem, len, ending);
	return faccessat(s->folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool
shelf_has_pdf(const struct shelf *s, const char *stem, size_t len)
{
	bool found = false;

	for (size_t i = 0; i < ENDINGS; i++)
		found = found || is_there(s, stem, len, endings[i]);
	return found;
}

/* A NAME that nobody has; the folder is locked. */
static bool
choose_stem(char stem[STEM_SIZE], const struct shelf *s)
{
	time_t now = time(NULL);
	char stamp[STEM_SIZE];
	struct tm when;

	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H-%M-%S", localtime_r(&now, &when));
	for (unsigned i = 0; i < NUMBERS; i++) {
		snprintf(stem, STEM_SIZE, "%.50s-%03u", stamp, i);
		if (!shelf_has_pdf(s, stem, strlen(stem)) &&
		    !is_there(s, stem, strlen(stem), ".job"))
			return true;
	}
	return false;
}

/* Gives the PDF its name: the commit point. */
static enum status
give_name(struct shelf_file *f, const struct shelf *s, const char *name, struct error *e)
{
	char self[64];
	int failure;

	flock(f->fd, LOCK_EX | LOCK_NB); /* for a round of kept.c */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", f->fd);
	failure = *f->part ? renameat(AT_FDCWD, f->part, s->folder, name)
			   : linkat(AT_FDCWD, self, s->folder, name, AT_SYMLINK_FOLLOW);
	if (failure)
		return error_errno(e, "%s/%s cannot be made", s->path, name);
	if (*f->part)
		interrupt_removes(NULL);
	f->part[0] = '\0';
	return STATUS_OK;
}

enum status
shelf_keep(struct shelf_file *f, const struct shelf *s, const struct ticket *ticket,
    char name[NAME_MAX + 1], struct error *e)
{
	char stem[STEM_SIZE], beside[NAME_MAX + 1], pdf[NAME_MAX + 1];
	enum status status;

	if (fsync(f->fd) != 0)
		return error_errno(e, "the PDF cannot be written to the disk");
	flock(s->folder, LOCK_EX); /* without it, two of one second may meet */
	if (choose_stem(stem, s))
		status = shelf_write_ticket(s, stem, strlen(stem), ticket, e);
	else
		status = error_set(e, STATUS_RETRY, "%s is full of scans", s->path);
	if (status == STATUS_OK) {
		shelf_name(pdf, stem, strlen(stem), ".sending");
		status = give_name(f, s, pdf, e);
		shelf_name(beside, stem, strlen(stem), ".job");
		if (status != STATUS_OK)
			unlinkat(s->folder, beside, 0);
	}
	fsync(s->folder);
	flock(s->folder, LOCK_UN);
	if (status == STATUS_OK)
		snprintf(name, NAME_MAX + 1, "%s", pdf);
	return status;
}

/* -- while it is sent -----------------------------------------------------------------*/

/* The place in `endings` of a name's own; ENDINGS: it has none. */
static size_t
find_ending(const char *name)
{
	size_t len = strlen(name), i = 0;

	while (i < ENDINGS &&
	    (len <= strlen(endings[i]) ||
		strcmp(name + len - strlen(endings[i]), endings[i]) != 0))
		i++;
	return i;
}

bool
shelf_is_sending(const char *name)
{
	size_t i = find_ending(name);

	return i > 0 && i < ENDINGS;
}

size_t
shelf_stem(const char *name)
{
	size_t i = find_ending(name);

	return i < ENDINGS ? strlen(name) - strlen(endings[i]) : 0;
}

static enum status
rename_pdf(
    const struct shelf *s, char name[NAME_MAX + 1], const char *ending, struct error *e)
{
	enum status status = STATUS_OK;
	size_t len = shelf_stem(name);
	char new[NAME_MAX + 1];

	if (len + strlen(ending) > NAME_MAX)
		return error_set(e, STATUS_RETRY, "its name is too long");
	shelf_name(new, name, len, ending);
	flock(s->folder, LOCK_EX);
	if (is_there(s, name, len, ending))
		status = error_set(e, STATUS_RETRY, "%s is in the way", new);
	else if (renameat(s->folder, name, s->folder, new) != 0)
		status = error_errno(e, "it cannot be renamed");
	flock(s->folder, LOCK_UN);
	if (status != STATUS_OK)
		return status;
	snprintf(name, NAME_MAX + 1, "%s", new);
	if (fsync(s->folder) != 0)
		return error_errno(e, "its name cannot be written to the disk");
	return STATUS_OK;
}

enum status
shelf_sending(const struct shelf *s, char name[NAME_MAX + 1], struct error *e)
{
	/* Two names, as it is to be renamed in any case. */
	return rename_pdf(s, name, find_ending(name) == 1 ? endings[2] : endings[1], e);
}

enum status
shelf_stays(const struct shelf *s, char name[NAME_MAX + 1], struct error *e)
{
	return rename_pdf(s, name, endings[0], e);
}

enum status
shelf_remove(const struct shelf *s, const char *name, struct error *e)
{
	enum status status = STATUS_OK;
	char beside[NAME_MAX + 1];

	/* A ticket alone is nothing. */
	shelf_name(beside, name, shelf_stem(name), ".job");
	if (unlinkat(s->folder, name, 0) == 0)
		unlinkat(s->folder, beside, 0);
	else
		status = error_errno(e, "it cannot be removed");
	fsync(s->folder);
	return status;
}
