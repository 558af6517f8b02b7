/*
 * fault: a SANE backend for tests: a scanner that does duplex, odd sizes and buttons, and
 * that jams, lies, hangs or crashes where its scenario says so.
 *
 * libsane's dll backend finds it in LD_LIBRARY_PATH and calls it by sane_fault_NAME().
 * Its files are in SANE_CONFIG_DIR: fault.conf, the scenario (scenario.h);
 * fault.buttons/, a file for each button that is pressed (knobs.c); fault.log, which gets
 * a line for each call; fault.gone, while the scanner is unplugged. Of a scanner fault:N
 * other than fault:0 they are called fault.N.conf and so on.
 */
#ifndef POSTROOM_TESTS_FAULT_H
#define POSTROOM_TESTS_FAULT_H

#include <stdbool.h>
#include <stddef.h>

#include <sane/sane.h>

#include "tests/sane/scenario.h"

enum {
	KNOBS_MAX = 48,
	TEXT_SIZE = 256,
	WORDS_MAX = 32,
	PATH_SIZE = 4096,
};

/* How an option's value comes about. */
enum knob_kind {
	KNOB_PLAIN,   /* it is what was set */
	KNOB_LEVEL,   /* as the button is */
	KNOB_LATCHED, /* once pressed, until the scanner is closed (pixma) */
	KNOB_CLEARED, /* pressed until it is read (avision, rts8891) */
	KNOB_SAMPLED, /* as it was when the first of its kind was read (plustek) */
};

struct knob {
	SANE_Option_Descriptor about;
	enum knob_kind kind;
	SANE_Word word;
	char text[TEXT_SIZE];
	char name[TEXT_SIZE];
	char listed[TEXT_SIZE]; /* what strings[] points into */
	SANE_String_Const strings[WORDS_MAX];
	SANE_Word words[WORDS_MAX];
	SANE_Range range;
};

struct scanner {
	char name[32];
	struct scenario scenario;
	struct knob knob[KNOBS_MAX];
	size_t knobs;
	int lock; /* a file: who has the scanner open has it locked */

	bool scanning, cancelled;
	bool ran_out; /* of sheets: sane_start() said so */
	size_t stack; /* of sheets, that is in the feeder */
	int fed;      /* pages of this stack */
	int page;     /* since the scanner was opened, from 1 */
	size_t plane; /* of a page in three frames */
	SANE_Parameters parameters;
	size_t total, offset; /* bytes of this frame */
	bool met_middle, met_start;
	unsigned reads;
	unsigned char *line;
	int band; /* that line shows; -1: none */
};

/* -- fault.c ----------------------------------------------------------------------*/

/* A line of the log; s may be NULL. */
void fault_log(const struct scanner *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* SANE_CONFIG_DIR/fault.SUFFIX of this scanner. */
void fault_path(char out[PATH_SIZE], const char *name, const char *suffix);
bool fault_is_gone(const struct scanner *s);

/* -- knobs.c ----------------------------------------------------------------------*/

void knobs_make(struct scanner *s);
/* An option's text, or its number, or `otherwise` where it has none of this name. */
const char *knobs_text(const struct scanner *s, const char *name, const char *otherwise);
double knobs_number(const struct scanner *s, const char *name, double otherwise);
SANE_Status knobs_control(
    struct scanner *s, SANE_Int option, SANE_Action action, void *value, SANE_Int *info);

/* -- picture.c --------------------------------------------------------------------*/

/* What the next page, or its next plane, is like; and how many bytes it really has. */
void picture_begin(struct scanner *s);
/* Copies bytes of it from s->offset on. */
void picture_copy(struct scanner *s, unsigned char *out, size_t len);

#endif
