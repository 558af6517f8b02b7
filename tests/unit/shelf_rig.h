/* shelf_rig: a state folder of a test's own, found through XDG_STATE_HOME. */
#ifndef POSTROOM_SHELF_RIG_H
#define POSTROOM_SHELF_RIG_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct rack {
	char state[64];
	char scans[128]; /* not made yet */
	char text[4096]; /* what rack_get() has read */
};

static inline int
rack_make(struct rack *r)
{
	snprintf(r->state, sizeof(r->state), "/tmp/postroom-shelf-XXXXXX");
	unsetenv("STATE_DIRECTORY");
	if (!mkdtemp(r->state))
		return 0;
	snprintf(r->scans, sizeof(r->scans), "%s/postroom/scans", r->state);
	return setenv("XDG_STATE_HOME", r->state, 1) == 0;
}

static inline int
rack_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline int
rack_remove(struct rack *r)
{
	return nftw(r->state, rack_remove_one, 10, FTW_DEPTH | FTW_PHYS) == 0;
}

/* What a file on the shelf holds; "" when it is not there. */
static inline const char *
rack_get(struct rack *r, const char *name)
{
	char path[400];
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", r->scans, name);
	fd = open(path, O_RDONLY | O_NOFOLLOW);
	if (fd >= 0) {
		n = read(fd, r->text, sizeof(r->text) - 1);
		close(fd);
	}
	r->text[n > 0 ? n : 0] = '\0';
	return r->text;
}

static inline int
rack_put(struct rack *r, const char *name, const char *text)
{
	char path[400];
	int fd, good;

	snprintf(path, sizeof(path), "%s/postroom", r->state);
	mkdir(path, 0700);
	mkdir(r->scans, 0700);
	snprintf(path, sizeof(path), "%s/%s", r->scans, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	return good && close(fd) == 0;
}

#endif
