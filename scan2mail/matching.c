/* matching: what a scanner's own words mean (matching.h). */
#include "scan2mail/matching.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum {
	NOT_MAX = 4,
};

/* A meaning, a word that stands for it in a string ("=": that is the string), and words
 * that must not stand there. Of one meaning, the upper row is the better one. */
static const struct rule {
	enum meaning meaning;
	const char *word;
	const char * not [NOT_MAX];
} rules[] = {
	{ MEANING_FLATBED, "flatbed", { NULL } },
	{ MEANING_FLATBED, "flat bed", { NULL } },
	{ MEANING_FLATBED, "document table", { NULL } },
	{ MEANING_FLATBED, "platen", { NULL } },
	{ MEANING_FLATBED, "=fb", { NULL } },
	{ MEANING_FLATBED, "=normal", { NULL } },
	{ MEANING_FEEDER, "adf", { "duplex", "back" } },
	{ MEANING_FEEDER, "feeder", { "duplex", "both" } },
	{ MEANING_DUPLEX, "duplex", { "card", "short" } },
	{ MEANING_DUPLEX, "duplex", { "card" } },
	{ MEANING_DUPLEX, "both sides", { NULL } },
	{ MEANING_COLOR, "color", { "lineart", "halftone", "48 bit" } },
	{ MEANING_COLOR, "colour", { NULL } },
	{ MEANING_GRAY, "gray", { "diffusion", "16 bit" } },
	{ MEANING_GRAY, "grey", { NULL } },
	{ MEANING_BILEVEL, "lineart", { "color" } },
	{ MEANING_BILEVEL, "line art", { NULL } },
	{ MEANING_BILEVEL, "black & white", { NULL } },
	{ MEANING_BILEVEL, "black and white", { NULL } },
	{ MEANING_BILEVEL, "monochrome", { NULL } },
	{ MEANING_BILEVEL, "binary", { NULL } },

	{ MEANING_SIMPLEX, "simplex", { NULL } },
	{ MEANING_CONTINUOUS, "=continuous", { NULL } },
	{ MEANING_SINGLE, "=single", { NULL } },
	{ MEANING_FREE_SIZE, "=user_def", { NULL } },
	{ MEANING_FREE_SIZE, "=manual", { NULL } },

	{ OPTION_SOURCE, "=source", { NULL } },
	{ OPTION_SOURCE, "=doc-source", { NULL } },
	{ OPTION_MODE, "=mode", { NULL } },
	{ OPTION_GRAY, "=gray", { NULL } },
	{ OPTION_SIDES, "=adf-mode", { NULL } },
	{ OPTION_SIDES, "=adf_mode", { NULL } },
	{ OPTION_SIDES, "=ScanMode", { NULL } },
	{ OPTION_SIDES, "=duplex", { NULL } },
	{ OPTION_SIDES, "=scan-both-sides", { NULL } },
	{ OPTION_BATCH, "=batch-scan", { NULL } },
	{ OPTION_BATCH, "=adf-auto-scan", { NULL } },
	{ OPTION_BATCH, "=feeder-mode", { NULL } },
	{ OPTION_RESOLUTION, "=resolution", { NULL } },
	{ OPTION_RESOLUTION, "=scan-resolution", { NULL } },
	{ OPTION_X_RESOLUTION, "=x-resolution", { NULL } },
	{ OPTION_Y_RESOLUTION, "=y-resolution", { NULL } },
	{ OPTION_DEPTH, "=depth", { NULL } },
	{ OPTION_SHEET, "=paper-size", { NULL } },
	{ OPTION_SHEET, "=scan-area", { NULL } },
	{ OPTION_PAGE_WIDTH, "=page-width", { NULL } },
	{ OPTION_PAGE_HEIGHT, "=page-height", { NULL } },
	{ OPTION_LEFT, "=tl-x", { NULL } },
	{ OPTION_TOP, "=tl-y", { NULL } },
	{ OPTION_RIGHT, "=br-x", { NULL } },
	{ OPTION_BOTTOM, "=br-y", { NULL } },
	{ OPTION_FEEDS, "=page-loaded", { NULL } },
	{ OPTION_FEEDS, "=feeder-mode", { NULL } },
	{ OPTION_FEEDS, "=duplex", { NULL } },
};

static bool
fits(const struct rule *rule, const char *s)
{
	if (rule->word[0] == '=')
		return strcasecmp(s, rule->word + 1) == 0;
	if (!strcasestr(s, rule->word))
		return false;
	for (size_t i = 0; i < NOT_MAX && rule->not [i]; i++)
		if (strcasestr(s, rule->not [i]))
			return false;
	return true;
}

int
matching_rank(const char *s, enum meaning meaning)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].meaning == meaning && fits(&rules[i], s))
			return (int)i;
	return -1;
}

const char *
matching_find(const char *const *list, enum meaning meaning)
{
	const char *best = NULL;
	int best_rank = -1;

	for (size_t i = 0; list && list[i]; i++) {
		int rank = matching_rank(list[i], meaning);

		if (rank >= 0 && (!best || rank < best_rank)) {
			best = list[i];
			best_rank = rank;
		}
	}
	return best;
}
