/* desk: what an attempt works with (desk.h). */
#include "backend/desk.h"

#include "lib/base/moment.h"
#include "lib/account/account.h"
#include "lib/send/graph.h"

/* Microsoft Graph takes a few at a time only, whatever the settings say. */
static uint64_t
connections_of(const struct account *account)
{
	uint64_t most = account->max_connections;

	if (account_is_graph(account) && most > GRAPH_CONNECTIONS_MAX)
		most = GRAPH_CONNECTIONS_MAX;
	return most;
}

enum status
desk_open(struct desk *d, const struct worker *w, const struct letter *whole,
    const struct account *account, struct error *e)
{
	struct limits_rule rule = {
		.account = account->name,
		.connections = connections_of(account),
		.per_minute = account->max_per_minute,
		.server = account->server.host,
	};
	enum status status;

	*d = (struct desk){ .worker = w, .whole = whole, .account = account };
	status = asking_credential(&d->credential, w, account, e);
	if (status == STATUS_OK)
		status = asking_journal(&d->journal, w, whole->identity.name, e);
	if (status == STATUS_OK && account->auth != AUTH_NONE)
		rule.fingerprint = d->credential->fingerprint;
	if (status == STATUS_OK)
		status = limits_open(&d->limits, w->limits, &rule, e);
	if (status != STATUS_OK)
		desk_close(d);
	return status;
}

void
desk_close(struct desk *d)
{
	credential_free(d->credential);
	d->credential = NULL;
	journal_free(d->journal);
	limits_close(d->limits);
	d->journal = NULL;
	d->limits = NULL;
}

int64_t
desk_age(const struct desk *d)
{
	struct moment now = moment_now();

	return journal_age(d->journal, &now);
}

bool
desk_was_sent(const struct desk *d)
{
	for (unsigned part = 1; part <= journal_summary(d->journal)->plan.parts; part++)
		if (journal_part(d->journal, part).sent)
			return true;
	return false;
}

bool
desk_has_begun(const struct desk *d)
{
	for (unsigned part = 1; part <= journal_summary(d->journal)->plan.parts; part++)
		if (journal_part(d->journal, part).uncertain)
			return true;
	return desk_was_sent(d);
}

enum journal_recipient
desk_recipient(const struct desk *d, unsigned parts, const char *address, char *text)
{
	unsigned has = 0;

	for (unsigned part = 1; part <= parts; part++)
		switch (journal_recipient(d->journal, part, address, text)) {
		case RECIPIENT_WAS_REFUSED: return RECIPIENT_WAS_REFUSED;
		case RECIPIENT_HAS_IT: has++; break;
		case RECIPIENT_IS_OPEN: break;
		}
	return parts > 0 && has == parts ? RECIPIENT_HAS_IT : RECIPIENT_IS_OPEN;
}

struct tally
desk_tally(const struct desk *d, unsigned parts)
{
	const struct mailbox_list *all = &d->whole->route->recipients;
	struct tally t = { 0 };

	for (size_t i = 0; i < all->count; i++)
		switch (desk_recipient(d, parts, all->item[i].address, NULL)) {
		case RECIPIENT_HAS_IT: t.has++; break;
		case RECIPIENT_WAS_REFUSED: t.refused++; break;
		case RECIPIENT_IS_OPEN: t.open++; break;
		}
	return t;
}

struct recording
desk_recording(const struct desk *d, const struct letter *letter)
{
	return (struct recording){
		.worker = d->worker,
		.account = d->account,
		.letter = letter,
		.journal = d->journal,
	};
}
