/* Tests of backend/keeper.c: which files sign an account in, and what notices that one of
 * them, or the settings, are others now. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/keeper.h"
#include "lib/login/vault.h"

enum {
	FILES_MAX = 4, /* that sign one account in, and one more than there are */
	NAME_ROOM = 200,
};

static char none[] = "", name[] = "office", state_dir[] = "/state", pass[] = "/p/pass",
	    secret[] = "/s/secret", cert[] = "/c/cert.pem", key[] = "/k/key";

/* An account of which all strings are set. */
static struct account
account_with(int auth)
{
	return (struct account){ .name = name,
		.auth = auth,
		.username = none,
		.password_file = none,
		.authority = none,
		.tenant = none,
		.client_id = none,
		.scope = none,
		.client_secret_file = none,
		.certificate_file = none,
		.key_file = none,
		.device_url = none,
		.token_url = none,
		.authorize_url = none,
		.graph_url = none,
		.server.host = none };
}

/* -- which files ------------------------------------------------------------------- */

static void
check_paths(const struct account *a, const char *const expected[FILES_MAX])
{
	const struct config config = { .state_dir = state_dir };
	char path[STATE_PATH_MAX];
	unsigned n = 0;

	for (; n < FILES_MAX && expected[n]; n++) {
		if (!keeper_secret_path(path, &config, a, n))
			fail_msg(
			    "auth %d: %s (%u) is not named", a->auth, expected[n], n);
		assert_string_equal(path, expected[n]);
	}
	for (; n <= FILES_MAX + 1; n++)
		if (keeper_secret_path(path, &config, a, n))
			fail_msg("auth %d: %s (%u) is named", a->auth, path, n);
	assert_false(keeper_secret_path(path, &config, a, UINT32_MAX));
}

static void
names_each_file(void **state)
{
	static const struct {
		int auth;
		char *password, *secret, *certificate, *key;
		const char *expected[FILES_MAX];
	} rows[] = {
		{ AUTH_PASSWORD, pass, none, none, none, { pass } },
		/* what is left over from another way */
		{ AUTH_PASSWORD, pass, secret, cert, key, { pass } },
		{ AUTH_PASSWORD, none, none, none, none, { NULL } },
		{ AUTH_NONE, none, none, cert, key, { cert, key } },
		{ AUTH_NONE, none, none, none, none, { NULL } },
		{ AUTH_OAUTH_APP, pass, secret, none, none, { secret } },
		{ AUTH_OAUTH_APP, none, none, cert, key, { cert, key } },
		{ AUTH_OAUTH_DEVICE, pass, none, none, none, { "/state/tokens/office" } },
		{ AUTH_OAUTH_CODE, none, none, none, none, { "/state/tokens/office" } },
		{ AUTH_OAUTH_CODE, none, secret, none, none,
		    { "/state/tokens/office", secret } },
		{ AUTH_OAUTH_DEVICE, none, secret, cert, key,
		    { "/state/tokens/office", secret, cert, key } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct account a = account_with(rows[i].auth);

		a.password_file = rows[i].password;
		a.client_secret_file = rows[i].secret;
		a.certificate_file = rows[i].certificate;
		a.key_file = rows[i].key;
		check_paths(&a, rows[i].expected);
	}
}

static void
names_nothing_of_nobody(void **state)
{
	const struct config config = { .state_dir = state_dir };
	char path[STATE_PATH_MAX];

	(void)state;
	assert_false(keeper_secret_path(path, &config, NULL, 0));
}

/* A path is whole, or there is none. */
static void
cuts_no_path(void **state)
{
	char longest[STATE_PATH_MAX + 1], path[STATE_PATH_MAX];
	struct config config = { .state_dir = longest };
	struct account a = account_with(AUTH_PASSWORD);
	size_t rest = strlen("/tokens/") + strlen(name);

	(void)state;
	memset(longest, 'd', sizeof(longest));
	a.password_file = longest;
	longest[STATE_PATH_MAX] = '\0';
	assert_false(keeper_secret_path(path, &config, &a, 0));
	longest[STATE_PATH_MAX - 1] = '\0';
	assert_true(keeper_secret_path(path, &config, &a, 0));
	assert_string_equal(path, longest);
	a = account_with(AUTH_OAUTH_DEVICE);
	longest[STATE_PATH_MAX - rest] = '\0';
	assert_false(keeper_secret_path(path, &config, &a, 0));
	longest[STATE_PATH_MAX - rest - 1] = '\0';
	assert_true(keeper_secret_path(path, &config, &a, 0));
	assert_int_equal(strlen(path), STATE_PATH_MAX - 1);
}

/* -- what has changed -------------------------------------------------------------- */

struct scene {
	char folder[64], tokens[80];
	char file[FILES_MAX][NAME_ROOM]; /* settings, then secrets */
	struct config config;
	struct account account;
};

static void
write_file(const char *path, const char *text)
{
	char other[NAME_ROOM + 5];
	int fd;

	snprintf(other, sizeof(other), "%s.new", path);
	fd = open(other, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_int_equal(rename(other, path), 0);
}

static int
set_up(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	*state = s;
	if (!s)
		return -1;
	snprintf(s->folder, sizeof(s->folder), "/tmp/test_keeper.%d", (int)getpid());
	snprintf(s->tokens, sizeof(s->tokens), "%s/tokens", s->folder);
	if (mkdir(s->folder, 0700) != 0 || mkdir(s->tokens, 0700) != 0)
		return -1;
	for (int i = 0; i < FILES_MAX; i++) {
		char *path = s->file[i];

		memcpy(path, s->folder, sizeof(s->folder));
		snprintf(path + strlen(path), NAME_ROOM - sizeof(s->folder), "/%d", i);
		write_file(path, "x\n");
	}
	s->config.path = s->file[0];
	s->config.state_dir = s->folder;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *s = *state;

	for (int i = 0; i < FILES_MAX; i++)
		unlink(s->file[i]);
	rmdir(s->tokens);
	rmdir(s->folder);
	free(s);
	return 0;
}

/* Whether each of the files makes another number of it, and nothing else does. */
static void
check_numbers(struct scene *s, const struct account *a, const bool counts[FILES_MAX])
{
	uint64_t before = keeper_fingerprint(&s->config, a), after;

	for (int i = 0; i < FILES_MAX; i++) {
		assert_true(keeper_fingerprint(&s->config, a) == before);
		write_file(s->file[i], "y\n");
		after = keeper_fingerprint(&s->config, a);
		if ((after != before) != counts[i])
			fail_msg("auth %d: file %d", a ? a->auth : -1, i);
		before = after;
	}
}

static void
notices_each_file(void **state)
{
	struct scene *s = *state;
	static const struct {
		int auth;
		bool counts[FILES_MAX];
	} rows[] = {
		{ AUTH_PASSWORD, { true, true, false, false } },
		{ AUTH_NONE, { true, false, true, true } },
		{ AUTH_OAUTH_APP, { true, false, true, true } },
		{ AUTH_OAUTH_DEVICE, { true, false, true, true } },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct account a = account_with(rows[i].auth);

		a.password_file = s->file[1];
		a.certificate_file = s->file[2];
		a.key_file = s->file[3];
		check_numbers(s, &a, rows[i].counts);
	}
	check_numbers(s, NULL, (const bool[FILES_MAX]){ true });
}

/* Who signs in changes the number; a renewal does not, which wakes nobody who waits. */
static void
notices_a_login(void **state)
{
	struct scene *s = *state;
	struct account a = account_with(AUTH_OAUTH_DEVICE);
	struct oauth_tokens tokens = {
		.access = "a1", .refresh = "r1", .lifetime = 3600
	};
	int folder = open(s->tokens, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t before = keeper_fingerprint(&s->config, &a), after;
	struct vault *vault;

	assert_int_equal(vault_open(&vault, folder, &a, NULL), STATUS_OK);
	for (int logins = 0; logins < 2; logins++) {
		assert_int_equal(vault_sign_in(vault, &tokens, NULL), STATUS_OK);
		after = keeper_fingerprint(&s->config, &a);
		assert_true(after != before);
		before = after;
		snprintf(tokens.refresh, sizeof(tokens.refresh), "r2");
		assert_int_equal(vault_lock(vault, 1, NULL), STATUS_OK);
		assert_int_equal(vault_store(vault, &tokens, NULL), STATUS_OK);
		assert_true(keeper_fingerprint(&s->config, &a) == before);
	}
	assert_int_equal(unlinkat(folder, "office", 0), 0);
	assert_true(keeper_fingerprint(&s->config, &a) != before);
	vault_close(vault);
	unlinkat(folder, "office.lock", 0);
	close(folder);
}

/* Settings that are others, or gone; not a secret: that one is read when it is needed. */
static void
knows_when_it_is_outdated(void **state)
{
	struct scene *s = *state;
	struct account a = account_with(AUTH_PASSWORD);
	struct keeper k = { .config = &s->config, .account = &a };

	a.password_file = s->file[1];
	k.settings = keeper_fingerprint(&s->config, NULL);
	assert_false(keeper_is_outdated(&k));
	write_file(s->file[1], "another\n");
	assert_false(keeper_is_outdated(&k));
	write_file(s->file[0], "another\n");
	assert_true(keeper_is_outdated(&k));
	k.settings = keeper_fingerprint(&s->config, NULL);
	assert_false(keeper_is_outdated(&k));
	assert_int_equal(unlink(s->file[0]), 0);
	assert_true(keeper_is_outdated(&k));
	assert_false(
	    keeper_is_outdated(&(struct keeper){ .config = NULL, .settings = 1 }));
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_each_file),
		cmocka_unit_test(names_nothing_of_nobody),
		cmocka_unit_test(cuts_no_path),
		IN_FOLDER(notices_each_file),
		IN_FOLDER(notices_a_login),
		IN_FOLDER(knows_when_it_is_outdated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
