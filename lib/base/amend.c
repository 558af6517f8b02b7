/* amend: keys of one section of a settings file's text are changed (amend.h). */
#include "lib/base/amend.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/settings.h"
#include "lib/base/text.h"

static const char blanks[] = " \t\r\n";

/* One line of the text: its bytes, with its line end. */
struct line {
	const char *start, *end;
};

/* A part of a line. */
struct span {
	const char *start, *end;
};

struct work {
	struct buf *out;
	const struct amend_section *section;
	const struct amendment *changes; /* ends with a NULL key */
	bool done[AMEND_KEYS_MAX];       /* the key stood there */
	bool inside;                     /* in the section */
	bool found;                      /* the section was there */
	size_t place;      /* in out: where new keys go, behind the section's last key */
	struct line model; /* the line before that place */
};

static bool
is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c);
}

static struct span
trim(struct span s)
{
	while (s.start < s.end && is_one_of(*s.start, blanks))
		s.start++;
	while (s.start < s.end && is_one_of(s.end[-1], blanks))
		s.end--;
	return s;
}

static bool
is_word(struct span s, const char *word)
{
	size_t len = (size_t)(s.end - s.start);

	return strlen(word) == len && memcmp(s.start, word, len) == 0;
}

/* Cuts the next line off; a byte order mark belongs to no line. */
static bool
next_line(struct line *out, const char **cursor, const char *end)
{
	const char *feed;

	if (*cursor == end)
		return false;
	feed = memchr(*cursor, '\n', (size_t)(end - *cursor));
	out->start = *cursor;
	out->end = feed ? feed + 1 : end;
	*cursor = out->end;
	return true;
}

/* What stands between [ and ]; false when the line is no head. */
static bool
find_head(struct span *out, const struct line *line)
{
	struct span all = trim((struct span){ line->start, line->end });
	const char *end;

	if (all.start == all.end || *all.start != '[')
		return false;
	end = memchr(all.start, ']', (size_t)(all.end - all.start));
	*out = trim((struct span){ all.start + 1, end ? end : all.start + 1 });
	return true;
}

static bool
is_section(struct span head, const struct amend_section *section)
{
	struct span kind = head, name;

	while (kind.start < kind.end && *kind.start != ' ')
		kind.start++;
	name = trim((struct span){ kind.start, head.end });
	kind = (struct span){ head.start, kind.start };
	return is_word(kind, section->kind) &&
	    is_word(name, section->name ? section->name : "");
}

/* Finds key and value of a line, both without blanks around and without the comment
 * behind; false when it has none. */
static bool
find_pair(struct span *key, struct span *value, const struct line *line)
{
	struct span all = trim((struct span){ line->start, line->end });
	const char *sign = all.start, *end;

	if (all.start == all.end || is_one_of(*all.start, ";#["))
		return false;
	while (sign < all.end && !is_one_of(*sign, "=:"))
		sign++;
	if (sign == all.end)
		return false;
	for (end = sign + 1; end < all.end; end++)
		if (*end == ';' && is_one_of(end[-1], blanks))
			break;
	*key = trim((struct span){ all.start, sign });
	*value = trim((struct span){ sign + 1, end });
	if (value->start > value->end || value->start == value->end)
		value->start = value->end = sign + 1;
	return true;
}

static bool
add_span(struct buf *out, const char *start, const char *end)
{
	return start >= end || buf_add(out, start, (size_t)(end - start));
}

/* The change of this key; NULL: none. */
static const struct amendment *
find_change(struct work *w, struct span key)
{
	for (size_t i = 0; w->changes[i].key; i++)
		if (settings_is_name(
			w->changes[i].key, key.start, (size_t)(key.end - key.start))) {
			w->done[i] = true;
			return &w->changes[i];
		}
	return NULL;
}

/* Writes a line with another value. */
static void
write_changed(struct buf *out, const struct line *line, struct span value,
    const struct amendment *change)
{
	bool bare = value.start == value.end && *change->value;

	add_span(out, line->start, value.start);
	if (bare) /* "key =", perhaps with blanks behind */
		buf_putc(out, ' ');
	buf_puts(out, change->value);
	add_span(out, value.end, line->end);
}

/* Takes one line into the result. */
static void
take_line(struct work *w, const struct line *line)
{
	const struct amendment *change = NULL;
	struct span head, key, value;
	bool pair = false;

	if (find_head(&head, line)) {
		w->inside = is_section(head, w->section);
		w->found |= w->inside;
		pair = w->inside; /* a section without keys begins behind its head */
	} else if (w->inside && find_pair(&key, &value, line)) {
		change = find_change(w, key);
		pair = true;
	}
	if (!change)
		add_span(w->out, line->start, line->end);
	else if (change->value)
		write_changed(w->out, line, value, change);
	if (pair && !(change && !change->value)) {
		w->place = w->out->len;
		w->model = *line;
	}
}

/* Makes the lines of keys that did not stand there, as the line before them is written.
 */
static void
write_new(struct buf *lines, const struct work *w)
{
	const char *end = w->model.end, *start = w->model.start;
	bool feed = end > start && end[-1] == '\n';
	bool crlf = feed && end - start > 1 && end[-2] == '\r';
	const char *key = start;

	while (key < end && is_one_of(*key, " \t"))
		key++;
	for (size_t i = 0; w->changes[i].key; i++) {
		if (w->done[i] || !w->changes[i].value)
			continue;
		if (!feed)
			buf_putc(lines, '\n');
		if (*key != '[')
			add_span(lines, start, key);
		buf_printf(lines, "%s = %s", w->changes[i].key, w->changes[i].value);
		if (feed)
			buf_puts(lines, crlf ? "\r\n" : "\n");
	}
}

static void
insert_new(struct work *w)
{
	struct buf lines, rest;

	buf_init(&lines, w->out->max);
	buf_init(&rest, w->out->max);
	write_new(&lines, w);
	buf_add(&rest, buf_text(w->out) + w->place, w->out->len - w->place);
	if (lines.over || rest.over) {
		w->out->over = true;
	} else if (lines.len && w->out->data) {
		w->out->len = w->place;
		w->out->data[w->place] = '\0';
		buf_add(w->out, lines.data, lines.len);
		add_span(w->out, buf_text(&rest), buf_text(&rest) + rest.len);
	}
	buf_clear(&lines);
	buf_clear(&rest);
}

/* Whether a value is read back as it is written: one clean line, in which nothing looks
 * like a comment. */
static bool
is_plain(const char *value)
{
	struct buf clean;
	bool same;

	buf_init(&clean, strlen(value) + 1);
	same = text_clean(&clean, value, strlen(value), TEXT_LINE) &&
	    strcmp(buf_text(&clean), value) == 0;
	buf_clear(&clean);
	return same && *value != ';' && !strstr(value, " ;");
}

enum status
amend_text(struct buf *out, const struct buf *text, const struct amend_section *section,
    const struct amendment *changes, struct error *e)
{
	static const char bom[] = "\xef\xbb\xbf";
	struct work w = { .out = out, .section = section, .changes = changes };
	const char *cursor = buf_text(text), *end = cursor + text->len;
	struct line line;
	size_t count = 0;

	for (; changes[count].key; count++)
		if (count == AMEND_KEYS_MAX ||
		    (changes[count].value && !is_plain(changes[count].value)))
			return error_set(e, STATUS_INVALID,
			    "%s: the value cannot stand in a settings file; allowed: one "
			    "line without control characters, blanks at its ends, and "
			    "';' behind a blank",
			    changes[count].key);
	if (text->len >= strlen(bom) && memcmp(cursor, bom, strlen(bom)) == 0) {
		buf_puts(out, bom);
		cursor += strlen(bom);
	}
	while (next_line(&line, &cursor, end))
		take_line(&w, &line);
	if (!w.found)
		return error_set(e, STATUS_INVALID, "there is no section [%s%s%s]",
		    section->kind, section->name ? " " : "",
		    section->name ? section->name : "");
	insert_new(&w);
	return out->over ? error_set(e, STATUS_RETRY, "out of memory") : STATUS_OK;
}
