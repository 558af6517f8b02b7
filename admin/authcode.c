/*
 * authcode: signing in with a browser that comes back to this machine, or whose address
 * is pasted (flow.h).
 *
 *   here     state and verifier ─► the address to open
 *   errand   waits for the code (listener.h), and changes it for tokens
 */
#include "admin/authcode.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/errand.h"
#include "admin/flow.h"
#include "admin/listener.h"
#include "admin/pkce.h"
#include "admin/say.h"
#include "lib/base/text.h"
#include "lib/account/endpoint.h"
#include "lib/web/http.h"
#include "lib/login/answers.h"
#include "lib/login/signin.h"

enum {
	REDIRECT_URL_MAX = 32, /* bytes of "http://localhost:65535", with the NUL */
	SHOWN_MAX = 60,        /* bytes of an error of the server's */
};

/* What one sign-in is known by. */
struct attempt {
	const struct flow *flow;
	char state[PKCE_WORD_MAX], verifier[PKCE_WORD_MAX];
	char nonce[PKCE_WORD_MAX]; /* "": no id_token is asked for */
	char redirect_url[REDIRECT_URL_MAX];
};

/* What the server's refusals mean (RFC 6749 4.1.2.1, and Microsoft's). */
static const struct {
	const char *error, *meaning;
} meanings[] = {
	{ "access_denied", "the person who was to sign in declined" },
	{ "consent_required", "an administrator has to agree to the application first" },
	{ "interaction_required", "the person has to sign in anew" },
	{ "invalid_request",
	    "the server does not understand the request; is the redirect "
	    "address http://localhost registered?" },
	{ "invalid_scope", "the scope is not one of this application's" },
	{ "server_error", "the service has trouble; try again later" },
	{ "temporarily_unavailable", "the service has trouble; try again later" },
	{ "unauthorized_client", "the application may not sign people in this way" },
};

/* -- in the child ----------------------------------------------------------------- */

static enum status
explain(const char *error, struct error *e)
{
	struct buf shown;

	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (strcmp(meanings[i].error, error) == 0)
			return error_set(
			    e, STATUS_SETTINGS, "%s (%s)", meanings[i].meaning, error);
	buf_init(&shown, SHOWN_MAX * 4);
	text_show(&shown, error, SHOWN_MAX);
	error_set(e, STATUS_SETTINGS, "signing in was refused (%s)", buf_text(&shown));
	buf_clear(&shown);
	return STATUS_SETTINGS;
}

static enum status
change_code(
    struct signin *signin, const struct attempt *a, const char *code, struct error *e)
{
	const struct account *account = a->flow->account;
	const char *secret = a->flow->grant->client_secret;
	char room[ENDPOINT_URL_MAX];
	const struct oauth_question question = {
		.kind = GRANT_CODE,
		.client_id = account->client_id,
		.scope = endpoint_scope(room, account),
		.token = code,
		.client_secret = *secret ? secret : NULL,
		.verifier = a->verifier,
		.redirect_url = a->redirect_url,
	};
	struct http *session = NULL;
	enum status status = http_open(&session, account->ca_file, -1, e);

	if (status == STATUS_OK)
		status = signin_ask(signin, account, &question, session, e);
	http_close(session);
	return status;
}

/* Whether an id_token that came is an answer to this attempt. */
static enum status
check_nonce(const struct attempt *a, const struct oauth_tokens *tokens, struct error *e)
{
	if (!*a->nonce || !*tokens->id || answers_have_nonce(tokens->id, a->nonce))
		return STATUS_OK;
	return error_set(e, STATUS_RETRY,
	    "the id_token that came was made for another sign-in (its nonce is not the "
	    "one that was asked with); try again, or leave openid out of scope");
}

static enum status
collect(const struct errand_side *side, void *context, void *result, struct error *e)
{
	const struct attempt *a = context;
	static struct redirect redirect;
	static struct signin signin;
	enum status status = listener_wait(&redirect, side, a->state, e);

	if (status == STATUS_OK)
		status = *redirect.code ? change_code(&signin, a, redirect.code, e)
					: explain(redirect.error, e);
	if (status == STATUS_OK)
		status = check_nonce(a, &signin.tokens, e);
	if (status == STATUS_OK)
		flow_take(result, &signin.tokens);
	explicit_bzero(&signin, sizeof(signin));
	explicit_bzero(&redirect, sizeof(redirect));
	return status;
}

/* -- in the parent ---------------------------------------------------------------- */

bool
authcode_address(
    struct buf *out, const struct account *account, const struct authcode_address *a)
{
	char url[ENDPOINT_URL_MAX], room[ENDPOINT_URL_MAX];

	if (!endpoint_url(url, account, ENDPOINT_AUTHORIZE) || !buf_puts(out, url))
		return false;
	if (!strchr(url, '?'))
		buf_putc(out, '?');
	oauth_pair(out, "client_id", account->client_id);
	oauth_pair(out, "response_type", "code");
	oauth_pair(out, "redirect_uri", a->redirect_url);
	oauth_pair(out, "scope", endpoint_scope(room, account));
	oauth_pair(out, "state", a->state);
	if (a->nonce)
		oauth_pair(out, "nonce", a->nonce);
	oauth_pair(out, "code_challenge", a->challenge);
	oauth_pair(out, "code_challenge_method", "S256");
	oauth_pair(out, "login_hint", account->username);
	/* a browser that knows the administrator must not go on as that person */
	oauth_pair(out, "prompt", "select_account");
	return !out->over;
}

static enum status
show(const struct attempt *a, struct error *e)
{
	const struct account *account = a->flow->account;
	char challenge[PKCE_WORD_MAX];
	struct buf address;
	bool good;

	buf_init(&address, SAY_MAX / 2);
	good = pkce_challenge(challenge, a->verifier) &&
	    authcode_address(&address, account,
		&(struct authcode_address){ .redirect_url = a->redirect_url,
		    .state = a->state,
		    .challenge = challenge,
		    .nonce = *a->nonce ? a->nonce : NULL });
	if (good) {
		say("Open this address in a browser, in a private window, and sign in as "
		    "%s:",
		    account->username);
		say("%s", buf_text(&address));
		if (a->flow->paste)
			say("The browser ends at a page that cannot be shown. Paste the "
			    "address of that page here:");
		else
			say("Waiting. Where the browser runs on another machine, it ends "
			    "at a page that cannot be shown: paste its address here. "
			    "Ctrl-C ends it.");
	}
	buf_clear(&address);
	return good ? STATUS_OK
		    : error_set(e, STATUS_SETTINGS,
			  "the address to sign in at cannot be made: the settings make "
			  "it too long");
}

/* Names the place that the browser comes back to, and listens there. */
static enum status
prepare(struct attempt *a, int *listener, struct error *e)
{
	uint16_t port = (uint16_t)a->flow->account->redirect_port;
	char room[ENDPOINT_URL_MAX];
	bool id = answers_scope_has(endpoint_scope(room, a->flow->account), "openid");
	enum status status = STATUS_OK;

	if (!pkce_random(a->state) || !pkce_random(a->verifier) ||
	    (id && !pkce_random(a->nonce)))
		return error_set(e, STATUS_RETRY, "the system gives no random numbers");
	if (!a->flow->paste)
		status = listener_open(listener, &port, e);
	if (port)
		snprintf(a->redirect_url, sizeof(a->redirect_url), "http://localhost:%u",
		    (unsigned)port);
	else
		snprintf(a->redirect_url, sizeof(a->redirect_url), "http://localhost");
	return status;
}

enum status
authcode_sign_in(struct flow_result *out, const struct flow *flow, struct error *e)
{
	struct attempt attempt = { .flow = flow };
	int listener = -1;
	enum status status = prepare(&attempt, &listener, e);

	if (status == STATUS_OK)
		status = show(&attempt, e);
	if (status == STATUS_OK)
		status = errand_run(&(struct errand){ .config = flow->config,
					.run = collect,
					.context = &attempt,
					.result = out,
					.size = sizeof(*out),
					.give = listener,
					.typing = true },
		    e);
	if (status == STATUS_OK)
		status = flow_check(out, e);
	if (listener >= 0)
		close(listener);
	explicit_bzero(&attempt, sizeof(attempt));
	return status;
}
