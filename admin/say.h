/*
 * say: what a command tells and asks its administrator. All of it is cleaned (text.h):
 * parts of it come from servers and settings.
 */
#ifndef POSTROOM_ADMIN_SAY_H
#define POSTROOM_ADMIN_SAY_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/status.h"

enum {
	SAY_MAX = 8192, /* bytes of what is said in one line; longer ones are cut */
	ASK_MAX = 512,  /* bytes of an answer, with the NUL */
};

/* A line on standard output, there at once. */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

/* Asks on the terminal for one line; an empty answer gives `initial`, where that is not
 * NULL. STATUS_INVALID: standard input is no terminal, or ends, or the answer is empty,
 * too long or no plain line of text. */
enum status ask(
    char answer[ASK_MAX], const char *question, const char *initial, struct error *e);

/* Whether the terminal on standard output shows UTF-8, and has so many columns. */
bool say_has_room(unsigned columns);

#endif
