/*
 * amend: keys of one section of a settings file's text (settings.h) are set, added or
 * taken out; every other byte stays as it is: comments, order, blanks, line ends. Pure.
 *
 * The text should be one that settings_parse() takes; what comes out of one that it does
 * not take, it does not take either, or it is as little changed. Whoever writes the
 * result parses it first.
 */
#ifndef POSTROOM_AMEND_H
#define POSTROOM_AMEND_H

#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/status.h"

enum {
	AMEND_KEYS_MAX = 16, /* keys that are changed at a time */
};

struct amendment {
	const char *key;
	const char *value; /* NULL: the key's line is taken out, where there is one */
};

struct amend_section {
	const char *kind; /* "account" */
	const char *name; /* "office365"; NULL: a section without a name */
};

/* Appends the text with the keys changed. A key that stands there keeps its place, its
 * way of writing and its comment; a new one comes behind the section's last key, indented
 * as that one. STATUS_INVALID: the section is not there, or a value would not be read
 * back as it is; STATUS_RETRY: out is over. */
enum status amend_text(struct buf *out, const struct buf *text,
    const struct amend_section *section, const struct amendment *changes,
    struct error *e);

#endif
