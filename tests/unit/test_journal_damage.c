/* Tests of lib/send/journal.c: a journal that power loss or a disk has damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/file.h"
#include "lib/base/seal.h"
#include "lib/send/journal.h"
#include "tests/unit/journal_rig.h"

/* Nothing is known that was not written; what is unknown now is in doubt, but for a last
 * line, which may never have been written. */
static void
assert_no_lies(bool cut)
{
	const struct journal_summary *s = journal_summary(journal);
	struct journal_part one = journal_part(journal, 1),
			    two = journal_part(journal, 2);

	assert_false(two.sent);
	assert_int_not_equal(
	    journal_recipient(journal, 1, "a@x", NULL), RECIPIENT_WAS_REFUSED);
	assert_int_not_equal(
	    journal_recipient(journal, 1, "b@x", NULL), RECIPIENT_HAS_IT);
	assert_int_equal(journal_recipient(journal, 2, "a@x", NULL), RECIPIENT_IS_OPEN);
	assert_true(s->plan.parts == 0 || s->plan.parts == 2);
	assert_int_equal(s->end, JOURNAL_OPEN);
	assert_false(s->held || s->noticed_end);
	if (damaged)
		assert_true(s->uncertain && one.uncertain && two.uncertain);
	else if (!cut)
		assert_true(one.sent && s->noticed_delay);
}

/* The next run sends both parts; the run after that knows. */
static void
assert_goes_on(void)
{
	const struct moment now = { 1002, 700, "boot-a" };
	const struct journal_plan plan = { 2, 35000000, 150 };
	bool doubt = journal_summary(journal)->uncertain;

	good(journal_plan(journal, &plan, NULL));
	good(journal_try(journal, &now, NULL));
	for (unsigned part = 1; part <= 2; part++) {
		good(journal_intent(journal, part, NULL));
		good(journal_taken(journal, part, "c@x", NULL));
		good(journal_outcome(journal, part, true, "250", NULL));
	}
	load();
	for (unsigned part = 1; part <= 2; part++)
		assert_true(journal_part(journal, part).sent &&
		    journal_recipient(journal, part, "c@x", NULL) == RECIPIENT_HAS_IT);
	assert_true(journal_summary(journal)->uncertain || !doubt);
}

static void
every_flipped_bit_is_harmless(void **state)
{
	char bytes[SAMPLE_MAX];

	(void)state;
	for (size_t i = 0; i < sample.len * 8; i++) {
		bool last_feed = i / 8 == sample.len - 1;

		memcpy(bytes, sample.data, sample.len);
		bytes[i / 8] = (char)(bytes[i / 8] ^ (1 << i % 8));
		load_bytes(bytes, sample.len);
		assert_int_equal(damaged, !last_feed);
		assert_no_lies(false);
		assert_goes_on();
	}
}

/* Also with zeros behind it, as some file systems leave a file after a power loss. */
static void
every_cut_is_harmless(void **state)
{
	static const char zeros[SAMPLE_MAX];
	const size_t first = strlen(LINES[0]) + 10;

	(void)state;
	for (size_t i = first * 2; i < sample.len * 2; i++) {
		load_bytes(sample.data, i / 2);
		if (i % 2) {
			assert_true(file_write(file, zeros, SAMPLE_MAX - i / 2));
			load();
		}
		assert_false(damaged);
		assert_no_lies(true);
		assert_goes_on();
		assert_false(damaged);
	}
}

static void
every_lost_line_is_harmless(void **state)
{
	(void)state;
	for (size_t lost = 0; lost < COUNT; lost++) {
		struct buf out;

		buf_init(&out, SAMPLE_MAX);
		for (size_t i = 0; i < COUNT; i++)
			if (i != lost)
				seal_write(&out, LINES[i]);
			else
				buf_puts(&out, "\n");
		load_bytes(out.data, out.len);
		buf_clear(&out);
		assert_true(damaged);
		assert_no_lies(false);
		assert_goes_on();
		assert_true(damaged);
	}
}

static void
torn_line_is_cut_off(void **state)
{
	const struct moment now = { 1002, 700, "boot-a" };

	(void)state;
	assert_true(file_write(file, "intent 1 00", 11));
	load();
	assert_false(damaged);
	good(journal_try(journal, &now, NULL));
	good(journal_held(journal, NULL));
	assert_appended("try 1002 700 boot-a\nheld\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		journal_test(every_flipped_bit_is_harmless),
		journal_test(every_cut_is_harmless),
		journal_test(every_lost_line_is_harmless),
		journal_test(torn_line_is_cut_off),
	};

	return cmocka_run_group_tests(tests, make_sample, free_sample);
}
