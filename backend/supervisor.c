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
#include <unistd.h>

#include "backend/channel.h"
#include "backend/spool.h"
#include "backend/worker.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/hidden.h"
#include "lib/base/log.h"
#include "lib/base/priv.h"

enum {
	STOP_GRACE = 1500,       /* milliseconds from SIGTERM to SIGKILL */
	COMMITTED_GRACE = 27000, /* the same once the end of the data is out */
	SIGN_IN_GRACE = 10000,   /* and while the answer to a grant is under way */
	LEAVE_GRACE = 1000,      /* milliseconds for a worker that has told its result */
	FIRST_DESCRIPTOR =
	    3,            /* cupsd's back and side channel and whatever else was open */
	WAIT_LEAST = 500, /* milliseconds to the next try that a worker can ask for */
	WAIT_MOST = 24 * 60 * 60 * 1000,
	OVERSIZE_FACTOR = 16, /* that a document may be larger than a message */
};

/* One run: the worker and what is known of it. */
struct run {
	struct ending *ending; /* with the keeper, who has settings, job and channel */
	struct spool spool;
	int scratch;
	int signals; /* signalfd for SIGTERM and SIGCHLD */
	pid_t worker;
	bool committed; /* the server may have the message, and has not answered */
	bool stopped;   /* SIGTERM came */
	bool extended;  /* and its deadline was moved, for an answer that may come */
	bool told;      /* a result */
	enum status result;
	struct error *error;
	long long deadline; /* clock_ms() when the worker is killed; 0: none */
};

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
	signal(SIGXFSZ, SIG_IGN); /* a limit on files is a full disk */
	signal(SIGCHLD, SIG_DFL);
	make_signal_set(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* a cupsd that starts anew starts the job anew: it must not meet this run */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	/* cupsd takes a backend that SIGKILL ended for one that has sent */
	priv_spare(true);
	priv_hide();
}

/* -- the worker's side ------------------------------------------------------------- */

/* What the worker leaves behind before it touches the job. */
static enum status
become_worker(const struct config *config, struct error *e)
{
	struct identity id;
	enum status status;

	hidden_overwrite_freed();
	priv_spare(false);
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

/* The most that a document may measure: what no account can send need not be kept; what
 * may still be made smaller, may be larger at first. */
static uint64_t
largest_document(const struct config *config)
{
	bool refused = config->oversize.step[0] == OVERSIZE_REFUSE;
	uint64_t most = 0;

	for (size_t i = 0; i < config->account_count; i++)
		if (config->account[i].max_message_size > most)
			most = config->account[i].max_message_size;
	return refused ? most : most * OVERSIZE_FACTOR;
}

/* The worker's whole life. */
static void __attribute__((noreturn))
live_as_worker(const struct run *r, int channel, pid_t parent)
{
	const struct keeper *k = &r->ending->keeper;
	struct error error = { "" };
	struct words words = { .type = RECORD_RESULT, .text = error.text };
	struct worker w = {
		.config = k->config,
		.job = k->job,
		.intake = { .job = k->job,
		    .spool = &r->spool,
		    .input = STDIN_FILENO,
		    .scratch = r->scratch,
		    .most = largest_document(k->config) },
		.limits = k->state.limits,
		.tmp = k->state.tmp,
		.channel = channel,
	};
	enum status status = become_worker(k->config, &error);
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	w.intake.stop = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	close(k->state.jobs);   /* other jobs' journals are none of its business, */
	close(k->state.tokens); /* nor are other accounts' tokens */
	if (getppid() != parent)
		_exit(0);
	if (status == STATUS_OK)
		status = worker_deliver(&w, &error);
	words.value = status;
	channel_send(channel, &words);
	_exit(0); /* no destructors: the kernel frees and forgets */
}

/* -- the supervisor's side -------------------------------------------------------- */

/* What a stop is put off for: an answer that must not get lost is under way, the
 * submission server's, or one that takes an old refresh token's place. */
static long long
grace(const struct run *r)
{
	if (r->committed)
		return COMMITTED_GRACE;
	return r->ending->keeper.custodian.waiting ? SIGN_IN_GRACE : STOP_GRACE;
}

/* SIGTERM may have overtaken it: the answer is worth waiting for, once. */
static void
extend(struct run *r)
{
	if (r->stopped && !r->extended)
		r->deadline = clock_ms() + grace(r);
	r->extended |= r->stopped;
}

static void
hear_wait(struct run *r, const struct record *record)
{
	int64_t wait = record->number;

	r->ending->wait = wait < WAIT_LEAST ? WAIT_LEAST
	    : wait > WAIT_MOST              ? WAIT_MOST
					    : wait;
	r->ending->unreachable = record->value & WAIT_FOR_NETWORK;
}

/* The worker's last word; there is no second one. */
static bool
hear_result(struct run *r, const struct record *record)
{
	if (r->told)
		return false;
	r->told = true;
	r->result =
	    record->value <= STATUS_CANCELLED ? (enum status)record->value : STATUS_HOLD;
	error_set(r->error, r->result, "%s", record->text);
	r->deadline = clock_ms() + LEAVE_GRACE;
	return true;
}

/* Takes one record of the worker; false when there will be no more. */
static bool
hear(struct run *r)
{
	static struct record record;
	bool known;

	if (!channel_receive(r->ending->keeper.channel, &record, NULL))
		return false;
	switch (record.type) {
	case RECORD_COMMITTED:
		r->committed = true;
		extend(r);
		return true;
	case RECORD_SETTLED:
		r->committed = false;
		if (r->stopped)
			r->deadline = clock_ms() + STOP_GRACE;
		return true;
	case RECORD_WAIT: hear_wait(r, &record); return true;
	case RECORD_RESULT: return hear_result(r, &record);
	default:
		known = keeper_hear(&r->ending->keeper, &record);
		explicit_bzero(record.text, sizeof(record.text));
		if (r->ending->keeper.custodian.waiting)
			extend(r);
		return known;
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
		r->deadline = clock_ms() + grace(r);
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

/* Settings that have been changed meanwhile do not stop the queue: the next try is
 * theirs. */
static enum status
judge_settings(struct run *r)
{
	struct error why = *r->error;

	if (!keeper_is_outdated(&r->ending->keeper))
		return STATUS_SETTINGS;
	r->ending->keeper.fingerprint = 0;
	return error_set(r->error, STATUS_RETRY,
	    "the settings have changed since this job was begun, and it is begun anew (with "
	    "the old ones: %.600s)",
	    why.text);
}

/* Serves the worker until it is gone, and reaps it. */
static enum status
serve(struct run *r)
{
	struct pollfd watched[] = {
		{ .fd = r->ending->keeper.channel, .events = POLLIN },
		{ .fd = r->signals, .events = POLLIN },
	};
	int state = 0;

	for (;;) {
		long long left = r->deadline ? r->deadline - clock_ms() : 1000;

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
	if (r->result == STATUS_RETRY && r->stopped)
		return STATUS_CANCELLED;
	return r->result == STATUS_SETTINGS ? judge_settings(r) : r->result;
}

static enum status
open_intake(struct run *r, struct error *e)
{
	struct keeper *k = &r->ending->keeper;
	const char *dir = k->job->tmpdir[0] ? k->job->tmpdir : "/var/tmp";
	enum status status = spool_open(&r->spool, k->job, e);
	sigset_t set;

	if (status == STATUS_OK)
		status = state_open(&k->state, k->config, e);
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
	r->ending->keeper.channel = ends[0];
	/* the worker's own children may keep its end open beyond its death */
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	return r->worker < 0 ? error_errno(e, "cannot start a worker") : STATUS_OK;
}

/* A worker that could not say how it ended leaves the record to us. */
static void
record_crash(const struct run *r)
{
	struct keeper *k = &r->ending->keeper;
	const struct history h = {
		.event = HISTORY_HELD,
		.account = k->account ? k->account->name : "",
		.part = 1,
		.parts = 1,
		.duplicate = r->committed,
		.text = r->error->text,
	};
	static struct record record = { .type = RECORD_HISTORY };
	struct buf line;

	buf_init(&line, HISTORY_LINE_MAX);
	history_line(&line, &h);
	snprintf(record.text, sizeof(record.text), "%s", buf_text(&line));
	buf_clear(&line);
	keeper_hear(k, &record);
}

enum status
supervisor_run(struct ending *ending, const struct config *config, const struct job *job,
    struct error *e)
{
	struct run r = { .ending = ending, .scratch = -1, .signals = -1, .error = e };
	enum status status;

	*ending =
	    (struct ending){ .keeper = { .config = config,
				 .job = job,
				 .state = { .jobs = -1, .limits = -1, .tokens = -1 },
				 .channel = -1,
				 .journal = -1,
				 .settings = keeper_fingerprint(config, NULL) } };
	status = open_intake(&r, e);
	if (status == STATUS_OK)
		status = start_worker(&r, e);
	if (status == STATUS_OK) {
		status = serve(&r);
		if (!r.told && status == STATUS_HOLD)
			record_crash(&r);
	}
	/* from here on nobody needs them: not the probe, not who waits for hours */
	custodian_close(&ending->keeper.custodian);
	spool_close(&r.spool);
	if (r.scratch >= 0)
		close(r.scratch);
	if (r.signals >= 0)
		close(r.signals);
	return status;
}

void
supervisor_close(struct ending *ending)
{
	keeper_close(&ending->keeper);
}
