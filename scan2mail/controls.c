/* controls: a scanner's options, set by what they mean (controls.h). */
#include "scan2mail/controls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "scan2mail/matching.h"

enum {
	TEXT_MAX = 4096,    /* bytes of an option's text */
	OPTIONS_MAX = 4096, /* options of a scanner */
	NAMES_MAX = 4,
};

#define INCH 25.4 /* millimetres */

/* One meaning, and the names that drivers give it. */
struct names {
	const char *name[NAMES_MAX];
};

static const struct names SOURCE = { { "source", "doc-source" } };
static const struct names MODE = { { "mode" } };
static const struct names DEPTH = { { "depth" } };
static const struct names RESOLUTION = { { "resolution", "scan-resolution" } };
static const struct names X_RESOLUTION = { { "x-resolution" } };
static const struct names Y_RESOLUTION = { { "y-resolution" } };
static const struct names ADF_MODE = { { "adf-mode", "adf_mode", "ScanMode" } };
static const struct names BOTH_SIDES = { { "duplex", "scan-both-sides" } };
static const struct names BATCH = { { "batch-scan", "adf-auto-scan" } };

/* An option as it is now: active, and open to software. number is 0 when there is none.
 */
struct control {
	SANE_Handle handle;
	SANE_Int number;
	const SANE_Option_Descriptor *about;
};

static bool
is_usable(const SANE_Option_Descriptor *o)
{
	return o && o->name && SANE_OPTION_IS_ACTIVE(o->cap) &&
	    SANE_OPTION_IS_SETTABLE(o->cap);
}

static struct control
find(SANE_Handle handle, const struct names *names)
{
	SANE_Int count = 0;

	if (sane_control_option(handle, 0, SANE_ACTION_GET_VALUE, &count, NULL) !=
		SANE_STATUS_GOOD ||
	    count > OPTIONS_MAX)
		count = 0;
	for (size_t n = 0; n < NAMES_MAX && names->name[n]; n++)
		for (SANE_Int i = 1; i < count; i++) {
			const SANE_Option_Descriptor *o =
			    sane_get_option_descriptor(handle, i);

			if (is_usable(o) && strcmp(o->name, names->name[n]) == 0)
				return (struct control){ handle, i, o };
		}
	return (struct control){ 0 };
}

static const char *const *
strings(const struct control *c)
{
	if (!c->number || c->about->type != SANE_TYPE_STRING ||
	    c->about->constraint_type != SANE_CONSTRAINT_STRING_LIST)
		return NULL;
	return c->about->constraint.string_list;
}

static enum status
refuse(const struct control *c, const char *value, SANE_Status status, struct error *e)
{
	return error_set(e, STATUS_INVALID, "the scanner refuses %s = %s: %s",
	    c->about->name, value, sane_strstatus(status));
}

static enum status
set_text(const struct control *c, const char *value, struct error *e)
{
	size_t size = (size_t)c->about->size;
	size_t len = strlen(value);
	char text[TEXT_MAX] = ""; /* drivers may write back up to size bytes */
	SANE_Status status;

	if (size > TEXT_MAX || len >= TEXT_MAX)
		return refuse(c, value, SANE_STATUS_INVAL, e);
	memcpy(text, value, len);
	status =
	    sane_control_option(c->handle, c->number, SANE_ACTION_SET_VALUE, text, NULL);
	return status == SANE_STATUS_GOOD ? STATUS_OK : refuse(c, value, status, e);
}

/* Sets a switch where the scanner has it. False: there is none. */
static bool
set_switch(SANE_Handle handle, const struct names *names, bool on)
{
	struct control c = find(handle, names);
	SANE_Bool value = on ? SANE_TRUE : SANE_FALSE;

	return c.number && c.about->type == SANE_TYPE_BOOL &&
	    sane_control_option(handle, c.number, SANE_ACTION_SET_VALUE, &value, NULL) ==
	    SANE_STATUS_GOOD;
}

/* -- numbers --------------------------------------------------------------------------*/

static bool
is_number(const struct control *c)
{
	return c->number && c->about->size == sizeof(SANE_Word) &&
	    (c->about->type == SANE_TYPE_INT || c->about->type == SANE_TYPE_FIXED);
}

static double
from_word(const struct control *c, SANE_Word word)
{
	return c->about->type == SANE_TYPE_FIXED ? SANE_UNFIX(word) : word;
}

static SANE_Word
to_word(const struct control *c, double value)
{
	double limit = c->about->type == SANE_TYPE_FIXED ? 32767 : 2147483647;

	if (value > limit)
		value = limit;
	return c->about->type == SANE_TYPE_FIXED ? SANE_FIX(value)
						 : (SANE_Word)(value + 0.5);
}

/* The allowed word that is nearest. */
static SANE_Word
nearest(const struct control *c, double value)
{
	SANE_Word word = to_word(c, value);
	const SANE_Word *list;
	SANE_Word best;

	if (c->about->constraint_type == SANE_CONSTRAINT_RANGE) {
		const SANE_Range *range = c->about->constraint.range;

		return word < range->min ? range->min
		    : word > range->max  ? range->max
					 : word;
	}
	list = c->about->constraint.word_list;
	if (c->about->constraint_type != SANE_CONSTRAINT_WORD_LIST || list[0] < 1)
		return word;
	best = list[1];
	for (SANE_Word i = 2; i <= list[0]; i++)
		if (llabs((long long)list[i] - word) < llabs((long long)best - word))
			best = list[i];
	return best;
}

/* The smallest or largest value; 0 where nothing is said. */
static double
bound(const struct control *c, bool largest)
{
	const SANE_Range *range = c->about->constraint.range;
	SANE_Word best = 0;

	if (c->about->constraint_type == SANE_CONSTRAINT_RANGE)
		best = largest ? range->max : range->min;
	else if (c->about->constraint_type == SANE_CONSTRAINT_WORD_LIST)
		for (SANE_Word i = 1; i <= c->about->constraint.word_list[0]; i++) {
			SANE_Word word = c->about->constraint.word_list[i];

			if (i == 1 || (largest ? word > best : word < best))
				best = word;
		}
	return from_word(c, best);
}

/* Sets the nearest value that is allowed; *taken is what the scanner made of it. */
static enum status
set_number(const struct control *c, double value, double *taken, struct error *e)
{
	SANE_Word word = nearest(c, value);
	SANE_Status status;
	char text[32];

	status =
	    sane_control_option(c->handle, c->number, SANE_ACTION_SET_VALUE, &word, NULL);
	if (status == SANE_STATUS_GOOD) {
		/* Drivers round without saying so. The value may only be read after the
		 * descriptor, which setting it may have changed. */
		sane_get_option_descriptor(c->handle, c->number);
		status = sane_control_option(
		    c->handle, c->number, SANE_ACTION_GET_VALUE, &word, NULL);
	}
	if (status != SANE_STATUS_GOOD) {
		snprintf(text, sizeof(text), "%g", value);
		return refuse(c, text, status, e);
	}
	*taken = from_word(c, word);
	return STATUS_OK;
}

/* -- what is wanted -------------------------------------------------------------------*/

/* "what: this, that", from a list of strings. */
static enum status
lacks(const char *what, const char *offer, const char *const *list, struct error *e)
{
	struct buf names;

	buf_init(&names, ERROR_TEXT_MAX / 2);
	for (size_t i = 0; list && list[i]; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", list[i]);
	error_set(e, STATUS_INVALID, "the scanner has no %s; its %s are: %s", what, offer,
	    names.len ? buf_text(&names) : "not to be chosen");
	buf_clear(&names);
	return STATUS_INVALID;
}

/* Both sides, for a scanner whose sources do not name it. */
static enum status
set_both_sides(SANE_Handle handle, const char *const *sources, struct error *e)
{
	struct control c = find(handle, &ADF_MODE);
	const char *duplex = matching_find(strings(&c), MEANING_DUPLEX);

	if (duplex)
		return set_text(&c, duplex, e);
	if (set_switch(handle, &BOTH_SIDES, true))
		return STATUS_OK;
	return lacks("feeder that turns sheets", "sources", sources, e);
}

static enum status
set_source(struct controls *out, SANE_Handle handle, int source, struct error *e)
{
	struct control c = find(handle, &SOURCE);
	const char *const *list = strings(&c);
	const char *flatbed = matching_find(list, MEANING_FLATBED);
	const char *feeder = matching_find(list, MEANING_FEEDER);
	const char *duplex = matching_find(list, MEANING_DUPLEX);
	enum status status = STATUS_OK;
	const char *chosen;

	if (source == SOURCE_AUTO)
		source = feeder || duplex ? SOURCE_ADF : SOURCE_FLATBED;
	out->feeder = source != SOURCE_FLATBED;
	out->has_flatbed = flatbed != NULL;
	if (!list) /* one source only, which nobody names */
		return source == SOURCE_ADF_DUPLEX ? set_both_sides(handle, NULL, e)
						   : STATUS_OK;
	chosen = source == SOURCE_FLATBED           ? flatbed
	    : source == SOURCE_ADF_DUPLEX && duplex ? duplex
	    : feeder || source == SOURCE_ADF_DUPLEX ? feeder
						    : duplex;
	if (!chosen && source == SOURCE_FLATBED)
		return lacks("flatbed", "sources", list, e);
	if (!chosen)
		return lacks("feeder", "sources", list, e);
	status = set_text(&c, chosen, e);
	if (status == STATUS_OK && source == SOURCE_ADF_DUPLEX && chosen != duplex)
		status = set_both_sides(handle, list, e);
	set_switch(handle, &BATCH, out->feeder);
	return status;
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

static enum status
set_mode(SANE_Handle handle, int mode, struct error *e)
{
	struct control c = find(handle, &MODE);
	const char *const *list = strings(&c);
	const char *chosen = NULL;

	if (!list)
		return STATUS_OK; /* one mode only */
	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++)
		for (size_t k = 0; wishes[i].mode == mode && k < 3 && !chosen; k++)
			chosen = matching_find(list, wishes[i].from[k]);
	if (!chosen && mode == MODE_AUTO)
		return STATUS_OK; /* as the scanner stands */
	if (!chosen)
		return lacks(
		    mode == MODE_COLOR ? "colour mode" : "such mode", "modes", list, e);
	return set_text(&c, chosen, e);
}

/* Black and white by the scanner where its grey can have one bit, else 8 bits. */
static enum status
set_depth(SANE_Handle handle, int mode, struct error *e)
{
	struct control c = find(handle, &DEPTH), m = find(handle, &MODE);
	const char *gray = matching_find(strings(&m), MEANING_GRAY);
	const char *bilevel = matching_find(strings(&m), MEANING_BILEVEL);
	char current[TEXT_MAX] = "";
	double taken;

	if (!is_number(&c))
		return STATUS_OK;
	if ((gray || bilevel) && m.about->size < TEXT_MAX)
		sane_control_option(
		    handle, m.number, SANE_ACTION_GET_VALUE, current, NULL);
	if (bilevel && strcmp(bilevel, current) == 0)
		return STATUS_OK;
	if (mode == MODE_BW && gray && strcmp(gray, current) == 0)
		return set_number(&c, 1, &taken, e);
	return set_number(&c, 8, &taken, e);
}

static enum status
set_resolution(
    struct controls *out, SANE_Handle handle, unsigned resolution, struct error *e)
{
	struct control both = find(handle, &RESOLUTION);
	struct control x = find(handle, &X_RESOLUTION);
	struct control y = find(handle, &Y_RESOLUTION);
	enum status status = STATUS_OK;

	out->x_dpi = out->y_dpi = resolution;
	if (is_number(&both)) {
		status = set_number(&both, resolution, &out->x_dpi, e);
		out->y_dpi = out->x_dpi;
	}
	if (status == STATUS_OK && is_number(&x))
		status = set_number(&x, resolution, &out->x_dpi, e);
	if (status == STATUS_OK && is_number(&y))
		status = set_number(&y, resolution, &out->y_dpi, e);
	return status;
}

/* One direction of the area: the sheet's size for drivers that want it, then both ends.
 * Scanners that cut the area themselves have none of these. */
static enum status
set_span(SANE_Handle handle, const char *const names[3], double mm, double dpi,
    struct error *e)
{
	struct control sheet = find(handle, &(struct names){ { names[0] } });
	struct control low, high;
	enum status status = STATUS_OK;
	double start = 0, taken;

	if (is_number(&sheet))
		status = set_number(&sheet, mm > 0 ? mm : bound(&sheet, true), &taken, e);
	low = find(handle, &(struct names){ { names[1] } });
	if (status == STATUS_OK && is_number(&low))
		status = set_number(&low, bound(&low, false), &start, e);
	high = find(handle, &(struct names){ { names[2] } });
	if (status != STATUS_OK || !is_number(&high))
		return status;
	if (mm > 0 && high.about->unit == SANE_UNIT_PIXEL)
		mm = mm * dpi / INCH; /* pixels from here on */
	return set_number(&high, mm > 0 ? start + mm : bound(&high, true), &taken, e);
}

enum status
controls_apply(struct controls *out, SANE_Handle handle, const struct request *r,
    int source, struct error *e)
{
	static const char *const across[] = { "page-width", "tl-x", "br-x" };
	static const char *const down[] = { "page-height", "tl-y", "br-y" };
	struct controls c = { 0 };
	enum status status = set_source(&c, handle, source, e);

	if (status == STATUS_OK)
		status = set_mode(handle, r->mode, e);
	if (status == STATUS_OK)
		status = set_depth(handle, r->mode, e);
	if (status == STATUS_OK)
		status = set_resolution(&c, handle, r->resolution, e);
	if (status == STATUS_OK)
		status = set_span(handle, across, r->paper->width, c.x_dpi, e);
	if (status == STATUS_OK)
		status = set_span(handle, down, r->paper->height, c.y_dpi, e);
	if (status == STATUS_OK)
		*out = c;
	return status;
}
