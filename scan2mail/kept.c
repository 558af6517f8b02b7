/* kept: bringing kept scans into their queues (kept.h). */
#include "scan2mail/kept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "scan2mail/inquiry.h"
#include "scan2mail/interrupt.h"
#include "scan2mail/relay.h"
#include "scan2mail/shelf.h"
#include "scan2mail/statedir.h"
#include "scan2mail/ticket.h"

enum {
	OPEN_FLAGS = O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK,
	FILES_MAX = 10000, /* PDFs that one round looks at */
	QUIET = 5,         /* seconds since somebody else has written to a PDF */
	TAIL_MAX = 1024,   /* bytes in which a PDF's end is looked for */
	KILOBYTE = 1024,
};

static const char MAGIC[] = "%PDF-";
static const char END[] = "%%EOF";

/* A PDF in the folder. */
struct candidate {
	struct timespec when;
	char name[NAME_MAX + 1];
};

/* One that is being brought in. */
struct scan {
	char name[NAME_MAX + 1]; /* now */
	size_t stem;             /* bytes of its NAME */
	int fd;                  /* locked */
	struct stat st;          /* when it was claimed */
	bool doubt;              /* a run was killed while it sent it */
	struct ticket ticket;
};

struct round {
	struct shelf shelf;
	struct kept_report *report;
	struct candidate *found;
	size_t count;
};

static void say(const struct round *t, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void
say(const struct round *t, enum log_level level, const char *format, ...)
{
	char sentence[ERROR_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	if (t->report->say)
		t->report->say(t->report->context, level, sentence);
}

static bool
ends_with(const char *name, const char *ending)
{
	size_t len = strlen(name), wanted = strlen(ending);

	return len > wanted && strcmp(name + len - wanted, ending) == 0;
}

/* A file of ours that no run will finish any more; the folder is locked, so that nobody
 * is just naming a PDF. False: it is none of ours. */
static bool
sweep(const struct round *t, const char *name)
{
	int folder = t->shelf.folder, fd;

	if (*name == '.' && ends_with(name, ".job")) {
		unlinkat(folder, name, 0); /* a ticket that was being written */
	} else if (ends_with(name, ".job")) {
		if (!shelf_has_pdf(&t->shelf, name, strlen(name) - strlen(".job")))
			unlinkat(folder, name, 0);
	} else if (ends_with(name, ".part")) {
		fd = openat(folder, name, O_RDWR | OPEN_FLAGS);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
			unlinkat(folder, name, 0);
		if (fd >= 0)
			close(fd);
	} else {
		return false;
	}
	return true;
}

static bool
add_candidate(struct round *t, const char *name)
{
	struct candidate *more = reallocarray(t->found, t->count + 1, sizeof(*t->found));
	struct stat st;

	if (!more)
		return false;
	t->found = more;
	if (fstatat(t->shelf.folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return true; /* just gone */
	t->found[t->count] = (struct candidate){ .when = st.st_mtim };
	snprintf(t->found[t->count++].name, NAME_MAX + 1, "%s", name);
	return true;
}

static int
by_age(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->when.tv_sec != y->when.tv_sec)
		return x->when.tv_sec < y->when.tv_sec ? -1 : 1;
	if (x->when.tv_nsec != y->when.tv_nsec)
		return x->when.tv_nsec < y->when.tv_nsec ? -1 : 1;
	return strcmp(x->name, y->name);
}

static enum status
look(struct round *t, DIR *dir, struct error *e)
{
	const struct dirent *entry;

	for (errno = 0; t->count < FILES_MAX && (entry = readdir(dir)); errno = 0) {
		const char *name = entry->d_name;

		if (sweep(t, name) || *name == '.')
			continue;
		if (shelf_stem(name) == 0)
			say(t, LEVEL_WARNING, "%s/%s is no PDF: left alone",
			    t->shelf.path, name);
		else if (!add_candidate(t, name))
			break;
	}
	if (errno)
		return error_errno(e, "%s cannot be looked through", t->shelf.path);
	if (t->count > 1)
		qsort(t->found, t->count, sizeof(*t->found), by_age);
	return STATUS_OK;
}

/* Finds the PDFs, and sweeps up what interrupted runs have left. */
static enum status
look_through(struct round *t, struct error *e)
{
	int fd = openat(t->shelf.folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	enum status status;

	if (!dir || flock(t->shelf.folder, LOCK_EX) != 0) {
		status = error_errno(e, "%s cannot be looked through", t->shelf.path);
		if (interrupt_signal())
			status = interrupt_error(e);
	} else {
		status = look(t, dir, e);
		flock(t->shelf.folder, LOCK_UN);
	}
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	return status;
}

/* Whether the file ends as a PDF does, but for blanks. */
static bool
ends_well(int fd, off_t len)
{
	char tail[TAIL_MAX];
	off_t from = len > TAIL_MAX ? len - TAIL_MAX : 0;
	ssize_t n = pread(fd, tail, sizeof(tail), from);
	size_t left = n > 0 ? (size_t)n : 0, wanted = strlen(END);

	while (left > 0 && (tail[left - 1] == '\0' || strchr(" \t\r\n", tail[left - 1])))
		left--;
	return left >= wanted && memcmp(tail + left - wanted, END, wanted) == 0;
}

/* Whether somebody else may still be writing to it; what has a ticket is ours. */
static bool
is_fresh(const struct round *t, const struct scan *s)
{
	int64_t age = (int64_t)time(NULL) - s->st.st_mtim.tv_sec;
	char beside[NAME_MAX + 1];

	shelf_name(beside, s->name, s->stem, ".job");
	return age < QUIET && age > -QUIET &&
	    faccessat(t->shelf.folder, beside, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
}

/* Why a file is not to be sent; NULL: it is a PDF of this user. */
static const char *
find_flaw(const struct round *t, struct scan *s)
{
	char head[sizeof(MAGIC) - 1];

	if (s->fd < 0 || fstat(s->fd, &s->st) != 0)
		return errno == ELOOP ? "is a symbolic link" : strerror(errno);
	if (!S_ISREG(s->st.st_mode))
		return "is no file";
	if (s->st.st_uid != geteuid())
		return "belongs to somebody else";
	if (pread(s->fd, head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
	    memcmp(head, MAGIC, sizeof(head)) != 0)
		return "is no PDF";
	if (!ends_well(s->fd, s->st.st_size))
		return "does not end as a PDF does, and may still be copied";
	return is_fresh(t, s) ? "was written to a moment ago" : NULL;
}

/* Opens and locks a PDF. False: not to be sent, which is said and counted. */
static bool
claim(struct round *t, struct scan *s)
{
	const char *why, *path = t->shelf.path;
	struct stat now;

	s->fd = openat(t->shelf.folder, s->name, O_RDWR | OPEN_FLAGS);
	if (s->fd < 0 && errno == ENOENT)
		return false;
	if (s->fd >= 0 && flock(s->fd, LOCK_EX | LOCK_NB) != 0) {
		say(t, LEVEL_INFO, "%s/%s is being sent by another run", path, s->name);
		t->report->elsewhere++;
		return false;
	}
	why = find_flaw(t, s);
	if (why) {
		say(t, LEVEL_WARNING, "%s/%s %s: left alone", path, s->name, why);
		t->report->stay++;
		return false;
	}
	return fstatat(t->shelf.folder, s->name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	    now.st_ino == s->st.st_ino;
}

/* Whether it is still what was sent. */
static bool
is_unchanged(const struct round *t, const struct scan *s)
{
	struct stat now;

	return fstatat(t->shelf.folder, s->name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	    now.st_dev == s->st.st_dev && now.st_ino == s->st.st_ino &&
	    now.st_size == s->st.st_size && now.st_mtim.tv_sec == s->st.st_mtim.tv_sec &&
	    now.st_mtim.tv_nsec == s->st.st_mtim.tv_nsec;
}

/* Of a PDF without a .job: the default queue, and its name as the subject. */
static enum status
invent_ticket(struct ticket *out, const char *name, size_t stem, struct error *e)
{
	struct ticket made = { .job = { "", "", "", "", "" } };
	struct buf subject;

	buf_init(&subject, TICKET_MAX);
	text_clean(&subject, name, stem, TEXT_LINE);
	if (subject.len == 0)
		buf_puts(&subject, "Scan");
	made.text = buf_take(&subject);
	if (!made.text)
		return error_errno(e, "it cannot be sent");
	made.job.subject = made.text;
	*out = made;
	return STATUS_OK;
}

static enum status
load_ticket(const struct round *t, struct scan *s, struct error *e)
{
	char beside[NAME_MAX + 1];
	enum status status;
	struct buf text;

	shelf_name(beside, s->name, s->stem, ".job");
	if (faccessat(t->shelf.folder, beside, F_OK, AT_SYMLINK_NOFOLLOW) != 0 &&
	    errno == ENOENT)
		return invent_ticket(&s->ticket, s->name, s->stem, e);
	buf_init(&text, TICKET_MAX);
	if (statedir_read(&text, t->shelf.folder, beside))
		status = ticket_read(&s->ticket, buf_text(&text), text.len, e);
	else
		status = error_errno(e, "%s cannot be read", beside);
	buf_clear(&text);
	return status;
}

/* Hands a claimed PDF to its queue. */
static enum status
send_pdf(struct relay_answer *answer, int fd, off_t len, const struct relay_job *job,
    struct error *e)
{
	struct relay *relay = NULL;
	enum status status = relay_start(&relay, fd, job, e);

	if (status == STATUS_OK) {
		relay_grown(relay, len);
		status = relay_finish(relay, answer, e);
	}
	relay_free(relay);
	return status;
}

/* It is a job now. */
static void
remove_sent(struct round *t, struct scan *s, const struct relay_answer *answer)
{
	bool changed = !is_unchanged(t, s);
	struct error e;

	if (!changed && shelf_remove(&t->shelf, s->name, &e) == STATUS_OK) {
		t->report->sent++;
		say(t, LEVEL_INFO, "%.*s.pdf: queue %s, job %d", (int)s->stem, s->name,
		    answer->queue, answer->job);
		return;
	}
	t->report->stay++;
	if (changed) /* and the next round sends what it is then */
		shelf_stays(&t->shelf, s->name, NULL);
	say(t, LEVEL_ERROR,
	    "%s/%s is job %d of the queue %s, but %s; remove it, or it is sent again",
	    t->shelf.path, s->name, answer->job, answer->queue,
	    changed ? "was changed meanwhile" : e.text);
}

/* What was not taken gets its name back. What may have been taken says so by its ticket,
 * or else by its name. */
static void
put_back(struct round *t, struct scan *s, bool doubt)
{
	enum status status = STATUS_OK;

	if (doubt && !s->ticket.doubt) {
		s->ticket.doubt = true;
		flock(t->shelf.folder, LOCK_EX);
		status =
		    shelf_write_ticket(&t->shelf, s->name, s->stem, &s->ticket, NULL);
		flock(t->shelf.folder, LOCK_UN);
	}
	if (status == STATUS_OK)
		shelf_stays(&t->shelf, s->name, NULL);
}

/* Whether the job has all of it: cupsd may make one of a request that was cut off. */
static bool
is_whole(const struct inquiry_job *job, const struct scan *s)
{
	return job->kilobytes == (s->st.st_size + KILOBYTE - 1) / KILOBYTE;
}

/* Of one that CUPS may have: finds its job, as far as CUPS still knows it. */
static enum status
look_for_job(struct relay_answer *answer, const struct round *t, const struct scan *s,
    struct error *e)
{
	struct inquiry_job job = { 0 };
	enum status status = STATUS_OK;

	if (*s->ticket.job.id)
		status = inquiry_job(&job, s->ticket.job.id, e);
	answer->silent = status == STATUS_RETRY;
	if (status != STATUS_OK)
		return status;
	if (job.number && is_whole(&job, s)) {
		answer->job = job.number;
		snprintf(answer->queue, sizeof(answer->queue), "%s", job.queue);
		say(t, LEVEL_WARNING,
		    "%.*s.pdf is job %d of the queue %s already, and is not sent again",
		    (int)s->stem, s->name, job.number, job.queue);
	} else if (job.number) {
		say(t, LEVEL_WARNING,
		    "job %d of the queue %s has a part of %.*s.pdf only, and can be "
		    "cancelled; it is sent once more",
		    job.number, job.queue, (int)s->stem, s->name);
	} else {
		say(t, LEVEL_WARNING,
		    "%.*s.pdf may have become a job before, of which CUPS knows nothing "
		    "now; it is sent once more",
		    (int)s->stem, s->name);
	}
	return STATUS_OK;
}

/* Sends what was claimed, unless it is a job already. */
static enum status
send_claimed(
    struct round *t, struct scan *s, struct relay_answer *answer, struct error *e)
{
	enum status status = load_ticket(t, s, e);

	s->doubt = shelf_is_sending(s->name);
	if (status == STATUS_OK && (s->doubt || s->ticket.doubt))
		status = look_for_job(answer, t, s, e);
	if (status == STATUS_OK && answer->job) {
		remove_sent(t, s, answer);
		return STATUS_OK;
	}
	if (status == STATUS_OK)
		status = shelf_sending(&t->shelf, s->name, e);
	if (status != STATUS_OK)
		return status;
	status = send_pdf(answer, s->fd, s->st.st_size, &s->ticket.job, e);
	if (status == STATUS_OK)
		remove_sent(t, s, answer);
	else
		put_back(t, s, s->doubt || answer->doubt);
	return status;
}

/* Sends one. STATUS_CANCELLED: a signal came; answer->silent: the next need not be tried.
 */
static enum status
bring_in(struct round *t, const char *name, struct relay_answer *answer, struct error *e)
{
	struct scan s = { .stem = shelf_stem(name) };
	enum status status = STATUS_OK;

	snprintf(s.name, sizeof(s.name), "%s", name);
	if (claim(t, &s)) {
		status = send_claimed(t, &s, answer, e);
		if (status != STATUS_OK)
			t->report->stay++;
		if (status != STATUS_OK && status != STATUS_CANCELLED)
			say(t, LEVEL_ERROR, "%s/%s stays: %s", t->shelf.path, s.name,
			    e->text);
	}
	ticket_clear(&s.ticket);
	if (s.fd >= 0)
		close(s.fd);
	return status;
}

static enum status
interrupted(const struct round *t, size_t left, struct error *e)
{
	return error_set(e, STATUS_CANCELLED,
	    "stopped by the signal %s: %u brought in, %zu more stay in %s",
	    sigabbrev_np(interrupt_signal()), t->report->sent, left, t->shelf.path);
}

static enum status
bring_all(struct round *t, struct error *e)
{
	for (size_t i = 0; i < t->count; i++) {
		struct relay_answer answer = { 0 };

		if (interrupt_signal())
			return interrupted(t, t->count - i, e);
		if (bring_in(t, t->found[i].name, &answer, e) == STATUS_CANCELLED)
			return STATUS_CANCELLED;
		if (!answer.silent || i + 1 == t->count)
			continue;
		t->report->stay += (unsigned)(t->count - i - 1);
		say(t, LEVEL_ERROR, "%zu more stay in %s", t->count - i - 1,
		    t->shelf.path);
		break;
	}
	return STATUS_OK;
}

enum status
kept_resend(struct kept_report *report, struct error *e)
{
	struct round t = { .report = report };
	enum status status = shelf_open(&t.shelf, e);

	report->sent = report->stay = report->elsewhere = 0;
	if (status == STATUS_OK)
		status = look_through(&t, e);
	if (status == STATUS_OK)
		status = bring_all(&t, e);
	free(t.found);
	shelf_close(&t.shelf);
	return status;
}
