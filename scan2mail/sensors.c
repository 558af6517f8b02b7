/* sensors: looks at a scanner's buttons, and shows them to a person (sensors.h). */
#include "scan2mail/sensors.h"

#include <fnmatch.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sane/sane.h>

#include "lib/base/buf.h"
#include "lib/base/list.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "scan2mail/child.h"
#include "scan2mail/interrupt.h"

enum {
	OPTIONS_MAX = 2000,
	VALUE_SIZE_MAX = 4096, /* bytes of an option's value */
	SHOWN_MAX = 256,       /* bytes of it that are told */
	MS = 1000,
	NS_OF_MS = 1000 * 1000,
};

/* Drivers of the plustek family ask the hardware only when this one is read. */
static const char first_button[] = "button 0";
/* pixma: this action fetches the events that the next reads tell of. */
static const char update_action[] = "button-update";

/* Settable options that are sensors all the same, and what is none although it stands
 * among them. All others are known by what can be done with them. */
static const struct known {
	const char *pattern;
	bool sensor;
} known[] = {
	{ "button-controlled", false }, /* pixma: the scan itself waits for a button */
	{ "button-wait", false },       /* hp */
	{ "wait-for-button", false },   /* epson2 */
	{ "need-calibration", false },
	{ "button", true },
	{ "button[- ]*", true },
	{ "scan", true },
	{ "email", true },
	{ "copy", true },
	{ "fax", true },
	{ "pdf", true },
	{ "pdf[0-9]", true },
	{ "cancel", true },
	{ "function", true },
	{ "message", true },
	{ "page-loaded", true },
	{ "adf-loaded", true },
	{ "card-loaded", true },
	{ "doc-in-adf", true },
	{ "cover-open", true },
};

struct look {
	struct uplink *up;
	const struct sensors_wish *wish;
	SANE_Handle handle;
	struct buf record;
	size_t count; /* of options in it */
};

/* -- what is a sensor -----------------------------------------------------------------*/

static bool
has_value(const SANE_Option_Descriptor *d)
{
	return d->name && *d->name && SANE_OPTION_IS_ACTIVE(d->cap) &&
	    (d->type == SANE_TYPE_BOOL || d->type == SANE_TYPE_INT ||
		d->type == SANE_TYPE_STRING) &&
	    d->size > 0 && d->size <= VALUE_SIZE_MAX;
}

static bool
is_group_of_sensors(const char *title)
{
	return title &&
	    (fnmatch("*sensor*", title, FNM_CASEFOLD) == 0 ||
		fnmatch("*button*", title, FNM_CASEFOLD) == 0);
}

/* Whether an option may be a button or a sensor; group: the title above it, or NULL. */
static bool
may_be_sensor(const SANE_Option_Descriptor *d, const char *group)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (fnmatch(known[i].pattern, d->name, FNM_CASEFOLD) == 0)
			return known[i].sensor;
	return !SANE_OPTION_IS_SETTABLE(d->cap) || is_group_of_sensors(group);
}

static bool
is_wanted(
    const struct sensors_wish *wish, const SANE_Option_Descriptor *d, const char *group)
{
	if (!wish->option)
		return may_be_sensor(d, group);
	for (size_t i = 0; i < wish->count; i++)
		if (strcmp(wish->option[i], d->name) == 0)
			return true;
	return false;
}

/* -- one look -------------------------------------------------------------------------*/

/* Reads an option and adds it to the record. What cannot be read is left out. */
static void
read_option(struct look *l, SANE_Int number, const SANE_Option_Descriptor *d)
{
	static SANE_Word value[VALUE_SIZE_MAX / sizeof(SANE_Word) + 1];
	const char *text = (const char *)value;

	memset(value, 0, sizeof(value)); /* also the NUL that a driver may forget */
	if (sane_control_option(l->handle, number, SANE_ACTION_GET_VALUE, value, NULL) !=
		SANE_STATUS_GOOD ||
	    l->count == SENSORS_MAX)
		return;
	l->count++;
	buf_add(&l->record, d->name, strlen(d->name) + 1);
	if (d->type == SANE_TYPE_STRING)
		text_clean(&l->record, text, text_cut(text, SHOWN_MAX), TEXT_LINE);
	else
		buf_printf(&l->record, "%d",
		    d->type == SANE_TYPE_BOOL ? value[0] != SANE_FALSE : value[0]);
	buf_putc(&l->record, '\0');
}

static SANE_Int
count_options(SANE_Handle handle)
{
	SANE_Int count = 0;

	if (sane_control_option(handle, 0, SANE_ACTION_GET_VALUE, &count, NULL) !=
	    SANE_STATUS_GOOD)
		return 0;
	return count < OPTIONS_MAX ? count : OPTIONS_MAX;
}

/* What must be done before the others are read; the number of the option that was read
 * for it, or 0. */
static SANE_Int
prepare(struct look *l, SANE_Int count)
{
	SANE_Int first = 0;

	for (SANE_Int i = 1; i < count; i++) {
		const SANE_Option_Descriptor *d =
		    sane_get_option_descriptor(l->handle, i);

		if (!d || !d->name || !SANE_OPTION_IS_ACTIVE(d->cap))
			continue;
		if (d->type == SANE_TYPE_BUTTON && SANE_OPTION_IS_SETTABLE(d->cap) &&
		    strcmp(d->name, update_action) == 0)
			sane_control_option(
			    l->handle, i, SANE_ACTION_SET_VALUE, NULL, NULL);
		if (!first && strcmp(d->name, first_button) == 0 && has_value(d)) {
			read_option(l, i, d);
			first = i;
		}
	}
	return first;
}

static void
read_options(struct look *l)
{
	SANE_Int count = count_options(l->handle);
	SANE_Int first = prepare(l, count);
	const char *group = NULL;

	for (SANE_Int i = 1; i < count; i++) {
		const SANE_Option_Descriptor *d =
		    sane_get_option_descriptor(l->handle, i);

		if (d && d->type == SANE_TYPE_GROUP)
			group = d->title;
		else if (d && i != first && has_value(d) && is_wanted(l->wish, d, group))
			read_option(l, i, d);
	}
}

/* -- what is told ---------------------------------------------------------------------*/

static bool
send_fault(const struct look *l, SANE_Status status)
{
	const char *what = sane_strstatus(status), *remedy;
	struct buf texts;
	bool sent;

	switch (status) {
	case SANE_STATUS_INVAL:
		what = "there is no such scanner";
		remedy = "check cable, network and power; scan2mail --search names those "
			 "that are there";
		break;
	case SANE_STATUS_ACCESS_DENIED:
		what = "access is denied";
		remedy = "the user must belong to the group scanner, or lp";
		break;
	default: remedy = "check cable, network and power";
	}
	buf_init(&texts, WIRE_PAYLOAD_MAX);
	buf_printf(&texts, "%s%c", what, '\0');
	buf_printf(&texts, "the scanner cannot be opened: %s: %s%c", what, remedy, '\0');
	sent = child_send(l->up, WIRE_FAULT, texts.data, texts.len);
	buf_clear(&texts);
	return sent;
}

/* What was read does not fit in a record: a driver may give its values any length. */
static bool
send_overflow(const struct look *l)
{
	struct buf texts;
	bool sent;

	buf_init(&texts, WIRE_PAYLOAD_MAX);
	buf_printf(&texts, "too many values%c", '\0');
	buf_printf(&texts,
	    "its buttons and sensors tell more than %d bytes in one look: name fewer of "
	    "them in postroom.conf%c",
	    WIRE_PAYLOAD_MAX, '\0');
	sent = child_send(l->up, WIRE_FAULT, texts.data, texts.len);
	buf_clear(&texts);
	return sent;
}

/* Opens, reads, lets go, tells. Whether there is to be another look. */
static bool
look(struct look *l)
{
	static const char busy[] = "the scanner is in use by another program";
	SANE_Status status = sane_open(l->wish->device, &l->handle);
	bool sent;

	if (status == SANE_STATUS_DEVICE_BUSY)
		return child_send(l->up, WIRE_BUSY, busy, sizeof(busy));
	if (status != SANE_STATUS_GOOD) {
		send_fault(l, status);
		return false;
	}
	buf_init(&l->record, WIRE_PAYLOAD_MAX);
	l->count = 0;
	read_options(l);
	sane_close(l->handle);
	sent = l->record.over
	    ? send_overflow(l)
	    : child_send(l->up, WIRE_SENSORS, l->record.data, l->record.len);
	sent = sent && !l->record.over;
	buf_clear(&l->record);
	return sent;
}

/* -- the child ------------------------------------------------------------------------*/

static volatile sig_atomic_t stopped;

static void
on_term(int number)
{
	(void)number;
	stopped = 1;
}

/* SIGTERM comes through between two looks alone, so that no driver is interrupted and the
 * scanner is closed; a look that hangs is ended by SIGKILL. */
static void
hold_signals(sigset_t *between)
{
	struct sigaction action = { .sa_handler = on_term };
	sigset_t held;

	sigemptyset(&action.sa_mask);
	sigaction(SIGTERM, &action, NULL);
	sigemptyset(between);
	sigemptyset(&held);
	sigaddset(&held, SIGTERM);
	sigprocmask(SIG_SETMASK, &held, NULL);
}

void
sensors_look(struct uplink *up, const void *context)
{
	struct look l = { .up = up, .wish = context };
	struct timespec pause = {
		.tv_sec = l.wish->poll_ms / MS,
		.tv_nsec = (long)(l.wish->poll_ms % MS) * NS_OF_MS,
	};
	sigset_t between;

	hold_signals(&between);
	if (sane_init(NULL, NULL) != SANE_STATUS_GOOD) {
		send_fault(&l, SANE_STATUS_UNSUPPORTED);
		return;
	}
	while (!stopped && look(&l))
		ppoll(NULL, 0, &pause, &between);
	/* No sane_exit(): nothing is open, and some drivers do not return from it. */
}

/* -- what it told ---------------------------------------------------------------------*/

/* Names and values in turn; their number, 0 when the record is no good. */
static size_t
get_texts(const char *texts[WIRE_TEXTS_MAX], const struct wire_record *record)
{
	size_t count = 0;

	for (size_t i = 0; i < record->len; i++)
		count += record->payload[i] == '\0';
	return count % 2 == 0 && wire_get_texts(texts, count, record) ? count : 0;
}

const char *
sensors_value(const struct wire_record *record, const char *option)
{
	const char *texts[WIRE_TEXTS_MAX];
	size_t count = get_texts(texts, record);

	for (size_t i = 0; i < count; i += 2)
		if (strcmp(texts[i], option) == 0)
			return texts[i + 1];
	return NULL;
}

/* -- for a person ---------------------------------------------------------------------*/

enum {
	SHOW_OPEN_MS = 60 * 1000, /* a look may take, beside the wait before it */
	TEXT_MAX = 64 * 1024,
	CLOCK_MAX = 16,
};

struct shown {
	const char *device;
	struct pairs last; /* what was printed of each */
	bool busy;         /* it was said that another program has the scanner */
};

/* A driver may have put anything into its names. */
static bool
print(struct buf *text)
{
	struct buf clean;
	bool printed;

	buf_init(&clean, TEXT_MAX);
	text_clean(&clean, buf_text(text), text->len, TEXT_LINES);
	printed = !text->over && !clean.over && puts(buf_text(&clean)) >= 0;
	buf_clear(&clean);
	buf_clear(text);
	return fflush(stdout) == 0 && printed;
}

/* All that there is, and how to name it. */
static bool
print_all(const struct shown *s)
{
	const struct pair *first = s->last.item;
	struct buf text;

	buf_init(&text, TEXT_MAX);
	buf_printf(&text, "%s shows these buttons and sensors:\n", s->device);
	for (size_t i = 0; i < s->last.count; i++)
		buf_printf(&text, "  %-24s %s\n", first[i].name, first[i].value);
	buf_printf(&text,
	    "In postroom.conf a button starts a scan by\n"
	    "  [button \"%s\" \"%s\"]\n"
	    "  profile = default\n"
	    "Press buttons, put paper in and take it out: each change follows here, until "
	    "Ctrl-C.\n",
	    s->device, first[0].name);
	return print(&text);
}

static bool
print_change(const struct pair *old, const char *value)
{
	char clock[CLOCK_MAX] = "";
	time_t now = time(NULL);
	struct buf text;
	struct tm when;

	if (localtime_r(&now, &when))
		strftime(clock, sizeof(clock), "%H:%M:%S", &when);
	buf_init(&text, TEXT_MAX);
	buf_printf(
	    &text, "%s  %s: \"%s\" was \"%s\"\n", clock, old->name, value, old->value);
	return print(&text);
}

/* Prints what has changed, and keeps it. */
static bool
print_changes(struct shown *s, const struct wire_record *record)
{
	for (size_t i = 0; i < s->last.count; i++) {
		struct pair *old = &s->last.item[i];
		const char *value = sensors_value(record, old->name);
		char *copy;

		if (!value || strcmp(value, old->value) == 0)
			continue;
		copy = strdup(value);
		if (!copy || !print_change(old, value)) {
			free(copy);
			return false;
		}
		free(old->value);
		old->value = copy;
	}
	return true;
}

/* Keeps the first look. False: memory is short. */
static bool
keep_all(struct shown *s, const struct wire_record *record)
{
	const char *texts[WIRE_TEXTS_MAX];
	size_t count = get_texts(texts, record);

	for (size_t i = 0; i < count; i += 2)
		if (!pairs_add(&s->last, texts[i], texts[i + 1]))
			return false;
	return true;
}

static enum status
show_record(struct shown *s, const struct wire_record *record, struct error *e)
{
	const char *fault[2];
	bool first = s->last.count == 0;

	if (record->kind == WIRE_BUSY) {
		if (!s->busy)
			log_message(LEVEL_WARNING,
			    "%s is in use by another program; waiting for it", s->device);
		s->busy = true;
		return STATUS_OK;
	}
	if (record->kind == WIRE_FAULT && wire_get_texts(fault, 2, record))
		return error_set(e, STATUS_INVALID, "%s: %s", s->device, fault[1]);
	if (record->kind != WIRE_SENSORS)
		return error_set(
		    e, STATUS_INVALID, "the scanner's driver has gone astray");
	if (first && !keep_all(s, record))
		return error_set(e, STATUS_RETRY, "out of memory");
	if (s->last.count == 0)
		return error_set(e, STATUS_INVALID,
		    "%s: its driver shows no buttons or sensors: scan2maild(8) tells what "
		    "else can start a scan",
		    s->device);
	if (!(first ? print_all(s) : print_changes(s, record)))
		return error_set(e, STATUS_RETRY, "standard output cannot be written");
	return STATUS_OK;
}

enum status
sensors_show(const char *device, unsigned poll_ms, struct error *e)
{
	const char *name = *device ? device : getenv("SANE_DEFAULT_DEVICE");
	struct sensors_wish wish = { .device = name, .poll_ms = poll_ms };
	struct shown shown = { .device = name };
	struct child *child = NULL;
	struct wire_record record;
	enum status status;

	if (!name || !*name)
		return error_set(e, STATUS_INVALID,
		    "which scanner? Name it with -d; scan2mail --list shows their names");
	status = child_start(&child, sensors_look, &wish, e);
	while (status == STATUS_OK) {
		status = child_next(child, &record, (int)poll_ms + SHOW_OPEN_MS, e);
		if (status == STATUS_OK)
			status = show_record(&shown, &record, e);
	}
	child_end(child, 0);
	pairs_clear(&shown.last);
	return status == STATUS_CANCELLED ? STATUS_OK : status;
}
