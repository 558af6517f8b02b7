/* supervisor: the root half of the backend (supervisor.h). */
#include "backend/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backend/channel.h"
#include "backend/spool.h"
#include "backend/worker.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/priv.h"

enum {
	STOP_GRACE = 1500,       /* milliseconds from SIGTERM to SIGKILL */
	COMMITTED_GRACE = 27000, /* the same once the end of the data is out */
	LEAVE_GRACE = 1000,      /* milliseconds for a worker that has told its result */
	FIRST_DESCRIPTOR =
	    3, /* cupsd's back and side channel and whatever else was open */
};

/* One run: the worker and what is known of it. */
struct run {
	const struct config *config;
	const struct job *job;
	struct spool spool;
	int scratch;
	int channel; /* our end */
	int signals; /* signalfd for SIGTERM and SIGCHLD */
	pid_t worker;
	bool asked; /* for its one secret */
	bool committed;
	bool stopped; /* SIGTERM came */
	bool told;    /* a result */
	enum status result;
	struct error *error;
	long long deadline; /* CLOCK_MONOTONIC ms when the worker is killed; 0: none */
};

static long long
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
make_signal_set(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGCHLD);
}

void
supervisor_guard(void)
{
	sigset_t set;

	for (int fd = 0; fd < FIRST_DESCRIPTOR; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
			_exit(4); /* CUPS_BACKEND_STOP: there is nothing to say it with */
	close_range(FIRST_DESCRIPTOR, ~0U, 0);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	make_signal_set(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	priv_hide();
}

/* -- the worker's side ------------------------------------------------------------- */

/* What the worker leaves behind before it touches the job. */
static enum status
become_worker(const struct config *config, struct error *e)
{
	struct identity id;
	enum status status;

	if (geteuid() == 0) {
		status = priv_lookup(&id, config->user, e);
		if (status == STATUS_OK)
			status = priv_drop(&id, e);
		if (status)
			return status;
	}
	priv_hide();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return STATUS_OK;
}

static uint64_t
largest_message(const struct config *config)
{
	uint64_t most = 0;

	for (size_t i = 0; i < config->account_count; i++)
		if (config->account[i].max_message_size > most)
			most = config->account[i].max_message_size;
	return most;
}

/* The worker's whole life. */
static void __attribute__((noreturn))
live_as_worker(const struct run *r, int channel, pid_t parent)
{
	struct error error = { "" };
	struct worker w = {
		.config = r->config,
		.job = r->job,
		.intake = { .job = r->job,
		    .spool = &r->spool,
		    .input = STDIN_FILENO,
		    .scratch = r->scratch,
		    .most = largest_message(r->config) },
		.channel = channel,
	};
	enum status status = become_worker(r->config, &error);
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	w.intake.stop = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (getppid() != parent)
		_exit(0);
	if (status == STATUS_OK)
		status = worker_deliver(&w, &error);
	channel_send(channel, RECORD_RESULT, status, error.text);
	_exit(0); /* no destructors: the kernel frees and forgets */
}

/* -- the supervisor's side -------------------------------------------------------- */

/* Answers the worker's question for a password, once. */
static void
give_secret(struct run *r, uint32_t index)
{
	struct secret secret = { "" };
	struct error error = { "" };
	enum status status;

	if (r->asked || index >= r->config->account_count ||
	    r->config->account[index].auth != AUTH_PASSWORD) {
		channel_send(r->channel, RECORD_SECRET, STATUS_SETTINGS,
		    "the supervisor refused to read a password");
		return;
	}
	r->asked = true;
	status = secret_read(&secret, r->config->account[index].password_file, &error);
	if (status == STATUS_SETTINGS && geteuid() != 0)
		error_set(&error, status,
		    "%s; the backend is to be root's and of mode 0700, so that cupsd "
		    "starts it as root",
		    error.text);
	channel_send(
	    r->channel, RECORD_SECRET, status, status ? error.text : secret.text);
	secret_wipe(&secret);
}

/* Takes one record of the worker; false when there will be no more. */
static bool
hear(struct run *r)
{
	struct record record;

	if (!channel_receive(r->channel, &record))
		return false;
	switch (record.type) {
	case RECORD_ASK_SECRET: give_secret(r, record.value); return true;
	case RECORD_COMMITTED:
		r->committed = true;
		if (r->stopped) /* SIGTERM overtook it: the answer is worth waiting for */
			r->deadline = now() + COMMITTED_GRACE;
		return true;
	case RECORD_RESULT:
		r->told = true;
		r->result = record.value <= STATUS_CANCELLED ? (enum status)record.value
							     : STATUS_HOLD;
		error_set(r->error, r->result, "%s", record.text);
		r->deadline = now() + LEAVE_GRACE;
		return true;
	default: return false;
	}
}

/* SIGTERM: the worker has got it too (cupsd signals the group), or gets it now. */
static void
heed_signal(struct run *r)
{
	struct signalfd_siginfo info;

	while (read(r->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		r->stopped = true;
		if (r->deadline)
			continue;
		kill(r->worker, SIGTERM);
		r->deadline = now() + (r->committed ? COMMITTED_GRACE : STOP_GRACE);
	}
}

/* What a worker's end means that told no result. */
static enum status
judge_end(const struct run *r, int state, struct error *e)
{
	if (WIFSIGNALED(state) && r->deadline)
		return error_set(e, STATUS_CANCELLED, "the job was stopped%s",
		    r->committed
			? " while the server had not answered: it may have been sent"
			: " before it was sent");
	if (WIFSIGNALED(state))
		return error_set(e, STATUS_HOLD,
		    "the worker was killed by signal %d (%s)%s: the job is held; release "
		    "it to try again, and report it when it comes back",
		    WTERMSIG(state), strsignal(WTERMSIG(state)),
		    r->committed
			? " before the server had answered; the message may have "
			  "arrived, ask a recipient first"
			: "");
	return error_set(e, STATUS_HOLD,
	    "the worker ended without a word (exit %d): the job is held; release it to "
	    "try again",
	    WEXITSTATUS(state));
}

/* Serves the worker until it is gone, and reaps it. */
static enum status
serve(struct run *r)
{
	struct pollfd watched[] = {
		{ .fd = r->channel, .events = POLLIN },
		{ .fd = r->signals, .events = POLLIN },
	};
	int state = 0;

	for (;;) {
		long long left = r->deadline ? r->deadline - now() : 1000;

		if (waitpid(r->worker, &state, WNOHANG) == r->worker)
			break;
		if (r->deadline && left <= 0)
			kill(r->worker, SIGKILL);
		poll(watched, 2, left > 0 ? (int)left : 10);
		if (watched[0].revents && !hear(r))
			watched[0].fd = -1;
		if (watched[1].revents)
			heed_signal(r);
	}
	while (watched[0].fd >= 0 && !r->told && hear(r))
		continue; /* its last words may still lie in the socket */
	if (!r->told)
		return judge_end(r, state, r->error);
	/* nobody waits for another try of a job that was stopped */
	return r->result == STATUS_RETRY && r->stopped ? STATUS_CANCELLED : r->result;
}

static enum status
open_intake(struct run *r, struct error *e)
{
	const char *dir = r->job->tmpdir[0] ? r->job->tmpdir : "/var/tmp";
	enum status status = spool_open(&r->spool, r->job, e);
	sigset_t set;

	if (status)
		return status;
	r->scratch = file_scratch(dir);
	if (r->scratch < 0)
		return error_errno(e, "cannot make a temporary file in %s", dir);
	make_signal_set(&set);
	r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return r->signals < 0 ? error_errno(e, "signalfd") : STATUS_OK;
}

/* Forks the worker; returns in the supervisor only. */
static enum status
start_worker(struct run *r, struct error *e)
{
	pid_t parent = getpid();
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_errno(e, "cannot talk to a worker");
	r->worker = fork();
	if (r->worker == 0) {
		close(ends[0]);
		close(r->signals);
		live_as_worker(r, ends[1], parent);
	}
	close(ends[1]);
	r->channel = ends[0];
	/* the worker's own children may keep its end open beyond its death */
	fcntl(r->channel, F_SETFL, O_NONBLOCK);
	return r->worker < 0 ? error_errno(e, "cannot start a worker") : STATUS_OK;
}

enum status
supervisor_run(const struct config *config, const struct job *job, struct error *e)
{
	struct run r = { .config = config,
		.job = job,
		.scratch = -1,
		.channel = -1,
		.signals = -1,
		.error = e };
	enum status status = open_intake(&r, e);

	if (status == STATUS_OK)
		status = start_worker(&r, e);
	if (status == STATUS_OK)
		status = serve(&r);
	spool_close(&r.spool);
	for (size_t i = 0; i < 3; i++) {
		int fds[] = { r.scratch, r.channel, r.signals };

		if (fds[i] >= 0)
			close(fds[i]);
	}
	return status;
}

void
supervisor_wait(unsigned seconds, const char *reason)
{
	struct timespec time_left = { .tv_sec = (time_t)seconds };
	time_t next = time(NULL) + (time_t)seconds;
	struct tm local;
	sigset_t set;

	localtime_r(&next, &local);
	log_message(LEVEL_WARNING, "%s; next try at %02d:%02d", reason, local.tm_hour,
	    local.tm_min);
	make_signal_set(&set);
	sigdelset(&set, SIGCHLD);
	sigtimedwait(&set, NULL, &time_left);
}
