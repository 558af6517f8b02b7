/* Tests of scan2mail/scan.c: how long a page may take. Until the scan is over, the clock
 * of this program moves by a step whenever somebody looks at it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "tests/unit/scan_rig.h"

enum { STEP_MS = 10 * 1000 };

static int64_t ahead; /* ms */
static bool steps;

/* Both stand in for clock.c. */
int64_t
clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	if (steps)
		ahead += STEP_MS;
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + ahead;
}

int64_t
clock_seconds(void)
{
	return clock_ms() / 1000;
}

/* The child has its time to end. */
static enum status
commit_last(void *context, struct error *e)
{
	steps = false;
	return commit(context, e);
}

static enum status
run_in_steps(struct fixture *f, const char *deeds)
{
	f->destination.commit = commit_last;
	steps = true;
	return run(f, deeds);
}

/* A driver that gives a byte now and then is never silent. */
static void
pages_that_trickle_have_an_end(void **state)
{
	static const int64_t bound = (LONG + SCAN_PAGE_PIECES * LONG) * 1000;
	struct fixture *f = *state;
	int64_t from = ahead;

	assert_int_equal(run_in_steps(f, "rp(y"), STATUS_INVALID);
	assert_non_null(strstr(f->error.text, "has not ended a page in 3660 seconds"));
	assert_in_range(ahead - from, bound, bound + 100 * STEP_MS);
	assert_document(
	    f, "0", "page that cannot be taken after page 1: 1 page attached", false);
}

/* The time is that of a page, not of the stack. */
static void
long_stacks_have_none(void **state)
{
	struct fixture *f = *state;
	char deeds[402] = "r";
	int64_t from = ahead;

	memset(deeds + 1, 'p', 400);
	assert_int_equal(run_in_steps(f, deeds), STATUS_INVALID); /* it has no end */
	assert_int_equal(f->result.pages, 400);
	assert_true(ahead - from > 2 * (LONG + SCAN_PAGE_PIECES * LONG) * 1000);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(pages_that_trickle_have_an_end),
		T(long_stacks_have_none),
	};

	signal(SIGPIPE, SIG_IGN); /* as interrupt_catch() has it */
	log_open(LOG_PLAIN, "scan2mail", LEVEL_INFO);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
