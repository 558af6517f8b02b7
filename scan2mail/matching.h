/*
 * matching: which of a scanner's own words means what.
 *
 * Drivers name their sources and modes as they like ("ADF Front", "Automatic Document
 * Feeder(left aligned,Duplex)", "24bit Color[Fast]"). A table of substrings, letters
 * alike in either case, finds the one that is meant.
 */
#ifndef POSTROOM_MATCHING_H
#define POSTROOM_MATCHING_H

enum meaning {
	MEANING_FLATBED,
	MEANING_FEEDER, /* one side */
	MEANING_DUPLEX, /* both sides */
	MEANING_COLOR,
	MEANING_GRAY,
	MEANING_BILEVEL,
};

/* The string of a NULL-terminated list that has this meaning; NULL when none has. list
 * may be NULL. */
const char *matching_find(const char *const *list, enum meaning meaning);

#endif
