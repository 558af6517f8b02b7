/* keeper: what root does for the worker (keeper.h). */
#include "backend/keeper.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/base/log.h"
#include "lib/send/history.h"
#include "lib/send/jobfile.h"
#include "lib/send/journal.h"
#include "lib/send/secret.h"

enum {
	HISTORY_LINES_MAX = 5000, /* of one run: a recipient each, and a few more */
};

/* CRC-32 of what changes when a file does. */
static uint32_t
describe(const char *path)
{
	struct stat st;
	uint64_t facts[6] = { 0 };

	if (path && stat(path, &st) == 0) {
		facts[0] = st.st_dev;
		facts[1] = st.st_ino;
		facts[2] = (uint64_t)st.st_size;
		facts[3] = (uint64_t)st.st_mtim.tv_sec;
		facts[4] = (uint64_t)st.st_mtim.tv_nsec;
		facts[5] = (uint64_t)st.st_ctim.tv_nsec;
	}
	return (uint32_t)crc32(0, (const unsigned char *)facts, sizeof(facts));
}

const char *
keeper_secret_path(const struct account *account)
{
	return account && account->auth == AUTH_PASSWORD ? account->password_file : NULL;
}

uint64_t
keeper_fingerprint(const struct config *config, const struct account *account)
{
	return (uint64_t)describe(config->path) << 32 |
	    describe(keeper_secret_path(account));
}

/* Answers the worker's question for a password, once. */
static void
give_secret(struct keeper *k, uint32_t index)
{
	struct words answer = { .type = RECORD_SECRET };
	struct secret secret = { "" };
	struct error error = { "" };
	enum status status = STATUS_OK;

	if (k->gave_secret || index >= k->config->account_count) {
		answer.value = STATUS_SETTINGS;
		answer.text = "the supervisor refused to read a password";
		channel_send(k->channel, &answer);
		return;
	}
	k->gave_secret = true;
	k->account = &k->config->account[index];
	k->fingerprint = keeper_fingerprint(k->config, k->account);
	answer.number = (int64_t)k->fingerprint;
	if (keeper_secret_path(k->account))
		status = secret_read(&secret, keeper_secret_path(k->account), &error);
	if (status == STATUS_SETTINGS && geteuid() != 0)
		error_set(&error, status,
		    "%s; the backend is to be root's and of mode 0700, so that cupsd "
		    "starts it as root",
		    error.text);
	answer.value = status;
	answer.text = status ? error.text : secret.text;
	channel_send(k->channel, &answer);
	secret_wipe(&secret);
}

/* Whether a journal's name is this job's: its number, '-' and what follows. */
static bool
is_own_name(const struct keeper *k, const char *name)
{
	size_t len = strlen(k->job->id);

	return strncmp(name, k->job->id, len) == 0 && name[len] == '-';
}

/* Opens the job's journal for the worker, once. */
static void
give_journal(struct keeper *k, const char *name)
{
	struct words answer = { .type = RECORD_JOURNAL };
	struct error error = { "" }, why = { "" };
	const struct jobfile which = { .name = name, .job = k->job->id };
	bool set_aside = false;

	if (k->journal >= 0 || !is_own_name(k, name)) {
		answer.value = STATUS_RETRY;
		answer.text = "the supervisor refused to open another journal";
		channel_send(k->channel, &answer);
		return;
	}
	answer.value =
	    (uint32_t)jobfile_open(&k->journal, k->state.jobs, &which, &set_aside, &why);
	if (answer.value == STATUS_RETRY)
		error_set(
		    &error, STATUS_RETRY, "%s/jobs: %s", k->config->state_dir, why.text);
	else
		error = why;
	jobfile_sweep(k->state.jobs, time(NULL), k->job->request_root);
	answer.text = error.text;
	answer.number = set_aside;
	answer.fd = k->journal > 0 ? k->journal : 0;
	channel_send(k->channel, &answer);
}

/* Writes a line of the record: whose it is says root. */
static void
write_history(struct keeper *k, const char *rest)
{
	const struct history_job job = {
		.time = time(NULL),
		.job = k->job->id,
		.queue = k->job->printer,
		.user = k->job->user,
	};
	struct error error;
	struct buf line;

	if (k->lines++ >= HISTORY_LINES_MAX)
		return;
	buf_init(&line, HISTORY_LINE_MAX + 1);
	if (history_head(&line, &job) && buf_putc(&line, ' ') && buf_puts(&line, rest) &&
	    history_write(k->config->log_file, buf_text(&line), &error) != STATUS_OK)
		log_message(LEVEL_WARNING, "the record was not written: %s", error.text);
	buf_clear(&line);
}

bool
keeper_hear(struct keeper *k, const struct record *r)
{
	switch (r->type) {
	case RECORD_ASK_SECRET: give_secret(k, r->value); return true;
	case RECORD_ASK_JOURNAL: give_journal(k, r->text); return true;
	case RECORD_HISTORY: write_history(k, r->text); return true;
	default: return false;
	}
}

void
keeper_postpone(
    const struct keeper *k, int64_t rest, bool unreachable, const char *reason)
{
	struct moment now = moment_now();
	const struct journal_pause pause = {
		.until = moment_after(&now, rest),
		.number = k->fingerprint,
		.network = unreachable,
		.text = reason,
	};

	if (rest > 0 && k->journal >= 0)
		journal_leave(k->journal, &pause);
}
