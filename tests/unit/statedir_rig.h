/*
 * A state folder of the test's own, for the tests of statedir and counter.
 */
#ifndef POSTROOM_TEST_STATEDIR_RIG_H
#define POSTROOM_TEST_STATEDIR_RIG_H

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];

static inline int
remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

static inline int
set_up(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/postroom-state-XXXXXX");
	assert_non_null(mkdtemp(root));
	assert_int_equal(setenv("STATE_DIRECTORY", root, 1), 0);
	return 0;
}

static inline int
tear_down(void **state)
{
	(void)state;
	return nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Writes a file of the folder as it stands. */
static inline void
plant(int folder, const char *name, const char *bytes, size_t len)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	close(fd);
}

#endif
