/*
 * header: the one writer of header fields (header.h).
 *
 * A field grows by pieces that must stay whole. A piece that starts with a blank may
 * stand on a line of its own; pieces hold no control characters, so that the only CR LF
 * in a field are those that fold() and end() write.
 */
#include "lib/mail/header.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/mail/base64.h"
#include "lib/mail/filename.h"

enum {
	LINE_SOFT = 76,
	LINE_HARD = 998,
	WORD_IN_MAX = 45, /* bytes of text in an encoded word of 72 characters */
	PHRASE_MAX = 70,  /* characters of a display name that is not encoded */
	TYPE_MAX = 127,
	NAME_IN_MAX = 4 * ADDRESS_NAME_MAX,
};

static const char WORD_OPEN[] = "=?UTF-8?B?", WORD_CLOSE[] = "?=";

struct field {
	struct buf *out;
	size_t column; /* characters of the line so far */
};

static void
add(struct field *f, const char *s, size_t len)
{
	buf_add(f->out, s, len);
	f->column += len;
}

static struct field
begin(struct buf *out, const char *name)
{
	struct field f = { .out = out };

	add(&f, name, strlen(name));
	add(&f, ":", 1);
	return f;
}

static bool
end(struct field *f)
{
	return buf_puts(f->out, "\r\n");
}

static void
fold(struct field *f)
{
	buf_puts(f->out, "\r\n");
	f->column = 0;
}

/* Adds a piece that starts with a blank, on a new line when it does not fit. */
static void
put(struct field *f, const char *piece, size_t len)
{
	if (f->column + len > LINE_SOFT && piece[0] == ' ')
		fold(f);
	add(f, piece, len);
}

/* The length of the piece at s: blanks, and what stands behind them up to the next. */
static size_t
piece_length(const char *s)
{
	size_t blanks = strspn(s, " ");

	return blanks + strcspn(s + blanks, " ");
}

/* Whether each piece of a text fits a line behind a field's name. */
static bool
fits(const char *name, const char *text)
{
	size_t most = LINE_HARD - strlen(name) - strlen(": ");

	for (size_t n; *text; text += n) {
		n = piece_length(text);
		if (n > most)
			return false;
	}
	return true;
}

/* Adds printable ASCII as it is. The first piece stays on the line of the field's name:
 * some readers stumble over an empty first line. */
static void
put_plain(struct field *f, const char *text)
{
	size_t n;

	if (*text == '\0')
		return;
	add(f, " ", 1);
	n = piece_length(text);
	add(f, text, n);
	for (text += n; *text; text += n) {
		n = piece_length(text);
		put(f, text, n);
	}
}

/* Adds valid UTF-8 as encoded words, each with whole characters, as many as fit its line.
 */
static void
put_words(struct field *f, const char *text)
{
	const size_t frame = 1 + sizeof(WORD_OPEN) - 1 + sizeof(WORD_CLOSE) - 1;

	while (*text) {
		size_t taken = f->column + frame, room, n;
		char word[(WORD_IN_MAX + 2) / 3 * 4];

		room = taken < LINE_SOFT ? (LINE_SOFT - taken) / 4 * 3 : 0;
		n = text_cut(text, room < WORD_IN_MAX ? room : WORD_IN_MAX);
		if (n == 0) {
			fold(f);
			continue;
		}
		add(f, " ", 1);
		add(f, WORD_OPEN, sizeof(WORD_OPEN) - 1);
		add(f, word, base64_word(word, (const unsigned char *)text, n));
		add(f, WORD_CLOSE, sizeof(WORD_CLOSE) - 1);
		text += n;
	}
}

bool
header_raw(struct buf *out, const char *name, const char *value)
{
	struct field f = begin(out, name);

	if (!text_is_ascii(value) || !fits(name, value)) {
		out->over = true;
		return false;
	}
	put_plain(&f, value);
	return end(&f);
}

/* Whether a text may stand unencoded: a reader would not take it for encoded words. */
static bool
is_plain(const char *text)
{
	return text_is_ascii(text) && !strstr(text, "=?");
}

bool
header_text(struct buf *out, const char *name, const char *text)
{
	struct field f = begin(out, name);
	struct buf clean;

	buf_init(&clean, out->max);
	if (!text_clean(&clean, text, strlen(text), TEXT_LINE))
		out->over = true;
	else if (is_plain(buf_text(&clean)) && fits(name, buf_text(&clean)))
		put_plain(&f, buf_text(&clean));
	else
		put_words(&f, buf_text(&clean));
	buf_clear(&clean);
	return end(&f);
}

/* Whether a display name consists of atoms with single blanks between them (RFC 5322
 * 3.2.3). */
static bool
is_atoms(const char *name)
{
	static const char atext[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789!#$%&'*+-/=?^_`{|}~";

	for (;;) {
		size_t n = strspn(name, atext);

		if (n == 0 || (name[n] != ' ' && name[n] != '\0'))
			return false;
		if (name[n] == '\0')
			return true;
		name += n + 1;
	}
}

/* Appends the name as a quoted-string. */
static void
quote(struct buf *out, const char *name)
{
	buf_putc(out, '"');
	for (; *name; name++) {
		if (*name == '"' || *name == '\\')
			buf_putc(out, '\\');
		buf_putc(out, *name);
	}
	buf_putc(out, '"');
}

static void
put_name(struct field *f, const char *name)
{
	struct buf clean, piece;

	buf_init(&clean, NAME_IN_MAX);
	buf_init(&piece, 2 * NAME_IN_MAX);
	buf_putc(&piece, ' ');
	text_clean(&clean, name, strlen(name), TEXT_LINE);
	if (is_atoms(buf_text(&clean)))
		buf_puts(&piece, buf_text(&clean));
	else
		quote(&piece, buf_text(&clean));
	if (clean.over || piece.over)
		f->out->over = true;
	else if (is_plain(buf_text(&clean)) && piece.len <= PHRASE_MAX)
		put(f, piece.data, piece.len);
	else
		put_words(f, buf_text(&clean));
	buf_clear(&clean);
	buf_clear(&piece);
}

static void
put_mailbox(struct field *f, const struct mailbox *m, const char *behind)
{
	bool named = m->name[0] != '\0';
	struct buf piece;

	buf_init(&piece, LINE_HARD - 1);
	if (named)
		put_name(f, m->name);
	buf_printf(&piece, named ? " <%s>%s" : " %s%s", m->address, behind);
	if (piece.over || !text_is_ascii(buf_text(&piece)))
		f->out->over = true;
	else
		put(f, piece.data, piece.len);
	buf_clear(&piece);
}

bool
header_mailboxes(struct buf *out, const char *name, const struct mailbox_list *list)
{
	struct field f = begin(out, name);

	for (size_t i = 0; i < list->count; i++)
		put_mailbox(&f, &list->item[i], i + 1 < list->count ? "," : "");
	return end(&f);
}

bool
header_date(struct buf *out, time_t when)
{
	/* Not strftime(), whose names follow the locale. */
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm t;

	if (!gmtime_r(&when, &t) || t.tm_year < 0 || t.tm_year > 9999 - 1900) {
		out->over = true;
		return false;
	}
	return buf_printf(out, "Date: %.3s, %d %.3s %d %02d:%02d:%02d +0000\r\n",
	    days + 3 * t.tm_wday, t.tm_mday, months + 3 * t.tm_mon, t.tm_year + 1900,
	    t.tm_hour, t.tm_min, t.tm_sec);
}

/* Whether a text is a media type: two tokens (RFC 2045 5.1). */
static bool
is_type(const char *type)
{
	static const char token[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789!#$&^_.+-";
	size_t first = strspn(type, token), second;

	if (first == 0 || type[first] != '/')
		return false;
	second = strspn(type + first + 1, token);
	return second > 0 && type[first + 1 + second] == '\0' && strlen(type) <= TYPE_MAX;
}

/* name= for readers that know no RFC 2231: one encoded word where the name fits one. RFC
 * 2047 allows none in a parameter, yet this is what Outlook reads. */
static void
put_name_parameter(struct buf *out, const char *filename, const char *ascii)
{
	char word[(WORD_IN_MAX + 2) / 3 * 4];
	size_t len = strlen(filename);

	if (text_is_ascii(filename) || len > WORD_IN_MAX) {
		buf_printf(out, "name=\"%s\"", ascii);
		return;
	}
	len = base64_word(word, (const unsigned char *)filename, len);
	buf_printf(out, "name=\"%s%.*s%s\"", WORD_OPEN, (int)len, word, WORD_CLOSE);
}

/* filename*= as RFC 2231 4 has it: charset, language, percent-encoded bytes. */
static void
put_extended_parameter(struct buf *out, const char *filename)
{
	static const char kept[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789-._~";

	buf_puts(out, ";\r\n filename*=UTF-8''");
	for (const char *s = filename; *s; s++)
		buf_printf(out, strchr(kept, *s) ? "%c" : "%%%02X", (unsigned char)*s);
}

bool
header_attachment(struct buf *out, const char *type, const char *filename)
{
	char *ascii = NULL;

	if (!is_type(type) || strlen(filename) > FILENAME_MAX_BYTES)
		goto fail;
	ascii = filename_ascii(filename);
	if (!ascii)
		goto fail;
	buf_printf(out, "Content-Type: %s;\r\n ", type);
	put_name_parameter(out, filename, ascii);
	buf_printf(
	    out, "\r\nContent-Disposition: attachment;\r\n filename=\"%s\"", ascii);
	if (!text_is_ascii(filename))
		put_extended_parameter(out, filename);
	free(ascii);
	return buf_puts(out, "\r\n");
fail:
	out->over = true;
	return false;
}
