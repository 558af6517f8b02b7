/* child: a process that may hang or crash without harm (child.h). */
#include "scan2mail/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/priv.h"
#include "scan2mail/interrupt.h"

enum {
	BUFFER_SIZE = 4 * (WIRE_HEAD_SIZE + WIRE_PAYLOAD_MAX),
	BLOCKS_SIZE = CHILD_BLOCKS * CHILD_BLOCK_SIZE,
	/* The descriptors of a child, behind the three that each process has. */
	RECORDS_FD = 3,
	ANSWERS_FD,
	FREE_FD,
	REAP_STEP_MS = 10,
};

/* What a byte of an answer says. */
enum answer { ANSWER_CREDIT, ANSWER_GO };

struct child {
	pid_t pid;
	int pidfd;   /* readable when the process has ended */
	int fd;      /* its records */
	int answers; /* a byte for each block given back, and for each "go on" */
	unsigned char *blocks; /* shared */
	unsigned block;        /* the next to come */
	bool lent;             /* the one before it is in the caller's hands */
	int64_t kill_at;   /* clock_ms() when SIGKILL follows SIGTERM; 0: none was sent */
	size_t start, len; /* bytes[start..start+len) are read and not yet taken */
	unsigned char bytes[BUFFER_SIZE];
};

/* The child's side. */
struct uplink {
	int fd, answers;
	unsigned char *blocks;
	unsigned block; /* the next to be filled */
	size_t free;    /* of blocks, known so far */
	bool go;        /* an answer that nobody has taken yet */
};

/* What both sides are made from. */
struct ends {
	int records[2], answers[2];
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
close_ends(struct ends *l)
{
	close_pipe(l->records);
	close_pipe(l->answers);
	if (l->blocks)
		munmap(l->blocks, BLOCKS_SIZE);
}

static bool
open_ends(struct ends *l)
{
	void *blocks = mmap(
	    NULL, BLOCKS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (blocks == MAP_FAILED)
		return false;
	l->blocks = blocks;
	/* the parent shall not be held up by a child that takes no answers */
	return pipe2(l->records, O_CLOEXEC) == 0 && pipe2(l->answers, O_CLOEXEC) == 0 &&
	    fcntl(l->answers[1], F_SETFL, O_NONBLOCK) == 0;
}

/* The end of a pipe, taken out of the link. */
static int
take_end(int *end)
{
	int fd = *end;

	*end = -1;
	return fd;
}

/* Leaves the pipe ends and standard error. Nobody is asked here, and what a driver prints
 * must not get into a PDF that goes to the standard output. False: the system failed. */
static bool
settle(const struct ends *l)
{
	int records = fcntl(l->records[1], F_DUPFD, FREE_FD);
	int answers = fcntl(l->answers[0], F_DUPFD, FREE_FD);
	int null = open("/dev/null", O_RDWR);

	if (records < 0 || answers < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0)
		return false;
	if (fcntl(STDERR_FILENO, F_GETFD) < 0 && dup2(null, STDERR_FILENO) < 0)
		return false;
	if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ||
	    dup3(records, RECORDS_FD, O_CLOEXEC) < 0 ||
	    dup3(answers, ANSWERS_FD, O_CLOEXEC) < 0)
		return false;
	closefrom(FREE_FD);
	return true;
}

/* The child's life; all signals are blocked at its start. */
static _Noreturn void
live(struct ends *l, void (*body)(struct uplink *up, const void *context),
    const void *context, pid_t parent)
{
	struct uplink up = {
		.fd = RECORDS_FD,
		.answers = ANSWERS_FD,
		.blocks = l->blocks,
		.free = CHILD_BLOCKS,
	};

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1); /* it died before the line above */
	priv_hide();
	interrupt_release();
	if (!settle(l))
		_exit(1);
	body(&up, context);
	_exit(0);
}

/* fork(), with all signals blocked: a handler of the parent shall not run in the child,
 * and no signal shall find a child that interrupt_kills() does not know. Gives the mask
 * that the parent has to put back. */
static pid_t
fork_blocked(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, before);
	return fork();
}

enum status
child_start(struct child **out, void (*body)(struct uplink *up, const void *context),
    const void *context, struct error *e)
{
	struct ends link = { { -1, -1 }, { -1, -1 }, NULL };
	struct child *c = calloc(1, sizeof(*c));
	enum status status = STATUS_OK;
	pid_t parent = getpid();
	bool known;
	sigset_t before;

	if (!c || !open_ends(&link)) {
		status = error_errno(e, "the scanning process cannot be started");
		goto out;
	}
	c->pid = fork_blocked(&before);
	if (c->pid == 0)
		live(&link, body, context, parent);
	if (c->pid > 0)
		setpgid(c->pid, c->pid); /* whoever comes first */
	known = c->pid > 0 && interrupt_kills(c->pid);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (c->pid < 0) {
		status = error_errno(e, "the scanning process cannot be started");
		goto out;
	}
	c->fd = take_end(&link.records[0]);
	c->answers = take_end(&link.answers[1]);
	c->blocks = link.blocks;
	link.blocks = NULL;
	c->pidfd = pidfd_open(c->pid, 0);
	if (c->pidfd < 0)
		status = error_errno(e, "the scanning process cannot be watched");
	else if (!known)
		status = error_set(e, STATUS_RETRY,
		    "%d processes at one time are the most that can be watched",
		    INTERRUPT_GROUPS_MAX);
	if (status != STATUS_OK) {
		child_end(c, 0);
		c = NULL;
	}
out:
	close_ends(&link);
	if (status == STATUS_OK)
		*out = c;
	else
		free(c);
	return status;
}

/* Milliseconds until then, for poll(2). */
static int
left(int64_t until)
{
	int64_t ms = until - clock_ms();

	return ms > 0 ? (int)ms : 0;
}

/* Waits for bytes from the child; a signal goes first. */
static enum status
wait_bytes(const struct child *c, int64_t until, int wait_ms, struct error *e)
{
	struct pollfd fds[] = {
		{ .fd = c->fd, .events = POLLIN },
		{ .fd = interrupt_fd(), .events = POLLIN },
	};
	int n;

	do
		n = poll(fds, 2, left(until));
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

/* Whether the process has ended, after at most wait_ms. */
static bool
ended(const struct child *c, int wait_ms)
{
	struct pollfd fds[] = { { .fd = c->pidfd, .events = POLLIN } };
	int64_t until = clock_ms() + wait_ms;
	int n;

	do
		n = poll(fds, c->pidfd >= 0, left(until));
	while (n < 0 && errno == EINTR);
	return n == 1;
}

/* The same, but a signal, also one that has come already, ends the wait. */
static bool
ended_by_itself(const struct child *c, int wait_ms)
{
	struct pollfd fds[] = {
		{ .fd = c->pidfd, .events = POLLIN },
		{ .fd = interrupt_fd(), .events = POLLIN },
	};
	int64_t until = clock_ms() + wait_ms;
	int n;

	do
		n = poll(fds, 2, left(until));
	while (n < 0 && errno == EINTR && !interrupt_signal());
	return n > 0 && (fds[0].revents & POLLIN);
}

/* Says how it ended. It stays to be waited for. */
static enum status
say_end(const struct child *c, struct error *e)
{
	siginfo_t info = { .si_code = 0 };
	const char *name = NULL;

	if (ended(c, CHILD_TERM_MS) &&
	    waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED | WNOWAIT | WNOHANG) == 0 &&
	    info.si_code != CLD_EXITED)
		name = sigabbrev_np(info.si_status);
	return error_set(e, STATUS_INVALID,
	    "the scanner's driver has crashed%s%s: switch the scanner off and on, and scan "
	    "again",
	    name ? " by the signal " : "", name ? name : "");
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
		return say_end(c, e);
	c->len += (size_t)n;
	return STATUS_OK;
}

static bool
answer(const struct child *c, enum answer what)
{
	const unsigned char byte = (unsigned char)what;

	return write(c->answers, &byte, 1) == 1;
}

/* Gives the block of the last record back. False: the pipe, which holds more than there
 * can be, is full. A child that is gone needs none. */
static bool
give_back(struct child *c)
{
	bool full = c->lent && !answer(c, ANSWER_CREDIT) && errno == EAGAIN;

	c->lent = false;
	return !full;
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

int
child_fd(const struct child *c)
{
	return c->fd;
}

bool
child_ready(const struct child *c)
{
	struct pollfd fds[] = { { .fd = c->fd, .events = POLLIN } };
	struct wire_record r;

	return wire_parse(&r, c->bytes + c->start, c->len) != WIRE_MORE ||
	    poll(fds, 1, 0) == 1;
}

static enum status
astray(struct error *e)
{
	return error_set(e, STATUS_INVALID, "the scanner's driver has gone astray");
}

enum status
child_next(struct child *c, struct wire_record *out, int wait_ms, struct error *e)
{
	int64_t until = clock_ms() + wait_ms;
	enum wire_progress progress;
	struct wire_record r;
	enum status status;

	if (!give_back(c))
		return astray(e);
	while ((progress = wire_parse(&r, c->bytes + c->start, c->len)) == WIRE_MORE) {
		status = wait_bytes(c, until, wait_ms, e);
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
		return astray(e);
	*out = r;
	return STATUS_OK;
}

bool
child_go(struct child *c)
{
	return answer(c, ANSWER_GO);
}

void
child_term(struct child *c)
{
	if (c->kill_at)
		return;
	c->kill_at = clock_ms() + CHILD_TERM_MS;
	kill(-c->pid, SIGTERM);
}

/* After SIGKILL. A driver may be in a system call that does not end, and somebody who
 * traces it may not have let it go yet. */
static pid_t
reap(const struct child *c)
{
	int64_t until = clock_ms() + CHILD_KILL_MS;
	bool gone;

	ended(c, CHILD_KILL_MS);
	while (!(gone = child_is_gone(c->pid)) && left(until) > 0)
		poll(NULL, 0, REAP_STEP_MS);
	return gone ? 0 : c->pid;
}

bool
child_is_gone(pid_t left)
{
	return waitpid(left, NULL, WNOHANG) != 0;
}

pid_t
child_end(struct child *c, int grace_ms)
{
	pid_t remains;

	if (!c)
		return 0;
	close(c->fd);
	close(c->answers);
	if (!ended_by_itself(c, grace_ms)) {
		child_term(c);
		ended(c, left(c->kill_at));
	}
	kill(-c->pid, SIGKILL); /* also what it may have left in its group */
	interrupt_spares(c->pid);
	remains = reap(c);
	if (c->pidfd >= 0)
		close(c->pidfd);
	munmap(c->blocks, BLOCKS_SIZE);
	free(c);
	return remains;
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

bool
child_send_texts(
    struct uplink *up, enum wire_kind kind, const char *const *texts, size_t count)
{
	struct buf payload;
	bool sent;

	buf_init(&payload, WIRE_PAYLOAD_MAX);
	for (size_t i = 0; i < count; i++) {
		buf_puts(&payload, texts[i] ? texts[i] : "");
		buf_putc(&payload, '\0');
	}
	sent = !payload.over && child_send(up, kind, payload.data, payload.len);
	buf_clear(&payload);
	return sent;
}

/* Takes the answers that there are, or waits for one. False: the parent is gone. */
static bool
take_answers(struct uplink *up)
{
	unsigned char bytes[CHILD_BLOCKS];
	ssize_t n;

	do
		n = read(up->answers, bytes, sizeof(bytes));
	while (n < 0 && errno == EINTR);
	for (ssize_t i = 0; i < n; i++)
		if (bytes[i] == ANSWER_GO)
			up->go = true;
		else
			up->free++;
	return n > 0;
}

bool
child_ask(struct uplink *up)
{
	bool go;

	while (!up->go && take_answers(up))
		continue;
	go = up->go;
	up->go = false;
	return go;
}

unsigned char *
child_block(struct uplink *up)
{
	while (up->free == 0 && take_answers(up))
		continue;
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
