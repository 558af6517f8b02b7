/* buttons: when a value that a scanner shows is a press (buttons.h). */
#include "scan2mail/buttons.h"

#include <fnmatch.h>
#include <string.h>

bool
button_matches(const char *pattern, const char *value)
{
	if (!*pattern)
		return *value && strcmp(value, "0") != 0;
	return fnmatch(pattern, value, FNM_CASEFOLD) == 0;
}

static enum button_event
press(struct button_state *s, int64_t now)
{
	s->waits = false;
	s->pressed = true;
	s->since = now;
	return BUTTON_PRESSED;
}

/* The value begins to match. A pause is a debounce by itself: paper that is put in again
 * is waited for again. */
static enum button_event
begin(struct button_state *s, const struct button_rule *rule, int64_t now)
{
	if (rule->pause_ms == 0 && s->pressed && now - s->since < BUTTONS_DEBOUNCE_MS)
		return BUTTON_BOUNCES;
	if (rule->pause_ms == 0)
		return press(s, now);
	s->waits = true;
	s->since = now;
	return BUTTON_NOTHING;
}

enum button_event
button_look(struct button_state *s, const struct button_rule *rule, const char *value,
    int64_t now)
{
	bool before = s->matches, first = !s->known;

	if (!value)
		return BUTTON_NOTHING;
	s->known = true;
	s->matches = button_matches(rule->value, value);
	if (!s->matches)
		return BUTTON_NOTHING;
	if (first)
		return BUTTON_STANDS;
	if (!before)
		return begin(s, rule, now);
	if (s->waits && now - s->since >= rule->pause_ms)
		return press(s, now);
	return BUTTON_NOTHING;
}

void
button_rebase(struct button_state *s)
{
	s->known = s->matches = s->waits = false;
}
