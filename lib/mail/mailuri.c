/* mailuri: mailto: URIs (mailuri.h). */
#include "lib/mail/mailuri.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/buf.h"
#include "lib/base/text.h"

enum {
	SHOWN_MAX = 60, /* bytes of a field's name in a sentence */
};

static const char SCHEME[] = "mailto:";

enum rule {
	RULE_LIST, /* given again: joined by a comma */
	RULE_LINE, /* given again: refused */
	RULE_TEXT, /* as RULE_LINE, and may hold line breaks */
};

static const struct field {
	const char *name;
	enum rule rule;
	size_t offset;
} fields[] = {
	{ "to", RULE_LIST, offsetof(struct mailuri, to) },
	{ "cc", RULE_LIST, offsetof(struct mailuri, cc) },
	{ "bcc", RULE_LIST, offsetof(struct mailuri, bcc) },
	{ "subject", RULE_LINE, offsetof(struct mailuri, subject) },
	{ "body", RULE_TEXT, offsetof(struct mailuri, body) },
	{ "account", RULE_LINE, offsetof(struct mailuri, account) },
	{ "filename", RULE_LINE, offsetof(struct mailuri, filename) },
};

enum {
	FIELDS = sizeof(fields) / sizeof(fields[0]),
	FIELD_TO = 0, /* the row that the path belongs to */
};

/* What the fields say so far, and which of them were given. */
struct values {
	struct buf text[FIELDS];
	bool given[FIELDS];
};

static int
hex(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Appends a decoded byte, or says why it may not stand in a field. A line break is LF,
 * CR LF or CR; *cr remembers a CR. */
static enum status
put(struct buf *out, unsigned char c, const struct field *field, bool *cr,
    struct error *e)
{
	bool after_cr = *cr;

	*cr = c == '\r';
	if (c == '\0')
		return error_set(e, STATUS_INVALID,
		    "The mailto: URI holds a NUL byte (%%00) in '%s': take it out.",
		    field->name);
	if ((c >= 0x20 && c != 0x7f) ||
	    (field->rule == RULE_TEXT && c != '\r' && c != '\n'))
		buf_putc(out, (char)c);
	else if (field->rule != RULE_TEXT)
		return error_set(e, STATUS_INVALID,
		    "The mailto: URI holds a line break or another control character "
		    "(%%%02X) in '%s': only 'body' may have line breaks.",
		    c, field->name);
	else if (c == '\r' || !after_cr)
		buf_putc(out, '\n');
	return STATUS_OK;
}

/* Appends len bytes of the URI, decoded once. */
static enum status
decode(struct buf *out, const char *s, size_t len, const struct field *field,
    struct error *e)
{
	size_t start = out->len;
	bool cr = false;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		enum status status;

		if (c == '%') {
			bool whole = i + 2 < len;
			int high = whole ? hex(s[i + 1]) : -1;
			int low = whole ? hex(s[i + 2]) : -1;

			if (high < 0 || low < 0)
				return error_set(e, STATUS_INVALID,
				    "The mailto: URI has a '%%' without two hexadecimal "
				    "digits in '%s': write %%25 for a percent sign.",
				    field->name);
			c = (unsigned char)(high << 4 | low);
			i += 2;
		}
		status = put(out, c, field, &cr, e);
		if (status != STATUS_OK)
			return status;
	}
	if (out->len > start && !utf8_valid(out->data + start, out->len - start))
		return error_set(e, STATUS_INVALID,
		    "The mailto: URI holds bytes in '%s' that are no UTF-8 text: encode "
		    "its letters as UTF-8.",
		    field->name);
	return STATUS_OK;
}

/* The row of a field's name in either case, or -1. */
static int
find(const char *name, size_t len)
{
	for (int i = 0; i < FIELDS; i++)
		if (strlen(fields[i].name) == len &&
		    strncasecmp(fields[i].name, name, len) == 0)
			return i;
	return -1;
}

/* Refuses a field that is not in the table. */
static enum status
unknown(const char *name, size_t len, struct error *e)
{
	struct buf known, shown;

	buf_init(&known, ERROR_TEXT_MAX);
	buf_init(&shown, ERROR_TEXT_MAX);
	for (size_t i = 0; i < FIELDS; i++)
		buf_printf(&known, "%s%s", i ? ", " : "", fields[i].name);
	text_clean(&shown, name, len < SHOWN_MAX ? len : SHOWN_MAX, TEXT_LINE);
	error_set(e, STATUS_INVALID,
	    "The mailto: URI has a field '%s' that is not known: %s are (write %%26 for "
	    "an '&' that belongs to a text).",
	    buf_text(&shown), buf_text(&known));
	buf_clear(&known);
	buf_clear(&shown);
	return STATUS_INVALID;
}

/* Takes the value of a row. */
static enum status
take(struct values *v, int row, const char *value, size_t len, struct error *e)
{
	const struct field *field = &fields[row];
	struct buf *text = &v->text[row];

	if (v->given[row] && field->rule != RULE_LIST)
		return error_set(e, STATUS_INVALID,
		    "The mailto: URI gives '%s' twice: give it once.", field->name);
	v->given[row] = true;
	if (text->len > 0 && len > 0)
		buf_putc(text, ',');
	return decode(text, value, len, field, e);
}

/* Takes "name=value" of len bytes. */
static enum status
take_field(struct values *v, const char *s, size_t len, struct error *e)
{
	const char *equals = memchr(s, '=', len);
	size_t name = equals ? (size_t)(equals - s) : len;
	int row = find(s, name);

	if (row < 0)
		return unknown(s, name, e);
	if (!equals)
		return error_set(e, STATUS_INVALID,
		    "The mailto: URI has '%s' without a value: write %s=…",
		    fields[row].name, fields[row].name);
	return take(v, row, equals + 1, len - name - 1, e);
}

/* Takes the path and the fields behind it. */
static enum status
take_all(struct values *v, const char *s, struct error *e)
{
	size_t len = strcspn(s, "?");
	enum status status = take(v, FIELD_TO, s, len, e);

	for (s += len; *s && status == STATUS_OK; s += len) {
		s++; /* the '?' or '&' */
		len = strcspn(s, "&");
		if (len > 0)
			status = take_field(v, s, len, e);
	}
	return status;
}

/* Where a row's text stands in u. */
static char **
slot(struct mailuri *u, size_t row)
{
	return (char **)(void *)((char *)u + fields[row].offset);
}

/* Moves the values into u, NULL for the empty ones. */
static enum status
hand_over(struct mailuri *u, struct values *v, struct error *e)
{
	for (size_t i = 0; i < FIELDS; i++) {
		if (v->text[i].len == 0 && !v->text[i].over)
			continue;
		*slot(u, i) = buf_take(&v->text[i]);
		if (!*slot(u, i))
			return error_set(
			    e, STATUS_RETRY, "There is no memory for a mailto: URI.");
	}
	return STATUS_OK;
}

enum status
mailuri_parse(struct mailuri *out, const char *uri, struct error *e)
{
	struct mailuri parsed = { 0 };
	struct values v = { 0 };
	enum status status;

	if (strncasecmp(uri, SCHEME, strlen(SCHEME)) != 0)
		return error_set(e, STATUS_INVALID,
		    "A URI for mail must start with 'mailto:', as in "
		    "mailto:bob@example.com?subject=Offer.");
	if (strlen(uri) > MAILURI_MAX)
		return error_set(e, STATUS_INVALID,
		    "The mailto: URI has more than %d bytes: shorten it.", MAILURI_MAX);
	for (size_t i = 0; i < FIELDS; i++)
		buf_init(&v.text[i], MAILURI_MAX);
	status = take_all(&v, uri + strlen(SCHEME), e);
	if (status == STATUS_OK)
		status = hand_over(&parsed, &v, e);
	for (size_t i = 0; i < FIELDS; i++)
		buf_clear(&v.text[i]);
	if (status == STATUS_OK)
		*out = parsed;
	else
		mailuri_clear(&parsed);
	return status;
}

void
mailuri_clear(struct mailuri *u)
{
	for (size_t i = 0; i < FIELDS; i++)
		free(*slot(u, i));
	*u = (struct mailuri){ 0 };
}
