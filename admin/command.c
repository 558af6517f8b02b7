/* command: what all commands say alike (command.h). */
#include "admin/command.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/base/log.h"
#include "lib/base/status.h"

enum {
	SENTENCE_MAX = 2 * ERROR_TEXT_MAX, /* bytes; the logger cuts to its own limit */
};

int
command_usage(const struct command *c)
{
	fprintf(stderr, "Usage: postroom %s %s\nTry: man postroom, or: postroom --help\n",
	    c->name, c->arguments);
	return COMMAND_USAGE;
}

int
command_fail(const char *format, ...)
{
	char text[SENTENCE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fflush(stdout);
	log_message(LEVEL_ERROR, "%s", text);
	return COMMAND_FAILED;
}
