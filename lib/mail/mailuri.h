/*
 * mailuri: mailto: URIs (RFC 6068).
 *
 * Percent-encoding is decoded once, into UTF-8; '+' and '#' stand for themselves. Decoded
 * control bytes are refused in every field but body, where line breaks (%0D%0A) become
 * LF.
 */
#ifndef POSTROOM_MAILURI_H
#define POSTROOM_MAILURI_H

#include "lib/base/status.h"

enum {
	MAILURI_MAX = 16 * 1024, /* bytes of a URI */
};

/* malloc'ed texts, NULL where the URI says nothing, or nothing but "name="; `to` joins
 * path and to=. */
struct mailuri {
	char *to, *cc, *bcc, *subject, *body;
	char *account, *filename; /* ours */
};

/* Parses "mailto:[to][?hfield=value&…]"; fields in either case; a second cc, bcc or to is
 * joined with a comma, any other field given twice is refused. A field it does not know
 * is refused with the list of those that it knows. STATUS_INVALID or STATUS_RETRY. The
 * addresses are not parsed. */
enum status mailuri_parse(struct mailuri *out, const char *uri, struct error *e);
void mailuri_clear(struct mailuri *u);

#endif
