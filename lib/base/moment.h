/*
 * moment: points in time that a wall clock's jump does not move.
 *
 * Spans are measured by CLOCK_BOOTTIME, which runs on through suspend and is never set.
 * Between two boots only the wall clock knows, and it may be wrong by years: what it says
 * of the time between them counts for at most MOMENT_GAP_MAX.
 */
#ifndef POSTROOM_MOMENT_H
#define POSTROOM_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

enum {
	MOMENT_BOOT_MAX = 40,          /* bytes of a boot's name, with the NUL */
	MOMENT_GAP_MAX = 24 * 60 * 60, /* seconds that may lie between two boots */
	MOMENT_TEXT_MAX = 100,         /* bytes of a moment as text, with the NUL */
};

struct moment {
	int64_t wall;               /* seconds since 1970; for people */
	int64_t boot;               /* milliseconds since the machine started */
	char name[MOMENT_BOOT_MAX]; /* of that boot (/proc/sys/kernel/random/boot_id) */
};

/* The present moment. Where the boot's name cannot be read it is "unknown", which counts
 * as one boot. */
struct moment moment_now(void);

/* Milliseconds from then to now, never negative. Across boots: those since this one, and
 * what the wall clock says of the time before it, 0 to MOMENT_GAP_MAX. */
int64_t moment_since(const struct moment *then, const struct moment *now);

/* Milliseconds until `then` is reached, 0 when it has been; also 0 when it was set in
 * another boot: a wait does not outlive the machine's start. */
int64_t moment_until(const struct moment *then, const struct moment *now);

/* The moment ms milliseconds later; the wall clock's by whole seconds. */
struct moment moment_after(const struct moment *m, int64_t ms);

/* "1795354468 812345 6d1ba6cf-…" and back; false when text does not start so, or holds a
 * number beyond its range. *rest is what follows the blank behind it, or the end. */
void moment_write(char text[MOMENT_TEXT_MAX], const struct moment *m);
bool moment_read(struct moment *out, const char *text, const char **rest);

#endif
