/* Tests of scan2mail/defaultqueue.c; what the server says: tests/integration/resend.t. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "scan2mail/defaultqueue.h"

static char root[64];

static int
remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

static void
put(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
}

static int
set_up(void **state)
{
	char path[128];

	(void)state;
	snprintf(root, sizeof(root), "/tmp/postroom-default-XXXXXX");
	assert_non_null(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/.cups", root);
	assert_int_equal(mkdir(path, 0700), 0);
	setenv("HOME", root, 1);
	setenv("CUPS_SERVERROOT", root, 1);
	unsetenv("LPDEST");
	unsetenv("PRINTER");
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	return nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void
assert_default(const char *wanted)
{
	char queue[LINK_QUEUE_MAX] = "";

	assert_true(default_queue(queue, NULL));
	assert_string_equal(queue, wanted);
}

static void
nearest_one_wins(void **state)
{
	(void)state;
	put("lpoptions", "Dest other\nDefault machine\n");
	assert_default("machine");
	put(".cups/lpoptions", "Defaults no\ndefault \t own/draft media=A4\nDefault z\n");
	assert_default("own");
	setenv("PRINTER", "lp", 1);
	assert_default("own");
	setenv("PRINTER", "printer", 1);
	assert_default("printer");
	setenv("LPDEST", "dest/draft", 1);
	assert_default("dest");
}

static void
names_have_bounds(void **state)
{
	char queue[LINK_QUEUE_MAX] = "untouched", long_name[LINK_QUEUE_MAX + 1];

	(void)state;
	memset(long_name, 'a', LINK_QUEUE_MAX);
	long_name[LINK_QUEUE_MAX] = '\0';
	assert_false(default_name(queue, long_name));
	assert_false(default_name(queue, ""));
	assert_false(default_name(queue, "/draft"));
	assert_string_equal(queue, "untouched");
	assert_true(default_name(queue, long_name + 1));
	assert_string_equal(queue, long_name + 1);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(nearest_one_wins),
		T(names_have_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
