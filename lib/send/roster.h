/*
 * roster: what became of a message's recipients, as a job's journal has it (journal.h).
 * Pure.
 *
 * Entries are fresh until roster_settle(): what a server says to a recipient counts only
 * with what it says to the message.
 */
#ifndef POSTROOM_ROSTER_H
#define POSTROOM_ROSTER_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/mail/address.h"
#include "lib/send/journal.h"

enum {
	ROSTER_MAX = 4 * ADDRESS_LIST_MAX,     /* entries */
	ROSTER_WORD_MAX = 3 * ADDRESS_MAX + 1, /* bytes of an address as one word, with
						  the NUL */
};

struct roster_entry {
	enum journal_recipient state;
	char *address;
	char *text; /* why it was refused */
};

/* All zero: empty. Owns its entries. */
struct roster {
	struct roster_entry *item;
	size_t count; /* settled */
	size_t fresh; /* behind those */
};

/* Adds a fresh copy. False when the roster is full or memory is short. */
bool roster_add(struct roster *r, const struct roster_entry *entry);
/* Settles what is fresh; of a message that was not sent, only the refusals. */
void roster_settle(struct roster *r, bool sent);
/* Forgets what is fresh. */
void roster_drop(struct roster *r);
void roster_clear(struct roster *r);
/* The last settled entry of an address, compared as mailbox_list_add() does; or NULL. */
const struct roster_entry *roster_find(const struct roster *r, const char *address);

/* An address as one word of printable ASCII: all else, blanks and '%' become %XX. False
 * when it is empty or longer than ADDRESS_MAX. */
bool roster_encode(char word[ROSTER_WORD_MAX], const char *address);
/* And back, in place. False when no address is written so. */
bool roster_decode(char *word);

#endif
