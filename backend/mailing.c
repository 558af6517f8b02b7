/* mailing: one message within its account's limits (mailing.h). */
#include "backend/mailing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/bearer.h"
#include "lib/base/hidden.h"
#include "lib/account/account.h"
#include "lib/base/log.h"
#include "lib/account/endpoint.h"
#include "lib/send/graph.h"
#include "lib/send/schedule.h"

enum {
	SECOND = 1000, /* ms */
	MINUTE = 60 * SECOND,
	PAUSE_LEAST = 60 * SECOND, /* of an account that is throttled */
	PAUSE_MOST = 120 * SECOND,
	QUOTA_LEAST = 55 * MINUTE, /* of one that has used its quota up */
	QUOTA_MOST = 65 * MINUTE,
	LOGIN_SPREAD = 30 * SECOND,
};

/* One run of mailing_send(). */
struct run {
	const struct mailing *m;
	bool connecting; /* the queue shows connecting-to-device */
	bool logged_in;  /* and the limits know it */
	bool renewed;    /* the token was refused, and this is a new one */
	int percent;
	char server[ENDPOINT_URL_MAX];
};

/* Shows in the queue that the server is still to answer. */
static void
show_connecting(struct run *r, bool connecting)
{
	if (connecting != r->connecting)
		log_state(connecting ? "+connecting-to-device" : "-connecting-to-device");
	r->connecting = connecting;
}

/* Shows in the queue how far it is; and the login's success is news for all who wait. */
static void
follow(void *context, enum stage stage, uint64_t sent)
{
	struct run *r = context;
	int percent = (int)(sent * 100 / message_size(r->m->message));

	if (stage >= STAGE_MAIL && !r->logged_in) {
		r->logged_in = true;
		limits_login_good(r->m->limits);
	}
	if (r->m->quiet)
		return;
	show_connecting(r, stage == STAGE_GREETING);
	if (stage == STAGE_BODY && percent / 10 != r->percent / 10) {
		log_message(LEVEL_INFO, "Sending to %s: %d %%", r->server, percent);
		r->percent = percent;
	}
}

static bool
on_commit(void *context)
{
	const struct run *r = context;

	return r->m->commit(r->m->context);
}

static void
on_settled(void *context, const struct receipt *receipt)
{
	const struct run *r = context;

	r->m->settled(r->m->context, receipt);
}

/* "6 h", "15 min" */
static void
write_span(char *text, size_t size, uint64_t seconds)
{
	if (seconds >= 2 * 60 * 60)
		snprintf(text, size, "%llu h", (unsigned long long)seconds / 3600);
	else if (seconds >= 2 * 60)
		snprintf(text, size, "%llu min", (unsigned long long)seconds / 60);
	else
		snprintf(text, size, "%llu s", (unsigned long long)seconds);
}

/* A login that was refused: tried again now and then, for everybody together, until
 * patience ends. */
static enum status
after_refused_login(const struct run *r, struct mailed *out, struct error *e)
{
	const struct config *config = r->m->worker->config;
	int64_t refused_for = limits_login_refused(r->m->limits, e->text);
	struct error why = *e;
	char span[32];

	if (out->receipt.verdict == VERDICT_SETTINGS)
		return STATUS_SETTINGS;
	write_span(span, sizeof(span), config->auth_patience);
	if (refused_for / SECOND >= (int64_t)config->auth_patience)
		return error_set(e, STATUS_SETTINGS, "%s%s%s", why.text,
		    config->auth_patience ? "; it has been refused for " : "",
		    config->auth_patience ? span : "");
	out->wait = LIMITS_LOGIN_PAUSE * SECOND +
	    schedule_between(SECOND, LOGIN_SPREAD, arc4random());
	return error_set(e, STATUS_RETRY,
	    "%s; the queue stops when this lasts for %s; when the password file or the "
	    "settings change it is tried at once",
	    why.text, span);
}

/* Adds the way out of it to what a server said of a password. */
static void
name_way_over(const struct run *r, const struct mailed *out, struct error *e)
{
	static const char *const codes[] = { "5.7.30", "5.7.139" };
	const struct account *account = r->m->account;
	struct error why = *e;
	bool about_passwords = false;

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		about_passwords |= strcmp(out->receipt.reply.enhanced, codes[i]) == 0;
	if (account->auth == AUTH_PASSWORD && about_passwords)
		error_set(e, STATUS_SETTINGS,
		    "%.600s; to sign in without a password run: postroom login %s",
		    why.text, account->name);
}

/* A token that was refused, and so was the new one: no time mends that. */
static enum status
after_refused_token(const struct run *r, const struct mailed *out, struct error *e)
{
	const struct account *account = r->m->account;
	const struct reply *reply = &out->receipt.reply;
	const char *who = account_is_delegated(account) ? "the person who signed in"
							: "the application";

	if (account_is_graph(account) || reply_is_of_passwords(reply))
		error_set(e, STATUS_SETTINGS,
		    "the server takes no access token of account %s%s; check that "
		    "username is the mailbox and that %s may send from it, see "
		    "docs/office365.md, or run: postroom login %s (the server said: %d "
		    "%s%s%.300s)",
		    account->name, r->renewed ? ", also not a new one" : "", who,
		    account->name, reply->code, reply->enhanced,
		    reply->enhanced[0] ? " " : "", reply->text);
	limits_login_refused(r->m->limits, e->text);
	return STATUS_SETTINGS;
}

/* What an attempt teaches all others who use the account. */
static enum status
learn(const struct run *r, enum status status, struct mailed *out, struct error *e)
{
	const struct receipt *receipt = &out->receipt;
	struct limits *limits = r->m->limits;

	if (receipt->greeted)
		limits_size_seen(limits, receipt->size_limit);
	switch (receipt->verdict) {
	case VERDICT_THROTTLED:
		out->wait = schedule_between(PAUSE_LEAST, PAUSE_MOST, arc4random());
		if (receipt->retry_after * SECOND > out->wait)
			out->wait = receipt->retry_after * SECOND;
		limits_pause(limits, out->wait, e->text);
		return status;
	case VERDICT_QUOTA:
		out->wait = schedule_between(QUOTA_LEAST, QUOTA_MOST, arc4random());
		limits_pause(limits, out->wait, e->text);
		return status;
	case VERDICT_WAIT:
		if (receipt->retry_after > 0)
			out->wait = receipt->retry_after * SECOND;
		return status;
	case VERDICT_LOGIN:
		if (account_is_oauth(r->m->account))
			return after_refused_token(r, out, e);
		/* there is no login that could be right another time */
		if (r->m->account->auth == AUTH_NONE)
			return STATUS_SETTINGS;
		name_way_over(r, out, e);
		return after_refused_login(r, out, e);
	case VERDICT_SETTINGS:
		if (!receipt->reply.code ||
		    (receipt->reply.stage != STAGE_AUTH &&
			!reply_is_of_passwords(&receipt->reply)))
			return status;
		if (account_is_oauth(r->m->account))
			return after_refused_token(r, out, e);
		name_way_over(r, out, e);
		return after_refused_login(r, out, e);
	default: return status;
	}
}

static enum status
submit(struct run *r, const char *token, struct mailed *out, struct error *e)
{
	const struct mailing *m = r->m;
	const struct account *account = m->account;
	const char *text = m->credential->text;
	const struct submission submission = {
		.account = account,
		.password = account->auth == AUTH_PASSWORD ? text : NULL,
		.token = token,
		.pem = account->auth == AUTH_NONE && *text ? text : NULL,
		.recipients = m->recipients,
		.message = m->message,
		.bare = m->bare,
		.find = m->find,
		.stop = m->worker->intake.stop,
		.watch = follow,
		.commit = m->commit ? on_commit : NULL,
		.settled = m->settled ? on_settled : NULL,
		.context = r,
	};
	enum status status;

	out->tried = true;
	if (!m->quiet) {
		show_connecting(r, true);
		log_message(LEVEL_INFO, "Connecting to %s", r->server);
	}
	status = account_is_graph(account)
	    ? graph_send(&submission, &out->receipt, e)
	    : submission_send(&submission, &out->receipt, e);
	if (!m->quiet)
		show_connecting(r, false);
	return status;
}

/* With a token; with a new one where that is refused, once. */
static enum status
submit_with_token(struct run *r, struct mailed *out, struct error *e)
{
	struct bearer *bearer = hidden_new(sizeof(*bearer));
	uint32_t refused = 0;
	enum status status;
	unsigned tries = 0;

	if (!bearer) {
		out->receipt.verdict = VERDICT_WAIT;
		return error_errno(e, "there is no memory for a token");
	}
	do {
		status = bearer_get(bearer, r->m->worker, r->m->account, refused, e);
		if (status != STATUS_OK) {
			out->receipt.verdict = VERDICT_WAIT;
			out->tried = false;
			out->wait = bearer->wait;
			break;
		}
		r->renewed = refused != 0;
		refused = bearer->serial;
		status = submit(r, bearer->token, out, e);
	} while (out->receipt.verdict == VERDICT_LOGIN && tries++ == 0);
	hidden_free(bearer, sizeof(*bearer));
	return status;
}

enum status
mailing_send(const struct mailing *m, struct mailed *out, struct error *e)
{
	struct delivery *delivery = out->receipt.delivery;
	struct limits_closed closed = { .wait = 0 };
	struct run r = { .m = m };
	enum status status;
	uint16_t port;

	if (!endpoint_server(r.server, sizeof(r.server), &port, m->account))
		snprintf(r.server, sizeof(r.server), "the server");
	*out = (struct mailed){ .receipt = { .delivery = delivery } };
	if (!m->quiet)
		log_message(LEVEL_INFO, "Waiting for a connection of account %s",
		    m->account->name);
	status = limits_enter(m->limits, m->worker->intake.stop, &closed, e);
	if (status != STATUS_OK) {
		out->wait = closed.wait;
		out->receipt.verdict = VERDICT_WAIT;
		return status;
	}
	status = account_is_oauth(m->account) ? submit_with_token(&r, out, e)
					      : submit(&r, NULL, out, e);
	if (out->tried && status != STATUS_CANCELLED)
		status = learn(&r, status, out, e);
	limits_leave(m->limits);
	return status;
}
