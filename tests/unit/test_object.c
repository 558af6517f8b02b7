/* Tests of lib/web/object.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/web/object.h"

enum {
	NESTED = 3000, /* deeper than libjansson goes */
	OUT_MAX = 4096,
};

static struct object *
read_text(const char *text)
{
	return object_read(text, strlen(text));
}

static void
texts_numbers_and_truth_are_found(void **state)
{
	struct object *o = read_text(
	    " {\"a\": \"text\", \"b\": {\"c\": {\"d\": \"deep\"}, \"\": \"empty\"},"
	    " \"n\": 3599, \"s\": \"3600\", \"least\": -9223372036854775808,"
	    " \"most\": \"9223372036854775807\", \"t\": true, \"u\": \"\\u00fc\"} \r\n");
	int64_t n = 1;

	(void)state;
	assert_non_null(o);
	assert_string_equal(object_text(o, "a"), "text");
	assert_string_equal(object_text(o, "b.c.d"), "deep");
	assert_string_equal(object_text(o, "b."), "empty");
	assert_string_equal(object_text(o, "u"), "ü");
	assert_true(object_number(&n, o, "n"));
	assert_int_equal(n, 3599);
	assert_true(object_number(&n, o, "s"));
	assert_int_equal(n, 3600);
	assert_true(object_number(&n, o, "least"));
	assert_true(n == INT64_MIN);
	assert_true(object_number(&n, o, "most"));
	assert_true(n == INT64_MAX);
	assert_true(object_true(o, "t"));
	object_free(o);
	object_free(NULL);
}

static void
other_kinds_are_nothing(void **state)
{
	struct object *o = read_text(
	    "{\"o\": {}, \"a\": [\"x\"], \"n\": 5, \"r\": 1.5, \"t\": \"true\","
	    " \"z\": null, \"f\": false, \"empty\": \"\", \"neg\": \"-1\","
	    " \"blank\": \" 1\", \"tail\": \"1x\", \"big\": \"9223372036854775808\","
	    " \"hex\": \"0x10\"}");
	static const char *const no_text[] = { "o", "a", "n", "r", "z", "f", "", ".",
		"none", "t.t", "o.x", "a.x", "a.0", "t.", "o.." };
	static const char *const no_number[] = { "o", "a", "r", "t", "z", "f", "none",
		"empty", "neg", "blank", "tail", "big", "hex" };
	int64_t n = 77;

	(void)state;
	assert_non_null(o);
	for (size_t i = 0; i < sizeof(no_text) / sizeof(no_text[0]); i++)
		if (object_text(o, no_text[i]))
			fail_msg("'%s' is a text", no_text[i]);
	for (size_t i = 0; i < sizeof(no_number) / sizeof(no_number[0]); i++)
		if (object_number(&n, o, no_number[i]))
			fail_msg("'%s' is a number", no_number[i]);
	assert_int_equal(n, 77);
	assert_false(object_true(o, "t"));
	assert_false(object_true(o, "n"));
	assert_false(object_true(o, "f"));
	assert_false(object_true(o, "none"));
	object_free(o);
}

static void
items_of_arrays_are_found(void **state)
{
	struct object *o = read_text(
	    "{\"value\": [{\"id\": \"one\", \"size\": 7, \"in\": {\"x\": \"y\"}},"
	    " {\"id\": \"two\", \"size\": \"8\"}, \"bare\", 9, null],"
	    " \"error_codes\": [700082, 70000], \"x\": {\"list\": [\"last\"]}}");
	int64_t n = 77;

	(void)state;
	assert_non_null(o);
	assert_int_equal(object_count(o, "value"), 5);
	assert_int_equal(object_count(o, "x.list"), 1);
	assert_int_equal(object_count(o, "none"), 0);
	assert_true(object_is_list(o, "x.list"));
	assert_false(object_is_list(o, "none"));
	assert_false(object_is_list(o, "x"));
	assert_int_equal(object_count(o, "x"), 0);
	assert_string_equal(object_item(o, "value", 0, "id"), "one");
	assert_string_equal(object_item(o, "value", 1, "id"), "two");
	assert_string_equal(object_item(o, "value", 0, "in.x"), "y");
	assert_string_equal(object_item(o, "value", 2, NULL), "bare");
	assert_string_equal(object_item(o, "x.list", 0, NULL), "last");
	assert_true(object_item_number(&n, o, "value", 0, "size"));
	assert_int_equal(n, 7);
	assert_true(object_item_number(&n, o, "value", 1, "size"));
	assert_int_equal(n, 8);
	assert_true(object_item_number(&n, o, "error_codes", 1, NULL));
	assert_int_equal(n, 70000);
	assert_null(object_item(o, "value", 0, NULL));
	assert_null(object_item(o, "value", 2, "id"));
	assert_null(object_item(o, "value", 4, "id"));
	assert_null(object_item(o, "value", 5, "id"));
	assert_null(object_item(o, "value", SIZE_MAX, "id"));
	assert_null(object_item(o, "x", 0, "list"));
	assert_null(object_item(o, "none", 0, NULL));
	assert_false(object_item_number(&n, o, "error_codes", 2, NULL));
	assert_false(object_item_number(&n, o, "value", 2, NULL));
	assert_int_equal(n, 70000);
	object_free(o);
}

static void
what_is_no_object_is_refused(void **state)
{
	static const char *const bad[] = { "", " ", "{", "}", "[]", "[{}]", "\"a\"", "1",
		"null", "{}{}", "{} x", "{\"a\":1,\"a\":2}", "{\"x\":{\"a\":1,\"a\":1}}",
		"{\"a\":}", "{a:1}", "{'a':1}", "{\"a\":1,}", "{\"a\":01}",
		"{\"a\":99999999999999999999}", "{\"a\":1e999}", "{\"a\":\"\\u0000\"}",
		"{\"\\u0000\":1}", "{\"a\":\"\xff\"}", "{\"a\":\"\xc0\xaf\"}",
		"{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\n\"}",
		"\xef\xbb\xbf{}", "<html>502</html>", "a=b&c=d" };
	char deep[2 * NESTED + 8] = "{\"a\":";

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (read_text(bad[i]))
			fail_msg("taken: %s", bad[i]);
	assert_null(object_read(NULL, 0));
	assert_null(object_read("{}\0", 3));
	assert_null(object_read("{\"a\":\"b\0c\"}", 11));
	memset(deep + 5, '[', NESTED);
	memset(deep + 5 + NESTED, ']', NESTED);
	deep[5 + 2 * NESTED] = '}';
	assert_null(read_text(deep));
	memset(deep + 5, '[', sizeof(deep) - 6);
	assert_null(read_text(deep));
}

/* Cut short at any byte it is none, and any byte changed does no harm. */
static void
damage_does_no_harm(void **state)
{
	static const char whole[] =
	    "{\"error\":\"invalid_grant\",\"error_codes\":[70082,-1],"
	    "\"x\":{\"y\":[true,null,1.5e3,\"\\u00e4\"]}}";
	char *copy;

	(void)state;
	for (size_t len = 0; len < sizeof(whole) - 1; len++) {
		copy = malloc(len ? len : 1); /* a read past the end shows */
		assert_non_null(copy);
		memcpy(copy, whole, len);
		assert_null(object_read(copy, len));
		free(copy);
	}
	copy = strdup(whole);
	for (size_t i = 0; copy[i]; i++)
		for (int c = 0; c < 256; c++) {
			struct object *o;
			int64_t n;

			copy[i] = (char)c;
			o = object_read(copy, sizeof(whole) - 1);
			if (o) {
				object_text(o, "error");
				object_item_number(&n, o, "error_codes", 0, NULL);
				object_item(o, "x.y", 3, NULL);
			}
			object_free(o);
			copy[i] = whole[i];
		}
	free(copy);
}

/* AddressSanitizer's, where the test is built with it. */
int __sanitizer_install_malloc_and_free_hooks(
    void (*on_malloc)(const volatile void *, size_t),
    void (*on_free)(const volatile void *)) __attribute__((weak));
size_t __sanitizer_get_allocated_size(const volatile void *p) __attribute__((weak));

static const char CANARY[] = "canary-canary-canary-canary-canary";
static bool watching;
static size_t freed, leaked;

static void
on_malloc(const volatile void *p, size_t size)
{
	(void)p;
	(void)size;
}

static void
on_free(const volatile void *p)
{
	size_t size;

	if (!watching || !p)
		return;
	size = __sanitizer_get_allocated_size(p);
	freed++;
	if (memmem((const void *)(uintptr_t)p, size, CANARY, 8))
		leaked++;
}

static void
what_is_freed_is_wiped(void **state)
{
	char text[256];
	struct object *o;
	struct buf out;

	(void)state;
	if (!__sanitizer_install_malloc_and_free_hooks) {
		print_message("needs AddressSanitizer, which watches what is freed\n");
		skip();
	}
	__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
	snprintf(text, sizeof(text), "{\"%s\": [\"%s\"], \"b\": {\"c\": \"%s\\u00fc\"}}",
	    CANARY, CANARY, CANARY);
	buf_init(&out, OUT_MAX);
	watching = true;
	object_quote(&out, CANARY);
	o = read_text(text);
	object_free(o);
	text[strlen(text) - 1] = 'x'; /* read almost to the end, and refused */
	assert_null(read_text(text));
	watching = false;
	buf_clear(&out);
	assert_true(freed > 10);
	assert_int_equal(leaked, 0);
}

static void
texts_are_quoted(void **state)
{
	static const char text[] = "a\"b\\c/\n\t\x01\x7f ü€\U0001f4e7";
	struct object *o;
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	buf_puts(&out, "{\"x\":");
	assert_true(object_quote(&out, text));
	buf_puts(&out, ",\"y\":");
	assert_true(object_quote(&out, ""));
	buf_puts(&out, "}");
	assert_non_null(strstr(buf_text(&out), "{\"x\":\"a\\\"b\\\\c/\\n\\t\\u0001"));
	o = object_read(out.data, out.len);
	assert_non_null(o);
	assert_string_equal(object_text(o, "x"), text);
	assert_string_equal(object_text(o, "y"), "");
	object_free(o);
	buf_clear(&out);
}

static void
what_cannot_be_quoted_is_seen_at_the_end(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	assert_false(object_quote(&out, "a\xff"));
	assert_true(out.over);
	buf_clear(&out);
	buf_init(&out, 6);
	assert_true(object_quote(&out, "four"));
	assert_string_equal(buf_text(&out), "\"four\"");
	assert_false(object_quote(&out, ""));
	assert_true(out.over);
	buf_clear(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		/* the first, when nothing is set up yet */
		cmocka_unit_test(what_is_freed_is_wiped),
		cmocka_unit_test(texts_numbers_and_truth_are_found),
		cmocka_unit_test(other_kinds_are_nothing),
		cmocka_unit_test(items_of_arrays_are_found),
		cmocka_unit_test(what_is_no_object_is_refused),
		cmocka_unit_test(damage_does_no_harm),
		cmocka_unit_test(texts_are_quoted),
		cmocka_unit_test(what_cannot_be_quoted_is_seen_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
