/*
 * What the tests of lib/send/limits.c share: a folder below /tmp, processes that use it
 * together. To be included once, by a test.
 */
#ifndef POSTROOM_TESTS_LIMITS_RIG_H
#define POSTROOM_TESTS_LIMITS_RIG_H

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/file.h"
#include "lib/send/limits.h"

enum {
	MS = 1000000, /* ns */
	BLOCKED = 60, /* ms in which somebody who is not blocked would be through */
	NO_DESCRIPTOR = -1,
};

#define ACCOUNT "office365"
#define HOST    "smtp.office365.com"

static char path[] = "/tmp/postroom-test-XXXXXX";
static int folder = -1;

/* What the processes of a test count together. */
static struct {
	atomic_int inside, most, granted, login;
	atomic_int start; /* 1: go */
} * shared;

/* Two connections, one, and eight that have a login. */
static const struct limits_rule two
    __attribute__((unused)) = { ACCOUNT, 2, 10000, 0, HOST };
static const struct limits_rule one
    __attribute__((unused)) = { ACCOUNT, 1, 10000, 0, HOST };
static const struct limits_rule login
    __attribute__((unused)) = { ACCOUNT, 8, 10000, 7, HOST };

/* -- help -------------------------------------------------------------------------- */

static inline int
make_folder(void **state)
{
	(void)state;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return shared == MAP_FAILED || !mkdtemp(path);
}

static inline int
remove_folder(void **state)
{
	(void)state;
	return rmdir(path);
}

static inline int
open_folder(void **state)
{
	(void)state;
	memset(shared, 0, sizeof(*shared));
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return folder < 0;
}

static inline int
empty_folder(void **state)
{
	static const char *const parts[] = { "state", "login", "1", "2", "3", "4", "5",
		"6", "7", "8" };

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char name[64];

		snprintf(name, sizeof(name), ACCOUNT ".%s", parts[i]);
		if (unlinkat(folder, name, 0) != 0)
			unlinkat(folder, name, AT_REMOVEDIR);
	}
	return close(folder);
}

static inline struct limits *
open_limits(const struct limits_rule *rule)
{
	struct limits *l = NULL;
	struct error e = { "" };

	if (limits_open(&l, folder, rule, &e) != STATUS_OK)
		fail_msg("%s", e.text);
	return l;
}

static inline int64_t
clock_ms(void)
{
	struct timespec t;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / MS;
}

/* A descriptor that turns readable in so many ms. */
static inline int
make_timer(int ms)
{
	struct itimerspec t = { .it_value = { ms / 1000, ms % 1000 * MS } };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	assert_true(fd >= 0);
	timerfd_settime(fd, 0, &t, NULL);
	return fd;
}

static inline void
assert_enters(struct limits *l)
{
	struct limits_closed closed;
	struct error e = { "" };
	int stop = make_timer(3000);

	if (limits_enter(l, stop, &closed, &e) != STATUS_OK)
		fail_msg("%s", e.text);
	close(stop);
}

/* It waits, and would wait on. */
static inline void
assert_waits(struct limits *l)
{
	struct limits_closed closed, before;
	struct error e = { "" };
	int stop = make_timer(BLOCKED);

	memset(&closed, 'z', sizeof(closed));
	before = closed;
	assert_int_equal(limits_enter(l, stop, &closed, &e), STATUS_CANCELLED);
	assert_memory_equal(&closed, &before, sizeof(before));
	assert_non_null(strstr(e.text,
	    "was stopped while it waited for the account "
	    "office365"));
	close(stop);
}

/* It is refused at once, with these words in its sentence. */
static inline struct limits_closed
assert_closed(struct limits *l, const char *words)
{
	int64_t start = clock_ms();
	struct limits_closed closed;
	struct error e = { "" };

	assert_int_equal(limits_enter(l, NO_DESCRIPTOR, &closed, &e), STATUS_RETRY);
	assert_in_range(clock_ms() - start, 0, 1000);
	if (!strstr(e.text, words))
		fail_msg("'%s' is not in '%s'", words, e.text);
	return closed;
}

/* Runs work in `count` processes at once; each returns whether all was well. */
static inline void
in_processes(int count, bool (*work)(void))
{
	int state;

	shared->start = 0;
	for (int i = 0; i < count; i++) {
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0) {
			alarm(20); /* nobody outlives the test */
			while (!shared->start)
				sched_yield();
			_exit(!work());
		}
	}
	shared->start = 1;
	for (int i = 0; i < count; i++) {
		assert_true(wait(&state) > 0);
		assert_true(WIFEXITED(state));
		assert_int_equal(WEXITSTATUS(state), 0);
	}
}

static inline void
read_standing(struct standing *s)
{
	char bytes[STANDING_MAX];
	int fd = openat(folder, ACCOUNT ".state", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, bytes, sizeof(bytes));

	assert_true(n >= 0);
	close(fd);
	standing_read(s, bytes, (size_t)n);
}

static inline void
write_file(const char *name, const void *bytes, size_t len)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_true(file_write(fd, bytes, len));
	close(fd);
}

static inline void
write_standing(const struct standing *s)
{
	struct buf text;

	buf_init(&text, STANDING_MAX);
	assert_true(standing_write(&text, s));
	write_file(ACCOUNT ".state", text.data, text.len);
	buf_clear(&text);
}

#define in_folder(f) cmocka_unit_test_setup_teardown(f, open_folder, empty_folder)

#endif
