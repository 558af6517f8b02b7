/* controls: a scanner's options, set by what they mean (controls.h). */
#include "scan2mail/controls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan2mail/panel.h"

enum {
	ROUNDS_MAX = 4,  /* of setting all that another option has undone */
	OFFER_MAX = 600, /* bytes of a sentence that tell what a scanner can do */
};

#define INCH 25.4 /* millimetres */

/* What is to be set, and what has come of it so far. */
struct setting_up {
	const struct request *request;
	int source; /* enum scan_source */
	struct panel panel;
	struct controls out;
	enum meaning mode;
};

/* "the scanner has no WHAT; its OFFER are: this, that". */
static enum status
lacks(const char *what, const char *offer, const char *const *words, struct error *e)
{
	struct buf names;

	if (!words || !words[0])
		return error_set(e, STATUS_INVALID,
		    "the scanner has no %s: it has no %s to choose from", what, offer);
	buf_init(&names, OFFER_MAX);
	for (size_t i = 0; words[i] && !names.over; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", words[i]);
	error_set(e, STATUS_INVALID, "the scanner has no %s; its %s are: %s%s", what,
	    offer, buf_text(&names), names.over ? ", …" : "");
	buf_clear(&names);
	return STATUS_INVALID;
}

/* -- source, mode, sides --------------------------------------------------------------*/

static void
take_source(struct setting_up *s, const char *word)
{
	s->out.duplex = matching_rank(word, MEANING_DUPLEX) >= 0;
	s->out.feeder = s->out.duplex || matching_rank(word, MEANING_FEEDER) >= 0;
}

/* The words are looked up anew: setting anything may have changed them. */
static enum status
no_such_source(const struct setting_up *s, struct error *e)
{
	struct saneoption o = saneoption_find_any(s->panel.handle, OPTION_SOURCE);
	const char *const only[] = { saneoption_only_word(&o), NULL };
	const char *what = s->source == SOURCE_FLATBED ? "flatbed"
	    : s->source == SOURCE_ADF_DUPLEX           ? "feeder that turns sheets"
						       : "feeder";

	return lacks(
	    what, "sources", saneoption_is_usable(&o) ? saneoption_words(&o) : only, e);
}

/* A feeder that the request's own options name, for a driver that calls its source as no
 * other does. */
static const char *
own_feeder(const struct setting_up *s)
{
	for (size_t i = 0; i < s->panel.own->count; i++) {
		const char *value = s->panel.own->item[i].value;

		if (matching_rank(value, MEANING_DUPLEX) >= 0 ||
		    matching_rank(value, MEANING_FEEDER) >= 0)
			return value;
	}
	return NULL;
}

/* The source of a scanner that lets nobody choose: what it names, or what else shows a
 * feeder. A glass taken for one would be scanned for ever. */
static enum status
take_only_source(struct setting_up *s, struct error *e)
{
	struct saneoption o = saneoption_find_any(s->panel.handle, OPTION_SOURCE);
	struct saneoption sign = saneoption_find_any(s->panel.handle, OPTION_FEEDS);
	const char *word = saneoption_only_word(&o);

	if (word || s->source == SOURCE_FLATBED)
		take_source(s, word ? word : "");
	else if (sign.number && SANE_OPTION_IS_ACTIVE(sign.about->cap))
		s->out.feeder = true;
	else if (own_feeder(s))
		take_source(s, own_feeder(s));
	if (s->source == SOURCE_FLATBED && s->out.feeder)
		return no_such_source(s, e);
	if (s->source == SOURCE_ADF || s->source == SOURCE_ADF_DUPLEX)
		return s->out.feeder ? STATUS_OK : no_such_source(s, e);
	return STATUS_OK;
}

/* The scanner's word for the source that is wanted; NULL: it has none. */
static const char *
choose_source(const char *const *words, int source)
{
	const char *flatbed = matching_find(words, MEANING_FLATBED);
	const char *feeder = matching_find(words, MEANING_FEEDER);
	const char *duplex = matching_find(words, MEANING_DUPLEX);

	switch (source) {
	case SOURCE_FLATBED: return flatbed;
	case SOURCE_ADF_DUPLEX: return duplex ? duplex : feeder;
	case SOURCE_ADF: return feeder ? feeder : duplex;
	default: return feeder ? feeder : duplex ? duplex : flatbed;
	}
}

static enum status
set_source(struct setting_up *s, struct error *e)
{
	struct saneoption o = saneoption_find(s->panel.handle, OPTION_SOURCE);
	const char *const *words = saneoption_words(&o);
	const char *own, *chosen;

	s->out.feeder = s->out.duplex = s->out.has_flatbed = false;
	if (!words)
		return take_only_source(s, e);
	own = panel_own(&s->panel, &o);
	if (own) {
		take_source(s, own);
		if (s->source == SOURCE_ADF || s->source == SOURCE_ADF_DUPLEX)
			s->out.feeder = true;
		return panel_set_own(&s->panel, &o, own, e);
	}
	chosen = choose_source(words, s->source);
	s->out.has_flatbed = matching_find(words, MEANING_FLATBED) != NULL;
	if (!chosen && s->source == SOURCE_AUTO)
		return STATUS_OK; /* as the scanner stands */
	if (!chosen)
		return no_such_source(s, e);
	take_source(s, chosen);
	return panel_set_text(&s->panel, &o, chosen, e);
}

/* What a mode is made from, best first; the rest is done by rows.h. */
static const struct wish {
	int mode;
	enum meaning from[3];
} wishes[] = {
	{ MODE_AUTO, { MEANING_COLOR, MEANING_GRAY, MEANING_BILEVEL } },
	{ MODE_COLOR, { MEANING_COLOR, MEANING_COLOR, MEANING_COLOR } },
	{ MODE_GRAY, { MEANING_GRAY, MEANING_COLOR, MEANING_COLOR } },
	{ MODE_BW, { MEANING_BILEVEL, MEANING_GRAY, MEANING_COLOR } },
};

static enum meaning
mode_of(const char *word)
{
	for (size_t k = 0; k < 3; k++)
		if (matching_rank(word, wishes[0].from[k]) >= 0)
			return wishes[0].from[k];
	return MEANING_NONE;
}

static const char *
choose_mode(const char *const *words, int mode)
{
	const char *chosen = NULL;

	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++)
		for (size_t k = 0; wishes[i].mode == mode && k < 3 && !chosen; k++)
			chosen = matching_find(words, wishes[i].from[k]);
	return chosen;
}

/* A scanner without modes may have a switch for grey. */
static enum status
set_gray(struct setting_up *s, struct error *e)
{
	struct saneoption o = saneoption_find(s->panel.handle, OPTION_GRAY);
	bool on = s->request->mode == MODE_GRAY || s->request->mode == MODE_BW;

	s->mode = MEANING_NONE;
	if (!saneoption_is_switch(&o) || panel_own(&s->panel, &o))
		return STATUS_OK;
	return panel_set_switch(&s->panel, &o, on, NULL, e);
}

static enum status
set_mode(struct setting_up *s, struct error *e)
{
	struct saneoption o = saneoption_find(s->panel.handle, OPTION_MODE);
	const char *const *words = saneoption_words(&o);
	const char *own, *chosen;

	if (!words)
		return set_gray(s, e);
	own = panel_own(&s->panel, &o);
	if (own) {
		s->mode = mode_of(own);
		return panel_set_own(&s->panel, &o, own, e);
	}
	chosen = choose_mode(words, s->request->mode);
	s->mode = chosen ? mode_of(chosen) : MEANING_NONE;
	if (!chosen && s->request->mode == MODE_AUTO)
		return STATUS_OK; /* as the scanner stands */
	if (!chosen)
		return lacks(s->request->mode == MODE_COLOR ? "colour mode" : "such mode",
		    "modes", words, e);
	return panel_set_text(&s->panel, &o, chosen, e);
}

/* Turns an option that is a switch, or has words for off and on, to *is_on, which becomes
 * what it is then. False: there is none, or it refuses. */
static bool
turn(struct setting_up *s, enum meaning name, const enum meaning off_on[2], bool *is_on)
{
	struct saneoption o = saneoption_find(s->panel.handle, name);
	const char *own, *word;
	bool wish = *is_on;

	if (!o.number)
		return false;
	own = panel_own(&s->panel, &o);
	if (own) {
		*is_on = saneoption_is_switch(&o) ? *own != '0' && strcasecmp(own, "no")
						  : matching_rank(own, off_on[1]) >= 0;
		return panel_set_own(&s->panel, &o, own, NULL) == STATUS_OK;
	}
	if (saneoption_is_switch(&o))
		return panel_set_switch(&s->panel, &o, wish, is_on, NULL) == STATUS_OK;
	word = matching_find(saneoption_words(&o), off_on[wish]);
	return word && panel_set_text(&s->panel, &o, word, NULL) == STATUS_OK;
}

/* Both sides by an option of their own, where no source is called so; one side otherwise,
 * as the last one may have left it at both. */
static enum status
set_sides(struct setting_up *s, struct error *e)
{
	static const enum meaning sides[] = { MEANING_SIMPLEX, MEANING_DUPLEX };
	static const enum meaning batch[] = { MEANING_SINGLE, MEANING_CONTINUOUS };
	bool both = s->source == SOURCE_ADF_DUPLEX || s->out.duplex;
	bool on = both, feeds = s->out.feeder;
	bool turned = turn(s, OPTION_SIDES, sides, &on);

	if (!s->out.duplex)
		s->out.duplex = turned && on;
	turn(s, OPTION_BATCH, batch, &feeds);
	if (s->source == SOURCE_ADF_DUPLEX && !s->out.duplex)
		return no_such_source(s, e);
	return STATUS_OK;
}

/* -- numbers --------------------------------------------------------------------------*/

static enum status
set_number(struct setting_up *s, const struct saneoption *o, double value, double *taken,
    struct error *e)
{
	return panel_set_word(
	    &s->panel, o, saneoption_to_word(o, value, SANEOPTION_NEAREST), taken, e);
}

/* An option of this name that is a number and that the request leaves to its meaning. */
static struct saneoption
number_for(const struct setting_up *s, enum meaning name)
{
	struct saneoption o = saneoption_find(s->panel.handle, name);

	if (!saneoption_is_number(&o) || panel_own(&s->panel, &o))
		return (struct saneoption){ 0 };
	return o;
}

/* One of the three names of the resolution; nothing is done where nobody can set it. */
static enum status
set_dpi(struct setting_up *s, enum meaning name, struct error *e)
{
	struct saneoption o = saneoption_find(s->panel.handle, name);
	const char *own;

	if (!saneoption_is_number(&o))
		return STATUS_OK;
	own = panel_own(&s->panel, &o);
	return own ? panel_set_own(&s->panel, &o, own, e)
		   : set_number(s, &o, s->request->resolution, NULL, e);
}

/* What the option has now; 0: there is none, or its value is not told. */
static double
read_number(const struct saneoption *o)
{
	union saneoption_value value;

	return saneoption_is_number(o) && saneoption_read(o, &value)
	    ? saneoption_from_word(o, value.word)
	    : 0;
}

/* What the scanner has made of the resolution, by options that `find` finds. */
static void
read_resolution(struct setting_up *s,
    struct saneoption (*find)(SANE_Handle handle, enum meaning name))
{
	struct saneoption of_both = find(s->panel.handle, OPTION_RESOLUTION);
	struct saneoption of_x = find(s->panel.handle, OPTION_X_RESOLUTION);
	struct saneoption of_y = find(s->panel.handle, OPTION_Y_RESOLUTION);
	double both = read_number(&of_both);
	double x = read_number(&of_x), y = read_number(&of_y);

	if (both <= 0) /* neither, or one of the two alone */
		both = x > 0 ? x : y;
	s->out.has_dpi = both > 0;
	if (both <= 0)
		both = s->request->resolution;
	s->out.x_dpi = x > 0 ? x : both;
	s->out.y_dpi = y > 0 ? y : both;
}

/* Where none can be set, one that can be read tells as well. */
static void
take_resolution(struct setting_up *s)
{
	read_resolution(s, saneoption_find);
	if (!s->out.has_dpi)
		read_resolution(s, saneoption_find_any);
}

static enum status
set_resolution(struct setting_up *s, struct error *e)
{
	enum status status = set_dpi(s, OPTION_RESOLUTION, e);

	if (status == STATUS_OK)
		status = set_dpi(s, OPTION_X_RESOLUTION, e);
	if (status == STATUS_OK)
		status = set_dpi(s, OPTION_Y_RESOLUTION, e);
	take_resolution(s);
	return status;
}

/* Black and white by the scanner where its grey can have one bit, else 8 bits; more only
 * where there is nothing else. */
static enum status
set_depth(struct setting_up *s, struct error *e)
{
	struct saneoption o = number_for(s, OPTION_DEPTH);
	bool one = s->request->mode == MODE_BW && s->mode == MEANING_GRAY;

	if (!o.number || s->mode == MEANING_BILEVEL)
		return STATUS_OK;
	if (!one || !saneoption_allows(&o, saneoption_to_word(&o, 1, SANEOPTION_AS_IS)))
		return panel_set_word(
		    &s->panel, &o, saneoption_to_word(&o, 8, SANEOPTION_ENOUGH), NULL, e);
	return set_number(s, &o, 1, NULL, e);
}

/* -- area -----------------------------------------------------------------------------*/

/* One direction: the sheet's size for drivers that want it, and both ends. Scanners that
 * cut the area themselves have none of these. */
struct span {
	enum meaning sheet, low, high;
	double mm;  /* 0: all there is */
	double dpi; /* for areas in pixels */
	double start;
};

static double
in_unit(const struct saneoption *o, double mm, double dpi)
{
	return o->about->unit == SANE_UNIT_PIXEL ? mm * dpi / INCH : mm;
}

/* At `start` and mm from there, or as far as it goes. */
static enum status
set_far(struct setting_up *s, const struct span *span, enum meaning name, double start,
    struct error *e)
{
	struct saneoption o = number_for(s, name);
	double far;

	if (!o.number)
		return STATUS_OK;
	far = span->mm > 0 ? start + in_unit(&o, span->mm, span->dpi)
			   : saneoption_bound(&o, true);
	if (far <= 0)
		return STATUS_OK; /* nobody says how far it goes */
	return panel_set_word(
	    &s->panel, &o, saneoption_to_word(&o, far, SANEOPTION_ENOUGH), NULL, e);
}

static enum status
set_near(struct setting_up *s, struct span *span, struct error *e)
{
	struct saneoption o = number_for(s, span->low);

	if (!o.number)
		return STATUS_OK;
	return set_number(s, &o, saneoption_bound(&o, false), &span->start, e);
}

static enum status
set_area(struct setting_up *s, struct error *e)
{
	struct span spans[] = {
		{ OPTION_PAGE_WIDTH, OPTION_LEFT, OPTION_RIGHT, s->request->paper.width,
		    s->out.x_dpi, 0 },
		{ OPTION_PAGE_HEIGHT, OPTION_TOP, OPTION_BOTTOM, s->request->paper.height,
		    s->out.y_dpi, 0 },
	};
	struct saneoption o = saneoption_find(s->panel.handle, OPTION_SHEET);
	const char *size = matching_find(saneoption_words(&o), MEANING_FREE_SIZE);
	enum status status = STATUS_OK;

	if (size && !panel_own(&s->panel, &o))
		status = panel_set_text(&s->panel, &o, size, e);
	for (size_t i = 0; i < 2 && status == STATUS_OK; i++)
		status = set_far(s, &spans[i], spans[i].sheet, 0, e);
	for (size_t i = 0; i < 2 && status == STATUS_OK; i++)
		status = set_near(s, &spans[i], e);
	for (size_t i = 0; i < 2 && status == STATUS_OK; i++)
		status = set_far(s, &spans[i], spans[i].high, spans[i].start, e);
	return status;
}

/* How wide the area is, where the scanner tells it in millimetres. */
static void
take_width(struct setting_up *s)
{
	struct saneoption left = saneoption_find_any(s->panel.handle, OPTION_LEFT);
	struct saneoption right = saneoption_find_any(s->panel.handle, OPTION_RIGHT);

	if (right.number && right.about->unit == SANE_UNIT_MM)
		s->out.width = read_number(&right) - read_number(&left);
}

/* -- all ------------------------------------------------------------------------------*/

static enum status
set_own_options(struct setting_up *s, struct error *e)
{
	return panel_set_rest(&s->panel, e);
}

static enum status
set_all(struct setting_up *s, struct error *e)
{
	static enum status (*const steps[])(
	    struct setting_up *, struct error *) = { set_source, set_mode, set_sides,
		set_resolution, set_depth, set_own_options, set_area };
	enum status status = STATUS_OK;

	s->panel.moved = false;
	s->panel.undone[0] = '\0';
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && status == STATUS_OK;
	     i++)
		status = steps[i](s, e);
	return status;
}

enum status
controls_apply(struct controls *out, SANE_Handle handle, const struct request *r,
    int source, struct error *e)
{
	struct setting_up *s = calloc(1, sizeof(*s)); /* the notes are large */
	enum status status = STATUS_OK;

	if (!s)
		return error_set(e, STATUS_RETRY, "no memory");
	s->request = r;
	s->source = source;
	s->panel.handle = handle;
	s->panel.own = &r->option;
	do {
		status = set_all(s, e);
	} while (status == STATUS_OK && (s->panel.round == 0 || s->panel.moved) &&
	    ++s->panel.round < ROUNDS_MAX);
	/* Numbers that move on are as near as the scanner comes. */
	if (status == STATUS_OK && s->panel.undone[0])
		status = error_set(e, STATUS_INVALID,
		    "the scanner does not keep its option %s: another one changes it "
		    "back; choose another source or mode",
		    s->panel.undone);
	take_resolution(s); /* the area may have changed it */
	take_width(s);
	if (status == STATUS_OK)
		*out = s->out;
	free(s);
	return status;
}

double
controls_dpi(const struct controls *c, unsigned pixels)
{
	return c->has_dpi || c->width <= 0 || pixels == 0 ? c->x_dpi
							  : pixels * INCH / c->width;
}
