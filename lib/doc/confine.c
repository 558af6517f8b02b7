/*
 * confine: a child process with limits (confine.h).
 *
 * Child and parent share one pipe. A function's report comes through it; of a program
 * nothing comes, unless it could not be started: then the errno of execve(2).
 */
#include "lib/doc/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/hidden.h"

enum {
	FD_PIPE = 3,   /* a program's, behind the standard ones */
	FD_CLEAR = 10, /* above what a program keeps */
	TMPDIR_MAX = 4096,
	MS = 1000, /* milliseconds of a second */
};

/* What the child is for: a function, or a program where path is set. */
struct task {
	const struct confinement *c;
	const struct confined *call;
	const char *path;
	const char *const *arguments;
};

/* Why the parent waits no longer. */
enum waited { CHILD_ENDED, TOLD_TO_STOP, WAITED_TOO_LONG };

/* What the parent saw of it. */
struct ending {
	enum waited waited;
	int state;        /* of wait4(2) */
	unsigned seconds; /* of CPU */
	ssize_t received; /* bytes of the report */
};

/* -- the child ------------------------------ */

/* Bytes of address space in use: what the limit is counted from, since the caller's own
 * mappings came along. */
static rlim_t
mapped(void)
{
	uintmax_t pages = 0;
	FILE *statm = fopen("/proc/self/statm", "re");

	if (statm && fscanf(statm, "%ju", &pages) != 1)
		pages = 0;
	if (statm)
		fclose(statm);
	return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

static bool
limit(const struct task *t)
{
	rlim_t memory = t->c->memory + (t->path ? 0 : mapped());
	struct rlimit space = { memory, memory };
	struct rlimit time = { t->c->seconds, t->c->seconds + 1 };
	struct rlimit file = { t->c->output, t->c->output };
	struct rlimit none = { 0, 0 };

	return setrlimit(RLIMIT_AS, &space) == 0 && setrlimit(RLIMIT_CPU, &time) == 0 &&
	    setrlimit(RLIMIT_FSIZE, &file) == 0 && setrlimit(RLIMIT_CORE, &none) == 0 &&
	    setrlimit(RLIMIT_NPROC, &none) == 0; /* for anybody but root: no children */
}

/* The caller may block or ignore what shall end this child. */
static void
restore_signals(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Whoever takes this child over through a document shall find nothing to talk to. */
static void
keep_only(const struct confinement *c, int pipe_end)
{
	const int kept[] = { pipe_end, c->input, c->result };
	unsigned from = 0, next;

	do {
		next = ~0U;
		for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
			if (kept[i] >= 0 && (unsigned)kept[i] >= from &&
			    (unsigned)kept[i] < next)
				next = (unsigned)kept[i];
		if (next > from)
			close_range(from, next - 1, 0);
		from = next + 1;
	} while (next != ~0U);
}

/* A copy of fd, or of /dev/null, that stands in nobody's way. */
static int
lift(int fd)
{
	if (fd < 0)
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	return fcntl(fd, F_DUPFD_CLOEXEC, FD_CLEAR);
}

/* Gives a program its standard descriptors and the pipe, and nothing else. */
static bool
plug(const struct confinement *c, int pipe_end)
{
	int input = lift(c->input), result = lift(c->result), null = lift(-1);

	pipe_end = lift(pipe_end);
	return dup2(input, STDIN_FILENO) >= 0 && dup2(result, STDOUT_FILENO) >= 0 &&
	    dup2(null, STDERR_FILENO) >= 0 && dup3(pipe_end, FD_PIPE, O_CLOEXEC) >= 0 &&
	    close_range(FD_PIPE + 1, ~0U, 0) == 0;
}

static void
execute(const struct task *t)
{
	static char tmpdir[TMPDIR_MAX];
	char *environment[] = { NULL, NULL };
	int reason;

	if (t->c->tmpdir) {
		snprintf(tmpdir, sizeof(tmpdir), "TMPDIR=%s", t->c->tmpdir);
		environment[0] = tmpdir;
	}
	/* execve(2) writes to neither; its type is older than const */
	execve(t->path, (char *const *)(uintptr_t)t->arguments, environment);
	reason = errno;
	if (write(FD_PIPE, &reason, sizeof(reason)) == (ssize_t)sizeof(reason))
		_exit(0);
}

/* The child's whole life. */
static _Noreturn void
live(const struct task *t, pid_t parent, int pipe_end)
{
	ssize_t n;

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody is left to read the result */
	if (getppid() != parent)
		_exit(1);
	restore_signals();
	if (t->path) {
		if (plug(t->c, pipe_end) && limit(t))
			execute(t);
		raise(SIGKILL); /* an exit would pass for the program's own */
	}
	keep_only(t->c, pipe_end);
	if (!limit(t))
		_exit(1);
	t->call->work(t->call->context, t->call->report);
	n = write(pipe_end, t->call->report, t->call->size);
	_exit(n == (ssize_t)t->call->size ? 0 : 1);
}

/* -- the parent ------------------------------ */

/* Waits for the child's end, or that of the parent's patience. A child that has ended
 * counts first: its work is done. */
static enum waited
wait_for(pid_t child, const struct confinement *c)
{
	int64_t left, end = clock_ms() + (int64_t)c->patience * MS;
	struct pollfd watched[] = {
		{ .fd = pidfd_open(child, 0), .events = POLLIN },
		{ .fd = c->stop, .events = POLLIN },
	};
	int n;

	if (watched[0].fd < 0)
		return WAITED_TOO_LONG;
	do {
		left = end - clock_ms();
		n = poll(watched, 2, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	close(watched[0].fd);
	if (n <= 0)
		return WAITED_TOO_LONG;
	return watched[0].revents ? CHILD_ENDED : TOLD_TO_STOP;
}

static void
await(pid_t child, const struct confinement *c, struct ending *end)
{
	struct rusage used = { 0 };

	end->waited = wait_for(child, c);
	if (end->waited != CHILD_ENDED)
		kill(child, SIGKILL);
	while (wait4(child, &end->state, 0, &used) < 0 && errno == EINTR)
		continue;
	end->seconds = (unsigned)(used.ru_utime.tv_sec + used.ru_stime.tv_sec +
	    (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / (1000 * 1000));
}

static bool
is_told_to_stop(int stop)
{
	struct pollfd told = { .fd = stop, .events = POLLIN };

	return poll(&told, 1, 0) > 0;
}

static enum status
stopped(struct error *e)
{
	return error_set(
	    e, STATUS_CANCELLED, "the job was stopped while a document was looked at");
}

/* Runs a task; answer receives what came through the pipe. Told to stop beforehand, it
 * does not begin: a short task would be done before anybody asks. */
static enum status
run(const struct task *t, void *answer, size_t size, struct ending *end, struct error *e)
{
	pid_t child, parent = getpid();
	int ends[2];

	*end = (struct ending){ .received = -1 };
	if (is_told_to_stop(t->c->stop))
		return stopped(e);
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return error_errno(e, "a document cannot be looked at");
	hidden_sweep();
	child = fork();
	if (child == 0)
		live(t, parent, ends[1]);
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return error_errno(e, "a document cannot be looked at");
	}
	await(child, t->c, end);
	/* without waiting for what a child may have left behind with the pipe */
	end->received = read(ends[0], answer, size);
	close(ends[0]);
	return end->waited == TOLD_TO_STOP ? stopped(e) : STATUS_OK;
}

/* The sentence for a child that did not do its work. */
static enum status
blame(const struct confinement *c, const struct ending *end, struct error *e)
{
	int signal = WIFSIGNALED(end->state) ? WTERMSIG(end->state) : 0;

	/* by the clock too: one that ignores the signal is killed by another */
	if (signal == SIGXCPU || (signal == SIGKILL && end->seconds >= c->seconds))
		return error_set(e, STATUS_INVALID,
		    "the document takes more than %u seconds to read: it is damaged or "
		    "made to harm",
		    c->seconds);
	if (signal == SIGXFSZ)
		return error_set(e, STATUS_INVALID,
		    "the document becomes more than %llu bytes",
		    (unsigned long long)c->output);
	if (signal == SIGSEGV || signal == SIGBUS || signal == SIGABRT ||
	    signal == SIGILL || signal == SIGFPE || signal == SIGTRAP)
		return error_set(e, STATUS_INVALID,
		    "the document cannot be read: it is damaged or made to harm");
	if (end->waited == WAITED_TOO_LONG)
		return error_set(e, STATUS_RETRY,
		    "a look at the document was not done after %u seconds", c->patience);
	return error_set(e, STATUS_RETRY,
	    "the document could not be read: no memory, or the reading was stopped");
}

enum status
confine_call(const struct confinement *c, const struct confined *call, struct error *e)
{
	const struct task t = { .c = c, .call = call };
	char answer[CONFINE_REPORT_MAX];
	struct ending end;
	enum status status;

	if (call->size > sizeof(answer))
		return error_set(
		    e, STATUS_RETRY, "a report of %zu bytes is too long", call->size);
	status = run(&t, answer, call->size, &end, e);
	if (status)
		return status;
	if (end.received != (ssize_t)call->size)
		return blame(c, &end, e);
	memcpy(call->report, answer, call->size);
	return STATUS_OK;
}

/* Why a program did not start. */
static enum status
not_started(const char *path, int reason, struct error *e)
{
	errno = reason;
	if (reason == ENOENT || reason == ENOTDIR || reason == EACCES)
		return error_set(e, STATUS_SETTINGS, "%s is not installed: %s", path,
		    strerror(reason));
	return error_errno(e, "%s cannot be started", path);
}

enum status
confine_program(const struct confinement *c, const char *path,
    const char *const arguments[], struct error *e)
{
	const struct task t = { .c = c, .path = path, .arguments = arguments };
	struct ending end;
	enum status status;
	int reason = 0;

	status = run(&t, &reason, sizeof(reason), &end, e);
	if (status)
		return status;
	if (end.received == (ssize_t)sizeof(reason))
		return not_started(path, reason, e);
	if (!WIFEXITED(end.state))
		return blame(c, &end, e);
	if (WEXITSTATUS(end.state) != 0)
		return error_set(e, STATUS_INVALID,
		    "%s cannot work on the document: it ends with %d", path,
		    WEXITSTATUS(end.state));
	return STATUS_OK;
}

/* -- what the child reads and writes ------------------------------ */

const char *
confine_map(int fd, const struct span *span)
{
	off_t skip = span->start % sysconf(_SC_PAGESIZE);
	char *start = mmap(NULL, (size_t)(span->size + skip), PROT_READ, MAP_PRIVATE, fd,
	    span->start - skip);

	return start == MAP_FAILED ? NULL : start + skip;
}

void
confine_unmap(const char *bytes, const struct span *span)
{
	off_t skip = span->start % sysconf(_SC_PAGESIZE);

	munmap((void *)(uintptr_t)(bytes - skip), (size_t)(span->size + skip));
}

bool
confine_has_room(int fd, off_t bytes)
{
	off_t end = lseek(fd, 0, SEEK_END);

	errno = end < 0 ? errno : posix_fallocate(fd, end, bytes);
	return errno == 0 && ftruncate(fd, end) == 0;
}
