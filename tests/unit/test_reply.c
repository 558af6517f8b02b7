/* Tests of lib/send/reply.c: the stages of a dialogue by their names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/send/reply.h"

/* Each has a name of its own; the end of the message is the message's still. */
static void
stages_have_names(void **state)
{
	(void)state;
	for (int one = STAGE_GREETING; one <= STAGE_BODY; one++) {
		assert_non_null(stage_name((enum stage)one));
		for (int other = STAGE_GREETING; other < one; other++)
			assert_string_not_equal(
			    stage_name((enum stage)one), stage_name((enum stage)other));
	}
	assert_string_equal(stage_name(STAGE_RCPT), "the recipient");
	assert_string_equal(stage_name(STAGE_DONE), stage_name(STAGE_BODY));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stages_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
