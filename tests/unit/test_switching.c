/* Tests of admin/switching.c, on files below a folder of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/switching.h"
#include "lib/send/endpoint.h"

enum {
	TEXT_MAX = 4096,
	PATH_ROOM = 200,
};

static const char before[] = "; mine\n[account a]\nserver = smtp.example.com ; this\n"
			     "username = a@example.com\npassword_file = /p\n";
static const char after[] =
    "; mine\n[account a]\nserver = smtp.example.com ; this\nusername = a@example.com\n"
    "password_file = /p\nauth = oauth-device\nclient_id = 1-2\n";

static const struct amendment over[] = { { "auth", "oauth-device" },
	{ "client_id", "1-2" }, { NULL, NULL } };

static char folder[] = "/tmp/postroom-switching-XXXXXX";
static char path[PATH_ROOM], left[PATH_ROOM];
static struct error e;

static void
write_settings(const char *text, mode_t mode)
{
	FILE *file;

	unlink(path);
	unlink(left);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static const char *
read_settings(void)
{
	static char text[TEXT_MAX];
	FILE *file = fopen(path, "r");
	size_t len;

	assert_non_null(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	fclose(file);
	return text;
}

static enum status
apply(const struct amendment *changes, uint32_t identity)
{
	const struct switching s = { path, "a", changes, identity };

	memset(&e, 0, sizeof(e));
	return switching_apply(&s, &e);
}

/* Refused, with the file as it was and nothing beside it. */
static void
refused(const struct amendment *changes, uint32_t identity, enum status status)
{
	assert_int_equal(apply(changes, identity), status);
	assert_string_equal(read_settings(), before);
	assert_int_not_equal(access(left, F_OK), 0);
}

static int
set_up(void **state)
{
	(void)state;
	if (!mkdtemp(folder) || chmod(folder, 0755) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/postroom.conf", folder);
	snprintf(left, sizeof(left), "%s/postroom.conf.new", folder);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	unlink(path);
	unlink(left);
	return rmdir(folder);
}

static void
a_plan_writes_nothing(void **state)
{
	const struct switching s = { path, "a", over, 0 };
	struct config *config = NULL;

	(void)state;
	write_settings(before, 0644);
	assert_int_equal(switching_plan(&config, &s, &e), STATUS_OK);
	assert_int_equal(config->account[0].auth, AUTH_OAUTH_DEVICE);
	assert_string_equal(config->account[0].client_id, "1-2");
	config_free(config);
	assert_string_equal(read_settings(), before);
	assert_int_not_equal(access(left, F_OK), 0);
}

static void
the_file_changes_and_keeps_owner_and_mode(void **state)
{
	struct stat st;

	(void)state;
	write_settings(before, 0640);
	if (geteuid() == 0)
		assert_int_equal(chown(path, 0, 12345), 0);
	assert_int_equal(apply(over, 0), STATUS_OK);
	assert_string_equal(read_settings(), after);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_uid, geteuid());
	if (geteuid() == 0)
		assert_int_equal(st.st_gid, 12345);
	assert_int_not_equal(access(left, F_OK), 0);
	/* again, nothing is there to change */
	assert_int_equal(apply(over, 0), STATUS_OK);
	assert_string_equal(read_settings(), after);
}

static void
what_a_dead_run_left_is_no_hindrance(void **state)
{
	FILE *file;

	(void)state;
	write_settings(before, 0644);
	file = fopen(left, "w");
	assert_non_null(file);
	fputs("half a fi", file);
	fclose(file);
	assert_int_equal(apply(over, 0), STATUS_OK);
	assert_string_equal(read_settings(), after);
	assert_int_not_equal(access(left, F_OK), 0);
}

static void
settings_that_do_not_fit_are_not_written(void **state)
{
	static const struct amendment lacking[] = { { "auth", "oauth-device" },
		{ NULL, NULL } };
	static const struct amendment unknown[] = { { "no_such_key", "x" },
		{ NULL, NULL } };
	static const struct amendment split[] = { { "client_id", "x\ny" },
		{ NULL, NULL } };

	(void)state;
	write_settings(before, 0644);
	refused(lacking, 0, STATUS_SETTINGS);
	assert_non_null(strstr(e.text, "client_id"));
	refused(unknown, 0, STATUS_SETTINGS);
	refused(split, 0, STATUS_INVALID);
}

static void
another_account_than_was_tried_is_not_switched(void **state)
{
	const struct switching s = { path, "a", over, 0 };
	struct config *config = NULL;
	uint32_t identity;

	(void)state;
	write_settings(before, 0644);
	assert_int_equal(switching_plan(&config, &s, &e), STATUS_OK);
	identity = endpoint_identity(&config->account[0]);
	config_free(config);
	refused(over, identity + 1, STATUS_RETRY);
	assert_int_equal(apply(over, identity), STATUS_OK);
}

static void
no_link_is_followed_and_nobody_elses_file_taken(void **state)
{
	char other[PATH_ROOM];

	(void)state;
	write_settings(before, 0666);
	refused(over, 0, STATUS_SETTINGS);
	write_settings(before, 0644);
	snprintf(other, sizeof(other), "%s/other", folder);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
	refused(over, 0, STATUS_SETTINGS);
	assert_int_equal(rename(other, path), 0);
}

static void
a_link_in_the_new_files_place_is_not_followed(void **state)
{
	char other[PATH_ROOM];

	(void)state;
	write_settings(before, 0644);
	snprintf(other, sizeof(other), "%s/other", folder);
	assert_int_equal(symlink(other, left), 0);
	assert_int_equal(apply(over, 0), STATUS_OK);
	assert_int_not_equal(access(other, F_OK), 0);
	assert_string_equal(read_settings(), after);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plan_writes_nothing),
		cmocka_unit_test(the_file_changes_and_keeps_owner_and_mode),
		cmocka_unit_test(what_a_dead_run_left_is_no_hindrance),
		cmocka_unit_test(settings_that_do_not_fit_are_not_written),
		cmocka_unit_test(another_account_than_was_tried_is_not_switched),
		cmocka_unit_test(no_link_is_followed_and_nobody_elses_file_taken),
		cmocka_unit_test(a_link_in_the_new_files_place_is_not_followed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
