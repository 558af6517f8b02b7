/* keeper: what root does for the worker (keeper.h). */
#include "backend/keeper.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "backend/reminder.h"
#include "lib/base/file.h"
#include "lib/account/account.h"
#include "lib/base/log.h"
#include "lib/login/assertion.h"
#include "lib/send/history.h"
#include "lib/send/jobfile.h"
#include "lib/send/journal.h"
#include "lib/account/secret.h"
#include "lib/login/vault.h"

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

bool
keeper_secret_path(char path[STATE_PATH_MAX], const struct config *config,
    const struct account *account, unsigned n)
{
	const char *files[] = { "", "", "" };
	int len;

	if (!account || n >= sizeof(files) / sizeof(files[0]) + 1)
		return false;
	if (account->auth == AUTH_PASSWORD) {
		files[0] = account->password_file;
	} else {
		files[0] = account->client_secret_file;
		files[1] = account->certificate_file;
		files[2] = account->key_file;
	}
	if (n == 0 && account_is_delegated(account)) {
		len = snprintf(path, STATE_PATH_MAX, "%s/tokens/%s", config->state_dir,
		    account->name);
		return len < STATE_PATH_MAX;
	}
	n -= account_is_delegated(account);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (!*files[i] || n-- > 0)
			continue;
		len = snprintf(path, STATE_PATH_MAX, "%s", files[i]);
		return len < STATE_PATH_MAX;
	}
	return false;
}

/* A number for who is signed in, and with what. */
static uint32_t
describe_login(const struct config *config, const struct account *account)
{
	char path[STATE_PATH_MAX];
	struct vault *vault = NULL;
	uint64_t number = 0;
	int folder;

	if (snprintf(path, sizeof(path), "%s/tokens", config->state_dir) >=
	    (int)sizeof(path))
		return 0;
	folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder >= 0 && vault_open(&vault, folder, account, NULL) == STATUS_OK)
		number = vault_fingerprint(vault);
	vault_close(vault);
	if (folder >= 0)
		close(folder);
	return (uint32_t)(number ^ number >> 32);
}

uint64_t
keeper_fingerprint(const struct config *config, const struct account *account)
{
	char path[STATE_PATH_MAX];
	uint32_t secret = 0;

	if (account && account_is_oauth(account))
		secret = describe_login(config, account);
	else
		for (unsigned n = 0; keeper_secret_path(path, config, account, n); n++)
			secret = secret * 31 + describe(path);
	return (uint64_t)describe(config->path) << 32 | secret;
}

bool
keeper_is_outdated(const struct keeper *k)
{
	return k->config && keeper_fingerprint(k->config, NULL) != k->settings;
}

/* Certificate and key of an account that shows them in TLS, as one PEM text. */
static enum status
read_pem(char text[CHANNEL_TEXT_MAX + 1], const struct account *a, struct error *e)
{
	const struct file_rule rules[] = {
		{ .owner = geteuid(), .min = 1, .max = ASSERTION_FILE_MAX },
		{ .root_only = true, .min = 1, .max = ASSERTION_FILE_MAX },
	};
	const char *const paths[] = { a->certificate_file, a->key_file };
	enum status status = STATUS_OK;
	size_t used = 0;

	for (size_t i = 0; status == STATUS_OK && i < 2; i++) {
		size_t len = CHANNEL_TEXT_MAX - 1 - used;
		int fd;

		status = file_open(&fd, paths[i], &rules[i], e);
		if (status != STATUS_OK)
			break;
		status = file_read(fd, text + used, &len, paths[i], e);
		close(fd);
		if (status == STATUS_OK && memchr(text + used, '\0', len))
			status = error_set(e, STATUS_SETTINGS,
			    "%s holds a NUL byte; it has to be a PEM file", paths[i]);
		used += len;
		text[used++] = '\n';
	}
	text[status == STATUS_OK ? used : 0] = '\0';
	return status;
}

/* What the account signs in with, where that is not a token. */
static enum status
read_credential(char text[CHANNEL_TEXT_MAX + 1], const struct account *a, struct error *e)
{
	struct secret secret = { "" };
	enum status status;

	text[0] = '\0';
	if (a->auth == AUTH_NONE)
		return *a->key_file ? read_pem(text, a, e) : STATUS_OK;
	if (a->auth != AUTH_PASSWORD)
		return STATUS_OK;
	status = secret_read(&secret, a->password_file, e);
	memcpy(text, secret.text, sizeof(secret.text));
	secret_wipe(&secret);
	return status;
}

/* The next try reads the settings anew, at once (waiting.h). */
static enum status
say_outdated(struct keeper *k, struct error *e)
{
	k->fingerprint = 0;
	return error_set(e, STATUS_RETRY,
	    "the settings have changed since this job was begun: it is begun anew");
}

/* Answers the worker's question for the credential, once. */
static void
give_secret(struct keeper *k, uint32_t index)
{
	static char text[CHANNEL_TEXT_MAX + 1];
	struct words answer = { .type = RECORD_SECRET };
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
	reminder_give(k->config, k->account, k->state.tokens, time(NULL));
	if (keeper_is_outdated(k))
		status = say_outdated(k, &error);
	else
		status = read_credential(text, k->account, &error);
	if (status == STATUS_OK && account_is_oauth(k->account))
		status =
		    custodian_open(&k->custodian, k->state.tokens, k->account, &error);
	if (status == STATUS_SETTINGS && geteuid() != 0)
		error_set(&error, status,
		    "%s; the backend is to be root's and of mode 0700, so that cupsd "
		    "starts it as root",
		    error.text);
	answer.value = status;
	answer.text = status ? error.text : text;
	channel_send(k->channel, &answer);
	explicit_bzero(text, sizeof(text));
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

/* A job of other settings neither uses nor replaces the tokens of these. */
static bool
refuse_token(struct keeper *k)
{
	struct words answer = { .type = RECORD_TOKEN };
	struct error error;

	answer.value = say_outdated(k, &error);
	answer.text = error.text;
	channel_send(k->channel, &answer);
	return true;
}

bool
keeper_hear(struct keeper *k, const struct record *r)
{
	switch (r->type) {
	case RECORD_ASK_SECRET: give_secret(k, r->value); return true;
	case RECORD_ASK_JOURNAL: give_journal(k, r->text); return true;
	case RECORD_HISTORY: write_history(k, r->text); return true;
	case RECORD_ASK_TOKEN:
		if (keeper_is_outdated(k))
			return refuse_token(k);
		return custodian_hear(&k->custodian, k->channel, r);
	default: return custodian_hear(&k->custodian, k->channel, r);
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

void
keeper_close(struct keeper *k)
{
	custodian_close(&k->custodian);
	state_close(&k->state);
	if (k->channel >= 0)
		close(k->channel);
	if (k->journal >= 0)
		close(k->journal);
	k->channel = k->journal = -1;
}
