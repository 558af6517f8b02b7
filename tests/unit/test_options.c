/* Tests of backend/options.c: argv[5] as cupsd 2.4.2, 2.4.17 and 2.4.20 write it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/options.h"

struct row {
	enum options_style style;
	const char *text;
	const char *expected; /* "name|value" and a line feed for each option */
};

/* Parses and writes down what came out; the caller frees. */
static char *
parse(enum options_style style, const char *text)
{
	struct pairs options = { 0 };
	struct error e = { "" };
	char *shown = NULL;
	size_t size;
	FILE *f = open_memstream(&shown, &size);

	assert_non_null(f);
	assert_int_equal(options_parse(&options, text, style, &e), STATUS_OK);
	assert_string_equal(e.text, "");
	for (size_t i = 0; i < options.count; i++)
		fprintf(f, "%s|%s\n", options.item[i].name, options.item[i].value);
	fclose(f);
	pairs_clear(&options);
	return shown;
}

static void
check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *shown = parse(rows[i].style, rows[i].text);

		if (strcmp(shown, rows[i].expected) != 0)
			print_error("# row %zu: %s\n", i, rows[i].text);
		assert_string_equal(shown, rows[i].expected);
		free(shown);
	}
}
#define CHECK(rows) check(rows, sizeof(rows) / sizeof(rows[0]))

static void
reads_escaped_values(void **state)
{
	static const struct row rows[] = {
		{ OPTIONS_ESCAPED, "", "" },
		{ OPTIONS_ESCAPED, "  \t\n ", "" },
		{ OPTIONS_ESCAPED, "a=1", "a|1\n" },
		{ OPTIONS_ESCAPED, " a=1  b=2 ", "a|1\nb|2\n" },
		{ OPTIONS_ESCAPED, "a=1\nb=2\tc=3", "a|1\nb|2\nc|3\n" },
		{ OPTIONS_ESCAPED,
		    "finishings=3 mail-subject=Hello\\ wörld\\ it\\'s\\ 50%\\ {x}\\ no\\ "
		    "foo=bar mail-to=bob@example.com job-uuid=urn:uuid:1",
		    "finishings|3\nmail-subject|Hello wörld it's 50% {x} no foo=bar\n"
		    "mail-to|bob@example.com\njob-uuid|urn:uuid:1\n" },
		{ OPTIONS_ESCAPED, "mail-body=one\\\ntwo\\\tthree sides=two-sided",
		    "mail-body|one\ntwo\tthree\nsides|two-sided\n" },
		{ OPTIONS_ESCAPED, "a=\\\\ b=\\\"\\' c=x\\y", "a|\\\nb|\"'\nc|xy\n" },
		{ OPTIONS_ESCAPED, "a=b=c", "a|b=c\n" },
		{ OPTIONS_ESCAPED, "job-billing= copies=1", "job-billing|\ncopies|1\n" },
		{ OPTIONS_ESCAPED, "mail-to=a@b.c,d@e.f", "mail-to|a@b.c,d@e.f\n" },
		{ OPTIONS_ESCAPED, "MailTo={Name=x\\ y}", "MailTo|{Name=x y}\n" },
		{ OPTIONS_ESCAPED, "mail-subject=Hello copies=2",
		    "mail-subject|Hello\ncopies|2\n" },
		/* an escaped blank is never the end, though a known name follows */
		{ OPTIONS_ESCAPED, "mail-subject=All\\ copies=2",
		    "mail-subject|All copies=2\n" },
	};

	(void)state;
	CHECK(rows);
}

/* cupsd escapes blank, tab and line feed; other white space arrives bare, in a value. */
static void
keeps_white_space_that_cupsd_does_not_escape(void **state)
{
	static const struct row rows[] = {
		{ OPTIONS_ESCAPED, "mail-subject=a\rmail-bcc=x@y b=\v c=\f",
		    "mail-subject|a\rmail-bcc=x@y\nb|\v\nc|\f\n" },
		{ OPTIONS_BARE, "mail-subject=a\rb c=d sides=x",
		    "mail-subject|a\rb c=d\nsides|x\n" },
	};

	(void)state;
	CHECK(rows);
}

/* lp by hand: quotes as on a command line. */
static void
reads_quotes(void **state)
{
	static const struct row rows[] = {
		{ OPTIONS_ESCAPED, "a='x y' b=\"it's\" c='say \"hi\"'",
		    "a|x y\nb|it's\nc|say \"hi\"\n" },
		{ OPTIONS_ESCAPED, "a=x' 'y", "a|x y\n" },
		{ OPTIONS_ESCAPED, "a='x\\'y' b=''", "a|x'y\nb|\n" },
		{ OPTIONS_ESCAPED, "a='never ends b=2", "a|never ends b=2\n" },
		{ OPTIONS_BARE, "mail-subject='x sides=y' sides=z",
		    "mail-subject|x sides=y\nsides|z\n" },
	};

	(void)state;
	CHECK(rows);
}

static void
reads_bare_blanks(void **state)
{
	static const struct row rows[] = {
		/* as seen from 2.4.19 */
		{ OPTIONS_BARE,
		    "finishings=3 MailSubject=Custom.Hello wörld it\\'s 50% {x} no "
		    "foo=bar "
		    "MailTo=Custom.bob@example.com number-up=1",
		    "finishings|3\nMailSubject|Custom.Hello wörld it's 50% {x} no "
		    "foo=bar\n"
		    "MailTo|Custom.bob@example.com\nnumber-up|1\n" },
		{ OPTIONS_BARE, "mail-to=Bob Smith <bob@example.com>, Eve mail-cc=x@y",
		    "mail-to|Bob Smith <bob@example.com>, Eve\nmail-cc|x@y\n" },
		/* blanks are kept as they are, but for those at the end */
		{ OPTIONS_BARE, "mail-subject= a  b\tc  sides=x",
		    "mail-subject| a  b\tc\nsides|x\n" },
		{ OPTIONS_BARE, "mail-subject=a b   ", "mail-subject|a b\n" },
		{ OPTIONS_BARE, "mail-subject=a\\ b c\\\\ d",
		    "mail-subject|a b c\\ d\n" },
		/* other values hold no blanks */
		{ OPTIONS_BARE, "sides=one two=2", "sides|one\ntwo|2\n" },
		{ OPTIONS_BARE, "mail-subject=x Mail-To=y@z",
		    "mail-subject|x\nMail-To|y@z\n" },
		{ OPTIONS_BARE,
		    "document-name-supplied=my file.pdf "
		    "document-name-supplied=b.pdf",
		    "document-name-supplied|my "
		    "file.pdf\ndocument-name-supplied|b.pdf\n" },
	};

	(void)state;
	CHECK(rows);
}

/* Words that are also names of options do not end a text; `name=` and switches do. */
static void
tells_words_from_switches(void **state)
{
	static const struct row rows[] = {
		{ OPTIONS_BARE, "mail-subject=Press coverage in media today copies=1",
		    "mail-subject|Press coverage in media today\ncopies|1\n" },
		{ OPTIONS_BARE, "mail-subject=Garden landscape design sides=x",
		    "mail-subject|Garden landscape design\nsides|x\n" },
		{ OPTIONS_BARE, "mail-subject=All copies", "mail-subject|All copies\n" },
		{ OPTIONS_BARE, "mail-subject=A note noCollate fit-to-page media=A4",
		    "mail-subject|A note\nCollate|false\nfit-to-page|true\nmedia|A4\n" },
		{ OPTIONS_BARE, "mail-subject=A note Collate",
		    "mail-subject|A note\nCollate|true\n" },
		{ OPTIONS_BARE, "mail-subject=say no to wrap it",
		    "mail-subject|say no to wrap it\n" },
		{ OPTIONS_BARE, "mail-subject=n no", "mail-subject|n no\n" },
	};

	(void)state;
	CHECK(rows);
}

static void
reads_switches(void **state)
{
	static const struct row rows[] = {
		{ OPTIONS_ESCAPED, "landscape", "landscape|true\n" },
		{ OPTIONS_ESCAPED, "nolandscape NOcopies",
		    "landscape|false\ncopies|false\n" },
		{ OPTIONS_ESCAPED, "noMailTo MailSubject",
		    "MailTo|false\nMailSubject|true\n" },
		{ OPTIONS_ESCAPED, "notice no n", "notice|true\nno|true\nn|true\n" },
		{ OPTIONS_ESCAPED, "=x =", "|x\n|\n" },
	};

	(void)state;
	CHECK(rows);
}

static void
survives_ends_that_are_cut(void **state)
{
	static const struct row rows[] = {
		{ OPTIONS_ESCAPED, "a=x\\", "a|x\\\n" },
		{ OPTIONS_ESCAPED, "a=\\", "a|\\\n" },
		{ OPTIONS_ESCAPED, "a='\\", "a|\\\n" },
		{ OPTIONS_ESCAPED, "a=", "a|\n" },
		{ OPTIONS_BARE, "mail-subject=x \\", "mail-subject|x \\\n" },
		{ OPTIONS_BARE, "mail-subject=", "mail-subject|\n" },
		{ OPTIONS_BARE, "mail-subject= ", "mail-subject|\n" },
	};

	(void)state;
	CHECK(rows);
}

/* All bytes but NUL and those with a meaning pass as they are. */
static void
passes_nonsense(void **state)
{
	char text[300] = "a=", expected[300] = "a|", *shown;
	size_t n = 2;

	(void)state;
	for (int c = 1; c < 256; c++)
		if (!strchr(" \t\n'\"\\", c)) {
			text[n] = (char)c;
			expected[n++] = (char)c;
		}
	expected[n] = '\n';
	for (int style = OPTIONS_ESCAPED; style <= OPTIONS_BARE; style++) {
		shown = parse((enum options_style)style, text);
		assert_string_equal(shown, expected);
		free(shown);
	}
}

/* "NAME=" and len bytes of a value, malloc'ed. */
static char *
long_option(const char *name, char c, size_t len)
{
	size_t head = strlen(name) + 1;
	char *text = malloc(head + len + 1);

	assert_non_null(text);
	snprintf(text, head + 1, "%s=", name);
	memset(text + head, c, len);
	text[head + len] = '\0';
	return text;
}

static void
limits_values(void **state)
{
	char *text = long_option("mail-body", 'x', OPTION_VALUE_MAX);
	struct pairs options = { 0 };
	struct error e = { "" };

	(void)state;
	assert_int_equal(options_parse(&options, text, OPTIONS_ESCAPED, &e), STATUS_OK);
	assert_int_equal(strlen(options_get(&options, "mail-body")), OPTION_VALUE_MAX);
	pairs_clear(&options);
	free(text);
	for (int style = OPTIONS_ESCAPED; style <= OPTIONS_BARE; style++) {
		for (size_t over = 1; over <= 64 * 1024; over += 64 * 1024 - 1) {
			text = long_option("mail-body", 'x', OPTION_VALUE_MAX + over);
			assert_int_equal(
			    options_parse(&options, text, (enum options_style)style, &e),
			    STATUS_INVALID);
			assert_string_equal(e.text,
			    "the job option mail-body is longer than 16384 bytes; give "
			    "it a "
			    "shorter value");
			assert_int_equal(options.count, 0); /* half a value is none */
			pairs_clear(&options);
			free(text);
		}
	}
}

static void
limits_names(void **state)
{
	char text[300];
	struct pairs options = { 0 };
	struct error e = { "" };

	(void)state;
	memset(text, 'n', sizeof(text));
	memcpy(text + 255, "=v", 3);
	assert_int_equal(options_parse(&options, text, OPTIONS_ESCAPED, &e), STATUS_OK);
	assert_int_equal(strlen(options.item[0].name), 255);
	text[255] = 'n';
	memcpy(text + 256, "=v", 3);
	assert_int_equal(
	    options_parse(&options, text, OPTIONS_ESCAPED, &e), STATUS_INVALID);
	assert_non_null(strstr(e.text, "256 bytes long (\"nnnnnnnnnnnnnnnnnnnn…\")"));
	pairs_clear(&options);
}

static void
limits_the_number_of_options(void **state)
{
	char *text = malloc(2 * (LIST_MAX + 1) + 1);
	struct pairs options = { 0 };
	struct error e = { "" };

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i <= LIST_MAX; i++)
		memcpy(text + 2 * i, "a ", 3);
	text[2 * LIST_MAX] = '\0';
	assert_int_equal(options_parse(&options, text, OPTIONS_ESCAPED, &e), STATUS_OK);
	assert_int_equal(options.count, LIST_MAX);
	pairs_clear(&options);
	text[2 * LIST_MAX] = 'a';
	assert_int_equal(
	    options_parse(&options, text, OPTIONS_ESCAPED, &e), STATUS_INVALID);
	assert_string_equal(e.text, "the job has too many options");
	pairs_clear(&options);
	free(text);
}

/* What is appended to stays. */
static void
appends(void **state)
{
	struct pairs options = { 0 };
	struct error e;

	(void)state;
	assert_true(pairs_add(&options, "first", "1"));
	assert_int_equal(options_parse(&options, "b=2", OPTIONS_ESCAPED, &e), STATUS_OK);
	assert_int_equal(options.count, 2);
	assert_string_equal(options.item[0].name, "first");
	assert_string_equal(options.item[1].name, "b");
	pairs_clear(&options);
}

static void
the_last_one_counts(void **state)
{
	struct pairs options = { 0 };
	struct error e;

	(void)state;
	assert_int_equal(
	    options_parse(&options, "a=1 A=2 b=1 b= c", OPTIONS_ESCAPED, &e), STATUS_OK);
	assert_string_equal(options_get(&options, "a"), "2");
	assert_null(options_get(&options, "b"));
	assert_string_equal(options_get(&options, "C"), "true");
	assert_null(options_get(&options, "d"));
	assert_null(options_get(&options, ""));
	pairs_clear(&options);
}

static void
knows_the_servers(void **state)
{
	static const struct {
		const char *software;
		enum options_style style;
	} rows[] = {
		{ NULL, OPTIONS_ESCAPED },
		{ "", OPTIONS_ESCAPED },
		{ "CUPS/2.4.2", OPTIONS_ESCAPED },
		{ "CUPS/2.4.16", OPTIONS_ESCAPED },
		{ "CUPS/2.4.17", OPTIONS_BARE },
		{ "CUPS/2.4.18", OPTIONS_BARE },
		{ "CUPS/2.4.19", OPTIONS_BARE },
		{ "CUPS/2.4.20", OPTIONS_ESCAPED },
		{ "CUPS/2.5.18", OPTIONS_ESCAPED },
		{ "CUPS/3.4.18", OPTIONS_ESCAPED },
		{ "CUPS/1.4.18", OPTIONS_ESCAPED },
		{ "CUPS/2.4", OPTIONS_ESCAPED },
		{ "cups", OPTIONS_ESCAPED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(options_style(rows[i].software), rows[i].style);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_escaped_values),
		cmocka_unit_test(keeps_white_space_that_cupsd_does_not_escape),
		cmocka_unit_test(reads_quotes),
		cmocka_unit_test(reads_bare_blanks),
		cmocka_unit_test(tells_words_from_switches),
		cmocka_unit_test(reads_switches),
		cmocka_unit_test(survives_ends_that_are_cut),
		cmocka_unit_test(passes_nonsense),
		cmocka_unit_test(limits_values),
		cmocka_unit_test(limits_names),
		cmocka_unit_test(limits_the_number_of_options),
		cmocka_unit_test(appends),
		cmocka_unit_test(the_last_one_counts),
		cmocka_unit_test(knows_the_servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
