/*
 * service: all that scan2maild does: the scanners that it watches, the scans that their
 * buttons start, and what was kept while there was no cupsd.
 *
 * One scan at a time for each scanner, which is not looked at meanwhile. A scan that was
 * kept (scan2mail ends with 3) is brought in by scan2mail --resend, also once at the
 * start, after a scan that was delivered whole, and with new settings. After
 * SERVICE_RESENDS_MAX rounds that left something it is not tried again but on these
 * occasions.
 */
#ifndef POSTROOM_SERVICE_H
#define POSTROOM_SERVICE_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/account/config.h"
#include "lib/base/status.h"

enum {
	/* Scanners, and those whose scan goes on after they have left the settings. */
	SERVICE_SCANNERS_MAX = 2 * CONFIG_BUTTONS_MAX,
	SERVICE_FDS_MAX = 3 * SERVICE_SCANNERS_MAX + 2,
	SERVICE_KEPT = 3, /* the exit code of scan2mail that says so */
	SERVICE_RESEND_MIN_MS = 60 * 1000,
	SERVICE_RESEND_MAX_MS = 30 * 60 * 1000,
	SERVICE_RESENDS_MAX = 8, /* in an hour and a half, as the waits grow */
};

struct service;

/* Nothing is watched yet. program: the path of scan2mail. NULL: memory is short. */
struct service *service_new(const char *program);
/* Reads the settings, for the first time or anew, and watches as they say.
 * STATUS_SETTINGS or STATUS_RETRY: all is as it was before. */
enum status service_load(struct service *s, const char *path, struct error *e);

/* Fills in what to poll; its number. */
size_t service_poll(const struct service *s, struct pollfd fds[SERVICE_FDS_MAX]);
/* When to call service_work() at the latest (clock_ms()). */
int64_t service_due(const struct service *s);
void service_work(struct service *s, int64_t now);

/* Ends all that it has started, and frees s, which may be NULL. */
void service_end(struct service *s);

#endif
