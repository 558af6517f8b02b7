/* Tests of lib/base/moment.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/moment.h"

#define DAY ((int64_t)24 * 60 * 60)

static struct moment
at(int64_t wall, int64_t boot, const char *name)
{
	struct moment m = { .wall = wall, .boot = boot };

	snprintf(m.name, sizeof(m.name), "%s", name);
	return m;
}

static int64_t
since(struct moment then, struct moment now)
{
	return moment_since(&then, &now);
}

static int64_t
until(struct moment then, struct moment now)
{
	return moment_until(&then, &now);
}

static void
now_is_now(void **state)
{
	struct timespec before, after;
	struct moment m;
	int64_t wall = time(NULL);
	char name[64] = "";
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	(void)state;
	assert_non_null(file);
	assert_non_null(fgets(name, sizeof(name), file));
	fclose(file);
	name[strcspn(name, "\n")] = '\0';
	clock_gettime(CLOCK_BOOTTIME, &before);
	m = moment_now();
	clock_gettime(CLOCK_BOOTTIME, &after);
	assert_in_range(m.wall - wall, 0, 10);
	assert_true(m.boot >= before.tv_sec * 1000 + before.tv_nsec / 1000000);
	assert_true(m.boot <= after.tv_sec * 1000 + after.tv_nsec / 1000000);
	assert_int_equal(strlen(name), 36);
	assert_string_equal(m.name, name);
}

/* In a child of its own: no file can be opened there. */
static void
nameless_boot_is_unknown(void **state)
{
	const struct rlimit none = { 0, 0 };
	int status;
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		struct moment m;

		if (setrlimit(RLIMIT_NOFILE, &none) != 0)
			_exit(2);
		m = moment_now();
		_exit(strcmp(m.name, "unknown") == 0 && m.boot > 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void
wall_clock_moves_no_span_of_a_boot(void **state)
{
	static const int64_t walls[] = { 0, 1000, 1000 - 10 * 365 * DAY,
		1000 + 10 * 365 * DAY, INT64_MIN, INT64_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(walls) / sizeof(walls[0]); i++) {
		assert_int_equal(
		    since(at(1000, 500, "a"), at(walls[i], 7500, "a")), 7000);
		assert_int_equal(
		    until(at(1000, 7500, "a"), at(walls[i], 500, "a")), 7000);
	}
	assert_int_equal(since(at(1, 7500, "a"), at(9, 500, "a")), 0);
	assert_int_equal(until(at(9, 500, "a"), at(1, 7500, "a")), 0);
	assert_int_equal(until(at(9, 500, "a"), at(9, 500, "a")), 0);
}

static void
span_over_a_boot_is_limited(void **state)
{
	const struct moment then = at(1000000, 999999999, "a");

	(void)state;
	/* up for 60 s, off for 40 s */
	assert_int_equal(since(then, at(1000100, 60000, "b")), 100000);
	/* the wall clock says less than the machine is up, or runs backwards */
	assert_int_equal(since(then, at(1000010, 60000, "b")), 60000);
	assert_int_equal(since(then, at(0, 60000, "b")), 60000);
	assert_int_equal(since(then, at(INT64_MIN, 60000, "b")), 60000);
	/* off for a day, for a second more, for years */
	assert_int_equal(since(then, at(1000060 + DAY, 60000, "b")), 60000 + DAY * 1000);
	assert_int_equal(since(then, at(1000061 + DAY, 60000, "b")), 60000 + DAY * 1000);
	assert_int_equal(
	    since(then, at(1000000 + 3650 * DAY, 60000, "b")), 60000 + DAY * 1000);
	assert_int_equal(since(then, at(INT64_MAX, 60000, "b")), 60000 + DAY * 1000);
	/* up for three days: that is certain */
	assert_int_equal(since(then, at(0, 3 * DAY * 1000, "b")), 3 * DAY * 1000);
}

static void
wait_ends_with_the_boot(void **state)
{
	(void)state;
	assert_int_equal(until(at(99, 5000, "a"), at(1, 0, "b")), 0);
	assert_int_equal(until(at(99, 5000, "a"), at(1, 0, "")), 0);
	assert_int_equal(until(at(99, 5000, "a"), at(1, 4000, "a")), 1000);
	assert_int_equal(until(at(0, INT64_MAX, "a"), at(0, -1, "a")), INT64_MAX);
}

static void
later_moments_are_of_the_same_boot(void **state)
{
	struct moment m = at(1000, 500, "a"), far = at(INT64_MAX, INT64_MAX, "a");
	struct moment later = moment_after(&m, 61500);

	(void)state;
	assert_int_equal(later.wall, 1061);
	assert_int_equal(later.boot, 62000);
	assert_string_equal(later.name, "a");
	assert_int_equal(moment_until(&later, &m), 61500);
	assert_int_equal(moment_since(&m, &later), 61500);
	later = moment_after(&far, INT64_MAX);
	assert_true(later.wall == INT64_MAX && later.boot == INT64_MAX);
}

static void
text_comes_back(void **state)
{
	static const char NAME[] = "6d1ba6cf-6d1b-4a6c-9f6d-1ba6cf6d1ba6";
	const struct moment moments[] = { at(1795354468, 812345, NAME),
		at(INT64_MIN, INT64_MAX, "aaaaaaaaaabbbbbbbbbbccccccccccddddddddd"),
		at(0, 0, "unknown") };
	char text[MOMENT_TEXT_MAX];
	const char *rest;

	(void)state;
	moment_write(text, &moments[0]);
	assert_string_equal(
	    text, "1795354468 812345 6d1ba6cf-6d1b-4a6c-9f6d-1ba6cf6d1ba6");
	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		struct moment back;

		memset(&back, 'x', sizeof(back));
		moment_write(text, &moments[i]);
		assert_true(moment_read(&back, text, &rest));
		assert_memory_equal(&back, &moments[i], sizeof(back));
		assert_ptr_equal(rest, text + strlen(text));
	}
}

static void
what_follows_is_given(void **state)
{
	struct moment m;
	const char *rest;

	(void)state;
	assert_true(moment_read(&m, "1 2 a 7 some text", &rest));
	assert_string_equal(rest, "7 some text");
	assert_true(moment_read(&m, "1 2 a  x", &rest));
	assert_string_equal(rest, " x");
	assert_true(moment_read(&m, "1 2 a ", &rest));
	assert_string_equal(rest, "");
}

static void
nonsense_is_refused(void **state)
{
	static const char *const texts[] = { "", " ", "1", "1 ", "1 2", "1 2 ", "1 2  a",
		"1  2 a", " 1 2 a", "+1 2 a", "1 +2 a", "1 -2 a", "- 2 a", "--1 2 a",
		"0x1 2 a", "1.0 2 a", "1,0 2 a", "1 2 a_b", "1 2 a\tb", "1 2 \xc3\xbc",
		"1\t2 a", "9223372036854775808 2 a", "1 9223372036854775808 a",
		"-9223372036854775809 2 a",
		"1 2 aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd" };
	struct moment m = at(4, 5, "before"), before = m;
	const char *rest = "before";

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (moment_read(&m, texts[i], &rest))
			fail_msg("'%s'", texts[i]);
	assert_memory_equal(&m, &before, sizeof(m));
	assert_string_equal(rest, "before");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(now_is_now),
		cmocka_unit_test(nameless_boot_is_unknown),
		cmocka_unit_test(wall_clock_moves_no_span_of_a_boot),
		cmocka_unit_test(span_over_a_boot_is_limited),
		cmocka_unit_test(wait_ends_with_the_boot),
		cmocka_unit_test(later_moments_are_of_the_same_boot),
		cmocka_unit_test(text_comes_back),
		cmocka_unit_test(what_follows_is_given),
		cmocka_unit_test(nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
