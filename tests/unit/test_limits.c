/* Tests of lib/send/limits.c: connections, rate, faults. */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/limits_rig.h"

/* Stands in for the C library's: with a step each look at the clock is so many ns later
 * than it was, so that two minutes pass while nobody waits. */
static int64_t clock_step, clock_ahead;

int
clock_gettime(clockid_t clock, struct timespec *t)
{
	int result = (int)syscall(SYS_clock_gettime, clock, t);

	clock_ahead += clock_step;
	t->tv_sec += clock_ahead / (1000 * MS);
	return result;
}

/* -- opening ----------------------------------------------------------------------- */

static void
names_are_checked(void **state)
{
	static const char *const bad[] = { "", "a/b", "../a", "a b", "a\n", "\xc3\xa4",
		"1234567890123456789012345678901234567890123456789012345678901234" };
	struct limits *l = (void *)1;
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct limits_rule rule = { bad[i], 1, 1, 0, HOST };

		assert_int_equal(limits_open(&l, folder, &rule, &e), STATUS_SETTINGS);
		assert_non_null(strstr(e.text, "is no name of an account; allowed: "));
		assert_ptr_equal(l, (void *)1);
	}
	limits_close(NULL);
}

static void
files_are_private(void **state)
{
	static const char *const names[] = { ACCOUNT ".state", ACCOUNT ".login",
		ACCOUNT ".1" };
	const struct limits_rule rule = { ACCOUNT, 1, 10000, 7, HOST };
	struct limits *l = open_limits(&rule);
	struct stat st;

	(void)state;
	umask(0);
	assert_enters(l);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(fstatat(folder, names[i], &st, 0), 0);
		assert_true(S_ISREG(st.st_mode));
		assert_int_equal(st.st_mode & 07777, 0600);
	}
	umask(022);
	limits_close(l);
}

static void
case_of_the_name_does_not_matter(void **state)
{
	const struct limits_rule loud = { "OFFICE365", 1, 10000, 0, HOST };
	struct limits *a = open_limits(&one), *b = open_limits(&loud);

	(void)state;
	assert_enters(a);
	assert_waits(b);
	limits_close(a);
	assert_enters(b);
	limits_close(b);
}

/* -- connections ------------------------------------------------------------------- */

static bool
hold_some(void)
{
	struct limits_closed closed;
	struct limits *l;
	int inside, most;

	if (limits_open(&l, folder, &two, NULL) != STATUS_OK)
		return false;
	for (int i = 0; i < 5; i++) {
		if (limits_enter(l, NO_DESCRIPTOR, &closed, NULL) != STATUS_OK)
			return false;
		inside = ++shared->inside;
		most = shared->most;
		while (inside > most &&
		    !atomic_compare_exchange_weak(&shared->most, &most, inside))
			continue;
		poll(NULL, 0, 5); /* a connection takes its time */
		shared->inside--;
		limits_leave(l);
	}
	limits_close(l);
	return true;
}

static void
never_more_than_allowed(void **state)
{
	(void)state;
	in_processes(6, hold_some);
	assert_int_equal(shared->most, 2);
	assert_int_equal(shared->inside, 0);
}

static void
killed_holder_gives_way(void **state)
{
	struct limits *l = open_limits(&one);
	pid_t child = fork();
	int ends;

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		struct limits *own = open_limits(&one);

		assert_enters(own);
		shared->granted = 1;
		for (;;)
			pause();
	}
	while (!shared->granted)
		sched_yield();
	assert_waits(l);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &ends, 0), child);
	assert_enters(l);
	limits_close(l);
}

static void
leaving_gives_way(void **state)
{
	struct limits *a = open_limits(&one), *b = open_limits(&one);

	(void)state;
	assert_enters(a);
	assert_enters(a); /* it has its connection already */
	assert_waits(b);
	limits_leave(a);
	limits_leave(a);
	assert_enters(b);
	assert_waits(a);
	limits_close(b);
	assert_enters(a);
	limits_close(a);
}

/* A child that lives on must not keep what its parent gave back. */
static void
forked_child_does_not_keep_it(void **state)
{
	struct limits *a = open_limits(&one), *b = open_limits(&one);
	pid_t child;
	int ends;

	(void)state;
	assert_enters(a);
	child = fork();
	if (child == 0)
		for (;;)
			pause();
	limits_close(a);
	assert_enters(b);
	limits_close(b);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &ends, 0), child);
}

static void
number_of_connections_may_change(void **state)
{
	struct limits *a = open_limits(&one), *b = open_limits(&one),
		      *grown = open_limits(&two), *third = open_limits(&two);

	(void)state;
	assert_enters(a);
	assert_waits(b);
	assert_enters(grown);
	assert_waits(third);
	limits_close(a); /* shrunk: the second is held still, and the first is free */
	assert_enters(b);
	limits_close(b);
	limits_close(grown);
	limits_close(third);
}

static void
none_counts_as_one(void **state)
{
	const struct limits_rule none = { ACCOUNT, 0, 0, 0, HOST };
	struct limits *l = open_limits(&none);

	(void)state;
	assert_enters(l);
	limits_leave(l);
	assert_waits(l); /* for the minute's one message */
	limits_close(l);
}

static void
waiting_has_an_end(void **state)
{
	struct limits *holder = open_limits(&one), *l = open_limits(&one);
	struct limits_closed closed;
	struct error e;

	(void)state;
	assert_enters(holder);
	clock_step = 10000 * (int64_t)MS;
	assert_int_equal(limits_enter(l, NO_DESCRIPTOR, &closed, &e), STATUS_RETRY);
	clock_step = 0;
	assert_in_range(clock_ahead / MS, 120 * 1000, 200 * 1000);
	assert_string_equal(e.text,
	    "account office365: all its connections (max_connections) are in use");
	assert_in_range(closed.wait, 2000, 6000);
	limits_close(holder);
	limits_close(l);
}

/* -- rate -------------------------------------------------------------------------- */

static bool
send_for_two_seconds(void)
{
	const struct limits_rule rule = { ACCOUNT, 4, 1200, 0, HOST };
	struct limits_closed closed;
	struct limits *l;
	int stop = make_timer(2000);

	if (limits_open(&l, folder, &rule, NULL) != STATUS_OK)
		return false;
	while (limits_enter(l, stop, &closed, NULL) == STATUS_OK) {
		shared->granted++;
		limits_leave(l);
	}
	limits_close(l);
	return true;
}

static void
rate_is_held_by_all_together(void **state)
{
	enum { EXACT = LIMITS_BURST + 2 * 1200 / 60 };

	(void)state;
	in_processes(4, send_for_two_seconds);
	assert_in_range(shared->granted, EXACT * 95 / 100, EXACT * 105 / 100);
}

static void
slow_accounts_have_small_bursts(void **state)
{
	static const struct {
		uint64_t per_minute;
		int burst;
	} rows[] = { { 1, 1 }, { 11, 1 }, { 12, 2 }, { 24, 4 }, { 60, 4 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct limits_rule rule = { ACCOUNT, 1, rows[i].per_minute, 0,
			HOST };
		struct limits *l = open_limits(&rule);

		unlinkat(folder, ACCOUNT ".state", 0);
		for (int message = 0; message < rows[i].burst; message++)
			assert_enters(l);
		assert_waits(l);
		limits_close(l);
	}
}

/* Stopped while it has a connection and waits for a token. */
static void
stop_gives_the_connection_back(void **state)
{
	const struct limits_rule slow = { ACCOUNT, 1, 1, 0, HOST };
	struct limits *a = open_limits(&slow), *b = open_limits(&one);

	(void)state;
	assert_enters(a);
	assert_waits(a);
	assert_enters(b); /* whose faster rule has a token */
	limits_close(a);
	limits_close(b);
}

/* -- faults ------------------------------------------------------------------------ */

static void
damaged_state_never_blocks(void **state)
{
	static char bytes[1024 * 1024];
	struct limits *l = open_limits(&login);
	struct stat st;
	ssize_t len;
	int fd;

	(void)state;
	limits_login_refused(l, "no");
	fd = openat(folder, ACCOUNT ".state", O_RDONLY | O_CLOEXEC);
	len = read(fd, bytes, sizeof(bytes));
	close(fd);
	assert_true(len > 50);
	for (ssize_t i = 0; i < len; i++) {
		bytes[i] = (char)~bytes[i];
		write_file(ACCOUNT ".state", bytes, (size_t)len);
		bytes[i] = (char)~bytes[i];
		assert_enters(l);
		limits_leave(l);
	}
	for (ssize_t i = 0; i < len; i += 7) {
		write_file(ACCOUNT ".state", bytes, (size_t)i);
		assert_enters(l);
		limits_leave(l);
	}
	memset(bytes, 0, sizeof(bytes));
	write_file(ACCOUNT ".state", bytes, sizeof(bytes));
	assert_enters(l);
	assert_int_equal(fstatat(folder, ACCOUNT ".state", &st, 0), 0);
	assert_in_range(st.st_size, 1, STANDING_MAX);
	limits_close(l);
}

/* Whole, and not true: every time lies far ahead. */
static void
lying_state_never_blocks(void **state)
{
	struct limits *l = open_limits(&login);
	struct standing s;

	(void)state;
	limits_login_refused(l, "no");
	limits_pause(l, 60 * 1000, "no");
	read_standing(&s);
	s.bucket = INT64_MAX;
	s.refused.again.boot = INT64_MAX;
	s.pause.end.boot = INT64_MAX;
	write_standing(&s);
	assert_enters(l);
	limits_close(l);
}

static void
stop_is_heeded_at_once(void **state)
{
	struct limits *a = open_limits(&one), *b = open_limits(&one);
	struct limits_closed closed;
	int64_t start = clock_ms();
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
		    limits_enter(a, ends[0], &closed, NULL), STATUS_CANCELLED);
		assert_enters(b); /* a has nothing */
	}
	assert_in_range(clock_ms() - start, 0, BLOCKED);
	close(ends[0]);
	close(ends[1]);
	limits_close(a);
	limits_close(b);
}

static void
missing_folder_is_told(void **state)
{
	char name[80];
	struct limits_closed closed;
	struct error e;
	struct limits *l;
	int gone;

	(void)state;
	snprintf(name, sizeof(name), "%s/gone", path);
	assert_int_equal(mkdir(name, 0700), 0);
	gone = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(limits_open(&l, gone, &one, NULL), STATUS_OK);
	unlinkat(gone, ACCOUNT ".state", 0);
	assert_int_equal(rmdir(name), 0);
	closed = assert_closed(l,
	    "account office365: its limits cannot be kept; see to the disk of state_dir: "
	    "the file office365.state cannot be opened: ");
	assert_int_equal(closed.wait, 0);
	limits_close(l);
	assert_int_equal(limits_open(&l, gone, &one, &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, "office365.state cannot be opened: "));
	close(gone);
	assert_int_equal(limits_open(&l, gone, &one, &e), STATUS_RETRY);
}

static void
only_files_will_do(void **state)
{
	struct limits *l = open_limits(&one);
	struct limits_closed closed;
	struct error e;

	(void)state;
	assert_int_equal(mkdirat(folder, ACCOUNT ".1", 0700), 0);
	closed = assert_closed(l, "office365.1 cannot be opened: ");
	assert_int_equal(closed.wait, 0); /* the job's own schedule applies */
	unlinkat(folder, ACCOUNT ".1", AT_REMOVEDIR);
	assert_int_equal(mkfifoat(folder, ACCOUNT ".1", 0600), 0);
	assert_closed(l, "office365.1 is no regular file; remove it");
	unlinkat(folder, ACCOUNT ".1", 0);
	assert_int_equal(symlinkat("elsewhere", folder, ACCOUNT ".1"), 0);
	assert_closed(l, "office365.1 cannot be opened: ");
	unlinkat(folder, ACCOUNT ".1", 0);
	limits_close(l);
	unlinkat(folder, ACCOUNT ".state", 0);
	assert_int_equal(symlinkat("elsewhere", folder, ACCOUNT ".state"), 0);
	assert_int_equal(limits_open(&l, folder, &one, &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, "office365.state cannot be opened: "));
}

/* What is not written down is not granted, and nothing is kept of it. */
static bool
meet_a_full_disk(void)
{
	const struct rlimit none = { 0, RLIM_INFINITY },
			    all = { RLIM_INFINITY, RLIM_INFINITY };
	struct limits_closed closed = { .wait = 1 };
	struct error e;
	struct limits *l;
	enum status status;

	signal(SIGXFSZ, SIG_IGN);
	if (limits_open(&l, folder, &one, NULL) != STATUS_OK)
		return false;
	setrlimit(RLIMIT_FSIZE, &none);
	status = limits_enter(l, NO_DESCRIPTOR, &closed, &e);
	setrlimit(RLIMIT_FSIZE, &all);
	if (status != STATUS_RETRY || closed.wait != 0 ||
	    !strstr(e.text, "office365.state cannot be written: "))
		return false;
	return limits_enter(open_limits(&one), make_timer(1000), &closed, NULL) ==
	    STATUS_OK;
}

static void
full_disk_grants_nothing(void **state)
{
	(void)state;
	in_processes(1, meet_a_full_disk);
}

static void
stopped_process_does_not_stop_all(void **state)
{
	struct limits *l = open_limits(&one);
	int fd = openat(folder, ACCOUNT ".state", O_RDWR | O_CLOEXEC);
	struct limits_closed closed;
	int64_t start = clock_ms();
	struct error e;

	(void)state;
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_waits(l);
	assert_int_equal(limits_enter(l, NO_DESCRIPTOR, &closed, &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, "locked by a process that does not go on"));
	assert_int_equal(closed.wait, 0);
	assert_in_range(clock_ms() - start, 1000, 3000);
	close(fd);
	limits_close(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(names_are_checked),
		in_folder(files_are_private),
		in_folder(case_of_the_name_does_not_matter),
		in_folder(never_more_than_allowed),
		in_folder(killed_holder_gives_way),
		in_folder(leaving_gives_way),
		in_folder(forked_child_does_not_keep_it),
		in_folder(number_of_connections_may_change),
		in_folder(none_counts_as_one),
		in_folder(waiting_has_an_end),
		in_folder(rate_is_held_by_all_together),
		in_folder(slow_accounts_have_small_bursts),
		in_folder(stop_gives_the_connection_back),
		in_folder(damaged_state_never_blocks),
		in_folder(lying_state_never_blocks),
		in_folder(stop_is_heeded_at_once),
		in_folder(missing_folder_is_told),
		in_folder(only_files_will_do),
		in_folder(full_disk_grants_nothing),
		in_folder(stopped_process_does_not_stop_all),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
