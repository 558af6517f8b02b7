/* Tests of scan2mail/statedir.c. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "scan2mail/statedir.h"
#include "tests/unit/statedir_rig.h"

static void
folders_are_made_for_the_user_alone(void **state)
{
	char path[128];
	struct stat st;
	struct error e;
	int fd = -1, again = -1;

	(void)state;
	assert_int_equal(statedir_open(&fd, "numbers", &e), STATUS_OK);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(statedir_open(&again, "numbers", &e), STATUS_OK);
	close(again);
	close(fd);
	snprintf(path, sizeof(path), "%s/numbers", root);
	assert_int_equal(chmod(path, 0770), 0);
	assert_int_equal(statedir_open(&fd, "numbers", &e), STATUS_SETTINGS);
	assert_non_null(strstr(e.text, path));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/tmp", path), 0);
	assert_int_not_equal(statedir_open(&fd, "numbers", &e), STATUS_OK);
}

static void
the_environment_names_the_place(void **state)
{
	static const struct {
		const char *service, *state, *home, *path;
	} cases[] = {
		{ "/var/lib/a:/var/lib/b", "/s", "/h", "/var/lib/a/x" },
		{ "/var/lib/a", "/s", "/h", "/var/lib/a/x" },
		{ "", "/s", "/h", "/s/postroom/x" },
		{ "var", "s", "/h", "/h/.local/state/postroom/x" },
		{ NULL, NULL, "/h", "/h/.local/state/postroom/x" },
	};
	char long_path[PATH_MAX + 1];
	struct error e = { "" };
	struct buf path;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsetenv("STATE_DIRECTORY");
		unsetenv("XDG_STATE_HOME");
		if (cases[i].service)
			setenv("STATE_DIRECTORY", cases[i].service, 1);
		if (cases[i].state)
			setenv("XDG_STATE_HOME", cases[i].state, 1);
		setenv("HOME", cases[i].home, 1);
		buf_init(&path, PATH_MAX);
		assert_int_equal(statedir_path(&path, "x", NULL), STATUS_OK);
		assert_string_equal(buf_text(&path), cases[i].path);
		buf_clear(&path);
	}
	memset(long_path, '/', PATH_MAX);
	long_path[PATH_MAX] = '\0';
	setenv("STATE_DIRECTORY", long_path, 1);
	buf_init(&path, 2 * PATH_MAX);
	assert_int_equal(statedir_path(&path, "x", &e), STATUS_SETTINGS);
	assert_non_null(strstr(e.text, "HOME"));
	buf_clear(&path);
}

static void
folders_above_are_made_too(void **state)
{
	char deep[128];
	int fd = -1;

	(void)state;
	snprintf(deep, sizeof(deep), "%s/one/two", root);
	setenv("STATE_DIRECTORY", deep, 1);
	assert_int_equal(statedir_open(&fd, "numbers", NULL), STATUS_OK);
	close(fd);
	assert_int_equal(access(deep, F_OK), 0);
}

static void
need_root(void)
{
	if (geteuid() != 0) {
		print_message("# needs root: a folder that belongs to somebody else\n");
		skip();
	}
}

/* Nothing is made below what another user owns, as HOME is with `sudo -E`. */
static void
other_users_homes_are_left_alone(void **state)
{
	char path[128];
	struct error e = { "" };
	int fd = -1;

	(void)state;
	need_root();
	assert_int_equal(chown(root, 65534, 65534), 0);
	unsetenv("STATE_DIRECTORY");
	unsetenv("XDG_STATE_HOME");
	setenv("HOME", root, 1);
	assert_int_equal(statedir_open(&fd, "scans", &e), STATUS_SETTINGS);
	assert_non_null(strstr(e.text, "belongs to user 65534: run it as that user"));
	snprintf(path, sizeof(path), "%s/.local", root);
	assert_int_equal(access(path, F_OK), -1);
	setenv("STATE_DIRECTORY", root, 1);
	assert_int_equal(statedir_open(&fd, "scans", &e), STATUS_SETTINGS);
	snprintf(path, sizeof(path), "%s/scans", root);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chown(path, 65533, 65533), 0);
	assert_int_equal(statedir_open(&fd, "scans", &e), STATUS_SETTINGS);
	assert_non_null(strstr(e.text, "belongs to user 65533: run it as that user"));
	assert_null(strstr(e.text, "chown"));
	assert_int_equal(chown(root, 0, 0), 0);
}

/* What a killed run, or anybody, has left in the place of the temporary file. */
static void
leavings_are_replaced(void **state)
{
	struct buf text, got;
	struct stat st;
	int fd = -1;

	(void)state;
	assert_int_equal(statedir_open(&fd, "x", NULL), STATUS_OK);
	buf_init(&text, 100);
	buf_init(&got, 100);
	buf_puts(&text, "text");
	assert_int_equal(mkfifoat(fd, ".one", 0600), 0);
	assert_true(statedir_write(fd, "one", &text));
	plant(fd, "other", "other", 5);
	assert_int_equal(linkat(fd, "other", fd, ".one", 0), 0);
	assert_true(statedir_write(fd, "one", &text));
	assert_true(statedir_read(&got, fd, "other"));
	assert_string_equal(buf_text(&got), "other");
	assert_int_equal(fstatat(fd, "one", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(st.st_mode));
	buf_clear(&text);
	buf_clear(&got);
	close(fd);
}

static void
files_are_replaced_whole(void **state)
{
	struct buf text, got;
	struct dirent *entry;
	unsigned files = 0;
	int fd = -1;
	DIR *dir;

	(void)state;
	assert_int_equal(statedir_open(&fd, "x", NULL), STATUS_OK);
	buf_init(&got, 100);
	buf_init(&text, 100);
	errno = 0;
	assert_false(statedir_read(&got, fd, "one"));
	assert_int_equal(errno, ENOENT);
	buf_puts(&text, "first, and long\n");
	assert_true(statedir_write(fd, "one", &text));
	buf_reset(&text);
	buf_puts(&text, "next\n");
	assert_true(statedir_write(fd, "one", &text));
	assert_true(statedir_read(&got, fd, "one"));
	assert_string_equal(buf_text(&got), "next\n");
	dir = fdopendir(dup(fd));
	assert_non_null(dir);
	while ((entry = readdir(dir)))
		files += entry->d_name[0] != '.' || entry->d_name[1] == 'o';
	assert_int_equal(files, 1);
	closedir(dir);
	buf_clear(&text);
	buf_clear(&got);
	close(fd);
}

static void
what_cannot_be_written_stays(void **state)
{
	struct buf text, got;
	int fd = -1;

	(void)state;
	assert_int_equal(statedir_open(&fd, "x", NULL), STATUS_OK);
	assert_int_equal(mkdirat(fd, "place", 0700), 0);
	buf_init(&got, 100);
	buf_init(&text, 100);
	buf_puts(&text, "text");
	assert_false(statedir_write(fd, "place", &text));
	assert_int_equal(errno, EISDIR);
	assert_int_equal(faccessat(fd, ".place", F_OK, 0), -1);
	assert_false(statedir_read(&got, fd, "place"));
	plant(fd, "short", "secret", 6);
	assert_int_equal(symlinkat("short", fd, "link"), 0);
	assert_false(statedir_read(&got, fd, "link"));
	assert_int_equal(got.len, 0);
	buf_clear(&text);
	close(fd);
}

static void
long_files_are_told_apart(void **state)
{
	char *bytes = calloc(1, STATEDIR_FILE_MAX + 1);
	struct buf got;
	int fd = -1;

	(void)state;
	assert_non_null(bytes);
	assert_int_equal(statedir_open(&fd, "x", NULL), STATUS_OK);
	plant(fd, "f", bytes, STATEDIR_FILE_MAX);
	buf_init(&got, STATEDIR_FILE_MAX);
	assert_true(statedir_read(&got, fd, "f"));
	assert_int_equal(got.len, STATEDIR_FILE_MAX);
	buf_clear(&got);
	plant(fd, "f", bytes, STATEDIR_FILE_MAX + 1);
	errno = 0;
	assert_false(statedir_read(&got, fd, "f"));
	assert_int_equal(errno, EFBIG);
	buf_init(&got, 3);
	plant(fd, "f", "1234", 4);
	errno = 0;
	assert_false(statedir_read(&got, fd, "f"));
	assert_int_equal(errno, EFBIG);
	buf_clear(&got);
	free(bytes);
	close(fd);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(folders_are_made_for_the_user_alone),
		T(the_environment_names_the_place),
		T(folders_above_are_made_too),
		T(other_users_homes_are_left_alone),
		T(leavings_are_replaced),
		T(files_are_replaced_whole),
		T(what_cannot_be_written_stays),
		T(long_files_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
