/* Tests of backend/state.c: the folders of what outlives a run. */
#include <fcntl.h>
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

#include "backend/state.h"

enum {
	PATH_LENGTH = 64,
};

static char folder[PATH_LENGTH]; /* of the test */
static char user[] = "nobody";   /* exists everywhere */
static struct config config;

static int
make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/postroom-state-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int
remove_folder(void **state)
{
	static const char *const names[] = { "state/jobs", "state/limits", "state/tmp",
		"state", "" };
	char path[2 * PATH_LENGTH];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		if (remove(path) != 0)
			unlink(path);
	}
	return 0;
}

static struct config *
settings(const char *name)
{
	static char path[2 * PATH_LENGTH];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	config = (struct config){ .state_dir = path, .user = user };
	return &config;
}

static struct stat
look(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st;
}

static void
makes_what_is_missing(void **state)
{
	struct state s;
	struct stat tmp;
	struct error e;

	(void)state;
	assert_int_equal(state_open(&s, settings("state"), &e), STATUS_OK);
	assert_int_equal(look(s.jobs).st_mode, S_IFDIR | 0700);
	assert_int_equal(look(s.jobs).st_uid, geteuid());
	assert_int_equal(look(s.tokens).st_mode, S_IFDIR | 0700);
	assert_int_equal(look(s.tokens).st_uid, geteuid());
	assert_int_equal(look(s.limits).st_mode, S_IFDIR | 0700);
	if (geteuid() == 0)
		assert_int_not_equal(look(s.limits).st_uid, 0);
	assert_non_null(strstr(s.tmp, "/state/tmp"));
	assert_int_equal(stat(s.tmp, &tmp), 0);
	assert_int_equal(tmp.st_mode, S_IFDIR | 0700);
	assert_int_equal(tmp.st_uid, look(s.limits).st_uid);
	state_close(&s);
	assert_int_equal(s.jobs, -1);
	assert_int_equal(s.tokens, -1);
	assert_int_equal(state_open(&s, settings("state"), &e), STATUS_OK);
	state_close(&s);
}

/* What others could write, or what is no folder, is no place for journals. */
static void
refuses_what_is_not_its_own(void **state)
{
	struct state s = { .jobs = -1, .limits = -1, .tokens = -1 };
	struct error e;
	int fd;

	(void)state;
	assert_int_equal(mkdir(settings("state")->state_dir, 0777), 0);
	assert_int_equal(chmod(config.state_dir, 0777), 0);
	assert_int_equal(state_open(&s, &config, &e), STATUS_SETTINGS);
	assert_non_null(strstr(e.text, "chmod 0755"));
	assert_non_null(strstr(e.text, config.state_dir));
	assert_int_equal(rmdir(config.state_dir), 0);
	assert_int_equal(symlink("/tmp", config.state_dir), 0);
	assert_int_equal(state_open(&s, &config, &e), STATUS_SETTINGS);
	assert_non_null(strstr(e.text, "symbolic link"));
	assert_int_equal(unlink(config.state_dir), 0);
	fd = open(config.state_dir, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(state_open(&s, &config, &e), STATUS_SETTINGS);
	assert_non_null(strstr(e.text, "no folder"));
	assert_int_equal(s.jobs, -1);
	assert_int_equal(s.tokens, -1);
}

static void
names_a_missing_parent(void **state)
{
	struct state s = { .jobs = -1, .limits = -1, .tokens = -1 };
	struct error e;

	(void)state;
	assert_int_equal(state_open(&s, settings("missing/state"), &e), STATUS_SETTINGS);
	assert_non_null(strstr(e.text, "the folder above it is missing"));
	assert_int_equal(s.limits, -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    makes_what_is_missing, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
		    refuses_what_is_not_its_own, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
		    names_a_missing_parent, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
