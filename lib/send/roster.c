/* roster: what became of a message's recipients (roster.h). */
#include "lib/send/roster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char HEX[] = "0123456789ABCDEF";

static void
clear_entry(struct roster_entry *entry)
{
	free(entry->address);
	free(entry->text);
}

bool
roster_add(struct roster *r, const struct roster_entry *entry)
{
	size_t n = r->count + r->fresh;
	struct roster_entry copy = { .state = entry->state }, *item;

	if (n >= ROSTER_MAX)
		return false;
	if ((n & (n - 1)) == 0) { /* 0, 1, 2, 4, 8 …: the block is full */
		item = realloc(r->item, (n ? n * 2 : 1) * sizeof(*item));
		if (!item)
			return false;
		r->item = item;
	}
	copy.address = strdup(entry->address);
	copy.text = strdup(entry->text);
	if (!copy.address || !copy.text) {
		clear_entry(&copy);
		return false;
	}
	r->item[n] = copy;
	r->fresh++;
	return true;
}

void
roster_settle(struct roster *r, bool sent)
{
	for (; r->fresh > 0; r->fresh--) {
		struct roster_entry *first = &r->item[r->count];

		if (sent || first->state == RECIPIENT_WAS_REFUSED) {
			r->count++;
			continue;
		}
		clear_entry(first);
		memmove(first, first + 1, (r->fresh - 1) * sizeof(*first));
	}
}

void
roster_drop(struct roster *r)
{
	while (r->fresh > 0)
		clear_entry(&r->item[r->count + --r->fresh]);
}

void
roster_clear(struct roster *r)
{
	roster_drop(r);
	while (r->count > 0)
		clear_entry(&r->item[--r->count]);
	free(r->item);
	r->item = NULL;
}

/* The local part exactly, the domain in either case. */
static bool
is_same(const char *a, const char *b)
{
	const char *at = strrchr(a, '@');
	size_t local = at ? (size_t)(at - a) : strlen(a);

	return strncmp(a, b, local) == 0 && strcasecmp(a + local, b + local) == 0;
}

const struct roster_entry *
roster_find(const struct roster *r, const char *address)
{
	for (size_t i = r->count; i > 0; i--)
		if (is_same(r->item[i - 1].address, address))
			return &r->item[i - 1];
	return NULL;
}

static bool
is_plain(char c)
{
	return c > 0x20 && c < 0x7f && c != '%';
}

bool
roster_encode(char word[ROSTER_WORD_MAX], const char *address)
{
	size_t len = 0;

	if (!*address || strlen(address) > ADDRESS_MAX)
		return false;
	for (const char *s = address; *s; s++) {
		unsigned char byte = (unsigned char)*s;

		word[len++] = is_plain(*s) ? *s : '%';
		if (is_plain(*s))
			continue;
		word[len++] = HEX[byte >> 4];
		word[len++] = HEX[byte & 15];
	}
	word[len] = '\0';
	return true;
}

bool
roster_decode(char *word)
{
	size_t len = 0;

	for (const char *s = word; *s; s++) {
		char c = *s;

		if (c == '%') {
			char digits[] = { s[1], s[1] ? s[2] : '\0', '\0' };

			c = (char)strtoul(digits, NULL, 16);
			if (strspn(digits, HEX) != 2 || is_plain(c) || c == '\0')
				return false;
			s += 2;
		} else if (!is_plain(c)) {
			return false;
		}
		word[len++] = c;
	}
	word[len] = '\0';
	return len > 0 && len <= ADDRESS_MAX;
}
