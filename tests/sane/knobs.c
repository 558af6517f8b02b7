/* knobs: the options of the scanner of the tests, and its buttons (fault.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sane/fault.h"

enum {
	SETTABLE = SANE_CAP_SOFT_SELECT | SANE_CAP_SOFT_DETECT,
	SENSOR = SANE_CAP_SOFT_DETECT | SANE_CAP_HARD_SELECT | SANE_CAP_ADVANCED,
};

/* -- making them ------------------------------------------------------------------*/

static struct knob *
add(struct scanner *s, const char *name, SANE_Value_Type type, SANE_Int cap)
{
	struct knob *k = &s->knob[s->knobs];

	if (s->knobs == KNOBS_MAX || scenario_has(&s->scenario, "missing", name))
		return NULL;
	s->knobs++;
	snprintf(k->name, sizeof(k->name), "%s", name);
	if (scenario_has(&s->scenario, "inactive", name))
		cap |= SANE_CAP_INACTIVE;
	k->about = (SANE_Option_Descriptor){
		.name = k->name,
		.title = k->name,
		.desc = k->name,
		.type = type,
		.size =
		    type == SANE_TYPE_STRING ? TEXT_SIZE : (SANE_Int)sizeof(SANE_Word),
		.cap = cap,
	};
	return k;
}

/* A choice of texts, "A|B"; the first one is set. */
static void
add_texts(struct scanner *s, const char *name, const char *list)
{
	struct knob *k = add(s, name, SANE_TYPE_STRING, SETTABLE);
	size_t n = 0;

	if (!k)
		return;
	snprintf(k->listed, sizeof(k->listed), "%s", list);
	for (char *c = k->listed; c && n < WORDS_MAX - 1; n++) {
		k->strings[n] = c;
		c = strchr(c, '|');
		if (c)
			*c++ = '\0';
	}
	k->about.constraint_type = SANE_CONSTRAINT_STRING_LIST;
	k->about.constraint.string_list = k->strings;
	snprintf(k->text, sizeof(k->text), "%s", k->strings[0]);
}

/* A number in a range. */
static void
add_range(
    struct scanner *s, const char *name, SANE_Value_Type type, double least, double most)
{
	struct knob *k = add(s, name, type, SETTABLE);
	double one = type == SANE_TYPE_FIXED ? 65536 : 1;

	if (!k)
		return;
	k->range = (SANE_Range){ (SANE_Word)(least * one), (SANE_Word)(most * one), 0 };
	k->about.constraint_type = SANE_CONSTRAINT_RANGE;
	k->about.constraint.range = &k->range;
	k->word = k->range.min;
}

/* A number of "A..B" or "A|B". */
static void
add_number(struct scanner *s, const char *name, const char *values)
{
	const char *to = strstr(values, "..");
	char one[SCENARIO_VALUE];
	struct knob *k;

	if (to) {
		add_range(
		    s, name, SANE_TYPE_INT, strtod(values, NULL), strtod(to + 2, NULL));
		return;
	}
	k = add(s, name, SANE_TYPE_INT, SETTABLE);
	for (size_t n = 0; k && n < WORDS_MAX - 1 && scenario_item(values, n, one); n++) {
		k->words[n + 1] = (SANE_Word)strtol(one, NULL, 10);
		k->words[0] = (SANE_Word)n + 1;
		k->about.constraint_type = SANE_CONSTRAINT_WORD_LIST;
		k->about.constraint.word_list = k->words;
		k->word = k->words[1];
	}
}

/* "KIND TYPE NAME" */
static void
add_button(struct scanner *s, const char *line)
{
	static const char *const kinds[] = { "", "level", "latched", "cleared",
		"sampled" };
	char kind[16], type[16], name[128];
	struct knob *k;

	if (sscanf(line, "%15s %15s %127[^\n]", kind, type, name) != 3)
		return;
	k = add(s, name,
	    strcmp(type, "bool") == 0      ? SANE_TYPE_BOOL
		: strcmp(type, "int") == 0 ? SANE_TYPE_INT
					   : SANE_TYPE_STRING,
	    strcmp(kind, "latched") == 0 ? SANE_CAP_SOFT_DETECT : SENSOR);
	for (size_t i = KNOB_LEVEL; k && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i], kind) == 0)
			k->kind = (enum knob_kind)i;
}

/* The area, in millimetres or pixels of the resolution at first. */
static void
add_area(struct scanner *s)
{
	static const char *const names[] = { "tl-x", "tl-y", "br-x", "br-y" };
	bool pixel = scenario_is(&s->scenario, "unit", "pixel");
	double size[] = { scenario_number(&s->scenario, "width", 210),
		scenario_number(&s->scenario, "height", 297) };
	const char *sheet[] = { "page-width", "page-height" };

	for (int i = 0; i < 2 && scenario_is(&s->scenario, "page-size", "yes"); i++)
		add_range(s, sheet[i], SANE_TYPE_FIXED, 0, size[i]);
	for (int i = 0; i < 4; i++) {
		double most = size[i % 2];
		size_t before = s->knobs;
		struct knob *k = &s->knob[before];

		if (pixel)
			most = (int)(most / 25.4 * 75 + 0.5);
		add_range(s, names[i], pixel ? SANE_TYPE_INT : SANE_TYPE_FIXED, 0, most);
		if (s->knobs == before)
			continue;
		k->about.unit = pixel ? SANE_UNIT_PIXEL : SANE_UNIT_MM;
		if (i >= 2)
			k->word = k->range.max;
	}
}

void
knobs_make(struct scanner *s)
{
	const struct scenario *c = &s->scenario;
	const char *resolutions = scenario_text(c, "resolution", "50..600");
	const char *depths = scenario_text(c, "depth", "8");
	struct knob *k = add(s, "", SANE_TYPE_INT, SANE_CAP_SOFT_DETECT);

	k = add(s, "standard", SANE_TYPE_GROUP, 0);
	if (k) {
		k->about.name = "";
		k->about.size = 0;
	}
	add_texts(s, "source", scenario_text(c, "source", "Flatbed|ADF|ADF Duplex"));
	add_texts(s, "mode", scenario_text(c, "mode", "Lineart|Gray|Color"));
	if (strchr(depths, '|'))
		add_number(s, "depth", depths);
	if (scenario_is(c, "split-resolution", "yes")) {
		add_number(s, "x-resolution", resolutions);
		add_number(s, "y-resolution", resolutions);
	} else {
		add_number(s, "resolution", resolutions);
	}
	add_area(s);
	if (scenario_is(c, "duplex", "yes"))
		add(s, "duplex", SANE_TYPE_BOOL, SETTABLE);
	add_range(s, "brightness", SANE_TYPE_INT, -100, 100);
	add_range(s, "gamma", SANE_TYPE_FIXED, 0, 5);
	add(s, "ald", SANE_TYPE_BOOL, SETTABLE);
	add(s, "film", SANE_TYPE_STRING, SETTABLE);
	add(s, "calibrate", SANE_TYPE_BUTTON, SETTABLE);
	for (size_t i = 0; i < c->lines; i++)
		if (strcmp(c->line[i].key, "button") == 0)
			add_button(s, c->line[i].value);
	s->knob[0].word = (SANE_Word)s->knobs;
}

/* -- values -----------------------------------------------------------------------*/

static const struct knob *
find(const struct scanner *s, const char *name)
{
	for (size_t i = 2; i < s->knobs; i++)
		if (strcmp(s->knob[i].name, name) == 0)
			return &s->knob[i];
	return NULL;
}

const char *
knobs_text(const struct scanner *s, const char *name, const char *otherwise)
{
	const struct knob *k = find(s, name);

	return k ? k->text : otherwise;
}

double
knobs_number(const struct scanner *s, const char *name, double otherwise)
{
	const struct knob *k = find(s, name);

	if (!k)
		return otherwise;
	return k->about.type == SANE_TYPE_FIXED ? SANE_UNFIX(k->word) : k->word;
}

/* Takes the value from the button's file. The file is gone with it where `take` is set.
 */
static void
press(const struct scanner *s, struct knob *k, bool take)
{
	char folder[PATH_SIZE], path[PATH_SIZE + TEXT_SIZE];
	char text[TEXT_SIZE] = "";
	FILE *file;

	fault_path(folder, s->name, "buttons");
	snprintf(path, sizeof(path), "%s/%s", folder, k->name);
	file = fopen(path, "re");
	if (file) {
		if (!fgets(text, sizeof(text), file))
			*text = '\0';
		fclose(file);
		if (take)
			unlink(path);
	}
	snprintf(k->text, sizeof(k->text), "%s", text);
	k->word = (SANE_Word)strtol(text, NULL, 10);
}

/* What the button is at this look. */
static void
look(struct scanner *s, struct knob *k)
{
	bool set = k->word || *k->text;

	if (k->kind == KNOB_LEVEL)
		press(s, k, false);
	if (k->kind == KNOB_CLEARED || (k->kind == KNOB_LATCHED && !set))
		press(s, k, true);
	if (k->kind != KNOB_SAMPLED)
		return;
	for (size_t i = 0; i < s->knobs; i++)
		if (s->knob[i].kind == KNOB_SAMPLED) {
			if (&s->knob[i] != k)
				return; /* not the first: as it was sampled */
			break;
		}
	for (size_t i = 0; i < s->knobs; i++)
		if (s->knob[i].kind == KNOB_SAMPLED)
			press(s, &s->knob[i], false);
}

static SANE_Status
get(struct scanner *s, struct knob *k, void *value)
{
	if (k->kind != KNOB_PLAIN) {
		fault_log(s, "get %s", k->name);
		if (fault_is_gone(s))
			return SANE_STATUS_IO_ERROR;
		look(s, k);
	}
	if (k->about.type == SANE_TYPE_STRING)
		memcpy(value, k->text, TEXT_SIZE);
	else if (k->about.type != SANE_TYPE_BUTTON && k->about.type != SANE_TYPE_GROUP)
		memcpy(value, &k->word, sizeof(k->word));
	if (k->kind == KNOB_SAMPLED) {
		k->word = 0;
		*k->text = '\0';
	}
	return SANE_STATUS_GOOD;
}

static SANE_Status
set_text(const struct scanner *s, struct knob *k, const char *value)
{
	fault_log(s, "set %s=%s", k->name, value);
	if (k->about.constraint_type != SANE_CONSTRAINT_STRING_LIST) {
		snprintf(k->text, sizeof(k->text), "%s", value);
		return SANE_STATUS_GOOD;
	}
	for (size_t i = 0; k->strings[i]; i++)
		if (strcmp(k->strings[i], value) == 0) {
			snprintf(k->text, sizeof(k->text), "%s", value);
			return SANE_STATUS_GOOD;
		}
	return SANE_STATUS_INVAL;
}

static SANE_Status
set_word(const struct scanner *s, struct knob *k, SANE_Word *value, SANE_Int *info)
{
	SANE_Word word = *value;
	int step = (int)scenario_number(&s->scenario, "inexact", 0);
	bool listed = k->about.constraint_type != SANE_CONSTRAINT_WORD_LIST;

	if (k->about.type == SANE_TYPE_FIXED)
		fault_log(s, "set %s=%g", k->name, SANE_UNFIX(word));
	else
		fault_log(s, "set %s=%d", k->name, word);
	for (SANE_Word i = 1; !listed && i <= k->words[0]; i++)
		listed = k->words[i] == word;
	if (!listed)
		return SANE_STATUS_INVAL;
	if (step > 0 && strstr(k->name, "resolution"))
		word = word / step * step;
	if (scenario_is(&s->scenario, "reload-loop", "yes") && k->about.size &&
	    k->about.type != SANE_TYPE_BOOL)
		word++;
	if (k->about.constraint_type == SANE_CONSTRAINT_RANGE)
		word = word < k->range.min ? k->range.min
		    : word > k->range.max  ? k->range.max
					   : word;
	*info |= word != *value ? SANE_INFO_INEXACT : 0;
	*value = k->word = word;
	return SANE_STATUS_GOOD;
}

/* What depends on an option that was set. */
static void
adapt(struct scanner *s, const struct knob *changed)
{
	double dpi = knobs_number(s, "resolution", knobs_number(s, "x-resolution", 75));

	if (!scenario_is(&s->scenario, "unit", "pixel") ||
	    !strstr(changed->name, "resolution"))
		return;
	for (size_t i = 0; i < s->knobs; i++) {
		struct knob *k = &s->knob[i];
		bool down = strchr(k->name, 'y') != NULL;

		if (k->about.unit != SANE_UNIT_PIXEL)
			continue;
		k->range.max =
		    (SANE_Word)(scenario_number(&s->scenario, down ? "height" : "width",
				    down ? 297 : 210) /
			    25.4 * dpi +
			0.5);
		k->word = k->name[0] == 'b' ? k->range.max : 0;
	}
}

SANE_Status
knobs_control(
    struct scanner *s, SANE_Int option, SANE_Action action, void *value, SANE_Int *info)
{
	struct knob *k =
	    option >= 0 && (size_t)option < s->knobs ? &s->knob[option] : NULL;
	SANE_Status status = SANE_STATUS_GOOD;
	SANE_Int said = SANE_INFO_RELOAD_OPTIONS | SANE_INFO_RELOAD_PARAMS;

	if (!k || k->about.type == SANE_TYPE_GROUP ||
	    !SANE_OPTION_IS_ACTIVE(k->about.cap)) {
		fault_log(s, "violation: option %d is none, or not active", option);
		return SANE_STATUS_INVAL;
	}
	if (action == SANE_ACTION_GET_VALUE)
		return get(s, k, value);
	if (action != SANE_ACTION_SET_VALUE || !SANE_OPTION_IS_SETTABLE(k->about.cap)) {
		fault_log(s, "violation: %s cannot be set", k->name);
		return SANE_STATUS_INVAL;
	}
	if (k->about.type == SANE_TYPE_STRING)
		status = set_text(s, k, value);
	else if (k->about.type != SANE_TYPE_BUTTON)
		status = set_word(s, k, value, &said);
	else
		fault_log(s, "set %s", k->name);
	if (status == SANE_STATUS_GOOD)
		adapt(s, k);
	if (info)
		*info = said;
	return status;
}
