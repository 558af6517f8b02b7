/*
 * template: texts with %d, %t and their like.
 */
#ifndef POSTROOM_TEMPLATE_H
#define POSTROOM_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "lib/base/status.h"

enum {
	TEMPLATE_MAX = 64 * 1024, /* bytes of the expanded text */
};

struct template_values {
	const struct tm *when; /* %d 2026-11-22, %t 13:34 */
	const char *user;      /* %u */
	const char *host;      /* %h */
	const char *profile;   /* %p */
	uint64_t number;       /* %n; 0: there is none */
};

/* Expands text into a malloc'ed string; %% is a percent sign. STATUS_INVALID: a '%'
 * before any other letter, a value that is not there, or a text over TEMPLATE_MAX; the
 * sentence says what is allowed. STATUS_RETRY: no memory. */
enum status template_expand(
    char **out, const char *text, const struct template_values *values, struct error *e);

/* Whether text holds %n, which costs a number. */
bool template_has_number(const char *text);

#endif
