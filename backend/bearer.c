/* bearer: an access token when it is needed (bearer.h). */
#include "backend/bearer.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "backend/asking.h"
#include "lib/base/hidden.h"
#include "lib/base/log.h"
#include "lib/base/moment.h"
#include "lib/login/signin.h"
#include "lib/login/tokens.h"

/* Asks the authorization server, and has root keep what it gave. */
static enum status
renew(struct bearer *b, const struct worker *w, const struct account *account,
    const struct grant *grant, struct error *e)
{
	struct signin *s = hidden_new(sizeof(*s));
	enum status status;

	if (!s) {
		asking_gave_up(w);
		return error_errno(e, "there is no memory for a token");
	}
	log_message(LEVEL_INFO, "Signing in account %s", account->name);
	status = signin_request(s, account, grant, w->intake.stop, e);
	if (status == STATUS_OK) {
		memcpy(b->token, s->tokens.access, sizeof(b->token));
		status = asking_store(w, &s->tokens, e);
	} else if (status == STATUS_CANCELLED) {
		asking_gave_up(w);
	} else {
		asking_not_renewed(w, &s->why, s->after, e->text);
		if (status == STATUS_SETTINGS) {
			struct error why = *e;

			error_set(e, status, "account %s: %s", account->name, why.text);
		}
		b->wait = s->after > 0 ? s->after * 1000 : 0;
	}
	hidden_free(s, sizeof(*s));
	return status;
}

/* Waits a little; false when the job is stopped meanwhile. */
static bool
rest(const struct worker *w)
{
	struct pollfd stop = { .fd = w->intake.stop, .events = POLLIN };

	return poll(&stop, 1, BEARER_POLL) <= 0;
}

/* Asks the supervisor until it has something. */
static enum status
ask(struct token_answer *answer, const struct worker *w, const struct account *account,
    uint32_t refused, struct error *e)
{
	struct moment begin = moment_now();
	enum status status;

	for (;;) {
		struct moment now = moment_now();

		status = asking_token(answer, w, refused, e);
		if (status != STATUS_OK || answer->kind != VAULT_BUSY)
			return status;
		if (!rest(w))
			return error_set(
			    e, STATUS_CANCELLED, "stopped before the message was sent");
		if (moment_since(&begin, &now) > BEARER_PATIENCE * INT64_C(1000))
			return error_set(e, STATUS_RETRY,
			    "another process has been signing account %s in for %d s",
			    account->name, BEARER_PATIENCE);
	}
}

static enum status
get(struct bearer *b, const struct worker *w, const struct account *account,
    uint32_t refused, struct error *e)
{
	struct token_answer *answer = hidden_new(sizeof(*answer));
	enum status status;

	if (!answer)
		return error_errno(e, "there is no memory for a token");
	status = ask(answer, w, account, refused, e);
	b->wait = answer->wait;
	if (status == STATUS_OK && answer->kind == VAULT_READY)
		memcpy(b->token, answer->token, sizeof(b->token));
	else if (status == STATUS_OK)
		status = renew(b, w, account, &answer->grant, e);
	hidden_free(answer, sizeof(*answer));
	return status;
}

enum status
bearer_get(struct bearer *b, const struct worker *w, const struct account *account,
    uint32_t refused, struct error *e)
{
	enum status status;

	explicit_bzero(b, sizeof(*b));
	status = get(b, w, account, refused, e);
	if (status == STATUS_OK)
		b->serial = tokens_serial(b->token);
	return status;
}
