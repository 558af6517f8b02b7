/* trial: a test message (trial.h). */
#include "admin/trial.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/errand.h"
#include "admin/pkce.h"
#include "lib/mail/message.h"
#include "lib/account/account.h"
#include "lib/send/graph.h"
#include "lib/login/oauth.h"
#include "lib/send/submission.h"

enum {
	ID_MAX = PKCE_WORD_MAX + ADDRESS_MAX + 16,
	BODY_MAX = 2048,
	HOST_MAX = 256,
};

static bool
is_address(const char *text, struct error *e)
{
	struct mailbox mailbox;

	if (mailbox_parse(&mailbox, text, e) != STATUS_OK)
		return false;
	mailbox_clear(&mailbox);
	return true;
}

const char *
trial_address(const struct account *account, const char *wanted, struct error *e)
{
	if (wanted)
		return is_address(wanted, e) ? wanted : NULL;
	return is_address(account->username, NULL) ? account->username
						   : account->from.address;
}

static void
write_body(char body[BODY_MAX], const struct account *account)
{
	char host[HOST_MAX] = "";

	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	snprintf(body, BODY_MAX,
	    "This is a test message of Postroom, which sends what is printed and scanned "
	    "on %s as e-mail.\n\n"
	    "That you have got it proves: the account '%s' signs in by OAuth 2.0 (%s) "
	    "as %s, and its mail is taken by %s.\n\n"
	    "There is nothing to do.\n",
	    *host ? host : "this machine", account->name, account_auth(account),
	    account->username,
	    account_is_graph(account) ? "Microsoft Graph" : account->server.host);
}

static enum status
compose(struct message_stream **out, const struct account *account,
    const struct mailbox_list *to, struct error *e)
{
	char id[ID_MAX], boundary[PKCE_WORD_MAX], body[BODY_MAX];
	const char *at = strrchr(account->from.address, '@');
	const struct message message = {
		.from = &account->from,
		.to = to,
		.subject = "Postroom: test of signing in",
		.body = body,
		.date = time(NULL),
		.automatic = true,
		.id = id,
		.boundary = "=_none", /* one part needs none */
	};

	if (!pkce_random(boundary))
		return error_set(e, STATUS_RETRY, "the system gives no random numbers");
	snprintf(id, sizeof(id), "login.%s@%s", boundary, at ? at + 1 : "localhost");
	write_body(body, account);
	return message_open(out, &message, e);
}

/* What a refused login means where no password was shown. */
static enum status
explain_refusal(const struct reply *r, struct error *e)
{
	return error_set(e, STATUS_SETTINGS,
	    "the mail server does not take the token; SMTP AUTH may be off for the "
	    "mailbox, or the application may lack the right to send from it (the server "
	    "said: %d%s%s %s)",
	    r->code, *r->enhanced ? " " : "", r->enhanced, r->text);
}

/* What the child is given: the access token, and nothing else of what came. */
struct given {
	const struct trial *trial;
	char token[TOKEN_MAX + 1];
};

/* In the child. */
static enum status
post(const struct errand_side *side, void *context, void *result, struct error *e)
{
	const struct given *given = context;
	const struct trial *t = given->trial;
	struct mailbox_list to = { 0 };
	struct delivery delivery;
	struct receipt receipt = { .delivery = &delivery };
	struct submission s = { .account = t->account,
		.token = given->token,
		.recipients = &to,
		.stop = -1 };
	enum status status = mailbox_list_parse(&to, t->address, e);

	(void)side;
	(void)result;
	if (status == STATUS_OK)
		status = compose(&s.message, t->account, &to, e);
	if (status == STATUS_OK)
		status = account_is_graph(t->account) ? graph_send(&s, &receipt, e)
						      : submission_send(&s, &receipt, e);
	if (status == STATUS_RETRY && receipt.verdict == VERDICT_LOGIN &&
	    !account_is_graph(t->account))
		status = explain_refusal(&receipt.reply, e);
	if (s.message)
		message_close(s.message);
	mailbox_list_clear(&to);
	return status;
}

enum status
trial_send(const struct trial *trial, struct error *e)
{
	struct given given = { .trial = trial };
	enum status status;

	snprintf(given.token, sizeof(given.token), "%s", trial->token);
	status = errand_run(
	    &(struct errand){
		.config = trial->config, .run = post, .context = &given, .give = -1 },
	    e);
	explicit_bzero(given.token, sizeof(given.token));
	return status;
}
