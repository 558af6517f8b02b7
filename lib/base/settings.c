/*
 * settings: an INI file against a table (settings.h).
 *
 * libinih finds names, values and comments. It reports neither the heads of sections nor
 * the line, cuts heads at 50 bytes, reads on behind a NUL, and of several faults tells
 * one; so it is given one line at a time, by a reader that counts, checks the line, and
 * opens the sections itself.
 */
#include "lib/base/settings.h"

#include <errno.h>
#include <ini.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/buf.h"
#include "lib/base/text.h"

enum { ALLOWED_MAX = 700 }; /* bytes of the list of what is allowed in a sentence */

/* A section or key that was there, and where; in a tree of search.h. */
struct seen {
	unsigned line;
	char name[];
};

struct parser {
	const struct schema *schema;
	void *target;
	const struct settings_text *text;
	const char *next, *end; /* what libinih has not been given yet */
	bool given;             /* it was given the line that it was called for */
	char divider;           /* of this line: the first of "=:" */
	unsigned line;
	const struct section *section; /* NULL before the first head */
	bool lost;                     /* keys belong to a head that was refused */
	void *base;                    /* the struct of this section */
	struct settings_place *place;  /* its; or NULL */
	void *heads, *keys;            /* trees of struct seen; keys: of this section */
	enum status status;            /* of this line */
	struct error why;
};

/* Ends the line with "PATH:LINE: sentence". */
static void refuse(struct parser *p, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void
refuse(struct parser *p, enum status status, const char *format, ...)
{
	struct error sentence;
	va_list args;

	va_start(args, format);
	vsnprintf(sentence.text, sizeof(sentence.text), format, args);
	va_end(args);
	p->status = error_set(
	    &p->why, status, "%s:%u: %s", p->text->path, p->line, sentence.text);
}

/* -- values -------------------------------------------------------------------- */

struct unit {
	char letter;
	uint64_t factor;
};

/* From small to large; ends with factor 0. A number without a letter counts ones. */
static const struct unit units[][5] = {
	[SETTING_NUMBER] = { { '\0', 1 } },
	[SETTING_SIZE] = { { '\0', 1 }, { 'K', 1 << 10 }, { 'M', 1 << 20 },
	    { 'G', 1 << 30 } },
	[SETTING_TIME] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } },
};

/* Writes value with the largest unit that leaves no rest. */
static const char *
amount_text(char text[32], enum setting_type type, uint64_t value)
{
	const struct unit *unit = units[type];

	while (unit[1].factor && value && value % unit[1].factor == 0)
		unit++;
	snprintf(text, 32, "%ju%.1s", (uintmax_t)(value / unit->factor), &unit->letter);
	return text;
}

static bool
read_amount(uint64_t *out, enum setting_type type, const char *text)
{
	const struct unit *unit = units[type];
	uint64_t number;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno != 0 || (*end && end[1]))
		return false;
	while (*end && unit->factor && unit->letter != *end)
		unit++;
	if (unit->factor == 0 || number > UINT64_MAX / unit->factor)
		return false;
	*out = number * unit->factor;
	return true;
}

static enum status
set_amount(const struct setting *s, void *field, const char *text, struct error *e)
{
	static const char *const forms[] = {
		[SETTING_NUMBER] = "a number",
		[SETTING_SIZE] = "a size (a number with K, M or G)",
		[SETTING_TIME] = "a time (a number with s, m, h or d)",
	};
	char least[32], most[32];
	uint64_t value;

	if (!read_amount(&value, s->type, text) || value < s->min || value > s->max)
		return error_set(e, STATUS_SETTINGS,
		    "out of range or no number; allowed: %s from %s to %s",
		    forms[s->type], amount_text(least, s->type, s->min),
		    amount_text(most, s->type, s->max));
	*(uint64_t *)field = value;
	return STATUS_OK;
}

static enum status
set_text(const struct setting *s, void *field, const char *text, struct error *e)
{
	size_t max = s->max ? s->max : SETTINGS_LINE_MAX;
	enum status status = STATUS_OK;
	char *copy;

	if (strlen(text) < s->min || strlen(text) > max)
		return error_set(e, STATUS_SETTINGS,
		    "too short or too long; allowed: %ju to %zu bytes", (uintmax_t)s->min,
		    max);
	if (s->check)
		status = s->check(text, e);
	if (status != STATUS_OK)
		return status;
	copy = strdup(text);
	if (!copy)
		return error_set(e, STATUS_RETRY, "out of memory");
	free(*(char **)field);
	*(char **)field = copy;
	return STATUS_OK;
}

static enum status
set_path(const struct setting *s, void *field, const char *text, struct error *e)
{
	if (*text && *text != '/')
		return error_set(e, STATUS_SETTINGS,
		    "not an absolute path; allowed: a path from / on");
	return set_text(s, field, text, e);
}

/* Appends "first, second, …". */
static void
add_word(struct buf *list, const char *word)
{
	buf_printf(list, "%s%s", list->len ? ", " : "", word);
}

static enum status
set_choice(const struct setting *s, void *field, const char *text, struct error *e)
{
	struct buf allowed;

	buf_init(&allowed, ALLOWED_MAX);
	for (int i = 0; s->choices[i]; i++) {
		if (strcmp(s->choices[i], text) == 0) {
			*(int *)field = i;
			buf_clear(&allowed);
			return STATUS_OK;
		}
		add_word(&allowed, s->choices[i]);
	}
	error_set(
	    e, STATUS_SETTINGS, "none of its choices; allowed: %s", buf_text(&allowed));
	buf_clear(&allowed);
	return STATUS_SETTINGS;
}

/* Sets the row's field in base; the sentence starts with the key. */
static enum status
set_field(const struct setting *s, void *base, const char *key, const char *text,
    struct error *e)
{
	static enum status (*const setters[])(
	    const struct setting *, void *, const char *, struct error *) = {
		[SETTING_TEXT] = set_text,
		[SETTING_PATH] = set_path,
		[SETTING_NUMBER] = set_amount,
		[SETTING_SIZE] = set_amount,
		[SETTING_TIME] = set_amount,
		[SETTING_CHOICE] = set_choice,
	};
	void *field = (char *)base + s->offset;
	struct error sentence = { "" };
	enum status status = s->type == SETTING_OWN
	    ? s->parse(field, key, text, &sentence)
	    : setters[s->type](s, field, text, &sentence);

	if (status == STATUS_OK)
		return STATUS_OK;
	if (status != STATUS_RETRY)
		status = STATUS_SETTINGS;
	return error_set(e, status, "%s: %s", key, sentence.text);
}

enum status
settings_defaults(
    const struct schema *schema, const char *kind, void *base, struct error *e)
{
	for (const struct setting *s = schema->settings; s->section; s++) {
		enum status status = STATUS_OK;

		if (strcmp(s->section, kind) == 0 && s->initial)
			status = set_field(s, base, s->name, s->initial, e);
		if (status != STATUS_OK)
			return status;
	}
	return STATUS_OK;
}

void
settings_clear(const struct schema *schema, const char *kind, void *base)
{
	for (const struct setting *s = schema->settings; s->section; s++) {
		char **text = (char **)(void *)((char *)base + s->offset);

		if (strcmp(s->section, kind) != 0)
			continue;
		if (s->type == SETTING_TEXT || s->type == SETTING_PATH) {
			free(*text);
			*text = NULL;
		}
	}
}

/* -- what came twice -------------------------------------------------------------- */

static int
compare_seen(const void *a, const void *b)
{
	return strcasecmp(((const struct seen *)a)->name, ((const struct seen *)b)->name);
}

/* Notes that name stands in this line; refuses it when it stood in an earlier one. */
static bool
note(struct parser *p, void **tree, const char *what, const char *name)
{
	size_t size = strlen(name) + 1;
	struct seen *seen = malloc(sizeof(*seen) + size);
	struct seen *const *found = NULL;

	if (seen) {
		seen->line = p->line;
		memcpy(seen->name, name, size);
		found = tsearch(seen, tree, compare_seen);
	}
	if (!found)
		refuse(p, STATUS_RETRY, "out of memory");
	else if (*found != seen)
		refuse(p, STATUS_SETTINGS,
		    "%s comes twice (first in line %u); allowed: once", what,
		    (*found)->line);
	if (!found || *found != seen)
		free(seen);
	return p->status == STATUS_OK;
}

/* -- lines ------------------------------------------------------------------------ */

/* Whether nothing in text is a control character, or hidden, or not UTF-8. */
static bool
is_clean(const char *text)
{
	size_t len = strlen(text);
	struct buf clean;
	bool same;

	buf_init(&clean, SETTINGS_LINE_MAX);
	same = text_clean(&clean, text, len, TEXT_LINE) && clean.len == len &&
	    strcmp(buf_text(&clean), text) == 0;
	buf_clear(&clean);
	return same;
}

static void
refuse_section(struct parser *p, const char *kind)
{
	struct buf allowed;

	buf_init(&allowed, ALLOWED_MAX);
	for (const struct section *s = p->schema->sections; s->kind; s++)
		buf_printf(&allowed, "%s[%s%s]", allowed.len ? ", " : "", s->kind,
		    s->named ? " NAME" : "");
	refuse(p, STATUS_SETTINGS, "unknown section [%.60s]; allowed: %s", kind,
	    buf_text(&allowed));
	buf_clear(&allowed);
}

/* Opens the section whose head is "kind" or "kind name". */
static void
open_section(struct parser *p, char *head)
{
	char *name = head + strcspn(head, " ");
	const struct section *s = p->schema->sections;
	char what[SETTINGS_HEAD_MAX + sizeof("[ ]")];
	struct error sentence = { "" };

	while (*name == ' ')
		*name++ = '\0';
	snprintf(what, sizeof(what), "[%s%s%s]", head, *name ? " " : "", name);
	while (s->kind && strcmp(s->kind, head) != 0)
		s++;
	if (!s->kind) {
		refuse_section(p, head);
		return;
	}
	if (s->named != (*name != '\0')) {
		refuse(p, STATUS_SETTINGS, "%s; allowed: [%s%s]", what, s->kind,
		    s->named ? " NAME" : "");
		return;
	}
	if (!s->many && !note(p, &p->heads, what, what))
		return;
	tdestroy(p->keys, free);
	p->keys = NULL;
	p->base = s->open(p->target, name, &sentence);
	if (!p->base) {
		refuse(p, STATUS_SETTINGS, "%s: %s", what, sentence.text);
		return;
	}
	p->section = s;
	p->lost = false;
	if (s->place) {
		p->place = (void *)((char *)p->base + s->place);
		p->place->line = p->line;
	}
}

/* The ']' that ends a head: the first outside of double quotes; NULL without one. */
static const char *
find_head_end(const char *line, size_t len)
{
	bool quoted = false;

	for (const char *c = line; c < line + len; c++) {
		if (*c == '"')
			quoted = !quoted;
		else if (*c == ']' && !quoted)
			return c;
	}
	return memchr(line, ']', len); /* a quote of another meaning */
}

/* Reads "[head]", after which only a comment may stand. */
static void
read_head(struct parser *p, const char *line, size_t len)
{
	const char *end = find_head_end(line, len);
	const char *rest = end ? end + 1 : line;
	char head[SETTINGS_HEAD_MAX + 1];

	line++;
	while (end && rest < p->next && strchr(" \t\r\n", *rest))
		rest++;
	if (!end || (rest < p->next && *rest != ';' && *rest != '#')) {
		refuse(p, STATUS_SETTINGS,
		    "not the head of a section; allowed: [section] alone in its line");
		return;
	}
	while (line < end && *line == ' ')
		line++;
	while (line < end && end[-1] == ' ')
		end--;
	snprintf(head, sizeof(head), "%.*s", (int)(end - line), line);
	if (end - line > SETTINGS_HEAD_MAX || !is_clean(head))
		refuse(p, STATUS_SETTINGS,
		    "not the head of a section; allowed: up to %d bytes between [ and ], "
		    "no control characters",
		    SETTINGS_HEAD_MAX);
	else
		open_section(p, head);
}

/* Where the line becomes the head of a section; NULL when it is none. */
static const char *
find_head(const char *line, size_t len)
{
	static const char blanks[] = { ' ', '\t', '\r' };

	while (len > 0 && memchr(blanks, *line, sizeof(blanks))) {
		line++;
		len--;
	}
	return len > 0 && *line == '[' ? line : NULL;
}

/* Until the next head is read, keys belong nowhere. */
static void
leave_section(struct parser *p)
{
	p->section = NULL;
	p->place = NULL;
	p->lost = true;
}

/* An fgets() for libinih: gives the next line, checked, its section opened, and then
 * NULL; or NULL at once when the line was refused. */
static char *
next_line(char *out, int size, void *stream)
{
	struct parser *p = stream;
	const char *line = p->next, *feed, *head;
	size_t len;

	if (p->given)
		return NULL;
	p->given = true;
	feed = memchr(line, '\n', (size_t)(p->end - line));
	len = (size_t)((feed ? feed : p->end) - line);
	p->next = feed ? feed + 1 : p->end;
	p->line++;
	head = find_head(line, len);
	if (head)
		leave_section(p);
	if (len > SETTINGS_LINE_MAX || (size_t)size < len + 3)
		refuse(p, STATUS_SETTINGS, "the line is too long; allowed: %d bytes",
		    SETTINGS_LINE_MAX);
	else if (memchr(line, '\0', len))
		refuse(p, STATUS_SETTINGS, "a NUL byte; allowed: UTF-8 text");
	else if (!utf8_valid(line, len))
		refuse(p, STATUS_SETTINGS, "not UTF-8; allowed: UTF-8 text");
	if (p->status != STATUS_OK)
		return NULL;
	/* The blank keeps libinih from taking U+FEFF off, which it does in line 1. */
	snprintf(out, (size_t)size, " %.*s\n", (int)len, line);
	p->divider = out[strcspn(out, "=:")];
	if (head)
		read_head(p, head, len - (size_t)(head - line));
	return p->status == STATUS_OK ? out : NULL;
}

bool
settings_is_name(const char *name, const char *key, size_t len)
{
	size_t same = 0;

	while (same < len && name[same] &&
	    (name[same] == key[same] || (name[same] == '_' && key[same] == '-')))
		same++;
	return same == len && !name[same];
}

/* Whether the row is about any key that begins so. */
static bool
is_prefix(const char *name)
{
	return name[strlen(name) - 1] == '.';
}

/* Whether the key belongs to the row. */
static bool
is_key(const char *name, const char *key)
{
	if (is_prefix(name))
		return strncmp(name, key, strlen(name)) == 0 && key[strlen(name)];
	return settings_is_name(name, key, strlen(key));
}

static const struct setting *
find_setting(const struct parser *p, const char *key)
{
	for (const struct setting *s = p->schema->settings; s->section; s++)
		if (strcmp(s->section, p->section->kind) == 0 &&
		    (!s->name || is_key(s->name, key)))
			return s;
	return NULL;
}

static void
refuse_key(struct parser *p, const char *key)
{
	struct buf allowed;

	buf_init(&allowed, ALLOWED_MAX);
	for (const struct setting *s = p->schema->settings; s->section; s++)
		if (strcmp(s->section, p->section->kind) == 0)
			buf_printf(&allowed, "%s%s%s", allowed.len ? ", " : "", s->name,
			    is_prefix(s->name) ? "NAME" : "");
	refuse(p, STATUS_SETTINGS, "unknown key '%.60s' in [%s]; allowed: %s", key,
	    p->section->kind, buf_text(&allowed));
	buf_clear(&allowed);
}

/* Takes one name and value from libinih; 0 ends its parsing. */
static int
take_value(void *user, const char *section, const char *key, const char *value)
{
	struct parser *p = user;
	const struct setting *setting;
	struct error sentence;
	enum status status;

	(void)section; /* only this line's: p->section knows */
	if (p->lost)
		return true;
	if (!p->section) {
		refuse(p, STATUS_SETTINGS,
		    "a key before the first section; allowed: [section] above it");
		p->lost = true; /* said once */
		return false;
	}
	if (!*key || !is_clean(key) || !is_clean(value))
		refuse(p, STATUS_SETTINGS,
		    "an empty key, or control or invisible characters; allowed: name = "
		    "value");
	else if (!(setting = find_setting(p, key)))
		refuse_key(p, key);
	else if (setting->name && is_prefix(setting->name) && p->divider == ':')
		refuse(p, STATUS_SETTINGS, "':' behind '%.60s'; allowed: %sNAME = value",
		    key, setting->name); /* the name may have wanted to hold it */
	else if (note(p, &p->keys, key,
		     setting->name && !is_prefix(setting->name) ? setting->name : key)) {
		status = set_field(setting, p->base, key, value, &sentence);
		if (status != STATUS_OK)
			refuse(p, status, "%s", sentence.text);
	}
	return p->status == STATUS_OK;
}

/* Debian's libinih takes at run time what others fix when it is built. */
static void
configure_libinih(void)
{
	ini_max_line = SETTINGS_LINE_MAX + 4; /* with a blank, CR, LF, NUL */
	ini_allow_multiline = false;
	ini_stop_on_first_error = true;
}

/* Reads the next line; whether to go on behind it. */
static bool
read_line(struct parser *p)
{
	const struct settings_text *text = p->text;
	int result;

	p->given = false;
	result = ini_parse_stream(next_line, p, take_value, p);
	if (result != 0 && p->status == STATUS_OK)
		refuse(p, result > 0 ? STATUS_SETTINGS : STATUS_RETRY,
		    "neither [section] nor name = value; allowed: these, and comments "
		    "after ; or #");
	if (p->status != STATUS_SETTINGS || !text->fault)
		return p->status == STATUS_OK;
	p->status = STATUS_OK;
	text->fault(text->context, p->why.text);
	if (p->place)
		p->place->faults++;
	return true;
}

enum status
settings_parse(const struct schema *schema, void *target,
    const struct settings_text *text, struct error *e)
{
	static const char bom[] = "\xef\xbb\xbf";
	struct parser p = {
		.schema = schema,
		.target = target,
		.text = text,
		.next = text->bytes,
		.end = text->bytes + text->len,
	};

	if (text->len > SETTINGS_FILE_MAX)
		return error_set(e, STATUS_SETTINGS,
		    "%s: the file is too long; allowed: %d bytes", text->path,
		    SETTINGS_FILE_MAX);
	if (text->len >= strlen(bom) && memcmp(text->bytes, bom, strlen(bom)) == 0)
		p.next += strlen(bom);
	configure_libinih();
	while (p.next < p.end && read_line(&p))
		;
	tdestroy(p.heads, free);
	tdestroy(p.keys, free);
	return p.status == STATUS_OK ? STATUS_OK
				     : error_set(e, p.status, "%s", p.why.text);
}
