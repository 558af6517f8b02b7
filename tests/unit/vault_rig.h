/*
 * What the tests of lib/login/vault.c share: a folder of their own below /tmp.
 * To be included once, by a test.
 */
#ifndef POSTROOM_TESTS_VAULT_RIG_H
#define POSTROOM_TESTS_VAULT_RIG_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/buf.h"
#include "lib/base/file.h"
#include "lib/login/vault.h"

enum {
	PATH_ROOM = 80,
	SECOND = 1000, /* ms */
	HOUR = 3600,   /* s */
};

static char path[] = "/tmp/postroom-test-XXXXXX";
static char secret_file[PATH_ROOM], certificate_file[PATH_ROOM], key_file[PATH_ROOM];
static int folder;
static struct account account; /* oauth-device, unless a test makes it another one */
static struct vault *vault, *second; /* as two processes have it */
static struct grant grant;
static struct oauth_tokens answer;
static struct error error;

/* Stands for settings that are not there; no function writes to it. */
static char empty[] = "";

static inline int
make_folder(void **state)
{
	static char name[] = "Office365", client[] = "client", host[] = "smtp.example",
		    user[] = "scanner@example.com",
		    token[] = "https://login.example/token";

	(void)state;
	snprintf(path, sizeof(path), "/tmp/postroom-test-XXXXXX");
	if (!mkdtemp(path))
		return -1;
	snprintf(secret_file, PATH_ROOM, "%s/secret.txt", path);
	snprintf(certificate_file, PATH_ROOM, "%s/app.pem", path);
	snprintf(key_file, PATH_ROOM, "%s/app.key", path);
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	account = (struct account){ .name = name,
		.server = { host, 587 },
		.ca_file = empty,
		.auth = AUTH_OAUTH_DEVICE,
		.username = user,
		.password_file = empty,
		.authority = empty,
		.tenant = empty,
		.client_id = client,
		.scope = empty,
		.client_secret_file = empty,
		.certificate_file = empty,
		.key_file = empty,
		.device_url = empty,
		.token_url = token,
		.authorize_url = empty,
		.graph_url = empty };
	oauth_tokens_wipe(&answer);
	snprintf(answer.access, sizeof(answer.access), "access-1");
	snprintf(answer.refresh, sizeof(answer.refresh), "refresh-1");
	answer.lifetime = HOUR;
	if (vault_open(&vault, folder, &account, NULL) != STATUS_OK ||
	    vault_open(&second, folder, &account, NULL) != STATUS_OK)
		return -1;
	return folder < 0;
}

static inline int
remove_folder(void **state)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	(void)state;
	vault_close(vault);
	vault_close(second);
	while (dir && (entry = readdir(dir)))
		if (unlinkat(folder, entry->d_name, 0) != 0)
			unlinkat(folder, entry->d_name, AT_REMOVEDIR);
	closedir(dir);
	close(folder);
	return rmdir(path);
}

static inline void
need_root(void)
{
	if (geteuid() != 0) {
		print_message("# needs root: a secret's file that belongs to root\n");
		skip();
	}
}

static inline void
good(enum status status)
{
	if (status != STATUS_OK)
		fail_msg("%s", error.text);
}

static inline void
write_file(const char *name, const void *bytes, size_t len)
{
	int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_true(file_write(fd, bytes, len));
	close(fd);
}

/* Puts these tokens on the disk as they are. */
static inline void
put(const struct tokens *t)
{
	char name[PATH_ROOM];
	struct buf text;

	buf_init(&text, TOKENS_MAX);
	assert_true(tokens_write(&text, t));
	snprintf(name, sizeof(name), "%s/office365", path);
	write_file(name, text.data, text.len);
	buf_clear(&text);
}

static inline struct tokens
look(struct vault *v)
{
	const struct tokens *t = NULL;

	good(vault_look(&t, v, NULL, &error));
	return *t;
}

/* Opens both vaults anew, with the account's settings as they are now. */
static inline void
reopen(void)
{
	vault_close(vault);
	vault_close(second);
	good(vault_open(&vault, folder, &account, &error));
	good(vault_open(&second, folder, &account, &error));
}

static inline void
sign_in(void)
{
	good(vault_sign_in(vault, &answer, &error));
}

/* As time does: the access token is too old, the rest stays. */
static inline void
make_old(void)
{
	struct tokens t = look(vault);
	const struct moment now = moment_now();

	t.born = moment_after(&now, -(int64_t)HOUR * SECOND);
	t.ends = moment_after(&now, (TOKENS_MARGIN - 1) * SECOND);
	t.born.boot = t.born.boot < 0 ? 0 : t.born.boot;
	put(&t);
}

/* Asks, and expects this answer. */
static inline struct vault_want
ask(struct vault *v, enum vault_answer expected, uint32_t refused)
{
	struct vault_want want = { .refused = refused, .wait = 77 };
	enum vault_answer got = (enum vault_answer)99;

	memset(&grant, 'z', sizeof(grant));
	good(vault_ask(&got, v, &want, &grant, &error));
	assert_int_equal(got, expected);
	assert_int_equal(want.wait, 0);
	assert_int_equal(!want.tokens, expected != VAULT_READY);
	return want;
}

/* Asks, and expects to be sent away; returns the ms to wait. No lock is held then. */
static inline int64_t
ask_in_vain(struct vault *v, enum status expected, const char *words)
{
	struct vault_want want = { .wait = -1 };
	enum vault_answer got = (enum vault_answer)99;

	error.text[0] = '\0';
	assert_int_equal(vault_ask(&got, v, &want, &grant, &error), expected);
	assert_int_equal(got, 99);
	assert_null(want.tokens);
	if (!strstr(error.text, words))
		fail_msg("'%s' is not in '%s'", words, error.text);
	good(vault_lock(v == vault ? second : vault, 0, &error));
	vault_unlock(v == vault ? second : vault);
	return want.wait;
}

static inline void
refuse(enum oauth_verdict verdict, int64_t after, const char *text)
{
	const struct oauth_refusal why = { .verdict = verdict };

	vault_fail(vault, &why, after, text);
}

#define vault_test(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

#endif
