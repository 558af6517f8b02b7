/* saneoption: one option of a scanner, as SANE has it (saneoption.h). */
#include "scan2mail/saneoption.h"

#include <ctype.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPTIONS_MAX = 4096, /* options of a scanner */
	WORDS_MAX = 4096,   /* values of a list */
};

/* -- which ----------------------------------------------------------------------------*/

SANE_Int
saneoption_count(SANE_Handle handle)
{
	SANE_Int count = 0;

	/* Some drivers fill their descriptors only when they are asked for one. */
	sane_get_option_descriptor(handle, 0);
	if (sane_control_option(handle, 0, SANE_ACTION_GET_VALUE, &count, NULL) !=
		SANE_STATUS_GOOD ||
	    count > OPTIONS_MAX)
		return 0;
	return count;
}

struct saneoption
saneoption_at(SANE_Handle handle, SANE_Int number)
{
	const SANE_Option_Descriptor *about = sane_get_option_descriptor(handle, number);

	if (!about || !about->name || about->type == SANE_TYPE_GROUP)
		return (struct saneoption){ 0 };
	return (struct saneoption){ handle, number, about };
}

bool
saneoption_is_usable(const struct saneoption *o)
{
	return o->number && SANE_OPTION_IS_ACTIVE(o->about->cap) &&
	    SANE_OPTION_IS_SETTABLE(o->about->cap);
}

static struct saneoption
find(SANE_Handle handle, enum meaning name, bool usable)
{
	struct saneoption best = { 0 };
	SANE_Int count = saneoption_count(handle);
	int best_rank = -1;

	for (SANE_Int i = 1; i < count; i++) {
		struct saneoption o = saneoption_at(handle, i);
		int rank = o.number ? matching_rank(o.about->name, name) : -1;

		if (rank < 0 || (best.number && rank >= best_rank))
			continue;
		if (!usable || saneoption_is_usable(&o)) {
			best = o;
			best_rank = rank;
		}
	}
	return best;
}

struct saneoption
saneoption_find(SANE_Handle handle, enum meaning name)
{
	return find(handle, name, true);
}

struct saneoption
saneoption_find_any(SANE_Handle handle, enum meaning name)
{
	return find(handle, name, false);
}

static int
fold(char c)
{
	return c == '_' ? '-' : tolower((unsigned char)c);
}

bool
saneoption_same_name(const char *a, const char *b)
{
	while (*a && fold(*a) == fold(*b)) {
		a++;
		b++;
	}
	return fold(*a) == fold(*b);
}

struct saneoption
saneoption_named(SANE_Handle handle, const char *name)
{
	struct saneoption alike = { 0 };
	SANE_Int count = saneoption_count(handle);

	for (SANE_Int i = 1; i < count; i++) {
		struct saneoption o = saneoption_at(handle, i);

		if (o.number && strcmp(o.about->name, name) == 0)
			return o;
		if (o.number && !alike.number &&
		    saneoption_same_name(o.about->name, name))
			alike = o;
	}
	return alike;
}

/* -- what it may be -------------------------------------------------------------------*/

const char *const *
saneoption_words(const struct saneoption *o)
{
	if (!o->number || o->about->type != SANE_TYPE_STRING ||
	    o->about->constraint_type != SANE_CONSTRAINT_STRING_LIST)
		return NULL;
	return o->about->constraint.string_list;
}

bool
saneoption_is_number(const struct saneoption *o)
{
	return o->number && o->about->size == sizeof(SANE_Word) &&
	    (o->about->type == SANE_TYPE_INT || o->about->type == SANE_TYPE_FIXED);
}

bool
saneoption_is_switch(const struct saneoption *o)
{
	return o->number && o->about->size == sizeof(SANE_Word) &&
	    o->about->type == SANE_TYPE_BOOL;
}

double
saneoption_from_word(const struct saneoption *o, SANE_Word word)
{
	return o->about->type == SANE_TYPE_FIXED ? SANE_UNFIX(word) : word;
}

/* The constraint's own words of the two kinds; NULL where it is none. */
static const SANE_Range *
range_of(const struct saneoption *o)
{
	return o->about->constraint_type == SANE_CONSTRAINT_RANGE
	    ? o->about->constraint.range
	    : NULL;
}

/* count may become 0. */
static const SANE_Word *
list_of(const struct saneoption *o, SANE_Word *count)
{
	const SANE_Word *list = o->about->constraint_type == SANE_CONSTRAINT_WORD_LIST
	    ? o->about->constraint.word_list
	    : NULL;

	*count = !list || list[0] < 0 ? 0 : list[0] > WORDS_MAX ? WORDS_MAX : list[0];
	return list;
}

/* Inside the range, and on one of its steps; up: on the next one where that is inside. */
static SANE_Word
into_range(const SANE_Range *range, SANE_Word word, bool up)
{
	long long min = range->min, max = range->max, quant = range->quant, steps;

	if (word <= min)
		return range->min;
	if (word >= max)
		return range->max;
	if (quant <= 0)
		return word;
	steps = (word - min + (up ? quant - 1 : quant / 2)) / quant;
	return min + steps * quant > max ? range->max : (SANE_Word)(min + steps * quant);
}

/* Of two that are equally near, the larger one. */
static bool
is_better(SANE_Word word, SANE_Word best, long long wish, long long enough)
{
	long long far = llabs(word - wish), best_far = llabs(best - wish);

	if ((word < enough) != (best < enough))
		return best < enough;
	return far < best_far || (far == best_far && word > best);
}

SANE_Word
saneoption_to_word(
    const struct saneoption *o, double value, enum saneoption_rounding rounding)
{
	double scale =
	    o->about->type == SANE_TYPE_FIXED ? 1 << SANE_FIXED_SCALE_SHIFT : 1;
	double scaled = value * scale + (value < 0 ? -0.5 : 0.5);
	SANE_Word word = scaled >= INT32_MAX ? INT32_MAX
	    : scaled <= INT32_MIN            ? INT32_MIN
					     : (SANE_Word)scaled;
	/* One unit less is enough too: what differs in the tenths is the same paper. */
	long long enough =
	    rounding == SANEOPTION_ENOUGH ? word - (long long)scale : LLONG_MIN;
	SANE_Word count, best;
	const SANE_Word *list = list_of(o, &count);

	if (rounding == SANEOPTION_AS_IS)
		return word;
	if (range_of(o))
		return into_range(range_of(o), word, rounding == SANEOPTION_ENOUGH);
	if (count == 0)
		return word;
	best = list[1];
	for (SANE_Word i = 2; i <= count; i++)
		if (is_better(list[i], best, word, enough))
			best = list[i];
	return best;
}

double
saneoption_bound(const struct saneoption *o, bool largest)
{
	const SANE_Range *range = range_of(o);
	SANE_Word count, best = 0;
	const SANE_Word *list = list_of(o, &count);

	if (range)
		best = largest ? range->max : range->min;
	for (SANE_Word i = 1; i <= count; i++)
		if (i == 1 || (largest ? list[i] > best : list[i] < best))
			best = list[i];
	return saneoption_from_word(o, best);
}

bool
saneoption_allows(const struct saneoption *o, SANE_Word word)
{
	const SANE_Range *range = range_of(o);
	long long slack = o->about->type == SANE_TYPE_FIXED; /* of making it fixed */
	SANE_Word count;
	const SANE_Word *list = list_of(o, &count);

	if (range)
		return word >= range->min - slack && word <= range->max + slack;
	for (SANE_Word i = 1; i <= count; i++)
		if (llabs((long long)list[i] - word) <= slack)
			return true;
	return count == 0;
}

void
saneoption_put_number(struct buf *out, double value)
{
	/* Not by %g: a locale may have a comma. */
	long long thousandths = (long long)(value * 1000 + (value < 0 ? -0.5 : 0.5));
	long long rest = llabs(thousandths) % 1000;

	buf_printf(out, "%s%lld", thousandths < 0 ? "-" : "", llabs(thousandths) / 1000);
	if (rest % 10)
		buf_printf(out, ".%03lld", rest);
	else if (rest % 100)
		buf_printf(out, ".%02lld", rest / 10);
	else if (rest)
		buf_printf(out, ".%lld", rest / 100);
}

void
saneoption_put_allowed(struct buf *out, const struct saneoption *o)
{
	const char *const *words = saneoption_words(o);
	const SANE_Range *range = range_of(o);
	SANE_Word count;
	const SANE_Word *list = list_of(o, &count);

	for (size_t i = 0; words && words[i]; i++)
		buf_printf(out, "%s%s", i ? ", " : "", words[i]);
	if (words)
		return;
	if (o->about->type == SANE_TYPE_BOOL || o->about->type == SANE_TYPE_BUTTON) {
		buf_puts(out, "yes, no");
	} else if (range) {
		saneoption_put_number(out, saneoption_from_word(o, range->min));
		buf_puts(out, " to ");
		saneoption_put_number(out, saneoption_from_word(o, range->max));
	} else if (count > 0) {
		for (SANE_Word i = 1; i <= count; i++) {
			buf_puts(out, i > 1 ? ", " : "");
			saneoption_put_number(out, saneoption_from_word(o, list[i]));
		}
	} else {
		buf_puts(out,
		    o->about->type == SANE_TYPE_INT         ? "whole numbers"
			: o->about->type == SANE_TYPE_FIXED ? "numbers"
							    : "any text");
	}
}

/* -- values ---------------------------------------------------------------------------*/

bool
saneoption_read(const struct saneoption *o, union saneoption_value *out)
{
	union saneoption_value value = { .text = "" };

	/* The descriptor may have changed since; some drivers want it to be asked for. */
	struct saneoption now = saneoption_at(o->handle, o->number);

	if (!now.number || !SANE_OPTION_IS_ACTIVE(now.about->cap) ||
	    !(now.about->cap & SANE_CAP_SOFT_DETECT) || now.about->size < 0 ||
	    now.about->size > SANEOPTION_TEXT_MAX ||
	    sane_control_option(o->handle, o->number, SANE_ACTION_GET_VALUE, &value,
		NULL) != SANE_STATUS_GOOD)
		return false;
	*out = value;
	return true;
}

SANE_Status
saneoption_write(const struct saneoption *o, union saneoption_value *value)
{
	SANE_Int info = 0;
	SANE_Status status;

	/* A driver may write back up to size bytes. */
	if (o->about->size < 0 || o->about->size > SANEOPTION_TEXT_MAX ||
	    (o->about->type == SANE_TYPE_STRING && !saneoption_words(o) &&
		strlen(value->text) >= (size_t)o->about->size))
		return SANE_STATUS_INVAL;
	status = sane_control_option(
	    o->handle, o->number, SANE_ACTION_SET_VALUE, value, &info);
	/* Drivers round with and without saying so: what counts is what it is now. */
	if (status == SANE_STATUS_GOOD && o->about->type != SANE_TYPE_BUTTON)
		saneoption_read(o, value);
	return status;
}

const char *
saneoption_only_word(const struct saneoption *o)
{
	const char *const *words = saneoption_words(o);
	union saneoption_value value;

	if (!words || !words[0] || !words[1])
		return words ? words[0] : NULL;
	if (!saneoption_read(o, &value))
		return NULL;
	words = saneoption_words(o);
	for (size_t i = 0; words && words[i]; i++)
		if (strcmp(words[i], value.text) == 0)
			return words[i];
	return NULL;
}
