/* asking: what the worker asks of the supervisor (asking.h). */
#include "backend/asking.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/channel.h"
#include "lib/base/hidden.h"
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
asking_credential(struct credential **out, const struct worker *w,
    const struct account *account, struct error *e)
{
	const struct words question = {
		.type = RECORD_ASK_SECRET,
		.value = (uint32_t)(account - w->config->account),
	};
	static struct record answer;
	struct credential *c = hidden_new(sizeof(*c));
	enum status status = STATUS_OK;

	if (!c)
		return error_errno(e, "there is no memory for a password");
	if (!ask(w, &question, RECORD_SECRET, &answer, NULL))
		status = nobody_answers(e);
	else if (answer.value != STATUS_OK)
		status = error_set(e, (enum status)answer.value, "%s", answer.text);
	memcpy(c->text, answer.text, sizeof(c->text));
	c->fingerprint = (uint64_t)answer.number;
	explicit_bzero(&answer, sizeof(answer));
	if (status == STATUS_OK)
		*out = c;
	else
		credential_free(c);
	return status;
}

void
credential_free(struct credential *c)
{
	hidden_free(c, sizeof(*c));
}

enum status
asking_token(
    struct token_answer *out, const struct worker *w, uint32_t refused, struct error *e)
{
	const struct words question = { .type = RECORD_ASK_TOKEN, .number = refused };
	static struct record answer;
	enum status status = STATUS_OK;

	*out = (struct token_answer){ .kind = VAULT_BUSY };
	if (!ask(w, &question, RECORD_TOKEN, &answer, NULL)) {
		status = nobody_answers(e);
	} else if (answer.value != STATUS_OK) {
		out->wait = answer.number;
		status = error_set(e, (enum status)answer.value, "%s", answer.text);
	} else if (answer.number == VAULT_READY) {
		out->kind = VAULT_READY;
		snprintf(out->token, sizeof(out->token), "%.*s", TOKEN_MAX, answer.text);
	} else if (answer.number == VAULT_GRANT) {
		out->kind = VAULT_GRANT;
		if (!grant_read(&out->grant, answer.text))
			status = nobody_answers(e);
	}
	explicit_bzero(&answer, sizeof(answer));
	return status;
}

enum status
asking_store(const struct worker *w, const struct oauth_tokens *tokens, struct error *e)
{
	static char text[CHANNEL_TEXT_MAX + 1];
	const struct words words = {
		.type = RECORD_RENEWED,
		.number = tokens->lifetime,
		.text = text,
	};
	static struct record answer;
	enum status status = STATUS_OK;

	snprintf(text, sizeof(text), "%s\n%s", tokens->access, tokens->refresh);
	if (!ask(w, &words, RECORD_STORED, &answer, NULL))
		status = nobody_answers(e);
	else if (answer.value != STATUS_OK)
		status = error_set(e, (enum status)answer.value, "%s", answer.text);
	explicit_bzero(text, sizeof(text));
	return status;
}

void
asking_gave_up(const struct worker *w)
{
	channel_send(w->channel, &(struct words){ .type = RECORD_GAVE_UP });
}

void
asking_not_renewed(const struct worker *w, const struct oauth_refusal *why, int64_t after,
    const char *text)
{
	const struct words words = {
		.type = RECORD_NOT_RENEWED,
		.value = (uint32_t)why->verdict,
		.number = after,
		.text = text,
	};

	channel_send(w->channel, &words);
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
