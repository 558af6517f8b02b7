/* finding: what `postroom check` found (finding.h). */
#include "admin/finding.h"

#include <stdarg.h>
#include <stdio.h>

#include "admin/say.h"

static const char *const words[] = {
	[SEVERITY_OK] = "ok",
	[SEVERITY_WARNING] = "warning",
	[SEVERITY_ERROR] = "error",
};

void
finding(struct findings *f, enum severity severity, const char *format, ...)
{
	char text[SAY_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	f->count[severity]++;
	say("%s: %s", words[severity], text);
}

void
finding_unseen(struct findings *f, const char *path)
{
	finding(f, SEVERITY_WARNING,
	    "%s could not be looked at by this user; run postroom check as root", path);
}

unsigned
finding_total(const struct findings *f)
{
	unsigned errors = f->count[SEVERITY_ERROR], warnings = f->count[SEVERITY_WARNING];

	say("%u error%s, %u warning%s", errors, errors == 1 ? "" : "s", warnings,
	    warnings == 1 ? "" : "s");
	return errors;
}
