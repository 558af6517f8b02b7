/* status: the sentence of an error (status.h). */
#include "lib/base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum status
error_set(struct error *e, enum status status, const char *format, ...)
{
	struct error text; /* format's arguments may point into e */
	va_list args;

	if (!e)
		return status;
	va_start(args, format);
	vsnprintf(text.text, sizeof(text.text), format, args);
	va_end(args);
	*e = text;
	return status;
}

enum status
error_errno(struct error *e, const char *format, ...)
{
	const char *reason = strerror(errno);
	struct error text;
	va_list args;

	va_start(args, format);
	vsnprintf(text.text, sizeof(text.text), format, args);
	va_end(args);
	return error_set(e, STATUS_RETRY, "%s: %s", text.text, reason);
}
