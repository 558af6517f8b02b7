/*
 * postroom: the administrator's command (postroom(8)).
 */
#include <locale.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "admin/command.h"
#include "lib/base/log.h"

static const struct command *const commands[] = {
	&command_login,
	&command_check,
	&command_refresh,
};

enum {
	COMMANDS = sizeof(commands) / sizeof(commands[0]),
};

static int
print_help(FILE *out)
{
	fprintf(out, "Usage: postroom COMMAND [ARGUMENT…]\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  postroom %s %s\n        %s\n", commands[i]->name,
		    commands[i]->arguments, commands[i]->help);
	fprintf(out, "\nMore: man postroom\n");
	return out == stdout ? COMMAND_OK : COMMAND_USAGE;
}

static int
print_command_help(const struct command *c)
{
	printf("Usage: postroom %s %s\n%s\nMore: man postroom\n", c->name, c->arguments,
	    c->help);
	return COMMAND_OK;
}

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

/* Before "--", after which all are operands. */
static bool
wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

int
main(int argc, char *argv[])
{
	const char *name = argc > 1 ? argv[1] : "";
	const struct command *c = find_command(name);

	setlocale(LC_CTYPE, ""); /* whether the terminal shows more than ASCII */
	log_open(LOG_PLAIN, "postroom", LEVEL_INFO);
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return print_help(stdout);
	if (strcmp(name, "--version") == 0) {
		printf("postroom %s\n", POSTROOM_VERSION);
		return COMMAND_OK;
	}
	if (!c) {
		if (*name)
			command_fail("there is no command '%.60s'", name);
		return print_help(stderr);
	}
	if (wants_help(argc - 1, argv + 1))
		return print_command_help(c);
	return c->run(argc - 1, argv + 1);
}
