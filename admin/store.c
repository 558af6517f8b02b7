/* store: the folder of tokens (store.h). */
#include "admin/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/folder.h"

enum {
	PATH_MAX_BYTES = 1024,
};

enum status
store_open(int *folder, const struct config *config, struct error *e)
{
	char path[PATH_MAX_BYTES];
	const struct folder top = { config->state_dir, "", 0755, geteuid(), getegid(),
		NULL };
	const struct folder tokens = { "tokens", path, 0700, geteuid(), getegid(), NULL };
	enum status status;
	int fd = -1;

	if (snprintf(path, sizeof(path), "%s/", config->state_dir) >= (int)sizeof(path))
		return error_set(e, STATUS_SETTINGS, "state_dir has too long a path");
	status = folder_open(&fd, AT_FDCWD, &top, e);
	if (status == STATUS_OK)
		status = folder_open(folder, fd, &tokens, e);
	if (fd >= 0)
		close(fd);
	return status;
}
