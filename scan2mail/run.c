/* run: a command that scan2maild starts (run.h). */
#include "scan2mail/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/list.h"
#include "lib/base/log.h"

enum {
	LINE_MAX_BYTES = LOG_LINE_MAX, /* longer ones are cut */
	READ_SIZE = 4096,
	READS_MAX =
	    64, /* at one time, so that one that never stops talking stops nothing */
	SIGNALED = 128,
	MINUTE_MS = 60 * 1000,
};

/* What a command may know of the environment that scan2maild was started in. */
static const char *const passed[] = {
	"PATH",            /* for what drivers of scanners start */
	"HOME",            /* CUPS's client.conf of the user */
	"LANG",            /* the language, and dates in subjects */
	"LC_ALL",          /* the same */
	"TZ",              /* the time in subjects */
	"TMPDIR",          /* pages of unknown height wait there */
	"POSTROOM_CONFIG", /* the settings, which must be the same ones */
	"STATE_DIRECTORY", /* where scans are kept while there is no cupsd */
	"XDG_STATE_HOME",  /* the same */
	"CUPS_SERVER",     /* where cupsd is */
	"SANE_CONFIG_DIR", /* which scanners there are */
	"LD_LIBRARY_PATH", /* drivers that stand elsewhere */
};
enum { PASSED = sizeof(passed) / sizeof(passed[0]) };

struct run {
	pid_t pid;
	int pidfd;
	int output; /* -1: ended */
	char *label;
	int64_t due;     /* the next step of run_bound(); INT64_MAX: none */
	bool stopped;    /* the first one is done */
	struct buf line; /* so far */
	struct buf last; /* the line before it, not logged yet */
};

/* -- starting -------------------------------------------------------------------------*/

/* "NAME=value" for each that is set; the caller frees the list. */
static bool
make_environment(struct list *out)
{
	struct buf text;
	bool made = true;

	for (size_t i = 0; i < PASSED && made; i++) {
		const char *value = getenv(passed[i]);

		if (!value)
			continue;
		buf_init(&text, strlen(passed[i]) + strlen(value) + 2);
		made = buf_printf(&text, "%s=%s", passed[i], value) &&
		    list_add(out, buf_text(&text));
		buf_clear(&text);
	}
	return made;
}

/* In the new process: argument and environment vectors are ready, so that nothing is
 * allocated here. */
static _Noreturn void
live(const struct run_command *command, char **environment, int output)
{
	static const char sentence[] = "it cannot be started\n";
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;
	ssize_t n;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(null, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
	    dup2(output, STDERR_FILENO) >= 0)
		execve(command->argv[0], (char *const *)command->argv, environment);
	n = write(output, sentence, sizeof(sentence) - 1);
	(void)n; /* the exit code says as much */
	_exit(EXIT_FAILURE);
}

static void
free_run(struct run *r)
{
	if (r->output >= 0)
		close(r->output);
	if (r->pidfd >= 0)
		close(r->pidfd);
	buf_clear(&r->line);
	buf_clear(&r->last);
	free(r->label);
	free(r);
}

static struct run *
new_run(const char *label)
{
	struct run *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->pidfd = r->output = -1;
	buf_init(&r->line, LINE_MAX_BYTES);
	buf_init(&r->last, LINE_MAX_BYTES);
	r->label = strdup(label);
	if (r->label)
		return r;
	free_run(r);
	return NULL;
}

/* Forks. The environment's list ends with a NULL. */
static bool
start(struct run *r, const struct run_command *command, char **environment)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return false;
	r->output = ends[0];
	r->pid = fork();
	if (r->pid == 0) {
		fcntl(ends[1], F_SETFL, 0); /* the command may block on its output */
		live(command, environment, ends[1]);
	}
	close(ends[1]);
	if (r->pid < 0)
		return false;
	setpgid(r->pid, r->pid); /* whoever comes first */
	r->pidfd = pidfd_open(r->pid, 0);
	if (r->pidfd >= 0)
		return true;
	run_kill(r);
	while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	return false;
}

enum status
run_start(struct run **out, const struct run_command *command, struct error *e)
{
	char *environment[PASSED + 1] = { NULL };
	struct run *r = new_run(command->label);
	struct list texts = { 0 };
	enum status status = STATUS_OK;
	bool made = r && make_environment(&texts);

	for (size_t i = 0; i < texts.count; i++)
		environment[i] = texts.item[i];
	if (made)
		r->due = command->now + RUN_MAX_MS;
	if (!made || !start(r, command, environment))
		status = error_errno(
		    e, "%s: %s cannot be started", command->label, command->argv[0]);
	list_clear(&texts);
	if (status == STATUS_OK)
		*out = r;
	else if (r)
		free_run(r);
	return status;
}

/* -- what it says ---------------------------------------------------------------------*/

int
run_output(const struct run *r)
{
	return r->output;
}

int
run_end(const struct run *r)
{
	return r->pidfd;
}

/* The program's name in front says nothing that the label does not. */
static const char *
without_name(const char *line)
{
	static const char name[] = "scan2mail: ";

	return strncmp(line, name, sizeof(name) - 1) == 0 ? line + sizeof(name) - 1
							  : line;
}

static void
log_last(struct run *r)
{
	if (r->last.len)
		log_message(
		    LEVEL_INFO, "%s: %s", r->label, without_name(buf_text(&r->last)));
	buf_reset(&r->last);
}

/* The line is whole: the one before it is not the last. */
static void
end_line(struct run *r)
{
	struct buf whole = r->line;

	if (whole.len == 0)
		return;
	log_last(r);
	r->line = r->last;
	r->last = whole;
}

static void
take_bytes(struct run *r, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] == '\n')
			end_line(r);
		else if (bytes[i])
			buf_putc(&r->line, bytes[i]);
}

void
run_read(struct run *r)
{
	char bytes[READ_SIZE];
	ssize_t n = 1;

	for (int i = 0; i < READS_MAX && r->output >= 0 && n > 0; i++) {
		n = read(r->output, bytes, sizeof(bytes));
		if (n > 0)
			take_bytes(r, bytes, (size_t)n);
	}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		close(r->output);
		r->output = -1;
	}
}

/* -- its end --------------------------------------------------------------------------*/

void
run_stop(struct run *r)
{
	kill(r->pid, SIGTERM);
}

void
run_kill(struct run *r)
{
	kill(-r->pid, SIGKILL);
	kill(r->pid, SIGKILL); /* where it has no group yet */
}

void
run_bound(struct run *r, int64_t now)
{
	if (now < r->due)
		return;
	if (r->stopped) {
		run_kill(r);
		r->due = INT64_MAX;
		return;
	}
	log_message(LEVEL_WARNING, "%s: it has not ended for %d minutes: it is stopped",
	    r->label, RUN_MAX_MS / MINUTE_MS);
	run_stop(r);
	r->stopped = true;
	r->due = now + RUN_STOP_MS;
}

int64_t
run_due(const struct run *r)
{
	return r->due;
}

static int
exit_code(pid_t pid)
{
	int state = 0;

	while (waitpid(pid, &state, 0) < 0 && errno == EINTR)
		continue;
	return WIFSIGNALED(state) ? SIGNALED + WTERMSIG(state) : WEXITSTATUS(state);
}

int
run_finish(struct run *r)
{
	int code;

	run_read(r);
	end_line(r);
	kill(-r->pid, SIGKILL); /* what it may have left; its own number is still held */
	code = exit_code(r->pid);
	if (code == EXIT_SUCCESS) {
		log_last(r);
	} else {
		log_message(LEVEL_ERROR, "%s: %s (exit code %d)", r->label,
		    r->last.len ? without_name(buf_text(&r->last)) : "failed", code);
	}
	free_run(r);
	return code;
}
