/* Tests of lib/base/file.c, in a folder of their own below /tmp. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/file.h"

enum {
	STRANGER = 65534, /* a user who is neither root nor the tests' */
	MANY = 1024 * 1024,
};

static char folder[] = "/tmp/postroom-test-XXXXXX";
static char inner[64], path[80], other[96];

static int
make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(inner, sizeof(inner), "%s/inner", folder);
	snprintf(path, sizeof(path), "%s/inner/file", folder);
	snprintf(other, sizeof(other), "%s/other", folder);
	return 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

/* Each test finds inner/file with the text "secret", 0600. */
static int
make_file(void **state)
{
	int fd;

	(void)state;
	umask(022);
	if (mkdir(inner, 0755) != 0)
		return -1;
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
	if (fd < 0 || !file_write(fd, "secret", 6))
		return -1;
	return close(fd);
}

static int
remove_file(void **state)
{
	(void)state;
	unlink(other);
	if (unlink(path) != 0)
		rmdir(path);
	chmod(inner, 0755);
	return rmdir(inner);
}

static const struct file_rule *
root_rule(void)
{
	static const struct file_rule rule = { .root_only = true, .min = 1, .max = 6 };

	if (geteuid() != 0) {
		print_message("# needs root: a file that belongs to root\n");
		skip();
	}
	return &rule;
}

static struct file_rule
own_rule(void)
{
	return (struct file_rule){ .owner = geteuid(), .max = 6 };
}

static void
assert_opens(const char *name, const struct file_rule *rule)
{
	struct error e = { "" };
	int fd = -1;

	if (file_open(&fd, name, rule, &e) != STATUS_OK)
		fail_msg("%s", e.text);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	close(fd);
}

/* Refused as a matter of settings, with these words, and nothing stored or leaked. */
static void
assert_refused(const char *name, const struct file_rule *rule, const char *words)
{
	struct error e = { "" };
	int fd = -7, lowest;

	lowest = dup(0);
	close(lowest);
	assert_int_equal(file_open(&fd, name, rule, &e), STATUS_SETTINGS);
	assert_int_equal(fd, -7);
	if (!strstr(e.text, words))
		fail_msg("'%s' is not in '%s'", words, e.text);
	assert_null(strstr(e.text, "secret"));
	fd = dup(0);
	close(fd);
	assert_int_equal(fd, lowest);
}

static void
opens_a_file_of_root(void **state)
{
	(void)state;
	assert_opens(path, root_rule());
	chmod(path, 0400);
	assert_opens(path, root_rule());
}

static void
opens_a_file_of_the_caller(void **state)
{
	struct file_rule rule = own_rule();

	(void)state;
	chmod(path, 0644);
	assert_opens(path, &rule);
}

static void
refuses_what_is_no_path(void **state)
{
	static const char *const bad[] = { "", "file", "./file", "/", "//etc/passwd",
		"/etc/", "/etc//passwd", "/etc/./passwd", "/etc/../etc/passwd", "/etc/..",
		"/etc/." };
	struct file_rule rule = own_rule();
	char name[PATH_MAX + 2] = "/";

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(bad[i], &rule, "no absolute path of a file; allowed: ");
	memset(name + 1, 'x', PATH_MAX);
	assert_refused(name, &rule, "no absolute path");
	name[PATH_MAX - 1] = '\0';
	assert_refused(name, &rule, "has too long a name");
}

/* Names that only look like "." and "..". */
static void
opens_names_with_dots(void **state)
{
	struct file_rule rule = own_rule();

	(void)state;
	snprintf(other, sizeof(other), "%s/..file", folder);
	assert_int_equal(rename(path, other), 0);
	assert_opens(other, &rule);
	assert_int_equal(rename(other, path), 0);
	snprintf(other, sizeof(other), "%s/other", folder);
}

static void
names_what_is_missing(void **state)
{
	struct file_rule rule = own_rule();

	(void)state;
	assert_refused(other, &rule, "other does not exist");
	snprintf(other, sizeof(other), "%s/absent/file", folder);
	assert_refused(other, &rule, "/absent does not exist");
	snprintf(other, sizeof(other), "%s/other", folder);
}

static void
refuses_links(void **state)
{
	struct file_rule rule = own_rule();
	char through[128];

	(void)state;
	assert_int_equal(symlink(path, other), 0);
	assert_refused(other, &rule, "other is a symbolic link; ");
	unlink(other);
	assert_int_equal(symlink(inner, other), 0);
	snprintf(through, sizeof(through), "%s/file", other);
	assert_refused(through, &rule, "other is a symbolic link or no directory; ");
}

static void
refuses_a_second_name(void **state)
{
	struct file_rule rule = own_rule();

	(void)state;
	assert_int_equal(link(path, other), 0);
	assert_refused(path, root_rule(), "hard link");
	assert_opens(path, &rule);
}

static void
refuses_what_is_no_file(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct file_rule rule = own_rule();
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_refused(inner, &rule, "inner is no regular file");
	assert_refused("/dev/null", &rule, "/dev/null is no regular file");
	memcpy(address.sun_path, other, sizeof(other));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_refused(other, &rule, "other is no regular file");
	close(fd);
	snprintf(other, sizeof(other), "%s/below", path);
	assert_refused(other, &rule, "inner/file is a symbolic link or no directory");
	snprintf(other, sizeof(other), "%s/other", folder);
}

static void
does_not_wait_for_a_fifo(void **state)
{
	struct file_rule rule = own_rule();

	(void)state;
	assert_int_equal(mkfifo(other, 0600), 0);
	alarm(10); /* ends the test run, should it wait */
	assert_refused(other, &rule, "other is no regular file");
	alarm(0);
}

static void
refuses_any_bit_for_others(void **state)
{
	const struct file_rule *rule = root_rule();

	(void)state;
	for (mode_t bit = 1; bit <= 040; bit <<= 1) {
		chmod(path, 0600 | bit);
		assert_refused(path, rule, "open to other users");
	}
	chmod(path, 0644);
	assert_refused(path, rule, "(mode 0644); run: chmod 0600 /tmp/postroom-test-");
}

static void
refuses_others_who_write(void **state)
{
	struct file_rule rule = own_rule();

	(void)state;
	chmod(path, 0620);
	assert_refused(path, &rule, "(mode 0620); run: chmod go-w /tmp/");
	chmod(path, 0602);
	assert_refused(path, &rule, "(mode 0602)");
	chmod(path, 0755);
	assert_opens(path, &rule);
}

static void
refuses_a_wrong_owner(void **state)
{
	const struct file_rule *rule = root_rule();
	struct file_rule strangers = { .owner = STRANGER, .max = 6 };
	struct file_rule own = own_rule(), named = *rule;

	(void)state;
	assert_int_equal(chown(path, STRANGER, 0), 0);
	named.owner = STRANGER; /* counts only without root_only */
	assert_refused(path, &named, "file belongs to user 65534");
	assert_refused(path, rule, "file belongs to user 65534; run: chown root ");
	assert_refused(path, &own, "file belongs to user 65534");
	assert_opens(path, &strangers);
	/* root's file is fit for everybody */
	assert_int_equal(chown(path, 0, 0), 0);
	assert_opens(path, &strangers);
}

static void
refuses_directories_of_others(void **state)
{
	const struct file_rule *rule = root_rule();
	struct file_rule strangers = { .owner = STRANGER, .max = 6 };

	(void)state;
	chmod(inner, 0775);
	assert_refused(path, rule, "inner is open to other users (mode 0775)");
	chmod(inner, 0757);
	assert_refused(path, rule, "inner is open to other users (mode 0757)");
	assert_refused(path, &strangers, "run: chmod go-w /tmp/");
	chmod(inner, 01777); /* sticky, as /tmp is */
	assert_opens(path, rule);
	chmod(inner, 0711);
	assert_int_equal(chown(inner, STRANGER, 0), 0);
	assert_refused(path, rule, "inner belongs to user 65534");
	assert_opens(path, &strangers);
}

static void
counts_bytes(void **state)
{
	struct file_rule rule = own_rule();

	(void)state;
	rule.min = 6;
	assert_opens(path, &rule);
	rule.min = 7;
	rule.max = 9;
	assert_refused(path, &rule, "has 6 bytes; allowed: 7 to 9");
	rule.min = 0;
	rule.max = 5;
	assert_refused(path, &rule, "has 6 bytes; allowed: 0 to 5");
	assert_int_equal(truncate(path, 0), 0);
	assert_opens(path, &rule);
	rule.min = 1;
	assert_refused(path, &rule, "has 0 bytes; allowed: 1 to 5");
}

static void
out_of_descriptors_may_pass(void **state)
{
	struct file_rule rule = own_rule();
	struct error e = { "" };
	struct rlimit limit, tight;
	int fd = -7, lowest = dup(0);

	(void)state;
	close(lowest);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int room = 0; room < 2; room++) {
		tight = limit;
		tight.rlim_cur = (rlim_t)(lowest + room);
		setrlimit(RLIMIT_NOFILE, &tight);
		assert_int_equal(file_open(&fd, path, &rule, &e), STATUS_RETRY);
		setrlimit(RLIMIT_NOFILE, &limit);
		assert_int_equal(fd, -7);
		assert_non_null(strstr(e.text, "Too many open files"));
	}
}

static void
reads_up_to_max(void **state)
{
	char bytes[16] = "";
	struct error e = { "" };
	size_t len = 6;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(file_read(fd, bytes, &len, "FILE", &e), STATUS_OK);
	assert_int_equal(len, 6);
	assert_memory_equal(bytes, "secret\0", 8);
	lseek(fd, 0, SEEK_SET);
	len = sizeof(bytes);
	assert_int_equal(file_read(fd, bytes, &len, "FILE", &e), STATUS_OK);
	assert_int_equal(len, 6);
	lseek(fd, 0, SEEK_SET);
	len = 5;
	assert_int_equal(file_read(fd, bytes, &len, "FILE", &e), STATUS_SETTINGS);
	assert_int_equal(len, 5);
	assert_string_equal(
	    e.text, "FILE has more than 5 bytes, which is all that is allowed");
	lseek(fd, 6, SEEK_SET);
	len = 0;
	assert_int_equal(file_read(fd, bytes, &len, "FILE", &e), STATUS_OK);
	assert_int_equal(len, 0);
	close(fd);
	fd = open(inner, O_RDONLY | O_CLOEXEC);
	len = 5;
	assert_int_equal(file_read(fd, bytes, &len, "FILE", &e), STATUS_RETRY);
	assert_int_equal(len, 5);
	assert_non_null(strstr(e.text, "FILE cannot be read: "));
	close(fd);
}

/* A pipe gives its bytes piece by piece. */
static void
reads_in_pieces(void **state)
{
	static char bytes[MANY];
	struct error e = { "" };
	size_t len = MANY;
	int ends[2], status;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		close(ends[0]);
		memset(bytes, 'x', MANY);
		_exit(file_write(ends[1], bytes, MANY) ? 0 : 1);
	}
	close(ends[1]);
	assert_int_equal(file_read(ends[0], bytes, &len, "PIPE", &e), STATUS_OK);
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(len, MANY);
	for (size_t i = 0; i < MANY; i++)
		if (bytes[i] != 'x')
			fail_msg("byte %zu", i);
}

static void
scratch_has_no_name(void **state)
{
	int fd = file_scratch(folder);
	struct stat st;
	char byte;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_true(file_write(fd, "x", 1));
	assert_int_equal(pread(fd, &byte, 1, 0), 1);
	assert_int_equal(byte, 'x');
	close(fd);
	errno = 0;
	assert_int_equal(file_scratch(other), -1);
	assert_int_equal(errno, ENOENT);
}

/* Bytes of which no two pages are alike. */
static char
pattern(size_t i)
{
	return (char)(i ^ i >> 8 ^ i >> 16);
}

/* A pipe that only a signal's handler works at its other end, each second time: every
 * read(2) or write(2) that waits is cut short, or comes back with EINTR. */
static int far_end;
static size_t far_bytes;
static volatile sig_atomic_t far_turns;

static void
fill_far_end(int number)
{
	(void)number;
	if (++far_turns % 2)
		return;
	if (far_turns < 8 && write(far_end, "abcd", 4) == 4)
		far_bytes += 4;
	else if (far_turns == 8)
		close(far_end);
}

static void
drain_far_end(int number)
{
	static char got[PIPE_BUF];
	ssize_t n;

	(void)number;
	if (++far_turns % 2)
		return;
	n = read(far_end, got, sizeof(got));
	for (ssize_t i = 0; i < n; i++, far_bytes++)
		if (got[i] != pattern(far_bytes))
			_exit(1);
}

static void
start_signals(void (*handler)(int), struct sigaction *old)
{
	const struct sigaction act = { .sa_handler = handler };
	const struct itimerval often = { { 0, 300 }, { 0, 300 } };

	far_bytes = 0;
	far_turns = 0;
	sigaction(SIGALRM, &act, old);
	setitimer(ITIMER_REAL, &often, NULL);
}

static void
stop_signals(const struct sigaction *old)
{
	const struct itimerval never = { 0 };

	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, old, NULL);
}

static void
reads_over_signals(void **state)
{
	struct sigaction old;
	struct error e = { "" };
	char bytes[64];
	size_t len = sizeof(bytes);
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	far_end = ends[1];
	start_signals(fill_far_end, &old);
	assert_int_equal(file_read(ends[0], bytes, &len, "PIPE", &e), STATUS_OK);
	stop_signals(&old);
	close(ends[0]);
	assert_int_equal(len, 12);
	assert_memory_equal(bytes, "abcdabcdabcd", 12);
}

static void
writes_over_signals(void **state)
{
	static char bytes[4 * 64 * 1024]; /* four times what a pipe holds */
	struct sigaction old;
	size_t written;
	int ends[2];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = pattern(i);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	/* the handler may find it empty, and nobody else would fill it */
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	far_end = ends[0];
	start_signals(drain_far_end, &old);
	assert_true(file_write(ends[1], bytes, sizeof(bytes)));
	stop_signals(&old);
	close(ends[1]);
	do {
		written = far_bytes;
		far_turns = 1;
		drain_far_end(SIGALRM);
	} while (far_bytes > written);
	assert_int_equal(written, sizeof(bytes));
	close(ends[0]);
}

static void
write_reports_failure(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_true(file_write(fd, "", 0));
	errno = 0;
	assert_false(file_write(fd, "x", 1));
	assert_int_equal(errno, ENOSPC);
	close(fd);
	assert_false(file_write(fd, "x", 1));
	assert_int_equal(errno, EBADF);
}

#define file_test(f) cmocka_unit_test_setup_teardown(f, make_file, remove_file)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		file_test(opens_a_file_of_root),
		file_test(opens_a_file_of_the_caller),
		file_test(refuses_what_is_no_path),
		file_test(opens_names_with_dots),
		file_test(names_what_is_missing),
		file_test(refuses_links),
		file_test(refuses_a_second_name),
		file_test(refuses_what_is_no_file),
		file_test(does_not_wait_for_a_fifo),
		file_test(refuses_any_bit_for_others),
		file_test(refuses_others_who_write),
		file_test(refuses_a_wrong_owner),
		file_test(refuses_directories_of_others),
		file_test(counts_bytes),
		file_test(out_of_descriptors_may_pass),
		file_test(reads_up_to_max),
		cmocka_unit_test(reads_in_pieces),
		cmocka_unit_test(scratch_has_no_name),
		cmocka_unit_test(reads_over_signals),
		cmocka_unit_test(writes_over_signals),
		cmocka_unit_test(write_reports_failure),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
