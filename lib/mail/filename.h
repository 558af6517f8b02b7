/*
 * filename: names of attachments that no receiving system can stumble over.
 */
#ifndef POSTROOM_FILENAME_H
#define POSTROOM_FILENAME_H

#include "lib/base/status.h"

enum {
	FILENAME_MAX_BYTES = 120, /* UTF-8, with the extension */
	FILENAME_EXTENSION_MAX = 15,
	FILENAME_SUFFIX_MAX = 31,
};

/* A malloc'ed name from text (a title, a document's name) and an extension ("pdf", no
 * dot): the directories of a path or URL, control characters and \ / : * ? " < > | are
 * taken out (a slash inside a title, "Invoice 12/2026", separates as a blank), blanks
 * joined, leading dots and trailing dots and blanks removed, names of Windows devices
 * (CON, NUL, COM1 …) prefixed with '_', cut at a whole character. An extension that names
 * a document's type (.txt .odt .docx .pdf .png …, a table in filename.c), or is the same,
 * is replaced; any other stays part of the name. An empty rest becomes "document". NULL
 * without memory. */
char *filename_clean(const char *text, const char *extension);

/* A malloc'ed copy of such a name with a suffix ("-2") between stem and extension; the
 * stem is cut so that the suffix stays whole. Longer suffixes than FILENAME_SUFFIX_MAX
 * are cut. NULL without memory. */
char *filename_with(const char *name, const char *suffix);

/* A malloc'ed printable-ASCII form for filename=: umlauts and accents of Latin letters
 * are spelled out or dropped (ä → ae, é → e), anything else becomes '_'. */
char *filename_ascii(const char *name);

#endif
