/* worker: the delivery of one job, without root (worker.h). */
#include "backend/worker.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "backend/channel.h"
#include "backend/compose.h"
#include "backend/options.h"
#include "backend/route.h"
#include "lib/base/log.h"
#include "lib/send/secret.h"
#include "lib/send/submission.h"

/* All that one delivery holds; released in one place. */
struct delivery {
	const struct worker *worker;
	struct pairs options;
	struct documents documents;
	struct route route;
	struct message_stream *message;
	struct secret secret;
	bool connecting; /* the queue shows connecting-to-device */
	int percent;
};

/* Asks the supervisor for the account's password. */
static enum status
fetch_secret(struct delivery *d, struct error *e)
{
	const struct config *c = d->worker->config;
	uint32_t index = (uint32_t)(d->route.account - c->account);
	struct record answer;
	enum status status = STATUS_OK;

	if (d->route.account->auth == AUTH_NONE)
		return STATUS_OK;
	if (d->route.account->auth != AUTH_PASSWORD)
		return error_set(e, STATUS_SETTINGS,
		    "account %s: this version signs in with auth = password or none only",
		    d->route.account->name);
	if (!channel_send(d->worker->channel, RECORD_ASK_SECRET, index, "") ||
	    !channel_receive(d->worker->channel, &answer) || answer.type != RECORD_SECRET)
		return error_set(e, STATUS_RETRY, "the supervisor is gone");
	if (answer.value != STATUS_OK)
		status = error_set(e, (enum status)answer.value, "%s", answer.text);
	else
		memcpy(d->secret.text, answer.text, sizeof(d->secret.text));
	explicit_bzero(&answer, sizeof(answer));
	return status;
}

/* Shows in the queue that the server is still to answer. */
static void
show_connecting(struct delivery *d, bool connecting)
{
	if (connecting != d->connecting)
		log_state(connecting ? "+connecting-to-device" : "-connecting-to-device");
	d->connecting = connecting;
}

/* Shows in the queue how far it is. */
static void
show_progress(void *context, enum stage stage, uint64_t sent)
{
	struct delivery *d = context;
	int percent = (int)(sent * 100 / message_size(d->message));

	show_connecting(d, stage == STAGE_GREETING);
	if (stage == STAGE_BODY && percent / 10 != d->percent / 10) {
		log_message(LEVEL_INFO, "Sending to %s: %d %%",
		    d->route.account->server.host, percent);
		d->percent = percent;
	}
}

/* The commit point: the supervisor must not kill us for a while. */
static bool
tell_committed(void *context)
{
	struct delivery *d = context;

	return channel_send(d->worker->channel, RECORD_COMMITTED, 0, "");
}

/* Who got it, so that a wrong address is seen, and the server's own words. */
static void
describe_success(const struct delivery *d, const struct reply *reply, struct error *e)
{
	const struct mailbox_list *all = &d->route.recipients;
	char more[32] = "";

	if (all->count > 1)
		snprintf(more, sizeof(more), " and %zu more", all->count - 1);
	error_set(e, STATUS_OK, "Sent to %s%s: %d %s %s", all->item[0].address, more,
	    reply->code, reply->enhanced, reply->text);
}

static enum status
submit(struct delivery *d, struct error *e)
{
	const struct account *account = d->route.account;
	const struct submission submission = {
		.account = account,
		.password = account->auth == AUTH_NONE ? NULL : d->secret.text,
		.recipients = &d->route.recipients,
		.message = d->message,
		.stop = d->worker->intake.stop,
		.watch = show_progress,
		.commit = tell_committed,
		.context = d,
	};
	struct receipt receipt;
	enum status status;

	show_connecting(d, true);
	log_message(LEVEL_INFO, "Connecting to %s", account->server.host);
	status = submission_send(&submission, &receipt, e);
	show_connecting(d, false);
	secret_wipe(&d->secret);
	if (receipt.uncertain)
		log_message(LEVEL_WARNING,
		    "the connection broke after the end of the message: it may have "
		    "arrived, and will be sent again with the same Message-ID");
	if (status == STATUS_OK)
		describe_success(d, &receipt.reply, e);
	return status;
}

/* An empty stream is no success while cupsd has documents for the job: it takes a filter
 * that SIGKILL ended (no memory left) for one that had nothing to say. */
static enum status
nothing_came(const struct worker *w, struct error *e)
{
	if (w->intake.spool->count == 0)
		return error_set(
		    e, STATUS_OK, "the filters delivered nothing, so nothing was sent");
	return error_set(e, STATUS_HOLD,
	    "the filters delivered nothing, so nothing was sent; look for a filter's "
	    "error in CUPS's error_log, then release the job");
}

/* Takes the documents in; *size stays 0 when there is nothing to send. */
static enum status
take_in(struct delivery *d, off_t *size, struct error *e)
{
	const struct worker *w = d->worker;
	enum status status = STATUS_OK;

	*size = 1;
	if (!w->job->file) {
		status = documents_spool(&w->intake, size, e);
		if (status == STATUS_OK && *size == 0)
			return nothing_came(w, e);
	}
	if (status == STATUS_OK)
		status = documents_sort(&d->documents, &w->intake, *size, e);
	return status;
}

static enum status
prepare(struct delivery *d, struct error *e)
{
	const struct worker *w = d->worker;
	struct job_identity identity;
	enum status status;

	status = options_parse(
	    &d->options, w->job->options, options_style(w->job->software), e);
	if (status)
		return status == STATUS_INVALID ? STATUS_HOLD : status;
	identity = job_identity(w->job, &d->options, time(NULL));
	status = route_find(&d->route, w->config, w->job, &d->options, e);
	if (status == STATUS_OK)
		status = documents_name(
		    &d->documents, w->job, &d->options, d->route.filename, e);
	if (status == STATUS_OK)
		status =
		    compose_open(&d->message, &d->route, &d->documents, &identity, e);
	return status;
}

enum status
worker_deliver(const struct worker *w, struct error *e)
{
	struct delivery d = { .worker = w };
	enum status status;
	off_t size;

	status = take_in(&d, &size, e);
	if (status || size == 0)
		goto out;
	status = prepare(&d, e);
	if (status == STATUS_OK)
		status = fetch_secret(&d, e);
	if (status == STATUS_OK)
		status = submit(&d, e);
	if (status == STATUS_OK && d.documents.pages)
		log_pages(d.documents.pages);
out:
	secret_wipe(&d.secret);
	message_close(d.message);
	documents_clear(&d.documents);
	route_clear(&d.route);
	pairs_clear(&d.options);
	return status;
}
