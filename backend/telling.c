/* telling: the notice to a job's owner (telling.h). */
#include "backend/telling.h"

#include <stdlib.h>
#include <time.h>

#include "backend/mailing.h"
#include "lib/base/log.h"

/* One run of telling_run(). */
struct run {
	const struct desk *desk;
	struct notice notice;
	struct notice_recipient *failed;
	char (*texts)[JOURNAL_TEXT_MAX]; /* their servers' words */
	struct mailbox_list to;
	struct error disk; /* why the journal takes no line */
};

static const char *const kinds[] = {
	[NOTICE_END] = "end",
	[NOTICE_DELAY] = "delay",
	[NOTICE_HELD] = "held",
};

/* Once at most: what the journal does not know has not left. */
static bool
on_commit(void *context)
{
	struct run *r = context;

	return journal_notice(r->desk->journal, kinds[r->notice.kind], &r->disk) ==
	    STATUS_OK &&
	    asking_committed(r->desk->worker);
}

/* What the server did not take has not left. */
static void
on_settled(void *context, const struct receipt *receipt)
{
	struct run *r = context;

	if (receipt->verdict != VERDICT_SENT &&
	    journal_notice_back(r->desk->journal, kinds[r->notice.kind], &r->disk) !=
		STATUS_OK)
		log_message(LEVEL_WARNING, "%s", r->disk.text);
	asking_settled(r->desk->worker);
}

/* Who does not have it, and in which words that was refused. */
static enum status
find_failed(struct run *r, unsigned parts, struct error *e)
{
	const struct route *route = r->desk->whole->route;
	size_t count = route ? route->recipients.count : 0;

	r->failed = calloc(count + 1, sizeof(*r->failed));
	r->texts = calloc(count + 1, sizeof(*r->texts));
	if (!r->failed || !r->texts)
		return error_set(e, STATUS_RETRY, "out of memory");
	for (size_t i = 0; i < count; i++) {
		const char *address = route->recipients.item[i].address;
		char *text = r->texts[r->notice.failed_count];

		if (parts > 0 &&
		    desk_recipient(r->desk, parts, address, text) == RECIPIENT_HAS_IT)
			r->notice.sent_count++;
		else
			r->failed[r->notice.failed_count++] =
			    (struct notice_recipient){ address, text };
	}
	r->notice.failed = r->failed;
	return STATUS_OK;
}

/* The record of a notice, for those whom the server took it for. */
static void
record(const struct run *r, const struct receipt *receipt, uint64_t size)
{
	struct recording recording = desk_recording(r->desk, NULL);
	const char **told = calloc(r->to.count, sizeof(*told));
	struct history event = {
		.event = HISTORY_NOTICE,
		.recipients = told,
		.size = size,
		.reply = &receipt->reply,
	};

	for (size_t i = 0; told && i < r->to.count; i++)
		if (receipt->delivery[i].verdict == VERDICT_SENT)
			told[event.recipient_count++] = r->to.item[i].address;
		else
			log_message(LEVEL_WARNING, "%s could not be told by mail: %s",
			    r->to.item[i].address, receipt->delivery[i].text);
	if (event.recipient_count > 0) {
		recording_write(&recording, &event);
		log_message(LEVEL_INFO, "%s%s has been told by mail", told[0],
		    event.recipient_count > 1 ? " (and others)" : "");
	}
	free(told);
}

static enum status
send_notice(struct run *r, struct error *e)
{
	struct delivery *delivery = calloc(r->to.count, sizeof(*delivery));
	struct mailed mailed = { .receipt = { .delivery = delivery } };
	struct mailing mailing = {
		.worker = r->desk->worker,
		.account = r->desk->account,
		.credential = r->desk->credential,
		.limits = r->desk->limits,
		.recipients = &r->to,
		.quiet = true,
		.commit = on_commit,
		.settled = on_settled,
		.context = r,
	};
	struct message_stream *message = NULL;
	enum status status = delivery ? notice_open(&message, &r->notice, &r->to, e)
				      : error_set(e, STATUS_RETRY, "out of memory");

	if (status == STATUS_OK) {
		mailing.message = message;
		status = mailing_send(&mailing, &mailed, e);
		if (status == STATUS_OK)
			record(r, &mailed.receipt, message_size(message));
		else if (r->disk.text[0])
			status = error_set(e, STATUS_RETRY, "%s", r->disk.text);
	}
	message_close(message);
	free(delivery);
	return status;
}

/* Nobody can be told by mail: the queue's message and the record have to do. */
static void
say_nobody(const struct desk *d)
{
	const struct notify *notify = &d->worker->config->notify;

	if (notify->owner || notify->others.count > 0)
		log_message(LEVEL_INFO,
		    "nobody is told by mail: neither [users] nor notify has an address "
		    "for %s that the server takes",
		    d->worker->job->user);
}

static bool
has_left(const struct desk *d, enum notice_kind kind)
{
	const struct journal_summary *s = journal_summary(d->journal);

	switch (kind) {
	case NOTICE_END: return s->noticed_end;
	case NOTICE_DELAY: return s->noticed_delay;
	case NOTICE_HELD: return s->noticed_held;
	}
	return true;
}

enum status
telling_run(const struct desk *d, enum notice_kind kind, unsigned parts,
    const char *reason, struct error *e)
{
	const struct journal_summary *s = journal_summary(d->journal);
	struct run r = {
		.desk = d,
		.notice = { .kind = kind,
		    .config = d->worker->config,
		    .account = d->account,
		    .job = d->worker->job,
		    .identity = d->whole->identity,
		    .now = time(NULL),
		    .first_try = (time_t)s->first.wall,
		    .reason = reason },
	};
	enum status status;

	if (has_left(d, kind))
		return STATUS_OK;
	status = find_failed(&r, parts, e);
	if (status == STATUS_OK)
		status = notice_recipients(&r.to, &r.notice, e);
	if (status == STATUS_OK && r.to.count == 0)
		say_nobody(d);
	else if (status == STATUS_OK)
		status = send_notice(&r, e);
	mailbox_list_clear(&r.to);
	free(r.failed);
	free(r.texts);
	return status;
}
