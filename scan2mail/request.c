/* request: what is to be scanned and where it goes (request.h). */
#include "scan2mail/request.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/mail/address.h"
#include "lib/mail/filename.h"

enum {
	NAME_SHOWN = 60, /* bytes of a name in a sentence */
};

static const char DEFAULT_PROFILE[] = "default";
static const char DEFAULT_SUBJECT[] = "Scan %d %t";

static char nothing[] = "";

/* What holds where neither command line nor profile says a word: as the table of
 * config.c has it. */
static const struct scan_profile no_profile = {
	.device = nothing,
	.source = SOURCE_AUTO,
	.mode = MODE_AUTO,
	.resolution = REQUEST_RESOLUTION,
	.paper = { 210, 297 },
	.quality = 75,
	.waits = { .busy = 60, .open = 60, .start = 180, .progress = 60, .close = 30 },
	.filename = nothing,
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

/* Which names are in the address book, the queue's machine alone knows; what no name can
 * be, is known here. */
static enum status
check_name(const char *name, struct error *e)
{
	enum status status = STATUS_OK;
	struct buf clean;

	buf_init(&clean, ADDRESS_LIST_TEXT_MAX * 3);
	text_clean(&clean, name, strlen(name), TEXT_LINE);
	if (strcmp(buf_text(&clean), name) != 0) {
		buf_reset(&clean);
		text_show(&clean, name, NAME_SHOWN);
		status = error_set(e, STATUS_INVALID,
		    "the recipient \"%s\" has control or invisible characters, or is not "
		    "UTF-8",
		    buf_text(&clean));
	}
	buf_clear(&clean);
	return status;
}

/* Before paper moves. */
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
		} else {
			status = check_name(buf_text(&element), e);
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

/* "" stays: the subject decides. */
static enum status
make_filename(
    char **out, const char *text, const struct template_values *values, struct error *e)
{
	enum status status;
	char *expanded;

	if (!*text) {
		*out = strdup("");
		return STATUS_OK;
	}
	status = template_expand(&expanded, text, values, e);
	if (status != STATUS_OK)
		return status;
	*out = filename_clean(expanded, "pdf");
	free(expanded);
	return STATUS_OK;
}

/* The profile's options, but for those that the command line has too, and then its. */
static enum status
make_options(struct pairs *out, const struct pairs *given, const struct pairs *profile,
    struct error *e)
{
	bool good = true;

	for (size_t i = 0; good && i < profile->count; i++)
		if (!pairs_get(given, profile->item[i].name))
			good =
			    pairs_add(out, profile->item[i].name, profile->item[i].value);
	for (size_t i = 0; good && i < given->count; i++)
		good = pairs_add(out, given->item[i].name, given->item[i].value);
	return good ? STATUS_OK : error_errno(e, "the scan cannot be prepared");
}

/* What is a number or a word. */
static void
set_plain(struct request *r, const struct arguments *o, const struct scan_profile *p)
{
	int rotate = o->rotate_back != ARGUMENTS_UNSET ? o->rotate_back : p->rotate_back;

	r->source = o->source != ARGUMENTS_UNSET ? o->source : p->source;
	r->mode = o->mode != ARGUMENTS_UNSET ? o->mode : p->mode;
	r->resolution = o->resolution ? o->resolution : (unsigned)p->resolution;
	r->paper = o->has_paper ? o->paper : p->paper;
	r->quality = o->quality ? o->quality : (unsigned)p->quality;
	r->rotate_back = rotate == ROTATE_BACK_180 ? 180 : 0;
	r->partial = o->partial != ARGUMENTS_UNSET ? o->partial : p->partial;
	r->waits = p->waits;
	r->more = o->more;
	r->backs = o->backs;
	if (r->backs && r->source == SOURCE_AUTO)
		r->source = SOURCE_ADF;
}

static enum status
set_texts(struct request *r, const struct arguments *o, const struct scan_profile *p,
    const struct template_values *values, struct error *e)
{
	enum status status = make_to(&r->to, &o->to, p->to, e);

	if (status == STATUS_OK)
		status = make_subject(
		    &r->subject, o->subject ? o->subject : p->subject, values, e);
	if (status == STATUS_OK)
		status = make_filename(&r->filename, p->filename, values, e);
	if (status != STATUS_OK)
		return status;
	r->profile = strdup(values->profile);
	r->device = strdup(o->device ? o->device : p->device);
	r->queue = strdup(p->queue);
	if (!r->to || !r->subject || !r->filename || !r->profile || !r->device ||
	    !r->queue)
		return error_errno(e, "the scan cannot be prepared");
	return STATUS_OK;
}

static const char *
profile_name(const struct scan_profile *p)
{
	return p->name ? p->name : DEFAULT_PROFILE;
}

const char *
request_numbered(const struct arguments *o, const struct config *config)
{
	const struct scan_profile *p = find_profile(o->profile, config, NULL);

	if (p &&
	    (template_has_number(o->subject ? o->subject : p->subject) ||
		template_has_number(p->filename)))
		return profile_name(p);
	return NULL;
}

enum status
request_make(struct request *out, const struct arguments *o, const struct config *config,
    const struct template_values *values, struct error *e)
{
	struct template_values named = *values;
	struct request r = { 0 };
	const struct scan_profile *p = find_profile(o->profile, config, e);
	enum status status;

	if (!p)
		return STATUS_SETTINGS;
	named.profile = profile_name(p);
	set_plain(&r, o, p);
	if (r.backs && r.source != SOURCE_ADF)
		return error_set(e, STATUS_SETTINGS,
		    "--backs wants a feeder that scans one side, and the profile \"%s\" "
		    "says another source: add -S adf",
		    named.profile);
	status = set_texts(&r, o, p, &named, e);
	if (status == STATUS_OK)
		status = make_options(&r.option, &o->option, &p->option, e);
	if (status == STATUS_OK)
		*out = r;
	else
		request_clear(&r);
	return status;
}

void
request_clear(struct request *r)
{
	free(r->profile);
	free(r->device);
	free(r->to);
	free(r->subject);
	free(r->filename);
	free(r->queue);
	pairs_clear(&r->option);
	*r = (struct request){ 0 };
}
