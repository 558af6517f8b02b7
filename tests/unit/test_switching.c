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
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "admin/switching.h"
#include "lib/account/endpoint.h"

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
static char path[PATH_ROOM], left[PATH_ROOM], tokens[PATH_ROOM], lock[PATH_ROOM];
static struct config *settings; /* where the lock is */
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
	const struct switching s = { path, "a", changes, settings, identity };

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
	char text[TEXT_MAX];
	int len;

	(void)state;
	if (!mkdtemp(folder) || chmod(folder, 0755) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/postroom.conf", folder);
	snprintf(left, sizeof(left), "%s/postroom.conf.new", folder);
	snprintf(tokens, sizeof(tokens), "%s/tokens", folder);
	snprintf(lock, sizeof(lock), "%s/tokens/" SWITCHING_LOCK, folder);
	len = snprintf(
	    text, sizeof(text), "[postroom]\nstate_dir = %s\n%s", folder, before);
	return config_parse(&settings, text, (size_t)len, path, &e) == STATUS_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	unlink(path);
	unlink(left);
	unlink(lock);
	rmdir(tokens);
	config_free(settings);
	return rmdir(folder);
}

static void
a_plan_writes_nothing(void **state)
{
	const struct switching s = { path, "a", over, settings, 0 };
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
	const struct switching s = { path, "a", over, settings, 0 };
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

/* What others may lock holds nobody up; the lock is this user's alone. */
static void
a_stranger_cannot_hold_it_up(void **state)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	(void)state;
	write_settings(before, 0644);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	alarm(SWITCHING_PATIENCE); /* ends the test run, should it wait */
	assert_int_equal(apply(over, 0), STATUS_OK);
	alarm(0);
	close(fd);
	assert_int_equal(stat(lock, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(tokens, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void
another_one_at_it_is_waited_for_within_limits(void **state)
{
	int fd = open(lock, O_RDWR | O_CLOEXEC);
	time_t began = time(NULL);

	(void)state;
	write_settings(before, 0644);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	alarm(6 * SWITCHING_PATIENCE);
	refused(over, 0, STATUS_RETRY);
	alarm(0);
	assert_true(time(NULL) - began >= SWITCHING_PATIENCE - 1);
	assert_non_null(strstr(e.text, "another command changes "));
	close(fd);
	assert_int_equal(apply(over, 0), STATUS_OK);
}

static void
a_lock_that_is_not_ours_alone_is_refused(void **state)
{
	(void)state;
	write_settings(before, 0644);
	assert_int_equal(chmod(lock, 0644), 0);
	refused(over, 0, STATUS_SETTINGS);
	assert_non_null(strstr(e.text, SWITCHING_LOCK));
	unlink(lock);
	assert_int_equal(symlink(path, lock), 0);
	refused(over, 0, STATUS_RETRY);
	unlink(lock);
	assert_int_equal(mkfifo(lock, 0600), 0);
	refused(over, 0, STATUS_SETTINGS);
	unlink(lock);
	assert_int_equal(apply(over, 0), STATUS_OK);
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
		cmocka_unit_test(a_stranger_cannot_hold_it_up),
		cmocka_unit_test(another_one_at_it_is_waited_for_within_limits),
		cmocka_unit_test(a_lock_that_is_not_ours_alone_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
