/*
 * wish: what `postroom login` was asked to do, read off its command line. Pure.
 */
#ifndef POSTROOM_ADMIN_WISH_H
#define POSTROOM_ADMIN_WISH_H

#include <stdbool.h>

#include "lib/base/status.h"

enum {
	WISH_NO_WAY = -1,
};

/* The texts are those of argv; NULL: not given. */
struct wish {
	const char *account;
	int way; /* enum auth_mode of --device, --app, --code; WISH_NO_WAY */
	const char *client_id, *tenant, *secret_file, *certificate, *key;
	const char *test; /* address of the test message */
	bool graph, paste, shared, no_test, forget_password;
};

/* The usage's arguments. */
extern const char wish_arguments[];

/* argv[0] is the command's name; argv's order may change. STATUS_INVALID: not a command
 * line of login; the sentence says why. */
enum status wish_read(struct wish *out, int argc, char **argv, struct error *e);

/* Whether it asks for something that only the way over from a password has. */
bool wish_is_way_over(const struct wish *w);

#endif
