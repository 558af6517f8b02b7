/* signin: a new access token from an account's authorization server (signin.h). */
#include "lib/send/signin.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/send/endpoint.h"
#include "lib/send/http.h"

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

/* Posts the form, and reads what comes. */
static enum status
ask(struct signin *out, struct http *session, const char *url, const struct buf *form,
    struct error *e)
{
	const struct http_request request = { .method = "POST",
		.url = url,
		.type = "application/x-www-form-urlencoded",
		.fields = (const char *const[]){ "Accept: application/json", NULL },
		.bytes = buf_text(form),
		.size = form->len,
		.commit = always };
	struct http_answer answer;
	struct oauth_reply reply;
	enum status status;

	http_answer_init(&answer);
	status = http_exchange(session, &request, &answer, e);
	out->after = answer.retry_after;
	if (status == STATUS_OK) {
		reply = (struct oauth_reply){ .code = answer.code,
			.body = buf_text(&answer.body),
			.len = answer.body.len };
		status = oauth_tokens_read(&out->tokens, &reply, &out->why, e);
	} else {
		out->why.verdict =
		    status == STATUS_SETTINGS ? OAUTH_SETTINGS : OAUTH_WAIT;
	}
	http_answer_clear(&answer);
	return status;
}

enum status
signin_ask(struct signin *out, const struct account *account,
    const struct oauth_question *question, struct http *session, struct error *e)
{
	char url[ENDPOINT_URL_MAX];
	enum status status;
	struct buf form;

	oauth_tokens_wipe(&out->tokens);
	*out = (struct signin){ .why.verdict = OAUTH_WAIT, .after = -1 };
	if (!form_open(&form)) {
		status = error_set(e, STATUS_RETRY, "out of memory");
	} else if (!endpoint_url(url, account, ENDPOINT_TOKEN) ||
	    !oauth_form(&form, question)) {
		out->why.verdict = OAUTH_SETTINGS;
		status = error_set(e, STATUS_SETTINGS,
		    "[account %s]: what is asked of the sign-in service is too long; "
		    "check authority, tenant and token_url",
		    account->name);
	} else {
		status = ask(out, session, url, &form, e);
	}
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
