/*
 * refresh: `postroom refresh [--force] [ACCOUNT]`, for postroom-refresh.timer. Renews the
 * refresh tokens that nobody used for a week, so that they do not end unused, and warns
 * of certificates that end soon.
 *
 * Asking is done by a child without root; what it brings is stored before anything else
 * is done, with the signals that end a command held back.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/certificate.h"
#include "admin/command.h"
#include "admin/errand.h"
#include "admin/store.h"
#include "lib/base/log.h"
#include "lib/base/priv.h"
#include "lib/account/account.h"
#include "lib/account/config.h"
#include "lib/login/signin.h"
#include "lib/login/vault.h"

enum {
	DAY = 24 * 60 * 60,      /* seconds */
	RENEW_AFTER = 7 * DAY,   /* how old a refresh token may grow */
	STOP_GRACE = 10,         /* seconds for an answer that is on its way */
	URGENT_AFTER = 60 * DAY, /* from then on a failure is for a person */
};

/* One run. */
struct refresh {
	const struct config *config;
	bool force;  /* --force: also what is not old */
	int folder;  /* of tokens; -1: not opened yet */
	bool person; /* somebody has to look */
	bool stopped;
};

/* What the child is given. */
struct question {
	const struct account *account;
	const struct grant *grant;
};

static enum status
ask(const struct errand_side *side, void *context, void *result, struct error *e)
{
	const struct question *q = context;

	(void)side;
	return signin_request(result, q->account, q->grant, -1, e);
}

/* Seconds since the refresh token came. The wall clock's: it may lie there for months,
 * and a week more or less is no matter. */
static int64_t
age_of(const struct tokens *t)
{
	return (int64_t)time(NULL) - t->refreshed.wall;
}

/* What came from a process that is not believed: whether the tokens are some. */
static enum status
check_answer(struct signin *answer, struct error *e)
{
	explicit_bzero(answer->tokens.id, sizeof(answer->tokens.id));
	if (tokens_are_whole(&answer->tokens) && answer->tokens.lifetime > 0 &&
	    answer->tokens.lifetime <= OAUTH_LIFETIME_MAX)
		return STATUS_OK;
	answer->why.verdict = OAUTH_WAIT;
	return error_set(e, STATUS_RETRY, "what came are no tokens");
}

/* Asks with the grant, and stores what comes. The lock is held, and given back. */
static enum status
renew(struct refresh *r, struct vault *vault, const struct question *q, struct error *e)
{
	struct signin answer;
	const struct errand errand = {
		.config = r->config,
		.run = ask,
		.context = (void *)(uintptr_t)q,
		.result = &answer,
		.size = sizeof(answer),
		.give = -1,
		/* a server may have taken the old token back by answering */
		.grace = STOP_GRACE,
		.stopped = &r->stopped,
	};
	enum status status = errand_run(&errand, e);

	if (status == STATUS_OK)
		status = check_answer(&answer, e);
	if (status == STATUS_OK) {
		status = vault_store(vault, &answer.tokens, e);
	} else if (status == STATUS_CANCELLED) {
		vault_unlock(vault);
	} else {
		vault_fail(vault, &answer.why, answer.after, e->text);
	}
	explicit_bzero(&answer, sizeof(answer));
	return status;
}

/* Renews what the vault holds, where it is due. *urgent: a failure is for a person. */
static enum status
renew_if_due(struct refresh *r, struct vault *vault, const struct account *account,
    bool *urgent, struct error *e)
{
	struct vault_want want = { .refused = 0 };
	const struct tokens *tokens = NULL;
	enum vault_answer answer = VAULT_BUSY;
	struct grant grant;
	const struct question q = { .account = account, .grant = &grant };
	enum status status = vault_lock(vault, VAULT_PATIENCE, e);
	int64_t age;

	if (status == STATUS_OK)
		status = vault_look(&tokens, vault, NULL, e);
	if (status != STATUS_OK)
		return status;
	age = tokens->refresh[0] ? age_of(tokens) : RENEW_AFTER;
	if (!r->force && age >= 0 && age < RENEW_AFTER)
		return STATUS_OK;
	*urgent = r->force || age >= URGENT_AFTER;
	want.refused = tokens_serial(tokens->access); /* or a fresh one would do */
	status = vault_ask(&answer, vault, &want, &grant, e);
	if (status == STATUS_OK && answer == VAULT_GRANT) {
		status = renew(r, vault, &q, e);
		if (status == STATUS_OK)
			log_message(LEVEL_INFO, "account %s: the sign-in is renewed",
			    account->name);
	} else if (status == STATUS_OK) {
		status = error_set(e, STATUS_RETRY, "somebody else asks at this moment");
	}
	grant_wipe(&grant);
	return status;
}

static void
refresh_tokens(struct refresh *r, const struct account *account)
{
	struct vault *vault = NULL;
	enum status status = STATUS_OK;
	bool urgent = r->force;
	struct error e;

	if (r->folder < 0)
		status = store_open(&r->folder, r->config, &e);
	if (status == STATUS_OK)
		status = vault_open(&vault, r->folder, account, &e);
	if (status == STATUS_OK)
		status = renew_if_due(r, vault, account, &urgent, &e);
	vault_close(vault);
	if (status == STATUS_OK)
		return;
	r->stopped = r->stopped || status == STATUS_CANCELLED;
	r->person = r->person || r->stopped || urgent || status == STATUS_SETTINGS;
	log_message(status == STATUS_RETRY && !urgent ? LEVEL_WARNING : LEVEL_ERROR,
	    "account %s: the sign-in is not renewed: %s", account->name, e.text);
}

/* Warns where the account shows a certificate that ends soon, or cannot be used. */
static void
watch_certificate(struct refresh *r, const struct account *account)
{
	const char *path = account->certificate_file;
	struct certificate_span span;
	enum status status;
	struct error e;

	if (!*path || (account->auth != AUTH_OAUTH_APP && account->auth != AUTH_NONE))
		return;
	status = certificate_span(&span, path, &e);
	if (status == STATUS_OK)
		status = certificate_judge(&span, path, time(NULL), &e);
	if (status == STATUS_OK)
		return;
	r->person = r->person || status == STATUS_SETTINGS;
	log_message(status == STATUS_SETTINGS ? LEVEL_ERROR : LEVEL_WARNING,
	    "account %s: %s", account->name, e.text);
}

static void
hold_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Whether one of them came. */
static bool
is_stopped(void)
{
	sigset_t pending;

	sigemptyset(&pending);
	sigpending(&pending);
	return sigismember(&pending, SIGINT) == 1 ||
	    sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGHUP) == 1;
}

/* All accounts, or `only`. */
static void
refresh_accounts(struct refresh *r, const struct account *only)
{
	for (size_t i = 0; i < r->config->account_count && !r->stopped; i++) {
		const struct account *account = &r->config->account[i];

		if (only && only != account)
			continue;
		if (is_stopped()) {
			r->stopped = r->person = true;
			return;
		}
		watch_certificate(r, account);
		if (account_is_delegated(account))
			refresh_tokens(r, account);
		else if (only)
			log_message(LEVEL_INFO,
			    "account %s: auth = %s has nothing to renew", account->name,
			    account_auth(account));
	}
}

/* Reads the command line; false when it is none. */
static bool
read_arguments(struct refresh *r, const char **name, int argc, char **argv)
{
	static const struct option options[] = { { "force", no_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 } };
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'f')
			return false;
		r->force = true;
	}
	if (optind < argc)
		*name = argv[optind++];
	return optind == argc;
}

static int
run_refresh(int argc, char **argv)
{
	struct refresh r = { .folder = -1 };
	const struct account *only = NULL;
	struct config *config = NULL;
	const char *name = NULL;
	struct error e;

	if (!read_arguments(&r, &name, argc, argv))
		return command_usage(&command_refresh);
	priv_hide();
	hold_signals();
	if (config_begin(&config, &e) != STATUS_OK)
		return command_fail("%s", e.text);
	r.config = config;
	if (name)
		only = config_account(config, name);
	if (name && !only) {
		command_fail("there is no account '%.60s' in %s", name, config->path);
		r.person = true;
	} else {
		refresh_accounts(&r, only);
	}
	if (r.folder >= 0)
		close(r.folder);
	config_free(config);
	return r.person ? COMMAND_FAILED : COMMAND_OK;
}

const struct command command_refresh = {
	.name = "refresh",
	.arguments = "[--force] [ACCOUNT]",
	.help = "Renew sign-ins that nobody used for a week, and watch certificates",
	.run = run_refresh,
};
