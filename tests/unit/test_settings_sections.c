/* settings: sections that come several times, keys with a start in common, other ways to
 * write a key or a head. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/list.h"
#include "lib/base/settings.h"

struct target {
	struct pairs knobs;
	size_t devices;
	uint64_t poll_time;
};

static enum status
parse_knob(void *field, const char *key, const char *text, struct error *e)
{
	(void)e;
	assert_true(pairs_add(field, key, text));
	return STATUS_OK;
}

static const struct setting rows[] = {
	{ .section = "device",
	    .name = "knob.",
	    .type = SETTING_OWN,
	    .parse = parse_knob,
	    .offset = offsetof(struct target, knobs) },
	{ .section = "device",
	    .name = "poll_time",
	    .type = SETTING_NUMBER,
	    .max = 9,
	    .offset = offsetof(struct target, poll_time) },
	{ .section = NULL },
};

static char last_name[SETTINGS_HEAD_MAX + 1];

static void *
open_device(void *target, const char *name, struct error *e)
{
	struct target *t = target;

	(void)e;
	snprintf(last_name, sizeof(last_name), "%s", name);
	t->devices++;
	return t;
}

static const struct section kinds[] = {
	{ .kind = "device", .named = true, .many = true, .open = open_device },
	{ .kind = NULL },
};

static const struct schema schema = { .sections = kinds, .settings = rows };
static struct target target;
static struct error error;

static int
clear_target(void **state)
{
	(void)state;
	pairs_clear(&target.knobs);
	memset(&target, 0, sizeof(target));
	return 0;
}

static enum status
parse(const char *text)
{
	const struct settings_text source = {
		.path = "FILE", .bytes = text, .len = strlen(text)
	};

	clear_target(NULL);
	error = (struct error){ "" };
	return settings_parse(&schema, &target, &source, &error);
}

static void
assert_parses(const char *text)
{
	if (parse(text) != STATUS_OK)
		fail_msg("%s", error.text);
}

static void
assert_refused(const char *text, const char *sentence)
{
	assert_int_equal(parse(text), STATUS_SETTINGS);
	assert_string_equal(error.text, sentence);
}

static void
keys_may_have_a_start_in_common(void **state)
{
	(void)state;
	assert_parses("[device a]\nknob.page-width = 7 mm\nknob.x y = \n"
		      "[device b]\nknob.page-width = 8\n");
	assert_int_equal(target.knobs.count, 3);
	assert_string_equal(target.knobs.item[0].name, "knob.page-width");
	assert_string_equal(target.knobs.item[0].value, "7 mm");
	assert_string_equal(target.knobs.item[1].name, "knob.x y");
	assert_string_equal(target.knobs.item[1].value, "");
	assert_string_equal(target.knobs.item[2].value, "8");
	assert_refused("[device a]\nknob.one = 1\nknob.two = 1\nknob.one = 2\n",
	    "FILE:4: knob.one comes twice (first in line 2); allowed: once");
	assert_refused("[device a]\nknob. = 1\n",
	    "FILE:2: unknown key 'knob.' in [device]; allowed: knob.NAME, poll_time");
	assert_refused("[device a]\nknob = 1\n",
	    "FILE:2: unknown key 'knob' in [device]; allowed: knob.NAME, poll_time");
}

static void
a_dash_does_for_an_underscore(void **state)
{
	(void)state;
	assert_parses("[device a]\npoll-time = 3\n");
	assert_int_equal(target.poll_time, 3);
	assert_parses("[device a]\npoll_time = 4\n");
	assert_int_equal(target.poll_time, 4);
	assert_refused("[device a]\npoll_time = 3\npoll-time = 3\n",
	    "FILE:3: poll-time comes twice (first in line 2); allowed: once");
	assert_refused("[device a]\npoll.time = 3\n",
	    "FILE:2: unknown key 'poll.time' in [device]; allowed: knob.NAME, poll_time");
	assert_refused("[device a]\npoll-tim = 3\n",
	    "FILE:2: unknown key 'poll-tim' in [device]; allowed: knob.NAME, poll_time");
	assert_refused("[device a]\npoll-time = 10\n",
	    "FILE:2: poll-time: out of range or no number; allowed: a number from 0 to "
	    "9");
}

static void
some_sections_come_several_times(void **state)
{
	(void)state;
	assert_parses("[device a]\npoll_time = 1\n[device a]\npoll_time = 2\n");
	assert_int_equal(target.devices, 2);
	assert_int_equal(target.poll_time, 2);
}

static void
quotes_hide_a_bracket(void **state)
{
	(void)state;
	assert_parses("[device \"http://[::1]:80/\"] ; [IPv6]\npoll_time = 1\n");
	assert_string_equal(last_name, "\"http://[::1]:80/\"");
	assert_parses("[device 19\" rack] ; one quote\npoll_time = 1\n");
	assert_string_equal(last_name, "19\" rack");
	assert_refused("[device \"a]\"b\n",
	    "FILE:1: not the head of a section; allowed: [section] alone in its line");
}

int
main(void)
{
#define T(f) cmocka_unit_test_teardown(f, clear_target)
	const struct CMUnitTest tests[] = {
		T(keys_may_have_a_start_in_common),
		T(a_dash_does_for_an_underscore),
		T(some_sections_come_several_times),
		T(quotes_hide_a_bracket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
