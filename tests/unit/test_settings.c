/* Tests of lib/base/settings.c, against a small table of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/buf.h"
#include "lib/base/list.h"
#include "lib/base/settings.h"
#include "lib/base/text.h"

enum {
	BOXES_MAX = 2,
};

struct box {
	char name[SETTINGS_HEAD_MAX + 1];
	char *label, *place;
	uint64_t count, size, age;
	int colour;
	int parity;
};

struct target {
	struct box box[BOXES_MAX];
	size_t boxes;
	char *motto;
	struct pairs words;
};

static enum status
parse_parity(void *field, const char *key, const char *text, struct error *e)
{
	if (strcmp(text, "odd") != 0 && strcmp(text, "even") != 0)
		return error_set(
		    e, STATUS_INVALID, "%s cannot be so; allowed: odd, even", key);
	*(int *)field = *text == 'o' ? 1 : 2;
	return STATUS_OK;
}

static enum status
parse_word(void *field, const char *key, const char *text, struct error *e)
{
	return pairs_add(field, key, text) ? STATUS_OK
					   : error_set(e, STATUS_RETRY, "no room");
}

static enum status
check_motto(const char *text, struct error *e)
{
	return strchr(text, '!') ? error_set(e, STATUS_INVALID, "too loud; allowed: calm")
				 : STATUS_OK;
}

static const char *const colours[] = { "red", "green", NULL };

#define BOX(key, field)                                                                  \
	.section = "box", .name = key, .offset = offsetof(struct box, field)

static const struct setting rows[] = {
	{ BOX("label", label), .type = SETTING_TEXT, .min = 1, .max = 8,
	    .initial = "none" },
	{ BOX("place", place), .type = SETTING_PATH, .initial = "" },
	{ BOX("count", count), .type = SETTING_NUMBER, .min = 2, .max = 20,
	    .initial = "7" },
	{ BOX("size", size), .type = SETTING_SIZE, .min = 1024, .max = 1 << 30,
	    .initial = "64K" },
	{ BOX("age", age), .type = SETTING_TIME, .min = 0, .max = 172800,
	    .initial = "90s" },
	{ BOX("colour", colour), .type = SETTING_CHOICE, .choices = colours,
	    .initial = "green" },
	{ BOX("parity", parity), .type = SETTING_OWN, .parse = parse_parity },
	{ .section = "house",
	    .name = "motto",
	    .type = SETTING_TEXT,
	    .check = check_motto,
	    .offset = offsetof(struct target, motto) },
	{ .section = "words",
	    .type = SETTING_OWN,
	    .parse = parse_word,
	    .offset = offsetof(struct target, words) },
	{ .section = NULL },
};

static void *open_box(void *target, const char *name, struct error *e);

static void *
open_target(void *target, const char *name, struct error *e)
{
	(void)e;
	assert_string_equal(name, "");
	return target;
}

static const struct section kinds[] = {
	{ .kind = "house", .open = open_target },
	{ .kind = "box", .named = true, .open = open_box },
	{ .kind = "words", .open = open_target },
	{ .kind = NULL },
};

static const struct schema schema = { .sections = kinds, .settings = rows };

static void *
open_box(void *target, const char *name, struct error *e)
{
	struct target *t = target;
	struct box *box = &t->box[t->boxes];

	if (t->boxes == BOXES_MAX) {
		error_set(e, STATUS_SETTINGS, "too many boxes; allowed: 2");
		return NULL;
	}
	t->boxes++;
	snprintf(box->name, sizeof(box->name), "%s", name);
	return settings_defaults(&schema, "box", box, e) == STATUS_OK ? box : NULL;
}

static struct target target;
static struct error error;

static int
clear_target(void **state)
{
	(void)state;
	for (size_t i = 0; i < target.boxes; i++)
		settings_clear(&schema, "box", &target.box[i]);
	settings_clear(&schema, "house", &target);
	pairs_clear(&target.words);
	memset(&target, 0, sizeof(target));
	return 0;
}

static enum status
parse_bytes(const char *text, size_t len)
{
	char *copy = malloc(len ? len : 1); /* its end is watched by the sanitizer */
	struct settings_text source = { .path = "FILE", .bytes = copy, .len = len };
	enum status status;

	clear_target(NULL);
	error = (struct error){ "" };
	memcpy(copy, text, len);
	status = settings_parse(&schema, &target, &source, &error);
	free(copy);
	return status;
}

static void
assert_parses(const char *text)
{
	if (parse_bytes(text, strlen(text)) != STATUS_OK)
		fail_msg("%s", error.text);
}

static void
assert_refused(const char *text, const char *sentence)
{
	assert_int_equal(parse_bytes(text, strlen(text)), STATUS_SETTINGS);
	assert_string_equal(error.text, sentence);
}

static void
nothing_is_fine(void **state)
{
	(void)state;
	assert_parses("");
	assert_parses("\n\n");
	assert_parses("\xef\xbb\xbf");
	assert_parses("; only\n# comments\n   ; here\n\t# and here");
	assert_int_equal(target.boxes, 0);
}

static void
defaults_are_set(void **state)
{
	const struct box *box = &target.box[0];

	(void)state;
	assert_parses("[box one]");
	assert_int_equal(target.boxes, 1);
	assert_string_equal(box->name, "one");
	assert_string_equal(box->label, "none");
	assert_string_equal(box->place, "");
	assert_int_equal(box->count, 7);
	assert_int_equal(box->size, 65536);
	assert_int_equal(box->age, 90);
	assert_int_equal(box->colour, 1);
	assert_int_equal(box->parity, 0);
}

static void
values_are_read(void **state)
{
	const struct box *one = &target.box[0], *two = &target.box[1];

	(void)state;
	assert_parses("\xef\xbb\xbf[box one] ; the first\r\n"
		      "label = a b ; not this\r\n"
		      "  place=/x;y\r\n"
		      "count =\t20   \r\n"
		      "\r\n"
		      "size = 1G\n"
		      "age = 2d\n"
		      "colour = red ;\n"
		      "parity = odd\n"
		      "[box  two words ]# comment\n"
		      "place = ; nothing\n"
		      "label = \xc3\xbc\n"
		      "[house]\n"
		      "motto = #1\n"
		      "[words]\n"
		      "B\xc3\xbcro S\xc3\xbc"
		      "d = a: b = c\n"
		      "* = %u");
	assert_string_equal(one->label, "a b");
	assert_string_equal(one->place, "/x;y");
	assert_int_equal(one->count, 20);
	assert_int_equal(one->size, 1 << 30);
	assert_int_equal(one->age, 172800);
	assert_int_equal(one->colour, 0);
	assert_int_equal(one->parity, 1);
	assert_string_equal(two->name, "two words");
	assert_string_equal(two->place, "");
	assert_string_equal(two->label, "\xc3\xbc");
	assert_int_equal(two->count, 7);
	assert_string_equal(target.motto, "#1");
	assert_int_equal(target.words.count, 2);
	assert_string_equal(target.words.item[0].name,
	    "B\xc3\xbcro S\xc3\xbc"
	    "d");
	assert_string_equal(target.words.item[0].value, "a: b = c");
	assert_string_equal(target.words.item[1].name, "*");
}

#define BAD_COUNT "count: out of range or no number; allowed: a number from 2 to 20"
#define BAD_SIZE                                                                         \
	"size: out of range or no number; allowed: a size (a number with K, M or G) "    \
	"from 1K to 1G"
#define BAD_AGE                                                                          \
	"age: out of range or no number; allowed: a time (a number with s, m, h or d) "  \
	"from 0s to 2d"
#define UNCLEAN "an empty key, or control or invisible characters; allowed: name = value"

/* One key and value in a box; the sentence behind "FILE:2: ". */
static const struct {
	const char *line, *sentence;
} bad_values[] = {
	{ "label =", "label: too short or too long; allowed: 1 to 8 bytes" },
	{ "label = 123456789", "label: too short or too long; allowed: 1 to 8 bytes" },
	{ "place = etc", "place: not an absolute path; allowed: a path from / on" },
	{ "count = 1", BAD_COUNT },
	{ "count = 21", BAD_COUNT },
	{ "count =", BAD_COUNT },
	{ "count = -3", BAD_COUNT },
	{ "count = +3", BAD_COUNT },
	{ "count = 3x", BAD_COUNT },
	{ "count = 3.0", BAD_COUNT },
	{ "count = 0x3", BAD_COUNT },
	{ "count = 18446744073709551619", BAD_COUNT },
	{ "size = 1023", BAD_SIZE },
	{ "size = 2G", BAD_SIZE },
	{ "size = 5T", BAD_SIZE },
	{ "size = 5KB", BAD_SIZE },
	/* 2^34 times 2^30 would wrap to 0, 2^34 + 1 to 1G */
	{ "size = 17179869185G", BAD_SIZE },
	{ "age = -1", BAD_AGE },
	{ "age = 49h", BAD_AGE },
	{ "age = 1 h", BAD_AGE },
	{ "colour = blue", "colour: none of its choices; allowed: red, green" },
	{ "colour = Red", "colour: none of its choices; allowed: red, green" },
	{ "colour =", "colour: none of its choices; allowed: red, green" },
	{ "parity = both", "parity: parity cannot be so; allowed: odd, even" },
	{ "Label = x",
	    "unknown key 'Label' in [box]; allowed: label, place, count, size, "
	    "age, colour, parity" },
	{ "motto = x",
	    "unknown key 'motto' in [box]; allowed: label, place, count, size, "
	    "age, colour, parity" },
	{ "label",
	    "neither [section] nor name = value; allowed: these, and comments after "
	    "; or #" },
	{ "= x", UNCLEAN },
	{ "label = a\tb", UNCLEAN },
	{ "label = a\rb", UNCLEAN },
	{ "label = a\x7f"
	  "b",
	    UNCLEAN },
	{ "label = a\xc2\x85"
	  "b",
	    UNCLEAN },
	{ "label = a\xe2\x80\xae"
	  "b",
	    UNCLEAN },
	{ "la\x01"
	  "bel = a",
	    UNCLEAN },
	{ "label = \xff", "not UTF-8; allowed: UTF-8 text" },
	{ "; \xc3", "not UTF-8; allowed: UTF-8 text" },
};

static void
bad_values_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_values) / sizeof(bad_values[0]); i++) {
		char text[256], sentence[512];

		snprintf(
		    text, sizeof(text), "[box one]\n%s\ncount = 3\n", bad_values[i].line);
		snprintf(
		    sentence, sizeof(sentence), "FILE:2: %s", bad_values[i].sentence);
		assert_refused(text, sentence);
	}
}

static void
bad_heads_are_refused(void **state)
{
	static const struct {
		const char *head, *sentence;
	} cases[] = {
		{ "[]", "unknown section []; allowed: [house], [box NAME], [words]" },
		{ "[bag]",
		    "unknown section [bag]; allowed: [house], [box NAME], [words]" },
		{ "[Box x]",
		    "unknown section [Box]; allowed: [house], [box NAME], [words]" },
		{ "[boxes x]",
		    "unknown section [boxes]; allowed: [house], [box NAME], "
		    "[words]" },
		{ "[box]", "[box]; allowed: [box NAME]" },
		{ "[ box ]", "[box]; allowed: [box NAME]" },
		{ "[house of one]", "[house of one]; allowed: [house]" },
		{ "[box one",
		    "not the head of a section; allowed: [section] alone in its "
		    "line" },
		{ "[",
		    "not the head of a section; allowed: [section] alone in its line" },
		{ "[box one] x = y",
		    "not the head of a section; allowed: [section] alone in "
		    "its line" },
		{ "[box one]]",
		    "not the head of a section; allowed: [section] alone in its "
		    "line" },
		{ "[box a\tb]",
		    "not the head of a section; allowed: up to 600 bytes between "
		    "[ and ], no control characters" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256], sentence[512];

		snprintf(text, sizeof(text), "\n\n  %s\n", cases[i].head);
		snprintf(sentence, sizeof(sentence), "FILE:3: %s", cases[i].sentence);
		assert_refused(text, sentence);
	}
}

static void
what_comes_twice_is_refused(void **state)
{
	(void)state;
	assert_refused("[box one]\ncount = 3\nsize = 1K\ncount = 3\n",
	    "FILE:4: count comes twice (first in line 2); allowed: once");
	assert_refused("[box one]\n[box two]\n\n[box one]\n",
	    "FILE:4: [box one] comes twice (first in line 1); allowed: once");
	assert_refused("[box one]\n[box  ONE ]\n",
	    "FILE:2: [box ONE] comes twice (first in line 1); allowed: once");
	assert_refused("[house]\n[words]\n[house]\n",
	    "FILE:3: [house] comes twice (first in line 1); allowed: once");
	assert_refused("[words]\nBob = x\nbob = y\n",
	    "FILE:3: bob comes twice (first in line 2); allowed: once");
	/* the same key in another section is another key */
	assert_parses("[box one]\ncount = 3\n[box two]\ncount = 4\n");
	assert_int_equal(target.box[0].count, 3);
	assert_int_equal(target.box[1].count, 4);
}

static void
the_target_may_refuse(void **state)
{
	(void)state;
	assert_refused(
	    "[box a]\n[box b]\n[box c]\n", "FILE:3: [box c]: too many boxes; allowed: 2");
	assert_refused(
	    "[house]\nmotto = Go!\n", "FILE:2: motto: too loud; allowed: calm");
	assert_null(target.motto);
	assert_refused("count = 3\n[box a]\n",
	    "FILE:1: a key before the first section; "
	    "allowed: [section] above it");
}

/* An indented line is a line like any other, never the rest of the one before. */
static void
values_do_not_continue(void **state)
{
	(void)state;
	assert_refused("[words]\na = one,\n  two\n",
	    "FILE:3: neither [section] nor name = value; allowed: these, and comments "
	    "after ; or #");
	assert_parses("[words]\na = one\n  b = two\n");
	assert_string_equal(target.words.item[0].value, "one");
	assert_string_equal(target.words.item[1].value, "two");
}

/* The first mistake is the one that is told, whoever finds it. */
static void
the_first_mistake_is_told(void **state)
{
	(void)state;
	assert_refused("[box a]\nlabel\ncount = x\n",
	    "FILE:2: neither [section] nor name = value; allowed: these, and comments "
	    "after ; or #");
	assert_int_equal(
	    parse_bytes("[box a]\ncount = x\nlabel\n\xff", 25), STATUS_SETTINGS);
	assert_memory_equal(error.text, "FILE:2: count: ", 15);
}

static void
nul_bytes_are_refused(void **state)
{
	static const char text[] = "[box a]\ncount = 3\0; \nsize = 2K\n";

	(void)state;
	assert_int_equal(parse_bytes(text, sizeof(text) - 1), STATUS_SETTINGS);
	assert_string_equal(error.text, "FILE:2: a NUL byte; allowed: UTF-8 text");
	assert_int_equal(parse_bytes("\0", 1), STATUS_SETTINGS);
	assert_string_equal(error.text, "FILE:1: a NUL byte; allowed: UTF-8 text");
}

/* A value of a line of this many bytes, without its line feed. */
static enum status
parse_line_of(size_t len, const char *end)
{
	static const char start[] = "[house]\nmotto = ";
	struct buf text;
	enum status status;

	buf_init(&text, SETTINGS_FILE_MAX);
	buf_puts(&text, start);
	while (text.len < strlen("[house]\n") + len - strspn(end, "\r"))
		buf_putc(&text, 'x');
	buf_puts(&text, end);
	status = parse_bytes(text.data, text.len);
	buf_clear(&text);
	return status;
}

static void
lines_have_a_limit(void **state)
{
	static const char *const ends[] = { "", "\n", "\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		assert_int_equal(parse_line_of(SETTINGS_LINE_MAX, ends[i]), STATUS_OK);
		assert_int_equal(strlen(target.motto),
		    SETTINGS_LINE_MAX - strlen("motto = ") - strspn(ends[i], "\r"));
		assert_int_equal(
		    parse_line_of(SETTINGS_LINE_MAX + 1, ends[i]), STATUS_SETTINGS);
		assert_string_equal(
		    error.text, "FILE:2: the line is too long; allowed: 8192 bytes");
	}
	/* what an unconfigured libinih would cut */
	assert_int_equal(parse_line_of(199, "\n"), STATUS_OK);
	assert_int_equal(parse_line_of(200, "\n"), STATUS_OK);
	assert_int_equal(parse_line_of(201, "\n"), STATUS_OK);
}

static void
heads_have_a_limit(void **state)
{
	char text[SETTINGS_HEAD_MAX + 16];

	(void)state;
	/* beyond the 50 bytes that libinih keeps */
	snprintf(text, sizeof(text), "[box %0*d]", SETTINGS_HEAD_MAX - 4, 1);
	assert_parses(text);
	assert_int_equal(strlen(target.box[0].name), SETTINGS_HEAD_MAX - 4);
	snprintf(text, sizeof(text), "[box %0*d]", SETTINGS_HEAD_MAX - 3, 1);
	assert_int_equal(parse_bytes(text, strlen(text)), STATUS_SETTINGS);
	assert_memory_equal(error.text, "FILE:1: not the head", 20);
}

static void
files_have_a_limit(void **state)
{
	char *text = malloc(SETTINGS_FILE_MAX + 1);

	(void)state;
	memset(text, '\n', SETTINGS_FILE_MAX + 1);
	assert_int_equal(parse_bytes(text, SETTINGS_FILE_MAX), STATUS_OK);
	assert_int_equal(parse_bytes(text, SETTINGS_FILE_MAX + 1), STATUS_SETTINGS);
	assert_string_equal(
	    error.text, "FILE: the file is too long; allowed: 1048576 bytes");
	free(text);
}

static void
keys_are_shown_cut(void **state)
{
	(void)state;
	assert_refused(
	    "[box a]\n"
	    "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk = x\n",
	    "FILE:2: unknown key "
	    "'kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk' in [box]; "
	    "allowed: label, place, count, size, age, colour, parity");
}

/* People paste passwords into the wrong line. */
static void
values_are_never_quoted(void **state)
{
	static const char *const texts[] = { "[box a]\nlabel = hunter2-hunter2\n",
		"[box a]\nplace = hunter2\n", "[box a]\ncount = hunter2\n",
		"[box a]\ncolour = hunter2\n", "[box a]\npassword = hunter2\n",
		"[box a]\nhunter2\n", "hunter2", "[box a]\nlabel = hunter2\x01\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(
		    parse_bytes(texts[i], strlen(texts[i])), STATUS_SETTINGS);
		assert_null(strstr(error.text, "hunter2"));
		assert_non_null(strstr(error.text, "allowed: "));
	}
}

/* Nonsense is refused or taken, never read beyond its end. */
static void
noise_does_no_harm(void **state)
{
	static const char alphabet[] =
	    "[]=:;#\n\n\r\t  box house words count 3\xc3\xbc\xff\0";
	uint32_t seed = 1;
	int refused = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char text[48];

		for (size_t k = 0; k < sizeof(text); k++) {
			seed = seed * 1664525 + 1013904223;
			text[k] = alphabet[(seed >> 16) % sizeof(alphabet)];
		}
		memcpy(text, "[words]\n", i % 3 ? 8 : 0);
		if (parse_bytes(text, (size_t)i % sizeof(text)) != STATUS_OK) {
			refused++;
			assert_true(utf8_valid(error.text, strlen(error.text)));
			assert_memory_equal(error.text, "FILE:", 5);
		}
	}
	assert_true(refused > 1000 && refused < 20000);
}

#define parse_test(f) cmocka_unit_test_teardown(f, clear_target)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		parse_test(nothing_is_fine),
		parse_test(defaults_are_set),
		parse_test(values_are_read),
		parse_test(bad_values_are_refused),
		parse_test(bad_heads_are_refused),
		parse_test(what_comes_twice_is_refused),
		parse_test(the_target_may_refuse),
		parse_test(values_do_not_continue),
		parse_test(the_first_mistake_is_told),
		parse_test(nul_bytes_are_refused),
		parse_test(lines_have_a_limit),
		parse_test(heads_have_a_limit),
		parse_test(files_have_a_limit),
		parse_test(keys_are_shown_cut),
		parse_test(values_are_never_quoted),
		parse_test(noise_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
