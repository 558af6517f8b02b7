/* request: what is to be scanned and where it goes (request.h). */
#include "scan2mail/request.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/mail/address.h"

const struct paper scan_papers[] = {
	{ "a4", 210, 297 },
	{ "a5", 148, 210 },
	{ "letter", 215.9, 279.4 },
	{ "legal", 215.9, 355.6 },
	{ "max", 0, 0 },
};

enum { PAPERS = sizeof(scan_papers) / sizeof(scan_papers[0]) };

static const char DEFAULT_PROFILE[] = "default";
static const char DEFAULT_SUBJECT[] = "Scan %d %t";

static char nothing[] = "";

/* What holds where neither command line nor profile says a word. */
static const struct scan_profile no_profile = {
	.device = nothing,
	.source = SOURCE_AUTO,
	.mode = MODE_AUTO,
	.resolution = REQUEST_RESOLUTION,
	.to = nothing,
	.subject = nothing,
	.queue = nothing,
};

/* NULL, with e set: there is no profile of this name. */
static const struct scan_profile *
find_profile(const char *name, const struct config *config, struct error *e)
{
	const struct scan_profile *profile = NULL;

	if (config)
		profile = config_profile(config, name ? name : DEFAULT_PROFILE);
	if (profile)
		return profile;
	if (!name)
		return &no_profile;
	error_set(e, STATUS_SETTINGS,
	    "there is no profile \"%s\": postroom.conf wants a section [scan %s]", name,
	    name);
	return NULL;
}

/* Addresses are checked before paper moves; names of the address book are known to the
 * queue's machine alone. */
static enum status
check_recipients(const char *list, struct error *e)
{
	enum status status = STATUS_OK;
	const char *cursor = list;
	struct mailbox mailbox;
	struct buf element;

	buf_init(&element, ADDRESS_LIST_TEXT_MAX);
	while (status == STATUS_OK && mailbox_text_next(&cursor, &element)) {
		if (!*buf_text(&element)) {
			status = error_set(e, STATUS_INVALID,
			    "an empty recipient stands in \"%s\"", list);
		} else if (strchr(buf_text(&element), '@')) {
			status = mailbox_parse(&mailbox, buf_text(&element), e);
			if (status == STATUS_OK)
				mailbox_clear(&mailbox);
		}
		buf_reset(&element);
	}
	buf_clear(&element);
	return status;
}

/* The recipients of -t, else the profile's, joined by commas. */
static enum status
make_to(char **out, const struct list *given, const char *profile, struct error *e)
{
	enum status status;
	struct buf to;

	buf_init(&to, REQUEST_TO_MAX);
	for (size_t i = 0; i < given->count; i++)
		buf_printf(&to, "%s%s", i ? ", " : "", given->item[i]);
	if (given->count == 0)
		buf_puts(&to, profile);
	if (to.over)
		status = error_set(e, STATUS_INVALID,
		    "the recipients have more than %d bytes: use a name of the address "
		    "book",
		    REQUEST_TO_MAX);
	else if (given->count || *profile)
		status = check_recipients(buf_text(&to), e);
	else
		status = STATUS_OK;
	if (status == STATUS_OK)
		*out = buf_take(&to);
	buf_clear(&to);
	return status;
}

static enum status
make_subject(
    char **out, const char *text, const struct template_values *values, struct error *e)
{
	enum status status;
	struct buf clean;
	char *expanded;

	status = template_expand(&expanded, *text ? text : DEFAULT_SUBJECT, values, e);
	if (status != STATUS_OK)
		return status;
	buf_init(&clean, strlen(expanded) * 3 + 1);
	text_clean(&clean, expanded, strlen(expanded), TEXT_LINE);
	free(expanded);
	if (clean.len == 0 || clean.len > REQUEST_SUBJECT_MAX)
		status = error_set(e, STATUS_INVALID,
		    "the subject has %zu bytes; allowed are 1 to %d", clean.len,
		    REQUEST_SUBJECT_MAX);
	else
		*out = buf_take(&clean);
	buf_clear(&clean);
	return status;
}

enum status
request_make(struct request *out, const struct arguments *o, const struct config *config,
    const struct template_values *values, struct error *e)
{
	struct template_values named = *values;
	struct request r = { 0 };
	const struct scan_profile *p = find_profile(o->profile, config, e);
	enum status status = STATUS_OK;

	if (!p)
		return STATUS_SETTINGS;
	named.profile = p->name ? p->name : DEFAULT_PROFILE;
	r.source = o->source != ARGUMENTS_UNSET ? o->source : p->source;
	r.mode = o->mode != ARGUMENTS_UNSET ? o->mode : p->mode;
	r.resolution = o->resolution ? o->resolution : (unsigned)p->resolution;
	r.paper = &scan_papers[p->paper >= 0 && p->paper < PAPERS ? p->paper : 0];
	r.device = strdup(o->device ? o->device : p->device);
	r.queue = strdup(p->queue);
	if (!r.device || !r.queue)
		status = error_errno(e, "the scan cannot be prepared");
	if (status == STATUS_OK)
		status = make_to(&r.to, &o->to, p->to, e);
	if (status == STATUS_OK)
		status = make_subject(
		    &r.subject, o->subject ? o->subject : p->subject, &named, e);
	if (status == STATUS_OK && (!r.to || !r.subject))
		status = error_errno(e, "the scan cannot be prepared");
	if (status == STATUS_OK)
		*out = r;
	else
		request_clear(&r);
	return status;
}

void
request_clear(struct request *r)
{
	free(r->device);
	free(r->to);
	free(r->subject);
	free(r->queue);
	*r = (struct request){ 0 };
}
