/* Tests of lib/doc/confine.c: what a child may do, and what its end says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/file.h"
#include "lib/doc/confine.h"

enum {
	MB = 1024 * 1024,
	LAST_ALARM = 20, /* seconds, after which a test that hangs is ended */
	DESCRIPTORS = 256,
	TEXT_MAX = 4096,
};

/* What a test's child tells. */
struct tale {
	int number;
	char text[128];
};

static const struct confinement plenty = {
	.memory = 256 * MB,
	.seconds = 10,
	.patience = 30,
	.output = MB,
	.input = -1,
	.result = -1,
	.stop = -1,
};

static enum status
call(const struct confinement *c, void (*work)(void *, void *), void *context,
    struct tale *tale)
{
	struct error e = { "" };
	const struct confined what = { work, context, tale, sizeof(*tale) };
	struct tale before = *tale;
	enum status status = confine_call(c, &what, &e);

	assert_int_equal(*e.text != '\0', status != STATUS_OK);
	if (status != STATUS_OK) {
		assert_memory_equal(tale, &before, sizeof(before));
		snprintf(tale->text, sizeof(tale->text), "%.100s", e.text);
	}
	return status;
}

static int
open_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < DESCRIPTORS; fd++)
		count += fcntl(fd, F_GETFD) != -1;
	return count;
}

/* -- functions --------------------------------------------------- */

static void
greet(void *context, void *report)
{
	struct tale *t = report;

	t->number = *(int *)context + 1;
	snprintf(t->text, sizeof(t->text), "hello");
	*(int *)context = 99; /* in the child's memory */
}

static void
reports_come_back(void **state)
{
	struct tale t = { 0 };
	int number = 41, descriptors = open_descriptors();

	(void)state;
	assert_int_equal(call(&plenty, greet, &number, &t), STATUS_OK);
	assert_int_equal(t.number, 42);
	assert_string_equal(t.text, "hello");
	assert_int_equal(number, 41);
	assert_int_equal(open_descriptors(), descriptors);
	assert_int_equal(waitpid(-1, NULL, 0), -1);
}

static void
long_reports_are_refused(void **state)
{
	static char report[CONFINE_REPORT_MAX + 1];
	const struct confined what = { greet, NULL, report, sizeof(report) };
	struct error e;

	(void)state;
	assert_int_equal(confine_call(&plenty, &what, &e), STATUS_RETRY);
}

static void
end_by_signal(void *context, void *report)
{
	(void)report;
	raise(*(int *)context);
}

static void
crashes_are_told_from_kills(void **state)
{
	static const struct {
		int signal;
		enum status status;
	} rows[] = {
		{ SIGSEGV, STATUS_INVALID }, { SIGBUS, STATUS_INVALID },
		{ SIGABRT, STATUS_INVALID }, { SIGILL, STATUS_INVALID },
		{ SIGFPE, STATUS_INVALID }, { SIGXCPU, STATUS_INVALID },
		{ SIGXFSZ, STATUS_INVALID },
		{ SIGKILL, STATUS_RETRY }, /* by the system, for want of memory */
		{ SIGTERM, STATUS_RETRY }, /* by cupsd: the job is cancelled */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int signal = rows[i].signal;
		struct tale t = { 7, "before" };

		if (call(&plenty, end_by_signal, &signal, &t) != rows[i].status)
			fail_msg("signal %d: %s", signal, t.text);
	}
}

static void
leave(void *context, void *report)
{
	(void)context;
	(void)report;
	_exit(0);
}

static void
silence_is_no_success(void **state)
{
	struct tale t = { 7, "before" };

	(void)state;
	assert_int_equal(call(&plenty, leave, NULL, &t), STATUS_RETRY);
}

static void
compute(void *context, void *report)
{
	volatile unsigned n = 0;

	(void)report;
	if (*(bool *)context)
		signal(SIGXCPU, SIG_IGN);
	for (;;)
		n++;
}

/* Also where the child does not heed the first signal. */
static void
computing_ends(void **state)
{
	struct confinement c = plenty;

	(void)state;
	c.seconds = 1;
	for (int ignores = 0; ignores < 2; ignores++) {
		struct tale t = { 7, "before" };
		bool context = ignores;

		assert_int_equal(call(&c, compute, &context, &t), STATUS_INVALID);
		assert_non_null(strstr(t.text, "more than 1 seconds"));
	}
}

static void
sleep_for_ever(void *context, void *report)
{
	sigset_t all;

	(void)context;
	(void)report;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (;;)
		pause();
}

static void
sleeping_ends(void **state)
{
	struct confinement c = plenty;
	struct tale t = { 7, "before" };

	(void)state;
	c.patience = 1;
	alarm(LAST_ALARM);
	assert_int_equal(call(&c, sleep_for_ever, NULL, &t), STATUS_RETRY);
	alarm(0);
	assert_non_null(strstr(t.text, "not done after 1 seconds"));
}

/* Maps so many megabytes; tells whether it was given them. */
static void
map_memory(void *context, void *report)
{
	struct tale *t = report;
	size_t size = (size_t) * (int *)context * MB;

	t->number = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0) != MAP_FAILED;
}

static void
memory_has_a_limit(void **state)
{
	struct confinement c = plenty;
	struct tale t = { 0 };
	int megabytes = 32;

	(void)state;
	c.memory = 64 * MB;
	assert_int_equal(call(&c, map_memory, &megabytes, &t), STATUS_OK);
	assert_int_equal(t.number, 1);
	megabytes = 65;
	assert_int_equal(call(&c, map_memory, &megabytes, &t), STATUS_OK);
	assert_int_equal(t.number, 0);
}

static void
write_file(void *context, void *report)
{
	char bytes[1000] = "";
	struct tale *t = report;

	t->number = (int)write(*(int *)context, bytes, sizeof(bytes));
	t->number += (int)write(*(int *)context, bytes, 1);
}

static void
files_have_a_limit(void **state)
{
	struct confinement c = plenty;
	struct tale t = { 0 };
	int fd = file_scratch("/tmp");

	(void)state;
	assert_true(fd >= 0);
	c.result = fd;
	c.output = 1001;
	assert_int_equal(call(&c, write_file, &fd, &t), STATUS_OK);
	assert_int_equal(t.number, 1001);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	c.output = 1000;
	assert_int_equal(call(&c, write_file, &fd, &t), STATUS_INVALID);
	assert_non_null(strstr(t.text, "more than 1000 bytes"));
	close(fd);
}

static void
count_descriptors(void *context, void *report)
{
	const struct confinement *c = context;
	struct tale *t = report;

	t->number = open_descriptors();
	t->text[0] = fcntl(c->input, F_GETFD) != -1 ? 'y' : 'n';
	t->text[1] = fcntl(c->result, F_GETFD) != -1 ? 'y' : 'n';
}

/* The pipe and what was given: nothing of the caller's. */
static void
descriptors_are_closed(void **state)
{
	struct confinement c = plenty;
	struct tale t = { 0 };
	int spare = open("/dev/null", O_RDWR), far = fcntl(spare, F_DUPFD, 200);

	(void)state;
	assert_true(spare >= 0 && far >= 0);
	assert_int_equal(call(&c, count_descriptors, &c, &t), STATUS_OK);
	assert_int_equal(t.number, 1);
	c.input = far;
	assert_int_equal(call(&c, count_descriptors, &c, &t), STATUS_OK);
	assert_int_equal(t.number, 2);
	c.result = spare;
	assert_int_equal(call(&c, count_descriptors, &c, &t), STATUS_OK);
	assert_int_equal(t.number, 3);
	assert_string_equal(t.text, "yy");
	close(spare);
	close(far);
}

static void
look_at_signals(void *context, void *report)
{
	struct tale *t = report;
	struct sigaction pipe;
	sigset_t blocked;

	(void)context;
	sigprocmask(SIG_SETMASK, NULL, &blocked);
	sigaction(SIGPIPE, NULL, &pipe);
	t->number = sigismember(&blocked, SIGTERM) == 0 && pipe.sa_handler == SIG_DFL;
}

static void
signals_are_as_at_birth(void **state)
{
	struct tale t = { 0 };
	sigset_t term;

	(void)state;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(call(&plenty, look_at_signals, NULL, &t), STATUS_OK);
	assert_int_equal(t.number, 1);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &term, NULL);
}

static void
tell_and_sleep(void *context, void *report)
{
	if (write(*(int *)context, "x", 1) == 1)
		sleep_for_ever(NULL, report);
}

/* Starts a child that never ends, below a parent that is killed then: the pipe's end
 * tells that it died too. */
static void
check_death_of_parent(void (*start)(int pipe_end))
{
	int ends[2];
	char byte;
	pid_t parent;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	parent = fork();
	assert_true(parent >= 0);
	if (parent == 0) {
		close(ends[0]);
		start(ends[1]);
		_exit(0);
	}
	close(ends[1]);
	alarm(LAST_ALARM);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	kill(parent, SIGKILL);
	while (read(ends[0], &byte, 1) > 0)
		continue;
	alarm(0);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	close(ends[0]);
}

static void
start_function(int pipe_end)
{
	struct confinement c = plenty;
	struct tale t = { 0 };

	c.result = pipe_end;
	call(&c, tell_and_sleep, &pipe_end, &t);
}

static void
start_program(int pipe_end)
{
	static const char *const arguments[] = { "yes", NULL };
	struct confinement c = plenty;

	c.result = pipe_end;
	confine_program(&c, "/usr/bin/yes", arguments, NULL);
}

static void
children_die_with_their_parent(void **state)
{
	(void)state;
	check_death_of_parent(start_function);
	check_death_of_parent(start_program);
}

/* -- programs ---------------------------------------------------- */

/* Runs a program on a text; out receives what it writes. */
static enum status
run(struct confinement c, const char *const arguments[], const char *text,
    char out[TEXT_MAX])
{
	int input = file_scratch("/tmp"), result = file_scratch("/tmp");
	struct error e = { "" };
	enum status status;
	ssize_t n;

	assert_true(input >= 0 && result >= 0);
	assert_true(file_write(input, text, strlen(text)));
	assert_int_equal(lseek(input, 0, SEEK_SET), 0);
	c.input = input;
	c.result = result;
	status = confine_program(&c, arguments[0], arguments, &e);
	assert_int_equal(*e.text != '\0', status != STATUS_OK);
	n = pread(result, out, TEXT_MAX - 1, 0);
	assert_true(n >= 0);
	out[n] = '\0';
	close(input);
	close(result);
	return status;
}
#define RUN(c, text, out, ...)                                                           \
	run(c, (const char *const[]){ __VA_ARGS__, NULL }, text, out)

static void
programs_read_and_write(void **state)
{
	char out[TEXT_MAX];
	int descriptors = open_descriptors();

	(void)state;
	assert_int_equal(RUN(plenty, "a document", out, "/usr/bin/cat"), STATUS_OK);
	assert_string_equal(out, "a document");
	assert_int_equal(open_descriptors(), descriptors);
	assert_int_equal(waitpid(-1, NULL, 0), -1);
}

/* Of the caller nothing but a folder for temporary files. */
static void
programs_know_nothing(void **state)
{
	struct confinement c = plenty;
	int far = fcntl(STDERR_FILENO, F_DUPFD, 200);
	char out[TEXT_MAX];

	(void)state;
	assert_int_equal(setenv("SECRET", "hunter2", 1), 0);
	assert_int_equal(RUN(c, "", out, "/usr/bin/env"), STATUS_OK);
	assert_string_equal(out, "");
	c.tmpdir = "/var/tmp";
	assert_int_equal(RUN(c, "", out, "/usr/bin/env"), STATUS_OK);
	assert_string_equal(out, "TMPDIR=/var/tmp\n");
	unsetenv("SECRET");
	/* the fourth is that of the folder which is listed */
	assert_int_equal(RUN(c, "", out, "/usr/bin/ls", "/proc/self/fd"), STATUS_OK);
	assert_string_equal(out, "0\n1\n2\n3\n");
	assert_int_equal(
	    RUN(c, "", out, "/usr/bin/readlink", "/proc/self/fd/2"), STATUS_OK);
	assert_string_equal(out, "/dev/null\n");
	close(far);
}

static void
programs_have_default_signals(void **state)
{
	char out[TEXT_MAX];
	sigset_t term;

	(void)state;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* make(1) leaves glibc's own two, 32 and 33, ignored, and nobody can change them
	 */
	assert_int_equal(RUN(plenty, "", out, "/usr/bin/grep", "-E", "-c",
			     "Sig(Blk|Ign):\t0{7}(00|18)0{7}", "/proc/self/status"),
	    STATUS_OK);
	assert_string_equal(out, "2\n");
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &term, NULL);
}

static void
programs_that_fail_are_told_from_missing_ones(void **state)
{
	char out[TEXT_MAX];

	(void)state;
	assert_int_equal(RUN(plenty, "", out, "/usr/bin/false"), STATUS_INVALID);
	assert_int_equal(RUN(plenty, "", out, "/usr/bin/none"), STATUS_SETTINGS);
	assert_int_equal(RUN(plenty, "", out, "/etc/passwd"), STATUS_SETTINGS);
	assert_int_equal(RUN(plenty, "", out, "/etc/passwd/x"), STATUS_SETTINGS);
}

static void
programs_have_limits(void **state)
{
	struct confinement c = plenty;
	char out[TEXT_MAX];

	(void)state;
	alarm(LAST_ALARM);
	c.output = 1000;
	assert_int_equal(RUN(c, "", out, "/usr/bin/yes"), STATUS_INVALID);
	assert_int_equal(strlen(out), 1000);
	c.patience = 1;
	assert_int_equal(RUN(c, "", out, "/usr/bin/sleep", "1000"), STATUS_RETRY);
	c = plenty;
	c.seconds = 1;
	assert_int_equal(
	    RUN(c, "", out, "/usr/bin/sha256sum", "/dev/zero"), STATUS_INVALID);
	c = plenty;
	c.memory = 16 * MB;
	assert_int_equal(
	    RUN(c, "", out, "/usr/bin/head", "-c", "1", "/dev/zero"), STATUS_OK);
	assert_int_equal(
	    RUN(c, "", out, "/usr/bin/sort", "-S", "64M", "/dev/zero"), STATUS_INVALID);
	alarm(0);
}

/* -- files ------------------------------------------------------- */

static void
documents_are_mapped_anywhere(void **state)
{
	static const off_t starts[] = { 0, 1, 4095, 4096, 10000 };
	int fd = file_scratch("/tmp");

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		struct span span = { starts[i], 5 };
		const char *bytes;

		assert_int_equal(pwrite(fd, "bytes", 5, starts[i]), 5);
		bytes = confine_map(fd, &span);
		assert_non_null(bytes);
		assert_memory_equal(bytes, "bytes", 5);
		confine_unmap(bytes, &span);
	}
	close(fd);
}

static void
room_is_asked_for(void **state)
{
	int fd = memfd_create("file", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "bytes", 5), 5);
	assert_true(confine_has_room(fd, 100));
	assert_int_equal(lseek(fd, 0, SEEK_END), 5);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0); /* as a full disk */
	errno = 0;
	assert_false(confine_has_room(fd, 100));
	assert_int_not_equal(errno, 0);
	assert_false(confine_has_room(-1, 100));
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports_come_back),
		cmocka_unit_test(long_reports_are_refused),
		cmocka_unit_test(crashes_are_told_from_kills),
		cmocka_unit_test(silence_is_no_success),
		cmocka_unit_test(computing_ends),
		cmocka_unit_test(sleeping_ends),
		cmocka_unit_test(memory_has_a_limit),
		cmocka_unit_test(files_have_a_limit),
		cmocka_unit_test(descriptors_are_closed),
		cmocka_unit_test(signals_are_as_at_birth),
		cmocka_unit_test(children_die_with_their_parent),
		cmocka_unit_test(programs_read_and_write),
		cmocka_unit_test(programs_know_nothing),
		cmocka_unit_test(programs_have_default_signals),
		cmocka_unit_test(programs_that_fail_are_told_from_missing_ones),
		cmocka_unit_test(programs_have_limits),
		cmocka_unit_test(documents_are_mapped_anywhere),
		cmocka_unit_test(room_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
