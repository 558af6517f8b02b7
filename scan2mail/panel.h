/*
 * panel: setting the options of a scanner until all of them stand (controls.h).
 *
 * An option may undo another one, so all of them are gone through again: in later rounds
 * only what has changed since is set. Runs in the scanning child.
 */
#ifndef POSTROOM_PANEL_H
#define POSTROOM_PANEL_H

#include <stdbool.h>

#include <sane/sane.h>

#include "lib/base/list.h"
#include "lib/base/status.h"
#include "scan2mail/saneoption.h"

enum {
	PANEL_NOTES_MAX = 128, /* options that are set */
	PANEL_VALUE_MAX = 128, /* bytes of a value that are compared */
	PANEL_NAME_MAX = 64,
};

/* An option that was set, to what, and what the scanner made of it. */
struct panel_note {
	SANE_Int number;
	unsigned round;
	char sent[PANEL_VALUE_MAX], taken[PANEL_VALUE_MAX];
};

struct panel {
	SANE_Handle handle;
	const struct pairs *own;     /* the driver's own options that are wanted */
	unsigned round;              /* from 0 */
	bool moved;                  /* something was set in this round */
	char undone[PANEL_NAME_MAX]; /* a word or switch that was, in a later round */
	struct panel_note note[PANEL_NOTES_MAX];
	size_t notes;
};

/* Each sets one option; *taken, which may be NULL, is what the scanner has made of it.
 * STATUS_INVALID: it refuses, and the sentence says what is allowed. */
enum status panel_set_text(
    struct panel *p, const struct saneoption *o, const char *text, struct error *e);
enum status panel_set_switch(
    struct panel *p, const struct saneoption *o, bool on, bool *taken, struct error *e);
enum status panel_set_word(struct panel *p, const struct saneoption *o, SANE_Word word,
    double *taken, struct error *e);

/* The value that the request has for this option by its name; NULL: none. */
const char *panel_own(const struct panel *p, const struct saneoption *o);
/* Sets it from text, by the option's type. */
enum status panel_set_own(
    struct panel *p, const struct saneoption *o, const char *text, struct error *e);
/* Sets all own options that this round has not set yet. STATUS_INVALID also: no such
 * option, or it is not active; the sentence names those that are. */
enum status panel_set_rest(struct panel *p, struct error *e);

#endif
