/*
 * object: the JSON objects that web services answer (RFC 8259), read through libjansson.
 *
 * What comes from outside is bounded and checked: UTF-8, no key twice, no deeper than
 * libjansson allows (2,048), nothing behind the object.
 */
#ifndef POSTROOM_OBJECT_H
#define POSTROOM_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"

struct object;

/* NULL: not one JSON object. object_free() frees it. */
struct object *object_read(const char *bytes, size_t len);
void object_free(struct object *o); /* o may be NULL; what it held is wiped */

/* A path is names joined by '.': "error.code"; the name of a key has no '.' in it here.
 * `key` below is a path too.
 * NULL: nothing is there, or something else than a string. Owned by o. */
const char *object_text(const struct object *o, const char *path);
/* An integer, or a string of decimal digits, as some services write it. False otherwise.
 */
bool object_number(int64_t *out, const struct object *o, const char *path);
/* False where nothing is there, or something else than true. */
bool object_true(const struct object *o, const char *path);

/* Whether an array stands there, also one without items. */
bool object_is_list(const struct object *o, const char *path);
/* The items of an array; 0 where there is none. */
size_t object_count(const struct object *o, const char *path);
/* The text of a key of an array's i-th object ("value", 0, "id"); key NULL: the item
 * itself. NULL as object_text(). */
const char *object_item(
    const struct object *o, const char *path, size_t i, const char *key);
/* The same for a number. */
bool object_item_number(
    int64_t *out, const struct object *o, const char *path, size_t i, const char *key);

/* Appends text as a JSON string, with its quotes. False when out is over, which it also
 * is when text is not UTF-8. */
bool object_quote(struct buf *out, const char *text);

#endif
