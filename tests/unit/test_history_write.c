/* Tests of how lib/send/history.c writes lines, in a folder of their own below /tmp. */
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/file.h"
#include "lib/send/history.h"

enum {
	SKIPPED = 77, /* a child's exit code */
};

static char folder[] = "/tmp/postroom-test-XXXXXX";
static char path[80], other[80];

static int
make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/log", folder);
	snprintf(other, sizeof(other), "%s/other", folder);
	return 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

static int
remove_files(void **state)
{
	(void)state;
	unlink(path);
	unlink(other);
	umask(022);
	return 0;
}

/* -- writing ----------------------------------------------------------------------- */

static void
assert_file(const char *wanted)
{
	char text[1024];
	size_t len = sizeof(text) - 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(file_read(fd, text, &len, path, NULL), STATUS_OK);
	close(fd);
	text[len] = '\0';
	assert_string_equal(text, wanted);
}

static void
assert_written(const char *line)
{
	struct error e = { "" };

	if (history_write(path, line, &e) != STATUS_OK)
		fail_msg("%s", e.text);
}

static void
assert_not_written(const char *name, const char *words)
{
	struct error e = { "" };

	alarm(10); /* ends the test run, should it block */
	assert_int_equal(history_write(name, "x=y", &e), STATUS_RETRY);
	alarm(0);
	if (!strstr(e.text, words))
		fail_msg("'%s' is not in '%s'", words, e.text);
}

static void
lines_are_appended(void **state)
{
	struct stat st;

	(void)state;
	umask(077); /* as cupsd's */
	assert_written("event=sent");
	assert_written("event=held");
	assert_file("event=sent\nevent=held\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	chmod(path, 0600); /* the administrator's mode stays */
	assert_written("");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_file("event=sent\nevent=held\n\n");
}

/* The line comes from the process that reads strangers' bytes. */
static void
one_line_stays_one(void **state)
{
	static char text[2 * HISTORY_LINE_MAX];
	struct stat st;

	(void)state;
	assert_written("event=sent\nevent=held\r\xff\x1b");
	assert_file("event=sent event=held \xef\xbf\xbd\n");
	unlink(path);
	memset(text, 'x', sizeof(text) - 1);
	assert_written(text);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, HISTORY_LINE_MAX + 1);
}

static void
torn_line_is_ended(void **state)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	assert_true(file_write(fd, "event=se", 8));
	close(fd);
	assert_written("event=held");
	assert_file("event=se\nevent=held\n");
}

enum { WRITERS = 4, LINES = 50, LENGTH = 5000 };

/* Long lines: they grow over several pages of the file. Begins when the pipe closes, with
 * the others. */
static bool
write_many(int number, const int ends[2])
{
	char line[LENGTH + 1], none;

	memset(line, 'a' + number, LENGTH);
	line[LENGTH] = '\0';
	close(ends[1]);
	if (read(ends[0], &none, 1) != 0)
		return false;
	for (int i = 0; i < LINES; i++)
		if (history_write(path, line, NULL) != STATUS_OK)
			return false;
	return true;
}

static void
lines_of_many_do_not_mix(void **state)
{
	static char text[WRITERS * LINES * (LENGTH + 1) + 1];
	size_t len = sizeof(text);
	int fd, end, ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	for (int i = 0; i < WRITERS; i++)
		if (fork() == 0)
			_exit(!write_many(i, ends));
	close(ends[0]);
	close(ends[1]);
	for (int i = 0; i < WRITERS; i++) {
		assert_true(wait(&end) > 0);
		assert_int_equal(end, 0);
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(file_read(fd, text, &len, path, NULL), STATUS_OK);
	close(fd);
	assert_int_equal(len, WRITERS * LINES * (LENGTH + 1));
	for (char *line = text; line < text + len; line += LENGTH + 1) {
		assert_int_equal(line[LENGTH], '\n');
		for (size_t i = 1; i < LENGTH; i++)
			if (line[i] != line[0])
				fail_msg("mixed at byte %td", line + i - text);
	}
}

static void
stopped_writer_does_not_stop_others(void **state)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	assert_int_equal(flock(fd, LOCK_EX), 0);
	alarm(10);
	assert_written("event=sent");
	alarm(0);
	close(fd);
	assert_file("event=sent\n");
}

static void
only_files_will_do(void **state)
{
	struct stat st;

	(void)state;
	assert_not_written("log", "log_file 'log' is no absolute path; correct it in ");
	assert_not_written(folder, "cannot be opened: Is a directory");
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_not_written(path, "log is no regular file; name another one in ");
	unlink(path);
	assert_int_equal(symlink(other, path), 0);
	assert_not_written(path, "log cannot be opened: ");
	close(open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_not_written(path, "log cannot be opened: ");
	assert_int_equal(stat(other, &st), 0);
	assert_int_equal(st.st_size, 0);
	unlink(path);
	assert_not_written("/dev/null", "/dev/null is no regular file");
	assert_not_written("/nonexistent/log", "/nonexistent/log cannot be opened: ");
}

static void
full_disk_is_told(void **state)
{
	const struct rlimit few = { 4, RLIM_INFINITY };
	int ends;

	(void)state;
	if (fork() == 0) {
		struct error e = { "" };
		bool good;

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &few);
		good = history_write(path, "event=sent", &e) == STATUS_RETRY &&
		    strstr(e.text, "log cannot be written: No space left on device") &&
		    history_write(path, "event=sent", &e) == STATUS_RETRY &&
		    strstr(e.text, "log cannot be written: File too large");
		_exit(!good);
	}
	assert_true(wait(&ends) > 0);
	assert_int_equal(ends, 0);
	assert_file("even");
}

/* -- the system's log -------------------------------------------------------------- */

/* Runs work where /dev is empty but for what work puts there. */
static void
in_a_bare_dev(bool (*work)(void))
{
	int ends;
	pid_t child = fork();

	if (child == 0) {
		if (unshare(CLONE_NEWNS) != 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		    mount("none", "/dev", "tmpfs", 0, NULL) != 0)
			_exit(SKIPPED);
		alarm(10); /* should it block */
		_exit(!work());
	}
	assert_int_equal(waitpid(child, &ends, 0), child);
	assert_true(WIFEXITED(ends));
	if (WEXITSTATUS(ends) == SKIPPED) {
		print_message("# needs root and a mount namespace: a /dev/log\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(ends), 0);
}

static bool
meet_no_log(void)
{
	struct error e = { "" };

	return history_write("", "x=y", &e) == STATUS_RETRY &&
	    strstr(e.text, "the system's log (/dev/log) does not take the record; ");
}

static void
missing_log_is_told(void **state)
{
	(void)state;
	in_a_bare_dev(meet_no_log);
}

static bool
meet_a_log(void)
{
	const struct sockaddr_un name = { AF_UNIX, "/dev/log" };
	static char packet[2 * HISTORY_LINE_MAX], wanted[100], text[2 * HISTORY_LINE_MAX];
	int log = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct error e = { "" };
	ssize_t n;

	if (bind(log, (const struct sockaddr *)&name, sizeof(name)) != 0 ||
	    history_write("", "event=sent user=\"a\nb\"", &e) != STATUS_OK)
		return false;
	n = recv(log, packet, sizeof(packet), 0);
	snprintf(wanted, sizeof(wanted), "<22>postroom[%d]: event=sent user=\"a b\"",
	    (int)getpid()); /* 22: mail, informational */
	if (n != (ssize_t)strlen(wanted) || memcmp(packet, wanted, (size_t)n) != 0)
		return false;
	memset(text, 'x', sizeof(text) - 1);
	if (history_write("", text, &e) != STATUS_OK ||
	    recv(log, packet, sizeof(packet), 0) < HISTORY_LINE_MAX)
		return false;
	for (int i = 0; i < 100000; i++) /* nobody reads it */
		if (history_write("", "x=y", &e) != STATUS_OK)
			return strstr(e.text, "does not take the record");
	return false;
}

static void
log_is_written_and_not_waited_for(void **state)
{
	(void)state;
	in_a_bare_dev(meet_a_log);
}

#define file_test(f) cmocka_unit_test_teardown(f, remove_files)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		file_test(lines_are_appended),
		file_test(one_line_stays_one),
		file_test(torn_line_is_ended),
		file_test(lines_of_many_do_not_mix),
		file_test(stopped_writer_does_not_stop_others),
		file_test(only_files_will_do),
		file_test(full_disk_is_told),
		file_test(missing_log_is_told),
		file_test(log_is_written_and_not_waited_for),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
