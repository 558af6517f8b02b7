/*
 * defaultqueue: the user's default queue.
 *
 * By the rules of cupsGetNamedDest(3) and lp(1): $LPDEST, $PRINTER (but for "lp"), the
 * user's ~/.cups/lpoptions, the machine's /etc/cups/lpoptions, the server. That function
 * itself has connections of its own beside the one it is given, which wait as they like.
 */
#ifndef POSTROOM_DEFAULTQUEUE_H
#define POSTROOM_DEFAULTQUEUE_H

#include <stdbool.h>

#include <cups/cups.h>

#include "scan2mail/link.h"

/* Takes the name out of "NAME/INSTANCE OPTIONS". False: there is none, or a long one. */
bool default_name(char queue[LINK_QUEUE_MAX], const char *text);
/* Finds it; http is asked only where nothing else says. False: cupsLastError(). */
bool default_queue(char queue[LINK_QUEUE_MAX], http_t *http);

#endif
