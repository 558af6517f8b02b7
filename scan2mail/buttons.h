/*
 * buttons: when a value that a scanner shows is a press.
 *
 * Pure: values and the time go in, what they mean comes out. A button is pressed when its
 * value begins to match. What matches at the first look does not count: some drivers keep
 * a press from long ago. A button with a pause is one that paper presses: its value must
 * stand.
 */
#ifndef POSTROOM_BUTTONS_H
#define POSTROOM_BUTTONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BUTTONS_DEBOUNCE_MS = 2000, /* a second press within it does not count */
};

struct button_rule {
	const char *value; /* a pattern (fnmatch(3)), letters alike in either case; "":
			      any but "" and "0" */
	int64_t pause_ms;  /* how long the value must match before it counts */
};

/* All zero: not looked at yet. */
struct button_state {
	bool known;    /* it has been looked at */
	bool matches;  /* at the last look */
	bool waits;    /* it began to match at `since`, and the pause is not over */
	bool pressed;  /* ever, at `since` */
	int64_t since; /* ms */
};

enum button_event {
	BUTTON_NOTHING,
	BUTTON_PRESSED,
	BUTTON_STANDS,  /* it matches at the first look: no press */
	BUTTON_BOUNCES, /* too soon after the last press: none */
};

/* Whether a value is one that the settings mean by "value = PATTERN"; "": any but off. */
bool button_matches(const char *pattern, const char *value);

/* Takes the value of a look at `now` (ms, any origin); NULL: it could not be read, which
 * changes nothing. */
enum button_event button_look(struct button_state *state, const struct button_rule *rule,
    const char *value, int64_t now);
/* Forgets what the value was, so that the next look is the first one; when it was pressed
 * is not forgotten. */
void button_rebase(struct button_state *state);

#endif
