/* Tests of backend/spool.c: a folder as cupsd keeps it, in a folder of the test's own. */
#include <dirent.h>
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

#include "backend/spool.h"
#include "lib/base/file.h"

enum {
	PATH_BYTES = 256,
};

static char root[] = "/tmp/postroom-spool-XXXXXX";
static size_t descriptors; /* that are open before a test */

static size_t
count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static const char *
path_of(const char *name)
{
	static char path[PATH_BYTES];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

static void
put(const char *name, const char *content)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

	assert_true(fd >= 0);
	assert_true(file_write(fd, content, strlen(content)));
	close(fd);
}

static int
make_root(void **state)
{
	(void)state;
	memset(root + strlen(root) - 6, 'X', 6);
	descriptors = count_descriptors();
	return mkdtemp(root) ? 0 : -1;
}

static int
remove_root(void **state)
{
	DIR *dir = opendir(root);
	struct dirent *entry;

	(void)state;
	if (!dir)
		return -1;
	while ((entry = readdir(dir)))
		if (unlinkat(dirfd(dir), entry->d_name, 0) != 0)
			unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
	closedir(dir);
	if (count_descriptors() != descriptors)
		return -1; /* a descriptor was left open */
	return rmdir(root);
}

/* What spool_open() makes of job `id`, the rest as cupsd says. */
static enum status
open_job(
    struct spool *s, const char *id, const char *file, const char *sheet, struct error *e)
{
	struct job j = { .id = strdup(id),
		.file = file ? strdup(file) : NULL,
		.sheet = strdup(sheet),
		.request_root = strdup(root) };
	enum status status = spool_open(s, &j, e);

	job_clear(&j);
	return status;
}

static void
check_content(int fd, const char *content)
{
	char bytes[64] = "";

	assert_true(pread(fd, bytes, sizeof(bytes) - 1, 0) >= 0);
	assert_string_equal(bytes, content);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static void
opens_all_documents(void **state)
{
	struct spool s = { 0 };
	struct error e;
	int first;

	(void)state;
	put("d00042-001", "one");
	put("d00042-002", "two");
	put("d00042-003", "three");
	put("d00042-005", "behind a gap");
	put("d00043-001", "another job's");
	put("c00042", "control");
	assert_int_equal(open_job(&s, "42", NULL, "document", &e), STATUS_OK);
	assert_int_equal(s.count, 3);
	check_content(s.fd[0], "one");
	check_content(s.fd[1], "two");
	check_content(s.fd[2], "three");
	assert_false(s.banner_first || s.banner_last);
	first = s.fd[0];
	spool_close(&s);
	assert_int_equal(s.count, 0);
	assert_int_equal(fcntl(first, F_GETFD), -1);
	spool_close(&s);
}

static void
writes_numbers_as_cupsd_does(void **state)
{
	static const struct {
		const char *id, *name;
	} rows[] = {
		{ "7", "d00007-001" },
		{ "99999", "d99999-001" },
		{ "123456", "d123456-001" },
		{ "2147483647", "d2147483647-001" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spool s = { 0 };
		struct error e;

		put(rows[i].name, rows[i].name);
		assert_int_equal(open_job(&s, rows[i].id, NULL, "", &e), STATUS_OK);
		assert_int_equal(s.count, 1);
		check_content(s.fd[0], rows[i].name);
		spool_close(&s);
	}
}

static void
opens_the_given_file_alone(void **state)
{
	struct spool s = { 0 };
	struct error e;

	(void)state;
	put("d00042-001", "one");
	put("d00042-002", "two");
	assert_int_equal(
	    open_job(&s, "42", path_of("d00042-002"), "document", &e), STATUS_OK);
	assert_int_equal(s.count, 1);
	check_content(s.fd[0], "two");
	spool_close(&s);
	assert_int_equal(
	    open_job(&s, "42", path_of("d00042-009"), "document", &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, "cannot open the document /tmp/postroom-spool-"));
	assert_non_null(strstr(e.text, "No such file"));
}

static void
finds_banners(void **state)
{
	static const struct {
		const char *sheet, *first, *last;
		bool banner_first, banner_last;
	} rows[] = {
		{ "document", "text", "text", false, false },
		{ "job-sheet", "#PDF-BANNER\n", "text", true, false },
		{ "document", "text", "#PDF-BANNER\nTemplate x", false, true },
		{ "job-sheet", "#CUPS-BANNER\n", "#CUPS-BANNER\n", true, true },
		{ "document", "text", "#PDF-BANNE", false, false },
		{ "document", "text", " #PDF-BANNER", false, false },
		{ "document", "text", "", false, false },
		/* cupsd tells of the first; what merely looks like one is a document */
		{ "document", "#PDF-BANNER\n", "text", false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spool s = { 0 };
		struct error e;

		put("d00001-001", rows[i].first);
		put("d00001-002", rows[i].last);
		assert_int_equal(open_job(&s, "1", NULL, rows[i].sheet, &e), STATUS_OK);
		assert_int_equal(s.count, 2);
		assert_int_equal(s.banner_first, rows[i].banner_first);
		assert_int_equal(s.banner_last, rows[i].banner_last);
		spool_close(&s);
	}
}

/* A banner alone is no last banner: it is the job. */
static void
one_document_is_no_last_banner(void **state)
{
	struct spool s = { 0 };
	struct error e;

	(void)state;
	put("d00001-001", "#PDF-BANNER\n");
	assert_int_equal(open_job(&s, "1", NULL, "document", &e), STATUS_OK);
	assert_false(s.banner_first || s.banner_last);
	spool_close(&s);
}

/* What spool_open() finds for job 1 in a folder of this name. */
static size_t
count_in(const char *folder)
{
	struct job j = {
		.id = strdup("1"), .sheet = strdup(""), .request_root = strdup(folder)
	};
	struct spool s = { .count = 7 };
	struct error e;
	size_t count;

	assert_int_equal(spool_open(&s, &j, &e), STATUS_OK);
	count = s.count;
	spool_close(&s);
	job_clear(&j);
	return count;
}

static void
does_without_a_folder(void **state)
{
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	put("d00001-001", "one");
	assert_int_equal(count_in(root), 1);
	assert_int_equal(count_in(""), 0);
	assert_int_equal(count_in("/nowhere/at/all"), 0);
	/* never from the current folder */
	assert_int_equal(chdir("/tmp"), 0);
	assert_int_equal(count_in(strrchr(root, '/') + 1), 0);
	assert_int_equal(fchdir(here), 0);
	close(here);
}

static void
opens_plain_files_only(void **state)
{
	struct spool s = { .count = 7 };
	struct error e;

	(void)state;
	put("target", "secret");
	put("d00001-001", "one");
	assert_int_equal(symlink("target", path_of("d00001-002")), 0);
	assert_int_equal(open_job(&s, "1", NULL, "", &e), STATUS_RETRY);
	assert_int_equal(unlink(path_of("d00001-002")), 0);
	/* no writer: opening it must not wait */
	assert_int_equal(mkfifo(path_of("d00001-002"), 0600), 0);
	assert_int_equal(open_job(&s, "1", NULL, "", &e), STATUS_RETRY);
	assert_int_equal(unlink(path_of("d00001-002")), 0);
	assert_int_equal(mkdir(path_of("d00001-002"), 0700), 0);
	assert_int_equal(open_job(&s, "1", NULL, "", &e), STATUS_RETRY);
	assert_int_equal(s.count, 7); /* untouched */
}

static void
limits_documents(void **state)
{
	struct spool s = { 0 };
	struct error e;
	char name[32];

	(void)state;
	for (int i = 1; i <= SPOOL_FILES_MAX; i++) {
		snprintf(name, sizeof(name), "d00001-%03d", i);
		put(name, "x");
	}
	assert_int_equal(open_job(&s, "1", NULL, "", &e), STATUS_OK);
	assert_int_equal(s.count, SPOOL_FILES_MAX);
	assert_false(s.too_many);
	spool_close(&s);
	snprintf(name, sizeof(name), "d00001-%03d", SPOOL_FILES_MAX + 1);
	put(name, "x");
	assert_int_equal(open_job(&s, "1", NULL, "", &e), STATUS_OK);
	assert_true(s.too_many);
	spool_close(&s);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(opens_all_documents),
		IN_FOLDER(writes_numbers_as_cupsd_does),
		IN_FOLDER(opens_the_given_file_alone),
		IN_FOLDER(finds_banners),
		IN_FOLDER(one_document_is_no_last_banner),
		IN_FOLDER(does_without_a_folder),
		IN_FOLDER(opens_plain_files_only),
		IN_FOLDER(limits_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
