/* template: texts with %d, %t and their like (template.h). */
#include "lib/mail/template.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/text.h"

static const char ALLOWED[] =
    "%d (date), %t (time), %n (number), %u (user), %h (host), %p (profile) and %% are "
    "allowed";

enum kind {
	KIND_DATE,
	KIND_TIME,
	KIND_NUMBER,
	KIND_TEXT,
};

/* What a letter stands for: a part of the time, or one of the texts. */
static const struct code {
	char letter;
	enum kind kind;
	size_t text;
} codes[] = {
	{ 'd', KIND_DATE, 0 },
	{ 't', KIND_TIME, 0 },
	{ 'n', KIND_NUMBER, 0 },
	{ 'u', KIND_TEXT, offsetof(struct template_values, user) },
	{ 'h', KIND_TEXT, offsetof(struct template_values, host) },
	{ 'p', KIND_TEXT, offsetof(struct template_values, profile) },
};

static const struct code *
find(char letter)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].letter == letter)
			return &codes[i];
	return NULL;
}

/* Appends what the code stands for; false when the values do not hold it. */
static bool
expand(struct buf *out, const struct code *code, const struct template_values *values)
{
	const struct tm *when = values->when;
	const char *text;

	memcpy(&text, (const char *)values + code->text, sizeof(text));
	switch (code->kind) {
	case KIND_DATE:
		if (!when)
			return false;
		buf_printf(out, "%04d-%02d-%02d", when->tm_year + 1900, when->tm_mon + 1,
		    when->tm_mday);
		break;
	case KIND_TIME:
		if (!when)
			return false;
		buf_printf(out, "%02d:%02d", when->tm_hour, when->tm_min);
		break;
	case KIND_NUMBER:
		if (values->number == 0)
			return false;
		buf_printf(out, "%ju", (uintmax_t)values->number);
		break;
	case KIND_TEXT:
		if (!text)
			return false;
		buf_puts(out, text);
		break;
	}
	return true;
}

/* Appends what the letter behind a percent sign stands for; the letter's length in *len,
 * which is 0 at the end of the text. */
static enum status
put(struct buf *out, const char *letter, size_t *len,
    const struct template_values *values, struct error *e)
{
	const struct code *code = find(*letter);
	bool known = true;

	*len = utf8_length(letter, strlen(letter));
	if (*letter == '%')
		buf_putc(out, '%');
	else if (code)
		known = expand(out, code, values);
	else if (*letter == '\0')
		return error_set(
		    e, STATUS_INVALID, "The text ends with a single '%%': %s.", ALLOWED);
	else
		return error_set(e, STATUS_INVALID, "The text holds '%%%.*s': %s.",
		    (int)*len, letter, ALLOWED);
	if (!known)
		return error_set(e, STATUS_INVALID,
		    "The text holds '%%%c', which has no value here: leave it out.",
		    *letter);
	return STATUS_OK;
}

enum status
template_expand(
    char **out, const char *text, const struct template_values *values, struct error *e)
{
	enum status status = STATUS_OK;
	struct buf result;
	char *taken = NULL;

	buf_init(&result, TEMPLATE_MAX);
	while (*text && status == STATUS_OK) {
		size_t len = strcspn(text, "%");

		buf_add(&result, text, len);
		text += len;
		if (*text == '\0')
			break;
		status = put(&result, ++text, &len, values, e);
		text += len;
	}
	if (status == STATUS_OK && result.over)
		status = error_set(e, STATUS_INVALID,
		    "The text becomes longer than %d bytes: shorten it.", TEMPLATE_MAX);
	if (status == STATUS_OK && !(taken = buf_take(&result)))
		status = error_set(e, STATUS_RETRY, "There is no memory for a text.");
	buf_clear(&result);
	if (taken)
		*out = taken;
	return status;
}

bool
template_has_number(const char *text)
{
	while ((text = strchr(text, '%')) && text[1] && text[1] != 'n')
		text += 2;
	return text && text[1];
}
