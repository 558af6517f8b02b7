/* queue: the PDF into a CUPS queue, while it is made (queue.h). */
#include "scan2mail/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/log.h"
#include "scan2mail/interrupt.h"
#include "scan2mail/relay.h"
#include "scan2mail/shelf.h"
#include "scan2mail/ticket.h"

enum {
	COPY_SIZE = 1 << 16, /* bytes */
	WHY_MAX = 300,       /* bytes of a reason within a sentence */
};

struct queue {
	struct destination *owner;
	struct relay_job job; /* the texts are the request's, but for the name */
	char name[RELAY_QUEUE_MAX];
	struct shelf shelf; /* not open: the state folder cannot be used */
	struct shelf_file file;
	bool homeless;          /* the file is not on the shelf */
	char pdf[NAME_MAX + 1]; /* its name on the shelf; "": it is not kept */
	off_t len;
	struct relay *relay; /* NULL before the first byte */
};

static const char *
scratch_dir(void)
{
	const char *dir = getenv("TMPDIR");

	return dir && *dir ? dir : "/var/tmp";
}

/* Appends, whatever a write that failed before has left behind len. */
static bool
append(int fd, off_t len, const void *bytes, size_t count)
{
	return lseek(fd, len, SEEK_SET) == len && file_write(fd, bytes, count);
}

/* Copies the first len bytes. False and errno. */
static bool
copy(int to, int from, off_t len)
{
	char block[COPY_SIZE];

	for (off_t done = 0; done < len;) {
		size_t wanted =
		    len - done < COPY_SIZE ? (size_t)(len - done) : (size_t)COPY_SIZE;
		ssize_t n = pread(from, block, wanted, done);

		if (n == 0)
			errno = EIO;
		if (n <= 0 || !append(to, done, block, (size_t)n))
			return false;
		done += n;
	}
	return true;
}

/* From the state folder, which is full, to another disk. The descriptor's number stays,
 * so that the relay reads on where it is. False and errno. */
static bool
move_out(struct queue *q)
{
	int fd = file_scratch(scratch_dir()), failure;

	if (fd < 0)
		return false;
	if (!copy(fd, q->file.fd, q->len) || dup3(fd, q->file.fd, O_CLOEXEC) < 0) {
		failure = errno;
		close(fd);
		errno = failure;
		return false;
	}
	close(fd);
	shelf_discard(&q->file);
	q->homeless = true;
	return true;
}

/* Sends what there is. Where that cannot begin now, it is tried again later. */
static enum status
hand_on(struct queue *q, struct error *e)
{
	enum status status =
	    q->relay ? STATUS_OK : relay_start(&q->relay, q->file.fd, &q->job, e);

	if (status == STATUS_OK)
		relay_grown(q->relay, q->len);
	return status;
}

static enum status
write_bytes(void *context, const void *bytes, size_t len, struct error *e)
{
	struct queue *q = context;

	if (interrupt_signal())
		return interrupt_error(e);
	if (!append(q->file.fd, q->len, bytes, len) &&
	    (q->homeless || !move_out(q) || !append(q->file.fd, q->len, bytes, len)))
		return error_errno(e, "the PDF cannot be put down%s%s or in %s",
		    *q->shelf.path ? " in " : "", q->shelf.path, scratch_dir());
	q->len += (off_t)len;
	hand_on(q, NULL);
	return STATUS_OK;
}

/* Back into the state folder, where there may be room again. */
static enum status
move_in(struct queue *q, struct error *e)
{
	enum status status = STATUS_OK;
	struct shelf_file outside = q->file;

	if (!*q->shelf.path)
		status = shelf_open(&q->shelf, e);
	if (status == STATUS_OK)
		status = shelf_create(&q->file, &q->shelf, e);
	if (status != STATUS_OK) {
		q->file = outside;
		return status;
	}
	if (!copy(q->file.fd, outside.fd, q->len)) {
		status =
		    error_errno(e, "the PDF cannot be put down in %s", q->shelf.path);
		shelf_discard(&q->file);
		close(q->file.fd);
		q->file = outside;
		return status;
	}
	close(outside.fd);
	q->homeless = false;
	return STATUS_OK;
}

/* Gives the whole PDF a name, so that nothing loses it any more. The disk may take longer
 * than a signal's alarm leaves: that counts anew from the end. */
static enum status
put_down(struct queue *q, struct error *e)
{
	struct ticket ticket = { .job = q->job };
	const struct timespec now = { 0 };
	enum status status = STATUS_OK;
	sigset_t alarms, before;

	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarms, &before);
	if (q->homeless)
		status = move_in(q, e);
	if (status == STATUS_OK)
		status = shelf_keep(&q->file, &q->shelf, &ticket, q->pdf, e);
	if (interrupt_signal()) {
		alarm(INTERRUPT_BOUND);
		sigtimedwait(&alarms, NULL, &now);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}

/* What is known of a PDF that CUPS has not taken goes into its ticket or its name. */
static void
note_doubt(struct queue *q, bool doubt)
{
	struct ticket ticket = { .job = q->job, .doubt = true };
	size_t len = shelf_stem(q->pdf);
	enum status status = STATUS_OK;

	if (doubt) {
		flock(q->shelf.folder, LOCK_EX);
		status = shelf_write_ticket(&q->shelf, q->pdf, len, &ticket, NULL);
		flock(q->shelf.folder, LOCK_UN);
	}
	/* NAME.sending says by itself that there may be a job */
	if (status == STATUS_OK)
		shelf_stays(&q->shelf, q->pdf, NULL);
}

/* CUPS has not taken it. e says why, and is told the rest. */
static enum status
keep(struct queue *q, bool doubt, struct error *e)
{
	struct error why = *e, trouble;

	if (!*q->pdf && put_down(q, &trouble) != STATUS_OK)
		return error_set(e, interrupt_signal() ? STATUS_CANCELLED : STATUS_RETRY,
		    "%.*s; the scan could not be kept and is lost: %.*s", WHY_MAX,
		    why.text, WHY_MAX, trouble.text);
	note_doubt(q, doubt);
	q->owner->kept = true;
	return error_set(e, STATUS_RETRY,
	    "%.*s; the scan is kept as %s/%s, and scan2mail --resend brings it into the "
	    "queue%s",
	    WHY_MAX, why.text, q->shelf.path, q->pdf,
	    doubt ? " (CUPS may have the job all the same: look with lpstat -o first)"
		  : "");
}

static enum status
commit(void *context, struct error *e)
{
	struct queue *q = context;
	struct relay_answer answer = { 0 };
	enum status status = hand_on(q, e);

	/* Before CUPS has the end of the request: whatever ends this process then, there
	 * is a PDF that says so. Outside the shelf is no room for it, or there was none.
	 */
	if (!q->homeless)
		put_down(q, NULL);
	if (status == STATUS_OK)
		status = relay_finish(q->relay, &answer, e);
	if (status != STATUS_OK)
		return keep(q, answer.doubt, e);
	snprintf(q->owner->note, sizeof(q->owner->note), "queue %.*s, job %d", 200,
	    answer.queue, answer.job);
	if (*q->pdf && shelf_remove(&q->shelf, q->pdf, e) != STATUS_OK)
		log_message(LEVEL_WARNING,
		    "%s/%s is job %d of the queue %s: remove it, or scan2mail --resend "
		    "sends it again (%s)",
		    q->shelf.path, q->pdf, answer.job, answer.queue, e->text);
	return STATUS_OK;
}

static void
close_queue(void *context)
{
	struct queue *q = context;

	relay_free(q->relay);
	shelf_discard(&q->file);
	if (q->file.fd >= 0) {
		flock(q->file.fd, LOCK_UN); /* a child may have it too */
		close(q->file.fd);
	}
	shelf_close(&q->shelf);
	free(q);
}

/* The queue's own name, as far as CUPS says. */
static enum status
find_queue(struct queue *q, const char *asked, struct error *e)
{
	enum status status = relay_find(q->name, asked, e);

	if (status != STATUS_RETRY)
		return status;
	log_message(LEVEL_WARNING, "%s (what is scanned will be kept)", e->text);
	if (strlen(asked) >= sizeof(q->name))
		return error_set(e, STATUS_SETTINGS, "there is no queue \"%s\"", asked);
	snprintf(q->name, sizeof(q->name), "%s", asked);
	return STATUS_OK;
}

static enum status
open_file(struct queue *q, struct error *e)
{
	enum status status = shelf_open(&q->shelf, e);

	if (status == STATUS_OK)
		status = shelf_create(&q->file, &q->shelf, e);
	if (status == STATUS_OK)
		return status;
	log_message(LEVEL_WARNING, "%s (so nothing can be kept if CUPS fails)", e->text);
	q->homeless = true;
	q->file.fd = file_scratch(scratch_dir());
	if (q->file.fd < 0)
		return error_errno(e, "no file can be made in %s", scratch_dir());
	return STATUS_OK;
}

enum status
queue_open(struct destination *out, const struct request *request, struct error *e)
{
	struct queue *q = calloc(1, sizeof(*q));
	enum status status;

	if (!q)
		return error_errno(e, "the queue cannot be used");
	q->owner = out;
	q->file.fd = -1;
	q->job = (struct relay_job){
		.queue = q->name,
		.to = request->to,
		.subject = request->subject,
		.filename = request->filename ? request->filename : "",
	};
	status = find_queue(q, request->queue, e);
	if (status == STATUS_OK)
		status = open_file(q, e);
	if (status != STATUS_OK) {
		close_queue(q);
		return status;
	}
	*out = (struct destination){
		.sink = { .write = write_bytes, .context = q },
		.commit = commit,
		.close = close_queue,
	};
	return STATUS_OK;
}
