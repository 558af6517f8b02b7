/*
 * matching: what a scanner's own words mean.
 *
 * Drivers name their sources and modes as they like ("ADF Front", "Automatic Document
 * Feeder(left aligned,Duplex)", "24bit Color[Fast]"), and many of their options too. One
 * table of what they use, letters alike in either case, tells what is meant.
 */
#ifndef POSTROOM_MATCHING_H
#define POSTROOM_MATCHING_H

enum meaning {
	/* Sources. */
	MEANING_FLATBED,
	MEANING_FEEDER, /* one side */
	MEANING_DUPLEX, /* both sides; also of OPTION_SIDES */
	/* Modes. */
	MEANING_COLOR,
	MEANING_GRAY,
	MEANING_BILEVEL,
	/* Values of other options. */
	MEANING_SIMPLEX,    /* of OPTION_SIDES */
	MEANING_CONTINUOUS, /* of OPTION_BATCH: sheet by sheet until the feeder is empty
			     */
	MEANING_SINGLE,     /* of OPTION_BATCH */
	MEANING_FREE_SIZE,  /* of OPTION_SHEET: the area is set by numbers */
	/* Names of options. */
	OPTION_SOURCE,
	OPTION_MODE,
	OPTION_GRAY,  /* instead of modes: a switch */
	OPTION_SIDES, /* of a sheet: a switch, or words */
	OPTION_BATCH, /* whether the feeder goes on: a switch, or words */
	OPTION_RESOLUTION,
	OPTION_X_RESOLUTION,
	OPTION_Y_RESOLUTION,
	OPTION_DEPTH,
	OPTION_SHEET, /* a size of paper by name */
	OPTION_PAGE_WIDTH,
	OPTION_PAGE_HEIGHT,
	OPTION_LEFT,
	OPTION_TOP,
	OPTION_RIGHT,
	OPTION_BOTTOM,
	OPTION_FEEDS, /* shows that there is a feeder, where no source tells */
	MEANING_NONE,
};

/* How well a string fits a meaning: the place of its row in the table, the lower the
 * better; -1: not at all. */
int matching_rank(const char *s, enum meaning meaning);

/* The string of a NULL-terminated list that fits best; the first of those that fit alike;
 * NULL when none does. list may be NULL. */
const char *matching_find(const char *const *list, enum meaning meaning);

#endif
