/* Tests of lib/base/folder.c: folders made, taken and refused. As root. */
#include <errno.h>
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

#include "lib/base/folder.h"

enum {
	NOBODY = 65534,
};

static char base[] = "/tmp/test_folder.XXXXXX";
static int parent = -1;
static struct error e;

static int
make_base(void **state)
{
	(void)state;
	if (!mkdtemp(base))
		return -1;
	parent = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return parent < 0 ? -1 : 0;
}

static int
remove_base(void **state)
{
	(void)state;
	close(parent);
	return rmdir(base);
}

static void
remove_it(void)
{
	if (unlinkat(parent, "it", AT_REMOVEDIR) != 0)
		assert_int_equal(unlinkat(parent, "it", 0), 0);
}

static struct folder
wanted(mode_t mode, uid_t owner)
{
	return (struct folder){ "it", base, mode, owner, owner, NULL };
}

/* Opens it, and says what it is then. */
static enum status
open_it(mode_t mode, uid_t owner, struct stat *st)
{
	const struct folder f = wanted(mode, owner);
	enum status status;
	int fd = -1;

	e.text[0] = '\0';
	status = folder_open(&fd, parent, &f, &e);
	assert_int_equal(status == STATUS_OK, fd >= 0);
	if (fd < 0)
		return status;
	assert_int_equal(fstat(fd, st), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	return status;
}

static void
makes_and_takes(void **state)
{
	static const struct {
		mode_t mode;
		uid_t owner;
	} rows[] = { { 0755, 0 }, { 0700, 0 }, { 0700, NOBODY } };
	struct stat st;

	(void)state;
	if (geteuid() != 0)
		skip(); /* only root gives folders away */
	umask(0);
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(
		    open_it(rows[i / 2].mode, rows[i / 2].owner, &st), STATUS_OK);
		assert_int_equal(st.st_mode, S_IFDIR | rows[i / 2].mode);
		assert_int_equal(st.st_uid, rows[i / 2].owner);
		assert_int_equal(st.st_gid, rows[i / 2].owner);
		if (i % 2)
			remove_it();
	}
}

/* Another run was killed between making it and giving it away. */
static void
gives_away_what_was_left(void **state)
{
	struct stat st;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdirat(parent, "it", 0700), 0);
	assert_int_equal(open_it(0700, NOBODY, &st), STATUS_OK);
	assert_int_equal(st.st_uid, NOBODY);
	remove_it();
}

static void
refuses_other_modes(void **state)
{
	static const struct {
		mode_t wanted, found;
		const char *remedy; /* NULL: it will do */
	} rows[] = {
		{ 0755, 0755, NULL },
		{ 0755, 0700, NULL },
		{ 0755, 0775, "chmod 0755" },
		{ 0755, 0757, "chmod 0755" },
		{ 0700, 0700, NULL },
		{ 0700, 0710, "chmod 0700" },
		{ 0700, 0704, "chmod 0700" },
	};
	struct stat st;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(mkdirat(parent, "it", 0700), 0);
		assert_int_equal(fchmodat(parent, "it", rows[i].found, 0), 0);
		assert_int_equal(open_it(rows[i].wanted, geteuid(), &st),
		    rows[i].remedy ? STATUS_SETTINGS : STATUS_OK);
		if (rows[i].remedy)
			assert_non_null(strstr(e.text, rows[i].remedy));
		remove_it();
	}
}

static void
refuses_strangers_and_links(void **state)
{
	struct folder missing = wanted(0755, geteuid());
	struct stat st;
	int fd = -1;

	(void)state;
	if (geteuid() == 0) {
		assert_int_equal(mkdirat(parent, "it", 0700), 0);
		assert_int_equal(fchownat(parent, "it", NOBODY, NOBODY, 0), 0);
		assert_int_equal(open_it(0755, 0, &st), STATUS_SETTINGS);
		assert_non_null(strstr(e.text, "belongs to user 65534"));
		remove_it();
	}
	assert_int_equal(symlinkat("/tmp", parent, "it"), 0);
	assert_int_equal(open_it(0755, geteuid(), &st), STATUS_SETTINGS);
	assert_non_null(strstr(e.text, "symbolic link"));
	remove_it();
	fd = openat(parent, "it", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	assert_int_equal(open_it(0755, geteuid(), &st), STATUS_SETTINGS);
	remove_it();
	missing.name = "nowhere/it";
	assert_int_equal(folder_open(&fd, parent, &missing, &e), STATUS_SETTINGS);
	assert_non_null(strstr(e.text, "the folder above it is missing"));
	missing.name = "/proc/it";
	assert_int_equal(folder_open(&fd, parent, &missing, &e), STATUS_SETTINGS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_and_takes),
		cmocka_unit_test(gives_away_what_was_left),
		cmocka_unit_test(refuses_other_modes),
		cmocka_unit_test(refuses_strangers_and_links),
	};

	return cmocka_run_group_tests(tests, make_base, remove_base);
}
