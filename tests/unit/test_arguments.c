/* Tests of scan2mail/arguments.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/account/config.h"
#include "scan2mail/arguments.h"

enum {
	WORDS_MAX = 8,
};

static enum status
parse(struct arguments *out, const char *const *words, struct error *e)
{
	char *argv[WORDS_MAX + 2] = { (char *)"scan2mail" };
	int argc = 1;

	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
	return arguments_parse(out, argc, argv, e);
}

static void
nothing_given_says_so(void **state)
{
	static const char *const words[] = { NULL };
	struct arguments a;
	struct error e;

	(void)state;
	memset(&a, 0xee, sizeof(a));
	assert_int_equal(parse(&a, words, &e), STATUS_OK);
	assert_null(a.profile);
	assert_null(a.device);
	assert_null(a.subject);
	assert_null(a.output);
	assert_int_equal(a.to.count, 0);
	assert_int_equal(a.resolution, 0);
	assert_int_equal(a.mode, ARGUMENTS_UNSET);
	assert_int_equal(a.source, ARGUMENTS_UNSET);
	assert_false(a.list || a.help || a.version);
	arguments_clear(&a);
}

static void
values_arrive(void **state)
{
	static const char *const short_form[] = { "-pdesk", "-d", "test:0", "-t",
		"a@example.com", "-tb@example.com", "-sHi", NULL };
	static const char *const long_form[] = { "--resolution=600", "--mode", "bw",
		"--source=adf-duplex", "--output", "-", "--list", NULL };
	struct arguments a;
	struct error e;

	(void)state;
	assert_int_equal(parse(&a, short_form, &e), STATUS_OK);
	assert_string_equal(a.profile, "desk");
	assert_string_equal(a.device, "test:0");
	assert_string_equal(a.subject, "Hi");
	assert_int_equal(a.to.count, 2);
	assert_string_equal(a.to.item[0], "a@example.com");
	assert_string_equal(a.to.item[1], "b@example.com");
	arguments_clear(&a);
	assert_int_equal(parse(&a, long_form, &e), STATUS_OK);
	assert_int_equal(a.resolution, 600);
	assert_int_equal(a.mode, MODE_BW);
	assert_int_equal(a.source, SOURCE_ADF_DUPLEX);
	assert_string_equal(a.output, "-");
	assert_true(a.list);
	arguments_clear(&a);
}

static void
words_are_known(void **state)
{
	static const struct {
		const char *words[3];
		int mode, source;
	} cases[] = {
		{ { "-m", "auto" }, MODE_AUTO, ARGUMENTS_UNSET },
		{ { "-m", "color" }, MODE_COLOR, ARGUMENTS_UNSET },
		{ { "-m", "gray" }, MODE_GRAY, ARGUMENTS_UNSET },
		{ { "-S", "auto" }, ARGUMENTS_UNSET, SOURCE_AUTO },
		{ { "-S", "flatbed" }, ARGUMENTS_UNSET, SOURCE_FLATBED },
		{ { "-S", "adf" }, ARGUMENTS_UNSET, SOURCE_ADF },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arguments a;
		struct error e;

		assert_int_equal(parse(&a, cases[i].words, &e), STATUS_OK);
		assert_int_equal(a.mode, cases[i].mode);
		assert_int_equal(a.source, cases[i].source);
		arguments_clear(&a);
	}
}

static void
mistakes_are_named(void **state)
{
	static const struct {
		const char *words[4];
		const char *said;
	} cases[] = {
		{ { "-x" }, "-x is no option" },
		{ { "--nonsense" }, "--nonsense is no option" },
		{ { "-t" }, "-t wants a value" },
		{ { "--mode" }, "--mode wants a value" },
		{ { "file.pdf" }, "\"file.pdf\" stands alone" },
		{ { "-l", "--", "-l" }, "\"-l\" stands alone" },
		{ { "-m", "sepia" }, "allowed: auto, color, gray, bw" },
		{ { "-m", "" }, "allowed: auto" },
		{ { "-S", "tray" }, "allowed: auto, flatbed, adf, adf-duplex" },
		{ { "-r", "0" }, "from 1 to 9600" },
		{ { "-r", "9601" }, "from 1 to 9600" },
		{ { "-r", "300dpi" }, "from 1 to 9600" },
		{ { "-r", "-300" }, "from 1 to 9600" },
		{ { "-r", " 300" }, "from 1 to 9600" },
		{ { "-r", "" }, "from 1 to 9600" },
		{ { "-r", "99999999999999999999" }, "from 1 to 9600" },
		{ { "-o", "" }, "-o wants the name" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arguments a;
		struct error e = { "" };

		assert_int_equal(parse(&a, cases[i].words, &e), STATUS_INVALID);
		if (!strstr(e.text, cases[i].said))
			fail_msg("\"%s\" lacks \"%s\"", e.text, cases[i].said);
		arguments_clear(&a);
	}
}

static void
recipients_have_a_limit(void **state)
{
	char *argv[1 + 2 * (ARGUMENTS_TO_MAX + 1)] = { (char *)"scan2mail" };
	struct arguments a;
	struct error e;

	(void)state;
	for (int i = 1; i < 1 + 2 * (ARGUMENTS_TO_MAX + 1); i += 2) {
		argv[i] = (char *)"-t";
		argv[i + 1] = (char *)"Board";
	}
	assert_int_equal(
	    arguments_parse(&a, 1 + 2 * ARGUMENTS_TO_MAX, argv, &e), STATUS_OK);
	assert_int_equal(a.to.count, ARGUMENTS_TO_MAX);
	arguments_clear(&a);
	assert_int_equal(arguments_parse(&a, 1 + 2 * (ARGUMENTS_TO_MAX + 1), argv, &e),
	    STATUS_INVALID);
	arguments_clear(&a);
}

static void
help_names_every_option(void **state)
{
	static const char *const names[] = { "-p, --profile", "-d, --device", "-t, --to",
		"-s, --subject", "-r, --resolution", "-m, --mode", "-S, --source",
		"-o, --output", "-l, --list", "-h, --help", "-V, --version" };
	struct buf help;

	(void)state;
	buf_init(&help, 64 * 1024);
	arguments_help(&help);
	assert_false(help.over);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_non_null(strstr(buf_text(&help), names[i]));
	buf_clear(&help);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_given_says_so),
		cmocka_unit_test(values_arrive),
		cmocka_unit_test(words_are_known),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(recipients_have_a_limit),
		cmocka_unit_test(help_names_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
