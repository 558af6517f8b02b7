/* route: where a job goes, and with which words (route.h). */
#include "backend/route.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "backend/options.h"
#include "backend/sources.h"
#include "lib/base/buf.h"
#include "lib/base/text.h"

enum {
	BOOK_DEPTH = 3, /* address-book names that lead to names */
};

/* Appends what one element of a list stands for: an address, or a name in the address
 * book. */
static enum status add_element(struct mailbox_list *list, const struct pairs *book,
    const char *text, int depth, struct error *e);

static enum status
add_list(struct mailbox_list *list, const struct pairs *book, const char *text, int depth,
    struct error *e)
{
	enum status status = STATUS_OK;
	const char *cursor = text;
	struct buf element;

	buf_init(&element, ADDRESS_LIST_TEXT_MAX);
	while (status == STATUS_OK && mailbox_text_next(&cursor, &element)) {
		if (element.over)
			status = error_set(
			    e, STATUS_INVALID, "the list of recipients is too long");
		else
			status = add_element(list, book, buf_text(&element), depth, e);
		buf_reset(&element);
	}
	buf_clear(&element);
	return status;
}

static enum status
add_element(struct mailbox_list *list, const struct pairs *book, const char *text,
    int depth, struct error *e)
{
	const char *entry = pairs_get(book, text);
	struct mailbox m;
	enum status status;

	if (entry && depth < BOOK_DEPTH)
		return add_list(list, book, entry, depth + 1, e);
	if (!strchr(text, '@') && text[0])
		return error_set(e, STATUS_INVALID,
		    "\"%.60s\" is neither an address nor a name in the address book "
		    "([addresses] in postroom.conf)",
		    text);
	status = mailbox_parse(&m, text, e);
	if (status)
		return status;
	status = mailbox_list_add(list, &m, e);
	mailbox_clear(&m);
	return status;
}

/* Whether the policy lets mail go to this address. */
static bool
is_allowed(const struct policy *policy, const char *address)
{
	for (size_t i = 0; i < policy->allow.count; i++)
		if (fnmatch(policy->allow.item[i], address, FNM_CASEFOLD) == 0)
			return true;
	return policy->allow.count == 0;
}

static enum status
check_policy(const struct route *r, const struct policy *policy, struct error *e)
{
	const struct mailbox_list *all = &r->recipients;

	if (all->count > policy->max_recipients)
		return error_set(e, STATUS_HOLD,
		    "%zu recipients, and this server allows at most %llu (max_recipients "
		    "in postroom.conf); print again with fewer",
		    all->count, (unsigned long long)policy->max_recipients);
	for (size_t i = 0; i < all->count; i++)
		if (!is_allowed(policy, all->item[i].address))
			return error_set(e, STATUS_HOLD,
			    "%s is not among the recipients that this server allows "
			    "(allow in postroom.conf); print again to another, or ask "
			    "the administrator",
			    all->item[i].address);
	return STATUS_OK;
}

/* Reads one field of recipients into a list of its own and into the envelope. */
static enum status
set_recipients(struct route *r, struct mailbox_list *list, const struct field *field,
    const struct pairs *book, struct error *e)
{
	struct error why;
	enum status status;

	if (!field->text)
		return STATUS_OK;
	status = add_list(list, book, field->text, 0, &why);
	for (size_t i = 0; status == STATUS_OK && i < list->count; i++)
		status = mailbox_list_add(&r->recipients, &list->item[i], &why);
	if (status)
		return error_set(e, status == STATUS_INVALID ? field->fault : status,
		    "%s: %s", field->origin, why.text);
	return STATUS_OK;
}

static enum status
set_all_recipients(struct route *r, const struct config *config,
    const struct fields *fields, struct error *e)
{
	const struct pairs *book = &config->addresses;
	struct mailbox_list bcc = { 0 };
	enum status status;

	status = set_recipients(r, &r->to, &fields->item[FIELD_TO], book, e);
	if (status == STATUS_OK)
		status = set_recipients(r, &r->cc, &fields->item[FIELD_CC], book, e);
	if (status == STATUS_OK)
		status = set_recipients(r, &bcc, &fields->item[FIELD_BCC], book, e);
	mailbox_list_clear(&bcc);
	if (status == STATUS_OK && r->recipients.count == 0)
		status = error_set(e, STATUS_HOLD,
		    "no recipient: choose one in the print dialog (E-mail), print with "
		    "-o mail-to=ADDRESS, or have the administrator set one for the queue "
		    "or for the user in [users] of postroom.conf");
	if (status == STATUS_OK)
		status = check_policy(r, &config->policy, e);
	return status;
}

static enum status
set_reply_to(
    struct route *r, const struct config *config, const char *user, struct error *e)
{
	const struct reply_to *reply_to = &config->policy.reply_to;
	enum status status = STATUS_OK;
	struct mailbox m = { 0 };
	char *own = NULL;

	if (reply_to->mode == REPLY_TO_ADDRESS)
		return mailbox_list_add(&r->reply_to, &reply_to->mailbox, e);
	if (reply_to->mode == REPLY_TO_NONE)
		return STATUS_OK;
	if (sources_own_address(&own, config, user, NULL) == STATUS_OK && own)
		status = mailbox_parse(&m, own, e);
	if (status == STATUS_OK && m.address)
		status = mailbox_list_add(&r->reply_to, &m, e);
	mailbox_clear(&m);
	free(own);
	/* a user without an address of his own just gets no replies */
	return status == STATUS_INVALID ? STATUS_OK : status;
}

/* A cleaned copy of a text field; NULL stays NULL, and so does a text of blanks. */
static enum status
set_text(char **out, const struct field *field, size_t max, enum text_rule rule,
    struct error *e)
{
	struct buf clean;

	if (!field->text)
		return STATUS_OK;
	if (strlen(field->text) > max)
		return error_set(e, field->fault,
		    "%s: the text is %zu bytes long, and at most %zu are allowed",
		    field->origin, strlen(field->text), max);
	buf_init(&clean, 3 * max + 1); /* a bad byte becomes three */
	text_clean(&clean, field->text, strlen(field->text), rule);
	if (clean.len == 0 && !clean.over) {
		buf_clear(&clean);
		return STATUS_OK;
	}
	*out = buf_take(&clean);
	return *out ? STATUS_OK : error_set(e, STATUS_RETRY, "out of memory");
}

static enum status
set_texts(struct route *r, const struct fields *fields, struct error *e)
{
	static const struct {
		enum field_name field;
		size_t offset, max;
		enum text_rule rule;
	} texts[] = {
		{ FIELD_SUBJECT, offsetof(struct route, subject), ROUTE_SUBJECT_MAX,
		    TEXT_LINE },
		{ FIELD_BODY, offsetof(struct route, body), OPTION_VALUE_MAX,
		    TEXT_LINES },
		{ FIELD_FILENAME, offsetof(struct route, filename), ROUTE_SUBJECT_MAX,
		    TEXT_LINE },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char **out = (char **)((char *)r + texts[i].offset);
		enum status status = set_text(
		    out, &fields->item[texts[i].field], texts[i].max, texts[i].rule, e);

		if (status)
			return status;
	}
	return STATUS_OK;
}

static enum status
set_account(struct route *r, const struct config *config, const struct field *field,
    struct error *e)
{
	r->account = config_account(config, field->text);
	if (r->account)
		return STATUS_OK;
	if (config->account_count == 0)
		return error_set(e, STATUS_SETTINGS,
		    "%s has no [account …]: see postroom.conf(5)", config->path);
	return error_set(e, field->fault,
	    "%s: there is no account \"%.60s\" in postroom.conf; its first account is "
	    "\"%s\"",
	    field->origin, field->text, config->account[0].name);
}

enum status
route_find(struct route *out, const struct config *config, const struct job *job,
    const struct pairs *options, struct error *e)
{
	struct route r = { 0 };
	struct fields fields;
	enum status status;

	status = sources_gather(&fields, config, job, options, e);
	if (status)
		return status;
	status = set_account(&r, config, &fields.item[FIELD_ACCOUNT], e);
	if (status == STATUS_OK)
		status = set_all_recipients(&r, config, &fields, e);
	if (status == STATUS_OK)
		status = set_reply_to(&r, config, job->user, e);
	if (status == STATUS_OK)
		status = set_texts(&r, &fields, e);
	fields_clear(&fields);
	if (status)
		route_clear(&r);
	else
		*out = r;
	return status;
}

void
route_clear(struct route *r)
{
	mailbox_list_clear(&r->to);
	mailbox_list_clear(&r->cc);
	mailbox_list_clear(&r->recipients);
	mailbox_list_clear(&r->reply_to);
	free(r->subject);
	free(r->body);
	free(r->filename);
	*r = (struct route){ 0 };
}
