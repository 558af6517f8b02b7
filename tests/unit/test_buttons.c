/* Tests of scan2mail/buttons.c, on what drivers show while somebody presses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scan2mail/buttons.h"

enum {
	POLL_MS = 500,
	STEPS_MAX = 16,
};

/* Looks POLL_MS apart; `events` has a letter for each: '.' nothing, 'P' pressed, 'S'
 * stands, 'B' bounces. */
struct story {
	const char *about;
	struct button_rule rule;
	const char *values[STEPS_MAX];
	const char *events;
};

#define UNREAD "(unread)" /* a look that could not read it */

static const struct story stories[] = {
	{ "a level, held and pressed again later", { "", 0 },
	    { "0", "1", "1", "1", "0", "0", "1", "0" }, ".P....P." },
	{ "a level that stands at the first look counts from its next change", { "", 0 },
	    { "1", "1", "0", "1" }, "S..P" },
	{ "a number that is latched until the scanner is closed (pixma)", { "", 0 },
	    { "0", "1", "1", "1", "1", "1", "1" }, ".P....." },
	{ "a text that reading clears (avision)", { "scan", 0 },
	    { "", "scan", "", "", "", "", "scan", "" }, ".P....P." },
	{ "any text but none", { "", 0 }, { "", "1:scan", "" }, ".P." },
	{ "another text is another button's", { "scan", 0 }, { "none", "email", "none" },
	    "..." },
	{ "letters are alike in either case, and a pattern matches", { "*scan", 0 },
	    { "0", "3:SCAN", "0" }, ".P." },
	{ "one number of many (pixma's target)", { "2", 0 }, { "0", "1", "2", "3" },
	    "..P." },
	{ "a value that goes by way of others is one press", { "[12]", 0 },
	    { "0", "1", "2", "1", "0" }, ".P..." },
	{ "reading clears it (plustek, rts8891)", { "1", 0 },
	    { "0", "1", "0", "0", "0", "0", "1", "0" }, ".P....P." },
	{ "on release, for those who want it", { "0", 0 }, { "0", "1", "1", "0", "0" },
	    "S..P." },
	{ "a second press within two seconds does not count", { "", 0 },
	    { "0", "1", "0", "1", "1", "0", "1" }, ".P.B..P" },
	{ "and exactly two seconds later it does", { "", 0 },
	    { "0", "1", "0", "0", "0", "1" }, ".P...P" },
	{ "nor does the second bounce", { "", 0 }, { "0", "1", "0", "1", "0", "1" },
	    ".P.B.P" },
	{ "paper that lies there for the pause", { "1", 1500 },
	    { "0", "1", "1", "1", "1", "1" }, "....P." },
	{ "paper that is taken out before", { "1", 1500 },
	    { "0", "1", "1", "1", "0", "0", "0", "0" }, "........" },
	{ "and put in again: its time begins anew", { "1", 1500 },
	    { "0", "1", "1", "0", "1", "1", "1", "1", "1" }, ".......P." },
	{ "paper that lies there from the start", { "1", 1000 },
	    { "1", "1", "1", "1", "1", "0", "1", "1", "1" }, "S.......P" },
	{ "the next stack within two seconds counts", { "1", 500 },
	    { "0", "1", "1", "0", "1", "1" }, "..P..P" },
	{ "a text that reading clears never stands", { "scan", 1000 },
	    { "", "scan", "", "", "" }, "....." },
	{ "what cannot be read changes nothing", { "", 0 },
	    { "0", UNREAD, "1", UNREAD, "1", UNREAD, UNREAD, "0", UNREAD, "1" },
	    "..P......P" },
	{ "nor is it a first look", { "", 0 }, { UNREAD, "1", "0", "1" }, ".S.P" },
};

static char
letter(enum button_event event)
{
	switch (event) {
	case BUTTON_PRESSED: return 'P';
	case BUTTON_STANDS: return 'S';
	case BUTTON_BOUNCES: return 'B';
	default: return '.';
	}
}

static void
values_become_presses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		const struct story *s = &stories[i];
		struct button_state button = { 0 };
		char events[STEPS_MAX + 1] = "";
		size_t n;

		for (n = 0; n < STEPS_MAX && s->values[n]; n++)
			events[n] = letter(button_look(&button, &s->rule,
			    strcmp(s->values[n], UNREAD) == 0 ? NULL : s->values[n],
			    1000000 + (int64_t)n * POLL_MS));
		if (strcmp(events, s->events) != 0)
			fail_msg("%s: %s instead of %s", s->about, events, s->events);
	}
}

/* After a scan: what was pressed meanwhile is no press, and the two seconds go on. */
static void
a_new_base_ignores_what_stands(void **state)
{
	const struct button_rule rule = { "", 0 };
	struct button_state button = { 0 };

	(void)state;
	button_look(&button, &rule, "0", 0);
	assert_int_equal(button_look(&button, &rule, "1", 500), BUTTON_PRESSED);
	button_rebase(&button);
	assert_int_equal(button_look(&button, &rule, "1", 1000), BUTTON_STANDS);
	assert_int_equal(button_look(&button, &rule, "0", 1500), BUTTON_NOTHING);
	assert_int_equal(button_look(&button, &rule, "1", 2000), BUTTON_BOUNCES);
	button_rebase(&button);
	assert_int_equal(button_look(&button, &rule, "0", 2500), BUTTON_NOTHING);
	assert_int_equal(button_look(&button, &rule, "1", 3000), BUTTON_PRESSED);
}

/* A pause that had begun before the new base is forgotten. */
static void
a_new_base_forgets_a_pause(void **state)
{
	const struct button_rule rule = { "1", 1000 };
	struct button_state button = { 0 };

	(void)state;
	button_look(&button, &rule, "0", 0);
	button_look(&button, &rule, "1", 500);
	button_rebase(&button);
	assert_int_equal(button_look(&button, &rule, "1", 1000), BUTTON_STANDS);
	assert_int_equal(button_look(&button, &rule, "1", 5000), BUTTON_NOTHING);
}

static void
patterns_match(void **state)
{
	(void)state;
	assert_true(button_matches("", "1"));
	assert_true(button_matches("", "scan"));
	assert_true(button_matches("", "00"));
	assert_false(button_matches("", "0"));
	assert_false(button_matches("", ""));
	assert_true(button_matches("*", ""));
	assert_true(button_matches("Scan*", "sCAN to mail"));
	assert_false(button_matches("scan", "scan to mail"));
	assert_true(button_matches("[!0]", "7"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_become_presses),
		cmocka_unit_test(a_new_base_ignores_what_stands),
		cmocka_unit_test(a_new_base_forgets_a_pause),
		cmocka_unit_test(patterns_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
