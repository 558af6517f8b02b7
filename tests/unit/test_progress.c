/* Tests of lib/send/progress.c: what the lines of a journal mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/seal.h"
#include "lib/send/progress.h"

#define BIRTH "job 1 17 1000 500 boot-a"

static struct progress *g;
static bool damaged; /* by the last lines */

/* A job that was born, and has no line else. */
static int
make_progress(void **state)
{
	(void)state;
	g = progress_new();
	return g ? 0 : -1;
}

static int
free_progress(void **state)
{
	(void)state;
	progress_free(g);
	return 0;
}

/* Takes in lines that are parted by line feeds, each sealed; "!" stands for a damaged
 * one. */
static void
take(const char *lines)
{
	struct progress_found found;
	char line[2100];
	struct buf out;

	buf_init(&out, 1 << 20);
	for (const char *s = lines; *s; s += strspn(s, "\n")) {
		size_t len = strcspn(s, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)len, s);
		if (*s == '!')
			buf_puts(&out, "try 5 5 a 00000000\n");
		else
			seal_write(&out, line);
		s += len;
	}
	assert_false(out.over);
	assert_true(progress_read(g, out.data, out.len, &found));
	assert_int_equal(found.whole, out.len);
	damaged = found.damaged;
	buf_clear(&out);
}

static void
assert_doubt(bool uncertain, bool held)
{
	assert_int_equal(progress_summary(g)->uncertain, uncertain);
	assert_int_equal(progress_summary(g)->held, held);
}

static void
assert_recipient(unsigned part, const char *address, enum journal_recipient kind)
{
	assert_int_equal(progress_recipient(g, part, address, NULL), kind);
}

static void
new_job_knows_its_birth(void **state)
{
	const struct journal_summary *s = progress_summary(g);

	(void)state;
	take(BIRTH);
	assert_false(damaged);
	assert_int_equal(s->first.wall, 1000);
	assert_string_equal(s->first.name, "boot-a");
	assert_memory_equal(&s->last, &s->first, sizeof(s->first));
	assert_int_equal(s->age, 0);
	assert_int_equal(s->attempts, 0);
	assert_int_equal(s->plan.parts, 0);
	assert_int_equal(s->end, JOURNAL_OPEN);
	assert_false(s->noticed_delay || s->noticed_end);
	assert_int_equal(s->wait.name[0], 0);
	assert_doubt(false, false);
	assert_false(progress_part(g, 1).sent || progress_part(g, 1).uncertain);
	assert_recipient(1, "a@x", RECIPIENT_IS_OPEN);
}

static int64_t
age_at(int64_t wall, int64_t boot, const char *name)
{
	struct moment now = { .wall = wall, .boot = boot };

	snprintf(now.name, sizeof(now.name), "%s", name);
	return progress_age(g, &now);
}

/* Waits lie in the future: they are no age. */
static void
age_is_summed_over_attempts(void **state)
{
	const struct journal_summary *s = progress_summary(g);

	(void)state;
	take(BIRTH "\ntry 1007 7500 boot-a\nwait 9999 999999 boot-a 1 time x");
	assert_int_equal(s->age, 7000);
	assert_int_equal(s->attempts, 1);
	take("try 9000000 8500 boot-a"); /* the wall clock jumped by 104 days */
	assert_int_equal(s->age, 8000);
	take("try 9000100 60000 boot-b"); /* off for 40 s, up for 60 s */
	assert_int_equal(s->age, 108000);
	take("try 0 10 boot-c");
	assert_int_equal(s->age, 108010);
	assert_int_equal(s->attempts, 4);
	assert_string_equal(s->last.name, "boot-c");
	assert_int_equal(age_at(0, 1010, "boot-c"), 109010);
	assert_int_equal(age_at(0, 5, "boot-c"), 108010);
	assert_int_equal(s->age, 108010); /* asking changes nothing */
}

/* A job that was held, a queue that stood still, a machine that was off. */
static void
time_without_attempts_is_no_age(void **state)
{
	static const int64_t SPAN = (int64_t)JOURNAL_SPAN_MAX * 1000;
	const struct journal_summary *s = progress_summary(g);

	(void)state;
	assert_int_equal(SPAN, 10800000);
	assert_int_equal(age_at(1000, INT64_MAX, "boot-a"), 0); /* no birth is known */
	take(BIRTH);
	assert_int_equal(age_at(0, 500 + SPAN, "boot-a"), SPAN);
	assert_int_equal(age_at(0, 501 + SPAN, "boot-a"), SPAN);
	take("try 0 10800500 boot-a");
	assert_int_equal(s->age, SPAN);
	take("try 0 21600501 boot-a"); /* a millisecond more */
	assert_int_equal(s->age, 2 * SPAN);
	take("try 0 21600502 boot-a");
	assert_int_equal(s->age, 2 * SPAN + 1);
	take("held\ntry 0 9223372036854775807 boot-a");
	assert_int_equal(s->age, 3 * SPAN + 1);
	take("try 86400 10800001 boot-b\nput-off 86400 99999999 boot-b");
	assert_int_equal(s->age, 4 * SPAN + 1);
	assert_int_equal(age_at(172800, 5000, "boot-c"), 5 * SPAN + 1);
	assert_int_equal(age_at(172800, 10801001, "boot-b"), 4 * SPAN + 1001);
}

static void
outcome_settles_a_part(void **state)
{
	char text[JOURNAL_TEXT_MAX] = "before";

	(void)state;
	take(BIRTH
	    "\nplan 2 35000000 150\nintent 1\nrefused 1 b@x 550 5.1.1 no  such user");
	assert_doubt(true, false);
	assert_true(progress_part(g, 1).uncertain);
	assert_false(progress_part(g, 2).uncertain);
	assert_recipient(1, "b@x", RECIPIENT_IS_OPEN);
	take("taken 1 \"a%20b\"@x\noutcome 1 sent 250 2.0.0 OK");
	assert_doubt(false, false);
	assert_true(progress_part(g, 1).sent);
	assert_false(progress_part(g, 1).uncertain);
	assert_string_equal(progress_part(g, 1).text, "250 2.0.0 OK");
	assert_recipient(1, "\"a b\"@x", RECIPIENT_HAS_IT);
	assert_int_equal(progress_recipient(g, 1, "\"a b\"@x", text), RECIPIENT_HAS_IT);
	assert_string_equal(text, "before");
	assert_int_equal(progress_recipient(g, 1, "b@X", text), RECIPIENT_WAS_REFUSED);
	assert_string_equal(text, "550 5.1.1 no  such user");
	assert_recipient(2, "b@x", RECIPIENT_IS_OPEN);
	assert_false(progress_part(g, 2).sent);
	assert_int_equal(progress_summary(g)->plan.parts, 2);
	assert_int_equal(progress_summary(g)->plan.limit, 35000000);
	assert_int_equal(progress_summary(g)->plan.resolution, 150);
}

static void
part_is_not_unsent_again(void **state)
{
	(void)state;
	take(BIRTH "\nplan 1 9 0\nintent 1\ntaken 1 a@x\noutcome 1 sent OK");
	take("intent 1\noutcome 1 no 451 later");
	assert_true(progress_part(g, 1).sent);
	assert_recipient(1, "a@x", RECIPIENT_HAS_IT);
	assert_string_equal(progress_part(g, 1).text, "451 later");
	assert_doubt(false, false);
}

static void
recipients_of_no_outcome_are_forgotten(void **state)
{
	static const char *const between[] = { "try 1001 600 boot-a", "intent 1", "!",
		"plan 1 8 0" };

	for (size_t i = 0; i < sizeof(between) / sizeof(between[0]); i++) {
		take(BIRTH "\nplan 1 9 0\nintent 1\ntaken 1 a@x\nrefused 1 b@x no");
		take(between[i]);
		take("outcome 1 sent");
		assert_true(progress_part(g, 1).sent);
		assert_recipient(1, "a@x", RECIPIENT_IS_OPEN);
		assert_recipient(1, "b@x", RECIPIENT_IS_OPEN);
		free_progress(state);
		make_progress(state);
	}
}

static void
doubt_stays_until_held(void **state)
{
	(void)state;
	take(BIRTH "\nplan 2 9 0\nintent 1\ntry 1001 600 boot-a");
	assert_doubt(true, false);
	take("held");
	assert_doubt(true, true);
	take("intent 1"); /* nobody knows yet what comes of it */
	assert_doubt(true, false);
	take("outcome 1 no 451 later");
	assert_doubt(true, true);
	assert_true(progress_part(g, 1).uncertain);
	take("intent 1\noutcome 1 sent\nintent 2");
	assert_doubt(true, false);
	take("intent 2\noutcome 2 sent");
	assert_doubt(true, false);
	assert_true(progress_part(g, 2).uncertain);
	take("held");
	assert_doubt(true, true);
}

static void
second_intent_leaves_the_first_in_doubt(void **state)
{
	(void)state;
	take(BIRTH "\nplan 2 9 0\nintent 1\nintent 1\noutcome 1 no 451 later");
	assert_doubt(true, false);
	assert_true(progress_part(g, 1).uncertain);
	assert_false(progress_part(g, 2).uncertain);
}

/* Its recipients were put off, say, before its message was. */
static void
outcome_settles_no_earlier_attempt(void **state)
{
	(void)state;
	take(BIRTH "\nplan 2 9 0\ntry 1001 600 boot-a\nintent 1");
	take("try 1002 700 boot-a\noutcome 1 no 450 later");
	assert_doubt(true, false);
	assert_true(progress_part(g, 1).uncertain);
	assert_false(progress_part(g, 2).uncertain);
	take("held");
	assert_doubt(true, true);
	take("try 1003 800 boot-a\noutcome 1 no 450 later");
	assert_doubt(true, true);
	take("intent 2\ntry 1004 900 boot-a\noutcome 2 sent");
	assert_doubt(true, false); /* that is another doubt */
	assert_true(progress_part(g, 2).uncertain);
}

static void
damage_puts_all_parts_in_doubt(void **state)
{
	static const char *const bad[] = { "!", "doubt", "something", "intent 1 x", "job",
		BIRTH };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		take(BIRTH "\nplan 2 9 0\nintent 1\ntaken 1 a@x\noutcome 1 sent");
		assert_doubt(false, false);
		take(bad[i]);
		assert_int_equal(damaged, strcmp(bad[i], "doubt") != 0);
		assert_doubt(true, false);
		assert_true(
		    progress_part(g, 1).uncertain && progress_part(g, 2).uncertain);
		assert_true(progress_part(g, 1).sent);
		assert_recipient(1, "a@x", RECIPIENT_HAS_IT);
		take("held");
		assert_doubt(true, true);
		take("intent 2\ntaken 2 a@x\noutcome 2 sent");
		assert_doubt(true, true);
		assert_true(progress_part(g, 2).sent);
		assert_recipient(2, "a@x", RECIPIENT_HAS_IT);
		free_progress(state);
		make_progress(state);
	}
}

static void
first_line_must_be_a_birth(void **state)
{
	take("plan 1 9 0\nintent 1\noutcome 1 sent");
	assert_true(damaged);
	assert_doubt(true, false);
	assert_false(progress_part(g, 1).sent);
	take("plan 1 9 0\nintent 1\noutcome 1 sent");
	assert_true(progress_part(g, 1).sent);
	free_progress(state);
	make_progress(state);
	take("!\n" BIRTH);
	assert_int_equal(progress_summary(g)->first.name[0], 0);
}

static void
parts_count_only_behind_their_plan(void **state)
{
	(void)state;
	take(BIRTH "\nintent 1\ntaken 1 a@x\noutcome 1 sent");
	assert_true(damaged);
	take("plan 1 9 0\nintent 2\noutcome 2 sent\noutcome 0 sent");
	assert_true(damaged);
	for (unsigned part = 0; part <= 3; part++)
		assert_false(progress_part(g, part).sent);
	assert_false(progress_part(g, UINT32_MAX).sent);
	assert_recipient(1, "a@x", RECIPIENT_IS_OPEN);
	assert_doubt(true, false);
}

static void
another_plan_voids_parts(void **state)
{
	(void)state;
	take(BIRTH "\nplan 1 9 0\nrefused 1 a@x no\noutcome 1 no");
	take("plan 1 9 0"); /* the same */
	assert_recipient(1, "a@x", RECIPIENT_WAS_REFUSED);
	take("plan 3 8 0");
	assert_recipient(1, "a@x", RECIPIENT_IS_OPEN);
	assert_doubt(false, false);
	take("intent 3\noutcome 3 sent\nplan 2 8 0");
	assert_doubt(true, false);
	assert_false(progress_part(g, 3).sent);
	take("held\nintent 2\nplan 1 8 0");
	assert_doubt(true, false);
	assert_int_equal(progress_summary(g)->plan.parts, 1);
}

static void
attempt_ends_a_wait(void **state)
{
	const struct journal_summary *s = progress_summary(g);

	(void)state;
	take(BIRTH "\nwait 2000 9000 boot-a 18446744073709551615 network no answer  yet");
	assert_int_equal(s->wait.wall, 2000);
	assert_int_equal(s->wait.boot, 9000);
	assert_true(s->wait_number == UINT64_MAX);
	assert_true(s->wait_network);
	assert_string_equal(s->wait_text, "no answer  yet");
	take("wait 3000 9000 boot-a 0 time");
	assert_false(s->wait_network);
	assert_string_equal(s->wait_text, "");
	assert_int_equal(s->wait_number, 0);
	assert_int_equal(s->wait.wall, 3000);
	take("try 3001 9001 boot-a");
	assert_int_equal(s->wait.name[0], 0);
}

static void
verdict_and_notices_are_known(void **state)
{
	const struct journal_summary *s = progress_summary(g);

	(void)state;
	take(BIRTH "\nverdict refused 550 5.7.1 no\nnotice delay");
	assert_int_equal(s->end, JOURNAL_REFUSED);
	assert_string_equal(s->end_text, "550 5.7.1 no");
	assert_true(s->noticed_delay && !s->noticed_end);
	take("verdict given-up after 5 days\nnotice end");
	assert_int_equal(s->end, JOURNAL_GIVEN_UP);
	assert_string_equal(s->end_text, "after 5 days");
	assert_true(s->noticed_end);
}

/* It answers no doubt, and what is learned later does not undo it. */
static void
hold_of_a_partial_scan_stays(void **state)
{
	const struct journal_summary *s = progress_summary(g);

	(void)state;
	take(BIRTH);
	assert_false(s->held_partial);
	take("held-partial");
	assert_false(damaged);
	assert_true(s->held_partial);
	assert_doubt(false, false);
	take("try 1001 600 boot-a\nplan 1 9 0\nintent 1\ntry 1002 700 boot-a");
	assert_doubt(true, false);
	take("!\nheld\nheld-partial\nplan 2 9 0");
	assert_true(s->held_partial);
}

static void
notice_that_came_back_has_not_left(void **state)
{
	const struct journal_summary *s = progress_summary(g);

	(void)state;
	take(BIRTH "\nnotice delay\nnotice end\nnotice held");
	assert_true(s->noticed_delay && s->noticed_end && s->noticed_held);
	take("notice-back held");
	assert_true(s->noticed_delay && s->noticed_end && !s->noticed_held);
	take("notice-back end\nnotice-back end");
	assert_true(s->noticed_delay && !s->noticed_end);
	take("notice end\nnotice-back delay");
	assert_true(!s->noticed_delay && s->noticed_end);
	assert_false(damaged);
	assert_true(*progress_notice(g, "end"));
	assert_false(*progress_notice(g, "delay") || *progress_notice(g, "held"));
	assert_null(progress_notice(g, ""));
	assert_null(progress_notice(g, "ends"));
}

static void
first_put_off_counts_until_its_end(void **state)
{
	const struct journal_summary *s = progress_summary(g);

	(void)state;
	take(BIRTH);
	assert_int_equal(s->put_off.name[0], 0);
	take("put-off 1001 600 boot-a\ntry 1002 700 boot-a\nput-off 1003 800 boot-b");
	assert_int_equal(s->put_off.wall, 1001);
	assert_int_equal(s->put_off.boot, 600);
	assert_string_equal(s->put_off.name, "boot-a");
	take("put-off -");
	assert_int_equal(s->put_off.name[0], 0);
	take("put-off -\nput-off 1004 900 boot-b");
	assert_false(damaged);
	assert_int_equal(s->put_off.boot, 900);
	assert_string_equal(s->put_off.name, "boot-b");
}

static void
long_texts_are_cut(void **state)
{
	char line[1500];

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "verdict refused ", 16);
	memcpy(line + 16 + JOURNAL_TEXT_MAX - 2, "\xc3\xbc", 2);
	line[sizeof(line) - 1] = '\0';
	take(BIRTH);
	take(line);
	assert_int_equal(strlen(progress_summary(g)->end_text), JOURNAL_TEXT_MAX - 2);
}

static void
nonsense_is_damage(void **state)
{
	static const char *const lines[] = { "x", "tryx 1 2 a", "try", "try 1 2",
		"try 1 2 a b", "try a b c", "plan", "plan 1", "plan 1 2", "plan 0 2 3",
		"plan 1000 2 3", "plan -1 2 3", "plan 1 2 3 4", "plan 1 2 4294967296",
		"plan 2 9 0x", "plan 1 18446744073709551616 3", "intent", "intent 0",
		"intent 10", "intent x", "intent 1x", "intent 1 1", "intent +1",
		"taken 1", "taken 1 a@x b", "taken a@x", "taken 1 %zz", "refused 1",
		"refused a@x", "refused 10 a@x", "outcome 1", "outcome 1 yes",
		"outcome 1 sentx", "outcome sent", "outcome  1 sent", "wait",
		"wait 1 2 a", "wait 1 2 a 3", "wait 1 2 a 3 later", "wait 1 2 a x time",
		"held 1", "held-partial 1", "held-partially", "verdict", "verdict open",
		"verdict x y", "notice", "notice x", "notice end x", "notice-back",
		"notice-back x", "notice-back end x", "notices end", "put-off",
		"put-off x", "put-off 1 2", "put-off 1 2 a b", "put-off - x",
		"put-off --", "doubt 1", "job 1 17 1 2 a", "job 2", "" };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct journal_summary before;
		char line[80];

		take(BIRTH "\nplan 9 9 0");
		before = *progress_summary(g);
		snprintf(line, sizeof(line), "%s\n", lines[i][0] ? lines[i] : " ");
		take(line);
		if (!damaged)
			fail_msg("'%s'", lines[i]);
		assert_doubt(true, false);
		before.uncertain = true;
		assert_memory_equal(progress_summary(g), &before, sizeof(before));
		assert_false(progress_part(g, 1).sent);
		free_progress(state);
		make_progress(state);
	}
}

static void
births_are_these(void **state)
{
	static const struct {
		const char *line;
		bool good, known;
	} rows[] = {
		{ BIRTH, true, true },
		{ "job 2 anything", true, false },
		{ "job 2", true, false },
		{ "job 1", false, false },
		{ "job 1 17", false, false },
		{ "job 1 17 1 2", false, false },
		{ "job 1 17 1 2 a b", false, false },
		{ "job x", false, false },
		{ "try 1 17 1 2 a", false, false },
		{ "", false, false },
		{ "job 1 aaaaaaaaaaaaaaaaaaaaaaa 1 2 a", true, true },
		{ "job 1 aaaaaaaaaaaaaaaaaaaaaaaa 1 2 a", false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct progress_birth b = { .job = "before" };

		if (progress_birth(&b, rows[i].line) != rows[i].good)
			fail_msg("'%s'", rows[i].line);
		assert_int_equal(b.known, rows[i].known);
		if (!rows[i].good)
			assert_string_equal(b.job, "before");
	}
}

#define progress_test(f) cmocka_unit_test_setup_teardown(f, make_progress, free_progress)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		progress_test(new_job_knows_its_birth),
		progress_test(age_is_summed_over_attempts),
		progress_test(time_without_attempts_is_no_age),
		progress_test(outcome_settles_a_part),
		progress_test(part_is_not_unsent_again),
		progress_test(recipients_of_no_outcome_are_forgotten),
		progress_test(doubt_stays_until_held),
		progress_test(second_intent_leaves_the_first_in_doubt),
		progress_test(outcome_settles_no_earlier_attempt),
		progress_test(damage_puts_all_parts_in_doubt),
		progress_test(first_line_must_be_a_birth),
		progress_test(parts_count_only_behind_their_plan),
		progress_test(another_plan_voids_parts),
		progress_test(attempt_ends_a_wait),
		progress_test(verdict_and_notices_are_known),
		progress_test(hold_of_a_partial_scan_stays),
		progress_test(notice_that_came_back_has_not_left),
		progress_test(first_put_off_counts_until_its_end),
		progress_test(long_texts_are_cut),
		progress_test(nonsense_is_damage),
		cmocka_unit_test(births_are_these),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
