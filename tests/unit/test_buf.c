/* Tests of lib/base/buf.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/buf.h"

static void
starts_empty(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	assert_null(b.data);
	assert_string_equal(buf_text(&b), "");
	assert_int_equal(b.len, 0);
	assert_false(b.over);
	buf_clear(&b);
	buf_reset(&b);
	assert_string_equal(buf_text(&b), "");
}

static void
adds_in_a_row(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_true(buf_puts(&b, "one"));
	assert_true(buf_putc(&b, ','));
	assert_true(buf_add(&b, "two\0three", 9));
	assert_true(buf_printf(&b, " %d%%", 42));
	assert_true(buf_add(&b, NULL, 0));
	assert_int_equal(b.len, 17);
	assert_memory_equal(b.data, "one,two\0three 42%", 18); /* with its NUL */
	buf_clear(&b);
}

/* Up to max, and not one byte more; what stood there stays. */
static void
stops_at_its_limit(void **state)
{
	static const size_t limits[] = { 0, 1, 5, 127, 128, 129, 1000 };

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct buf b;

		buf_init(&b, limits[i]);
		for (size_t n = 0; n < limits[i]; n++)
			assert_true(buf_putc(&b, 'x'));
		assert_false(b.over);
		assert_false(buf_putc(&b, 'y'));
		assert_true(b.over);
		assert_int_equal(b.len, limits[i]);
		assert_int_equal(strlen(buf_text(&b)), limits[i]);
		assert_null(strchr(buf_text(&b), 'y'));
		buf_clear(&b);
	}
}

static void
adds_whole_or_nothing(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5);
	assert_true(buf_puts(&b, "abc"));
	assert_false(buf_puts(&b, "def"));
	assert_string_equal(buf_text(&b), "abc");
	assert_false(buf_putc(&b, 'd')); /* it would fit, but something is missing */
	assert_false(buf_printf(&b, "d"));
	assert_false(buf_add(&b, "", 0));
	assert_string_equal(buf_text(&b), "abc");
	buf_clear(&b);
	assert_false(b.over);
	assert_int_equal(b.max, 5);
	assert_true(buf_printf(&b, "%s", "12345"));
	assert_false(buf_printf(&b, "%s", "6"));
	assert_string_equal(buf_text(&b), "12345");
	buf_clear(&b);
}

static void
refuses_lengths_that_wrap(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, SIZE_MAX);
	assert_true(buf_puts(&b, "abc"));
	assert_false(buf_add(&b, "x", SIZE_MAX));
	assert_true(b.over);
	buf_reset(&b);
	assert_false(buf_add(&b, "x", SIZE_MAX - 1));
	buf_reset(&b);
	assert_false(buf_add(&b, "x", SIZE_MAX / 2 + 1));
	assert_string_equal(buf_text(&b), "");
	buf_clear(&b);
}

static void
resets_and_keeps_memory(void **state)
{
	struct buf b;
	size_t size;

	(void)state;
	buf_init(&b, 200);
	assert_true(buf_puts(&b, "abc"));
	size = b.size;
	b.over = true;
	buf_reset(&b);
	assert_false(b.over);
	assert_int_equal(b.size, size);
	assert_string_equal(buf_text(&b), "");
	assert_true(buf_puts(&b, "x"));
	assert_string_equal(buf_text(&b), "x");
	buf_clear(&b);
}

static void
gives_its_text_away(void **state)
{
	struct buf b;
	char *text;

	(void)state;
	buf_init(&b, 5);
	text = buf_take(&b);
	assert_string_equal(text, "");
	free(text);
	assert_true(buf_puts(&b, "abc"));
	text = buf_take(&b);
	assert_string_equal(text, "abc");
	free(text);
	assert_int_equal(b.len, 0);
	assert_int_equal(b.max, 5);
	assert_string_equal(buf_text(&b), "");
	assert_true(buf_puts(&b, "abc"));
	assert_false(buf_puts(&b, "def"));
	assert_null(buf_take(&b));
	assert_true(buf_puts(&b, "again"));
	buf_clear(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_empty),
		cmocka_unit_test(adds_in_a_row),
		cmocka_unit_test(stops_at_its_limit),
		cmocka_unit_test(adds_whole_or_nothing),
		cmocka_unit_test(refuses_lengths_that_wrap),
		cmocka_unit_test(resets_and_keeps_memory),
		cmocka_unit_test(gives_its_text_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
