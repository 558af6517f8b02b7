/* Tests of lib/send/submission.c: its limits. The dialogues themselves are held with real
 * servers, in tests/integration/server.t. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/send/submission.h"

enum {
	/* RFC 5321 4.5.3.2.6: the least wait for the answer to the end of the data */
	TERMINATION_WAIT = 600,
	/* cupsd kills a stopped job's backend after JobKillDelay, 30 seconds */
	KILL_DELAY = 30,
	/* and any job after MaxJobTime, 3 hours */
	JOB_TIME = 3 * 60 * 60,
};

static void
every_stage_has_an_end(void **state)
{
	(void)state;
	for (int stage = STAGE_GREETING; stage <= STAGE_DONE; stage++) {
		assert_in_range(
		    submission_patience((enum stage)stage, false), 1, JOB_TIME);
		assert_in_range(
		    submission_patience((enum stage)stage, true), 1, JOB_TIME);
	}
}

/* Given up too early, a message that arrived is sent twice. */
static void
waits_longest_for_the_last_answer(void **state)
{
	(void)state;
	assert_int_equal(submission_patience(STAGE_BODY, true), TERMINATION_WAIT);
	for (int stage = STAGE_GREETING; stage <= STAGE_DONE; stage++)
		assert_true(
		    submission_patience((enum stage)stage, false) < TERMINATION_WAIT);
	for (int stage = STAGE_GREETING; stage < STAGE_BODY; stage++)
		assert_int_equal(submission_patience((enum stage)stage, true),
		    submission_patience((enum stage)stage, false));
}

static void
does_not_wait_for_goodbye(void **state)
{
	(void)state;
	assert_true(submission_patience(STAGE_DONE, true) < KILL_DELAY);
	assert_in_range(SUBMISSION_STOP_WAIT, 1, KILL_DELAY - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_stage_has_an_end),
		cmocka_unit_test(waits_longest_for_the_last_answer),
		cmocka_unit_test(does_not_wait_for_goodbye),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
