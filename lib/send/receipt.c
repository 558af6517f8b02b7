/* receipt: what a submission came to (receipt.h). */
#include "lib/send/receipt.h"

#include <stdio.h>

enum {
	CODES_MAX = 32, /* bytes of "550 5.1.1 " and its like, at most */
};

void
receipt_clear(struct receipt *receipt, size_t recipients)
{
	*receipt = (struct receipt){
		.verdict = VERDICT_WAIT, .retry_after = -1, .delivery = receipt->delivery
	};
	for (size_t i = 0; i < recipients; i++)
		receipt->delivery[i] = (struct delivery){ .verdict = VERDICT_WAIT };
}

void
receipt_note(struct receipt *receipt, size_t index, const struct reply *reply)
{
	struct delivery *d = &receipt->delivery[index];

	d->verdict = VERDICT_SENT;
	if (reply->code / 100 != 2)
		d->verdict = reply_classify(reply).verdict;
	snprintf(d->text, sizeof(d->text), "%d %s%s%.*s", reply->code, reply->enhanced,
	    reply->enhanced[0] ? " " : "", DELIVERY_TEXT_MAX - CODES_MAX, reply->text);
}

/* What it means that it ended with this status and no refusal. */
static enum verdict
verdict_without_reply(enum status status)
{
	switch (status) {
	case STATUS_OK: return VERDICT_SENT;
	case STATUS_SETTINGS: return VERDICT_SETTINGS;
	case STATUS_REFUSED: return VERDICT_TOO_LARGE; /* over the server's SIZE */
	default: return VERDICT_WAIT;
	}
}

void
receipt_fill(struct receipt *receipt, const struct dialogue *d, enum status status)
{
	const struct reply *last = dialogue_last_word(d);
	bool refused = dialogue_refused(d);

	receipt->reply = *last;
	receipt->verdict = verdict_without_reply(status);
	if (refused && verdict_status(reply_classify(last).verdict) == status)
		receipt->verdict = reply_classify(last).verdict;
	receipt->uncertain = d->committed && status != STATUS_OK && !refused;
	receipt->greeted = d->greeted;
	receipt->size_limit = d->greeted ? d->size_limit : 0;
}
