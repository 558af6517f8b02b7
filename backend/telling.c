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

static void
on_settled(void *context, const struct receipt *receipt)
{
	const struct run *r = context;

	(void)receipt;
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

/* The record of a notice that the server took. */
static void
record(const struct run *r, const struct receipt *receipt, uint64_t size)
{
	struct recording recording = desk_recording(r->desk, NULL);
	const char *first = r->to.item[0].address;
	struct history event = {
		.event = HISTORY_NOTICE,
		.recipients = &first,
		.recipient_count = 1,
		.size = size,
		.reply = &receipt->reply,
	};

	recording_write(&recording, &event);
	log_message(LEVEL_INFO, "%s%s has been told by mail", first,
	    r->to.count > 1 ? " (and others)" : "");
}

/* A notice that cannot be sent is not the job's fault: the queue's message says it. */
static enum status
judge(const struct run *r, enum status status, struct error *e)
{
	if (status == STATUS_RETRY || status == STATUS_CANCELLED)
		return status;
	if (r->disk.text[0])
		return error_set(e, STATUS_RETRY, "%s", r->disk.text);
	log_message(LEVEL_WARNING, "the notice to %s was not sent: %s",
	    r->to.item[0].address, e->text);
	return STATUS_OK;
}

static enum status
send_notice(struct run *r, struct error *e)
{
	struct delivery *delivery = calloc(r->to.count, sizeof(*delivery));
	struct mailed mailed = { .receipt = { .delivery = delivery } };
	struct mailing mailing = {
		.worker = r->desk->worker,
		.account = r->desk->account,
		.credential = &r->desk->credential,
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
		else
			status = judge(r, status, e);
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
		    "nobody is told by mail: [users] has no other address for %s, and "
		    "notify names none",
		    d->worker->job->user);
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

	if (kind == NOTICE_END ? s->noticed_end : s->noticed_delay)
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
