/* Tests of admin/wish.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "admin/wish.h"
#include "lib/account/config.h"

enum {
	LINE_MAX_BYTES = 200,
	WORDS_MAX = 16,
};

static struct error e;

/* Reads a command line of words parted by blanks; ~ stands for an empty word. */
static enum status
read_line(struct wish *out, const char *words)
{
	static char line[LINE_MAX_BYTES];
	char *argv[WORDS_MAX + 1] = { (char[]){ "login" } }, *rest = line;
	int argc = 1;

	snprintf(line, sizeof(line), "%s", words);
	memset(&e, 0, sizeof(e));
	for (char *word; (word = strsep(&rest, " "));)
		if (*word && argc < WORDS_MAX)
			argv[argc++] = *word == '~' ? word + 1 : word;
	return wish_read(out, argc, argv, &e);
}

static void
nothing_is_the_first_account(void **state)
{
	struct wish w;

	(void)state;
	assert_int_equal(read_line(&w, ""), STATUS_OK);
	assert_null(w.account);
	assert_int_equal(w.way, WISH_NO_WAY);
	assert_false(wish_is_way_over(&w));
	assert_false(w.paste || w.shared || w.no_test || w.graph || w.forget_password);
}

static void
all_options_are_taken(void **state)
{
	struct wish w;

	(void)state;
	assert_int_equal(
	    read_line(&w,
		"--app --client-id 1 acc --tenant=t --certificate /c --key /k "
		"--graph --test a@b.example"),
	    STATUS_OK);
	assert_string_equal(w.account, "acc");
	assert_int_equal(w.way, AUTH_OAUTH_APP);
	assert_string_equal(w.client_id, "1");
	assert_string_equal(w.tenant, "t");
	assert_string_equal(w.certificate, "/c");
	assert_string_equal(w.key, "/k");
	assert_string_equal(w.test, "a@b.example");
	assert_true(w.graph && wish_is_way_over(&w));
	assert_int_equal(
	    read_line(&w, "--code --paste --shared --no-test --secret-file /s acc"),
	    STATUS_OK);
	assert_int_equal(w.way, AUTH_OAUTH_CODE);
	assert_true(w.paste && w.shared && w.no_test);
	assert_string_equal(w.secret_file, "/s");
	assert_int_equal(read_line(&w, "acc --forget-password"), STATUS_OK);
	assert_true(w.forget_password);
	assert_int_equal(read_line(&w, "--device acc"), STATUS_OK);
	assert_int_equal(w.way, AUTH_OAUTH_DEVICE);
}

static void
what_is_no_command_line_is_refused(void **state)
{
	static const char *const lines[] = { "a b", "--unknown", "-x", "--client-id",
		"acc --client-id ~", "acc --client-id 1 --client-id 2",
		"acc --device --app", "--device", "--graph", "--client-id 1",
		"--forget-password", "acc --forget-password --device",
		"acc --forget-password --no-test", "acc --test a@b --no-test",
		"acc --app --certificate /c", "acc --app --key /k",
		"acc --app --certificate /c --key /k --secret-file /s",
		"acc --certificate /c --key /k", "acc --device --paste",
		"acc --app --shared", "--paste=1" };
	struct wish w;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (read_line(&w, lines[i]) != STATUS_INVALID || !e.text[0])
			fail_msg("'%s' was taken", lines[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_the_first_account),
		cmocka_unit_test(all_options_are_taken),
		cmocka_unit_test(what_is_no_command_line_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
