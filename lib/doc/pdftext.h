/*
 * pdftext: text strings of a PDF (ISO 32000-1 7.9.2.2).
 */
#ifndef POSTROOM_PDFTEXT_H
#define POSTROOM_PDFTEXT_H

#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/status.h"

/* Copies a text into *out, which is freed before, cleaned as a line (text.h) and cut at
 * max bytes before that. STATUS_RETRY: no memory. */
enum status pdftext_keep(char **out, const char *text, size_t max, struct error *e);
/* Appends an entry of a dictionary: a text that was kept, as UTF-16 in hexadecimal, which
 * needs no escapes; at most four bytes for each of the text, and those of the key. */
void pdftext_put(struct buf *b, const char *key, const char *text);

#endif
