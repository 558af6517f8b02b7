/* panel: setting the options of a scanner until all of them stand (panel.h). */
#include "scan2mail/panel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ALLOWED_MAX = 600, /* bytes of a sentence that tell what is allowed */
};

/* -- one option -----------------------------------------------------------------------*/

static enum status
refuse(const struct saneoption *o, const char *value, const char *why, struct error *e)
{
	struct buf allowed;

	buf_init(&allowed, ALLOWED_MAX);
	saneoption_put_allowed(&allowed, o);
	error_set(e, STATUS_INVALID, "the scanner refuses %s = %s%s%s; allowed: %s%s",
	    o->about->name, value, *why ? ": " : "", why, buf_text(&allowed),
	    allowed.over ? ", …" : "");
	buf_clear(&allowed);
	return STATUS_INVALID;
}

/* A value for comparing and for people. */
static void
show(char out[PANEL_VALUE_MAX], const struct saneoption *o,
    const union saneoption_value *value)
{
	struct buf text;

	if (o->about->type == SANE_TYPE_STRING) {
		snprintf(out, PANEL_VALUE_MAX, "%.*s", PANEL_VALUE_MAX - 1, value->text);
		return;
	}
	buf_init(&text, PANEL_VALUE_MAX - 1);
	if (o->about->type == SANE_TYPE_BOOL)
		buf_puts(&text, value->word ? "yes" : "no");
	else
		saneoption_put_number(&text, saneoption_from_word(o, value->word));
	snprintf(out, PANEL_VALUE_MAX, "%s", buf_text(&text));
	buf_clear(&text);
}

static struct panel_note *
find_note(struct panel *p, SANE_Int number)
{
	for (size_t i = 0; i < p->notes; i++)
		if (p->note[i].number == number)
			return &p->note[i];
	return NULL;
}

/* Whether the option was set to this before and still is what became of it; then *value
 * is that. */
static bool
stands(struct panel_note *note, const struct saneoption *o, const char *wish,
    union saneoption_value *value)
{
	union saneoption_value now;
	char text[PANEL_VALUE_MAX];

	if (strcmp(note->sent, wish) != 0)
		return false;
	if (!saneoption_read(o, &now))
		return true; /* as it was left: it tells nothing */
	show(text, o, &now);
	if (strcmp(note->taken, text) != 0)
		return false;
	*value = now;
	return true;
}

/* Sets the option, unless it stands; *value becomes what the scanner has. */
static enum status
set(struct panel *p, const struct saneoption *o, union saneoption_value *value,
    struct error *e)
{
	struct panel_note *note = find_note(p, o->number);
	char wish[PANEL_VALUE_MAX];
	SANE_Status status;

	show(wish, o, value);
	if (note && stands(note, o, wish, value)) {
		note->round = p->round;
		return STATUS_OK;
	}
	if (!note && p->notes == PANEL_NOTES_MAX)
		return error_set(
		    e, STATUS_INVALID, "more than %d options are set", PANEL_NOTES_MAX);
	status = saneoption_write(o, value);
	if (status != SANE_STATUS_GOOD)
		return refuse(o, wish, sane_strstatus(status), e);
	if (!note)
		note = &p->note[p->notes++];
	note->number = o->number;
	note->round = p->round;
	snprintf(note->sent, sizeof(note->sent), "%s", wish);
	show(note->taken, o, value);
	p->moved = true;
	if (p->round > 0 && !saneoption_is_number(o))
		snprintf(p->undone, sizeof(p->undone), "%s", o->about->name);
	return STATUS_OK;
}

enum status
panel_set_text(
    struct panel *p, const struct saneoption *o, const char *text, struct error *e)
{
	union saneoption_value value = { .text = "" };

	if (strlen(text) >= sizeof(value.text))
		return refuse(o, text, "too long", e);
	memcpy(value.text, text, strlen(text));
	return set(p, o, &value, e);
}

enum status
panel_set_switch(
    struct panel *p, const struct saneoption *o, bool on, bool *taken, struct error *e)
{
	union saneoption_value value = { .word = on ? SANE_TRUE : SANE_FALSE };
	enum status status = set(p, o, &value, e);

	if (status == STATUS_OK && taken)
		*taken = value.word != SANE_FALSE;
	return status;
}

enum status
panel_set_word(struct panel *p, const struct saneoption *o, SANE_Word word, double *taken,
    struct error *e)
{
	union saneoption_value value = { .word = word };
	enum status status = set(p, o, &value, e);

	if (status == STATUS_OK && taken)
		*taken = saneoption_from_word(o, value.word);
	return status;
}

/* -- the driver's own options ---------------------------------------------------------*/

const char *
panel_own(const struct panel *p, const struct saneoption *o)
{
	for (size_t i = p->own->count; i > 0; i--) { /* the last one counts */
		const struct pair *pair = &p->own->item[i - 1];

		if (saneoption_same_name(pair->name, o->about->name) &&
		    saneoption_named(p->handle, pair->name).number == o->number)
			return pair->value;
	}
	return NULL;
}

/* yes, no, 1 or 0. */
static bool
read_switch(bool *out, const char *text)
{
	bool on = strcasecmp(text, "yes") == 0 || strcmp(text, "1") == 0;

	if (!on && strcasecmp(text, "no") != 0 && strcmp(text, "0") != 0)
		return false;
	*out = on;
	return true;
}

/* Digits, with a point and more of them where it is no whole number; not by strtod(), for
 * which a locale may have a comma. */
static bool
read_number(double *out, const char *text, bool whole)
{
	double value, unit = 1;
	bool negative = *text == '-';
	size_t digits = strspn(text + negative, "0123456789");
	const char *rest = text + negative + digits;

	if (digits == 0 || digits > 9)
		return false;
	value = (double)strtol(text + negative, NULL, 10);
	if (*rest == '.' && !whole)
		for (rest++; *rest >= '0' && *rest <= '9'; rest++) {
			unit /= 10;
			value += unit * (*rest - '0');
		}
	if (*rest)
		return false;
	*out = negative ? -value : value;
	return true;
}

static enum status
set_own_number(
    struct panel *p, const struct saneoption *o, const char *text, struct error *e)
{
	double number;

	if (!read_number(&number, text, o->about->type == SANE_TYPE_INT))
		return refuse(o, text, "not such a number", e);
	/* What lies between two steps of a range is the driver's to round; what the
	 * constraint excludes is not what was asked for. */
	if (!saneoption_allows(o, saneoption_to_word(o, number, SANEOPTION_AS_IS)))
		return refuse(o, text, "", e);
	return panel_set_word(
	    p, o, saneoption_to_word(o, number, SANEOPTION_NEAREST), NULL, e);
}

static enum status
set_own_text(
    struct panel *p, const struct saneoption *o, const char *text, struct error *e)
{
	const char *const *words = saneoption_words(o);
	const char *found = NULL;

	if (!words)
		return panel_set_text(p, o, text, e);
	for (size_t i = 0; words[i]; i++)
		if (strcmp(words[i], text) == 0)
			return panel_set_text(p, o, words[i], e);
		else if (!found && strcasecmp(words[i], text) == 0)
			found = words[i];
	return found ? panel_set_text(p, o, found, e) : refuse(o, text, "", e);
}

enum status
panel_set_own(
    struct panel *p, const struct saneoption *o, const char *text, struct error *e)
{
	union saneoption_value value = { .word = 0 };
	SANE_Status status = SANE_STATUS_GOOD;
	bool on;

	if (saneoption_is_number(o))
		return set_own_number(p, o, text, e);
	if (o->about->type == SANE_TYPE_STRING)
		return set_own_text(p, o, text, e);
	if (o->about->type == SANE_TYPE_BUTTON && !*text)
		text = "yes";
	if (!saneoption_is_switch(o) && o->about->type != SANE_TYPE_BUTTON)
		return error_set(e, STATUS_INVALID,
		    "the scanner's option %s is a table of numbers, which cannot be given "
		    "here",
		    o->about->name);
	if (!read_switch(&on, text))
		return refuse(o, text, "", e);
	if (saneoption_is_switch(o))
		return panel_set_switch(p, o, on, NULL, e);
	if (on && p->round == 0) /* a button is pressed once */
		status = saneoption_write(o, &value);
	return status == SANE_STATUS_GOOD ? STATUS_OK
					  : refuse(o, text, sane_strstatus(status), e);
}

/* "…; those that can be set: …". */
static enum status
no_such(struct panel *p, const char *name, const char *what, struct error *e)
{
	SANE_Int count = saneoption_count(p->handle);
	struct buf names;

	buf_init(&names, ALLOWED_MAX);
	for (SANE_Int i = 1; i < count; i++) {
		struct saneoption o = saneoption_at(p->handle, i);

		if (saneoption_is_usable(&o) && !names.over)
			buf_printf(&names, "%s%s", names.len ? ", " : "", o.about->name);
	}
	error_set(e, STATUS_INVALID, "%s %s; those that can be set: %s%s", what, name,
	    names.len ? buf_text(&names) : "none", names.over ? ", …" : "");
	buf_clear(&names);
	return STATUS_INVALID;
}

enum status
panel_set_rest(struct panel *p, struct error *e)
{
	enum status status = STATUS_OK;

	for (size_t i = 0; i < p->own->count && status == STATUS_OK; i++) {
		const struct pair *pair = &p->own->item[i];
		struct saneoption o = saneoption_named(p->handle, pair->name);
		const struct panel_note *note = find_note(p, o.number);
		const char *last;

		if (!o.number)
			return no_such(p, pair->name, "the scanner has no option", e);
		if (note && note->round == p->round)
			continue;
		if (!saneoption_is_usable(&o))
			return no_such(p, o.about->name,
			    SANE_OPTION_IS_SETTABLE(o.about->cap)
				? "with these settings the scanner has no use for its option"
				: "only the scanner itself sets its option",
			    e);
		last = panel_own(p, &o); /* NULL: the driver has others by now */
		status = panel_set_own(p, &o, last ? last : pair->value, e);
	}
	return status;
}
