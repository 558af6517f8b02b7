/*
 * address: mailboxes and lists of them, checked so that nothing can reach the SMTP
 * dialogue.
 *
 * RFC 5322 3.4 (mailbox-list with display names and quoted strings; no comments, groups
 * or obsolete forms), RFC 5321 4.5.3.1 (local part 64, domain 255, path 256 bytes), RFC
 * 5890 (international domains become A-labels by libidn2). Local parts are ASCII. Every
 * byte below 0x20, 0x7f, and a bare '<' or '>' is refused.
 */
#ifndef POSTROOM_ADDRESS_H
#define POSTROOM_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/status.h"
#include "lib/mail/domain.h"

enum {
	ADDRESS_LOCAL_MAX = 64,
	ADDRESS_DOMAIN_MAX = DOMAIN_MAX,
	ADDRESS_MAX = 254, /* RFC 5321 path of 256 without its brackets */
	ADDRESS_NAME_MAX = 256,
	ADDRESS_LIST_TEXT_MAX = 64 * 1024, /* bytes of a list's text */
	ADDRESS_LIST_MAX = 1000,           /* mailboxes in a list */
};

struct mailbox {
	char *name;    /* display name in UTF-8, "" when there is none */
	char *address; /* local@domain in ASCII, the local part quoted where it must be */
};

struct mailbox_list {
	struct mailbox *item;
	size_t count;
};

/* One mailbox: `bob@example.com`, `Bob <bob@example.com>`, `"Bob, Jr."
 * <bob@example.com>`. STATUS_INVALID: the sentence quotes the text (cleaned, cut) and
 * says what is allowed. */
enum status mailbox_parse(struct mailbox *out, const char *text, struct error *e);
void mailbox_clear(struct mailbox *m);
enum status mailbox_copy(
    struct mailbox *out, const struct mailbox *from, struct error *e);

/* Appends one or more mailboxes separated by commas; an empty list or element is refused.
 * What stood in the list stays, also on failure. */
enum status mailbox_list_parse(
    struct mailbox_list *list, const char *text, struct error *e);
/* Appends a copy, unless the same address (local part exactly, domain in either case)
 * stands there already. STATUS_INVALID when the list is full, STATUS_RETRY without
 * memory. */
enum status mailbox_list_add(
    struct mailbox_list *list, const struct mailbox *m, struct error *e);
/* Whether an address stands there, compared in the same way. */
bool mailbox_list_has(const struct mailbox_list *list, const char *address);
void mailbox_list_clear(struct mailbox_list *list);

/* Cuts the next element off a list's text: appends it to element without outer blanks and
 * moves *cursor behind the comma, or sets it to NULL behind the last element; false when
 * it was NULL. An empty element is one too ("a," has two, "" has one), for the caller to
 * refuse. Commas inside quotes and brackets do not separate. */
bool mailbox_text_next(const char **cursor, struct buf *element);

#endif
