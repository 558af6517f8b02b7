/* machine: what is looked at beside the accounts (machine.h). */
#include "admin/machine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/account/account.h"
#include "lib/base/priv.h"
#include "lib/account/value.h"

enum {
	MODE = 07777,
	OTHERS_ANY = S_IRWXG | S_IRWXO,
	OTHERS_WRITE = S_IWGRP | S_IWOTH,
	STRAYS_MAX = 20, /* files of tokens without an account that are named */
};

static const char CUPS_CONFIG[] = "/usr/bin/cups-config";
/* As libcups has it: where CUPS's programs are, instead of what it was built with. */
static const char CUPS_VARIABLE[] = "CUPS_SERVERBIN";

/* -- the user, and the folder -------------------------------------------------------- */

static void
examine_user(struct findings *f, const struct config *config)
{
	struct identity id;
	struct error e;

	if (priv_lookup(&id, config->user, &e) == STATUS_OK)
		finding(f, SEVERITY_OK, "user %s is there (%u)", config->user, id.uid);
	else
		finding(f, SEVERITY_ERROR, "%s", e.text);
}

/* A folder that is missing is made by the first job, where it can be. */
static void
examine_missing(struct findings *f, const char *path)
{
	char parent[PATH_MAX];
	struct stat st;
	char *slash;

	snprintf(parent, sizeof(parent), "%s", path);
	slash = strrchr(parent, '/');
	slash[slash == parent] = '\0';
	if (stat(parent, &st) == 0 && S_ISDIR(st.st_mode))
		finding(f, SEVERITY_OK,
		    "state_dir %s is not there yet; it is made when it is first needed",
		    path);
	else
		finding(f, SEVERITY_ERROR,
		    "state_dir %s cannot be made, as the folder above it is missing; "
		    "create it, or name another state_dir",
		    path);
}

/* Whether the disk takes anything. */
static void
examine_room(struct findings *f, const char *path)
{
	struct statvfs room;

	if (statvfs(path, &room) != 0)
		finding(f, SEVERITY_ERROR, "state_dir %s cannot be examined: %s", path,
		    strerror(errno));
	else if (room.f_flag & ST_RDONLY)
		finding(f, SEVERITY_ERROR,
		    "state_dir %s is on a file system that is mounted read-only; name "
		    "another state_dir, or mount it for writing",
		    path);
	else if (room.f_bavail == 0 || (room.f_files > 0 && room.f_favail == 0))
		finding(f, SEVERITY_ERROR,
		    "state_dir %s is on a file system that is full; make room there",
		    path);
	else
		finding(
		    f, SEVERITY_OK, "state_dir %s is root's and can be written", path);
}

static void
examine_state(struct findings *f, const char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0 && errno == ENOENT)
		examine_missing(f, path);
	else if (lstat(path, &st) != 0 && errno == EACCES && geteuid() != 0)
		finding_unseen(f, path);
	else if (lstat(path, &st) != 0)
		finding(f, SEVERITY_ERROR, "state_dir %s cannot be used: %s", path,
		    strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		finding(f, SEVERITY_ERROR,
		    "state_dir %s is no folder (or a symbolic link); name another "
		    "state_dir",
		    path);
	else if (st.st_uid != 0 || st.st_mode & OTHERS_WRITE)
		finding(f, SEVERITY_ERROR,
		    "state_dir %s belongs to user %u with mode %04o; run: chown root %s; "
		    "chmod 0755 %s",
		    path, (unsigned)st.st_uid, (unsigned)st.st_mode & MODE, path, path);
	else
		examine_room(f, path);
}

/* -- tokens of nobody ---------------------------------------------------------------- */

/* The account whose tokens a file of the folder of tokens (vault.h) holds, or was to
 * hold; false where it is another file. */
static bool
read_owner(char owner[VALUE_NAME_MAX + 1], const char *file)
{
	const char *making = strstr(file, ".new-");
	size_t len = making ? (size_t)(making - file) : strlen(file);

	if (len > VALUE_NAME_MAX)
		return false;
	memcpy(owner, file, len);
	owner[len] = '\0';
	return value_check_name(owner, NULL) == STATUS_OK;
}

/* Tells of a file whose account is gone, or signs in otherwise; whether it is one. */
static bool
tell_stray(struct findings *f, const struct config *config, const char *file, bool quiet)
{
	char owner[VALUE_NAME_MAX + 1];
	const struct account *a;

	if (!read_owner(owner, file))
		return false;
	a = config_account(config, owner);
	if (a && (account_is_oauth(a) || a->place.faults > 0))
		return false;
	if (!quiet)
		finding(f, SEVERITY_WARNING,
		    "%s/tokens/%s is left from an account that %s, and its tokens may "
		    "still be good; run: rm %s/tokens/%s",
		    config->state_dir, file,
		    a ? "signs in otherwise now" : "is not in these settings",
		    config->state_dir, file);
	return true;
}

/* What an account leaves that is renamed, removed, or back on a password. */
static void
examine_strays(struct findings *f, const struct config *config)
{
	char path[PATH_MAX];
	struct dirent **list = NULL;
	unsigned strays = 0;
	int folder, count;

	snprintf(path, sizeof(path), "%s/tokens", config->state_dir);
	folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		return; /* an account that needs it says so */
	count = scandirat(folder, ".", &list, NULL, alphasort);
	close(folder);
	for (int i = 0; i < count; i++) {
		strays += tell_stray(f, config, list[i]->d_name, strays >= STRAYS_MAX);
		free(list[i]);
	}
	free(list);
	if (strays > STRAYS_MAX)
		finding(f, SEVERITY_WARNING, "%u more such files are in %s",
		    strays - (unsigned)STRAYS_MAX, path);
}

/* -- the backend --------------------------------------------------------------------- */

/* In the child: becomes cups-config, which writes to `line`. */
static void __attribute__((noreturn)) become_cups_config(int line)
{
	char *const arguments[] = { (char *)"cups-config", (char *)"--serverbin", NULL };
	char *const environment[] = { (char *)"PATH=/usr/bin:/bin", NULL };
	int none = open("/dev/null", O_RDWR);

	if (none >= 0 && dup2(none, STDIN_FILENO) >= 0 &&
	    dup2(none, STDERR_FILENO) >= 0 && dup2(line, STDOUT_FILENO) >= 0)
		execve(CUPS_CONFIG, arguments, environment);
	_exit(1);
}

/* What cups-config says; false where it is not installed, or says nothing of use. */
static bool
ask_cups_config(char path[PATH_MAX])
{
	size_t len = PATH_MAX - 1;
	bool good = false;
	int ends[2], state = 0;
	pid_t child;

	if (access(CUPS_CONFIG, X_OK) != 0 || pipe2(ends, O_CLOEXEC) != 0)
		return false;
	child = fork();
	if (child == 0)
		become_cups_config(ends[1]);
	close(ends[1]);
	if (child > 0) {
		good = file_read(ends[0], path, &len, CUPS_CONFIG, NULL) == STATUS_OK;
		while (waitpid(child, &state, 0) < 0 && errno == EINTR)
			continue;
	}
	close(ends[0]);
	if (!good || state != 0)
		return false;
	path[len] = '\0';
	path[strcspn(path, "\n")] = '\0';
	return *path == '/';
}

/* Root's alone: only then cupsd starts it as root, which alone can open the secret. */
static void
examine_backend(struct findings *f)
{
	const char *named = getenv(CUPS_VARIABLE);
	char folder[PATH_MAX], path[PATH_MAX + sizeof("/backend/mailto")];
	struct stat st;

	if (named && *named == '/')
		snprintf(folder, sizeof(folder), "%s", named);
	else if (!ask_cups_config(folder))
		return;
	snprintf(path, sizeof(path), "%s/backend/mailto", folder);
	if (lstat(path, &st) != 0 && errno == ENOENT)
		finding(f, SEVERITY_WARNING,
		    "the backend %s is not installed: this machine can have no mail queue",
		    path);
	else if (lstat(path, &st) != 0)
		finding_unseen(f, path);
	else if (!S_ISREG(st.st_mode) || st.st_uid != 0 || st.st_mode & OTHERS_ANY ||
	    !(st.st_mode & S_IXUSR))
		finding(f, SEVERITY_ERROR,
		    "the backend %s belongs to user %u with mode %04o, and CUPS would not "
		    "start it as root; run: chown root:root %s; chmod 0700 %s",
		    path, (unsigned)st.st_uid, (unsigned)st.st_mode & MODE, path, path);
	else
		finding(f, SEVERITY_OK, "the backend %s is root's alone", path);
}

void
machine_examine(struct findings *f, const struct config *config)
{
	examine_user(f, config);
	examine_state(f, config->state_dir);
	examine_strays(f, config);
	examine_backend(f);
}
