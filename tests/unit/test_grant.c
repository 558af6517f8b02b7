/* Tests of lib/login/grant.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/login/grant.h"

static struct grant grant, back;
static struct buf text;

static int
make_buffer(void **state)
{
	(void)state;
	grant_wipe(&grant);
	memset(&back, 'z', sizeof(back));
	buf_init(&text, GRANT_TEXT_MAX);
	return 0;
}

static int
clear_buffer(void **state)
{
	(void)state;
	buf_clear(&text);
	return 0;
}

static void
assert_comes_back(void)
{
	buf_reset(&text);
	assert_true(grant_write(&text, &grant));
	assert_true(grant_read(&back, buf_text(&text)));
	assert_memory_equal(&back, &grant, sizeof(grant));
}

static void
three_lines_come_back(void **state)
{
	(void)state;
	assert_comes_back();
	assert_string_equal(buf_text(&text), "\n\n\n");
	strncpy(grant.refresh, "0.AXkA-refresh", TOKEN_MAX);
	assert_comes_back();
	strncpy(grant.client_secret, "two words gr\xc3\xbcn \"\\", SECRET_MAX);
	strncpy(grant.assertion, "a.b.c", ASSERTION_MAX);
	assert_comes_back();
	assert_string_equal(
	    buf_text(&text), "0.AXkA-refresh\ntwo words gr\xc3\xbcn \"\\\na.b.c\n");
}

static void
largest_ones_fit(void **state)
{
	(void)state;
	memset(grant.refresh, 'r', TOKEN_MAX);
	memset(grant.client_secret, 's', SECRET_MAX);
	memset(grant.assertion, 'a', ASSERTION_MAX);
	assert_comes_back();
	buf_clear(&text);
	buf_init(&text, TOKEN_MAX + SECRET_MAX + ASSERTION_MAX + 2); /* one too few */
	assert_false(grant_write(&text, &grant));
}

/* A line end in a secret would make another line of its rest. */
static void
control_bytes_are_not_written(void **state)
{
	(void)state;
	for (int c = 1; c < 256; c++) {
		bool control = c < 0x20 || c == 0x7f;

		snprintf(grant.client_secret, sizeof(grant.client_secret), "a%cb", c);
		buf_reset(&text);
		assert_int_equal(grant_write(&text, &grant), !control);
	}
}

static void
other_texts_are_refused(void **state)
{
	static const char *const texts[] = { "", "\n", "\n\n", "\n\n\n\n", "a", "a\nb\nc",
		"a\nb\nc\nd", "a\nb\nc\n\n", "a\r\nb\nc\n", "a\n\tb\nc\n",
		"a\nb\n\x7f\n" };
	struct grant before = back;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (grant_read(&back, texts[i]))
			fail_msg("row %zu", i);
	assert_memory_equal(&back, &before, sizeof(back));
}

static void
too_long_lines_are_refused(void **state)
{
	static const size_t most[] = { TOKEN_MAX, SECRET_MAX, ASSERTION_MAX };
	static char line[TOKEN_MAX + 2];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (size_t extra = 0; extra < 2; extra++) {
			memset(line, 'x', sizeof(line));
			line[most[i] + extra] = '\0';
			buf_clear(&text);
			buf_init(&text, 2 * GRANT_TEXT_MAX);
			for (size_t k = 0; k < 3; k++)
				buf_printf(&text, "%s\n", k == i ? line : "");
			assert_int_equal(grant_read(&back, buf_text(&text)), !extra);
		}
}

/* Each start of the text is another text. */
static void
cut_text_is_refused(void **state)
{
	char cut[64];

	(void)state;
	for (size_t len = 0; len < strlen("ab\ncd\nef\n"); len++) {
		snprintf(cut, sizeof(cut), "%.*s", (int)len, "ab\ncd\nef\n");
		assert_false(grant_read(&back, cut));
	}
}

static void
wipe_leaves_nothing(void **state)
{
	static const struct grant zeros;

	(void)state;
	grant_wipe(&back);
	assert_memory_equal(&back, &zeros, sizeof(back));
}

#define grant_test(f) cmocka_unit_test_setup_teardown(f, make_buffer, clear_buffer)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		grant_test(three_lines_come_back),
		grant_test(largest_ones_fit),
		grant_test(control_bytes_are_not_written),
		grant_test(other_texts_are_refused),
		grant_test(too_long_lines_are_refused),
		grant_test(cut_text_is_refused),
		grant_test(wipe_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
