/*
 * Tests of scan2mail/controls.c, panel.c, saneoption.c and describe.c on scanners that
 * tests/golden/scanners/ describes, a family of drivers each: NAME.in has its options and
 * wishes ("scan source=adf mode=gray …", "list"), NAME.ref what is set to what, in which
 * order, and what comes of it. `test_controls.t NAME.in` prints what would stand there.
 */
#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/account/config.h"
#include "scan2mail/controls.h"
#include "tests/unit/scanner_rig.h"

#define SCANNERS "tests/golden/scanners/"

enum {
	LINE_MAX_BYTES = 2048,
	FAMILIES = 20, /* at least */
};

/* -- wishes ---------------------------------------------------------------------------*/

static int
choice(const char *text, const char *const *names)
{
	for (int i = 0; names[i]; i++)
		if (strcmp(names[i], text) == 0)
			return i;
	fail_msg("no such choice: %s", text);
	return 0;
}

/* One NAME=VALUE of a wish. */
static void
take_wish(struct request *r, char *word)
{
	static const char *const sources[] = { "auto", "flatbed", "adf", "adf-duplex",
		NULL };
	static const char *const modes[] = { "auto", "color", "gray", "bw", NULL };
	char *value = strchr(word, '=');

	if (!value)
		fail_msg("no wish: %s", word);
	*value++ = '\0';
	if (strcmp(word, "source") == 0)
		r->source = choice(value, sources);
	else if (strcmp(word, "mode") == 0)
		r->mode = choice(value, modes);
	else if (strcmp(word, "resolution") == 0)
		r->resolution = (unsigned)strtoul(value, NULL, 10);
	else if (strcmp(word, "paper") == 0) {
		r->paper.width = (double)strtoul(value, &value, 10);
		r->paper.height = *value ? (double)strtoul(value + 1, NULL, 10) : 0;
	} else if (strncmp(word, "option.", 7) == 0)
		pairs_add(&r->option, word + 7, value);
	else
		fail_msg("no wish: %s", word);
}

static struct request
read_wish(const char *line)
{
	struct request r = { .resolution = 300, .paper = { 210, 297 } };
	char copy[LINE_MAX_BYTES], *rest = NULL, *word;

	snprintf(copy, sizeof(copy), "%s", line);
	strtok_r(copy, " \n", &rest);
	while ((word = strtok_r(NULL, " \n", &rest))) {
		for (char *c = word; *c; c++)
			if (*c == '~') /* stands for a blank */
				*c = ' ';
		take_wish(&r, word);
	}
	return r;
}

static void
put_result(const struct controls *c)
{
	buf_printf(&rig.log, "\tis: %s%s%s, ", c->feeder ? "feeder" : "one page",
	    c->duplex ? ", both sides" : "", c->has_flatbed ? ", flatbed besides" : "");
	buf_printf(
	    &rig.log, "%ld x %ld dpi", (long)(c->x_dpi + 0.5), (long)(c->y_dpi + 0.5));
	if (!c->has_dpi) /* as for a page of 1000 pixels */
		buf_printf(&rig.log, " or %ld", (long)(controls_dpi(c, 1000) + 0.5));
	buf_puts(&rig.log, "\n");
}

static void
scan(const char *line)
{
	struct request r = read_wish(line);
	struct controls c = { .x_dpi = -1 };
	struct error e = { "" };

	if (controls_apply(&c, NULL, &r, r.source, &e) == STATUS_OK)
		put_result(&c);
	else if (c.x_dpi >= 0)
		buf_puts(&rig.log, "\tTHE RESULT WAS TOUCHED\n");
	if (*e.text)
		buf_printf(&rig.log, "\trefused: %s\n", e.text);
	pairs_clear(&r.option);
}

static void
list(void)
{
	struct buf out;
	struct error e = { "" };

	buf_init(&out, 4096);
	if (controls_describe(&out, NULL, &e) != STATUS_OK)
		fail_msg("%s", e.text);
	buf_reset(&rig.log); /* what was set for it is no matter */
	for (const char *line = buf_text(&out); *line;) {
		size_t len = strcspn(line, "\n");

		buf_printf(&rig.log, "\t%.*s\n", (int)len, line);
		line += len + (line[len] == '\n');
	}
	buf_clear(&out);
}

/* -- families -------------------------------------------------------------------------*/

static FILE *
open_file(const char *path)
{
	FILE *f = fopen(path, "r");

	if (!f)
		fail_msg("%s: %s (run from the checkout)", path, strerror(errno));
	return f;
}

static bool
is_wish(const char *line)
{
	return strncmp(line, "scan", 4) == 0 || strncmp(line, "list", 4) == 0;
}

static void
describe_scanner(const char *path)
{
	FILE *f = open_file(path);
	char line[LINE_MAX_BYTES];

	rig_clear();
	while (fgets(line, sizeof(line), f))
		if (line[0] != '#' && line[0] != '\n' && !is_wish(line) &&
		    !rig_take(line))
			fail_msg("%s: not understood: %s", path, line);
	fclose(f);
}

/* Plays all wishes of a family. */
static void
play(struct buf *out, const char *path)
{
	FILE *f = open_file(path);
	char line[LINE_MAX_BYTES];

	while (fgets(line, sizeof(line), f)) {
		if (!is_wish(line))
			continue;
		describe_scanner(path); /* each begins with the scanner as it was */
		if (line[0] == 's')
			scan(line);
		else
			list();
		buf_printf(out, "%s%s", line, buf_text(&rig.log));
	}
	fclose(f);
	rig_clear();
	buf_clear(&rig.log);
}

static void
compare(const char *path)
{
	char ref_path[256], line[LINE_MAX_BYTES];
	const char *got;
	struct buf out;
	FILE *ref;

	buf_init(&out, 1 << 20);
	play(&out, path);
	snprintf(ref_path, sizeof(ref_path), "%.*s.ref", (int)strlen(path) - 3, path);
	ref = open_file(ref_path);
	for (got = buf_text(&out); fgets(line, sizeof(line), ref); got += strlen(line))
		if (strncmp(got, line, strlen(line)) != 0)
			fail_msg("%s: instead of\n%sthere is\n%.*s", ref_path, line,
			    (int)strcspn(got, "\n"), got);
	assert_string_equal(got, "");
	fclose(ref);
	buf_clear(&out);
}

static void
families_are_set_as_written(void **state)
{
	glob_t found;

	(void)state;
	assert_int_equal(glob(SCANNERS "*.in", 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= FAMILIES);
	for (size_t i = 0; i < found.gl_pathc; i++)
		compare(found.gl_pathv[i]);
	globfree(&found);
}

/* -- what no golden file shows --------------------------------------------------------*/

static void
a_description_has_a_limit(void **state)
{
	struct buf out;
	struct error e = { "" };

	(void)state;
	describe_scanner(SCANNERS "fujitsu.in");
	buf_init(&out, 40);
	assert_int_equal(controls_describe(&out, NULL, &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, "too much"));
	buf_clear(&out);
	rig_clear();
	buf_clear(&rig.log);
}

static void
a_scanner_without_options_is_left_alone(void **state)
{
	struct request r = { .resolution = 200, .paper = { 210, 297 } };
	struct controls c = { .feeder = true };

	(void)state;
	rig_clear();
	assert_int_equal(controls_apply(&c, NULL, &r, SOURCE_AUTO, NULL), STATUS_OK);
	assert_false(c.feeder);
	assert_int_equal((int)c.x_dpi, 200);
	assert_int_equal((int)c.y_dpi, 200);
	assert_int_equal(rig.log.len, 0);
	assert_int_equal(controls_apply(&c, NULL, &r, SOURCE_ADF, NULL), STATUS_INVALID);
	buf_clear(&rig.log);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(families_are_set_as_written),
		cmocka_unit_test(a_description_has_a_limit),
		cmocka_unit_test(a_scanner_without_options_is_left_alone),
	};

	if (argc == 2) {
		struct buf out;

		buf_init(&out, 1 << 20);
		play(&out, argv[1]);
		fputs(buf_text(&out), stdout);
		buf_clear(&out);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
