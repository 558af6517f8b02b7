/* statedir: the user's own state folder (statedir.h). */
#include "scan2mail/statedir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/folder.h"

enum {
	FOLDER_MODE = 0700,
	FILE_MODE = 0600,
};

static const char *
find_home(void)
{
	const char *home = getenv("HOME");
	const struct passwd *user;

	if (home && *home == '/')
		return home;
	user = getpwuid(geteuid());
	return user ? user->pw_dir : "";
}

enum status
statedir_path(struct buf *out, const char *name, struct error *e)
{
	const char *service = getenv("STATE_DIRECTORY");
	const char *state = getenv("XDG_STATE_HOME");
	size_t before = out->len;

	if (service && *service == '/')
		buf_add(out, service, strcspn(service, ":"));
	else if (state && *state == '/')
		buf_printf(out, "%s/postroom", state);
	else
		buf_printf(out, "%s/.local/state/postroom", find_home());
	buf_printf(out, "/%s", name);
	if (out->over || out->len - before >= PATH_MAX || buf_text(out)[before] != '/')
		return error_set(e, STATUS_SETTINGS,
		    "there is no folder for what is kept: set HOME or XDG_STATE_HOME to an "
		    "absolute path");
	return STATUS_OK;
}

static enum status
refuse(const char *path, uid_t owner, struct error *e)
{
	return error_set(e, STATUS_SETTINGS, "%s belongs to user %u: run it as that user",
	    path, (unsigned)owner);
}

/* Makes what is missing above a path, and nothing below what is another user's: with
 * `sudo -E` HOME is, and what root made there would be in that user's way. */
static enum status
make_folders(const char *path, struct error *e)
{
	char part[PATH_MAX], strange[PATH_MAX] = "";
	struct stat st, owner = { 0 };

	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = part; (slash = strchr(slash + 1, '/')); *slash = '/') {
		*slash = '\0';
		if (stat(part, &st) != 0) {
			if (*strange)
				return refuse(strange, owner.st_uid, e);
			mkdir(part, FOLDER_MODE); /* the last one tells of failures */
		} else if (st.st_uid != geteuid() && st.st_uid != 0) {
			snprintf(strange, sizeof(strange), "%s", part);
			owner = st;
		}
	}
	if (lstat(path, &st) == 0)
		return st.st_uid == geteuid() ? STATUS_OK : refuse(path, st.st_uid, e);
	return *strange ? refuse(strange, owner.st_uid, e) : STATUS_OK;
}

enum status
statedir_open(int *out, const char *name, struct error *e)
{
	enum status status;
	struct buf path;

	buf_init(&path, PATH_MAX);
	status = statedir_path(&path, name, e);
	if (status == STATUS_OK) {
		const struct folder folder = {
			.name = buf_text(&path),
			.path = "",
			.mode = FOLDER_MODE,
			.remedy = "set XDG_STATE_HOME to another folder",
			.owner = geteuid(),
			.group = getegid(),
		};

		status = make_folders(buf_text(&path), e);
		if (status == STATUS_OK)
			status = folder_open(out, AT_FDCWD, &folder, e);
	}
	buf_clear(&path);
	return status;
}

/* -- small files --------------------------------------------------------------------- */

bool
statedir_read(struct buf *out, int folder, const char *name)
{
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char *bytes = fd >= 0 ? malloc(STATEDIR_FILE_MAX) : NULL;
	size_t len = STATEDIR_FILE_MAX;
	bool good = bytes != NULL;

	if (good) {
		errno = EFBIG; /* which file_read() does not set */
		good = file_read(fd, bytes, &len, name, NULL) == STATUS_OK &&
		    buf_add(out, bytes, len);
	}
	free(bytes);
	if (fd >= 0)
		close(fd);
	return good;
}

bool
statedir_write(int folder, const char *name, const struct buf *text)
{
	char temporary[NAME_MAX + 1];
	bool good;
	int fd;

	snprintf(temporary, sizeof(temporary), ".%s", name);
	unlinkat(folder, temporary, 0); /* of a run that was killed, or whatever it is */
	fd = openat(folder, temporary,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return false;
	good = file_write(fd, buf_text(text), text->len) && fsync(fd) == 0;
	good = close(fd) == 0 && good && renameat(folder, temporary, folder, name) == 0;
	if (!good) {
		int saved = errno;

		unlinkat(folder, temporary, 0);
		errno = saved;
	}
	return good;
}
