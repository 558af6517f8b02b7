/* Tests of lib/base/settings.c: all faults of a text, one after the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/buf.h"
#include "lib/base/settings.h"

enum {
	SHELVES_MAX = 2,
	TOLD_MAX = 64 * 1024,
};

struct shelf {
	uint64_t width;
	struct settings_place place;
};

struct room {
	char *colour;
	struct shelf shelf[SHELVES_MAX];
	size_t shelves;
};

static const struct schema schema;

static void *
open_room(void *target, const char *name, struct error *e)
{
	(void)name;
	(void)e;
	return target;
}

static void *
open_shelf(void *target, const char *name, struct error *e)
{
	struct room *room = target;

	if (room->shelves == SHELVES_MAX || strcmp(name, "no") == 0) {
		error_set(e, STATUS_SETTINGS, "no such shelf; allowed: another one");
		return NULL;
	}
	room->shelf[room->shelves].width = 5;
	return &room->shelf[room->shelves++];
}

static const struct section sections[] = {
	{ .kind = "room", .open = open_room },
	{ .kind = "shelf",
	    .named = true,
	    .open = open_shelf,
	    .place = offsetof(struct shelf, place) },
	{ .kind = NULL },
};

static const struct setting settings[] = {
	{ .section = "room",
	    .name = "colour",
	    .type = SETTING_TEXT,
	    .max = 5,
	    .offset = offsetof(struct room, colour) },
	{ .section = "shelf",
	    .name = "width",
	    .type = SETTING_NUMBER,
	    .min = 1,
	    .max = 9,
	    .offset = offsetof(struct shelf, width) },
	{ .section = NULL },
};

static const struct schema schema = { .sections = sections, .settings = settings };

static struct room room;
static struct buf told;
static struct error error;

static int
clear(void **state)
{
	(void)state;
	settings_clear(&schema, "room", &room);
	memset(&room, 0, sizeof(room));
	buf_clear(&told);
	return 0;
}

static void
tell(void *context, const char *sentence)
{
	buf_printf(context, "%s\n", sentence);
}

/* Reads the text with a fault handler; what was told stands in `told`. */
static enum status
check_bytes(const char *text, size_t len)
{
	char *copy = malloc(len ? len : 1); /* its end is watched by the sanitizer */
	struct settings_text source = {
		.path = "F", .bytes = copy, .len = len, .fault = tell, .context = &told
	};
	enum status status;

	clear(NULL);
	buf_init(&told, TOLD_MAX);
	memcpy(copy, text, len);
	status = settings_parse(&schema, &room, &source, &error);
	free(copy);
	return status;
}

static void
check(const char *text)
{
	assert_int_equal(check_bytes(text, strlen(text)), STATUS_OK);
}

#define WIDTH "width: out of range or no number; allowed: a number from 1 to 9\n"
#define NO_FORM                                                                          \
	"neither [section] nor name = value; allowed: these, and comments after ; or #\n"
#define TWO_KINDS "allowed: [room], [shelf NAME]\n"

static void
good_text_has_no_fault(void **state)
{
	(void)state;
	check("");
	assert_string_equal(buf_text(&told), "");
	check("; nothing\n[room]\ncolour = blue\n[shelf one]\nwidth = 3");
	assert_string_equal(buf_text(&told), "");
	assert_string_equal(room.colour, "blue");
	assert_int_equal(room.shelf[0].width, 3);
}

static void
each_line_is_told(void **state)
{
	(void)state;
	check("[room]\n"
	      "colour = crimson\n"
	      "smell = roses\n"
	      "colour = red\n"
	      "nonsense\n"
	      "[shelf one]\n"
	      "width = 0\n"
	      "\n"
	      "[shelf two]\n"
	      "width = 2 ; good\n"
	      "width = 12\n");
	assert_string_equal(buf_text(&told),
	    "F:2: colour: too short or too long; allowed: 0 to 5 bytes\n"
	    "F:3: unknown key 'smell' in [room]; allowed: colour\n"
	    "F:4: colour comes twice (first in line 2); allowed: once\n"
	    "F:5: " NO_FORM "F:7: " WIDTH
	    "F:11: width comes twice (first in line 10); allowed: once\n");
	assert_null(room.colour);
	assert_int_equal(room.shelf[0].width, 5);
	assert_int_equal(room.shelf[1].width, 2);
}

/* Without a handler the first one is all, as ever. */
static void
first_fault_ends_it_without_a_handler(void **state)
{
	static const char text[] = "[room]\nnonsense\nmore nonsense\n";
	const struct settings_text source = {
		.path = "F", .bytes = text, .len = strlen(text)
	};

	(void)state;
	clear(NULL);
	assert_int_equal(
	    settings_parse(&schema, &room, &source, &error), STATUS_SETTINGS);
	assert_memory_equal(error.text, "F:2: neither", strlen("F:2: neither"));
}

static void
faults_are_counted_where_they_stand(void **state)
{
	(void)state;
	check("\n[shelf one]\nwidth = x\n?\n\n[shelf two]\nwidth = 1\n[room]\n?\n");
	assert_int_equal(room.shelves, 2);
	assert_int_equal(room.shelf[0].place.line, 2);
	assert_int_equal(room.shelf[0].place.faults, 2);
	assert_int_equal(room.shelf[1].place.line, 6);
	assert_int_equal(room.shelf[1].place.faults, 0);
}

/* What stands below a head that was refused is said once, by the head. */
static void
refused_heads_lose_their_keys(void **state)
{
	static const struct {
		const char *head, *sentence;
	} heads[] = {
		{ "[hall]", "unknown section [hall]; " TWO_KINDS },
		{ "[shelf]", "[shelf]; allowed: [shelf NAME]\n" },
		{ "[room two]", "[room two]; allowed: [room]\n" },
		{ "[room]", "[room] comes twice (first in line 1); allowed: once\n" },
		{ "[shelf no]", "[shelf no]: no such shelf; allowed: another one\n" },
		{ "[shelf",
		    "not the head of a section; allowed: [section] alone in its "
		    "line\n" },
		{ " [shelf] x",
		    "not the head of a section; allowed: [section] alone in "
		    "its line\n" },
		{ "\t[shelf \xff]", "not UTF-8; allowed: UTF-8 text\n" },
	};
	char text[200], wanted[300];

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		snprintf(text, sizeof(text),
		    "[room]\ncolour = red\n%s\ncolour = white\nwidth = 100\nx = "
		    "1\n[shelf a]\nwidth = 0\n",
		    heads[i].head);
		check(text);
		snprintf(
		    wanted, sizeof(wanted), "F:3: %sF:8: %s", heads[i].sentence, WIDTH);
		assert_string_equal(buf_text(&told), wanted);
		assert_string_equal(room.colour, "red");
	}
}

static void
keys_before_the_first_head_are_told_once(void **state)
{
	(void)state;
	check("colour = red\nwidth = 3\nsmell = none\n[room]\ncolour = blue\n");
	assert_string_equal(buf_text(&told),
	    "F:1: a key before the first section; allowed: [section] above it\n");
	assert_string_equal(room.colour, "blue");
}

static void
nonsense_bytes_are_told_by_line(void **state)
{
	static const char text[] = "[room]\n\0\ncolour\0 = red\n\xff\xfe\n"
				   "\xef\xbb\xbf"
				   "colour = red\ncolour = blue\x1b\n[\0]\n= 3\n";

	(void)state;
	assert_int_equal(check_bytes(text, sizeof(text) - 1), STATUS_OK);
	assert_string_equal(buf_text(&told),
	    "F:2: a NUL byte; allowed: UTF-8 text\n"
	    "F:3: a NUL byte; allowed: UTF-8 text\n"
	    "F:4: not UTF-8; allowed: UTF-8 text\n"
	    "F:5: an empty key, or control or invisible characters; allowed: name = value\n"
	    "F:6: an empty key, or control or invisible characters; allowed: name = value\n"
	    "F:7: a NUL byte; allowed: UTF-8 text\n");
}

static void
long_lines_and_files_are_told(void **state)
{
	size_t len = SETTINGS_FILE_MAX + 1;
	char *text = malloc(len);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', len);
	memcpy(text, "[room]\n", strlen("[room]\n"));
	text[7 + SETTINGS_LINE_MAX + 1] = '\n';
	memcpy(text + 7 + SETTINGS_LINE_MAX + 2, "colour = red\n#", 14);
	assert_int_equal(check_bytes(text, 7 + SETTINGS_LINE_MAX + 2 + 14), STATUS_OK);
	assert_string_equal(
	    buf_text(&told), "F:2: the line is too long; allowed: 8192 bytes\n");
	assert_string_equal(room.colour, "red");
	assert_int_equal(check_bytes(text, len), STATUS_SETTINGS);
	free(text);
}

/* A line as long as is allowed is read whole. */
static void
longest_line_is_read(void **state)
{
	char text[SETTINGS_LINE_MAX + 32] = "[shelf a]\n";
	size_t head = strlen(text);

	(void)state;
	memset(text + head, ' ', SETTINGS_LINE_MAX);
	memcpy(text + head, "width =", strlen("width ="));
	text[head + SETTINGS_LINE_MAX - 1] = '4';
	check(text);
	assert_string_equal(buf_text(&told), "");
	assert_int_equal(room.shelf[0].width, 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_text_has_no_fault),
		cmocka_unit_test(each_line_is_told),
		cmocka_unit_test(first_fault_ends_it_without_a_handler),
		cmocka_unit_test(faults_are_counted_where_they_stand),
		cmocka_unit_test(refused_heads_lose_their_keys),
		cmocka_unit_test(keys_before_the_first_head_are_told_once),
		cmocka_unit_test(nonsense_bytes_are_told_by_line),
		cmocka_unit_test(long_lines_and_files_are_told),
		cmocka_unit_test(longest_line_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, clear);
}
