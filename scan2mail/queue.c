/* queue: the PDF into a CUPS queue, while it is made (queue.h). */
#include "scan2mail/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/log.h"
#include "scan2mail/inquiry.h"
#include "scan2mail/interrupt.h"
#include "scan2mail/relay.h"
#include "scan2mail/room.h"
#include "scan2mail/shelf.h"
#include "scan2mail/ticket.h"

enum {
	COPY_SIZE = 1 << 16, /* bytes */
	WHY_MAX = 300,       /* bytes of a reason within a sentence */
	ID_SIZE = 33,        /* of a scan's id, with the NUL */
	TICKET_ROOM = 16384, /* bytes that are left for it on a disk that is full */
};

struct queue {
	struct destination *owner;
	struct relay_job job; /* the texts are the request's, but for the name */
	char name[LINK_QUEUE_MAX], id[ID_SIZE];
	struct shelf shelf; /* not open: the state folder cannot be used */
	struct shelf_file file;
	bool homeless;          /* the file is not on the shelf */
	char pdf[NAME_MAX + 1]; /* its name on the shelf; "": it is not kept */
	struct room room;
	struct relay *relay; /* NULL before the first byte */
};

static const char *
scratch_dir(void)
{
	const char *dir = getenv("TMPDIR");

	return dir && *dir ? dir : "/var/tmp";
}

/* A nameless file that may get a name in the end, if the file system can do that. */
static int
make_outside(void)
{
	int fd = open(scratch_dir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd >= 0 ? fd : file_scratch(scratch_dir());
}

static void
reserve(void *context, uint64_t bytes)
{
	struct queue *q = context;

	q->room.reserve = bytes ? (off_t)bytes + TICKET_ROOM : 0;
}

/* Copies the first len bytes into a file that has none. False and errno. */
static bool
copy(struct room *room, int to, int from, off_t len)
{
	char block[COPY_SIZE];

	while (room->len < len) {
		off_t left = len - room->len;
		size_t wanted = left < COPY_SIZE ? (size_t)left : (size_t)COPY_SIZE;
		ssize_t n = pread(from, block, wanted, room->len);

		if (n == 0)
			errno = EIO;
		if (n <= 0 || !room_append(room, to, block, (size_t)n))
			return false;
	}
	return true;
}

/* From the state folder, which is full, to another disk, if that has room for more bytes
 * as well. The descriptor's number stays, so that the relay reads on where it is. False
 * and errno: it is where it was. */
static bool
move_out(struct queue *q, size_t more)
{
	struct room room = { .reserve = q->room.reserve + (off_t)more };
	int fd = make_outside(), failure;

	if (fd < 0)
		return false;
	if (!copy(&room, fd, q->file.fd, q->room.len) ||
	    dup3(fd, q->file.fd, O_CLOEXEC) < 0) {
		failure = errno;
		close(fd);
		errno = failure;
		return false;
	}
	close(fd);
	shelf_discard(&q->file);
	q->homeless = true;
	room.reserve = q->room.reserve;
	q->room = room;
	return true;
}

/* Sends what there is. Where that cannot begin now, it is tried again later. */
static enum status
hand_on(struct queue *q, struct error *e)
{
	enum status status =
	    q->relay ? STATUS_OK : relay_start(&q->relay, q->file.fd, &q->job, e);

	if (status == STATUS_OK)
		relay_grown(q->relay, q->room.len);
	return status;
}

static enum status
write_bytes(void *context, const void *bytes, size_t len, struct error *e)
{
	struct queue *q = context;

	if (interrupt_signal())
		return interrupt_error(e);
	if (!room_append(&q->room, q->file.fd, bytes, len) &&
	    (q->homeless || !move_out(q, len) ||
		!room_append(&q->room, q->file.fd, bytes, len)))
		return error_errno(e, "the PDF cannot be put down%s%s or in %s",
		    *q->shelf.path ? " in " : "", q->shelf.path, scratch_dir());
	hand_on(q, NULL);
	return STATUS_OK;
}

/* Back into the state folder, where there may be room again. */
static enum status
move_in(struct queue *q, struct error *e)
{
	enum status status = STATUS_OK;
	struct shelf_file outside = q->file;
	struct room room = { 0 };

	if (!*q->shelf.path)
		status = shelf_open(&q->shelf, e);
	if (status == STATUS_OK)
		status = shelf_create(&q->file, &q->shelf, e);
	if (status != STATUS_OK) {
		q->file = outside;
		return status;
	}
	if (!copy(&room, q->file.fd, outside.fd, q->room.len)) {
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

/* What the shelf has no room for gets a name where the scratch files are. */
static bool
stow(struct queue *q, char path[PATH_MAX])
{
	char self[64];
	int n;

	if (!q->homeless && !move_out(q, 0))
		return false;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", q->file.fd);
	n = snprintf(path, PATH_MAX, "%s/scan-%s.pdf", scratch_dir(), q->id);
	return n < PATH_MAX &&
	    linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0;
}

/* CUPS has not taken it, and the shelf does not either. */
static enum status
keep_outside(struct queue *q, const struct error *why, const struct error *trouble,
    struct error *e)
{
	char path[PATH_MAX];

	q->owner->kept = stow(q, path);
	if (q->owner->kept)
		return error_set(e, STATUS_RETRY,
		    "%.*s; %.*s; so the scan is %s now, from where nobody sends it: "
		    "print it on the queue, and remove it",
		    WHY_MAX, why->text, WHY_MAX, trouble->text, path);
	return error_set(e, interrupt_signal() ? STATUS_CANCELLED : STATUS_RETRY,
	    "%.*s; the scan could not be kept and is lost: %.*s", WHY_MAX, why->text,
	    WHY_MAX, trouble->text);
}

/* CUPS has not taken it. e says why, and is told the rest. */
static enum status
keep(struct queue *q, bool doubt, struct error *e)
{
	struct error why = *e, trouble;

	if (!*q->pdf && put_down(q, &trouble) != STATUS_OK)
		return keep_outside(q, &why, &trouble, e);
	note_doubt(q, doubt);
	q->owner->kept = true;
	return error_set(e, STATUS_RETRY,
	    "%.*s; the scan is kept as %s/%s, and scan2mail --resend brings it into the "
	    "queue%s",
	    WHY_MAX, why.text, q->shelf.path, q->pdf,
	    doubt ? ", unless CUPS has the job all the same" : "");
}

static enum status
commit(void *context, struct error *e)
{
	struct queue *q = context;
	struct relay_answer answer = { 0 };
	enum status status = hand_on(q, e);

	room_end(&q->room, q->file.fd); /* also for the ticket; what fails is not lost */
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
	enum status status = inquiry_queue(q->name, asked, e);

	if (status != STATUS_RETRY)
		return status;
	log_message(LEVEL_WARNING, "%s (what is scanned will be kept)", e->text);
	if (strlen(asked) >= sizeof(q->name))
		return error_set(e, STATUS_SETTINGS, "there is no queue \"%s\"", asked);
	snprintf(q->name, sizeof(q->name), "%s", asked);
	return STATUS_OK;
}

/* 128 random bits, so that no other scan has it; "": there are none. */
static const char *
make_id(char id[ID_SIZE])
{
	unsigned char bits[(ID_SIZE - 1) / 2];

	id[0] = '\0';
	if (getrandom(bits, sizeof(bits), 0) == (ssize_t)sizeof(bits))
		for (size_t i = 0; i < sizeof(bits); i++)
			snprintf(id + 2 * i, 3, "%02x", bits[i]);
	return id;
}

static enum status
open_file(struct queue *q, struct error *e)
{
	enum status status = shelf_open(&q->shelf, e);

	if (status == STATUS_OK)
		status = shelf_create(&q->file, &q->shelf, e);
	if (status == STATUS_OK)
		return status;
	log_message(LEVEL_WARNING, "%s (so what CUPS does not take cannot be kept there)",
	    e->text);
	q->homeless = true;
	q->file.fd = make_outside();
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
		.id = make_id(q->id),
	};
	status = find_queue(q, request->queue, e);
	if (status == STATUS_OK)
		status = open_file(q, e);
	if (status != STATUS_OK) {
		close_queue(q);
		return status;
	}
	*out = (struct destination){
		.sink = { .write = write_bytes, .reserve = reserve, .context = q },
		.commit = commit,
		.close = close_queue,
	};
	return STATUS_OK;
}
