/* sources: the places where a job can say where it goes (sources.h). */
#include "backend/sources.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "backend/options.h"
#include "lib/base/buf.h"
#include "lib/mail/mailuri.h"

enum {
	USER_MAX = 64, /* bytes of a user's name that may become part of an address */
};

/* All that a source may look at. */
struct question {
	const struct config *config;
	const struct job *job;
	const struct pairs *options;
};

/* Keeps text for a field unless an earlier source gave one; an empty text says nothing.
 */
static enum status
offer(struct fields *f, enum field_name name, const char *text, const char *origin,
    struct error *e)
{
	struct field *field = &f->item[name];

	if (field->text || !text || !text[0])
		return STATUS_OK;
	field->text = strdup(text);
	field->origin = origin;
	field->fault = STATUS_HOLD;
	return field->text ? STATUS_OK : error_set(e, STATUS_RETRY, "out of memory");
}

static enum status
from_options(struct fields *f, const struct question *q, struct error *e)
{
	static const struct {
		enum field_name field;
		const char *option, *origin;
	} rows[] = {
		{ FIELD_TO, "mail-to", "job option mail-to" },
		{ FIELD_CC, "mail-cc", "job option mail-cc" },
		{ FIELD_BCC, "mail-bcc", "job option mail-bcc" },
		{ FIELD_SUBJECT, "mail-subject", "job option mail-subject" },
		{ FIELD_BODY, "mail-body", "job option mail-body" },
		{ FIELD_FILENAME, "mail-filename", "job option mail-filename" },
		{ FIELD_ACCOUNT, "mail-account", "job option mail-account" },
	};
	enum status status = STATUS_OK;

	for (size_t i = 0; status == STATUS_OK && i < sizeof(rows) / sizeof(rows[0]); i++)
		status = offer(f, rows[i].field, options_get(q->options, rows[i].option),
		    rows[i].origin, e);
	return status;
}

/* What was typed behind "Custom.", nothing for a bare Custom, else the choice itself. */
static const char *
typed_text(const char *choice)
{
	static const char custom[] = "Custom";
	size_t len = sizeof(custom) - 1;

	if (strncasecmp(choice, custom, len) != 0)
		return choice;
	if (choice[len] == '\0')
		return "";
	return choice[len] == '.' ? choice + len + 1 : choice;
}

/* What a choice of the PPD stands for; *text stays NULL for Auto and None. */
static enum status
read_choice(char **text, const struct question *q, const char *keyword,
    const char *choice, struct error *e)
{
	enum status status = STATUS_OK;

	if (strcasecmp(choice, "Auto") == 0 || strcasecmp(choice, "None") == 0)
		return STATUS_OK;
	if (strcasecmp(choice, "Self") == 0) {
		status = sources_own_address(text, q->config, q->job->user, e);
		if (status == STATUS_OK && !*text)
			return error_set(e, STATUS_HOLD,
			    "%s is Self, and [users] of postroom.conf has no address for "
			    "\"%.60s\"",
			    keyword, q->job->user);
		return status;
	}
	choice = typed_text(choice);
	if (choice[strspn(choice, " ")] == '\0')
		return error_set(e, STATUS_HOLD,
		    "%s says Custom and no text: type it in the print dialog, or print "
		    "with -o %s=Custom.TEXT",
		    keyword, keyword);
	*text = strdup(choice);
	return *text ? STATUS_OK : error_set(e, STATUS_RETRY, "out of memory");
}

static enum status
from_ppd(struct fields *f, const struct question *q, struct error *e)
{
	static const struct {
		enum field_name field;
		const char *keyword;
	} rows[] = {
		{ FIELD_TO, "MailTo" },
		{ FIELD_CC, "MailCc" },
		{ FIELD_BCC, "MailBcc" },
		{ FIELD_SUBJECT, "MailSubject" },
		{ FIELD_BODY, "MailBody" },
		{ FIELD_FILENAME, "MailFilename" },
	};
	enum status status = STATUS_OK;

	for (size_t i = 0; status == STATUS_OK && i < sizeof(rows) / sizeof(rows[0]);
	     i++) {
		const char *choice = options_get(q->options, rows[i].keyword);
		char *text = NULL;

		if (!choice || f->item[rows[i].field].text)
			continue;
		status = read_choice(&text, q, rows[i].keyword, choice, e);
		if (status == STATUS_OK)
			status = offer(f, rows[i].field, text, rows[i].keyword, e);
		free(text);
	}
	return status;
}

static enum status
from_uri(struct fields *f, const char *uri, const char *origin, struct error *e)
{
	struct mailuri u;
	struct error why;
	enum status status = mailuri_parse(&u, uri, &why);

	if (status)
		return error_set(e, status, "%s: %s", origin, why.text);
	const struct {
		enum field_name field;
		const char *text;
	} rows[] = {
		{ FIELD_TO, u.to },
		{ FIELD_CC, u.cc },
		{ FIELD_BCC, u.bcc },
		{ FIELD_SUBJECT, u.subject },
		{ FIELD_BODY, u.body },
		{ FIELD_FILENAME, u.filename },
		{ FIELD_ACCOUNT, u.account },
	};
	for (size_t i = 0; status == STATUS_OK && i < sizeof(rows) / sizeof(rows[0]); i++)
		status = offer(f, rows[i].field, rows[i].text, origin, e);
	mailuri_clear(&u);
	return status;
}

static enum status
from_mail_uri(struct fields *f, const struct question *q, struct error *e)
{
	const char *uri = options_get(q->options, "mail-uri");
	enum status status;

	if (!uri)
		return STATUS_OK;
	status = from_uri(f, uri, "job option mail-uri", e);
	return status == STATUS_INVALID ? STATUS_HOLD : status;
}

static enum status
from_device_uri(struct fields *f, const struct question *q, struct error *e)
{
	static const char origin[] = "the queue's device URI";
	const char *uri = q->job->device_uri;
	enum status status;

	/* "mailto:/" and "mailto://" are what some tools make of a bare "mailto:" */
	if (!uri[0] || strcmp(uri, "mailto:/") == 0 || strcmp(uri, "mailto://") == 0)
		return STATUS_OK;
	status = from_uri(f, uri, origin, e);
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (f->item[i].origin == origin)
			f->item[i].fault = STATUS_SETTINGS;
	return status == STATUS_INVALID ? STATUS_SETTINGS : status;
}

/* The title's tag "[to: …]" with its brackets: where it starts, and its length in *len;
 * NULL when there is none. */
static const char *
find_tag(const char *title, size_t *len)
{
	const char *tag = strcasestr(title, "[to:");
	const char *end = tag ? strchr(tag, ']') : NULL;

	if (!end)
		return NULL;
	*len = (size_t)(end + 1 - tag);
	return tag;
}

bool
sources_title(struct buf *out, const char *title)
{
	size_t len, before;
	const char *tag = find_tag(title, &len);

	if (!tag)
		return buf_puts(out, title);
	for (before = (size_t)(tag - title); before && title[before - 1] == ' ';)
		before--;
	buf_add(out, title, before);
	return buf_puts(out, tag + len);
}

/* "Subject [to: bob@example.com] more" → recipient and "Subject more". */
static enum status
from_title(struct fields *f, const struct question *q, struct error *e)
{
	static const char origin[] = "the job's title";
	const char *title = q->job->title;
	size_t len, start = strlen("[to:");
	const char *tag = find_tag(title, &len);
	enum status status = STATUS_OK;
	struct buf part;

	buf_init(&part, strlen(title));
	if (tag) {
		buf_add(&part, tag + start, len - start - 1);
		status = offer(f, FIELD_TO, buf_text(&part), origin, e);
		buf_reset(&part);
	}
	sources_title(&part, title);
	if (status == STATUS_OK)
		status = offer(f, FIELD_SUBJECT, buf_text(&part), origin, e);
	buf_clear(&part);
	return status;
}

/* An address or a name of the address book; any other billing text is just that. */
static enum status
from_billing(struct fields *f, const struct question *q, struct error *e)
{
	const char *text = options_get(q->options, "job-billing");

	if (!text || (!strchr(text, '@') && !pairs_get(&q->config->addresses, text)))
		return STATUS_OK;
	return offer(f, FIELD_TO, text, "job option job-billing", e);
}

static enum status
from_user(struct fields *f, const struct question *q, struct error *e)
{
	enum status status;
	char *text = NULL;

	if (f->item[FIELD_TO].text || f->item[FIELD_CC].text || f->item[FIELD_BCC].text)
		return STATUS_OK;
	status = sources_own_address(&text, q->config, q->job->user, e);
	if (status == STATUS_OK)
		status = offer(f, FIELD_TO, text, "[users]", e);
	free(text);
	return status;
}

enum status
sources_gather(struct fields *out, const struct config *config, const struct job *job,
    const struct pairs *options, struct error *e)
{
	static enum status (*const sources[])(
	    struct fields *, const struct question *, struct error *) = {
		from_options,
		from_ppd,
		from_mail_uri,
		from_device_uri,
		from_title,
		from_billing,
		from_user,
	};
	const struct question q = { config, job, options };
	struct fields f = { 0 };
	enum status status = STATUS_OK;

	for (size_t i = 0; i < FIELD_COUNT; i++)
		f.item[i].origin = "the job";
	for (size_t i = 0;
	     status == STATUS_OK && i < sizeof(sources) / sizeof(sources[0]); i++)
		status = sources[i](&f, &q, e);
	if (status)
		fields_clear(&f);
	else
		*out = f;
	return status;
}

void
fields_clear(struct fields *f)
{
	for (size_t i = 0; i < FIELD_COUNT; i++)
		free(f->item[i].text);
	*f = (struct fields){ 0 };
}

/* Whether a user's name may become part of an address as it is. */
static bool
is_plain_user(const char *user)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";
	size_t len = strlen(user);

	return len > 0 && len <= USER_MAX && strspn(user, allowed) == len;
}

enum status
sources_own_address(
    char **out, const struct config *config, const char *user, struct error *e)
{
	const char *pattern = pairs_get(&config->users, user);
	const char *mark;
	struct buf address;

	if (!pattern)
		pattern = pairs_get(&config->users, "*");
	if (!pattern)
		return STATUS_OK;
	if (strstr(pattern, "%u") && !is_plain_user(user))
		return error_set(e, STATUS_HOLD,
		    "the user name \"%.60s\" cannot stand in an address; give it an own "
		    "line in [users] of postroom.conf",
		    user);
	buf_init(&address, ADDRESS_LIST_TEXT_MAX);
	while ((mark = strstr(pattern, "%u"))) {
		buf_add(&address, pattern, (size_t)(mark - pattern));
		buf_puts(&address, user);
		pattern = mark + 2;
	}
	buf_puts(&address, pattern);
	*out = buf_take(&address);
	return *out ? STATUS_OK : error_set(e, STATUS_RETRY, "out of memory");
}
