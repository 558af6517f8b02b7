/* Tests of scan2mail/stack.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scan2mail/stack.h"

static const char ODD[] =
    " from both sides of sheets: an odd number, one side may be missing";

/* Pages as they are scanned, and as they belong. */
static void
fronts_and_backs_are_collated(void **state)
{
	static const struct {
		unsigned first, fronts, count;
		int backs;
		unsigned order[10];
	} cases[] = {
		{ 0, 3, 3, BACKS_REVERSED, { 0, 5, 1, 4, 2, 3 } },
		{ 0, 3, 3, BACKS_SAME, { 0, 3, 1, 4, 2, 5 } },
		{ 0, 1, 1, BACKS_REVERSED, { 0, 1 } },
		{ 7, 2, 2, BACKS_REVERSED, { 7, 10, 8, 9 } },
		/* too few: reversed, the first sheets have none, else the last */
		{ 0, 3, 1, BACKS_REVERSED, { 0, 1, 2, 3 } },
		{ 0, 4, 2, BACKS_REVERSED, { 0, 1, 2, 5, 3, 4 } },
		{ 0, 3, 1, BACKS_SAME, { 0, 3, 1, 2 } },
		{ 5, 4, 2, BACKS_SAME, { 5, 9, 6, 10, 7, 8 } },
		{ 0, 3, 0, BACKS_REVERSED, { 0, 1, 2 } },
		{ 0, 3, 0, BACKS_SAME, { 0, 1, 2 } },
		/* too many: they follow */
		{ 0, 2, 4, BACKS_REVERSED, { 0, 3, 1, 2, 4, 5 } },
		{ 0, 2, 4, BACKS_SAME, { 0, 2, 1, 3, 4, 5 } },
		{ 3, 1, 2, BACKS_REVERSED, { 3, 4, 5 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned count = cases[i].fronts + cases[i].count;
		unsigned *order = calloc(count, sizeof(*order)); /* and not one more */

		assert_non_null(order);
		stack_collate(order, cases[i].first, cases[i].fronts, cases[i].count,
		    cases[i].backs);
		assert_memory_equal(order, cases[i].order, count * sizeof(*order));
		free(order);
	}
}

/* Whatever the numbers, each page has one place. */
static void
no_page_is_lost(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * 12 * 12; i++) {
		unsigned fronts = i / 2 % 12, count = i / 24, order[24], seen = 0;
		int backs = i % 2 ? BACKS_REVERSED : BACKS_SAME;

		stack_collate(order, 0, fronts, count, backs);
		for (unsigned k = 0; k < fronts + count; k++)
			seen |= 1u << order[k];
		assert_int_equal(seen, (1u << (fronts + count)) - 1);
	}
}

static void
add_pages(struct stack *s, unsigned count)
{
	struct error e;

	while (count-- > 0) {
		assert_int_equal(stack_reserve(s, &e), STATUS_OK);
		stack_add(s);
	}
}

/* Stacks, and what is said of them; 0 ends. In a duplex feeder, or with backs in every
 * second stack. */
static void
odd_numbers_are_pointed_out(void **state)
{
	static const struct {
		int backs;
		bool duplex, broken;
		unsigned stacks[5];
		const char *remark; /* '@' stands for ODD */
	} cases[] = {
		{ BACKS_NONE, false, false, { 7 }, "" },
		{ BACKS_NONE, true, false, { 8 }, "" },
		{ BACKS_NONE, true, false, { 7 }, "7 pages@" },
		{ BACKS_NONE, true, false, { 1 }, "1 page@" },
		{ BACKS_NONE, true, true, { 7 }, "" },
		{ BACKS_NONE, true, false, { 4, 3 }, "stack 2: 3 pages@" },
		{ BACKS_NONE, true, true, { 3, 3 }, "3 pages@" },
		{ BACKS_NONE, true, false, { 3, 4, 5 }, "3 pages@; stack 3: 5 pages@" },
		{ BACKS_REVERSED, false, false, { 12, 12 }, "" },
		{ BACKS_REVERSED, false, false, { 12 }, "" },
		{ BACKS_REVERSED, true, false, { 7, 7 }, "" },
		{ BACKS_SAME, false, false, { 12, 11 }, "12 fronts and 11 backs" },
		{ BACKS_REVERSED, false, true, { 12, 1 }, "12 fronts and 1 back" },
		{ BACKS_REVERSED, false, true, { 1, 2 }, "1 front and 2 backs" },
		{ BACKS_REVERSED, false, false, { 5, 4, 3, 3 }, "5 fronts and 4 backs" },
		{ BACKS_REVERSED, false, false, { 5, 5, 3, 2 }, "3 fronts and 2 backs" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char expected[2 * STACK_REMARK_MAX] = "";
		struct stack s;

		stack_init(&s, cases[i].backs);
		s.duplex = cases[i].duplex;
		for (size_t k = 0; cases[i].stacks[k]; k++) {
			if (k > 0)
				stack_next(&s);
			add_pages(&s, cases[i].stacks[k]);
		}
		stack_end(&s, cases[i].broken);
		for (const char *c = cases[i].remark; *c; c++)
			snprintf(expected + strlen(expected),
			    sizeof(expected) - strlen(expected), "%.*s",
			    *c == '@' ? (int)strlen(ODD) : 1, *c == '@' ? ODD : c);
		assert_string_equal(s.remark, expected);
		stack_clear(&s);
	}
}

/* What is said ends before there is no more room, and nothing is said by half. */
static void
many_remarks_end(void **state)
{
	struct stack s;
	size_t len = 0;

	(void)state;
	stack_init(&s, BACKS_NONE);
	s.duplex = true;
	for (int i = 0; i < 20; i++) {
		add_pages(&s, 3);
		stack_next(&s);
		assert_true(strlen(s.remark) < STACK_REMARK_MAX);
		assert_true(strlen(s.remark) >= len);
		len = strlen(s.remark);
		assert_string_equal(s.remark + len - strlen(ODD), ODD);
	}
	assert_int_equal(s.number, 20);
	stack_clear(&s);
}

/* Page by page: 1 where it is a back. ',' stands for the next stack. */
static void
backs_are_known(void **state)
{
	static const struct {
		int backs;
		bool duplex;
		const char *pages;
	} cases[] = {
		{ BACKS_NONE, false, "0000,00" }, { BACKS_NONE, true, "0101,01" },
		{ BACKS_NONE, true, "010,0101" }, { BACKS_REVERSED, false, "000,111" },
		{ BACKS_SAME, false, "00,11,000,1" }, { BACKS_REVERSED, true, "00,11" },
		{ BACKS_REVERSED, false, ",,00,,,11,,0" }, /* empty ones change nothing */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stack s;

		stack_init(&s, cases[i].backs);
		s.duplex = cases[i].duplex;
		for (const char *c = cases[i].pages; *c; c++) {
			if (*c == ',') {
				stack_next(&s);
				assert_false(stack_begun(&s));
				continue;
			}
			assert_int_equal(stack_is_back(&s), *c == '1');
			add_pages(&s, 1);
			assert_true(stack_begun(&s));
			/* the next question: are these to be turned over? */
			assert_int_equal(stack_wants_backs(&s),
			    cases[i].backs != BACKS_NONE && *c == '0');
		}
		stack_clear(&s);
	}
}

/* Pairs of stacks are each put in order, among more pages than there is room at first. */
static void
pairs_of_stacks_are_put_in_order(void **state)
{
	struct stack s;

	(void)state;
	stack_init(&s, BACKS_REVERSED);
	add_pages(&s, 100);
	stack_next(&s);
	add_pages(&s, 100);
	stack_next(&s);
	add_pages(&s, 50);
	stack_next(&s);
	add_pages(&s, 50);
	stack_end(&s, false);
	assert_int_equal(s.pages, 300);
	for (unsigned i = 0; i < 300; i++) {
		unsigned first = i < 200 ? 0 : 200, sheets = i < 200 ? 100 : 50;
		unsigned sheet = (i - first) / 2;

		assert_int_equal(
		    s.order[i], i % 2 ? first + 2 * sheets - 1 - sheet : first + sheet);
	}
	stack_clear(&s);
}

static void
faults_are_said_with_their_pages(void **state)
{
	char text[100];

	(void)state;
	stack_fault(text, sizeof(text), "paper jam", 7);
	assert_string_equal(text, "paper jam after page 7: 7 pages attached");
	stack_fault(text, sizeof(text), "cover open", 1);
	assert_string_equal(text, "cover open after page 1: 1 page attached");
	stack_fault(text, 10, "paper jam", 7);
	assert_string_equal(text, "paper jam");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fronts_and_backs_are_collated),
		cmocka_unit_test(no_page_is_lost),
		cmocka_unit_test(odd_numbers_are_pointed_out),
		cmocka_unit_test(many_remarks_end),
		cmocka_unit_test(backs_are_known),
		cmocka_unit_test(pairs_of_stacks_are_put_in_order),
		cmocka_unit_test(faults_are_said_with_their_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
