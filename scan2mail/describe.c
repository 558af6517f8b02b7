/* describe: what a scanner can do, in lines for a person: controls_describe()
 * (controls.h). */
#include "scan2mail/controls.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/list.h"
#include "scan2mail/saneoption.h"

#define INCH 25.4 /* millimetres */

enum {
	SOURCES = 2, /* whose areas may differ: flatbed and feeder */
	AREA_MAX = 64,
	WORDS_MAX = 64,
};

struct view {
	SANE_Handle handle;
	struct buf *out;
	struct list words; /* of the source: the driver's own may change when it is set */
	char area[SOURCES][AREA_MAX];
	const char *area_of[SOURCES]; /* our name of the source */
	size_t areas;
};

static bool
set_word(struct view *v, enum meaning name, const char *word)
{
	struct saneoption o = saneoption_find(v->handle, name);
	union saneoption_value value = { .text = "" };

	if (!o.number || strlen(word) >= sizeof(value.text))
		return false;
	memcpy(value.text, word, strlen(word));
	return saneoption_write(&o, &value) == SANE_STATUS_GOOD;
}

/* -- area -----------------------------------------------------------------------------*/

static double
current_dpi(SANE_Handle handle)
{
	struct saneoption o = saneoption_find(handle, OPTION_RESOLUTION);
	union saneoption_value value;

	if (!o.number)
		o = saneoption_find(handle, OPTION_X_RESOLUTION);
	return saneoption_is_number(&o) && saneoption_read(&o, &value)
	    ? saneoption_from_word(&o, value.word)
	    : 0;
}

static double
extent(SANE_Handle handle, enum meaning name)
{
	struct saneoption o = saneoption_find(handle, name);
	double size = saneoption_is_number(&o) ? saneoption_bound(&o, true) : 0;
	double dpi;

	if (size <= 0 || o.about->unit != SANE_UNIT_PIXEL)
		return size;
	dpi = current_dpi(handle);
	return dpi > 0 ? size * INCH / dpi : 0;
}

static void
note_area(struct view *v, const char *source)
{
	struct saneoption sheet = saneoption_find(v->handle, OPTION_SHEET);
	const char *size = matching_find(saneoption_words(&sheet), MEANING_FREE_SIZE);
	double width, height, right, bottom;

	if (size) /* else the area may be out of use */
		set_word(v, OPTION_SHEET, size);
	width = extent(v->handle, OPTION_PAGE_WIDTH);
	height = extent(v->handle, OPTION_PAGE_HEIGHT);
	right = extent(v->handle, OPTION_RIGHT);
	bottom = extent(v->handle, OPTION_BOTTOM);

	width = width > right ? width : right;
	height = height > bottom ? height : bottom;
	if (width < 1 || height < 1 || v->areas == SOURCES)
		return;
	snprintf(v->area[v->areas], AREA_MAX, "%.0f x %.0f mm", width, height);
	v->area_of[v->areas++] = source;
}

static void
put_area(struct view *v)
{
	if (v->areas == 0)
		return;
	if (v->areas == 1 || strcmp(v->area[0], v->area[1]) == 0)
		buf_printf(v->out, "area: %s\n", v->area[0]);
	else
		buf_printf(v->out, "area: %s (%s), %s (%s)\n", v->area[0], v->area_of[0],
		    v->area[1], v->area_of[1]);
}

/* -- sources --------------------------------------------------------------------------*/

/* The copy of the source's words as a list for matching_find(). */
static const char *
find_word(const struct view *v, enum meaning meaning)
{
	const char *words[WORDS_MAX + 1] = { NULL };

	for (size_t i = 0; i < v->words.count && i < WORDS_MAX; i++)
		words[i] = v->words.item[i];
	return matching_find(words, meaning);
}

static void
put_source(struct view *v, const char *name, const char *word, const char *more)
{
	bool first = v->out->len == 0 || v->out->data[v->out->len - 1] == '\n';

	buf_printf(v->out, "%s%s (%s%s)", first ? "sources: " : ", ", name, word, more);
}

/* The sides of a sheet by an option of their own, as it is with the feeder chosen. */
static void
put_sides(struct view *v, const char *feeder)
{
	struct saneoption o = saneoption_find(v->handle, OPTION_SIDES);
	const char *both = matching_find(saneoption_words(&o), MEANING_DUPLEX);
	char more[128];

	if (!both && !saneoption_is_switch(&o))
		return;
	snprintf(more, sizeof(more), ", %s = %s", o.about->name, both ? both : "yes");
	put_source(v, "adf-duplex", feeder, more);
}

static void
put_chosen_sources(struct view *v)
{
	const char *flatbed = find_word(v, MEANING_FLATBED);
	const char *feeder = find_word(v, MEANING_FEEDER);
	const char *duplex = find_word(v, MEANING_DUPLEX);
	size_t others = 0;

	if (flatbed && set_word(v, OPTION_SOURCE, flatbed)) {
		put_source(v, "flatbed", flatbed, "");
		note_area(v, "flatbed");
	}
	if (feeder && set_word(v, OPTION_SOURCE, feeder)) {
		put_source(v, "adf", feeder, "");
		if (!duplex)
			put_sides(v, feeder);
	}
	if (duplex && set_word(v, OPTION_SOURCE, duplex))
		put_source(v, "adf-duplex", duplex, "");
	if (feeder || duplex)
		note_area(v, "adf");
	if (flatbed || feeder || duplex)
		buf_puts(v->out, "\n");
	else
		note_area(v, "");
	for (size_t i = 0; i < v->words.count; i++)
		if (matching_rank(v->words.item[i], MEANING_FLATBED) < 0 &&
		    matching_rank(v->words.item[i], MEANING_FEEDER) < 0 &&
		    matching_rank(v->words.item[i], MEANING_DUPLEX) < 0)
			buf_printf(v->out, "%s%s",
			    others++ ? ", " : "other sources: ", v->words.item[i]);
	buf_puts(v->out, others ? "\n" : "");
}

/* A scanner that lets nobody choose. */
static void
put_only_source(struct view *v)
{
	struct saneoption o = saneoption_find_any(v->handle, OPTION_SOURCE);
	struct saneoption sign = saneoption_find_any(v->handle, OPTION_FEEDS);
	const char *only = saneoption_only_word(&o);
	bool both = only && matching_rank(only, MEANING_DUPLEX) >= 0;
	bool feeder = only ? matching_rank(only, MEANING_FEEDER) >= 0
			   : sign.number && SANE_OPTION_IS_ACTIVE(sign.about->cap);

	put_source(v,
	    both         ? "adf-duplex"
		: feeder ? "adf"
			 : "flatbed",
	    only ? only : "not named", "");
	if (feeder)
		put_sides(v, only ? only : "not named");
	buf_puts(v->out, "\n");
	note_area(v, "");
}

static void
put_sources(struct view *v)
{
	struct saneoption o = saneoption_find(v->handle, OPTION_SOURCE);
	const char *const *words = saneoption_words(&o);

	for (size_t i = 0; words && words[i]; i++)
		list_add(&v->words, words[i]);
	if (v->words.count > 0)
		put_chosen_sources(v);
	else
		put_only_source(v);
}

/* -- the rest -------------------------------------------------------------------------*/

static void
put_modes(struct view *v)
{
	static const struct {
		const char *name;
		enum meaning meaning;
	} modes[] = {
		{ "color", MEANING_COLOR },
		{ "gray", MEANING_GRAY },
		{ "bw", MEANING_BILEVEL },
	};
	struct saneoption o = saneoption_find(v->handle, OPTION_MODE);
	struct saneoption gray = saneoption_find(v->handle, OPTION_GRAY);
	size_t count = 0;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		const char *word = matching_find(saneoption_words(&o), modes[i].meaning);

		if (word)
			buf_printf(v->out, "%s%s (%s)",
			    count++ ? ", " : "modes: ", modes[i].name, word);
	}
	if (!saneoption_words(&o) && saneoption_is_switch(&gray))
		buf_printf(v->out, "modes: color (%s = no), gray (%s = yes)",
		    gray.about->name, gray.about->name);
	else if (count == 0)
		return;
	buf_puts(v->out, "\n");
}

static void
put_resolutions(struct view *v)
{
	struct saneoption o = saneoption_find(v->handle, OPTION_RESOLUTION);

	if (!o.number)
		o = saneoption_find(v->handle, OPTION_X_RESOLUTION);
	if (!saneoption_is_number(&o))
		return;
	buf_puts(v->out, "resolutions: ");
	saneoption_put_allowed(v->out, &o);
	buf_puts(v->out, "\n");
}

static bool
has_meaning(const char *name)
{
	for (int m = OPTION_SOURCE; m < OPTION_FEEDS; m++)
		if (matching_rank(name, (enum meaning)m) >= 0)
			return true;
	return false;
}

/* The driver's own, for option.NAME = VALUE. */
static void
put_options(struct view *v)
{
	SANE_Int count = saneoption_count(v->handle);
	size_t named = 0;

	for (SANE_Int i = 1; i < count; i++) {
		struct saneoption o = saneoption_at(v->handle, i);

		if (saneoption_is_usable(&o) && !has_meaning(o.about->name))
			buf_printf(
			    v->out, "%s%s", named++ ? ", " : "options: ", o.about->name);
	}
	buf_puts(v->out, named ? "\n" : "");
}

enum status
controls_describe(struct buf *out, SANE_Handle handle, struct error *e)
{
	struct view v = { .handle = handle, .out = out };

	put_sources(&v);
	put_modes(&v);
	put_resolutions(&v);
	put_area(&v);
	put_options(&v);
	list_clear(&v.words);
	if (out->over)
		return error_set(
		    e, STATUS_RETRY, "what the scanner can do is too much to be shown");
	return STATUS_OK;
}
