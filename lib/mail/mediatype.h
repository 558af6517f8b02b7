/*
 * mediatype: what a document is, by its first bytes (libmagic); what a client claims is
 * not believed. The only file that includes magic.h is mediatype.c.
 */
#ifndef POSTROOM_MEDIATYPE_H
#define POSTROOM_MEDIATYPE_H

#include <stddef.h>

#include "lib/base/status.h"

enum {
	MEDIATYPE_SAMPLE = 64 * 1024, /* first bytes that are looked at */
};

struct mediatype {
	char type[128]; /* "application/pdf"; application/octet-stream where nothing is
			   known */
	char extension[16]; /* "pdf", without the dot; "bin" where nothing is known */
};

/* STATUS_REFUSED: an executable (ELF, PE, Mach-O, Java class, script with #!, MSI,
 * shortcut) or no bytes at all; the sentence says which. STATUS_SETTINGS: libmagic finds
 * no database. */
enum status mediatype_detect(
    struct mediatype *out, const void *sample, size_t len, struct error *e);

#endif
