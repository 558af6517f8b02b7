/*
 * catalog: which scanners there are, and what they can do.
 *
 * Searching takes SANE seconds to a minute, as it asks the network too. So what a search
 * has found is kept in the user's state folder (statedir.h), and looked at quickly later:
 * each scanner is opened in a process of its own, all at one time, within a bound.
 */
#ifndef POSTROOM_CATALOG_H
#define POSTROOM_CATALOG_H

#include <stdbool.h>

#include "lib/account/config.h"
#include "lib/base/buf.h"
#include "lib/base/status.h"

enum {
	CATALOG_MAX = 64,              /* scanners; further ones are left out */
	CATALOG_OPEN_MS = 10 * 1000,   /* until a scanner has said what it can */
	CATALOG_SEARCH_MS = 60 * 1000, /* until SANE says the next word of a search */
};

struct catalog_wish {
	const struct config *config; /* its profiles name scanners; NULL: no settings */
	bool search;                 /* also done when no scanner is known */
	bool able;                   /* what each can do, in lines below its own */
};

/* Lists the scanners: appends a line each, "NAME<tab>MAKER MODEL", and behind a further
 * tab what is wrong with it. STATUS_INVALID: there is none, or SANE failed;
 * STATUS_CANCELLED: a signal came. */
enum status catalog_list(
    struct buf *out, const struct catalog_wish *wish, struct error *e);

#endif
