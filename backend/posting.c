/* posting: one part of a job to its recipients (posting.h). */
#include "backend/posting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/mailing.h"
#include "lib/base/log.h"
#include "lib/account/account.h"

/* RFC 5321 4.5.3.1.10: the rest of the recipients goes in another message, at once. */
static const char too_many[] = "452 4.5.3";

/* One run of posting_run(). */
struct run {
	const struct desk *desk;
	const struct letter *letter;
	struct mailbox_list envelope;
	struct delivery *delivery; /* one each of the envelope */
	bool duplicate;            /* it may have been sent before */
	bool settled;              /* what became of the recipients is final */
	struct error disk;         /* why the journal takes no line; "": it does */
};

/* -- the commit point ---------------------------------------------------------- */

/* Says so where the message may have been sent before. */
static void
say_duplicate(const struct run *r)
{
	if (r->duplicate)
		log_message(LEVEL_WARNING,
		    "possible duplicate: an earlier attempt ended without the server's "
		    "answer; the message is sent again with the same Message-ID");
}

/* Before the end of the data leaves, the disk knows that it may. */
static bool
on_commit(void *context)
{
	struct run *r = context;

	if (account_is_graph(r->desk->account))
		say_duplicate(r);
	return journal_intent(r->desk->journal, r->letter->part, &r->disk) == STATUS_OK &&
	    asking_committed(r->desk->worker);
}

/* "250 2.0.0 OK <…>" */
static void
write_reply(struct error *out, const struct reply *reply)
{
	error_set(out, STATUS_OK, "%d %s%s%s", reply->code, reply->enhanced,
	    reply->enhanced[0] ? " " : "", reply->text);
}

/* Journals what is settled for each recipient, and the outcome behind it. */
static enum status
settle(struct run *r, const struct delivery *delivery, const struct reply *reply,
    bool sent, struct error *e)
{
	struct journal *journal = r->desk->journal;
	unsigned part = r->letter->part;
	enum status status = STATUS_OK;
	struct error words;

	for (size_t i = 0; status == STATUS_OK && i < r->envelope.count; i++) {
		const char *address = r->envelope.item[i].address;

		if (delivery[i].verdict == VERDICT_RECIPIENT)
			status =
			    journal_refused(journal, part, address, delivery[i].text, e);
		else if (delivery[i].verdict == VERDICT_SENT && sent)
			status = journal_taken(journal, part, address, e);
	}
	write_reply(&words, reply);
	if (status == STATUS_OK)
		status = journal_outcome(journal, part, sent, words.text, e);
	r->settled = true;
	return status;
}

/* The server has answered the end of the data. */
static void
on_settled(void *context, const struct receipt *receipt)
{
	struct run *r = context;
	bool sent = receipt->verdict == VERDICT_SENT;
	struct error error;

	if (receipt->found) {
		r->duplicate = false;
		log_message(LEVEL_INFO,
		    "the service has this message already, from an earlier attempt: "
		    "nothing is sent twice");
	}

	if (settle(r, receipt->delivery, &receipt->reply, sent, &error) != STATUS_OK)
		log_message(LEVEL_WARNING,
		    "what the server answered could not be journaled: %s; should the job "
		    "run again, it is sent again",
		    error.text);
	asking_settled(r->desk->worker);
}

/* -- before and after ---------------------------------------------------------- */

/* Those recipients that are still open. */
static enum status
address_envelope(struct run *r, struct error *e)
{
	const struct mailbox_list *all = &r->letter->route->recipients;
	enum status status = STATUS_OK;

	for (size_t i = 0; status == STATUS_OK && i < all->count; i++) {
		const char *address = all->item[i].address;

		if (journal_recipient(r->desk->journal, r->letter->part, address, NULL) ==
			RECIPIENT_IS_OPEN &&
		    desk_recipient(r->desk, r->letter->parts, address, NULL) ==
			RECIPIENT_IS_OPEN)
			status = mailbox_list_add(&r->envelope, &all->item[i], e);
	}
	if (status != STATUS_OK)
		return STATUS_RETRY;
	r->delivery = calloc(r->envelope.count + 1, sizeof(*r->delivery));
	return r->delivery ? STATUS_OK : error_set(e, STATUS_RETRY, "out of memory");
}

/* A line of the record for those who have it now, and one for each who is refused. */
static void
record(const struct run *r, const struct receipt *receipt, uint64_t size)
{
	struct recording recording = desk_recording(r->desk, r->letter);
	const char **taken = calloc(r->envelope.count + 1, sizeof(*taken));
	struct history sent = {
		.event = HISTORY_SENT,
		.recipients = taken,
		.size = size,
		.reply = &receipt->reply,
		.duplicate = r->duplicate,
	};

	for (size_t i = 0; taken && i < r->envelope.count; i++) {
		const struct delivery *d = &receipt->delivery[i];
		const char *address = r->envelope.item[i].address;
		struct history refused = {
			.event = HISTORY_REFUSED,
			.recipients = &address,
			.recipient_count = 1,
			.size = size,
			.text = d->text,
		};

		if (d->verdict == VERDICT_RECIPIENT)
			recording_write(&recording, &refused);
		else if (d->verdict == VERDICT_SENT && receipt->verdict == VERDICT_SENT)
			taken[sent.recipient_count++] = address;
	}
	if (sent.recipient_count > 0)
		recording_write(&recording, &sent);
	free(taken);
}

/* Whether somebody is put off, and in which words. */
static void
note_put_off(struct posted *out, const struct run *r)
{
	size_t count = 0;

	for (size_t i = 0; i < r->envelope.count; i++) {
		const struct delivery *d = &r->delivery[i];

		if (d->verdict != VERDICT_RECIPIENT_LATER)
			continue;
		if (strncmp(d->text, too_many, sizeof(too_many) - 1) == 0)
			out->rest_at_once = true;
		if (count++ == 0)
			error_set(&out->put_off, STATUS_RETRY,
			    "the server does not take mail for %s at the moment (it "
			    "said: %s)",
			    r->envelope.item[i].address, d->text);
	}
}

static bool
is_about_recipients(const struct receipt *receipt)
{
	return receipt->verdict == VERDICT_RECIPIENT ||
	    receipt->verdict == VERDICT_RECIPIENT_LATER;
}

/* What the mailing's end means for the part. */
static enum status
judge(struct run *r, struct posted *out, const struct mailed *mailed, enum status status,
    struct error *e)
{
	const struct receipt *receipt = &mailed->receipt;

	if (r->disk.text[0])
		return error_set(e, STATUS_RETRY,
		    "nothing was sent, as it could not be journaled: %s", r->disk.text);
	if (status != STATUS_OK && mailed->tried && is_about_recipients(receipt))
		status = settle(r, receipt->delivery, &receipt->reply, false, e);
	if (r->settled)
		record(r, receipt, out->size);
	note_put_off(out, r);
	if (receipt->uncertain)
		log_message(LEVEL_WARNING,
		    "the connection broke after the end of the message: it may have "
		    "arrived");
	return status;
}

/* Composes what is to be sent; for Graph with the recipients in the header, as it knows
 * no envelope, and once more without the attachments, which it may take one by one. */
static enum status
open_messages(struct run *r, struct mailing *mailing, struct error *e)
{
	bool graph = account_is_graph(r->desk->account);
	struct letter letter = *r->letter;
	enum status status;

	if (graph)
		letter.only = &r->envelope;
	status = compose_open(&mailing->message, &letter, e);
	if (status == STATUS_OK && graph) {
		status = compose_open_bare(&mailing->bare, &letter, e);
		mailing->find = journal_summary(r->desk->journal)->attempts > 1;
	}
	return status;
}

/* The service is asked whether it has the message before it is sent again (graph.h); any
 * other one cannot be. */
static void
warn_of_duplicate(struct run *r)
{
	r->duplicate = journal_part(r->desk->journal, r->letter->part).uncertain;
	if (!account_is_graph(r->desk->account))
		say_duplicate(r);
}

enum status
posting_run(struct posted *out, const struct desk *d, const struct letter *letter,
    struct error *e)
{
	struct run r = { .desk = d, .letter = letter };
	enum status status = address_envelope(&r, e);
	struct mailed mailed = { .receipt = { .delivery = r.delivery } };
	struct mailing mailing = {
		.worker = d->worker,
		.account = d->account,
		.credential = d->credential,
		.limits = d->limits,
		.recipients = &r.envelope,
		.commit = on_commit,
		.settled = on_settled,
		.context = &r,
	};

	*out = (struct posted){ .verdict = VERDICT_WAIT };
	if (status == STATUS_OK && r.envelope.count > 0)
		status = open_messages(&r, &mailing, e);
	if (status == STATUS_OK && r.envelope.count > 0) {
		warn_of_duplicate(&r);
		out->size = message_size(mailing.message);
		status = mailing_send(&mailing, &mailed, e);
		out->verdict = mailed.receipt.verdict;
		out->unreachable = mailed.receipt.unreachable;
		out->wait = mailed.wait;
		out->size_limit = mailed.receipt.size_limit;
		out->reply = mailed.receipt.reply;
		status = judge(&r, out, &mailed, status, e);
	}
	message_close(mailing.message);
	message_close(mailing.bare);
	mailbox_list_clear(&r.envelope);
	free(r.delivery);
	return status;
}
