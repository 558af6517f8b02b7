/*
 * scan2maild: watches scanners' buttons and scans when one is pressed (scan2maild(8)).
 *
 * Stays in the foreground. Exit: 0 after SIGTERM or SIGINT; 1 a failure at the start,
 * said on standard error; 2 the command line is wrong; 78 (EX_CONFIG of sysexits.h) the
 * settings are faulty, which starting again does not mend.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/account/config.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "scan2mail/service.h"

enum {
	EXIT_USAGE = 2,
	EXIT_SETTINGS = 78, /* scan2maild.service knows it */
	FOLDER_MAX = PATH_MAX,
};

static const char help[] =
    "usage: scan2maild [--help | --version]\n"
    "Watches the buttons of scanners, as the [button] sections of postroom.conf\n"
    "say, and runs scan2mail with a button's profile when it is pressed.\n"
    "Stays in the foreground.\n"
    "SIGHUP reads the settings anew, SIGTERM ends it. See scan2maild(8).\n";

/* -- the start ---------------------------------------------------------------------- */

static int
print(const char *text)
{
	return fputs(text, stdout) < 0 || fflush(stdout) != 0 ? EXIT_FAILURE
							      : EXIT_SUCCESS;
}

static int
refuse_arguments(void)
{
	log_message(LEVEL_ERROR,
	    "it takes no arguments but --help and --version; the settings are those of "
	    "postroom.conf(5)");
	return EXIT_USAGE;
}

/* The path of scan2mail, which stands beside this program. */
static enum status
find_program(char out[PATH_MAX], struct error *e)
{
	static const char name[] = "scan2mail";
	ssize_t len = readlink("/proc/self/exe", out, FOLDER_MAX - 1);
	char *slash;

	if (len < 0)
		return error_errno(e, "/proc/self/exe cannot be read");
	out[len] = '\0';
	slash = strrchr(out, '/');
	if (!slash || (size_t)(slash + 1 - out) + sizeof(name) > PATH_MAX)
		return error_set(e, STATUS_RETRY, "the path of scan2mail is too long");
	memcpy(slash + 1, name, sizeof(name));
	if (access(out, X_OK) != 0)
		return error_errno(e, "%s cannot be run", out);
	return STATUS_OK;
}

/* A descriptor that gives the signals, which come no other way from now on; -1. */
static int
open_signals(struct error *e)
{
	sigset_t caught;
	int fd;

	sigemptyset(&caught);
	sigaddset(&caught, SIGHUP);
	sigaddset(&caught, SIGINT);
	sigaddset(&caught, SIGTERM);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL); /* who started it may ignore it */
	if (sigprocmask(SIG_BLOCK, &caught, NULL) != 0 ||
	    (fd = signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK)) < 0) {
		error_errno(e, "signals cannot be watched");
		return -1;
	}
	return fd;
}

/* Tells whoever started it, as sd_notify(3) does; nobody may be listening. */
static void
notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (len < 2 || len >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, len);
	if (*path == '@')
		address.sun_path[0] = '\0'; /* the abstract namespace, unix(7) */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL,
		(const struct sockaddr *)&address,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		log_message(
		    LEVEL_WARNING, "%s cannot be told: %s", path, strerror(errno));
	close(fd);
}

/* -- the rounds --------------------------------------------------------------------- */

static void
reload(struct service *s)
{
	struct error e;

	if (service_load(s, config_path(), &e) == STATUS_OK)
		log_message(LEVEL_INFO, "the settings are read anew");
	else
		log_message(LEVEL_ERROR, "%s; the settings from before stay", e.text);
}

/* Takes the signals that came. False: one of them ends it. */
static bool
take_signals(struct service *s, int fd)
{
	struct signalfd_siginfo info;
	bool again = false;

	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo != SIGHUP)
			return false;
		again = true;
	}
	if (again)
		reload(s);
	return true;
}

static void
go_round(struct service *s, int signals)
{
	struct pollfd fds[SERVICE_FDS_MAX + 1];
	int64_t wait;
	size_t n;

	do {
		service_work(s, clock_ms());
		n = service_poll(s, fds);
		fds[n++] = (struct pollfd){ .fd = signals, .events = POLLIN };
		wait = service_due(s) - clock_ms();
		if (wait > INT_MAX)
			wait = INT_MAX;
		poll(fds, n, wait > 0 ? (int)wait : 0);
	} while (take_signals(s, signals));
}

static int
serve(void)
{
	char program[PATH_MAX];
	struct service *service = NULL;
	struct error e;
	int signals = open_signals(&e);
	enum status status = signals >= 0 ? find_program(program, &e) : STATUS_RETRY;

	if (status == STATUS_OK && !(service = service_new(program)))
		status = error_set(&e, STATUS_RETRY, "out of memory");
	if (status == STATUS_OK)
		status = service_load(service, config_path(), &e);
	if (status == STATUS_OK) {
		notify("READY=1");
		go_round(service, signals);
		notify("STOPPING=1");
	} else {
		log_message(LEVEL_ERROR, "%s", e.text);
	}
	service_end(service);
	if (signals >= 0)
		close(signals);
	if (status == STATUS_SETTINGS)
		return EXIT_SETTINGS;
	return status == STATUS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	log_open(LOG_PLAIN, "scan2maild", LEVEL_INFO);
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return print(help);
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return print("scan2maild (Postroom) " POSTROOM_VERSION "\n");
	if (argc != 1)
		return refuse_arguments();
	return serve();
}
