/* object: JSON objects, read through libjansson (object.h). */
#include "lib/web/object.h"

#include <errno.h>
#include <jansson.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

struct object {
	json_t *root;
};

static const char DIGITS[] = "0123456789";

/* libjansson keeps copies of every text while it reads: whatever it gives back is wiped.
 */
static void
free_wiped(void *p)
{
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

struct object *
object_read(const char *bytes, size_t len)
{
	struct object *o = malloc(sizeof(*o));

	if (!o)
		return NULL;
	json_set_alloc_funcs(malloc, free_wiped);
	o->root = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(o->root))
		return o;
	object_free(o);
	return NULL;
}

void
object_free(struct object *o)
{
	if (!o)
		return;
	json_decref(o->root);
	free(o);
}

/* What stands at a path below a value; NULL: nothing. */
static const json_t *
walk(const json_t *at, const char *path)
{
	for (;;) {
		size_t len = strcspn(path, ".");

		at = json_object_getn(at, path, len);
		if (!at || path[len] == '\0')
			return at;
		path += len + 1;
	}
}

/* The i-th item of an array, or what stands at a path below it. */
static const json_t *
item(const struct object *o, const char *path, size_t i, const char *key)
{
	const json_t *at = json_array_get(walk(o->root, path), i);

	return key ? walk(at, key) : at;
}

static bool
read_number(int64_t *out, const json_t *value)
{
	const char *digits = json_string_value(value);
	int64_t number;

	if (json_is_integer(value)) {
		*out = json_integer_value(value);
		return true;
	}
	if (!digits || *digits == '\0' || digits[strspn(digits, DIGITS)])
		return false;
	errno = 0;
	number = strtoll(digits, NULL, 10);
	if (errno)
		return false;
	*out = number;
	return true;
}

const char *
object_text(const struct object *o, const char *path)
{
	return json_string_value(walk(o->root, path));
}

bool
object_number(int64_t *out, const struct object *o, const char *path)
{
	return read_number(out, walk(o->root, path));
}

bool
object_true(const struct object *o, const char *path)
{
	return json_is_true(walk(o->root, path));
}

bool
object_is_list(const struct object *o, const char *path)
{
	return json_is_array(walk(o->root, path));
}

size_t
object_count(const struct object *o, const char *path)
{
	return json_array_size(walk(o->root, path));
}

const char *
object_item(const struct object *o, const char *path, size_t i, const char *key)
{
	return json_string_value(item(o, path, i, key));
}

bool
object_item_number(
    int64_t *out, const struct object *o, const char *path, size_t i, const char *key)
{
	return read_number(out, item(o, path, i, key));
}

static int
add_bytes(const char *bytes, size_t len, void *out)
{
	return buf_add(out, bytes, len) ? 0 : -1;
}

bool
object_quote(struct buf *out, const char *text)
{
	json_t *value;

	json_set_alloc_funcs(malloc, free_wiped);
	value = json_string(text);
	if (!value || json_dump_callback(value, add_bytes, out, JSON_ENCODE_ANY) != 0)
		out->over = true;
	json_decref(value);
	return !out->over;
}
