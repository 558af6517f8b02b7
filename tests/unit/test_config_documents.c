/*
 * That postroom.conf(5) and the example file say what the table in lib/account/config.c
 * says. The checkout is the working directory.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/file.h"
#include "lib/account/config.h"
#include "lib/send/history.h"

enum {
	TEXT_MAX = 256 * 1024,
};

static struct config *
parse(const char *text)
{
	struct config *c = NULL;
	struct error e = { "" };

	if (config_parse(&c, text, strlen(text), "FILE", &e) != STATUS_OK)
		fail_msg("%s", e.text);
	return c;
}

static char *
read_document(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = malloc(TEXT_MAX + 1);
	size_t len = TEXT_MAX;

	if (fd < 0)
		fail_msg("%s cannot be opened", path);
	assert_int_equal(file_read(fd, text, &len, path, NULL), STATUS_OK);
	close(fd);
	text[len] = '\0';
	return text;
}

/* Where words stand in text, which must have them. */
static const char *
find(const char *text, const char *words)
{
	const char *at = strstr(text, words);

	if (!at) {
		fail_msg("'%s' is not in:\n%s", words, text);
		abort(); /* not reached */
	}
	return at;
}

/* The part of the page that is about one section. */
static char *
page_section(const char *page, const char *kind)
{
	char head[64];
	const char *start, *end;

	snprintf(head, sizeof(head), "\n.Ss Section %s", kind);
	start = find(page, head) + 1;
	end = strstr(start, "\n.Ss ");
	if (!end)
		end = find(start, "\n.Sh ");
	return strndup(start, (size_t)(end - start));
}

/* What the page says of one key: from its .It to the first one that has a text. */
static char *
page_entry(const char *section, const char *key)
{
	char head[64];
	const char *start, *end, *next;

	snprintf(head, sizeof(head), "\n.It Cm %s %sNo = ", key,
	    key[strlen(key) - 1] == '.' ? "Ns Ar name " : "");
	start = find(section, head);
	end = start;
	do
		end = find(end + 1, "\n");
	while (strncmp(end, "\n.It ", 5) == 0); /* keys that share a text */
	next = strstr(end, "\n.It ");
	end = next ? next : find(end, "\n.El");
	return strndup(start, (size_t)(end - start));
}

/* As the page writes it: with the largest unit that leaves no rest. */
static void
write_amount(char text[32], enum setting_type type, uint64_t n)
{
	static const struct {
		enum setting_type type;
		uint64_t factor;
		const char *unit;
	} units[] = {
		{ SETTING_SIZE, 1 << 30, "G" },
		{ SETTING_SIZE, 1 << 20, "M" },
		{ SETTING_SIZE, 1 << 10, "K" },
		{ SETTING_TIME, 86400, "d" },
		{ SETTING_TIME, 3600, "h" },
		{ SETTING_TIME, 60, "m" },
	};

	for (size_t i = 0; n > 0 && i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].type == type && n % units[i].factor == 0) {
			snprintf(text, 32, "%ju%s", (uintmax_t)(n / units[i].factor),
			    units[i].unit);
			return;
		}
	snprintf(text, 32, "%ju%s", (uintmax_t)n, type == SETTING_TIME ? "s" : "");
}

static void
assert_range(const char *entry, const struct setting *s)
{
	char least[32], most[32], words[80];

	if (s->type == SETTING_TEXT && s->max) {
		snprintf(words, sizeof(words), "at most %ju", (uintmax_t)s->max);
		if (strcmp(s->name, "user") != 0 && !strstr(s->name, "_url") &&
		    strcmp(s->name, "authority") != 0) /* said once for all URLs */
			find(entry, words);
	}
	if (s->type != SETTING_NUMBER && s->type != SETTING_SIZE &&
	    s->type != SETTING_TIME)
		return;
	write_amount(least, s->type, s->min);
	write_amount(most, s->type, s->max);
	snprintf(words, sizeof(words), "from %s to %s", least, most);
	find(entry, words);
}

/* Type, range, choices and default of one row. */
static void
assert_described(const char *entry, const struct setting *s)
{
	char words[128];

	if (s->type == SETTING_PATH)
		find(entry, "No = Ar path");
	for (size_t i = 0; s->choices && s->choices[i]; i++)
		find(entry, s->choices[i]);
	assert_range(entry, s);
	if (!s->initial)
		return;
	snprintf(words, sizeof(words),
	    *s->initial ? "\nDefault:\n.Li %s ." : "\nDefault: empty%s", s->initial);
	find(entry, words);
}

static void
page_has_every_row(void **state)
{
	char *page = read_document("docs/man/postroom.conf.5");

	(void)state;
	for (const struct setting *s = config_schema.settings; s->section; s++) {
		char *section = page_section(page, s->section), *entry;

		assert_true(s->help && *s->help);
		if (s->name) {
			entry = page_entry(section, s->name);
			assert_described(entry, s);
			free(entry);
		}
		free(section);
	}
	free(page);
}

/* As many keys as rows: a key that is gone from the table is gone from the page. */
static void
page_has_nothing_else(void **state)
{
	char *page = read_document("docs/man/postroom.conf.5");
	size_t keys = 0, rows = 0;

	(void)state;
	for (const char *at = page; (at = strstr(at, "\n.It Cm ")); at++)
		keys++;
	for (const struct setting *s = config_schema.settings; s->section; s++)
		rows += s->name != NULL;
	assert_int_equal(keys, rows);
	free(page);
}

/* The keys of a line of the record, in their order, and none else. */
static void
page_has_every_key_of_the_record(void **state)
{
	char *page = read_document("docs/man/postroom.conf.5");
	const char *place = find(page, "\n.Ss Lines of log_file\n");
	const char *end = find(place, "\n.El\n");
	char item[40];
	size_t count = 0;

	(void)state;
	for (; history_key(count); count++) {
		snprintf(item, sizeof(item), "\n.It Li %s\n", history_key(count));
		place = find(place, item);
		assert_true(place < end);
	}
	place = find(page, "\n.Ss Lines of log_file\n");
	while ((place = strstr(place, "\n.It ")) && place++ < end)
		count--;
	assert_int_equal(count, 0);
	free(page);
}

static void
example_is_taken_as_it_is(void **state)
{
	char *text = read_document("conf/postroom.conf");
	struct config *c = parse(text);

	(void)state;
	assert_int_equal(c->account_count, 1);
	assert_string_equal(c->account[0].name, "office365");
	assert_string_equal(c->account[0].server.host, "smtp.office365.com");
	assert_int_equal(c->profile_count, 1);
	assert_int_equal(c->users.count, 0);
	assert_int_equal(c->button_count, 0);
	config_free(c);
	free(text);
}

/* Whether a line of text starts so, apart from a blank. */
static bool
has_line(const char *text, const char *start)
{
	char line[256];

	snprintf(line, sizeof(line), "\n%s", start);
	if (strstr(text, line))
		return true;
	snprintf(line, sizeof(line), "\n %s", start);
	return strstr(text, line) != NULL;
}

/* The example with each ';' at the start of a line taken away: all of it is allowed, and
 * every key of the table stands there, with its default where it has one. */
static void
example_has_every_row(void **state)
{
	char *text = read_document("conf/postroom.conf");
	struct config *c;

	(void)state;
	for (char *at = text; at; at = strchr(at + 1, '\n'))
		if (at[0] == '\n' && at[1] == ';')
			at[1] = ' ';
	c = parse(text);
	assert_string_equal(c->account[0].from.name, "Office Scanner");
	assert_int_equal(c->users.count, 2);
	assert_int_equal(c->addresses.count, 2);
	assert_int_equal(c->policy.allow.count, 2);
	assert_int_equal(c->profile_count, 1);
	assert_int_equal(c->profile[0].option.count, 1);
	assert_int_equal(c->button_count, 1);
	assert_string_equal(c->button[0].option, "scan");
	for (const struct setting *s = config_schema.settings; s->section; s++) {
		bool given = s->initial && *s->initial;
		bool whole = s->name && s->name[strlen(s->name) - 1] != '.';
		char line[128];

		if (!s->name)
			continue;
		snprintf(line, sizeof(line), "%s%s%s%s%s", s->name, whole ? " =" : "",
		    given ? " " : "", given ? s->initial : "", given ? "\n" : "");
		if (!has_line(text, line))
			fail_msg("'%s' is not in the example", line);
	}
	config_free(c);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page_has_every_row),
		cmocka_unit_test(page_has_nothing_else),
		cmocka_unit_test(page_has_every_key_of_the_record),
		cmocka_unit_test(example_is_taken_as_it_is),
		cmocka_unit_test(example_has_every_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
