/* custodian: tokens between vault and worker (custodian.h). */
#include "backend/custodian.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/hidden.h"
#include "lib/base/log.h"
#include "lib/login/grant.h"

enum status
custodian_open(
    struct custodian *c, int folder, const struct account *account, struct error *e)
{
	hidden_overwrite_freed();
	return c->vault ? STATUS_OK : vault_open(&c->vault, folder, account, e);
}

void
custodian_close(struct custodian *c)
{
	vault_close(c->vault);
	*c = (struct custodian){ 0 };
	hidden_sweep(); /* the probe of who waits is a child, too */
}

/* Sends what is asked for with, and counts it. */
static void
hand_out(struct custodian *c, int channel, const struct grant *grant)
{
	struct words answer = { .type = RECORD_TOKEN, .number = VAULT_GRANT };
	struct buf text;

	/* all the room at once: a buffer that grows leaves copies behind */
	buf_init(&text, GRANT_TEXT_MAX);
	text.data = calloc(1, GRANT_TEXT_MAX + 1);
	text.size = text.data ? GRANT_TEXT_MAX + 1 : 0;
	c->grants++;
	c->waiting = true;
	if (!text.data || !grant_write(&text, grant)) {
		answer.value = STATUS_RETRY;
		answer.number = 0;
	}
	answer.text = buf_text(&text);
	if (!channel_send(channel, &answer) || answer.value) {
		vault_unlock(c->vault);
		c->waiting = false;
	}
	if (text.data)
		explicit_bzero(text.data, text.size);
	buf_clear(&text);
}

static void
give_token(struct custodian *c, int channel, uint32_t refused)
{
	static struct grant grant;
	struct words answer = { .type = RECORD_TOKEN };
	struct vault_want want = { .refused = refused };
	enum vault_answer kind = VAULT_BUSY;
	struct error error = { "" };
	enum status status = STATUS_RETRY;

	if (!c->vault || c->grants >= CUSTODIAN_GRANTS_MAX)
		error_set(&error, status, "the supervisor refused to hand out a token");
	else
		status = vault_ask(&kind, c->vault, &want, &grant, &error);
	if (status == STATUS_OK && kind == VAULT_GRANT) {
		hand_out(c, channel, &grant);
		grant_wipe(&grant);
		return;
	}
	grant_wipe(&grant);
	answer.value = status;
	answer.number = status ? want.wait : (int64_t)kind;
	answer.text = status      ? error.text
	    : kind == VAULT_READY ? want.tokens->access
				  : NULL;
	channel_send(channel, &answer);
}

/* Splits "ACCESS LF REFRESH"; false when it is not that. */
static bool
split_tokens(struct oauth_tokens *out, const char *text)
{
	const char *middle = strchr(text, '\n');
	size_t len = middle ? (size_t)(middle - text) : 0;

	if (len == 0 || len > TOKEN_MAX || strlen(middle + 1) > TOKEN_MAX)
		return false;
	memcpy(out->access, text, len);
	out->access[len] = '\0';
	memcpy(out->refresh, middle + 1, strlen(middle + 1) + 1);
	return true;
}

static void
take_tokens(struct custodian *c, int channel, const struct record *r)
{
	static struct oauth_tokens tokens;
	struct words answer = { .type = RECORD_STORED };
	struct error error = { "" };
	enum status status = STATUS_INVALID;

	tokens.lifetime = r->number;
	if (split_tokens(&tokens, r->text))
		status = vault_store(c->vault, &tokens, &error);
	if (status == STATUS_INVALID)
		status = error_set(
		    &error, STATUS_RETRY, "the supervisor refused to store these tokens");
	else if (status == STATUS_RETRY) {
		/* Whatever keeps them from being stored need not keep the job waiting. */
		log_message(
		    LEVEL_WARNING, "%s; this job uses its token even so", error.text);
		status = STATUS_OK;
	}
	vault_unlock(c->vault);
	oauth_tokens_wipe(&tokens);
	answer.value = status;
	answer.text = error.text;
	channel_send(channel, &answer);
}

static void
note_refusal(struct custodian *c, const struct record *r)
{
	const struct oauth_refusal why = {
		.verdict = r->value <= OAUTH_SETTINGS ? (enum oauth_verdict)r->value
						      : OAUTH_WAIT,
	};

	vault_fail(c->vault, &why, r->number, r->text);
}

bool
custodian_hear(struct custodian *c, int channel, const struct record *r)
{
	bool answer = r->type == RECORD_RENEWED || r->type == RECORD_NOT_RENEWED ||
	    r->type == RECORD_GAVE_UP;

	if (answer && !c->waiting)
		return false;
	switch (r->type) {
	case RECORD_ASK_TOKEN:
		if (c->waiting) /* it gave up on the last one */
			vault_unlock(c->vault);
		c->waiting = false;
		give_token(c, channel, (uint32_t)r->number);
		return true;
	case RECORD_RENEWED: take_tokens(c, channel, r); break;
	case RECORD_NOT_RENEWED: note_refusal(c, r); break;
	case RECORD_GAVE_UP: vault_unlock(c->vault); break;
	default: return false;
	}
	c->waiting = false;
	return true;
}
