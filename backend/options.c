/* options: the fifth argument of a backend (options.h). */
#include "backend/options.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base/buf.h"

enum {
	NAME_MAX_BYTES = 255,
};

/* Names that can start an option: ours first, whose values are free text, then those of
 * IPP (RFC 8011, PWG 5100 series) and of common PPDs that cupsd passes on. */
static const char *const free_text[] = {
	"mail-to",
	"mail-cc",
	"mail-bcc",
	"mail-subject",
	"mail-body",
	"mail-filename",
	"mail-account",
	"mail-uri",
	"mail-scanned",
	"MailTo",
	"MailCc",
	"MailBcc",
	"MailSubject",
	"MailBody",
	"MailFilename",
	"job-billing",
	"job-account-id",
	"job-accounting-user-id",
	"document-name-supplied",
	"job-originating-host-name",
	NULL,
};
static const char *const known[] = {
	"ColorModel",
	"Collate",
	"copies",
	"cpi",
	"cups-browsed",
	"date-time-at-creation",
	"date-time-at-processing",
	"date-time-at-completed",
	"document-format-detected",
	"document-format-supplied",
	"Duplex",
	"finishings",
	"fit-to-page",
	"fitplot",
	"gamma",
	"brightness",
	"hue",
	"InputSlot",
	"job-impressions",
	"job-priority",
	"job-uuid",
	"landscape",
	"lpi",
	"media",
	"media-col",
	"MediaType",
	"mirror",
	"multiple-document-handling",
	"natural-scaling",
	"number-up",
	"number-up-layout",
	"orientation-requested",
	"output-bin",
	"output-format",
	"OutputBin",
	"output-order",
	"outputorder",
	"page-border",
	"page-bottom",
	"page-delivery",
	"page-left",
	"page-ranges",
	"page-right",
	"page-set",
	"page-top",
	"PageRegion",
	"PageSize",
	"position",
	"ppi",
	"prettyprint",
	"print-color-mode",
	"print-content-optimize",
	"print-quality",
	"print-rendering-intent",
	"print-scaling",
	"printer-resolution",
	"Resolution",
	"saturation",
	"scaling",
	"sides",
	"time-at-completed",
	"time-at-creation",
	"time-at-processing",
	"wrap",
	NULL,
};

/* Those of them that stand without a value when they are true. */
static const char *const switches[] = {
	"Collate",
	"fit-to-page",
	"fitplot",
	"landscape",
	"mirror",
	"prettyprint",
	"wrap",
	NULL,
};

/* What cupsd puts between options, and escapes inside values; CR, VT and FF it does not.
 */
static const char BLANKS[] = " \t\n";
static const char NAME_END[] = "= \t\n";

static bool
is_in(const char *const *names, const char *name, size_t len)
{
	for (; *names; names++)
		if (strncasecmp(*names, name, len) == 0 && !(*names)[len])
			return true;
	return false;
}

static bool
is_known(const char *name, size_t len)
{
	return is_in(free_text, name, len) || is_in(known, name, len);
}

enum options_style
options_style(const char *software)
{
	int major, minor, patch;

	if (!software || sscanf(software, "CUPS/%d.%d.%d", &major, &minor, &patch) != 3)
		return OPTIONS_ESCAPED;
	return major == 2 && minor == 4 && patch >= 17 && patch <= 19 ? OPTIONS_BARE
								      : OPTIONS_ESCAPED;
}

/* Whether a word of len bytes is a known switch, or `no` and one. */
static bool
is_switch(const char *word, size_t len)
{
	return is_in(switches, word, len) ||
	    (strncasecmp(word, "no", 2) == 0 && is_in(switches, word + 2, len - 2));
}

/* Whether the next options start at s: a known `name=`, with nothing but switches before
 * it. "landscape" alone is a word like any other. */
static bool
starts_options(const char *s)
{
	while (*s) {
		size_t len = strcspn(s, NAME_END);

		if (s[len] == '=')
			return is_known(s, len);
		if (!is_switch(s, len))
			return false;
		s += len;
		s += strspn(s, BLANKS);
	}
	return true;
}

/* Reads a value up to the blank that ends it; quotes and backslashes are taken off. */
static const char *
read_value(const char *s, bool joins, struct buf *value)
{
	char quote = '\0';

	for (; *s && !value->over; s++) {
		size_t blanks = quote ? 0 : strspn(s, BLANKS);

		if (*s == '\\' && s[1]) {
			buf_putc(value, *++s);
		} else if (quote ? *s == quote : (*s == '\'' || *s == '"')) {
			quote = quote ? '\0' : *s;
		} else if (blanks) {
			if (!joins || starts_options(s + blanks))
				break;
			buf_add(value, s, blanks);
			s += blanks - 1;
		} else {
			buf_putc(value, *s);
		}
	}
	return s;
}

/* A word without '=': a switch. */
static bool
add_switch(struct pairs *out, const char *name)
{
	if (strncasecmp(name, "no", 2) == 0 && is_known(name + 2, strlen(name + 2)))
		return pairs_add(out, name + 2, "false");
	return pairs_add(out, name, "true");
}

static enum status
read_option(struct pairs *out, const char **cursor, bool bare, struct error *e)
{
	char name[NAME_MAX_BYTES + 1];
	const char *s = *cursor;
	size_t len = strcspn(s, NAME_END);
	enum status status = STATUS_OK;
	struct buf value;
	bool added;

	if (len > NAME_MAX_BYTES)
		return error_set(e, STATUS_INVALID,
		    "a job option's name is %zu bytes long (\"%.20s…\"); at most %d are "
		    "allowed",
		    len, s, NAME_MAX_BYTES);
	memcpy(name, s, len);
	name[len] = '\0';
	s += len;
	buf_init(&value, OPTION_VALUE_MAX);
	if (*s == '=') {
		s = read_value(s + 1, bare && is_in(free_text, name, len), &value);
		added = !value.over && pairs_add(out, name, buf_text(&value));
	} else {
		added = add_switch(out, name);
	}
	if (value.over)
		status = error_set(e, STATUS_INVALID,
		    "the job option %s is longer than %d bytes; give it a shorter value",
		    name, OPTION_VALUE_MAX);
	else if (!added)
		status = error_set(e, STATUS_INVALID, "the job has too many options");
	buf_clear(&value);
	*cursor = s;
	return status;
}

enum status
options_parse(
    struct pairs *out, const char *text, enum options_style style, struct error *e)
{
	const char *s = text + strspn(text, BLANKS);

	while (*s) {
		enum status status = read_option(out, &s, style == OPTIONS_BARE, e);

		if (status)
			return status;
		s += strspn(s, BLANKS);
	}
	return STATUS_OK;
}

const char *
options_get(const struct pairs *options, const char *name)
{
	for (size_t i = options->count; i-- > 0;)
		if (strcasecmp(options->item[i].name, name) == 0)
			return options->item[i].value[0] ? options->item[i].value : NULL;
	return NULL;
}
