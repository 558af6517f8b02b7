/* Tests of lib/send/jobfile.c, in a folder of their own below /tmp. */
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

#include "lib/base/file.h"
#include "lib/base/seal.h"
#include "lib/send/jobfile.h"
#include "lib/send/journal.h"

#define UUID "6d1ba6cf-6d1b-4a6c-9f6d-1ba6cf6d1ba6"

static const struct jobfile job = { UUID, "17" };
static const int64_t DAY = 24 * 60 * 60, NOW = 1800000000; /* in 2027 */

static char path[] = "/tmp/postroom-test-XXXXXX";
static int folder;
static struct error error;

static int
make_folder(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/tmp/postroom-test-XXXXXX");
	if (!mkdtemp(path))
		return -1;
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return folder < 0;
}

static int
remove_folder(void **state)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	(void)state;
	while (dir && (entry = readdir(dir)))
		if (unlinkat(folder, entry->d_name, 0) != 0)
			unlinkat(folder, entry->d_name, AT_REMOVEDIR);
	closedir(dir);
	close(folder);
	return rmdir(path);
}

/* The names in the folder but "." and "..". */
static size_t
count_files(void)
{
	DIR *dir = opendir(path);
	size_t count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2;
}

static bool
exists(const char *name)
{
	return faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
write_file(const char *name, const void *bytes, size_t len)
{
	int fd = openat(folder, name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_true(file_write(fd, bytes, len));
	close(fd);
}

/* A journal whose first line has this text. */
static void
write_journal(const char *name, const char *text)
{
	struct buf out;

	buf_init(&out, 1024);
	assert_true(seal_write(&out, text));
	write_file(name, out.data, out.len);
	buf_clear(&out);
}

/* Opens the job's journal; the caller closes it. */
static int
open_journal(bool set_aside)
{
	bool aside = !set_aside;
	int fd = -1;

	if (jobfile_open(&fd, folder, &job, &aside, &error) != STATUS_OK)
		fail_msg("%s", error.text);
	assert_int_equal(aside, set_aside);
	return fd;
}

static void
assert_refused(const struct jobfile *which, enum status status, const char *words)
{
	int fd = -7, lowest = dup(0), after;
	bool aside = true;

	close(lowest);
	assert_int_equal(jobfile_open(&fd, folder, which, &aside, &error), status);
	if (!strstr(error.text, words))
		fail_msg("'%s' is not in '%s'", words, error.text);
	assert_int_equal(fd, -7);
	assert_true(aside);
	after = dup(0);
	close(after);
	assert_int_equal(after, lowest); /* nothing stayed open */
}

static bool
is_in_doubt(int fd)
{
	struct journal *j;
	bool damaged, doubt;

	assert_int_equal(journal_load(&j, fd, &damaged, &error), STATUS_OK);
	assert_false(damaged);
	doubt = journal_summary(j)->uncertain;
	journal_free(j);
	return doubt;
}

/* -- opening ------------------------------------------------------------------------- */

static void
new_journal_has_a_birth(void **state)
{
	struct moment now = moment_now();
	struct journal *j;
	struct stat st;
	bool damaged;
	int fd = open_journal(false);

	(void)state;
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GETFL) & O_APPEND, O_APPEND);
	assert_int_equal(count_files(), 1);
	assert_true(exists(UUID));
	assert_int_equal(journal_load(&j, fd, &damaged, &error), STATUS_OK);
	assert_false(damaged || journal_summary(j)->uncertain);
	assert_in_range(moment_since(&now, &journal_summary(j)->first), 0, 10000);
	assert_int_equal(journal_try(j, &now, &error), STATUS_OK);
	journal_free(j);
	assert_int_equal(
	    journal_load(&j, open_journal(false), &damaged, &error), STATUS_OK);
	assert_int_equal(journal_summary(j)->attempts, 1);
	journal_free(j);
}

static void
one_backend_has_it_at_a_time(void **state)
{
	int fd = open_journal(false), copy;

	(void)state;
	assert_refused(&job, STATUS_RETRY, "Another backend works on this job");
	copy = dup(fd);
	close(fd);
	assert_refused(&job, STATUS_RETRY, "Another backend works on this job");
	close(copy);
	close(open_journal(false));
}

static void
names_are_checked(void **state)
{
	static const char *const names[] = { "", ".", "..", "a/b", "a.b", "a b", "a\n",
		"\xc3\xbc", ".swept", "a_b" };
	char name[JOBFILE_NAME_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_refused(
		    &(struct jobfile){ names[i], "17" }, STATUS_SETTINGS, "letters");
		assert_refused(
		    &(struct jobfile){ "a", names[i] }, STATUS_SETTINGS, "letters");
	}
	memset(name, 'x', sizeof(name));
	name[JOBFILE_NAME_MAX] = '\0';
	assert_refused(&(struct jobfile){ name, "17" }, STATUS_SETTINGS, "letters");
	assert_refused(
	    &(struct jobfile){ "a", "123456789012345678901234" }, STATUS_SETTINGS, "123");
	assert_int_equal(count_files(), 0);
	name[JOBFILE_NAME_MAX - 1] = '\0';
	write_file(name, "damaged", 7); /* the longest name has room for its sisters */
	for (int i = 0; i < 2; i++) {
		int fd;
		bool aside;

		assert_int_equal(jobfile_open(&fd, folder,
				     &(struct jobfile){ name, "12345678901234567890123" },
				     &aside, &error),
		    STATUS_OK);
		assert_int_equal(aside, i == 0);
		close(fd);
	}
}

static void
journal_of_another_job_is_held(void **state)
{
	(void)state;
	close(open_journal(false));
	assert_refused(&(struct jobfile){ UUID, "18" }, STATUS_HOLD,
	    "is that of job 17, not of job 18");
	write_journal(UUID, "job 2 and what comes then");
	assert_refused(&job, STATUS_HOLD, "newer version");
	assert_int_equal(count_files(), 1);
}

static void
damaged_journal_is_set_aside(void **state)
{
	static const char *const texts[] = { "", "something", "try 1 2 a",
		"job 1 17 1 2" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		write_journal(UUID, texts[i]);
		assert_true(is_in_doubt(open_journal(true)));
		assert_int_equal(count_files(), 2 + i);
		assert_true(is_in_doubt(open_journal(false))); /* it stays so */
	}
	assert_true(exists(UUID ".damaged-1") && exists(UUID ".damaged-4"));
}

static int
truncate_journal(off_t size)
{
	int fd = openat(folder, UUID, O_WRONLY | O_CLOEXEC), result = ftruncate(fd, size);

	close(fd);
	return result;
}

static void
assert_set_aside(const char *bytes, size_t len)
{
	unlinkat(folder, UUID ".damaged-1", 0);
	write_file(UUID, bytes, len);
	assert_true(is_in_doubt(open_journal(true)));
}

/* A flipped bit of each byte, each cut, and too much. */
static void
every_damaged_birth_is_noticed(void **state)
{
	char bytes[256];
	int fd = open_journal(false);
	ssize_t len = pread(fd, bytes, sizeof(bytes), 0);

	(void)state;
	close(fd);
	assert_true(len > 60);
	for (ssize_t i = 0; i < len; i++) {
		bytes[i] = (char)(bytes[i] ^ (1 << i % 8));
		assert_set_aside(bytes, (size_t)len);
		bytes[i] = (char)(bytes[i] ^ (1 << i % 8));
		assert_set_aside(bytes, (size_t)i);
	}
	unlinkat(folder, UUID ".damaged-1", 0);
	write_file(UUID, bytes, (size_t)len);
	close(open_journal(false));
	assert_int_equal(truncate_journal(JOURNAL_FILE_MAX), 0);
	close(open_journal(false));
	assert_int_equal(truncate_journal(JOURNAL_FILE_MAX + 1), 0);
	assert_true(is_in_doubt(open_journal(true)));
}

/* A process that died when it had set the damaged one aside, or before the new one had
 * its name. */
static void
doubt_outlives_the_process(void **state)
{
	char name[80];

	(void)state;
	write_journal(UUID ".damaged-1", "something");
	snprintf(name, sizeof(name), UUID ".new-%ld", (long)getpid());
	write_file(name, "job", 3);
	assert_true(is_in_doubt(open_journal(true)));
	assert_int_equal(count_files(), 2);
}

static void
damaged_journals_have_a_limit(void **state)
{
	char name[80];

	(void)state;
	for (int i = 1; i <= JOBFILE_ASIDE_MAX; i++) {
		snprintf(name, sizeof(name), UUID ".damaged-%d", i);
		write_file(name, "x", 1);
	}
	write_file(UUID, "x", 1);
	assert_refused(&job, STATUS_RETRY, "cannot be renamed");
	assert_int_equal(count_files(), JOBFILE_ASIDE_MAX + 1);
}

static void
only_a_file_of_its_own_will_do(void **state)
{
	(void)state;
	write_journal("other", "job 1 17 1 2 a");
	assert_int_equal(symlinkat("other", folder, UUID), 0);
	assert_refused(&job, STATUS_SETTINGS, "no regular file");
	unlinkat(folder, UUID, 0);
	assert_int_equal(linkat(folder, "other", folder, UUID, 0), 0);
	assert_refused(&job, STATUS_SETTINGS, "with one name");
	unlinkat(folder, UUID, 0);
	assert_int_equal(mkdirat(folder, UUID, 0700), 0);
	assert_refused(&job, STATUS_SETTINGS, "no regular file");
	unlinkat(folder, UUID, AT_REMOVEDIR);
	assert_int_equal(mkfifoat(folder, UUID, 0600), 0);
	alarm(10); /* ends the test run, should the FIFO block */
	assert_refused(&job, STATUS_SETTINGS, "no regular file");
	alarm(0);
}

static void
file_of_another_user_is_refused(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_message("# needs root: a file that belongs to another user\n");
		skip();
	}
	write_journal(UUID, "job 1 17 1 2 a");
	assert_int_equal(fchownat(folder, UUID, 65534, 65534, 0), 0);
	assert_refused(&job, STATUS_SETTINGS, "no regular file of user 0");
}

static void
missing_folder_is_told(void **state)
{
	int whole = folder;

	(void)state;
	folder = -1;
	assert_refused(&job, STATUS_RETRY, "cannot be opened");
	folder = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_refused(&job, STATUS_RETRY, "cannot be made");
	close(folder);
	folder = whole;
}

/* -- sweeping ------------------------------------------------------------------------ */

static void
set_time(const char *name, int64_t wall)
{
	const struct timespec time = { .tv_sec = wall };

	assert_int_equal(
	    utimensat(folder, name, (const struct timespec[]){ time, time }, 0), 0);
}

static void
make_old(const char *name, int64_t age)
{
	write_file(name, "x", 1);
	set_time(name, NOW - age);
}

static int64_t
swept(void)
{
	struct stat st;

	return fstatat(folder, ".swept", &st, 0) == 0 ? st.st_mtime : -1;
}

static void
old_journals_go(void **state)
{
	static const char *const foreign[] = { "a.txt", "a.damaged", "a_b", ".hidden" };

	(void)state;
	make_old(".swept", DAY);
	make_old("old", JOBFILE_DAYS * DAY + 1);
	make_old("old.damaged-7", JOBFILE_DAYS * DAY + 1);
	make_old("old.new-123", JOBFILE_DAYS * DAY + 1);
	make_old("young", JOBFILE_DAYS * DAY);
	make_old("future", -365 * DAY);
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		make_old(foreign[i], 365 * DAY);
	assert_int_equal(mkdirat(folder, "folder", 0700), 0);
	set_time("folder", 0);
	assert_int_equal(jobfile_sweep(folder, NOW, ""), 3);
	assert_int_equal(count_files(), 1 + 2 + 4 + 1);
	assert_true(exists("young") && exists("future") && exists("folder"));
	assert_int_equal(swept(), NOW);
}

static void
journal_in_use_stays(void **state)
{
	int fd = open_journal(false);

	(void)state;
	make_old(".swept", DAY);
	set_time(UUID, NOW - 365 * DAY);
	assert_int_equal(jobfile_sweep(folder, NOW, ""), 0);
	close(fd);
	set_time(".swept", NOW - DAY);
	assert_int_equal(jobfile_sweep(folder, NOW, ""), 1);
	assert_false(exists(UUID));
}

/* Sweeps one old file with this first line, while cupsd has the job of `control`. */
static bool
is_kept(const char *name, const char *birth, const char *control, const char *root)
{
	char file[80];
	size_t removed;
	bool kept;

	snprintf(file, sizeof(file), "spool/%s", control);
	write_file(file, "", 0);
	write_journal(name, birth);
	set_time(name, NOW - 365 * DAY);
	make_old(".swept", DAY);
	removed = jobfile_sweep(folder, NOW, root);
	assert_int_equal(unlinkat(folder, file, 0), 0);
	kept = unlinkat(folder, name, 0) == 0;
	assert_int_equal(removed, !kept);
	return kept;
}

static void
job_that_cupsd_has_keeps_its_journal(void **state)
{
	static const struct {
		const char *birth, *control;
		bool kept;
	} rows[] = {
		{ "job 1 17 1 2 a", "c00017", true },
		{ "job 1 17 1 2 a", "c00018", false },
		{ "job 1 17 1 2 a", "c17", false },
		{ "job 1 17 1 2 a", "d00017-001", false },
		{ "job 1 12345 1 2 a", "c12345", true },
		{ "job 1 1234567 1 2 a", "c1234567", true },
		{ "job 1 9223372036854775807 1 2 a", "c9223372036854775807", true },
		{ "job 1 9223372036854775808 1 2 a", "c9223372036854775807", false },
		{ "job 1 17x 1 2 a", "c00017", false },
		{ "job 1 -17 1 2 a", "c-0017", false },
		{ "job 1 ../17 1 2 a", "c00017", false },
		{ "job 1 x 1 2 a", "c00000", false },
		{ "job 2 17 1 2 a", "c00017", false },
		{ "job 2 17 1 2 a", "c00000", false },
		{ "try 17 1 2 a", "c00017", false },
	};
	char root[80], missing[80];

	(void)state;
	snprintf(root, sizeof(root), "%s/spool", path);
	snprintf(missing, sizeof(missing), "%s/missing", path);
	assert_int_equal(mkdirat(folder, "spool", 0700), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (is_kept(UUID, rows[i].birth, rows[i].control, root) != rows[i].kept)
			fail_msg("row %zu", i);
	assert_true(is_kept(UUID ".damaged-1", rows[0].birth, rows[0].control, root));
	assert_false(is_kept(UUID, rows[0].birth, rows[0].control, ""));
	/* one that cannot be asked may have it */
	assert_true(is_kept(UUID, rows[1].birth, rows[1].control, missing));
}

/* What is removed, and the time of .swept behind it. */
static void
clock_must_be_believable(void **state)
{
	static const struct {
		int64_t swept, wall; /* swept 0: there is no such file */
		size_t removed;
		int64_t after;
	} rows[] = {
		{ 0, 1800000000, 0, 1800000000 },
		{ 1800000000, 1800000000, 0, 1800000000 },
		{ 1800000000, 1800086399, 0, 1800000000 },
		{ 1800000000, 1800086400, 1, 1800086400 },
		{ 1800000000, 1802592000, 1, 1802592000 },
		{ 1800000000, 1802592001, 0, 1802592001 }, /* a jump of 30 days */
		{ 1800000000, 2100000000, 0, 2100000000 },
		{ 2100000000, 1800000000, 0, 1800000000 }, /* and back */
		{ 1800000000, 1767225599, 0, 1800000000 }, /* in 2025 */
		{ 1800000000, 0, 0, 1800000000 },
		{ 1, 1767225599, 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unlinkat(folder, ".swept", 0);
		if (rows[i].swept) {
			write_file(".swept", "", 0);
			set_time(".swept", rows[i].swept);
		}
		write_file("old", "x", 1);
		set_time("old", 1);
		if (jobfile_sweep(folder, rows[i].wall, "") != rows[i].removed)
			fail_msg("row %zu", i);
		assert_int_equal(exists("old"), !rows[i].removed);
		assert_int_equal(swept(), rows[i].after);
	}
	assert_int_equal(jobfile_sweep(-1, NOW, ""), 0);
}

#define folder_test(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		folder_test(new_journal_has_a_birth),
		folder_test(one_backend_has_it_at_a_time),
		folder_test(names_are_checked),
		folder_test(journal_of_another_job_is_held),
		folder_test(damaged_journal_is_set_aside),
		folder_test(every_damaged_birth_is_noticed),
		folder_test(doubt_outlives_the_process),
		folder_test(damaged_journals_have_a_limit),
		folder_test(only_a_file_of_its_own_will_do),
		folder_test(file_of_another_user_is_refused),
		folder_test(missing_folder_is_told),
		folder_test(old_journals_go),
		folder_test(journal_in_use_stays),
		folder_test(job_that_cupsd_has_keeps_its_journal),
		folder_test(clock_must_be_believable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
