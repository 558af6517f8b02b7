/*
 * What the tests of lib/login/tokenfile.c share: a folder of their own below /tmp.
 * To be included once, by a test.
 */
#ifndef POSTROOM_TESTS_TOKENFILE_RIG_H
#define POSTROOM_TESTS_TOKENFILE_RIG_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/file.h"
#include "lib/login/tokenfile.h"

enum {
	PATIENCE = 60, /* seconds after which a lock counts as never given back */
};

static char path[] = "/tmp/postroom-test-XXXXXX";
static int folder;
static struct tokenfile file, second; /* the same file, as two processes have it */
static struct tokens old, new, found;
static struct error error;
static bool damaged;

static inline int
make_folder(void **state)
{
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	snprintf(path, sizeof(path), "/tmp/postroom-test-XXXXXX");
	if (!mkdtemp(path))
		return -1;
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tokens_wipe(&old);
	tokens_wipe(&new);
	old.identity = new.identity = 7;
	memset(old.refresh, 'o', TOKEN_MAX);
	memset(new.refresh, 'n', TOKEN_MAX);
	snprintf(old.refreshed.name, MOMENT_BOOT_MAX, "boot");
	snprintf(new.refreshed.name, MOMENT_BOOT_MAX, "boot");
	if (tokenfile_init(&file, folder, "Office365", NULL) != STATUS_OK ||
	    tokenfile_init(&second, folder, "office365", NULL) != STATUS_OK)
		return -1;
	return folder < 0;
}

static inline int
remove_folder(void **state)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	(void)state;
	tokenfile_unlock(&file);
	tokenfile_unlock(&second);
	while (dir && (entry = readdir(dir)))
		if (unlinkat(folder, entry->d_name, 0) != 0)
			unlinkat(folder, entry->d_name, AT_REMOVEDIR);
	closedir(dir);
	close(folder);
	return rmdir(path);
}

static inline bool
exists(const char *name)
{
	return faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static inline size_t
count_leftovers(void)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	size_t count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		count += strncmp(entry->d_name, "office365.new-", 14) == 0;
	closedir(dir);
	return count;
}

static inline void
write_file(const char *name, const void *bytes, size_t len)
{
	int fd = openat(folder, name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_true(file_write(fd, bytes, len));
	close(fd);
}

static inline void
cut_file(const char *name, off_t len)
{
	int fd = openat(folder, name, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, len), 0);
	close(fd);
}

static inline void
good(enum status status)
{
	if (status != STATUS_OK)
		fail_msg("%s", error.text);
}

static inline void
store(const struct tokens *t)
{
	good(tokenfile_lock(&file, 0, &error));
	good(tokenfile_write(&file, t, &error));
	tokenfile_unlock(&file);
}

static inline bool
is_found(const struct tokens *t)
{
	good(tokenfile_read(&found, &damaged, &second, &error));
	return memcmp(&found, t, sizeof(found)) == 0;
}

#define file_test(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

#endif
