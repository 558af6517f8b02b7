/*
 * devicecode: signing in with a code on another device (flow.h).
 *
 *   errand 1   device authorization request ─► code, address, QR code; shown here
 *   errand 2   a question each interval ─► tokens
 */
#include "admin/devicecode.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/errand.h"
#include "admin/flow.h"
#include "admin/qr.h"
#include "admin/say.h"
#include "lib/base/text.h"
#include "lib/account/endpoint.h"
#include "lib/web/http.h"
#include "lib/login/answers.h"
#include "lib/login/signin.h"

enum {
	SECONDS_OF_MINUTE = 60,
};

/* What the first errand brings. */
struct invitation {
	struct oauth_device device;
	struct qr qr; /* of the address */
};

/* -- in the child ----------------------------------------------------------------- */

/* The client secret, where the account has one. */
static const char *
secret_of(const struct flow *flow)
{
	return *flow->grant->client_secret ? flow->grant->client_secret : NULL;
}

static enum status
request(struct http_answer *answer, const struct flow *flow,
    const struct oauth_question *asked, struct error *e)
{
	struct http *session = NULL;
	struct buf form;
	enum status status = http_open(&session, flow->account->ca_file, -1, e);

	buf_init(&form, OAUTH_FORM_MAX);
	oauth_device_form(&form, asked->client_id, asked->scope, asked->client_secret);
	if (status == STATUS_OK)
		status = signin_post(answer,
		    &(struct signin_form){ flow->account, ENDPOINT_DEVICE, &form },
		    session, e);
	if (form.data)
		explicit_bzero(form.data, form.len);
	buf_clear(&form);
	http_close(session);
	return status;
}

static enum status
invite(const struct errand_side *side, void *context, void *result, struct error *e)
{
	const struct flow *flow = context;
	struct invitation *out = result;
	char room[ENDPOINT_URL_MAX];
	const struct oauth_question asked = { .client_id = flow->account->client_id,
		.scope = endpoint_scope(room, flow->account),
		.client_secret = secret_of(flow) };
	struct oauth_refusal why;
	struct http_answer answer;
	enum status status;

	(void)side;
	http_answer_init(&answer);
	status = request(&answer, flow, &asked, e);
	if (status == STATUS_OK)
		status = answers_device(&out->device,
		    &(struct oauth_reply){ .code = answer.code,
			.body = buf_text(&answer.body),
			.len = answer.body.len,
			.html = answer.html,
			.asked = &asked },
		    &why, e);
	if (status == STATUS_OK)
		qr_encode(&out->qr, out->device.address);
	http_answer_clear(&answer);
	return status;
}

bool
devicecode_again(int64_t *interval, enum oauth_verdict verdict, int64_t after)
{
	switch (verdict) {
	case OAUTH_PENDING: break;
	case OAUTH_SLOW_DOWN: *interval += DEVICECODE_SLOWER; break;
	case OAUTH_WAIT:
		if (*interval < DEVICECODE_LONGEST)
			*interval = *interval * 2 < DEVICECODE_LONGEST
			    ? *interval * 2
			    : DEVICECODE_LONGEST;
		break;
	default: return false;
	}
	if (after > *interval)
		*interval = after;
	return true;
}

static int64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec;
}

/* What the second errand is given. */
struct waiting {
	const struct flow *flow;
	const struct oauth_device *device;
};

/* Asks until there is an answer, or the code is too old. */
static enum status
wait_for_person(
    struct signin *signin, const struct waiting *w, struct http *session, struct error *e)
{
	char room[ENDPOINT_URL_MAX];
	const struct oauth_question question = {
		.kind = GRANT_DEVICE,
		.client_id = w->flow->account->client_id,
		.scope = endpoint_scope(room, w->flow->account),
		.token = w->device->code,
		.client_secret = secret_of(w->flow),
	};
	int64_t interval = w->device->interval, end = now() + w->device->lifetime;
	enum status status;

	do {
		if (now() + interval > end)
			return error_set(e, STATUS_SETTINGS,
			    "nobody signed in while the code was good; run postroom login "
			    "again");
		sleep((unsigned)interval);
		status = signin_ask(signin, w->flow->account, &question, session, e);
	} while (status != STATUS_OK &&
	    devicecode_again(&interval, signin->why.verdict, signin->after));
	return status;
}

static enum status
collect(const struct errand_side *side, void *context, void *result, struct error *e)
{
	const struct waiting *w = context;
	static struct signin signin;
	struct http *session = NULL;
	enum status status = http_open(&session, w->flow->account->ca_file, -1, e);

	(void)side;
	if (status == STATUS_OK)
		status = wait_for_person(&signin, w, session, e);
	if (status == STATUS_OK)
		flow_take(result, &signin.tokens);
	explicit_bzero(&signin, sizeof(signin));
	http_close(session);
	return status;
}

/* -- in the parent ---------------------------------------------------------------- */

/* Whether what came is what a child may bring. */
static enum status
check(struct invitation *i, struct error *e)
{
	struct oauth_device *d = &i->device;

	d->code[sizeof(d->code) - 1] = '\0';
	d->user_code[sizeof(d->user_code) - 1] = '\0';
	d->address[sizeof(d->address) - 1] = '\0';
	if (*d->user_code && *d->address && text_is_ascii(d->user_code) &&
	    text_is_ascii(d->address) && d->lifetime > 0)
		return STATUS_OK;
	return error_set(e, STATUS_RETRY, "what came is no code to sign in with");
}

static void
show_qr(const struct qr *qr)
{
	static const char dark_on_light[] = "\033[30;107m", as_before[] = "\033[0m";

	if (!qr_is_sound(qr) || !say_has_room(qr_columns(qr)))
		return;
	for (unsigned i = 0; i < qr_lines(qr); i++) {
		struct buf line;

		buf_init(&line, QR_LINE_MAX);
		qr_line(&line, qr, i);
		printf("%s%s%s\n", dark_on_light, buf_text(&line), as_before);
		buf_clear(&line);
	}
	fflush(stdout);
}

static void
show(const struct invitation *i, const struct account *account)
{
	int64_t minutes = i->device.lifetime / SECONDS_OF_MINUTE;

	say("Open this address in a browser, on any device, and type the code:");
	say("Address:  %s", i->device.address);
	say("Code:     %s", i->device.user_code);
	show_qr(&i->qr);
	say("Sign in there as %s, in a private window: not as yourself.",
	    account->username);
	say("The code is good for %lld minute%s. Waiting; Ctrl-C ends it.",
	    (long long)(minutes ? minutes : 1), minutes > 1 ? "s" : "");
}

enum status
devicecode_sign_in(struct flow_result *out, const struct flow *flow, struct error *e)
{
	static struct invitation invitation;
	struct waiting waiting = { .flow = flow, .device = &invitation.device };
	enum status status;

	status = errand_run(&(struct errand){ .config = flow->config,
				.run = invite,
				.context = (void *)(uintptr_t)flow,
				.result = &invitation,
				.size = sizeof(invitation),
				.give = -1 },
	    e);
	if (status == STATUS_OK)
		status = check(&invitation, e);
	if (status != STATUS_OK)
		goto out;
	show(&invitation, flow->account);
	status = errand_run(&(struct errand){ .config = flow->config,
				.run = collect,
				.context = &waiting,
				.result = out,
				.size = sizeof(*out),
				.give = -1 },
	    e);
	if (status == STATUS_OK)
		status = flow_check(out, e);
out:
	explicit_bzero(&invitation, sizeof(invitation));
	return status;
}
