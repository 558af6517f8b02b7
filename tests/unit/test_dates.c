/* Tests of lib/account/dates.c, and of the file that comes with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/file.h"
#include "lib/account/dates.h"

static struct dates *dates;
static struct error error;

static int
forget(void **state)
{
	(void)state;
	dates_free(dates);
	dates = NULL;
	return 0;
}

static enum status
parse(const char *text, size_t len)
{
	char *copy = malloc(len ? len : 1); /* its end is watched by the sanitizer */
	enum status status;

	forget(NULL);
	memcpy(copy, text, len);
	status = dates_parse(&dates, copy, len, "F", &error);
	free(copy);
	return status;
}

static void
assert_parses(const char *text)
{
	if (parse(text, strlen(text)) != STATUS_OK)
		fail_msg("%s", error.text);
}

static void
assert_refused(const char *text, const char *sentence)
{
	assert_int_equal(parse(text, strlen(text)), STATUS_SETTINGS);
	assert_null(dates);
	assert_string_equal(error.text, sentence);
}

/* Noon of a day, UTC. */
static int64_t
noon(int year, int month, int day)
{
	struct tm tm = {
		.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = 12
	};

	return timegm(&tm);
}

/* What is said of the first row on this day. */
static void
assert_says(int64_t now, enum dates_state state, const char *sentence)
{
	const struct dates_question q = {
		.host = "h.example", .account = "a", .now = now
	};
	struct buf out;

	buf_init(&out, DATES_SENTENCE_MAX);
	assert_int_equal(dates_state(&dates->row[0], now), state);
	assert_true(dates_sentence(&out, &dates->row[0], &q));
	assert_string_equal(buf_text(&out), sentence);
	buf_clear(&out);
}

#define ROW  "[password p]\nhosts = h.example\n"
#define LINE "; run: postroom login a"

static void
nothing_is_known_of_nothing(void **state)
{
	(void)state;
	assert_null(dates_find(NULL, "smtp.office365.com"));
	assert_parses("");
	assert_int_equal(dates->count, 0);
	assert_null(dates_find(dates, "smtp.office365.com"));
	dates_free(NULL);
}

static void
rows_are_read(void **state)
{
	const struct dates_row *row;

	(void)state;
	assert_parses("[password p]\nhosts = a.example ,*.b.example\n"
		      "off_by_default = 2026-12-31\nremoved = 2027-06-30\n"
		      "text = One.\nmore = https://x.example/y\n"
		      "[password q]\nhosts = c\n");
	assert_int_equal(dates->count, 2);
	row = &dates->row[0];
	assert_string_equal(row->name, "p");
	assert_int_equal(row->hosts.count, 2);
	assert_string_equal(row->hosts.item[0], "a.example");
	assert_string_equal(row->hosts.item[1], "*.b.example");
	assert_int_equal(row->off_by_default, noon(2026, 12, 31) / 86400);
	assert_int_equal(row->removed, noon(2027, 6, 30) / 86400);
	assert_string_equal(row->text, "One.");
	assert_string_equal(row->more, "https://x.example/y");
	row = &dates->row[1];
	assert_int_equal(row->off_by_default, 0);
	assert_int_equal(row->removed, 0);
	assert_string_equal(row->text, "");
	assert_string_equal(row->more, "");
}

static void
hosts_are_matched(void **state)
{
	static const struct {
		const char *host;
		int row; /* -1: none */
	} cases[] = {
		{ "a.example", 0 },
		{ "A.Example", 0 },
		{ "x.a.example", -1 },
		{ "b.example", -1 },
		{ ".b.example", -1 },
		{ "x.b.example", 0 },
		{ "x.y.B.EXAMPLE", 0 },
		{ "xb.example", -1 },
		{ "c.example", 1 },
		{ "", -1 },
		{ "graph", -1 },
	};

	(void)state;
	assert_parses("[password one]\nhosts = a.example, *.b.example\n"
		      "[password two]\nhosts = c.example, a.example\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct dates_row *row = dates_find(dates, cases[i].host);

		if (cases[i].row < 0)
			assert_null(row);
		else
			assert_ptr_equal(row, &dates->row[cases[i].row]);
	}
}

static void
sentences_follow_the_days(void **state)
{
	(void)state;
	assert_parses(ROW "off_by_default = 2026-12-31\n");
	assert_says(noon(2026, 1, 1), DATES_FAR,
	    "h.example switches passwords off by default at the end of December 2026" LINE);
	assert_says(noon(2026, 7, 3), DATES_FAR,
	    "h.example switches passwords off by default at the end of December 2026" LINE);
	assert_says(noon(2026, 7, 4), DATES_SOON,
	    "h.example switches passwords off by default at the end of December 2026" LINE);
	assert_says(noon(2026, 12, 31), DATES_SOON,
	    "h.example switches passwords off by default at the end of December 2026" LINE);
	assert_says(noon(2027, 1, 1), DATES_OFF,
	    "h.example switched passwords off at the end of December 2026, and takes them "
	    "only where an administrator switched them on again" LINE);

	assert_parses(
	    ROW "removed = 2024-09-16\ntext = Do it.\nmore = https://m.example\n");
	assert_says(noon(2024, 9, 16), DATES_SOON,
	    "h.example takes its last password on 16 September 2024" LINE
	    ". Do it. (https://m.example)");
	assert_says(noon(2024, 9, 17), DATES_OVER,
	    "h.example took its last password on 16 September 2024" LINE
	    ". Do it. (https://m.example)");
	assert_says(noon(2023, 9, 16), DATES_FAR,
	    "h.example takes its last password on 16 September 2024" LINE
	    ". Do it. (https://m.example)");

	assert_parses(ROW "off_by_default = 2028-02-28\nremoved = 2028-02-29\n");
	assert_says(noon(2028, 2, 1), DATES_SOON,
	    "h.example switches passwords off by default on 28 February 2028, and takes the "
	    "last one at the end of February 2028" LINE);
	assert_says(noon(2028, 2, 29), DATES_OFF,
	    "h.example switched passwords off on 28 February 2028, and takes them only "
	    "where an administrator switched them on again, and takes the last one at the "
	    "end of February 2028" LINE);
	assert_says(noon(2028, 3, 1), DATES_OVER,
	    "h.example took its last password at the end of February 2028" LINE);

	assert_parses(ROW);
	assert_says(noon(2026, 1, 1), DATES_SOON,
	    "h.example is to take no passwords from a day that is not known yet" LINE);
}

static void
sentence_is_bounded(void **state)
{
	const struct dates_question q = { .host = "h.example", .account = "a" };
	struct buf out;

	(void)state;
	assert_parses(ROW);
	buf_init(&out, 10);
	assert_false(dates_sentence(&out, &dates->row[0], &q));
	buf_clear(&out);
}

#define NO_DAY "not a day; allowed: unknown, or YEAR-MONTH-DAY as in 2026-12-31"

static void
days_are_days(void **state)
{
	static const char *const bad[] = { "", "2026", "2026-12", "2026-12-32",
		"2026-13-01", "2026-00-10", "2026-01-00", "2027-02-29", "2026-1-01",
		"2026-01-1", "2026-01-011", "02026-01-1", "1999-12-31", "3000-01-01",
		"2026--1-01", "2026-01--1", "+026-01-01", "Unknown", "2026/01/01",
		"never", "20261231", "2026-12-31x" };
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), ROW "removed = %s\n", bad[i]);
		assert_refused(text, "F:3: removed: " NO_DAY);
	}
	assert_parses(ROW "removed = 2028-02-29\noff_by_default = 2000-01-01\n");
	assert_int_equal(dates->row[0].removed, noon(2028, 2, 29) / 86400);
	assert_int_equal(dates->row[0].off_by_default, 10957);
	assert_parses(ROW "removed = unknown\n");
	assert_int_equal(dates->row[0].removed, 0);
}

#define NO_HOSTS                                                                         \
	"not a list of servers; allowed: up to 16 names such as smtp.example.com or "    \
	"*.example.com, separated by commas"

static void
hosts_are_hosts(void **state)
{
	static const char *const bad[] = { "", ",", "a,", ",a", "a,,b", "a b", "*", "*.",
		"*.*.x", "a*", ".a", "a/b", "a:25", "b\xc3\xbc", "a@b",
		"a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a" };
	char text[400], long_name[300];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "[password p]\nhosts = %s\n", bad[i]);
		assert_refused(text, "F:2: hosts: " NO_HOSTS);
	}
	memset(long_name, 'a', 256);
	long_name[256] = '\0';
	snprintf(text, sizeof(text), "[password p]\nhosts = %s\n", long_name);
	assert_refused(text, "F:2: hosts: " NO_HOSTS);
	assert_parses("[password p]\nhosts = a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a\n");
	assert_int_equal(dates->row[0].hosts.count, DATES_HOSTS_MAX);
}

static void
damage_gives_nothing(void **state)
{
	static const char nul[] = "[password p]\nhosts = a\0b\n";
	char text[4096] = "";
	size_t len = 0;

	(void)state;
	assert_refused("[password p]\n",
	    "F:1: [password p] has no hosts; allowed: hosts = "
	    "smtp.example.com");
	assert_refused(ROW "smell = 3\n",
	    "F:3: unknown key 'smell' in [password]; allowed: hosts, off_by_default, "
	    "removed, text, more");
	assert_refused("[passwort p]\n",
	    "F:1: unknown section [passwort]; allowed: [password NAME]");
	assert_refused(ROW "more = ftp://x\n",
	    "F:3: more: not a web address; allowed: https://host/path");
	assert_int_equal(parse(nul, sizeof(nul) - 1), STATUS_SETTINGS);
	assert_string_equal(error.text, "F:2: a NUL byte; allowed: UTF-8 text");
	for (int i = 0; i <= DATES_ROWS_MAX; i++)
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "[password p%d]\nhosts = h\n", i);
	assert_refused(text, "F:65: [password p32]: too many rows; allowed: 32");
}

/* Whatever prefix of a good file is left, it is read or refused, and nothing else. */
static void
every_prefix_is_read_or_refused(void **state)
{
	static const char text[] = "[password p]\nhosts = h.example, *.x\n"
				   "off_by_default = 2026-12-31\ntext = One.\n";

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++)
		if (parse(text, len) == STATUS_OK)
			assert_non_null(dates);
		else
			assert_null(dates);
}

static void
file_has_to_be_trusted(void **state)
{
	char path[] = "/tmp/postroom-test-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	forget(NULL);
	assert_true(fd >= 0 && file_write(fd, ROW, strlen(ROW)));
	close(fd);
	assert_int_equal(dates_load(&dates, path, &error), STATUS_OK);
	assert_int_equal(dates->count, 1);
	forget(NULL);
	chmod(path, 0666);
	assert_int_equal(dates_load(&dates, path, &error), STATUS_SETTINGS);
	assert_null(dates);
	unlink(path);
	assert_int_equal(dates_load(&dates, path, &error), STATUS_SETTINGS);
	assert_null(dates);
}

/* The file in conf/ says what was announced. */
static void
our_file_is_good(void **state)
{
	static const struct {
		const char *host;
		int64_t off, removed;
	} wanted[] = {
		{ "smtp.office365.com", 20818, 0 },
		{ "smtp-legacy.office365.com", 20818, 0 },
		{ "smtp.hve.mx.microsoft", 0, 21457 },
		{ "smtp-hve.office365.com", 0, 21457 },
		{ "smtp-mail.outlook.com", 0, 19982 },
	};
	char text[8192], path[4096];
	size_t len;
	FILE *file;

	(void)state;
	assert_non_null(getcwd(path, sizeof(path) - 64));
	memcpy(path + strlen(path), "/conf/signin-dates.conf",
	    sizeof("/conf/signin-dates.conf"));
	file = fopen(path, "r");
	assert_non_null(file);
	len = fread(text, 1, sizeof(text), file);
	fclose(file);
	if (parse(text, len) != STATUS_OK)
		fail_msg("%s", error.text);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		const struct dates_row *row = dates_find(dates, wanted[i].host);

		assert_non_null(row);
		assert_int_equal(row->off_by_default, wanted[i].off);
		assert_int_equal(row->removed, wanted[i].removed);
	}
	assert_null(dates_find(dates, "smtp.gmail.com"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_known_of_nothing),
		cmocka_unit_test(rows_are_read),
		cmocka_unit_test(hosts_are_matched),
		cmocka_unit_test(sentences_follow_the_days),
		cmocka_unit_test(sentence_is_bounded),
		cmocka_unit_test(days_are_days),
		cmocka_unit_test(hosts_are_hosts),
		cmocka_unit_test(damage_gives_nothing),
		cmocka_unit_test(every_prefix_is_read_or_refused),
		cmocka_unit_test(file_has_to_be_trusted),
		cmocka_unit_test(our_file_is_good),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
