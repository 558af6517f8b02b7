/* Tests of lib/base/list.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/list.h"

static void
keeps_copies_in_order(void **state)
{
	char text[] = "first";
	struct list l = { 0 };

	(void)state;
	assert_true(list_add(&l, text));
	text[0] = 'F';
	assert_true(list_add(&l, ""));
	assert_true(list_add(&l, l.item[0]));
	assert_int_equal(l.count, 3);
	assert_string_equal(l.item[0], "first");
	assert_string_equal(l.item[1], "");
	assert_string_equal(l.item[2], "first");
	list_clear(&l);
	assert_int_equal(l.count, 0);
	assert_null(l.item);
	list_clear(&l);
}

/* Each size on the way, so that growing loses nothing; then one too many. */
static void
stops_at_its_limit(void **state)
{
	struct list l = { 0 };
	char text[16];

	(void)state;
	for (int i = 0; i < LIST_MAX; i++) {
		snprintf(text, sizeof(text), "%d", i);
		assert_true(list_add(&l, text));
	}
	assert_false(list_add(&l, "one too many"));
	assert_int_equal(l.count, LIST_MAX);
	for (int i = 0; i < LIST_MAX; i++) {
		snprintf(text, sizeof(text), "%d", i);
		assert_string_equal(l.item[i], text);
	}
	list_clear(&l);
}

static void
pairs_find_the_first(void **state)
{
	struct pairs p = { 0 };

	(void)state;
	assert_null(pairs_get(&p, "a"));
	assert_true(pairs_add(&p, "Accounting", "one"));
	assert_true(pairs_add(&p, "ACCOUNTING", "two"));
	assert_true(pairs_add(&p, "B\xc3\xbcro", "three"));
	assert_true(pairs_add(&p, "", "four"));
	assert_string_equal(pairs_get(&p, "accountinG"), "one");
	assert_string_equal(pairs_get(&p, "b\xc3\xbcRO"), "three");
	assert_null(pairs_get(&p, "B\xc3\x9cro")); /* only ASCII letters are alike */
	assert_null(pairs_get(&p, "Account"));
	assert_string_equal(pairs_get(&p, ""), "four");
	pairs_clear(&p);
	assert_int_equal(p.count, 0);
	assert_null(p.item);
}

static void
pairs_stop_at_their_limit(void **state)
{
	struct pairs p = { 0 };
	char name[16];

	(void)state;
	for (int i = 0; i < LIST_MAX; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		assert_true(pairs_add(&p, name, name + 1));
	}
	assert_false(pairs_add(&p, "one", "too many"));
	assert_int_equal(p.count, LIST_MAX);
	assert_string_equal(pairs_get(&p, "n9999"), "9999");
	assert_null(pairs_get(&p, "one"));
	pairs_clear(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_copies_in_order),
		cmocka_unit_test(stops_at_its_limit),
		cmocka_unit_test(pairs_find_the_first),
		cmocka_unit_test(pairs_stop_at_their_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
