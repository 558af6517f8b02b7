/*
 * mailto: the CUPS backend that sends a job as an e-mail (mailto(8), backend(7)).
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "backend/discover.h"
#include "backend/exit.h"
#include "backend/job.h"
#include "backend/supervisor.h"
#include "backend/waiting.h"
#include "lib/base/log.h"
#include "lib/account/config.h"

enum {
	ARGUMENTS_STREAM = 6, /* program, job, user, title, copies, options */
	ARGUMENTS_FILE = 7,   /* and the document */
	RETRY_AFTER = 60,     /* seconds, where no settings could be read */
};

/* Stays until the job is to be tried again, as cupsd would start it at once. */
static void
wait_for_next_try(const struct ending *ending, const char *reason)
{
	const struct keeper *k = &ending->keeper;
	const struct waiting waiting = {
		.wait = ending->wait ? ending->wait
		    : k->config      ? (int64_t)k->config->retry_after * 1000
				     : RETRY_AFTER * 1000,
		.reason = reason,
		.config = k->config,
		.account = k->account,
		.fingerprint = k->account ? k->fingerprint : k->settings,
		.unreachable = ending->unreachable && k->account,
	};

	if (waiting_run(&waiting) == WAITED_OUT)
		keeper_postpone(k, waiting.wait - waiting_stay(&waiting),
		    waiting.unreachable, reason);
}

/* Says how it ended: once, and where it was refused as the queue's message. */
static void
report(enum status status, const struct ending *ending, const char *text)
{
	if (status == STATUS_RETRY)
		wait_for_next_try(ending, text);
	else if (status == STATUS_OK || status == STATUS_CANCELLED)
		log_message(LEVEL_INFO, "%s", text);
	else
		log_message(LEVEL_ERROR, "%s", text);
}

static int
run_job(int argc, char *argv[])
{
	struct ending ending = { .keeper = {
				     .state = { .jobs = -1, .limits = -1, .tokens = -1 },
				     .channel = -1,
				     .journal = -1 } };
	struct config *config = NULL;
	struct error error = { "" };
	struct job job = { 0 };
	enum status status;

	supervisor_guard();
	umask(077);
	status = job_init(&job, argc, argv, &error);
	if (status == STATUS_OK)
		status = config_begin(&config, &error);
	if (status == STATUS_OK)
		status = supervisor_run(&ending, config, &job, &error);
	report(status, &ending, error.text);
	supervisor_close(&ending);
	config_free(config);
	job_clear(&job);
	return exit_code(status);
}

int
main(int argc, char *argv[])
{
	log_open(LOG_CUPS, "mailto", LEVEL_DEBUG);
	if (argc == 1) {
		discover_devices();
		return exit_code(STATUS_OK);
	}
	if (argc < ARGUMENTS_STREAM || argc > ARGUMENTS_FILE) {
		log_message(
		    LEVEL_ERROR, "usage: mailto job user title copies options [file]");
		return exit_code(STATUS_SETTINGS);
	}
	return run_job(argc, argv);
}
