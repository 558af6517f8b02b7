/* child: a process that may hang or crash without harm (child.h). */
#include "scan2mail/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "scan2mail/interrupt.h"

enum {
	BUFFER_SIZE = 4 * (WIRE_HEAD_SIZE + WIRE_PAYLOAD_MAX),
	BLOCKS_SIZE = CHILD_BLOCKS * CHILD_BLOCK_SIZE,
};

struct child {
	pid_t pid;
	int pidfd;             /* readable when the process has ended */
	int fd;                /* its records */
	int credits;           /* a byte for each block given back */
	unsigned char *blocks; /* shared */
	unsigned block;        /* the next to come */
	bool lent;             /* the one before it is in the caller's hands */
	size_t start, len;     /* bytes[start..start+len) are read and not yet taken */
	unsigned char bytes[BUFFER_SIZE];
};

/* The child's side. */
struct uplink {
	int fd, credits;
	unsigned char *blocks;
	unsigned block; /* the next to be filled */
	size_t free;    /* of blocks, known so far */
};

/* What both sides are made from. */
struct link {
	int records[2], credits[2];
	unsigned char *blocks;
};

static void
close_pipe(const int ends[2])
{
	for (int i = 0; i < 2; i++)
		if (ends[i] >= 0)
			close(ends[i]);
}

static void
close_link(struct link *l)
{
	close_pipe(l->records);
	close_pipe(l->credits);
	if (l->blocks)
		munmap(l->blocks, BLOCKS_SIZE);
}

static bool
open_link(struct link *l)
{
	void *blocks = mmap(
	    NULL, BLOCKS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (blocks == MAP_FAILED)
		return false;
	l->blocks = blocks;
	return pipe2(l->records, O_CLOEXEC) == 0 && pipe2(l->credits, O_CLOEXEC) == 0;
}

/* The end of a pipe, taken out of the link. */
static int
take_end(int *end)
{
	int fd = *end;

	*end = -1;
	return fd;
}

static _Noreturn void
live(struct link *l, void (*body)(struct uplink *up, const void *context),
    const void *context, pid_t parent)
{
	struct uplink up = {
		.fd = l->records[1],
		.credits = l->credits[0],
		.blocks = l->blocks,
		.free = CHILD_BLOCKS,
	};

	close(l->records[0]);
	close(l->credits[1]);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1); /* it died before the line above */
	interrupt_release();
	body(&up, context);
	_exit(0);
}

enum status
child_start(struct child **out, void (*body)(struct uplink *up, const void *context),
    const void *context, struct error *e)
{
	struct link link = { { -1, -1 }, { -1, -1 }, NULL };
	struct child *c = calloc(1, sizeof(*c));
	enum status status = STATUS_OK;
	pid_t parent = getpid();

	if (!c || !open_link(&link) || (c->pid = fork()) < 0) {
		status = error_errno(e, "the scanning process cannot be started");
		goto out;
	}
	if (c->pid == 0)
		live(&link, body, context, parent);
	setpgid(c->pid, c->pid); /* whoever comes first */
	interrupt_kills(c->pid);
	c->fd = take_end(&link.records[0]);
	c->credits = take_end(&link.credits[1]);
	c->blocks = link.blocks;
	link.blocks = NULL;
	c->pidfd = pidfd_open(c->pid, 0);
	if (c->pidfd < 0) {
		status = error_errno(e, "the scanning process cannot be watched");
		child_end(c, 0);
		c = NULL;
	}
out:
	close_link(&link);
	if (status == STATUS_OK)
		*out = c;
	else
		free(c);
	return status;
}

/* Waits for bytes from the child; a signal goes first. */
static enum status
wait_bytes(const struct child *c, int wait_ms, struct error *e)
{
	struct pollfd fds[] = {
		{ .fd = c->fd, .events = POLLIN },
		{ .fd = interrupt_fd(), .events = POLLIN },
	};
	int n;

	do
		n = poll(fds, 2, wait_ms);
	while (n < 0 && errno == EINTR && !interrupt_signal());
	if (interrupt_signal())
		return interrupt_error(e);
	if (n == 0)
		return error_set(e, STATUS_INVALID,
		    "the scanner has not answered for %d seconds: switch it off and on, "
		    "and scan again",
		    (wait_ms + 999) / 1000);
	return STATUS_OK;
}

static enum status
fill(struct child *c, struct error *e)
{
	ssize_t n;

	memmove(c->bytes, c->bytes + c->start, c->len); /* a piece of one record */
	c->start = 0;
	do
		n = read(c->fd, c->bytes + c->len, BUFFER_SIZE - c->len);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return error_set(e, STATUS_INVALID,
		    "the scanner's driver has crashed: switch the scanner off and on, "
		    "and scan again");
	c->len += (size_t)n;
	return STATUS_OK;
}

/* Gives the block of the last record back. */
static void
give_back(struct child *c)
{
	ssize_t n;

	if (!c->lent)
		return;
	/* The pipe holds more than there are blocks; a child that is gone needs none. */
	n = write(c->credits, "", 1);
	(void)n;
	c->lent = false;
}

/* Puts the block in the place of its length. */
static bool
lend(struct child *c, struct wire_record *r)
{
	size_t len;

	if (!wire_get_length(&len, r) || len > CHILD_BLOCK_SIZE)
		return false;
	r->payload = c->blocks + (size_t)c->block * CHILD_BLOCK_SIZE;
	r->len = len;
	c->block = (c->block + 1) % CHILD_BLOCKS;
	c->lent = true;
	return true;
}

enum status
child_next(struct child *c, struct wire_record *out, int wait_ms, struct error *e)
{
	enum wire_progress progress;
	struct wire_record r;
	enum status status;

	give_back(c);
	while ((progress = wire_parse(&r, c->bytes + c->start, c->len)) == WIRE_MORE) {
		status = wait_bytes(c, wait_ms, e);
		if (status == STATUS_OK)
			status = fill(c, e);
		if (status != STATUS_OK)
			return status;
	}
	if (progress == WIRE_WHOLE) {
		c->start += WIRE_HEAD_SIZE + r.len;
		c->len -= WIRE_HEAD_SIZE + r.len;
	}
	if (progress == WIRE_BROKEN || (r.kind == WIRE_ROWS && !lend(c, &r)))
		return error_set(
		    e, STATUS_INVALID, "the scanner's driver has gone astray");
	*out = r;
	return STATUS_OK;
}

/* Whether the process has ended, after at most wait_ms. */
static bool
ended(const struct child *c, int wait_ms)
{
	struct pollfd fds[] = { { .fd = c->pidfd, .events = POLLIN } };

	/* A signal shortens the wait; the caller goes on to harder means. */
	return c->pidfd >= 0 && poll(fds, 1, wait_ms) == 1;
}

void
child_end(struct child *c, int grace_ms)
{
	if (!c)
		return;
	close(c->fd); /* a child that writes or waits learns that nobody reads */
	close(c->credits);
	if (!ended(c, grace_ms)) {
		kill(-c->pid, SIGTERM);
		ended(c, CHILD_TERM_MS);
	}
	kill(-c->pid, SIGKILL); /* also what it may have left in its group */
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	interrupt_kills(0);
	if (c->pidfd >= 0)
		close(c->pidfd);
	munmap(c->blocks, BLOCKS_SIZE);
	free(c);
}

/* -- for the child ------------------------------------------------------------------- */

bool
child_send(struct uplink *up, enum wire_kind kind, const void *payload, size_t len)
{
	unsigned char record[WIRE_HEAD_SIZE + WIRE_PAYLOAD_MAX];

	if (len > WIRE_PAYLOAD_MAX)
		return false;
	wire_put_head(record, kind, len);
	if (len)
		memcpy(record + WIRE_HEAD_SIZE, payload, len);
	return file_write(up->fd, record, WIRE_HEAD_SIZE + len);
}

unsigned char *
child_block(struct uplink *up)
{
	char credits[CHILD_BLOCKS];
	ssize_t n = 1;

	while (up->free == 0 && (n > 0 || (n < 0 && errno == EINTR))) {
		n = read(up->credits, credits, sizeof(credits));
		up->free += n > 0 ? (size_t)n : 0;
	}
	return up->free ? up->blocks + (size_t)up->block * CHILD_BLOCK_SIZE : NULL;
}

bool
child_send_block(struct uplink *up, size_t len)
{
	unsigned char length[WIRE_LENGTH_SIZE];

	wire_put_length(length, len);
	up->block = (up->block + 1) % CHILD_BLOCKS;
	up->free--;
	return child_send(up, WIRE_ROWS, length, sizeof(length));
}
