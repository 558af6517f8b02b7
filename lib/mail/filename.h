/*
 * filename: names of attachments that no receiving system can stumble over.
 */
#ifndef POSTROOM_FILENAME_H
#define POSTROOM_FILENAME_H

#include "lib/base/status.h"

enum {
	FILENAME_MAX_BYTES = 120, /* UTF-8, with the extension */
};

/* A malloc'ed name from text (a title, a document's name) and an extension ("pdf", no
 * dot): path parts, control characters and \ / : * ? " < > | are taken out, blanks
 * joined, leading dots and trailing dots and blanks removed, names of Windows devices
 * (CON, NUL, COM1 …) prefixed with '_', cut at a whole character. An extension that names
 * a document's type (.txt .odt .docx .pdf .png …, a table in filename.c) is replaced; any
 * other stays part of the name. An empty rest becomes "document". NULL without memory. */
char *filename_clean(const char *text, const char *extension);

/* A malloc'ed printable-ASCII form for filename=: umlauts and accents of Latin letters
 * are spelled out or dropped (ä → ae, é → e), anything else becomes '_'. */
char *filename_ascii(const char *name);

#endif
