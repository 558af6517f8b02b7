/*
 * check: `postroom check [ACCOUNT]`. Reads the settings, tells all that is wrong in them,
 * and then how each account stands. Changes nothing, and talks to nobody.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/command.h"
#include "admin/examine.h"
#include "admin/finding.h"
#include "admin/machine.h"
#include "admin/say.h"
#include "lib/base/priv.h"
#include "lib/account/config.h"
#include "lib/account/dates.h"

enum {
	FAULTS_SHOWN_MAX = 100, /* faults of the settings that are printed */
};

/* A fault of the settings file: printed as it is, for programs that jump to its line. */
static void
tell_fault(void *context, const char *fault)
{
	struct findings *f = context;

	if (f->count[SEVERITY_ERROR]++ < FAULTS_SHOWN_MAX)
		say("%s", fault);
}

static void
tell_rest(const struct findings *f)
{
	if (f->count[SEVERITY_ERROR] > FAULTS_SHOWN_MAX)
		say("… and %u more",
		    f->count[SEVERITY_ERROR] - (unsigned)FAULTS_SHOWN_MAX);
}

/* Wanted where a password is: NULL when it cannot be used. */
static struct dates *
read_dates(struct findings *f, const struct config *config)
{
	struct dates *dates = NULL;
	bool wanted = false;
	struct error e;

	for (size_t i = 0; i < config->account_count; i++)
		wanted = wanted || config->account[i].auth == AUTH_PASSWORD;
	if (wanted && *config->dates_file &&
	    dates_load(&dates, config->dates_file, &e) != STATUS_OK)
		finding(f, SEVERITY_WARNING,
		    "dates_file, which knows until when passwords work, cannot be used: %s",
		    e.text);
	return dates;
}

static void
check_account(struct examination *x, const struct account *account)
{
	x->account = account;
	if (account->place.faults == 0) {
		examine_account(x);
		return;
	}
	say("[account %s]", account->name);
	say("error: its settings have faults, named above; the rest is looked at when they "
	    "are mended");
}

/* All accounts, or `only`. */
static void
check_accounts(
    struct findings *f, const struct config *config, const struct account *only)
{
	struct examination x = { .findings = f, .config = config, .now = time(NULL) };
	struct dates *dates;

	say("[postroom] user = %s, state_dir = %s", config->user, config->state_dir);
	machine_examine(f, config);
	dates = read_dates(f, config);
	x.dates = dates;
	for (size_t i = 0; i < config->account_count; i++)
		if (!only || only == &config->account[i])
			check_account(&x, &config->account[i]);
	if (config->account_count == 0)
		finding(f, SEVERITY_ERROR,
		    "there is no account; add a section [account NAME] to %s",
		    config->path);
	dates_free(dates);
	if (!only)
		examine_scanning(f, config);
}

static int
run_check(int argc, char **argv)
{
	const char *path = config_path(), *name = NULL;
	const struct account *only = NULL;
	struct findings f = { { 0 } };
	struct config *config = NULL;
	struct error e;

	if (argc > 1 && strcmp(argv[1], "--") == 0) {
		argc--;
		argv++;
	} else if (argc > 1 && argv[1][0] == '-') {
		return command_usage(&command_check);
	}
	if (argc > 2)
		return command_usage(&command_check);
	if (argc == 2)
		name = argv[1];
	priv_hide(); /* secrets are looked at */
	if (config_check(&config, path, tell_fault, &f, &e) != STATUS_OK)
		return command_fail("%s", e.text);
	tell_rest(&f);
	if (name)
		only = config_account(config, name);
	if (name && !only)
		command_fail("there is no account '%.60s' in %s", name, path);
	else
		check_accounts(&f, config, only);
	config_free(config);
	if (name && !only)
		return COMMAND_FAILED;
	return finding_total(&f) ? COMMAND_FAILED : COMMAND_OK;
}

const struct command command_check = {
	.name = "check",
	.arguments = "[ACCOUNT]",
	.help = "Tell what is wrong with the settings, and how each account stands",
	.run = run_check,
};
