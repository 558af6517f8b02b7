/*
 * log: the one door for text that leaves a program on its standard error.
 *
 * Every line goes through one cleaner (text.h, TEXT_LINE) and is at most LOG_LINE_MAX
 * bytes, so that nothing a stranger wrote can start a line of its own. CUPS reads a
 * backend's standard error as commands (filter(7)): STATE:, ATTR:, PAGE: are written by
 * their own functions. A line that cannot be written is lost; logging never fails and
 * never raises SIGPIPE.
 */
#ifndef POSTROOM_LOG_H
#define POSTROOM_LOG_H

#include <stdbool.h>

enum {
	LOG_LINE_MAX = 1000, /* bytes of a line; cupsd splits beyond 2047 */
};

enum log_style {
	LOG_CUPS,  /* "ERROR: text", for cupsd */
	LOG_PLAIN, /* "program: text", for a person; log_state() and its like write
		      nothing */
};

enum log_level {
	LEVEL_DEBUG,
	LEVEL_INFO,
	LEVEL_WARNING,
	LEVEL_ERROR,
};

/* Sets the style, and for LOG_PLAIN the name before each line (kept, not copied). Lines
 * below `least` are not written. Until the first call: LOG_PLAIN, "postroom", LEVEL_INFO.
 */
void log_open(enum log_style style, const char *program, enum log_level least);

void log_message(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The queue's state reasons: "+connecting-to-device", "-connecting-to-device" (RFC
 * 8011 5.4.12); the keyword is checked: letters, digits, '-', '.', one leading sign; else
 * nothing is written. */
void log_state(const char *keyword);
/* Pages for CUPS's accounting: "PAGE: total N", which cupsd takes as the least that the
 * job had: filters that count pages themselves are not counted twice. */
void log_pages(unsigned total);

#endif
