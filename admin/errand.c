/* errand: something that root does not do itself (errand.h). */
#include "admin/errand.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/hidden.h"
#include "lib/base/log.h"
#include "lib/base/moment.h"
#include "lib/base/priv.h"

enum {
	/* The child's descriptors. */
	HOME = 3,
	GIVEN = 4,
	FIRST_OTHER = 5,
	ASIDE = 16, /* out of the way of those, while they are put in place */
};

enum kind { KIND_SAYING, KIND_END };

/* One packet of the child; the result follows the head of an end. */
struct head {
	uint32_t kind;
	uint32_t status;
	char text[ERROR_TEXT_MAX];
};

/* One run, as the parent sees it. */
struct run {
	const struct errand *errand;
	pid_t child;
	int home;
	int signals;
	int typed;           /* standard input; -1: nothing more is handed on */
	struct moment until; /* when the grace ends; without a name: nobody stops it */
	bool ended;          /* the child said how */
	enum status status;
	struct error *e;
};

/* -- the child's side ------------------------------------------------------------- */

static bool
send_home(int home, struct head *head, const void *result, size_t size)
{
	struct iovec parts[] = {
		{ .iov_base = head, .iov_len = sizeof(*head) },
		{ .iov_base = (void *)(uintptr_t)result, .iov_len = size },
	};
	const struct msghdr packet = { .msg_iov = parts, .msg_iovlen = size ? 2 : 1 };
	ssize_t n;

	do
		n = sendmsg(home, &packet, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n >= 0;
}

void
errand_say(const struct errand_side *side, const char *text)
{
	struct head head = { .kind = KIND_SAYING };

	snprintf(head.text, sizeof(head.text), "%s", text);
	send_home(side->home, &head, NULL, 0);
}

/* Leaves the terminal and all descriptors but two: whoever takes the child over can type
 * no command into root's shell. */
static bool
leave_terminal(int home, int give)
{
	int none = open("/dev/null", O_RDWR | O_CLOEXEC);
	int line = fcntl(home, F_DUPFD_CLOEXEC, ASIDE);
	int given = give >= 0 ? fcntl(give, F_DUPFD_CLOEXEC, ASIDE) : -1;

	if (none < 0 || line < 0 || (give >= 0 && given < 0) || setsid() < 0)
		return false;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(none, fd) < 0)
			return false;
	if (dup2(line, HOME) < 0 || (given >= 0 && dup2(given, GIVEN) < 0))
		return false;
	close_range(given >= 0 ? FIRST_OTHER : GIVEN, ~0U, 0);
	return true;
}

/* Gives up what makes it root's, for good. */
static enum status
leave_root(const struct config *config, pid_t parent, struct error *e)
{
	enum status status = STATUS_OK;
	struct identity id;

	if (geteuid() == 0) {
		status = priv_lookup(&id, config->user, e);
		if (status == STATUS_OK)
			status = priv_drop(&id, e);
	}
	priv_hide();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	return status;
}

static void __attribute__((noreturn))
live_as_child(const struct errand *errand, int home, pid_t parent)
{
	const struct errand_side side = { .home = HOME,
		.given = errand->give >= 0 ? GIVEN : -1 };
	struct head head = { .kind = KIND_END };
	struct error error = { "" };
	enum status status;

	signal(SIGPIPE, SIG_IGN);
	if (!leave_terminal(home, errand->give))
		_exit(1);
	status = leave_root(errand->config, parent, &error);
	if (status == STATUS_OK)
		status = errand->run(&side, errand->context, errand->result, &error);
	head.status = status;
	memcpy(head.text, error.text, sizeof(head.text));
	send_home(HOME, &head, errand->result, errand->size);
	_exit(0); /* no destructors: the kernel frees and forgets */
}

/* -- the parent's side ------------------------------------------------------------ */

/* Takes one packet; false when there will be no more. */
static bool
hear(struct run *r)
{
	const struct errand *errand = r->errand;
	struct head head = { 0 };
	struct iovec parts[] = {
		{ .iov_base = &head, .iov_len = sizeof(head) },
		{ .iov_base = errand->result, .iov_len = errand->size },
	};
	struct msghdr packet = { .msg_iov = parts, .msg_iovlen = errand->size ? 2 : 1 };
	ssize_t n;

	do
		n = recvmsg(r->home, &packet, 0);
	while (n < 0 && errno == EINTR);
	if (n < (ssize_t)sizeof(head) || packet.msg_flags & MSG_TRUNC)
		return false;
	head.text[sizeof(head.text) - 1] = '\0';
	if (head.kind == KIND_SAYING) {
		log_message(LEVEL_WARNING, "%s", head.text);
		return true;
	}
	if ((size_t)n != sizeof(head) + errand->size || head.status > STATUS_CANCELLED)
		return false;
	r->ended = true;
	r->status = error_set(r->e, (enum status)head.status, "%s", head.text);
	return false;
}

/* Hands on a piece of what was typed; its end is an empty packet's worth: a shutdown. */
static void
hand_on(struct run *r)
{
	char bytes[ERRAND_TYPED_MAX];
	ssize_t n = read(r->typed, bytes, sizeof(bytes));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n > 0 && send(r->home, bytes, (size_t)n, MSG_NOSIGNAL) == n) {
		explicit_bzero(bytes, sizeof(bytes));
		return;
	}
	shutdown(r->home, SHUT_WR);
	r->typed = -1;
}

/* Somebody stops it: at once, or when the grace is over. */
static bool
heed_signal(struct run *r)
{
	struct moment now = moment_now();
	struct signalfd_siginfo info;

	if (read(r->signals, &info, sizeof(info)) <= 0)
		return false;
	if (r->errand->stopped)
		*r->errand->stopped = true;
	if (!r->until.name[0])
		r->until = moment_after(&now, r->errand->grace * INT64_C(1000));
	return true;
}

/* ms until the grace is over; -1: nobody stops it. */
static int
grace_left(const struct run *r)
{
	struct moment now = moment_now();

	return r->until.name[0] ? (int)moment_until(&r->until, &now) : -1;
}

/* Serves the child until it has said how it ended, is gone, or is to be stopped. */
static void
serve(struct run *r)
{
	struct pollfd watched[] = {
		{ .fd = r->signals, .events = POLLIN },
		{ .fd = r->home, .events = POLLIN },
		{ .fd = r->typed, .events = POLLIN },
	};

	for (;;) {
		watched[2].fd = r->typed;
		if (grace_left(r) == 0) {
			r->ended = true;
			r->status = error_set(
			    r->e, STATUS_CANCELLED, "it was stopped before its end");
			return;
		}
		if (poll(watched, 3, grace_left(r)) < 0)
			continue;
		if (watched[0].revents && heed_signal(r))
			continue;
		if (watched[1].revents && !hear(r))
			return;
		if (watched[2].revents)
			hand_on(r);
	}
}

/* Ends the child, and says what became of one that did not say it itself. */
static void
reap(struct run *r)
{
	int state = 0;

	/* one that is ending already ends as it would have */
	kill(r->child, SIGKILL);
	while (waitpid(r->child, &state, 0) < 0 && errno == EINTR)
		continue;
	if (r->ended)
		return;
	if (WIFSIGNALED(state))
		r->status = error_set(r->e, STATUS_RETRY,
		    "the process without root's rights was killed by signal %d (%s); "
		    "try again, and report it when it comes back",
		    WTERMSIG(state), strsignal(WTERMSIG(state)));
	else
		r->status = error_set(r->e, STATUS_RETRY,
		    "the process without root's rights ended without a word (exit %d); "
		    "try again",
		    WEXITSTATUS(state));
}

/* Holds back the signals that end a command, so that they are read instead. */
static int
hold_signals(sigset_t *old)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, old);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

enum status
errand_run(const struct errand *errand, struct error *e)
{
	struct run r = { .errand = errand, .e = e, .signals = -1 };
	pid_t parent = getpid();
	int ends[2];
	sigset_t old;

	if (errand->size)
		memset(errand->result, 0, errand->size);
	if (errand->size > ERRAND_RESULT_MAX)
		return error_set(e, STATUS_INVALID, "the result is too large");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return error_errno(e, "cannot talk to a process without root's rights");
	r.signals = hold_signals(&old);
	r.home = ends[0];
	r.typed = errand->typing ? STDIN_FILENO : -1;
	hidden_overwrite_freed();
	hidden_sweep();
	fflush(NULL); /* or the child's copies of what is buffered come out too */
	r.child = r.signals < 0 ? -1 : fork();
	if (r.child == 0)
		live_as_child(errand, ends[1], parent);
	close(ends[1]);
	if (r.child > 0) {
		serve(&r);
		reap(&r);
	} else {
		r.status = error_errno(e, "cannot start a process without root's rights");
	}
	if (!r.ended && errand->size)
		explicit_bzero(errand->result, errand->size);
	close(r.home);
	if (r.signals >= 0)
		close(r.signals);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return r.status;
}
