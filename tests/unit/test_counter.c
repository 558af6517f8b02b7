/* Tests of scan2mail/counter.c. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "scan2mail/counter.h"
#include "scan2mail/interrupt.h"
#include "scan2mail/statedir.h"
#include "tests/unit/statedir_rig.h"

enum {
	PROCESSES = 8,
	ROUNDS = 25,
};

static uint64_t
take(int folder, const char *profile, bool damage)
{
	struct error e = { "" };
	uint64_t number = 0;
	bool damaged = !damage;

	if (counter_take(&number, &damaged, folder, profile, &e) != STATUS_OK)
		fail_msg("%s", e.text);
	assert_int_equal(damaged, damage);
	return number;
}

static void
each_profile_counts_by_itself(void **state)
{
	int fd = -1;

	(void)state;
	assert_int_equal(statedir_open(&fd, "numbers", NULL), STATUS_OK);
	assert_int_equal(take(fd, "a", false), 1);
	assert_int_equal(take(fd, "a", false), 2);
	assert_int_equal(take(fd, "b", false), 1);
	close(fd);
	assert_int_equal(statedir_open(&fd, "numbers", NULL), STATUS_OK);
	assert_int_equal(take(fd, "a", false), 3);
	plant(fd, "a", "999999999999999998\n", 19);
	assert_int_equal(take(fd, "a", false), 999999999999999999);
	close(fd);
}

static void
damage_starts_anew(void **state)
{
	static const char *const texts[] = { "", "\n", "12", "12\n\n", "-1\n", " 7\n",
		"seven\n", "1000000000000000000\n", "7 \n",
		"00000000000000000000000000000000000000000000000000000001\n" };
	int fd = -1;

	(void)state;
	assert_int_equal(statedir_open(&fd, "numbers", NULL), STATUS_OK);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		plant(fd, "a", texts[i], strlen(texts[i]));
		assert_int_equal(take(fd, "a", true), 1);
		assert_int_equal(take(fd, "a", false), 2);
	}
	plant(fd, "a", "7\0\n", 3);
	assert_int_equal(take(fd, "a", true), 1);
	close(fd);
}

static void
failures_are_told(void **state)
{
	struct error e = { "" };
	uint64_t number = 7;
	bool damaged;
	int fd = -1;

	(void)state;
	assert_int_equal(statedir_open(&fd, "numbers", NULL), STATUS_OK);
	assert_int_equal(mkdirat(fd, "a", 0700), 0);
	assert_int_equal(counter_take(&number, &damaged, fd, "a", &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, "cannot be numbered"));
	assert_int_equal(number, 7);
	assert_int_equal(symlinkat("a", fd, "link"), 0);
	assert_int_equal(counter_take(&number, &damaged, fd, "link", &e), STATUS_RETRY);
	close(fd);
	assert_int_equal(counter_take(&number, &damaged, -1, "a", &e), STATUS_RETRY);
}

/* In a process of its own, as a signal is never forgotten. 0: as it should be. */
static int
count_interrupted(int folder)
{
	struct error e = { "" };
	uint64_t number = 7;
	bool damaged;

	if (interrupt_catch(&e) != STATUS_OK || raise(SIGTERM) != 0)
		return 1;
	if (counter_take(&number, &damaged, folder, "a", &e) != STATUS_CANCELLED)
		return 2;
	return strstr(e.text, "TERM") && number == 7 ? 0 : 3;
}

static void
signals_are_told(void **state)
{
	int status, fd = -1;
	pid_t pid;

	(void)state;
	assert_int_equal(statedir_open(&fd, "numbers", NULL), STATUS_OK);
	assert_int_equal(mkdirat(fd, "a", 0700), 0); /* it fails, as an EINTR does */
	pid = fork();
	if (pid == 0)
		_exit(count_interrupted(fd));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(fd);
}

/* Each process opens the folder by itself, as scans do. */
static _Noreturn void
count_for_itself(void)
{
	uint64_t last = 0, number;
	bool damaged;
	int fd = -1;

	for (int i = 0; i < ROUNDS; i++) {
		if (statedir_open(&fd, "numbers", NULL) != STATUS_OK ||
		    counter_take(&number, &damaged, fd, "a", NULL) != STATUS_OK ||
		    damaged || number <= last)
			_exit(1);
		last = number;
		close(fd);
	}
	_exit(0);
}

static void
no_number_is_given_twice(void **state)
{
	int status, fd = -1;

	(void)state;
	for (int i = 0; i < PROCESSES; i++)
		if (fork() == 0)
			count_for_itself();
	for (int i = 0; i < PROCESSES; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(statedir_open(&fd, "numbers", NULL), STATUS_OK);
	assert_int_equal(take(fd, "a", false), PROCESSES * ROUNDS + 1);
	close(fd);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(each_profile_counts_by_itself),
		T(damage_starts_anew),
		T(failures_are_told),
		T(signals_are_told),
		T(no_number_is_given_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
