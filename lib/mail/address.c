/*
 * address: mailboxes and lists of them (address.h).
 *
 * Every element is checked as a whole before it is taken apart: valid UTF-8, no control
 * characters, not too long. Each parser below then sees only one kind of surprise.
 */
#include "lib/mail/address.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/text.h"

enum {
	/* Bytes of one mailbox, each perhaps behind a backslash. */
	TEXT_MAX = 2 * (ADDRESS_NAME_MAX + ADDRESS_MAX),
	SHOWN_MAX = 60, /* bytes of a text in a sentence */
};

/* RFC 5322 3.2.3 */
static const char ATEXT[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			    "0123456789!#$%&'*+-/=?^_`{|}~";

/* Writes the sentence about a text: what is wrong with it, and what is right. */
static enum status
bad(struct error *e, const char *text, const char *reason)
{
	struct buf shown;

	buf_init(&shown, 4 * SHOWN_MAX); /* U+FFFD takes three bytes for one */
	text_show(&shown, text, SHOWN_MAX);
	error_set(e, STATUS_INVALID, "'%s' is no e-mail address: %s.", buf_text(&shown),
	    reason);
	buf_clear(&shown);
	return STATUS_INVALID;
}

static enum status
no_memory(struct error *e)
{
	return error_set(e, STATUS_RETRY, "There is no memory for an address.");
}

/* -- one mailbox ------------------------------------------------- */

/* Whether a text is a dot-atom (RFC 5322 3.2.3). */
static bool
is_dot_atom(const char *s)
{
	for (;;) {
		size_t n = strspn(s, ATEXT);

		if (n == 0 || (s[n] != '.' && s[n] != '\0'))
			return false;
		if (s[n] == '\0')
			return true;
		s += n + 1;
	}
}

/* Reads the quoted-string at *s into out, without quotes and escapes, and moves *s behind
 * it. False when it does not end. */
static bool
read_quoted(const char **s, struct buf *out)
{
	const char *p = *s + 1;

	for (; *p && *p != '"'; p++) {
		if (*p == '\\' && p[1])
			p++;
		buf_putc(out, *p);
	}
	if (*p == '\0')
		return false;
	*s = p + 1;
	return true;
}

/* Appends a local part as SMTP wants it (RFC 5321 4.1.2): quoted only where it must be.
 */
static void
add_local(struct buf *out, const char *local)
{
	if (is_dot_atom(local)) {
		buf_puts(out, local);
		return;
	}
	buf_putc(out, '"');
	for (; *local; local++) {
		if (*local == '"' || *local == '\\')
			buf_putc(out, '\\');
		buf_putc(out, *local);
	}
	buf_putc(out, '"');
}

/* What is to be said of a sign that may stand neither in a name nor in a local part, or
 * NULL when there is none. */
static const char *
sign_fault(const char *s)
{
	static const struct {
		char sign;
		const char *fault;
	} signs[] = {
		{ '(', "comments in parentheses are not taken; leave them out" },
		{ ')', "comments in parentheses are not taken; leave them out" },
		{ ':', "groups and routes (':') are not taken; write the addresses" },
		{ ';', "addresses are separated by commas, not by ';'" },
	};

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (strchr(s, signs[i].sign))
			return signs[i].fault;
	return NULL;
}

/* What is wrong with a local part that was not quoted, or NULL. */
static const char *
local_fault(const char *local)
{
	const char *fault = sign_fault(local);

	if (local[0] == '\0')
		return "the part before the '@' is missing";
	if (fault)
		return fault;
	if (strchr(local, ' '))
		return "it holds a blank; a name is written as in Bob <bob@example.com>";
	if (!text_is_ascii(local))
		return "before the '@' only ASCII letters are taken, as many "
		       "servers deliver to no others";
	if (!is_dot_atom(local))
		return "the part before the '@' holds a character that stands "
		       "there only in quotes, or a '.' at an end or twice in a row";
	return NULL;
}

/* Reads a quoted local part into local and moves *s behind it; what is wrong, or NULL. */
static const char *
read_quoted_local(const char **s, struct buf *local)
{
	if (!read_quoted(s, local))
		return "its quotes do not end";
	if (**s != '@')
		return "the '@' behind the quotes is missing";
	if (local->len == 0)
		return "the part before the '@' is missing";
	if (strpbrk(local->data, "<>") || !text_is_ascii(local->data))
		return "before the '@' only ASCII characters without '<' and "
		       "'>' are taken, also in quotes";
	return NULL;
}

/* Reads the local part of `local@domain` into local and moves *s to the '@'; what is
 * wrong, or NULL. */
static const char *
read_local(const char **s, struct buf *local)
{
	size_t n = strcspn(*s, "@");

	if (**s == '"')
		return read_quoted_local(s, local);
	if ((*s)[n] == '\0') {
		const char *fault = sign_fault(*s);

		return fault ? fault
			     : "it has no '@'; an address looks like bob@example.com";
	}
	buf_add(local, *s, n);
	*s += n;
	return local_fault(buf_text(local));
}

/* Appends `local@domain`, checked; text is the whole mailbox, for sentences. */
static enum status
read_address(struct buf *out, const char *s, const char *text, struct error *e)
{
	size_t start = out->len;
	enum status status;
	struct buf local;
	const char *fault;

	buf_init(&local, TEXT_MAX);
	fault = read_local(&s, &local);
	if (!fault && s[1] == '\0')
		fault = "the domain behind the '@' is missing";
	if (!fault && s[1] != '[')
		fault = sign_fault(s + 1);
	add_local(out, buf_text(&local));
	if (!fault && out->len - start > ADDRESS_LOCAL_MAX)
		fault = "the part before the '@' is longer than 64 bytes";
	buf_putc(out, '@');
	if (local.over)
		status = no_memory(e);
	else if (fault)
		status = bad(e, text, fault);
	else
		status = domain_to_ascii(out, s + 1, e);
	if (status == STATUS_OK && out->len - start > ADDRESS_MAX)
		status = bad(e, text, "it is longer than 254 bytes");
	buf_clear(&local);
	return status;
}

/* Reads a display name, atoms and quoted-strings (RFC 5322 3.2.5), into out; what is
 * wrong, or NULL. Letters beyond ASCII and '.' count as atoms. */
static const char *
read_name(const char *s, struct buf *out)
{
	for (s += strspn(s, " "); *s; s += strspn(s, " ")) {
		size_t n = 0;

		if (out->len > 0)
			buf_putc(out, ' ');
		if (*s == '"') {
			if (!read_quoted(&s, out))
				return "its quotes do not end";
			continue;
		}
		while (s[n] && (strchr(ATEXT, s[n]) || s[n] == '.' || s[n] & 0x80))
			n++;
		if (n == 0) {
			const char *fault = sign_fault((const char[]){ *s, '\0' });

			if (fault)
				return fault;
			return "its name holds a character that stands there only in "
			       "quotes, as in \"Smith, Bob\" <bob@example.com>";
		}
		buf_add(out, s, n);
		s += n;
	}
	return out->len > ADDRESS_NAME_MAX ? "its name is longer than 256 bytes" : NULL;
}

/* What is wrong with the text of a mailbox as a whole, or NULL. */
static const char *
text_fault(const char *text)
{
	size_t len = strlen(text);

	if (len == 0)
		return "it is empty; an address looks like bob@example.com";
	if (len > TEXT_MAX)
		return "it is too long";
	for (const char *s = text; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return "it holds a line break or another control character";
	return utf8_valid(text, len) ? NULL : "it is not UTF-8 text";
}

/* The '<' outside quotes, or NULL. */
static char *
find_bracket(char *s)
{
	bool quoted = false;

	for (; *s; s++) {
		if (quoted && *s == '\\' && s[1])
			s++;
		else if (*s == '"')
			quoted = !quoted;
		else if (*s == '<' && !quoted)
			return s;
	}
	return NULL;
}

/* The text without blanks at its ends, cut in place. */
static char *
trim(char *s)
{
	size_t len;

	s += strspn(s, " ");
	for (len = strlen(s); len > 0 && s[len - 1] == ' '; len--)
		s[len - 1] = '\0';
	return s;
}

/* Reads one mailbox from a copy of its text, which is taken apart, into name and address.
 */
static enum status
read_mailbox(
    char *copy, const char *text, struct buf *name, struct buf *address, struct error *e)
{
	char *open, *close;
	const char *fault;
	struct buf raw;

	copy = trim(copy);
	fault = text_fault(copy);
	open = fault ? NULL : find_bracket(copy);
	if (fault)
		return bad(e, text, fault);
	if (!open)
		return read_address(address, copy, text, e);
	close = open + strlen(open) - 1;
	if (*close != '>')
		return bad(e, text, "its '<' has no '>' at the end");
	*open = *close = '\0';
	buf_init(&raw, TEXT_MAX);
	fault = read_name(copy, &raw);
	text_clean(name, buf_text(&raw), raw.len, TEXT_LINE);
	name->over |= raw.over;
	buf_clear(&raw);
	if (fault)
		return bad(e, text, fault);
	return read_address(address, trim(open + 1), text, e);
}

enum status
mailbox_parse(struct mailbox *out, const char *text, struct error *e)
{
	struct buf name, address;
	struct mailbox m;
	enum status status;
	char *copy = strdup(text);

	if (!copy)
		return no_memory(e);
	buf_init(&name, TEXT_MAX);
	buf_init(&address, TEXT_MAX);
	status = read_mailbox(copy, text, &name, &address, e);
	free(copy);
	if (status != STATUS_OK) {
		buf_clear(&name);
		buf_clear(&address);
		return status;
	}
	m = (struct mailbox){ .name = buf_take(&name), .address = buf_take(&address) };
	if (!m.name || !m.address) {
		mailbox_clear(&m);
		return no_memory(e);
	}
	*out = m;
	return STATUS_OK;
}

void
mailbox_clear(struct mailbox *m)
{
	free(m->name);
	free(m->address);
	*m = (struct mailbox){ 0 };
}

enum status
mailbox_copy(struct mailbox *out, const struct mailbox *from, struct error *e)
{
	struct mailbox m = { .name = strdup(from->name),
		.address = strdup(from->address) };

	if (!m.name || !m.address) {
		mailbox_clear(&m);
		return no_memory(e);
	}
	*out = m;
	return STATUS_OK;
}

/* -- lists ------------------------------------------------------- */

/* Whether two addresses are one: the local part exactly, the domain in either case. */
static bool
is_same(const char *a, const char *b)
{
	const char *at = strrchr(a, '@');
	size_t local = at ? (size_t)(at - a) : strlen(a);

	return strncmp(a, b, local) == 0 && strcasecmp(a + local, b + local) == 0;
}

bool
mailbox_list_has(const struct mailbox_list *list, const char *address)
{
	for (size_t i = 0; i < list->count; i++)
		if (is_same(list->item[i].address, address))
			return true;
	return false;
}

enum status
mailbox_list_add(struct mailbox_list *list, const struct mailbox *m, struct error *e)
{
	bool full_block = (list->count & (list->count - 1)) == 0; /* 0, 1, 2, 4, 8 … */
	enum status status;

	if (mailbox_list_has(list, m->address))
		return STATUS_OK;
	if (list->count >= ADDRESS_LIST_MAX)
		return error_set(e, STATUS_INVALID,
		    "There are more than %d addresses in one list: send to fewer, or to "
		    "a distribution list.",
		    ADDRESS_LIST_MAX);
	if (full_block) {
		size_t room = list->count ? list->count * 2 : 1;
		struct mailbox *item = realloc(list->item, room * sizeof(*item));

		if (!item)
			return no_memory(e);
		list->item = item;
	}
	status = mailbox_copy(&list->item[list->count], m, e);
	if (status == STATUS_OK)
		list->count++;
	return status;
}

void
mailbox_list_clear(struct mailbox_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		mailbox_clear(&list->item[i]);
	free(list->item);
	*list = (struct mailbox_list){ 0 };
}

/* The comma that ends the element at s, outside quotes and brackets, or the end. */
static const char *
find_comma(const char *s)
{
	bool quoted = false, bracket = false;

	for (; *s; s++) {
		if (quoted && *s == '\\' && s[1])
			s++;
		else if (*s == '"')
			quoted = !quoted;
		else if (!quoted && (*s == '<' || *s == '>'))
			bracket = *s == '<';
		else if (*s == ',' && !quoted && !bracket)
			break;
	}
	return s;
}

bool
mailbox_text_next(const char **cursor, struct buf *element)
{
	const char *start = *cursor, *end;

	if (!start)
		return false;
	end = find_comma(start);
	*cursor = *end ? end + 1 : NULL;
	while (start < end && (*start == ' ' || *start == '\t'))
		start++;
	while (start < end && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	buf_add(element, start, (size_t)(end - start));
	return true;
}

/* Appends the mailboxes of a text to the list, up to the first that is refused. */
static enum status
add_all(struct mailbox_list *list, const char *text, struct error *e)
{
	enum status status = STATUS_OK;
	struct buf element;

	buf_init(&element, ADDRESS_LIST_TEXT_MAX);
	while (status == STATUS_OK && mailbox_text_next(&text, &element)) {
		struct mailbox m;

		status = element.over ? no_memory(e)
				      : mailbox_parse(&m, buf_text(&element), e);
		buf_reset(&element);
		if (status != STATUS_OK)
			break;
		status = mailbox_list_add(list, &m, e);
		mailbox_clear(&m);
	}
	buf_clear(&element);
	return status;
}

enum status
mailbox_list_parse(struct mailbox_list *list, const char *text, struct error *e)
{
	size_t before = list->count;
	enum status status;

	if (strlen(text) > ADDRESS_LIST_TEXT_MAX)
		return error_set(e, STATUS_INVALID,
		    "The list of addresses has more than %d bytes: send to fewer, or to "
		    "a distribution list.",
		    ADDRESS_LIST_TEXT_MAX);
	status = add_all(list, text, e);
	/* As it stood: half of a list is never sent to. */
	while (status != STATUS_OK && list->count > before)
		mailbox_clear(&list->item[--list->count]);
	return status;
}
