/* value: values of postroom.conf with a form of their own (value.h). */
#include "lib/account/value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/buf.h"
#include "lib/base/text.h"
#include "lib/mail/address.h"
#include "lib/mail/domain.h"
#include "lib/mail/template.h"
#include "lib/account/config.h"

static const char letters_digits[] = "abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

enum {
	PORT_MAX = 65535,
	PORT_DIGITS_MAX = 5,
	PAPER_MIN = 10, /* millimetres */
	PAPER_MAX = 2000,
};

static enum status
out_of_memory(struct error *e)
{
	return error_set(e, STATUS_RETRY, "out of memory");
}

/* Whether text is made of letters, digits and the bytes of more, and not empty. */
static bool
is_made_of(const char *text, const char *more)
{
	for (const char *c = text; *c; c++)
		if (!strchr(letters_digits, *c) && !strchr(more, *c))
			return false;
	return *text != '\0';
}

/* -- server ---------------------------------------------------------------------- */

/* Reads ":port" or nothing. */
static bool
read_port(uint16_t *out, const char *text)
{
	size_t digits = *text ? strspn(text + 1, "0123456789") : 0;
	unsigned long port;

	if (*text == '\0') {
		*out = 0;
		return true;
	}
	if (*text != ':' || digits > PORT_DIGITS_MAX || text[1 + digits])
		return false;
	port = strtoul(text + 1, NULL, 10);
	if (port == 0 || port > PORT_MAX)
		return false;
	*out = (uint16_t)port;
	return true;
}

/* Appends a host as it goes into the resolver; false when it is none. */
static bool
read_host(struct buf *out, const char *host)
{
	if (!text_is_ascii(host))
		return domain_to_ascii(out, host, NULL) == STATUS_OK;
	return is_made_of(host, "-.") && *host != '-' && *host != '.' &&
	    !strstr(host, "..") && buf_puts(out, host);
}

/* "[address]", without the brackets. */
static bool
read_ipv6(struct buf *out, const char *text, size_t len)
{
	unsigned char address[sizeof(struct in6_addr)];

	return buf_add(out, text + 1, len - 2) &&
	    inet_pton(AF_INET6, buf_text(out), address) == 1;
}

enum status
value_server(void *field, const char *key, const char *text, struct error *e)
{
	const char *bracket = *text == '[' ? strchr(text, ']') : NULL;
	size_t len = bracket ? (size_t)(bracket + 1 - text) : strcspn(text, ":");
	struct server *server = field;
	struct buf name, host;
	uint16_t port;
	bool good;

	(void)key;
	buf_init(&name, SETTINGS_LINE_MAX);
	buf_init(&host, DOMAIN_MAX);
	buf_add(&name, text, len);
	good = bracket ? read_ipv6(&host, text, len) : read_host(&host, buf_text(&name));
	good = good && read_port(&port, text + len);
	buf_clear(&name);
	if (!good) {
		buf_clear(&host);
		return error_set(e, STATUS_INVALID,
		    "not a server; allowed: host, host:port, address:port, [IPv6 "
		    "address]:port, with a port from 1 to %d",
		    PORT_MAX);
	}
	free(server->host);
	*server = (struct server){ .host = buf_take(&host), .port = port };
	return server->host ? STATUS_OK : out_of_memory(e);
}

/* -- mailboxes ------------------------------------------------------------------- */

enum status
value_mailbox(void *field, const char *key, const char *text, struct error *e)
{
	struct mailbox *old = field, new;
	enum status status;

	(void)key;
	status = mailbox_parse(&new, text, e);
	if (status != STATUS_OK)
		return status;
	mailbox_clear(old);
	*old = new;
	return STATUS_OK;
}

enum status
value_reply_to(void *field, const char *key, const char *text, struct error *e)
{
	struct reply_to *reply_to = field;
	struct error sentence;
	enum status status;

	if (strcmp(text, "user") == 0) {
		reply_to->mode = REPLY_TO_USER;
		return STATUS_OK;
	}
	if (strcmp(text, "none") == 0) {
		reply_to->mode = REPLY_TO_NONE;
		return STATUS_OK;
	}
	status = value_mailbox(&reply_to->mailbox, key, text, &sentence);
	if (status != STATUS_OK)
		return error_set(
		    e, status, "%s; allowed: user, none, or an address", sentence.text);
	reply_to->mode = REPLY_TO_ADDRESS;
	return STATUS_OK;
}

/* Appends the pattern in its stored form; false when it is none. */
static bool
read_pattern(struct buf *out, const char *text)
{
	const char *domain = strrchr(text, '@');
	size_t local = domain ? (size_t)(domain - text) : 0;

	if (local == 0 || local > ADDRESS_LOCAL_MAX ||
	    strcspn(text, "?@ \"(),:;<>[\\]") != local)
		return false;
	if (*text == '*' ? local != 1 : memchr(text, '*', local) != NULL)
		return false;
	buf_add(out, text, local);
	if (!text_is_ascii(buf_text(out)))
		return false;
	buf_putc(out, '@');
	domain++;
	if (strncmp(domain, "*.", 2) == 0) {
		buf_add(out, domain, 2);
		domain += 2;
	}
	return domain_to_ascii(out, domain, NULL) == STATUS_OK && !out->over;
}

enum status
value_patterns(void *field, const char *key, const char *text, struct error *e)
{
	struct list list = { 0 };
	struct buf element, pattern;
	enum status status = STATUS_OK;
	const char *cursor = text;

	(void)key;
	buf_init(&element, SETTINGS_LINE_MAX);
	buf_init(&pattern, SETTINGS_LINE_MAX);
	while (status == STATUS_OK && mailbox_text_next(&cursor, &element)) {
		if (!read_pattern(&pattern, buf_text(&element)))
			status = error_set(e, STATUS_INVALID,
			    "'%.60s' is no pattern; allowed: *@example.com, "
			    "*@*.example.com, bob@example.com, separated by commas",
			    buf_text(&element));
		else if (!list_add(&list, buf_text(&pattern)))
			status = out_of_memory(e);
		buf_reset(&element);
		buf_reset(&pattern);
	}
	buf_clear(&element);
	buf_clear(&pattern);
	if (status != STATUS_OK) {
		list_clear(&list);
		return status;
	}
	list_clear(field);
	*(struct list *)field = list;
	return STATUS_OK;
}

/* Adds the pair, which is known to be well formed. */
static enum status
add_pair(struct pairs *pairs, const char *name, const char *value, struct error *e)
{
	if (pairs_add(pairs, name, value))
		return STATUS_OK;
	if (pairs->count >= LIST_MAX)
		return error_set(
		    e, STATUS_INVALID, "too many entries; allowed: %d", LIST_MAX);
	return out_of_memory(e);
}

enum status
value_user(void *field, const char *key, const char *text, struct error *e)
{
	static const char sample[] = "user";
	struct mailbox mailbox;
	struct buf filled;
	enum status status;

	buf_init(&filled, SETTINGS_LINE_MAX);
	for (const char *c = text; *c; c++) {
		if (c[0] == '%' && c[1] == 'u') {
			buf_puts(&filled, sample);
			c++;
		} else {
			buf_putc(&filled, *c);
		}
	}
	status = mailbox_parse(&mailbox, buf_text(&filled), e);
	buf_clear(&filled);
	if (status != STATUS_OK)
		return status;
	mailbox_clear(&mailbox);
	return add_pair(field, key, text, e);
}

/* Names that the queue's driver gives a meaning of their own. */
static bool
is_reserved(const char *name)
{
	static const char *const reserved[] = { "Auto", "Self", "Custom" };

	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (strcasecmp(name, reserved[i]) == 0)
			return true;
	return false;
}

enum status
value_book(void *field, const char *key, const char *text, struct error *e)
{
	struct mailbox_list list = { 0 };
	enum status status;

	if (is_reserved(key) || key[strcspn(key, "@,;\"<>")])
		return error_set(e, STATUS_INVALID,
		    "not a name of the address book; allowed: any but Auto, Self and "
		    "Custom, without @ , ; \" < >");
	status = mailbox_list_parse(&list, text, e);
	mailbox_list_clear(&list);
	if (status != STATUS_OK)
		return status;
	return add_pair(field, key, text, e);
}

/* -- scanning ---------------------------------------------------------------------- */

static const struct {
	const char *name;
	struct paper paper;
} papers[] = {
	{ "a3", { 297, 420 } },
	{ "a4", { 210, 297 } },
	{ "a5", { 148, 210 } },
	{ "b5", { 176, 250 } },
	{ "letter", { 215.9, 279.4 } },
	{ "legal", { 215.9, 355.6 } },
	{ "max", { 0, 0 } },
};

/* Reads a number of millimetres, with a dot before its fraction wherever we are; gives
 * what stands behind it. NULL: no number, or out of range. */
static const char *
read_millimetres(double *out, const char *text)
{
	double value = 0, place = 1;

	if (!isdigit((unsigned char)*text))
		return NULL;
	for (; isdigit((unsigned char)*text); text++)
		value = value <= PAPER_MAX ? value * 10 + (*text - '0') : value;
	if (*text == '.')
		for (text++; isdigit((unsigned char)*text); text++)
			value += (*text - '0') * (place /= 10);
	if (value < PAPER_MIN || value > PAPER_MAX)
		return NULL;
	*out = value;
	return text;
}

enum status
value_paper(void *field, const char *key, const char *text, struct error *e)
{
	struct paper paper = { 0, 0 };
	const char *rest;

	(void)key;
	for (size_t i = 0; i < sizeof(papers) / sizeof(papers[0]); i++)
		if (strcasecmp(papers[i].name, text) == 0) {
			*(struct paper *)field = papers[i].paper;
			return STATUS_OK;
		}
	rest = read_millimetres(&paper.width, text);
	if (rest && (*rest == 'x' || *rest == 'X'))
		rest = read_millimetres(&paper.height, rest + 1);
	else
		rest = NULL;
	if (!rest || (*rest && strcasecmp(rest, "mm") != 0))
		return error_set(e, STATUS_INVALID,
		    "not a size of paper; allowed: a3, a4, a5, b5, letter, legal, max, or "
		    "WIDTHxHEIGHT in millimetres, each %d to %d",
		    PAPER_MIN, PAPER_MAX);
	*(struct paper *)field = paper;
	return STATUS_OK;
}

enum status
value_option(void *field, const char *key, const char *text, struct error *e)
{
	return add_pair(field, strchr(key, '.') + 1, text, e);
}

/* Part of a text. */
struct part {
	const char *start;
	size_t len;
};

/* Takes what stands in quotes, at the end of text or at its start, off it. */
static bool
take_quoted(struct part *out, struct part *text, bool at_end)
{
	const char *first = text->start, *last = first + text->len - 1, *other;

	if (text->len < 2 || (at_end ? *last : *first) != '"')
		return false;
	other = at_end ? memrchr(first, '"', text->len - 1)
		       : memchr(first + 1, '"', text->len - 1);
	if (!other)
		return false;
	if (at_end)
		*out = (struct part){ other + 1, (size_t)(last - other - 1) };
	else
		*out = (struct part){ first + 1, (size_t)(other - first - 1) };
	text->len -= out->len + 2;
	if (!at_end)
		text->start = other + 1;
	return true;
}

/* Takes the last word off text. */
static void
take_word(struct part *out, struct part *text)
{
	const char *blank = memrchr(text->start, ' ', text->len);
	const char *start = blank ? blank + 1 : text->start;

	*out = (struct part){ start, text->len - (size_t)(start - text->start) };
	text->len = (size_t)(start - text->start);
}

/* Takes the outer blanks off; whether there were any at the end, or at the start. */
static bool
trim(struct part *text)
{
	size_t before = text->len;

	while (text->len && *text->start == ' ') {
		text->start++;
		text->len--;
	}
	while (text->len && text->start[text->len - 1] == ' ')
		text->len--;
	return text->len < before;
}

/* Splits at the end, where the option is, since a device's name may have blanks. */
static bool
split_button(struct part *device, struct part *option, const char *text)
{
	struct part rest = { text, strlen(text) };

	trim(&rest);
	if (!take_quoted(option, &rest, true))
		take_word(option, &rest);
	if (!trim(&rest)) /* nothing between the two */
		return false;
	if (!take_quoted(device, &rest, false)) {
		*device = rest;
		rest.len = 0;
	}
	return rest.len == 0 && device->len > 0 && option->len > 0 &&
	    !memchr(device->start, '"', device->len) &&
	    !memchr(option->start, '"', option->len);
}

enum status
value_button(char **device, char **option, const char *text, struct error *e)
{
	struct part names[2];

	*device = *option = NULL;
	if (!split_button(&names[0], &names[1], text))
		return error_set(e, STATUS_INVALID,
		    "a button wants the scanner's name and the option's; allowed: [button "
		    "DEVICE OPTION], each in quotes where it has blanks");
	*device = strndup(names[0].start, names[0].len);
	*option = strndup(names[1].start, names[1].len);
	if (*device && *option)
		return STATUS_OK;
	free(*device);
	free(*option);
	*device = *option = NULL;
	return out_of_memory(e);
}

/* -- texts ----------------------------------------------------------------------- */

enum status
value_check_url(const char *text, struct error *e)
{
	static const char scheme[] = "https://";
	size_t len = strlen(scheme);

	if (*text == '\0')
		return STATUS_OK;
	if (strncmp(text, scheme, len) != 0 || !text_is_ascii(text) ||
	    strpbrk(text, " \"<>\\^`{|}") || !strchr(letters_digits, text[len]) ||
	    text[len] == '\0')
		return error_set(
		    e, STATUS_INVALID, "not a web address; allowed: https://host/path");
	return STATUS_OK;
}

enum status
value_check_template(const char *text, struct error *e)
{
	static const struct tm when = { .tm_mday = 1 };
	const struct template_values sample = {
		.when = &when,
		.user = "user",
		.host = "host",
		.profile = "profile",
		.number = 1,
	};
	char *expanded;
	enum status status = template_expand(&expanded, text, &sample, e);

	if (status == STATUS_OK)
		free(expanded);
	return status;
}

/* Whether a file of this name could be another name's, in folders with a file a name. */
static bool
is_file_of_another(const char *name)
{
	static const char *const tails[] = { ".lock", ".reminded" };
	size_t len = strlen(name);

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		size_t tail = strlen(tails[i]);

		if (len >= tail && strcasecmp(name + len - tail, tails[i]) == 0)
			return true;
	}
	return *name == '.' || strcasestr(name, ".new-");
}

enum status
value_check_name(const char *text, struct error *e)
{
	if (!is_made_of(text, "._-") || strlen(text) > VALUE_NAME_MAX)
		return error_set(e, STATUS_INVALID,
		    "not a name; allowed: up to %d letters, digits, '.', '_', '-'",
		    VALUE_NAME_MAX);
	if (is_file_of_another(text))
		return error_set(e, STATUS_INVALID,
		    "not a name; it may not begin with '.', end in '.lock' or "
		    "'.reminded', or hold '.new-', as files beside another one's do");
	return STATUS_OK;
}

/* -- what is done, and who is told ----------------------------------------------- */

/* Cuts the next word off a list with commas; false at its end. */
static bool
next_word(const char **cursor, struct buf *word)
{
	buf_reset(word);
	return mailbox_text_next(cursor, word);
}

/* Adds the step of this name; false when it is none, or may not stand here. */
static bool
add_step(struct oversize *steps, const char *word)
{
	static const char *const names[] = {
		[OVERSIZE_SHRINK] = "shrink",
		[OVERSIZE_SPLIT] = "split",
		[OVERSIZE_REFUSE] = "refuse",
	};

	for (int i = 0; i < OVERSIZE_STEPS; i++) {
		if (strcmp(word, names[i]) != 0)
			continue;
		for (size_t had = 0; had < steps->count; had++)
			if (steps->step[had] == i || steps->step[had] == OVERSIZE_REFUSE)
				return false;
		steps->step[steps->count++] = i;
		return true;
	}
	return false;
}

enum status
value_oversize(void *field, const char *key, const char *text, struct error *e)
{
	struct oversize steps = { .count = 0 };
	bool good = true;
	struct buf word;

	(void)key;
	buf_init(&word, ADDRESS_LIST_TEXT_MAX);
	while (good && next_word(&text, &word))
		good = add_step(&steps, buf_text(&word));
	buf_clear(&word);
	if (!good)
		return error_set(e, STATUS_INVALID,
		    "not a list of steps; allowed: shrink, split, refuse, "
		    "separated by commas, each at most once, refuse as the last");
	add_step(&steps, "refuse"); /* nothing to do where it stands already */
	*(struct oversize *)field = steps;
	return STATUS_OK;
}

enum status
value_notify(void *field, const char *key, const char *text, struct error *e)
{
	struct notify notify = { .owner = false }, *old = field;
	const char *cursor = strcmp(text, "none") == 0 ? NULL : text;
	enum status status = STATUS_OK;
	struct error sentence;
	struct buf word;

	(void)key;
	buf_init(&word, ADDRESS_LIST_TEXT_MAX);
	while (status == STATUS_OK && next_word(&cursor, &word)) {
		if (strcmp(buf_text(&word), "owner") == 0)
			notify.owner = true;
		else
			status = mailbox_list_parse(
			    &notify.others, buf_text(&word), &sentence);
	}
	buf_clear(&word);
	if (status != STATUS_OK) {
		mailbox_list_clear(&notify.others);
		return error_set(e, status,
		    "%s; allowed: none, or owner and addresses, separated by commas",
		    sentence.text);
	}
	mailbox_list_clear(&old->others);
	*old = notify;
	return STATUS_OK;
}

enum status
value_yes_no(void *field, const char *key, const char *text, struct error *e)
{
	bool yes = strcmp(text, "yes") == 0;

	(void)key;
	if (!yes && strcmp(text, "no") != 0)
		return error_set(
		    e, STATUS_INVALID, "neither yes nor no; allowed: yes, no");
	*(bool *)field = yes;
	return STATUS_OK;
}
