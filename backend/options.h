/*
 * options: the fifth argument of a backend, as three generations of cupsd write it.
 *
 * Up to 2.4.16 and from 2.4.20 cupsd escapes blanks in values with a backslash; 2.4.17
 * to 2.4.19 do not, so that `mail-subject=Hello world sides=one-sided` has to be read
 * with a list of the names that can start an option. `\`, `'` and `"` are escaped by all
 * of them.
 */
#ifndef POSTROOM_OPTIONS_H
#define POSTROOM_OPTIONS_H

#include "lib/base/list.h"
#include "lib/base/status.h"

enum {
	OPTION_VALUE_MAX = 16 * 1024, /* bytes of one value */
};

enum options_style {
	OPTIONS_ESCAPED, /* a bare blank ends a value */
	OPTIONS_BARE,    /* a bare blank ends a free text only before a known `name=` */
};

/* The style of a server, by its SOFTWARE variable ("CUPS/2.4.18"); NULL is ESCAPED. */
enum options_style options_style(const char *software);

/* Appends all options in order; `name` alone has the value "true", `noname` of a known
 * name "false". STATUS_INVALID: a value is over OPTION_VALUE_MAX, the sentence names it.
 */
enum status options_parse(
    struct pairs *out, const char *text, enum options_style style, struct error *e);

/* The value of the last option of this name, in either case; NULL when there is none or
 * it is empty. */
const char *options_get(const struct pairs *options, const char *name);

#endif
