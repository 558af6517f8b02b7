/*
 * A scanner that a file describes (tests/golden/scanners/), in libsane's place: its
 * sane_get_option_descriptor() and sane_control_option() stand in the test's executable.
 * It takes offence at what no program may do, and gives its lists other addresses each
 * time that something was set, so that a sanitizer sees who keeps the old ones.
 *
 *   option NAME TYPE [UNIT] [FLAGS] [list "A" "B" | words 1 2 | range MIN MAX STEP] =
 * VALUE when NAME PATTERN on|off|set|list|words|range NAME [VALUES] refuse NAME VALUE
 *
 * TYPE: string, bool, int, fixed, button, table. FLAGS: inactive, readonly, deaf (cannot
 * be read), off-by (rounds to whole numbers by 0.5 upwards, without saying so).
 */
#ifndef POSTROOM_SCANNER_RIG_H
#define POSTROOM_SCANNER_RIG_H

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sane/sane.h>

#include "lib/base/buf.h"

enum {
	RIG_OPTIONS = 48,
	RIG_RULES = 64,
	RIG_WORDS = 24,
	RIG_TEXT = 128,
	RIG_SETS_MAX = 400, /* more than any scanner needs: they go round in circles */
};

struct rig_line {
	char word[RIG_WORDS][RIG_TEXT];
	size_t count;
};

struct rig_option {
	SANE_Option_Descriptor about;
	char name[RIG_TEXT];
	struct rig_line constraint; /* list, words or range, and its values */
	SANE_Range range;
	void *list;
	char text[RIG_TEXT];
	SANE_Word value;
	bool deaf, off_by, seen;
};

static struct rig_scanner {
	struct rig_option option[RIG_OPTIONS];
	size_t options; /* with option 0 */
	struct rig_line rule[RIG_RULES];
	size_t rules;
	struct buf log;
	size_t sets;
} rig;

static void
rig_split(struct rig_line *out, const char *s)
{
	out->count = 0;
	for (;;) {
		size_t len;

		s += strspn(s, " \t\n");
		if (!*s || out->count == RIG_WORDS)
			return;
		len = *s == '"' ? strcspn(++s, "\"") : strcspn(s, " \t\n");
		snprintf(out->word[out->count++], RIG_TEXT, "%.*s", (int)len, s);
		s += len;
		s += *s == '"';
	}
}

/* Decimals with a point, whatever the locale. */
static SANE_Word
rig_word(const SANE_Option_Descriptor *o, const char *text)
{
	double value = 0, unit = 1;
	bool negative = *text == '-';

	for (text += negative; *text >= '0' && *text <= '9'; text++)
		value = value * 10 + (*text - '0');
	if (*text == '.')
		for (text++; *text; text++)
			value += (unit /= 10) * (*text - '0');
	if (o->type == SANE_TYPE_BOOL)
		return strcmp(text, "yes") == 0;
	if (o->type == SANE_TYPE_FIXED)
		return (SANE_Word)((negative ? -value : value) * 65536);
	return (SANE_Word)(negative ? -value : value);
}

static struct rig_option *
rig_find(const char *name)
{
	for (size_t i = 1; i < rig.options; i++)
		if (strcmp(rig.option[i].name, name) == 0)
			return &rig.option[i];
	fprintf(stderr, "# the scanner has no option %s\n", name);
	abort();
}

static bool
rig_is_text(const struct rig_option *o)
{
	return o->about.type == SANE_TYPE_STRING;
}

/* Makes the descriptor's constraint anew. */
static void
rig_renew(struct rig_option *o)
{
	const struct rig_line *c = &o->constraint;
	const char *kind = c->count ? c->word[0] : "";

	free(o->list);
	o->list = NULL;
	if (strcmp(kind, "range") == 0) {
		SANE_Word *limits[] = { &o->range.min, &o->range.max, &o->range.quant };

		for (size_t i = 0; i < 3 && i + 1 < c->count; i++)
			*limits[i] = rig_word(&o->about, c->word[i + 1]);
		o->about.constraint_type = SANE_CONSTRAINT_RANGE;
		o->about.constraint.range = &o->range;
	} else if (strcmp(kind, "words") == 0) {
		SANE_Word *words = o->list = calloc(RIG_WORDS, sizeof(*words));

		words[0] = (SANE_Word)c->count - 1;
		for (size_t i = 1; i < c->count; i++)
			words[i] = rig_word(&o->about, c->word[i]);
		o->about.constraint_type = SANE_CONSTRAINT_WORD_LIST;
		o->about.constraint.word_list = words;
	} else if (strcmp(kind, "list") == 0) {
		SANE_String_Const *list =
		    calloc(1, RIG_WORDS * sizeof(*list) + RIG_WORDS * RIG_TEXT);
		char *texts = (char *)(list + RIG_WORDS);

		o->list = list;
		for (size_t i = 1; i < c->count; i++, texts += RIG_TEXT) {
			memcpy(texts, c->word[i], RIG_TEXT);
			list[i - 1] = texts;
		}
		o->about.constraint_type = SANE_CONSTRAINT_STRING_LIST;
		o->about.constraint.string_list = list;
	}
}

static void
rig_assign(struct rig_option *o, const char *value)
{
	if (rig_is_text(o))
		snprintf(o->text, sizeof(o->text), "%s", value);
	else
		o->value = rig_word(&o->about, value);
}

static void
rig_put(struct buf *out, const struct rig_option *o, SANE_Word word)
{
	double value = o->about.type == SANE_TYPE_FIXED ? SANE_UNFIX(word) : word;
	long long hundredths = (long long)(value * 100 + (value < 0 ? -0.5 : 0.5));

	if (o->about.type == SANE_TYPE_BOOL)
		buf_puts(out, word == SANE_TRUE ? "yes" : word ? "NEITHER" : "no");
	else if (hundredths % 100)
		buf_printf(out, "%lld.%02lld", hundredths / 100, llabs(hundredths) % 100);
	else
		buf_printf(out, "%lld", hundredths / 100);
}

/* What a rule does to another option when this one was set. */
static void
rig_obey(const struct rig_line *rule)
{
	const char *verb = rule->word[3];
	struct rig_option *o = rig_find(rule->word[4]);

	if (strcmp(verb, "on") == 0)
		o->about.cap &= ~SANE_CAP_INACTIVE;
	else if (strcmp(verb, "off") == 0)
		o->about.cap |= SANE_CAP_INACTIVE;
	else if (strcmp(verb, "set") == 0)
		rig_assign(o, rule->word[5]);
	else {
		o->constraint.count = 0;
		memcpy(o->constraint.word[o->constraint.count++], verb, RIG_TEXT);
		for (size_t i = 5; i < rule->count; i++)
			memcpy(o->constraint.word[o->constraint.count++], rule->word[i],
			    RIG_TEXT);
	}
}

static bool
rig_applies(const struct rig_line *rule, const char *verb, const struct rig_option *o,
    const char *value)
{
	return strcmp(rule->word[0], verb) == 0 && strcmp(rule->word[1], o->name) == 0 &&
	    fnmatch(rule->word[2], value, 0) == 0;
}

static void
rig_set_flags(struct rig_option *o, const char *flag)
{
	if (strcmp(flag, "inactive") == 0)
		o->about.cap |= SANE_CAP_INACTIVE;
	else if (strcmp(flag, "readonly") == 0)
		o->about.cap &= ~SANE_CAP_SOFT_SELECT;
	else if (strcmp(flag, "deaf") == 0) {
		o->about.cap &= ~SANE_CAP_SOFT_DETECT;
		o->deaf = true;
	} else if (strcmp(flag, "off-by") == 0)
		o->off_by = true;
	else if (strcmp(flag, "mm") == 0)
		o->about.unit = SANE_UNIT_MM;
	else if (strcmp(flag, "pixel") == 0)
		o->about.unit = SANE_UNIT_PIXEL;
	else if (strcmp(flag, "dpi") == 0)
		o->about.unit = SANE_UNIT_DPI;
	else
		abort();
}

static void
rig_add_option(const struct rig_line *line)
{
	static const struct {
		const char *name;
		SANE_Value_Type type;
		SANE_Int size;
	} types[] = { { "string", SANE_TYPE_STRING, RIG_TEXT },
		{ "bool", SANE_TYPE_BOOL, sizeof(SANE_Word) },
		{ "int", SANE_TYPE_INT, sizeof(SANE_Word) },
		{ "fixed", SANE_TYPE_FIXED, sizeof(SANE_Word) },
		{ "button", SANE_TYPE_BUTTON, 0 },
		{ "table", SANE_TYPE_INT, 256 * sizeof(SANE_Word) } };
	struct rig_option *o = &rig.option[rig.options++];
	size_t i = 3;

	memcpy(o->name, line->word[1], RIG_TEXT);
	o->about.name = o->name;
	o->about.cap = SANE_CAP_SOFT_SELECT | SANE_CAP_SOFT_DETECT;
	for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++)
		if (strcmp(types[t].name, line->word[2]) == 0) {
			o->about.type = types[t].type;
			o->about.size = types[t].size;
		}
	while (i < line->count && !strstr("list words range =", line->word[i]))
		rig_set_flags(o, line->word[i++]);
	while (i < line->count && strcmp(line->word[i], "=") != 0)
		memcpy(
		    o->constraint.word[o->constraint.count++], line->word[i++], RIG_TEXT);
	if (i + 1 < line->count)
		rig_assign(o, line->word[i + 1]);
	rig_renew(o);
}

/* Takes one line of a description; false: it is none. */
static bool
rig_take(const char *text)
{
	struct rig_line line = { .count = 0 };

	rig_split(&line, text);
	if (line.count > 2 && strcmp(line.word[0], "option") == 0)
		rig_add_option(&line);
	else if (line.count > 2 &&
	    (strcmp(line.word[0], "when") == 0 || strcmp(line.word[0], "refuse") == 0))
		rig.rule[rig.rules++] = line;
	else
		return false;
	return true;
}

static void
rig_clear(void)
{
	for (size_t i = 0; i < rig.options; i++)
		free(rig.option[i].list);
	buf_clear(&rig.log);
	memset(&rig, 0, sizeof(rig));
	rig.options = 1;
	rig.option[0].about = (SANE_Option_Descriptor){ .name = "",
		.type = SANE_TYPE_INT,
		.size = sizeof(SANE_Word),
		.cap = SANE_CAP_SOFT_DETECT };
	buf_init(&rig.log, 1 << 20);
}

/* -- libsane's part -------------------------------------------------------------------*/

const SANE_Option_Descriptor *
sane_get_option_descriptor(SANE_Handle handle, SANE_Int number)
{
	(void)handle;
	if (number < 0 || (size_t)number >= rig.options)
		return NULL;
	rig.option[number].seen = true;
	return &rig.option[number].about;
}

/* Whether the constraint has it; *word may be rounded. */
static bool
rig_constrain(const struct rig_option *o, SANE_Word *word, SANE_Int *info)
{
	const SANE_Word *list = o->list;
	SANE_Word wish = *word;

	if (o->about.constraint_type == SANE_CONSTRAINT_RANGE) {
		if (*word < o->range.min || *word > o->range.max)
			return false;
		if (o->range.quant)
			*word -= (*word - o->range.min) % o->range.quant;
		if (*word != wish)
			*info |= SANE_INFO_INEXACT;
	}
	if (o->about.constraint_type != SANE_CONSTRAINT_WORD_LIST)
		return true;
	for (SANE_Word i = 1; i <= list[0]; i++)
		if (list[i] == *word)
			return true;
	return false;
}

static bool
rig_has_text(const struct rig_option *o, const char *text)
{
	if (o->constraint.count == 0)
		return true;
	for (size_t i = 1; i < o->constraint.count; i++)
		if (strcmp(o->constraint.word[i], text) == 0)
			return true;
	return false;
}

static SANE_Status
rig_set(struct rig_option *o, void *value, SANE_Int *info)
{
	struct buf wish;

	buf_init(&wish, RIG_TEXT);
	if (o->about.type == SANE_TYPE_BUTTON)
		buf_puts(&wish, "pressed");
	else if (rig_is_text(o))
		buf_puts(&wish, value);
	else
		rig_put(&wish, o, *(SANE_Word *)value);
	buf_printf(&rig.log, "\t%s = %s", o->name, buf_text(&wish));
	for (size_t i = 0; i < rig.rules; i++)
		if (rig_applies(&rig.rule[i], "refuse", o, buf_text(&wish))) {
			buf_puts(&rig.log, ": refused\n");
			buf_clear(&wish);
			return SANE_STATUS_INVAL;
		}
	if (rig_is_text(o)                          ? !rig_has_text(o, value)
		: o->about.type == SANE_TYPE_BUTTON ? false
						    : !rig_constrain(o, value, info)) {
		buf_puts(&rig.log, ": NOT ALLOWED\n");
		buf_clear(&wish);
		return SANE_STATUS_INVAL;
	}
	if (rig_is_text(o))
		snprintf(o->text, sizeof(o->text), "%s", (const char *)value);
	else if (o->about.type != SANE_TYPE_BUTTON)
		o->value = *(SANE_Word *)value;
	if (o->off_by)
		o->value = (o->value + 0xffff) & ~0xffff;
	if (*info & SANE_INFO_INEXACT || o->off_by) {
		buf_puts(&rig.log, ", becomes ");
		rig_put(&rig.log, o, o->value);
	}
	buf_puts(&rig.log, "\n");
	for (size_t i = 0; i < rig.rules; i++)
		if (rig_applies(&rig.rule[i], "when", o, buf_text(&wish)))
			rig_obey(&rig.rule[i]);
	buf_clear(&wish);
	for (size_t i = 1; i < rig.options; i++) {
		rig_renew(&rig.option[i]);
		rig.option[i].seen = false;
	}
	*info |= SANE_INFO_RELOAD_OPTIONS | SANE_INFO_RELOAD_PARAMS;
	return SANE_STATUS_GOOD;
}

SANE_Status
sane_control_option(
    SANE_Handle handle, SANE_Int number, SANE_Action action, void *value, SANE_Int *info)
{
	struct rig_option *o = &rig.option[number];
	SANE_Int ignored = 0;

	(void)handle;
	if (number == 0) {
		*(SANE_Word *)value = (SANE_Word)rig.options;
		return SANE_STATUS_GOOD;
	}
	if (!o->seen)
		buf_printf(&rig.log, "\t%s: ITS DESCRIPTOR WAS NOT READ\n", o->name);
	if (!SANE_OPTION_IS_ACTIVE(o->about.cap) ||
	    (action == SANE_ACTION_SET_VALUE && !SANE_OPTION_IS_SETTABLE(o->about.cap)) ||
	    (action == SANE_ACTION_GET_VALUE && o->deaf) ||
	    (action == SANE_ACTION_SET_VALUE && ++rig.sets > RIG_SETS_MAX)) {
		buf_printf(&rig.log, "\t%s: MAY NOT BE TOUCHED\n", o->name);
		return SANE_STATUS_INVAL;
	}
	if (action == SANE_ACTION_SET_VALUE)
		return rig_set(o, value, info ? info : &ignored);
	if (rig_is_text(o))
		memcpy(value, o->text, RIG_TEXT);
	else if (o->about.size == sizeof(SANE_Word))
		*(SANE_Word *)value = o->value;
	return SANE_STATUS_GOOD;
}

#endif
