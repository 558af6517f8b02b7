/*
 * scenario: what the scanner of the tests does, as lines of "key value".
 *
 * - devices N: that sane_get_devices() lists (1)
 * - pages N|N...: sheets' sides in the feeder; the next stack lies there when the one
 *   before ran out and sane_cancel() was called (3); refill yes: again and again
 * - source A|B... (Flatbed|ADF|ADF Duplex), mode A|B... (Lineart|Gray|Color)
 * - depth N|N... (8), resolution N..N or N|N... (50..600)
 * - width, height MM: of the glass (210, 297); sizes WxH|WxH...: of each page in turn
 * - missing A|B...: options that it has not; inactive A|B...: that are not active
 * - unit pixel: of the area, which is mm; page-size yes: page-width and -height
 * - split-resolution yes: x-resolution and y-resolution in the place of resolution
 * - inexact N: resolutions are rounded down to multiples of N
 * - reload-loop yes: each number that is set becomes another, and all is to be reloaded
 * - lines -1: the height is not known; padding N: bytes after each line
 * - three-pass RGB: colour comes in frames, in this order; short-plane G: one that has
 *   half the lines
 * - read-max N: bytes of a sane_read(); read-zero yes: each other one gives none;
 *   read-delay MS: before each sane_read()
 * - zero-page K has no bytes; short-page K: half of what it says; long-page K: more
 * - fault-at PHASE says fault-status NAME, fault-times N (always)
 * - hang PHASE, crash PHASE, exit PHASE: the driver does not return, crashes, ends the
 *   process; deaf yes: and no signal interrupts it
 * - fault-page K: the page of that (1)
 * - busy N: times that sane_open(), or busy-at start, says DEVICE_BUSY
 * - shared yes: more than one may have it open
 * - button KIND TYPE NAME: KIND level, latched, cleared, sampled; TYPE bool, int, string
 *
 * PHASE: init, devices, open, control, parameters, start, first-read, read (in the middle
 * of the page), end (in the place of EOF), cancel, close, exit.
 */
#ifndef POSTROOM_TESTS_SCENARIO_H
#define POSTROOM_TESTS_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>

enum {
	SCENARIO_MAX = 64,
	SCENARIO_KEY = 32,
	SCENARIO_VALUE = 256,
};

struct scenario {
	struct {
		char key[SCENARIO_KEY];
		char value[SCENARIO_VALUE];
	} line[SCENARIO_MAX];
	size_t lines;
};

/* A file that is not there is an empty scenario. */
void scenario_read(struct scenario *s, const char *path);

/* The values of a key; `otherwise` when it has none. */
const char *scenario_text(
    const struct scenario *s, const char *key, const char *otherwise);
double scenario_number(const struct scenario *s, const char *key, double otherwise);
bool scenario_is(const struct scenario *s, const char *key, const char *value);
/* Whether item is one of the value's, which are divided by "|". */
bool scenario_has(const struct scenario *s, const char *key, const char *item);
/* The nth item, from 0, the last one for any n behind it. Whether n was there. */
bool scenario_item(const char *list, size_t n, char out[SCENARIO_VALUE]);

#endif
