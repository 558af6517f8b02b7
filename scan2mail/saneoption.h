/*
 * saneoption: one option of a scanner, as SANE has it (SANE 4.3.5, 4.3.7).
 *
 * Setting an option may change every other one, so an option is looked up anew each time
 * that it is used. What a driver's constraint says is kept; what it does not say is the
 * driver's to round or to refuse. Runs in the scanning child.
 */
#ifndef POSTROOM_SANEOPTION_H
#define POSTROOM_SANEOPTION_H

#include <stdbool.h>

#include <sane/sane.h>

#include "lib/base/buf.h"
#include "scan2mail/matching.h"

enum {
	SANEOPTION_TEXT_MAX = 4096, /* bytes of an option's text */
};

/* number is 0 when there is none; about is the driver's. */
struct saneoption {
	SANE_Handle handle;
	SANE_Int number;
	const SANE_Option_Descriptor *about;
};

union saneoption_value {
	SANE_Word word;
	char text[SANEOPTION_TEXT_MAX + 1];
};

/* How many there are, with option 0. */
SANE_Int saneoption_count(SANE_Handle handle);
struct saneoption saneoption_at(SANE_Handle handle, SANE_Int number);
/* The one whose name fits a meaning best (matching.h): of those that are active and that
 * software may set, or of all. */
struct saneoption saneoption_find(SANE_Handle handle, enum meaning name);
struct saneoption saneoption_find_any(SANE_Handle handle, enum meaning name);
/* By the driver's name; case, '-' and '_' are alike where no name is the same. */
struct saneoption saneoption_named(SANE_Handle handle, const char *name);
bool saneoption_is_usable(const struct saneoption *o);
bool saneoption_same_name(const char *a, const char *b);

/* The words that it may have; NULL: it has no list of them. */
const char *const *saneoption_words(const struct saneoption *o);
/* The word that it has although nobody can choose; NULL: it does not say. */
const char *saneoption_only_word(const struct saneoption *o);
/* Whether it is one number. */
bool saneoption_is_number(const struct saneoption *o);
bool saneoption_is_switch(const struct saneoption *o);

/* Numbers in the option's unit. */
double saneoption_from_word(const struct saneoption *o, SANE_Word word);
enum saneoption_rounding {
	SANEOPTION_NEAREST,
	SANEOPTION_ENOUGH, /* not less, where there is such a value */
	SANEOPTION_AS_IS,  /* whatever the constraint says */
};
SANE_Word saneoption_to_word(
    const struct saneoption *o, double value, enum saneoption_rounding rounding);
/* The smallest or largest value; 0 where nothing is said. */
double saneoption_bound(const struct saneoption *o, bool largest);
/* Whether the constraint has exactly this value. */
bool saneoption_allows(const struct saneoption *o, SANE_Word word);

/* Appends what it may be: "yes, no", "75, 150, 300", "50 to 1200", "Flatbed, ADF". */
void saneoption_put_allowed(struct buf *out, const struct saneoption *o);
void saneoption_put_number(struct buf *out, double value);

/* The value as it is; false: it cannot be read. */
bool saneoption_read(const struct saneoption *o, union saneoption_value *out);
/* Sets it; *value becomes what the scanner made of it. */
SANE_Status saneoption_write(const struct saneoption *o, union saneoption_value *value);

#endif
