/* Tests of lib/login/tokenfile.c. What a death in between leaves is in
 * test_tokenfile_death.c. */
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/tokenfile_rig.h"

enum {
	STRANGER = 65534,
};

/* -- the file ------------------------------------------------------------------------ */

static void
tokens_come_back(void **state)
{
	static const struct tokens nothing;
	struct stat st;

	(void)state;
	umask(0); /* the mode must not depend on it */
	assert_true(is_found(&nothing));
	assert_false(damaged);
	store(&old);
	assert_true(is_found(&old));
	store(&new);
	assert_true(is_found(&new));
	assert_int_equal(fstatat(folder, "office365", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(fstatat(folder, "office365.lock", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(count_leftovers(), 0);
	umask(022);
}

/* No account's file may be another one's lock, or lie elsewhere. */
static void
names_are_safe(void **state)
{
	static const char *const bad[] = { "", ".", "..", ".x", "x.lock", "x.LOCK",
		".lock", "x.reminded", "x.new-1", "x.New-", "a b", "a/b", "/etc/passwd" };
	static const char *const fine[] = { "x", "x.new", "x.newer-1", "x.locks", "lock",
		"new-1", "a-b_c.d", "X" };
	char large[VALUE_NAME_MAX + 3];
	struct tokenfile f;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (tokenfile_init(&f, folder, bad[i], &error) != STATUS_SETTINGS)
			fail_msg("'%s'", bad[i]);
	assert_non_null(strstr(error.text, "/etc/passwd"));
	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		good(tokenfile_init(&f, folder, fine[i], &error));
	assert_string_equal(f.name, "x"); /* in lower case */
	for (size_t len = 1; len < sizeof(large); len++) {
		memset(large, 'a', len);
		large[len] = '\0';
		assert_int_equal(tokenfile_init(&f, folder, large, &error),
		    len <= VALUE_NAME_MAX ? STATUS_OK : STATUS_SETTINGS);
	}
}

/* What stands in the file's place is refused. */
static void
assert_place_refused(void)
{
	static const struct tokens nothing;

	assert_int_equal(
	    tokenfile_read(&found, &damaged, &file, &error), STATUS_SETTINGS);
	assert_non_null(
	    strstr(error.text, "office365 in the folder of tokens is no file"));
	assert_non_null(strstr(error.text, "remove it"));
	assert_memory_equal(&found, &nothing, sizeof(found));
	if (unlinkat(folder, "office365", 0) != 0)
		assert_int_equal(unlinkat(folder, "office365", AT_REMOVEDIR), 0);
}

static void
other_kinds_are_refused(void **state)
{
	(void)state;
	store(&old);
	assert_int_equal(renameat(folder, "office365", folder, "x"), 0);
	assert_int_equal(symlinkat("x", folder, "office365"), 0);
	assert_place_refused();
	assert_int_equal(symlinkat("missing", folder, "office365"), 0);
	assert_place_refused();
	assert_int_equal(linkat(folder, "x", folder, "office365", 0), 0);
	assert_place_refused();
	assert_int_equal(mkdirat(folder, "office365", 0700), 0);
	assert_place_refused();
	alarm(10); /* ends the test run, should the FIFO block */
	assert_int_equal(mkfifoat(folder, "office365", 0600), 0);
	assert_place_refused();
	alarm(0);
	for (mode_t bit = 1; bit < 0100; bit <<= 1) {
		store(&old);
		assert_int_equal(fchmodat(folder, "office365", 0600 | bit, 0), 0);
		assert_place_refused();
	}
}

static void
owner_must_be_this_user(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_message("# needs root: a file of somebody else\n");
		skip();
	}
	store(&old);
	assert_int_equal(fchownat(folder, "office365", STRANGER, 0, 0), 0);
	assert_place_refused();
}

/* A directory cannot be renamed over; all else can. */
static void
other_kinds_are_replaced(void **state)
{
	(void)state;
	write_file("x", "untouched", 9);
	assert_int_equal(symlinkat("x", folder, "office365"), 0);
	store(&new);
	assert_true(is_found(&new));
	assert_int_equal(unlinkat(folder, "office365", 0), 0);
	assert_int_equal(mkdirat(folder, "office365", 0700), 0);
	good(tokenfile_lock(&file, 0, &error));
	assert_int_equal(tokenfile_write(&file, &new, &error), STATUS_SETTINGS);
	assert_non_null(strstr(error.text, "remove it"));
	assert_int_equal(count_leftovers(), 0);
}

static void
damage_is_told(void **state)
{
	static const struct tokens nothing;
	static char large[TOKENS_MAX + 1];

	(void)state;
	write_file("office365", "", 0);
	assert_true(is_found(&nothing));
	assert_true(damaged);
	write_file("office365", large, sizeof(large));
	assert_true(is_found(&nothing));
	assert_true(damaged);
	store(&old);
	assert_true(is_found(&old));
	assert_false(damaged);
	cut_file("office365", 5000);
	assert_true(is_found(&nothing));
	assert_true(damaged);
}

static void
leftovers_are_removed(void **state)
{
	(void)state;
	write_file("office365.new-1", "x", 1);
	write_file("office365.new-999999999", "x", 1);
	write_file("office3650.new-1", "x", 1); /* of other accounts */
	write_file("office.new-1", "x", 1);
	write_file("office365.news", "x", 1);
	store(&old);
	assert_int_equal(count_leftovers(), 0);
	assert_true(exists("office3650.new-1"));
	assert_true(exists("office.new-1"));
	assert_true(exists("office365.news"));
	write_file("office365.new-1", "x", 1);
	good(tokenfile_lock(&file, 0, &error));
	good(tokenfile_reserve(&file, &error));
	assert_false(exists("office365.new-1"));
	assert_int_equal(count_leftovers(), 1);
	assert_true(exists("office.new-1"));
}

static void
bad_tokens_are_refused(void **state)
{
	(void)state;
	store(&old);
	good(tokenfile_lock(&file, 0, &error));
	memcpy(new.refresh, "a\nb", 4);
	assert_int_equal(tokenfile_write(&file, &new, &error), STATUS_INVALID);
	assert_true(is_found(&old));
}

/* A disk that is full at any point leaves the old ones. */
static void
full_disk_leaves_the_old(void **state)
{
	struct rlimit limit, before;

	(void)state;
	store(&old);
	good(tokenfile_lock(&file, 0, &error));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	for (rlim_t size = 0; size < TOKEN_MAX; size += 1000) {
		enum status status;

		limit = before;
		limit.rlim_cur = size;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		status = tokenfile_write(&file, &new, &error);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
		assert_int_equal(status, STATUS_RETRY);
		assert_non_null(
		    strstr(error.text, "account Office365 cannot be written"));
		assert_true(is_found(&old));
		assert_int_equal(count_leftovers(), 0);
	}
	good(tokenfile_write(&file, &new, &error));
	assert_true(is_found(&new));
}

/* -- room ---------------------------------------------------------------------------- */

static void
limit_files(rlim_t size)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
reserved_file_is_used(void **state)
{
	char name[TOKENFILE_ROOM + 32];
	struct stat made, st;

	(void)state;
	store(&old);
	good(tokenfile_lock(&file, 0, &error));
	good(tokenfile_reserve(&file, &error));
	good(tokenfile_reserve(&file, &error)); /* once more is no more */
	assert_int_equal(count_leftovers(), 1);
	snprintf(name, sizeof(name), "office365.new-%ld", (long)getpid());
	assert_int_equal(fstatat(folder, name, &made, 0), 0);
	assert_int_equal(made.st_mode, S_IFREG | 0600);
	assert_true(made.st_size >= TOKENS_MAX && made.st_blocks * 512 >= TOKENS_MAX);
	assert_true(is_found(&old));
	good(tokenfile_write(&file, &new, &error));
	assert_true(is_found(&new)); /* and nothing behind them */
	assert_int_equal(fstatat(folder, "office365", &st, 0), 0);
	assert_int_equal(st.st_ino, made.st_ino);
	assert_int_equal(count_leftovers(), 0);
	good(tokenfile_write(&file, &old, &error)); /* into another one */
	assert_true(is_found(&old));
	tokenfile_unlock(&file);
	assert_true(is_found(&old));
}

static void
unlocking_drops_what_is_reserved(void **state)
{
	(void)state;
	store(&old);
	good(tokenfile_lock(&file, 0, &error));
	good(tokenfile_reserve(&file, &error));
	tokenfile_unlock(&file);
	assert_int_equal(count_leftovers(), 0);
	assert_int_equal(file.made, -1);
	assert_true(is_found(&old));
}

/* Less room than any tokens may need is none. */
static void
no_room_is_told_before(void **state)
{
	static const rlim_t sizes[] = { 0, 1, 4096, TOKENS_MAX - 1, RLIM_INFINITY };

	(void)state;
	store(&old);
	good(tokenfile_lock(&file, 0, &error));
	for (size_t i = 0; sizes[i] != RLIM_INFINITY; i++) {
		enum status status;

		limit_files(sizes[i]);
		status = tokenfile_reserve(&file, &error);
		limit_files(RLIM_INFINITY);
		assert_int_equal(status, STATUS_RETRY);
		assert_non_null(strstr(error.text, "account Office365 could not be"));
		assert_non_null(strstr(error.text, "File too large"));
		assert_int_equal(file.made, -1);
		assert_int_equal(count_leftovers(), 0);
	}
	limit_files(TOKENS_MAX);
	good(tokenfile_reserve(&file, &error));
	limit_files(RLIM_INFINITY);
	assert_true(is_found(&old));
}

/* What can be written goes in; the folder's descriptor cannot be synced, and that is not
 * told as if the old ones were still there. */
static void
folder_that_cannot_be_synced_is_told(void **state)
{
	int whole = file.folder;

	(void)state;
	store(&old);
	good(tokenfile_lock(&file, 0, &error));
	file.folder =
	    open(path, O_PATH | O_DIRECTORY | O_CLOEXEC); /* no fsync(2) of it */
	assert_true(file.folder >= 0);
	assert_int_equal(tokenfile_write(&file, &new, &error), STATUS_RETRY);
	assert_non_null(
	    strstr(error.text, "new tokens of account Office365 are written"));
	assert_non_null(strstr(error.text, "power failure"));
	assert_true(is_found(&new));
	assert_int_equal(count_leftovers(), 0);
	close(file.folder);
	file.folder = whole;
}

/* A reader keeps what it opened, whatever is renamed over it. */
static void
reader_is_not_disturbed(void **state)
{
	int pipes[2];
	pid_t child;

	(void)state;
	store(&old);
	assert_int_equal(pipe(pipes), 0);
	child = fork();
	if (child == 0) { /* changes it all the time, until it is told to end */
		close(pipes[0]);
		if (write(pipes[1], "r", 1) != 1 ||
		    tokenfile_lock(&file, PATIENCE, NULL) != STATUS_OK)
			_exit(1);
		while (tokenfile_write(&file, &new, NULL) == STATUS_OK)
			if (tokenfile_write(&file, &old, NULL) != STATUS_OK)
				break;
		_exit(1);
	}
	assert_int_equal(read(pipes[0], &(char){ 0 }, 1), 1);
	for (int turn = 0; turn < 500; turn++) {
		good(tokenfile_read(&found, &damaged, &second, &error));
		assert_false(damaged);
		assert_true(memcmp(&found, &old, sizeof(found)) == 0 ||
		    memcmp(&found, &new, sizeof(found)) == 0);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(pipes[0]);
	close(pipes[1]);
}

/* -- the lock ------------------------------------------------------------------------ */

static void
one_has_the_lock(void **state)
{
	(void)state;
	good(tokenfile_try(&file, &error));
	assert_true(file.lock >= 0);
	good(tokenfile_try(&file, &error)); /* once more is no more */
	good(tokenfile_try(&second, &error));
	assert_int_equal(second.lock, -1);
	assert_int_equal(tokenfile_lock(&second, 0, &error), STATUS_RETRY);
	assert_non_null(strstr(error.text, "account office365"));
	tokenfile_unlock(&file);
	tokenfile_unlock(&file);
	good(tokenfile_try(&second, &error));
	assert_true(second.lock >= 0);
}

static double
seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
waiting_ends(void **state)
{
	double start = seconds_now();

	(void)state;
	good(tokenfile_try(&file, &error));
	assert_int_equal(tokenfile_lock(&second, 1, &error), STATUS_RETRY);
	assert_true(seconds_now() - start >= 0.99 && seconds_now() - start < 20);
}

/* Starts a process that holds the lock until it reads a byte, or for good. */
static pid_t
start_holder(int gate[2])
{
	int ready[2];
	pid_t child;

	assert_int_equal(pipe(gate), 0);
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		char byte;

		if (tokenfile_lock(&file, PATIENCE, NULL) == STATUS_OK &&
		    write(ready[1], "r", 1) == 1)
			_exit(read(gate[0], &byte, 1) != 1);
		_exit(1);
	}
	assert_int_equal(read(ready[0], &(char){ 0 }, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return child;
}

static void
who_waits_gets_it(void **state)
{
	int gate[2];
	pid_t child = start_holder(gate);

	(void)state;
	good(tokenfile_try(&second, &error));
	assert_int_equal(second.lock, -1);
	assert_int_equal(write(gate[1], "x", 1), 1);
	good(tokenfile_lock(&second, PATIENCE, &error));
	assert_true(second.lock >= 0);
	waitpid(child, NULL, 0);
	close(gate[0]);
	close(gate[1]);
}

static void
death_gives_the_lock_back(void **state)
{
	int gate[2];
	pid_t child = start_holder(gate);

	(void)state;
	good(tokenfile_try(&second, &error));
	assert_int_equal(second.lock, -1);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	good(tokenfile_try(&second, &error));
	assert_true(second.lock >= 0);
	close(gate[0]);
	close(gate[1]);
}

/* A child that was forked while it was held has a copy of the descriptor. */
static void
child_does_not_keep_it(void **state)
{
	pid_t child;

	(void)state;
	good(tokenfile_try(&file, &error));
	child = fork();
	if (child == 0)
		for (;;)
			pause();
	tokenfile_unlock(&file);
	good(tokenfile_try(&second, &error));
	assert_true(second.lock >= 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void
strange_lock_is_refused(void **state)
{
	(void)state;
	assert_int_equal(symlinkat("x", folder, "office365.lock"), 0);
	assert_int_equal(tokenfile_try(&file, &error), STATUS_SETTINGS);
	assert_int_equal(tokenfile_lock(&file, PATIENCE, &error), STATUS_SETTINGS);
	assert_non_null(strstr(error.text, "office365.lock in the folder"));
	assert_false(exists("x"));
	assert_int_equal(unlinkat(folder, "office365.lock", 0), 0);
	assert_int_equal(mkdirat(folder, "office365.lock", 0700), 0);
	assert_int_equal(tokenfile_try(&file, &error), STATUS_SETTINGS);
	assert_int_equal(unlinkat(folder, "office365.lock", AT_REMOVEDIR), 0);
	write_file("office365.lock", "", 0);
	assert_int_equal(fchmodat(folder, "office365.lock", 0644, 0), 0);
	assert_int_equal(tokenfile_try(&file, &error), STATUS_SETTINGS);
	assert_int_equal(file.lock, -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		file_test(tokens_come_back),
		file_test(names_are_safe),
		file_test(other_kinds_are_refused),
		file_test(owner_must_be_this_user),
		file_test(other_kinds_are_replaced),
		file_test(damage_is_told),
		file_test(leftovers_are_removed),
		file_test(bad_tokens_are_refused),
		file_test(full_disk_leaves_the_old),
		file_test(reserved_file_is_used),
		file_test(unlocking_drops_what_is_reserved),
		file_test(no_room_is_told_before),
		file_test(folder_that_cannot_be_synced_is_told),
		file_test(reader_is_not_disturbed),
		file_test(one_has_the_lock),
		file_test(waiting_ends),
		file_test(who_waits_gets_it),
		file_test(death_gives_the_lock_back),
		file_test(child_does_not_keep_it),
		file_test(strange_lock_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
