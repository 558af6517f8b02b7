/* asking: what the worker asks of the supervisor (asking.h). */
#include "backend/asking.h"

#include <string.h>
#include <unistd.h>

#include "backend/channel.h"
#include "lib/base/log.h"

/* One question and its answer, which must be of this type. */
static bool
ask(const struct worker *w, const struct words *question, enum record_type wanted,
    struct record *answer, int *fd)
{
	return channel_send(w->channel, question) &&
	    channel_receive(w->channel, answer, fd) && answer->type == wanted;
}

static enum status
nobody_answers(struct error *e)
{
	return error_set(e, STATUS_RETRY, "the supervisor is gone");
}

enum status
asking_credential(struct credential *out, const struct worker *w,
    const struct account *account, struct error *e)
{
	const struct words question = {
		.type = RECORD_ASK_SECRET,
		.value = (uint32_t)(account - w->config->account),
	};
	static struct record answer;
	enum status status = STATUS_OK;

	if (account->auth != AUTH_PASSWORD && account->auth != AUTH_NONE)
		return error_set(e, STATUS_SETTINGS,
		    "account %s: this version signs in with auth = password or none only",
		    account->name);
	if (!ask(w, &question, RECORD_SECRET, &answer, NULL))
		return nobody_answers(e);
	if (answer.value != STATUS_OK) {
		status = error_set(e, (enum status)answer.value, "%s", answer.text);
	} else {
		memcpy(out->secret.text, answer.text, sizeof(out->secret.text));
		out->secret.text[sizeof(out->secret.text) - 1] = '\0';
		out->fingerprint = (uint64_t)answer.number;
	}
	explicit_bzero(&answer, sizeof(answer));
	return status;
}

enum status
asking_journal(
    struct journal **out, const struct worker *w, const char *name, struct error *e)
{
	const struct words question = { .type = RECORD_ASK_JOURNAL, .text = name };
	static struct record answer;
	bool damaged = false;
	enum status status;
	int fd = -1;

	if (!ask(w, &question, RECORD_JOURNAL, &answer, &fd))
		return nobody_answers(e);
	if (answer.value != STATUS_OK)
		return error_set(e, (enum status)answer.value, "%s", answer.text);
	if (fd < 0)
		return error_set(e, STATUS_RETRY, "the job's journal did not arrive");
	if (answer.number)
		log_message(LEVEL_WARNING,
		    "the job's journal was damaged and has been set aside: whether the "
		    "message was sent before is not known");
	status = journal_load(out, fd, &damaged, e);
	if (status == STATUS_OK && damaged)
		log_message(LEVEL_WARNING,
		    "a line of the job's journal is damaged: whether the message was "
		    "sent before is not known");
	return status;
}

void
asking_wait(
    const struct worker *w, const struct account *account, int64_t ms, bool network)
{
	const struct words words = {
		.type = RECORD_WAIT,
		.value = (uint32_t)(account - w->config->account) |
		    (network ? (uint32_t)WAIT_FOR_NETWORK : 0),
		.number = ms,
	};

	channel_send(w->channel, &words);
}

void
asking_history(const struct worker *w, const char *line)
{
	const struct words words = { .type = RECORD_HISTORY, .text = line };

	channel_send(w->channel, &words);
}

bool
asking_committed(const struct worker *w)
{
	return channel_send(w->channel, &(struct words){ .type = RECORD_COMMITTED });
}

bool
asking_settled(const struct worker *w)
{
	return channel_send(w->channel, &(struct words){ .type = RECORD_SETTLED });
}
