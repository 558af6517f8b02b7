/* forget: the password of an account that signs in otherwise (forget.h). */
#include "admin/forget.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/store.h"
#include "admin/switching.h"
#include "lib/base/file.h"
#include "lib/account/account.h"
#include "lib/account/secret.h"
#include "lib/login/vault.h"

/* Another account that logs in with the same file; NULL: none. */
static const struct account *
find_other(const struct config *config, const struct account *account)
{
	for (size_t i = 0; i < config->account_count; i++) {
		const struct account *other = &config->account[i];

		if (other != account && other->auth == AUTH_PASSWORD &&
		    strcmp(other->password_file, account->password_file) == 0)
			return other;
	}
	return NULL;
}

/* Whether the new way has been gone: somebody has signed in for it. */
static enum status
check_tokens(const struct config *config, const struct account *account, struct error *e)
{
	const struct tokens *tokens = NULL;
	struct vault *vault = NULL;
	int folder = -1;
	enum status status = store_open(&folder, config, e);

	if (status == STATUS_OK)
		status = vault_open(&vault, folder, account, e);
	if (status == STATUS_OK)
		status = vault_look(&tokens, vault, NULL, e);
	if (status == STATUS_OK && !tokens->login)
		status = error_set(e, STATUS_SETTINGS,
		    "nobody has signed in for the account '%s' yet; the password stays "
		    "until then; run: postroom login %s",
		    account->name, account->name);
	vault_close(vault);
	if (folder >= 0)
		close(folder);
	return status;
}

static enum status
check(const struct config *config, const struct account *account, struct error *e)
{
	const struct account *other = find_other(config, account);

	if (account->auth == AUTH_PASSWORD)
		return error_set(e, STATUS_SETTINGS,
		    "the account '%s' still logs in with its password; run first: "
		    "postroom login %s",
		    account->name, account->name);
	if (!*account->password_file)
		return error_set(e, STATUS_SETTINGS,
		    "the account '%s' names no password_file: there is nothing to forget",
		    account->name);
	if (other)
		return error_set(e, STATUS_SETTINGS,
		    "the account '%s' still logs in with %s", other->name,
		    account->password_file);
	return account_is_oauth(account) ? check_tokens(config, account, e) : STATUS_OK;
}

/* Removes the file durably; one that is gone already is no failure. */
static enum status
remove_file(const char *path, struct error *e)
{
	const struct file_rule rule = { .root_only = true, .max = SECRET_MAX };
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	enum status status;
	int fd;

	if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
		return STATUS_OK;
	status = file_open(&fd, path, &rule, e); /* it is what it should be */
	if (status != STATUS_OK)
		return status;
	close(fd);
	if (unlink(path) != 0)
		return error_errno(e, "%s cannot be removed", path);
	snprintf(
	    folder, sizeof(folder), "%.*s", (int)(slash - path) + (slash == path), path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		status =
		    error_errno(e, "%s was removed, but it is not sure to stay so", path);
	if (fd >= 0)
		close(fd);
	return status;
}

enum status
forget_password(
    const struct config *config, const struct account *account, struct error *e)
{
	static const struct amendment changes[] = { { "password_file", NULL },
		{ NULL, NULL } };
	const struct switching switching = { .path = config->path,
		.account = account->name,
		.changes = changes,
		.config = config };
	enum status status = check(config, account, e);

	if (status == STATUS_OK)
		status = remove_file(account->password_file, e);
	if (status == STATUS_OK)
		status = switching_apply(&switching, e);
	return status;
}
