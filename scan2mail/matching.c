/* matching: which of a scanner's own words means what (matching.h). */
#include "scan2mail/matching.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum {
	WORDS_MAX = 8,
};

/* Tried from top to bottom: the first row that fits any string of the list wins. Each:
 * the meaning, a word that must stand in the string, and words that must not. */
static const struct rule {
	enum meaning meaning;
	const char *word;
	const char * not [WORDS_MAX];
} rules[] = {
	{ MEANING_FLATBED, "flatbed", { NULL } },
	{ MEANING_FLATBED, "flat bed", { NULL } },
	{ MEANING_FLATBED, "document table", { NULL } },
	{ MEANING_FLATBED, "platen", { NULL } },
	{ MEANING_FLATBED, "normal", { NULL } },
	{ MEANING_FEEDER, "adf", { "duplex", "back", "card" } },
	{ MEANING_FEEDER, "feeder", { "duplex", "back", "card" } },
	{ MEANING_FEEDER, "sheet", { "duplex", "back", "card" } },
	{ MEANING_DUPLEX, "duplex", { "simplex" } },
	{ MEANING_DUPLEX, "both sides", { NULL } },
	{ MEANING_COLOR, "color", { "black" } },
	{ MEANING_COLOR, "colour", { "black" } },
	{ MEANING_GRAY, "gray", { "error diffusion", "dither", "halftone" } },
	{ MEANING_GRAY, "grey", { "error diffusion", "dither", "halftone" } },
	{ MEANING_GRAY, "8-bit", { "color", "colour", "diffusion", "halftone" } },
	{ MEANING_BILEVEL, "lineart", { "color", "halftone" } },
	{ MEANING_BILEVEL, "line art", { "color", "halftone" } },
	{ MEANING_BILEVEL, "black & white", { "diffusion", "halftone" } },
	{ MEANING_BILEVEL, "black and white", { "diffusion", "halftone" } },
	{ MEANING_BILEVEL, "monochrome", { "diffusion", "halftone" } },
	{ MEANING_BILEVEL, "binary", { NULL } },
	{ MEANING_BILEVEL, "1-bit", { "color", "halftone" } },
};

static bool
fits(const struct rule *rule, const char *s)
{
	if (!strcasestr(s, rule->word))
		return false;
	for (size_t i = 0; i < WORDS_MAX && rule->not [i]; i++)
		if (strcasestr(s, rule->not [i]))
			return false;
	return true;
}

const char *
matching_find(const char *const *list, enum meaning meaning)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		for (size_t k = 0; rules[i].meaning == meaning && list && list[k]; k++)
			if (fits(&rules[i], list[k]))
				return list[k];
	return NULL;
}
