/* catalog: which scanners there are (catalog.h). */
#include "scan2mail/catalog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/list.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "scan2mail/child.h"
#include "scan2mail/device.h"
#include "scan2mail/statedir.h"

enum {
	CLOSE_MS = 10 * 1000,
	TEXT_MAX = 8 * 1024, /* bytes of what one scanner says */
	LATE_MAX = 2,        /* records that are taken behind the deadline: what the
				scanner can, and its end */
};

static const char FOLDER[] = "scanners";
static const char FILE_NAME[] = "found";

struct scanner {
	char *name;  /* as SANE wants it */
	char *label; /* maker and model; "": not known */
	char *able;  /* lines; NULL: it has not said */
	char *fault; /* NULL: none */
	struct child *child;
	bool found; /* by a search just now */
};

struct catalog {
	struct scanner scanner[CATALOG_MAX];
	size_t count;
	bool short_of_memory;
};

static void
clear(struct catalog *c)
{
	for (size_t i = 0; i < c->count; i++) {
		free(c->scanner[i].name);
		free(c->scanner[i].label);
		free(c->scanner[i].able);
		free(c->scanner[i].fault);
	}
	*c = (struct catalog){ .count = 0 };
}

/* The text as a line of its own, malloc'ed; "" without memory. */
static char *
clean(struct catalog *c, const char *text)
{
	struct buf line;
	char *taken;

	buf_init(&line, TEXT_MAX);
	text_clean(&line, text, strlen(text), TEXT_LINE);
	taken = strdup(buf_text(&line));
	buf_clear(&line);
	c->short_of_memory = c->short_of_memory || !taken;
	return taken;
}

/* Adds a scanner, or says more of one that is there. */
static void
add(struct catalog *c, const char *name, const char *label)
{
	struct scanner *s = c->scanner;

	while (s < c->scanner + c->count && strcmp(s->name, name) != 0)
		s++;
	if (!*name || s == c->scanner + CATALOG_MAX)
		return;
	if (s == c->scanner + c->count) {
		*s = (struct scanner){ .name = strdup(name) };
		c->short_of_memory = c->short_of_memory || !s->name;
		if (!s->name)
			return;
		c->count++;
	}
	if (*label || !s->label) {
		free(s->label);
		s->label = clean(c, label);
	}
}

/* -- what is known ------------------------------------------------------------------ */

/* Whether a line can hold the name. */
static bool
is_plain(const char *name)
{
	return !strpbrk(name, "\t\n") && utf8_valid(name, strlen(name));
}

/* Lines "NAME<tab>MAKER MODEL". */
static void
recall(struct catalog *c)
{
	struct buf text;
	int folder;
	char *save = NULL;

	if (statedir_open(&folder, FOLDER, NULL) != STATUS_OK)
		return;
	buf_init(&text, STATEDIR_FILE_MAX);
	if (statedir_read(&text, folder, FILE_NAME) && text.len > 0)
		for (char *line = strtok_r(text.data, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save)) {
			char *tab = strchr(line, '\t');

			if (tab)
				*tab = '\0';
			if (tab && is_plain(line))
				add(c, line, tab + 1);
		}
	buf_clear(&text);
	close(folder);
}

static void
remember(const struct catalog *c)
{
	struct error e = { "" };
	struct buf text;
	int folder = -1;

	buf_init(&text, STATEDIR_FILE_MAX);
	for (size_t i = 0; i < c->count; i++)
		if (is_plain(c->scanner[i].name))
			buf_printf(
			    &text, "%s\t%s\n", c->scanner[i].name, c->scanner[i].label);
	if (statedir_open(&folder, FOLDER, &e) == STATUS_OK &&
	    !statedir_write(folder, FILE_NAME, &text))
		error_errno(&e, "the file cannot be written");
	if (*e.text)
		log_message(LEVEL_INFO,
		    "the scanners are not remembered, and searched for again next time: "
		    "%s",
		    e.text);
	if (folder >= 0)
		close(folder);
	buf_clear(&text);
}

/* What the environment and the profiles name. */
static void
add_named(struct catalog *c, const struct config *config)
{
	const char *first = getenv("SANE_DEFAULT_DEVICE");

	add(c, first ? first : "", "");
	for (size_t i = 0; config && i < config->profile_count; i++)
		add(c, config->profile[i].device, "");
	for (size_t i = 0; config && i < config->button_count; i++)
		add(c, config->button[i].device, "");
}

/* -- searching ---------------------------------------------------------------------- */

static bool
add_found(struct catalog *c, const struct wire_record *record)
{
	const char *texts[3];
	struct buf label;

	if (!wire_get_texts(texts, 3, record))
		return false;
	buf_init(&label, TEXT_MAX);
	buf_printf(&label, "%s %s", texts[1], texts[2]);
	add(c, texts[0], buf_text(&label));
	buf_clear(&label);
	return true;
}

static enum status
fault_error(const struct wire_record *record, struct error *e)
{
	const char *texts[2]; /* in few words, and a sentence */

	if (!wire_get_texts(texts, 2, record))
		return error_set(e, STATUS_INVALID, "SANE has failed");
	/* a sentence that sends people to a search is of no use in a list */
	return error_set(
	    e, STATUS_INVALID, "%s", texts[strstr(texts[1], "--search") ? 0 : 1]);
}

static enum status
search(struct catalog *c, struct error *e)
{
	struct wire_record record = { .kind = WIRE_DEVICE };
	struct child *child = NULL;
	enum status status = child_start(&child, device_list, NULL, e);

	while (status == STATUS_OK && record.kind != WIRE_DONE) {
		status = child_next(child, &record, CATALOG_SEARCH_MS, e);
		if (status != STATUS_OK)
			break;
		if (record.kind == WIRE_FAULT)
			status = fault_error(&record, e);
		else if (record.kind != WIRE_DONE &&
		    (record.kind != WIRE_DEVICE || !add_found(c, &record)))
			status = error_set(
			    e, STATUS_INVALID, "the scanners' drivers have gone astray");
	}
	child_end(child, status == STATUS_OK ? CLOSE_MS : 0);
	for (size_t i = 0; i < c->count; i++)
		c->scanner[i].found = true;
	return status;
}

/* -- looking at each ---------------------------------------------------------------- */

static void
start(struct scanner *s)
{
	struct error e;

	if (child_start(&s->child, device_describe, s->name, &e) != STATUS_OK)
		s->fault = strdup(e.text);
}

/* Waits until the scanner has spoken, or deadline. STATUS_CANCELLED alone is a failure.
 */
static enum status
hear(struct scanner *s, int64_t deadline, struct error *e)
{
	struct wire_record record = { .kind = WIRE_BUSY };
	enum status status = STATUS_OK;
	const char *text;
	int late = 0;

	while (status == STATUS_OK && record.kind != WIRE_DONE) {
		int64_t left = deadline - clock_ms();

		if (left <= 0 && ++late > LATE_MAX)
			status = STATUS_INVALID;
		else
			status =
			    child_next(s->child, &record, left > 0 ? (int)left : 0, e);
		if (status != STATUS_OK)
			break;
		if (record.kind == WIRE_FAULT)
			status = fault_error(&record, e);
		else if (record.kind == WIRE_ABLE && !s->able &&
		    wire_get_texts(&text, 1, &record))
			s->able = strdup(text);
	}
	if (status == STATUS_CANCELLED)
		return status;
	if (status != STATUS_OK && clock_ms() >= deadline)
		error_set(e, STATUS_INVALID, "it has not answered within %d seconds",
		    CATALOG_OPEN_MS / 1000);
	if (status != STATUS_OK)
		s->fault = strdup(e->text);
	return STATUS_OK;
}

/* Ends all; those that have spoken may close in peace. */
static void
end(struct catalog *c, int64_t deadline)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->scanner[i].child && c->scanner[i].fault)
			child_term(c->scanner[i].child);
	for (size_t i = 0; i < c->count; i++) {
		int64_t left = c->scanner[i].fault ? 0 : deadline - clock_ms();

		child_end(c->scanner[i].child, left > 0 ? (int)left : 0);
		c->scanner[i].child = NULL;
	}
}

/* Opens all but those that a search has just found, unless what they can is wanted. */
static enum status
look(struct catalog *c, bool able, struct error *e)
{
	int64_t deadline = clock_ms() + CATALOG_OPEN_MS;
	enum status status = STATUS_OK;

	for (size_t i = 0; i < c->count; i++)
		if (able || !c->scanner[i].found)
			start(&c->scanner[i]);
	for (size_t i = 0; i < c->count && status == STATUS_OK; i++)
		if (c->scanner[i].child)
			status = hear(&c->scanner[i], deadline, e);
	end(c, status == STATUS_OK ? deadline : 0);
	return status;
}

/* -- showing ------------------------------------------------------------------------ */

/* A scanner's line, and with able what it can do, whatever a driver says made harmless.
 */
static void
show(struct buf *out, const struct scanner *s, bool able)
{
	text_clean(out, s->name, strlen(s->name), TEXT_LINE);
	buf_printf(out, "\t%s", s->label);
	if (s->fault) {
		buf_puts(out, "\t");
		text_clean(out, s->fault, strlen(s->fault), TEXT_LINE);
	}
	buf_puts(out, "\n");
	for (const char *line = s->able; able && line && *line;) {
		size_t len = strcspn(line, "\n");

		buf_puts(out, "    ");
		text_clean(out, line, len, TEXT_LINE);
		buf_puts(out, "\n");
		line += len + (line[len] == '\n');
	}
}

/* Fills c with all that is to be shown. */
static enum status
gather(struct catalog *c, const struct catalog_wish *wish, struct error *e)
{
	enum status status;

	if (!wish->search) {
		add_named(c, wish->config);
		recall(c);
		if (c->count > 0)
			return STATUS_OK;
		log_message(LEVEL_INFO,
		    "no scanner is known yet: searching, which may take a minute");
	}
	status = search(c, e);
	if (status != STATUS_OK)
		return status;
	if (c->count > 0)
		remember(c);
	add_named(c, wish->config);
	return STATUS_OK;
}

enum status
catalog_list(struct buf *out, const struct catalog_wish *wish, struct error *e)
{
	struct catalog *c = calloc(1, sizeof(*c));
	enum status status;

	if (!c)
		return error_errno(e, "the scanners cannot be listed");
	status = gather(c, wish, e);
	if (status == STATUS_OK && c->count == 0)
		status = error_set(e, STATUS_INVALID,
		    "no scanner was found: check cable, network and power; "
		    "/etc/sane.d/dll.conf lists the drivers");
	if (status == STATUS_OK)
		status = look(c, wish->able, e);
	if (status == STATUS_OK && c->short_of_memory)
		status = error_set(
		    e, STATUS_RETRY, "the scanners cannot be listed: out of memory");
	for (size_t i = 0; i < c->count && status == STATUS_OK; i++)
		show(out, &c->scanner[i], wish->able);
	clear(c);
	free(c);
	return status;
}
