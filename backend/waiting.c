/* waiting: between two tries of a job (waiting.h). */
#include "backend/waiting.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backend/keeper.h"
#include "lib/base/log.h"
#include "lib/base/moment.h"
#include "lib/base/priv.h"
#include "lib/account/endpoint.h"
#include "lib/send/reach.h"
#include "lib/send/schedule.h"

enum {
	LOOK = 60000, /* ms between two looks at the clock, at most: poll(2) does not
			 count the time that a machine sleeps */
};

/* One stay. */
struct stay {
	const struct waiting *what;
	int signals, files; /* signalfd; inotify, or -1 where it is not to be had */
	struct moment start;
	int64_t length;     /* ms */
	int64_t next_probe; /* ms after the start */
	pid_t probe;        /* a child that tries to connect; 0: none */
	int probe_end;      /* its pidfd */
};

/* Editors and tools put a new file in an old one's place: the folder is watched. */
static void
watch_folder(int files, const char *path)
{
	char folder[PATH_MAX];
	char *slash;

	if (strlen(path) >= sizeof(folder))
		return;
	memcpy(folder, path, strlen(path) + 1);
	slash = strrchr(folder, '/');
	if (!slash)
		return;
	slash[slash == folder] = '\0';
	inotify_add_watch(
	    files, folder, IN_CLOSE_WRITE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE);
}

int64_t
waiting_stay(const struct waiting *w)
{
	const int64_t most = SCHEDULE_STAY_MAX * INT64_C(1000);

	return w->wait < most ? w->wait : most;
}

static void
open_stay(struct stay *s, const struct waiting *w)
{
	char secret[STATE_PATH_MAX];
	sigset_t set;

	*s = (struct stay){ .what = w, .start = moment_now(), .length = waiting_stay(w) };
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	s->files = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	s->probe_end = -1;
	s->next_probe = WAITING_PROBE_EVERY * INT64_C(1000);
	if (!w->config)
		return;
	watch_folder(s->files, w->config->path);
	for (unsigned n = 0; keeper_secret_path(secret, w->config, w->account, n); n++)
		watch_folder(s->files, secret);
}

/* -- the probe --------------------------------------------------------------------- */

/* The probe's whole life: a name is resolved and a connection made, without root. */
static void __attribute__((noreturn)) live_as_probe(const struct waiting *w, pid_t parent)
{
	char host[ENDPOINT_URL_MAX];
	struct reach where = {
		.host = host,
		.limit = WAITING_PROBE_LIMIT,
		.stop = -1,
	};
	struct identity id;
	int fd;

	close_range(0, ~0U, 0); /* the journal is none of its business */
	priv_spare(false);
	if (geteuid() == 0 &&
	    (priv_lookup(&id, w->config->user, NULL) != STATUS_OK ||
		priv_drop(&id, NULL) != STATUS_OK))
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent ||
	    !endpoint_server(host, sizeof(host), &where.port, w->account))
		_exit(1);
	_exit(reach_connect(&fd, &where, NULL) == STATUS_OK ? 0 : 1);
}

/* Reaps the probe; whether it reached the server. */
static bool
end_probe(struct stay *s, int signal)
{
	int state = -1;

	if (s->probe == 0)
		return false;
	if (signal)
		kill(s->probe, signal);
	while (waitpid(s->probe, &state, 0) < 0 && errno == EINTR)
		continue;
	if (s->probe_end >= 0)
		close(s->probe_end);
	s->probe = 0;
	s->probe_end = -1;
	return WIFEXITED(state) && WEXITSTATUS(state) == 0;
}

static void
start_probe(struct stay *s)
{
	pid_t parent = getpid();
	pid_t child = fork();

	s->next_probe += WAITING_PROBE_EVERY * INT64_C(1000);
	if (child == 0)
		live_as_probe(s->what, parent);
	if (child < 0)
		return;
	s->probe = child;
	s->probe_end = pidfd_open(child, 0);
	if (s->probe_end < 0)
		end_probe(s, SIGKILL);
}

/* -- the stay ------------------------------------------------------------------------ */

/* Whether settings or secret are others than at the last try; what else happened in
 * their folders is noise. */
static bool
has_changed(const struct stay *s)
{
	const struct waiting *w = s->what;
	char events[4096];

	while (read(s->files, events, sizeof(events)) > 0)
		continue;
	return w->config && keeper_fingerprint(w->config, w->account) != w->fingerprint;
}

/* Milliseconds until the stay or its next probe is due. */
static int64_t
next_event(const struct stay *s, int64_t passed)
{
	int64_t due = s->length;

	if (s->what->unreachable && s->probe == 0 && s->next_probe < due)
		due = s->next_probe;
	due -= passed;
	return due < 0 ? 0 : due < LOOK ? due : LOOK;
}

static enum waited
stay_out(struct stay *s)
{
	if (has_changed(s)) /* while it was tried */
		return WAITED_CHANGED;
	for (;;) {
		struct moment now = moment_now();
		int64_t passed = moment_since(&s->start, &now);
		struct pollfd watched[] = {
			{ .fd = s->signals, .events = POLLIN },
			{ .fd = s->files, .events = POLLIN },
			{ .fd = s->probe_end, .events = POLLIN },
		};

		if (passed >= s->length)
			return WAITED_OUT;
		if (s->what->unreachable && s->probe == 0 && passed >= s->next_probe) {
			start_probe(s);
			continue;
		}
		poll(watched, 3, (int)next_event(s, passed));
		if (watched[0].revents)
			return WAITED_STOPPED;
		if (watched[1].revents && has_changed(s))
			return WAITED_CHANGED;
		if (watched[2].revents && end_probe(s, 0))
			return WAITED_REACHED;
	}
}

/* "; next try at 14:05", of today or another day. */
static void
announce(const struct waiting *w)
{
	time_t now = time(NULL), next = now + (time_t)((w->wait + 999) / 1000);
	struct tm today, then;
	char when[40];

	localtime_r(&now, &today);
	localtime_r(&next, &then);
	strftime(when, sizeof(when),
	    then.tm_yday == today.tm_yday ? "%H:%M" : "%Y-%m-%d %H:%M", &then);
	log_message(LEVEL_WARNING, "%s; next try at %s", w->reason, when);
}

enum waited
waiting_run(const struct waiting *w)
{
	enum waited waited;
	struct stay stay;

	announce(w);
	open_stay(&stay, w);
	waited = stay_out(&stay);
	end_probe(&stay, SIGKILL);
	if (stay.signals >= 0)
		close(stay.signals);
	if (stay.files >= 0)
		close(stay.files);
	return waited;
}
