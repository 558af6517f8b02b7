/* Tests of scan2mail/arguments.c. */
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
#include "scan2mail/arguments.h"
#include "scan2mail/request.h"

enum {
	WORDS_MAX = 12,
	HELP_WIDTH = 80, /* columns */
	PAGE_MAX = 256 * 1024,
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
	assert_int_equal(a.partial, ARGUMENTS_UNSET);
	assert_int_equal(a.rotate_back, ARGUMENTS_UNSET);
	assert_int_equal(a.backs, BACKS_NONE);
	assert_int_equal(a.quality, 0);
	assert_int_equal(a.option.count, 0);
	assert_false(a.list || a.help || a.version || a.more || a.has_paper || a.resend ||
	    a.search || a.list_buttons);
	arguments_clear(&a);
}

static void
long_options_arrive(void **state)
{
	static const char *const words[] = { "--paper", "100x150", "--quality=95",
		"--option", "swskip=20", "--option=text==", "--backs", "--rotate-back",
		"180", "--partial=hold", NULL };
	static const char *const others[] = { "--backs=same", "--more", "--list",
		"--search", "--list-buttons", "--help", NULL };
	struct arguments a;
	struct error e = { "" };

	(void)state;
	if (parse(&a, words, &e) != STATUS_OK)
		fail_msg("%s", e.text);
	assert_true(a.has_paper);
	assert_float_equal(a.paper.width, 100, 0);
	assert_float_equal(a.paper.height, 150, 0);
	assert_int_equal(a.quality, 95);
	assert_int_equal(a.option.count, 2);
	assert_string_equal(a.option.item[0].name, "swskip");
	assert_string_equal(a.option.item[0].value, "20");
	assert_string_equal(a.option.item[1].name, "text");
	assert_string_equal(a.option.item[1].value, "=");
	assert_int_equal(a.backs, BACKS_REVERSED);
	assert_int_equal(a.rotate_back, ROTATE_BACK_180);
	assert_int_equal(a.partial, PARTIAL_HOLD);
	arguments_clear(&a);
	assert_int_equal(
	    parse(&a, (const char *const[]){ "--backs=same", NULL }, &e), STATUS_OK);
	assert_int_equal(a.backs, BACKS_SAME);
	arguments_clear(&a);
	assert_int_equal(parse(&a, others + 1, &e), STATUS_OK);
	assert_true(a.more && a.search && a.list_buttons && a.help);
	assert_int_equal(a.list, 1);
	arguments_clear(&a);
	assert_int_equal(parse(&a, (const char *const[]){ "-ll", NULL }, &e), STATUS_OK);
	assert_int_equal(a.list, 2);
	arguments_clear(&a);
	assert_int_equal(
	    parse(&a, (const char *const[]){ "--resend", NULL }, &e), STATUS_OK);
	assert_true(a.resend);
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

static const struct {
	const char *words[4];
	const char *said;
} mistakes[] = {
	{ { "-x" }, "-x is no option" },
	{ { "--nonsense" }, "--nonsense is no option" },
	{ { "-t" }, "-t wants a value" },
	{ { "--mode" }, "--mode wants a value" },
	{ { "-l", "-lxV" }, "-x is no option" },
	{ { "--more", "-xl" }, "-x is no option" },
	{ { "-lt" }, "-t wants a value" },
	{ { "--more", "-lt" }, "-t wants a value" },
	{ { "-l\xc3\xa4l" }, "letters that are not ASCII" },
	{ { "--list=3" }, "--list takes no value" },
	{ { "--resend=x" }, "--resend takes no value" },
	{ { "--re" }, "--re is ambiguous: --resolution, --resend" },
	{ { "--re=300" }, "--re is ambiguous: --resolution, --resend" },
	{ { "--nonsense=3" }, "--nonsense is no option" },
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
	{ { "--paper", "a9" }, "--paper a9: not a size of paper" },
	{ { "--quality", "9" }, "from 10 to 95" },
	{ { "--quality", "96" }, "from 10 to 95" },
	{ { "--quality", "x" }, "from 10 to 95" },
	{ { "--rotate-back", "90" }, "allowed: 0, 180" },
	{ { "--partial", "keep" }, "allowed: send, hold, drop" },
	{ { "--backs=odd" }, "allowed: reversed, same" },
	{ { "--backs", "same" }, "\"same\" stands alone" },
	{ { "--option", "x" }, "NAME=VALUE" },
	{ { "--option", "=x" }, "NAME=VALUE" },
	{ { "--resend", "-t", "Board" }, "--resend stands alone" },
	{ { "-o", "x.pdf", "--resend" }, "--resend stands alone" },
	{ { "--resend", "--resend" }, "--resend stands alone" },
	{ { "--backs", "-S", "flatbed" }, "by --more" },
	{ { "-S", "adf-duplex", "--backs=same" }, "both sides by itself" },
	{ { "--backs", "--more" }, "exclude each other" },
};

static void
mistakes_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct arguments a;
		struct error e = { "" };

		assert_int_equal(parse(&a, mistakes[i].words, &e), STATUS_INVALID);
		if (!strstr(e.text, mistakes[i].said))
			fail_msg("\"%s\" lacks \"%s\"", e.text, mistakes[i].said);
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
options_have_a_limit(void **state)
{
	char *argv[2 + ARGUMENTS_OPTIONS_MAX] = { (char *)"scan2mail" };
	struct arguments a;
	struct error e;

	(void)state;
	for (int i = 1; i < 2 + ARGUMENTS_OPTIONS_MAX; i++)
		argv[i] = (char *)"--option=a=b";
	assert_int_equal(
	    arguments_parse(&a, 1 + ARGUMENTS_OPTIONS_MAX, argv, &e), STATUS_OK);
	arguments_clear(&a);
	assert_int_equal(
	    arguments_parse(&a, 2 + ARGUMENTS_OPTIONS_MAX, argv, &e), STATUS_INVALID);
	arguments_clear(&a);
}

/* In characters; a continuation byte is none. */
static size_t
count_columns(const char *line, size_t len)
{
	size_t columns = 0;

	for (size_t i = 0; i < len; i++)
		columns += ((unsigned char)line[i] & 0xc0) != 0x80;
	return columns;
}

static void
help_fits_a_terminal(void **state)
{
	struct buf help;

	(void)state;
	buf_init(&help, 64 * 1024);
	arguments_help(&help);
	for (const char *line = buf_text(&help); *line;) {
		size_t len = strcspn(line, "\n");

		if (count_columns(line, len) > HELP_WIDTH)
			fail_msg("too wide: %.*s", (int)len, line);
		line += len + 1;
	}
	buf_clear(&help);
}

static void
help_names_every_option(void **state)
{
	static const char *const names[] = { "-p, --profile", "-d, --device", "-t, --to",
		"-s, --subject", "-r, --resolution", "-m, --mode", "-S, --source",
		"-o, --output", "-l, --list", "-h, --help", "-V, --version",
		"    --paper PAPER ", "    --quality N ", "    --option NAME=VALUE ",
		"    --more ", "    --backs[=ORDER] ", "    --rotate-back ANGLE ",
		"    --partial WHAT ", "    --resend ", "    --search ",
		"    --list-buttons " };
	struct buf help;

	(void)state;
	buf_init(&help, 64 * 1024);
	arguments_help(&help);
	assert_false(help.over);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_non_null(strstr(buf_text(&help), names[i]));
	buf_clear(&help);
}

/* scan2mail(1), from the checkout, which is the working directory. */
static char *
read_page(void)
{
	static const char path[] = "docs/man/scan2mail.1";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = malloc(PAGE_MAX + 1);
	size_t len = PAGE_MAX;

	assert_non_null(text);
	if (fd < 0)
		fail_msg("%s cannot be opened", path);
	assert_int_equal(file_read(fd, text, &len, path, NULL), STATUS_OK);
	close(fd);
	text[len] = '\0';
	return text;
}

/* Each option of --help has its item on the page, and each item is an option. */
static void
page_has_every_option(void **state)
{
	char *page = read_page(), item[64];
	struct buf help;
	int options = 0, items = 0;

	(void)state;
	buf_init(&help, 64 * 1024);
	arguments_help(&help);
	for (const char *at = buf_text(&help); (at = strstr(at, "--")); at++) {
		size_t len = strcspn(at + 2, " [\n");

		if (at[-1] != ' ' || at < buf_text(&help) + 6 || at[-6] != ' ')
			continue; /* in an explanation */
		if (at[-3] == ' ') {
			snprintf(item, sizeof(item), "\n.It Fl -%.*s", (int)len, at + 2);
		} else {
			snprintf(item, sizeof(item), "\n.It Fl %c , Fl -%.*s", at[-3],
			    (int)len, at + 2);
		}
		if (!strstr(page, item))
			fail_msg("the page lacks '%s'", item + 1);
		options++;
	}
	for (const char *at = page; (at = strstr(at, "\n.It Fl ")); at++)
		items++;
	assert_int_equal(items, options);
	buf_clear(&help);
	free(page);
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
		cmocka_unit_test(long_options_arrive),
		cmocka_unit_test(options_have_a_limit),
		cmocka_unit_test(help_names_every_option),
		cmocka_unit_test(help_fits_a_terminal),
		cmocka_unit_test(page_has_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
