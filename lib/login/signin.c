/* signin: a new access token from an account's authorization server (signin.h). */
#include "lib/login/answers.h"
#include "lib/login/signin.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"

/* Where the form has left it may have taken effect: a refresh token may be void, a code
 * used up. So its answer is waited for, also when the job is stopped meanwhile. */
static bool
always(void *context)
{
	(void)context;
	return true;
}

/* All the room at once: a buffer that grows would leave copies of a token behind. */
static bool
form_open(struct buf *form)
{
	buf_init(form, OAUTH_FORM_MAX);
	form->data = calloc(1, OAUTH_FORM_MAX + 1);
	form->size = form->data ? OAUTH_FORM_MAX + 1 : 0;
	return form->data;
}

static void
form_close(struct buf *form)
{
	if (form->data)
		explicit_bzero(form->data, form->size);
	buf_clear(form);
}

/* The key of the settings that an address is made from. */
static const char *
key_of(const struct account *a, enum endpoint where)
{
	if (where == ENDPOINT_TOKEN && *a->token_url)
		return "token_url";
	return where == ENDPOINT_DEVICE && *a->device_url ? "device_url" : "authority";
}

enum status
signin_post(struct http_answer *answer, const struct signin_form *f, struct http *session,
    struct error *e)
{
	char url[ENDPOINT_URL_MAX];
	const struct http_request request = { .method = "POST",
		.url = url,
		.type = "application/x-www-form-urlencoded",
		.fields = (const char *const[]){ "Accept: application/json", NULL },
		.bytes = buf_text(f->form),
		.size = f->form->len,
		.longest = SIGNIN_LONGEST,
		.commit = always };
	enum status status;
	struct error why;

	if (f->form->over || !endpoint_url(url, f->account, f->where))
		return error_set(e, STATUS_SETTINGS,
		    "[account %s]: what is asked of the sign-in service is too long; "
		    "check authority, tenant and token_url",
		    f->account->name);
	status = http_exchange(session, &request, answer, &why);
	if (status == STATUS_OK)
		return status;
	if (answer->unreachable) /* it may be misspelt */
		return error_set(e, status,
		    "%s; check the network, and if this goes on %s of account %s",
		    why.text, key_of(f->account, f->where), f->account->name);
	return error_set(e, status, "%s", why.text);
}

/* Reads what was answered to a question. */
static enum status
take(struct signin *out, const struct http_answer *answer,
    const struct oauth_question *question, struct error *e)
{
	const struct oauth_reply reply = { .code = answer->code,
		.body = buf_text(&answer->body),
		.len = answer->body.len,
		.html = answer->html,
		.asked = question };

	return answers_tokens(&out->tokens, &reply, &out->why, e);
}

enum status
signin_ask(struct signin *out, const struct account *account,
    const struct oauth_question *question, struct http *session, struct error *e)
{
	struct http_answer answer;
	enum status status;
	struct buf form;

	oauth_tokens_wipe(&out->tokens);
	*out = (struct signin){ .why.verdict = OAUTH_WAIT, .after = -1 };
	http_answer_init(&answer);
	if (!form_open(&form)) {
		status = error_set(e, STATUS_RETRY, "out of memory");
		goto out;
	}
	oauth_form(&form, question);
	status = signin_post(
	    &answer, &(struct signin_form){ account, ENDPOINT_TOKEN, &form }, session, e);
	out->after = answer.retry_after;
	if (status == STATUS_SETTINGS)
		out->why.verdict = OAUTH_SETTINGS;
	if (status == STATUS_OK)
		status = take(out, &answer, question, e);
out:
	http_answer_clear(&answer);
	form_close(&form);
	return status;
}

/* NULL where there is nothing. */
static const char *
known(const char *text)
{
	return text[0] ? text : NULL;
}

enum status
signin_request(struct signin *out, const struct account *account,
    const struct grant *grant, int stop, struct error *e)
{
	char room[ENDPOINT_URL_MAX];
	const struct oauth_question question = {
		.kind = grant->refresh[0] ? GRANT_REFRESH : GRANT_CLIENT,
		.client_id = account->client_id,
		.scope = endpoint_scope(room, account),
		.token = known(grant->refresh),
		.client_secret = known(grant->client_secret),
		.assertion = known(grant->assertion),
	};
	struct http *session;
	enum status status = http_open(&session, account->ca_file, stop, e);

	if (status != STATUS_OK) {
		*out = (struct signin){ .why.verdict = OAUTH_WAIT, .after = -1 };
		return status;
	}
	status = signin_ask(out, account, &question, session, e);
	http_close(session);
	return status;
}
