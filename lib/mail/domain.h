/*
 * domain: names of mail domains, as DNS and SMTP want them.
 *
 * RFC 5890 (international names become A-labels by libidn2), RFC 1123 2.1 (letters,
 * digits and '-'; labels of at most 63), RFC 5321 4.5.3.1.2. A name of one label is
 * taken: a relay of the house may know it. Address literals are not.
 */
#ifndef POSTROOM_DOMAIN_H
#define POSTROOM_DOMAIN_H

#include "lib/base/buf.h"
#include "lib/base/status.h"

enum {
	DOMAIN_MAX = 255,
};

/* The domain as A-labels in lower case, appended to out. STATUS_INVALID with a sentence
 * that quotes it (cleaned, cut); STATUS_RETRY without memory. */
enum status domain_to_ascii(struct buf *out, const char *domain, struct error *e);

#endif
