/*
 * template: texts with %d, %t and their like.
 */
#ifndef POSTROOM_TEMPLATE_H
#define POSTROOM_TEMPLATE_H

#include <time.h>

#include "lib/base/status.h"

struct template_values {
	const struct tm *when; /* %d 2026-11-22, %t 13:34 */
	const char *user;      /* %u */
	const char *host;      /* %h */
	const char *profile;   /* %p */
};

/* Expands text into a malloc'ed string; %% is a percent sign. STATUS_INVALID: a '%'
 * before any other letter, or a value that is NULL; the sentence lists what is allowed.
 */
enum status template_expand(
    char **out, const char *text, const struct template_values *values, struct error *e);

#endif
