/*
 * list: an ordered list of strings with a limit, and of name/value pairs.
 * The list owns its strings.
 */
#ifndef POSTROOM_LIST_H
#define POSTROOM_LIST_H

#include <stdbool.h>
#include <stddef.h>

enum {
	LIST_MAX = 10000, /* strings in a list, pairs in a list of pairs */
};

struct list {
	char **item;
	size_t count;
};

struct pair {
	char *name;
	char *value;
};

struct pairs {
	struct pair *item;
	size_t count;
};

void list_clear(struct list *l);
/* Appends a copy. False when the list is full or memory is short; the list is unchanged
 * then. */
bool list_add(struct list *l, const char *text);

void pairs_clear(struct pairs *p);
bool pairs_add(struct pairs *p, const char *name, const char *value);
/* The value of the first pair with this name, ASCII letters alike in either case; or
 * NULL. */
const char *pairs_get(const struct pairs *p, const char *name);

#endif
