/*
 * settings: an INI file read through libinih against a table.
 *
 * The table is the only place that knows a key: its section, type, range, default and
 * help stand in one row. What the table does not know is refused with file, line and what
 * is allowed; so are sections and keys that come twice, NUL bytes, control characters and
 * text that is not UTF-8. Comments start with ';' (also behind a value, after a blank) or
 * '#' (at the start of a line). A value is one line; there is no continuation. In a
 * section's head a ']' inside of double quotes does not end it.
 *
 * A sentence never quotes a value: people paste passwords into the wrong line.
 */
#ifndef POSTROOM_SETTINGS_H
#define POSTROOM_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/status.h"

enum {
	SETTINGS_FILE_MAX = 1024 * 1024, /* bytes of a settings file */
	SETTINGS_LINE_MAX = 8192,        /* bytes of a line, without its line feed */
	SETTINGS_HEAD_MAX = 600,         /* bytes between [ and ] */
};

/* Where a section stands, and what was wrong in it. */
struct settings_place {
	unsigned line;   /* of its head */
	unsigned faults; /* told of its lines (struct settings_text, `fault`) */
};

enum setting_type {
	SETTING_TEXT,   /* char *, UTF-8 without control characters */
	SETTING_PATH,   /* char *, absolute, or empty */
	SETTING_NUMBER, /* uint64_t */
	SETTING_SIZE,   /* uint64_t bytes: digits with K, M or G (powers of 1024) */
	SETTING_TIME,   /* uint64_t seconds: digits with s, m, h or d */
	SETTING_CHOICE, /* int, the index in choices */
	SETTING_OWN,    /* whatever `parse` makes of the text */
};

struct setting {
	const char
	    *section; /* first word of the section's head: "account" for [account NAME] */
	const char *name; /* the key, in which the file may write '-' for '_'; with '.' as
			     its end: any key that begins so; NULL: any key of this
			     section (a section of pairs) */
	enum setting_type type;
	size_t offset;     /* of the field in the section's struct */
	uint64_t min, max; /* for numbers, sizes, times; for texts: bytes (max 0: any) */
	const char *initial; /* the default, as it would stand in the file; NULL: none */
	const char *const *choices; /* NULL-terminated, for SETTING_CHOICE */
	/* For texts, or NULL: the sentence says what is allowed. */
	enum status (*check)(const char *text, struct error *e);
	/* For SETTING_OWN: sets the field from text; the sentence says what is allowed.
	 */
	enum status (*parse)(
	    void *field, const char *key, const char *text, struct error *e);
	const char *help; /* one line for man page and `postroom check` */
};

struct section {
	const char *kind; /* first word of the head */
	bool named;       /* [kind NAME] is wanted, else [kind] alone */
	bool many;        /* a name may come several times, a section each */
	/* The struct that the rows' offsets count from, for this section; made at its
	 * head. NULL with e set: refused (a second section of one name, too many). */
	void *(*open)(void *target, const char *name, struct error *e);
	/* Offset of a struct settings_place in that struct, for this section; 0: none
	 * (so it cannot be the first member). */
	size_t place;
};

struct schema {
	const struct section *sections; /* ends with a NULL kind */
	const struct setting *settings; /* ends with a NULL section */
};

/* Whether the len bytes at key are this name as people write it, '-' for '_' too. */
bool settings_is_name(const char *name, const char *key, size_t len);

/* Sets each field of base that belongs to section `kind` to its row's default. */
enum status settings_defaults(
    const struct schema *schema, const char *kind, void *base, struct error *e);

/* Frees the texts and paths of base that belong to section `kind`; not SETTING_OWN. */
void settings_clear(const struct schema *schema, const char *kind, void *base);

struct settings_text {
	const char *path; /* for the sentences */
	const char *bytes;
	size_t len;
	/* NULL: the first fault ends the reading. Otherwise it is called with each fault,
	 * in the order of their lines, and the reading goes on behind it. */
	void (*fault)(void *context, const char *sentence);
	void *context;
};

/* Reads a settings file's text. Sections are opened on target. STATUS_SETTINGS: the text
 * is "PATH:LINE: what is wrong; what is allowed". With `fault` that sentence goes there
 * and the status is STATUS_OK: fields whose lines were wrong have their defaults, and a
 * section whose head was refused is passed over. */
enum status settings_parse(const struct schema *schema, void *target,
    const struct settings_text *text, struct error *e);

#endif
