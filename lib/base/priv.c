/* priv: giving up root (priv.h). */
#include "lib/base/priv.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	ACCOUNT_ENTRY_MAX = 64 * 1024, /* bytes of an account's entry in passwd */
};

enum status
priv_lookup(struct identity *out, const char *user, struct error *e)
{
	char entry[ACCOUNT_ENTRY_MAX];
	struct passwd pw, *found = NULL;

	errno = getpwnam_r(user, &pw, entry, sizeof(entry), &found);
	if (errno != 0 && errno != ENOENT && errno != ESRCH)
		return error_errno(e, "the account '%s' cannot be looked up", user);
	if (!found)
		return error_set(e, STATUS_SETTINGS,
		    "there is no account '%s' on this machine; create it "
		    "(systemd-sysusers), or name another one as 'user' in [postroom]",
		    user);
	if (pw.pw_uid == 0 || pw.pw_gid == 0)
		return error_set(e, STATUS_SETTINGS,
		    "the account '%s' is root, or in root's group; name an ordinary one "
		    "as 'user' in [postroom]",
		    user);
	*out = (struct identity){ .uid = pw.pw_uid, .gid = pw.pw_gid };
	return STATUS_OK;
}

void
priv_hide(void)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void
priv_spare(bool spare)
{
	const char *score = spare ? "-1000" : "0";
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, score, strlen(score)) < 0) {
		/* not root, or a system that forbids it: as it was */
	}
	close(fd);
}

static bool
is_root(void)
{
	uid_t real, effective, saved;

	return getresuid(&real, &effective, &saved) != 0 || real == 0 || effective == 0 ||
	    saved == 0;
}

static bool
drop_groups(const struct identity *id)
{
	(void)id;
	return setgroups(0, NULL) == 0 && getgroups(0, NULL) == 0;
}

static bool
drop_group(const struct identity *id)
{
	gid_t real, effective, saved;

	return setresgid(id->gid, id->gid, id->gid) == 0 &&
	    getresgid(&real, &effective, &saved) == 0 && real == id->gid &&
	    effective == id->gid && saved == id->gid;
}

static bool
drop_user(const struct identity *id)
{
	uid_t real, effective, saved;

	return setresuid(id->uid, id->uid, id->uid) == 0 &&
	    getresuid(&real, &effective, &saved) == 0 && real == id->uid &&
	    effective == id->uid && saved == id->uid;
}

/* True when each way back to root is shut. */
static bool
verify(const struct identity *id)
{
	const uid_t same = (uid_t)-1;

	(void)id;
	return setresuid(same, 0, same) != 0 && setuid(0) != 0 &&
	    setresgid(same, 0, same) != 0;
}

static bool
forbid_gain(const struct identity *id)
{
	(void)id;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/* In this order: once the user has changed, groups can no longer be given up. */
static const struct {
	bool (*take)(const struct identity *id);
	const char *name;
} steps[] = {
	{ drop_groups, "its further groups" },
	{ drop_group, "its group" },
	{ drop_user, "its user" },
	{ verify, "the way back" },
	{ forbid_gain, "privileges gained by programs" },
};

enum status
priv_drop(const struct identity *id, struct error *e)
{
	if (!is_root())
		return STATUS_OK;
	if (id->uid == 0 || id->gid == 0)
		return error_set(e, STATUS_SETTINGS,
		    "the worker's account is root; name an ordinary one as 'user' in "
		    "[postroom]");
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (!steps[i].take(id))
			return error_set(e, STATUS_SETTINGS,
			    "the worker could not give up %s (user %u, group %u): %s",
			    steps[i].name, id->uid, id->gid, strerror(errno));
	return STATUS_OK;
}
