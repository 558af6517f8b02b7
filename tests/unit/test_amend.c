/* Tests of lib/base/amend.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/amend.h"

enum {
	TEXT_MAX = 64 * 1024,
	ROUNDS = 20000,
};

static const struct amend_section office = { "account", "office" };

/* What becomes of a text; "" where it is refused. Static. */
static const char *
amended(const char *text, const struct amend_section *section,
    const struct amendment *changes, enum status wanted)
{
	static char result[TEXT_MAX];
	struct buf in, out;
	struct error e = { "" };

	buf_init(&in, TEXT_MAX);
	buf_init(&out, TEXT_MAX - 1);
	assert_true(buf_puts(&in, text));
	assert_int_equal(amend_text(&out, &in, section, changes, &e), wanted);
	assert_true((wanted == STATUS_OK) == (e.text[0] == '\0'));
	snprintf(result, sizeof(result), "%s", wanted == STATUS_OK ? buf_text(&out) : "");
	buf_clear(&in);
	buf_clear(&out);
	return result;
}

#define SET(...) ((const struct amendment[]){ __VA_ARGS__, { NULL, NULL } })

/* What one change makes of a text. */
static const struct row {
	const char *name, *before, *key, *value, *after;
} rows[] = {
	{ "set", "[account office]\nauth = password\n", "auth", "oauth-app",
	    "[account office]\nauth = oauth-app\n" },
	{ "set, with its own way of writing and comment",
	    "[account office]\n\tauth=password \t ; as before\n", "auth", "x",
	    "[account office]\n\tauth=x \t ; as before\n" },
	{ "set, written with a colon", "[account office]\nauth : password\n", "auth", "x",
	    "[account office]\nauth : x\n" },
	{ "set, where its name is written with '-'", "[account office]\nclient-id = a\n",
	    "client_id", "b", "[account office]\nclient-id = b\n" },
	{ "set, at the end of a text without a line end",
	    "[account office]\nauth = password", "auth", "x",
	    "[account office]\nauth = x" },
	{ "set, where nothing was", "[account office]\nauth =\nb = c\n", "auth", "x",
	    "[account office]\nauth = x\nb = c\n" },
	{ "set, where a comment was", "[account office]\nauth = ; none\n", "auth", "x",
	    "[account office]\nauth = x ; none\n" },
	{ "set to nothing", "[account office]\nauth = b\n", "auth", "",
	    "[account office]\nauth = \n" },
	{ "a value with a semicolon in it", "[account office]\nauth = a;b;c\n", "auth",
	    "d;e", "[account office]\nauth = d;e\n" },
	{ "a value that starts with a semicolon", "[account office]\nauth =;b\n", "auth",
	    "x", "[account office]\nauth =x\n" },
	{ "added behind the last key",
	    "[account office]\n  a = b\n\n; trailing\n\n[policy]\n", "c", "d",
	    "[account office]\n  a = b\n  c = d\n\n; trailing\n\n[policy]\n" },
	{ "added to an empty section", "[account office]\n\n[policy]\nx = y\n", "c", "d",
	    "[account office]\nc = d\n\n[policy]\nx = y\n" },
	{ "added behind an indented head", "  [account office]\n", "c", "d",
	    "  [account office]\nc = d\n" },
	{ "added without a line end", "[account office]\na = b", "c", "d",
	    "[account office]\na = b\nc = d" },
	{ "added with CR LF", "[account office]\r\na = b\r\n", "c", "d",
	    "[account office]\r\na = b\r\nc = d\r\n" },
	{ "set with CR LF", "[account office]\r\nc = b\r\n", "c", "d",
	    "[account office]\r\nc = d\r\n" },
	{ "not what is in a comment", "[account office]\n;c = b\n#c = b\n", "c", "d",
	    "[account office]\nc = d\n;c = b\n#c = b\n" },
	{ "not what is in another section",
	    "[policy]\nc = 1\n[account office]\nc = 2\n[account b]\nc = 3\n", "c", "d",
	    "[policy]\nc = 1\n[account office]\nc = d\n[account b]\nc = 3\n" },
	{ "not a key that starts alike", "[account office]\ncc = 2\nbc = 3\n", "c", "d",
	    "[account office]\ncc = 2\nbc = 3\nc = d\n" },
	{ "behind a byte order mark", "\xef\xbb\xbf[account office]\nc = 2\n", "c", "d",
	    "\xef\xbb\xbf[account office]\nc = d\n" },
	{ "a head with blanks and a comment", "[ account   office ] ; the first\nc = 2\n",
	    "c", "d", "[ account   office ] ; the first\nc = d\n" },
	{ "taken out", "[account office]\na = b\nc = d\ne = f\n", "c", NULL,
	    "[account office]\na = b\ne = f\n" },
	{ "taken out, the last without a line end", "[account office]\na = b\nc = d", "c",
	    NULL, "[account office]\na = b\n" },
	{ "taken out where it is not", "[account office]\na = b\n", "c", NULL,
	    "[account office]\na = b\n" },
};

static void
keys_are_set_added_and_taken_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *got = amended(rows[i].before, &office,
		    SET({ rows[i].key, rows[i].value }), STATUS_OK);

		if (strcmp(got, rows[i].after) != 0)
			fail_msg("%s: got\n%s", rows[i].name, got);
	}
}

static void
several_at_a_time(void **state)
{
	(void)state;
	assert_string_equal(
	    amended("[account office]\nserver = a\nauth = password\npassword_file = /p\n",
		&office,
		SET({ "auth", "oauth-device" }, { "client_id", "1-2" },
		    { "password_file", NULL }, { "tenant", "t" }, { "server", "graph" }),
		STATUS_OK),
	    "[account office]\nserver = graph\nauth = oauth-device\nclient_id = 1-2\n"
	    "tenant = t\n");
}

static void
a_section_without_a_name(void **state)
{
	const struct amend_section policy = { "policy", NULL };

	(void)state;
	assert_string_equal(amended("[account policy]\na = b\n[policy]\na = b\n", &policy,
				SET({ "a", "c" }), STATUS_OK),
	    "[account policy]\na = b\n[policy]\na = c\n");
}

static void
what_would_not_be_read_back_is_refused(void **state)
{
	static const char *const values[] = { "a\nb = c", "a\r", " a", "a ", "a ; b",
		"; b", "a\tb", "a\x1b[1m", "\xff" };

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		amended("[account office]\n", &office, SET({ "a", values[i] }),
		    STATUS_INVALID);
}

static void
a_section_that_is_not_there_is_refused(void **state)
{
	static const char *const texts[] = { "", "a = b\n", "[account]\n",
		"[account Office]\n", "[account office2]\n", "[policy]\n",
		"; [account office]\n", "[account office\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		amended(texts[i], &office, SET({ "a", "b" }), STATUS_INVALID);
}

static void
without_room_it_says_so(void **state)
{
	struct buf in, out;
	struct error e;

	(void)state;
	buf_init(&in, 100);
	buf_puts(&in, "[account office]\na = b\n");
	for (size_t max = 0; max < in.len + 6; max++) {
		buf_init(&out, max);
		assert_int_equal(
		    amend_text(&out, &in, &office, SET({ "c", "d" }), &e), STATUS_RETRY);
		buf_clear(&out);
	}
	buf_init(&out, in.len + 6);
	assert_int_equal(
	    amend_text(&out, &in, &office, SET({ "c", "d" }), &e), STATUS_OK);
	buf_clear(&out);
	buf_clear(&in);
}

/* Whatever the text is: what is not the key's stays, in its order. */
static void
nonsense_keeps_its_bytes(void **state)
{
	static const char pieces[][24] = { "[account office]", "\n", "\r\n", "a = b",
		"c=", " ", "\t", ";", "#", "[", "]", "=", ":", "\xff", "x" };
	const size_t count = sizeof(pieces) / sizeof(pieces[0]);
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct buf in, out;
		struct error e;

		buf_init(&in, TEXT_MAX);
		buf_init(&out, TEXT_MAX);
		for (int i = 0; i < 12; i++) {
			seed = seed * 1664525 + 1013904223;
			buf_puts(&in, pieces[(seed >> 16) % count]);
		}
		if (round % 16 == 0)
			buf_putc(&in, '\0');
		if (amend_text(&out, &in, &office, SET({ "new", "v" }), &e) ==
		    STATUS_OK) {
			/* without what was added, it is what it was */
			size_t more = out.len - in.len, same = 0;

			assert_true(out.len > in.len && more <= 24);
			assert_non_null(memmem(out.data, out.len, "new = v", 7));
			while (same < in.len && in.data[same] == out.data[same])
				same++;
			assert_memory_equal(
			    out.data + same + more, in.data + same, in.len - same);
		}
		buf_clear(&in);
		buf_clear(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_set_added_and_taken_out),
		cmocka_unit_test(several_at_a_time),
		cmocka_unit_test(a_section_without_a_name),
		cmocka_unit_test(what_would_not_be_read_back_is_refused),
		cmocka_unit_test(a_section_that_is_not_there_is_refused),
		cmocka_unit_test(without_room_it_says_so),
		cmocka_unit_test(nonsense_keeps_its_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
