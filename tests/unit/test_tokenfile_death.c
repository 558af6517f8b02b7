/* Tests of lib/login/tokenfile.c: what stays when a process dies at any system call. */
#include "tests/unit/tokenfile_rig.h"

#include "tests/unit/steps_rig.h"

enum {
	STEPS_MAX = 400, /* system calls of one replacement */
};

/* The system calls of one child, in their order. */
struct steps {
	long number[STEPS_MAX];
	size_t count;
};

static bool
write_new_ones(void)
{
	return tokenfile_lock(&file, 0, NULL) == STATUS_OK &&
	    tokenfile_reserve(&file, NULL) == STATUS_OK &&
	    tokenfile_write(&file, &new, NULL) == STATUS_OK;
}

/* Replaces old by new in a child that is killed at its n-th stop, or ends by itself:
 * false. */
static bool
run_until(size_t n, struct steps *steps)
{
	pid_t child = steps_start(write_new_ones);
	long number;
	int status;

	steps->count = 0;
	for (size_t stops = 0; stops < n; stops++) {
		if (!steps_next(child, &number))
			return false;
		assert_true(steps->count < STEPS_MAX);
		if (number >= 0)
			steps->number[steps->count++] = number;
	}
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	return true;
}

static void
death_leaves_one_or_the_other(void **state)
{
	struct steps steps;
	size_t n, olds = 0, news = 0, left = 0;
	bool died = true;

	(void)state;
	for (n = 0; died; n++) {
		store(&old);
		died = run_until(n, &steps);
		if (is_found(&old))
			olds++;
		else if (is_found(&new))
			news++;
		else
			fail_msg("after stop %zu", n);
		left += count_leftovers();
		good(tokenfile_lock(&file, 0, &error)); /* the dead hold nothing */
		tokenfile_unlock(&file);
		store(&old);
		assert_int_equal(count_leftovers(), 0);
	}
	assert_true(n > 20 && olds > 10 && news >= 3 && left >= 3);
}

static bool
is_one_of(long number, const long *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == number)
			return true;
	return false;
}

/* There is room before anything is asked for; the file is on the disk before it gets its
 * name, and then the name is. */
static void
order_is_durable(void **state)
{
	static const long order[] = { SYS_fallocate, SYS_fsync, SYS_write, SYS_ftruncate,
		SYS_fsync, SYS_renameat, SYS_fsync };
	struct steps steps;
	size_t next = 0, known = sizeof(order) / sizeof(order[0]);

	(void)state;
	store(&old);
	assert_false(run_until(SIZE_MAX, &steps));
	for (size_t i = 0; i < steps.count; i++) {
		long number = steps.number[i];

#ifdef SYS_renameat2
		if (number == SYS_renameat2)
			number = SYS_renameat;
#endif
		if (!is_one_of(number, order, known))
			continue;
		if (next == known || number != order[next])
			fail_msg("system call %ld came as number %zu", number, next);
		next++;
	}
	assert_int_equal(next, known);
}

static bool
finds_no_lock(void)
{
	return tokenfile_try(&file, NULL) == STATUS_OK && file.lock < 0;
}

/* Somebody removes the lock's file and makes another one in the very moment between its
 * opening and its locking. */
static void
lock_of_a_removed_file_is_none(void **state)
{
	pid_t child = steps_start(finds_no_lock);
	long number = -1;

	(void)state;
	while (number != SYS_flock)
		assert_true(steps_next(child, &number));
	assert_int_equal(unlinkat(folder, "office365.lock", 0), 0);
	good(tokenfile_try(&second, &error));
	assert_true(second.lock >= 0);
	while (steps_next(child, &number))
		continue;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		file_test(death_leaves_one_or_the_other),
		file_test(order_is_durable),
		file_test(lock_of_a_removed_file_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
