/*
 * command: what `postroom` can do; each command is one file, and one row of the table in
 * main.c.
 */
#ifndef POSTROOM_ADMIN_COMMAND_H
#define POSTROOM_ADMIN_COMMAND_H

/* What a command, and with it the program, ends with. */
enum {
	COMMAND_OK = 0,
	COMMAND_FAILED = 1, /* said on standard error */
	COMMAND_USAGE = 2,  /* the command line is none; said there too */
};

struct command {
	const char *name;      /* "login" */
	const char *arguments; /* as the usage shows them: "[ACCOUNT]" */
	const char *help;      /* one line: what it does */
	/* argv[0] is the command's own name; answers with one of the above. --help is
	 * answered by main.c, before it is called. */
	int (*run)(int argc, char **argv);
};

extern const struct command command_login;   /* login.c */
extern const struct command command_check;   /* check.c */
extern const struct command command_refresh; /* refresh.c */

/* For the line that says how it is used: "Usage: postroom NAME ARGUMENTS" on standard
 * error. Always COMMAND_USAGE. */
int command_usage(const struct command *c);

/* What a command says when it fails: "postroom: sentence" on standard error, cleaned and
 * bounded. Always COMMAND_FAILED. */
__attribute__((format(printf, 1, 2))) int command_fail(const char *format, ...);

#endif
