/* list: strings and pairs of strings (list.h). */
#include "lib/base/list.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Room for one more element of `size` bytes behind `count`; the new start, or NULL. */
static void *
more(void *items, size_t count, size_t size)
{
	bool full_block = (count & (count - 1)) == 0; /* 0, 1, 2, 4, 8 … */

	if (count >= LIST_MAX)
		return NULL;
	if (!full_block)
		return items;
	return realloc(items, (count ? count * 2 : 1) * size);
}

void
list_clear(struct list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->item[i]);
	free(l->item);
	*l = (struct list){ 0 };
}

bool
list_add(struct list *l, const char *text)
{
	char **item = more(l->item, l->count, sizeof(*item));
	char *copy;

	if (!item)
		return false;
	l->item = item;
	copy = strdup(text);
	if (!copy)
		return false;
	l->item[l->count++] = copy;
	return true;
}

void
pairs_clear(struct pairs *p)
{
	for (size_t i = 0; i < p->count; i++) {
		free(p->item[i].name);
		free(p->item[i].value);
	}
	free(p->item);
	*p = (struct pairs){ 0 };
}

bool
pairs_add(struct pairs *p, const char *name, const char *value)
{
	struct pair *item = more(p->item, p->count, sizeof(*item));
	struct pair copy;

	if (!item)
		return false;
	p->item = item;
	copy = (struct pair){ .name = strdup(name), .value = strdup(value) };
	if (!copy.name || !copy.value) {
		free(copy.name);
		free(copy.value);
		return false;
	}
	p->item[p->count++] = copy;
	return true;
}

const char *
pairs_get(const struct pairs *p, const char *name)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcasecmp(p->item[i].name, name) == 0)
			return p->item[i].value;
	return NULL;
}
