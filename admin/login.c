/*
 * login: signs in for an account, or brings it over from its password.
 *
 *   the settings as they will be ─► sign in ─► is it the mailbox? ─► test message
 *       ─► tokens stored ◄── from here on the new way works
 *       ─► settings changed ◄── from here on it is the account's way
 *
 * Whatever ends it, the account works in the old way or in the new one.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/command.h"
#include "admin/flow.h"
#include "admin/forget.h"
#include "admin/say.h"
#include "admin/store.h"
#include "admin/switching.h"
#include "admin/trial.h"
#include "admin/wayover.h"
#include "admin/wish.h"
#include "lib/base/hidden.h"
#include "lib/account/account.h"
#include "lib/base/priv.h"
#include "lib/account/endpoint.h"
#include "lib/login/vault.h"

enum {
	TURNS_MAX = 5, /* times that others are waited for (VAULT_PATIENCE) */
};

/* One login. */
struct login {
	const struct wish *wish;
	const struct config *config; /* with the account as it is to be */
	const struct account *account;
	const struct amendment *changes; /* of the settings; NULL: none */
	const char *address;             /* of the test message; NULL: none is sent */
	struct vault *vault;
	struct grant grant;
	struct flow_result *result; /* hidden from children */
};

static enum status (*const flows[])(
    struct flow_result *out, const struct flow *flow, struct error *e) = {
	[AUTH_OAUTH_DEVICE] = devicecode_sign_in,
	[AUTH_OAUTH_APP] = appcode_sign_in,
	[AUTH_OAUTH_CODE] = authcode_sign_in,
};

/* -- steps ------------------------------------------------------------------------ */

static enum status
sign_in(struct login *l, struct error *e)
{
	const struct flow flow = { .config = l->config,
		.account = l->account,
		.grant = &l->grant,
		.paste = l->wish->paste };
	enum status status = vault_proof(&l->grant, l->account, e);

	if (status == STATUS_OK)
		status = flows[l->account->auth](l->result, &flow, e);
	grant_wipe(&l->grant);
	return status;
}

/* Whether it was the mailbox that signed in, for good. */
static enum status
look(const struct login *l, struct error *e)
{
	const struct flow_result *r = l->result;
	const char *mailbox = l->account->username;

	if (!account_is_delegated(l->account)) {
		say("The service gave a token to the application.");
		return STATUS_OK;
	}
	if (*r->who && strcasecmp(r->who, mailbox) != 0 && !l->wish->shared)
		return error_set(e, STATUS_SETTINGS,
		    "%s signed in, and not the mailbox %s; run it again and sign in as "
		    "%s, in a private window; or, where that person may send from the "
		    "mailbox, with --shared",
		    r->who, mailbox, mailbox);
	if (!*r->tokens.refresh)
		return error_set(e, STATUS_SETTINGS,
		    "the service gave no refresh token, without which the account would "
		    "work for an hour; 'scope' has to hold offline_access, or what "
		    "stands for it there");
	if (!*r->who && l->wish->no_test && !l->wish->shared)
		return error_set(e, STATUS_SETTINGS,
		    "the token does not tell who signed in, and without a test message "
		    "nothing shows that it was %s; run it again without --no-test, or, "
		    "where you are sure, with --shared",
		    mailbox);
	if (*r->who)
		say("%s has signed in.", r->who);
	else
		say("Somebody has signed in; the token does not tell who.");
	return STATUS_OK;
}

/* Not all that was asked for may be needed: the service says so, or the test message. */
static void
warn(const struct flow_result *r)
{
	if (*r->tokens.missing)
		say("Warning: the service did not grant all that was asked for: %s is "
		    "missing. Sending may fail; check the application's permissions, and "
		    "that they are consented to.",
		    r->tokens.missing);
}

static enum status
try_out(const struct login *l, struct error *e)
{
	const struct trial trial = { .config = l->config,
		.account = l->account,
		.token = l->result->tokens.access,
		.address = l->address };
	struct error why = { "" };
	enum status status;

	if (!l->address)
		return STATUS_OK;
	say("Sending a test message to %s through %s.", l->address,
	    account_is_graph(l->account) ? "Microsoft Graph" : l->account->server.host);
	status = trial_send(&trial, &why);
	if (status == STATUS_OK)
		say("The server took it.");
	else if (status == STATUS_CANCELLED)
		error_set(e, status, "%s", why.text);
	else
		error_set(e, status,
		    "signing in worked, but the test message was not taken: %s%s",
		    why.text,
		    status == STATUS_RETRY
			? ""
			: "; after the application was set up it can take an hour until "
			  "this works");
	return status;
}

/* Waits for whoever renews the account's tokens now. Nothing of a person's that has just
 * signed in is thrown away for others that come and go. */
static enum status
wait_for_others(const struct login *l, struct error *e)
{
	enum status status = STATUS_RETRY;

	for (int turn = 0; turn < TURNS_MAX && status == STATUS_RETRY; turn++) {
		if (turn > 0)
			say("Waiting for another process that renews this account's "
			    "tokens. Ctrl-C ends it.");
		status = vault_lock(l->vault, VAULT_PATIENCE, e);
	}
	return status;
}

/* Stores the tokens, and makes the new way the account's. Not to be interrupted by
 * hand; a crash in between leaves the old way working. */
static enum status
settle(struct login *l, struct error *e)
{
	const struct switching switching = { .path = l->config->path,
		.account = l->account->name,
		.changes = l->changes,
		.config = l->config,
		.identity = endpoint_identity(l->account) };
	enum status status;
	sigset_t all, old;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	status = vault_sign_in(l->vault, &l->result->tokens, e);
	if (status == STATUS_OK && l->changes)
		status = switching_apply(&switching, e);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return status;
}

/* -- the story -------------------------------------------------------------------- */

static void
say_done(const struct login *l)
{
	const char *name = l->account->name;

	if (!l->changes) {
		say("The account '%s' is signed in (%s).", name,
		    account_auth(l->account));
	} else {
		say("The account '%s' signs in by %s from now on; %s says so.", name,
		    account_auth(l->account), l->config->path);
		say("The password file %s stays. When all is well, remove it with: "
		    "postroom login %s --forget-password",
		    l->account->password_file, name);
	}
	say("A queue that was stopped starts again with: cupsenable QUEUE");
}

static int
fail(enum status status, const struct error *e)
{
	if (status == STATUS_CANCELLED)
		command_fail("stopped; nothing was changed");
	else
		command_fail("%s", e->text);
	return status == STATUS_INVALID ? COMMAND_USAGE : COMMAND_FAILED;
}

static int
log_in(struct login *l)
{
	const struct account *a = l->account;
	struct error error = { "" };
	int folder = -1;
	enum status status = store_open(&folder, l->config, &error);

	l->result = hidden_new(sizeof(*l->result));
	if (!l->result)
		status = error_errno(&error, "there is no memory for tokens");
	if (status == STATUS_OK)
		status = vault_open(&l->vault, folder, a, &error);
	if (status == STATUS_OK && !l->wish->no_test) {
		l->address = trial_address(a, l->wish->test, &error);
		status = l->address ? STATUS_OK : STATUS_INVALID;
	}
	if (status == STATUS_OK) /* before anybody signs in for nothing */
		status = vault_lock(l->vault, VAULT_PATIENCE, &error);
	if (status == STATUS_OK)
		vault_unlock(l->vault);
	if (status == STATUS_OK)
		say("Signing in for the account '%s' (%s).", a->name, a->username);
	if (status == STATUS_OK)
		status = sign_in(l, &error);
	if (status == STATUS_OK)
		status = look(l, &error);
	if (status == STATUS_OK)
		warn(l->result);
	if (status == STATUS_OK)
		status = try_out(l, &error);
	if (status == STATUS_OK)
		status = wait_for_others(l, &error);
	if (status == STATUS_OK)
		status = settle(l, &error);
	hidden_free(l->result, sizeof(*l->result));
	vault_close(l->vault);
	if (folder >= 0)
		close(folder);
	if (status != STATUS_OK)
		return fail(status, &error);
	say_done(l);
	return COMMAND_OK;
}

static int
forget(const struct config *config, const struct account *account)
{
	struct error error = { "" };
	enum status status = forget_password(config, account, &error);

	if (status != STATUS_OK)
		return fail(status, &error);
	say("The password of the account '%s' is removed, and its line in %s.",
	    account->name, config->path);
	return COMMAND_OK;
}

/* Finds out what is to be done for this account, and does it. */
static int
serve(const struct config *config, const struct account *account, const struct wish *wish)
{
	static struct login login; /* large, and full of secrets */
	struct wayover over = { .config = NULL };
	struct error error = { "" };
	bool way_over = false;
	enum status status;
	int code;

	if (wish->forget_password)
		return forget(config, account);
	status = wayover_is_wanted(&way_over, account, wish, &error);
	if (status == STATUS_OK && account->auth == AUTH_NONE)
		status = error_set(&error, STATUS_INVALID,
		    "the account '%s' needs nobody to sign in (auth = none)",
		    account->name);
	if (status == STATUS_OK && way_over)
		status = wayover_plan(&over, config, account, wish, &error);
	if (status == STATUS_OK) {
		login = (struct login){ .wish = wish,
			.config = way_over ? over.config : config,
			.account = way_over ? over.account : account,
			.changes = way_over ? over.changes : NULL };
		code = log_in(&login);
	} else {
		code = fail(status, &error);
	}
	wayover_clear(&over);
	return code;
}

static int
run(int argc, char **argv)
{
	const struct account *account;
	struct config *config = NULL;
	struct error error = { "" };
	struct wish wish;
	int code;

	if (wish_read(&wish, argc, argv, &error) != STATUS_OK) {
		command_fail("%s", error.text);
		return command_usage(&command_login);
	}
	if (geteuid() != 0)
		return command_fail("only root may sign in for an account, as the tokens "
				    "are root's alone; run: sudo postroom login");
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	priv_hide();
	if (config_begin(&config, &error) != STATUS_OK)
		return command_fail("%s", error.text);
	account = config_account(config, wish.account);
	if (account)
		code = serve(config, account, &wish);
	else if (config->account_count == 0)
		code = command_fail("%s has no [account NAME]", config->path);
	else
		code =
		    command_fail("%s has no account '%.60s'", config->path, wish.account);
	config_free(config);
	return code;
}

const struct command command_login = {
	.name = "login",
	.arguments = wish_arguments,
	.help =
	    "Sign in for an account that sends with OAuth, or bring one over from its "
	    "password",
	.run = run,
};
