/* watch: a scanner whose buttons are looked at (watch.h). */
#include "scan2mail/watch.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/log.h"
#include "scan2mail/buttons.h"
#include "scan2mail/child.h"
#include "scan2mail/sensors.h"

enum {
	MS = 1000,
	RECORD_MS = 1000, /* until the rest of a record that has begun */
	NAMES_MAX = LOG_LINE_MAX,
};

struct watched {
	const struct button *button;
	struct button_rule rule;
	struct button_state state;
};

/*
 * now >= due starts a child       a look arrives: due = now + patience
 *   idle ───────────────────────► watching ◄─┐
 *    ▲   fault, crash, silence,      │  └────┘
 *    └───────────────────────────────┘
 *        due = now + a wait that grows
 *
 * paused: no child, and nothing is due.
 */
struct watch {
	const char *device;
	struct watched *watched;
	size_t count;
	const char **option; /* for the child */
	struct sensors_wish wish;
	struct child *child;
	pid_t left; /* the last one, which could not be ended; 0: it could */
	int64_t due;
	int64_t patience_ms; /* between two records of the child */
	unsigned failures;
	int64_t started;    /* the child */
	unsigned looks;     /* that it has told of */
	bool more;          /* it has told more than was taken */
	struct error said;  /* of what has failed; "": nothing */
	int64_t busy_since; /* another program has it; WATCH_NEVER: none */
	bool busy_said;
	bool announced; /* what is watched was said */
	bool resumed;   /* the first look after a pause is to come */
};

int64_t
watch_wait(unsigned failures, int64_t least, int64_t most)
{
	int64_t wait = least;

	while (failures-- > 1 && wait < most)
		wait *= 2;
	return wait < most ? wait : most;
}

/* -- making ---------------------------------------------------------------------------*/

static void
add_button(struct watch *w, const struct config *c, const struct button *b)
{
	const struct scan_profile *profile = config_profile(c, b->profile);
	int64_t open_ms = profile ? (int64_t)profile->waits.open * MS : 0;

	w->watched[w->count] = (struct watched){
		.button = b,
		.rule = { .value = b->value, .pause_ms = (int64_t)b->pause * MS },
	};
	w->option[w->count++] = b->option;
	if (w->patience_ms < open_ms + (int64_t)c->button_poll)
		w->patience_ms = open_ms + (int64_t)c->button_poll;
}

struct watch *
watch_new(const struct config *c, const char *device)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->watched = calloc(c->button_count + 1, sizeof(*w->watched));
	w->option = calloc(c->button_count + 1, sizeof(*w->option));
	if (!w->watched || !w->option) {
		watch_free(w);
		return NULL;
	}
	w->busy_since = WATCH_NEVER;
	for (size_t i = 0; i < c->button_count; i++)
		if (strcmp(c->button[i].device, device) == 0) {
			w->device = c->button[i].device;
			add_button(w, c, &c->button[i]);
		}
	w->wish = (struct sensors_wish){
		.device = w->device,
		.option = w->option,
		.count = w->count,
		.poll_ms = (unsigned)c->button_poll,
	};
	return w;
}

void
watch_free(struct watch *w)
{
	if (!w)
		return;
	child_end(w->child, 0);
	free(w->watched);
	free(w->option);
	free(w);
}

void
watch_term(struct watch *w)
{
	if (w->child)
		child_term(w->child);
}

/* -- failing and starting anew --------------------------------------------------------*/

static void
rebase(struct watch *w)
{
	for (size_t i = 0; i < w->count; i++)
		button_rebase(&w->watched[i].state);
}

static void
end_child(struct watch *w)
{
	if (w->child)
		w->left = child_end(w->child, 0);
	w->child = NULL;
}

static void
fail(struct watch *w, const char *why, int64_t now)
{
	end_child(w);
	rebase(w);
	w->failures++;
	w->due = now + watch_wait(w->failures, WATCH_RETRY_MIN_MS, WATCH_RETRY_MAX_MS);
	w->busy_since = WATCH_NEVER;
	if (strcmp(w->said.text, why) == 0)
		return;
	error_set(&w->said, STATUS_INVALID, "%s", why);
	log_message(
	    LEVEL_WARNING, "%s: %s; it is tried again until it answers", w->device, why);
}

static void
start(struct watch *w, int64_t now)
{
	struct error e;

	w->started = now;
	w->looks = 0;
	w->due = now + w->patience_ms;
	if (w->left && !child_is_gone(w->left)) {
		fail(w, "the scanner's driver hangs in the kernel and cannot be ended",
		    now);
		return;
	}
	w->left = 0;
	if (child_start(&w->child, sensors_look, &w->wish, &e) != STATUS_OK)
		fail(w, e.text, now);
}

/* What drivers leak ends with their process. The next look goes on where this one was. */
static void
renew(struct watch *w, int64_t now)
{
	end_child(w);
	w->due = now + w->wish.poll_ms;
}

void
watch_inherit(struct watch *w, struct watch *from)
{
	end_child(from);
	w->left = from->left;
	for (size_t i = 0; i < w->count; i++)
		for (size_t k = 0; k < from->count; k++)
			if (strcmp(w->option[i], from->option[k]) == 0 &&
			    strcmp(w->watched[i].rule.value,
				from->watched[k].rule.value) == 0)
				w->watched[i].state = from->watched[k].state;
	w->resumed = from->resumed;
}

void
watch_pause(struct watch *w)
{
	end_child(w);
	w->due = WATCH_NEVER;
	w->busy_since = WATCH_NEVER;
	rebase(w);
}

void
watch_resume(struct watch *w, int64_t now)
{
	w->resumed = true;
	w->due = now;
}

/* -- what the child tells -------------------------------------------------------------*/

/* Whether an option has come before: it may have several values. */
static bool
is_said(const struct watch *w, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(w->option[i], w->option[n]) == 0)
			return true;
	return false;
}

/* Says once what is watched, and what is not there. */
static void
announce(struct watch *w, const struct wire_record *record)
{
	struct buf names;

	buf_init(&names, NAMES_MAX);
	for (size_t i = 0; i < w->count; i++) {
		if (is_said(w, i))
			continue;
		if (sensors_value(record, w->option[i]))
			buf_printf(&names, "%s%s", names.len ? ", " : "", w->option[i]);
		else
			log_message(LEVEL_WARNING,
			    "%s: there is no \"%s\" to be read now; scan2mail "
			    "--list-buttons shows what there is",
			    w->device, w->option[i]);
	}
	if (names.len)
		log_message(LEVEL_INFO, "%s: watching %s", w->device, buf_text(&names));
	buf_clear(&names);
	w->announced = true;
}

static void
log_ignored(const struct watch *w, const struct watched *each, const char *why)
{
	log_message(LEVEL_INFO, "%s: \"%s\" is ignored: %s", w->device,
	    each->button->option, why);
}

static const struct button *
take_sensors(struct watch *w, const struct wire_record *record, int64_t now)
{
	const struct button *pressed = NULL;

	if (*w->said.text || w->busy_said)
		log_message(LEVEL_INFO, "%s: the scanner answers again", w->device);
	*w->said.text = '\0';
	if (w->looks > WATCH_LOOKS_SPARE)
		w->failures = 0; /* it lasts */
	w->busy_since = WATCH_NEVER;
	w->busy_said = false;
	if (!w->announced)
		announce(w, record);
	for (size_t i = 0; i < w->count; i++) {
		struct watched *each = &w->watched[i];
		enum button_event event = button_look(
		    &each->state, &each->rule, sensors_value(record, w->option[i]), now);

		if (event == BUTTON_STANDS)
			log_ignored(w, each,
			    w->resumed
				? "it was pressed while the scanner was at work, or is "
				  "pressed still"
				: "it was pressed before it was watched");
		else if (event == BUTTON_BOUNCES)
			log_ignored(w, each, "it was pressed a moment ago");
		else if (event == BUTTON_PRESSED && pressed)
			log_ignored(w, each, "another one was pressed with it");
		else if (event == BUTTON_PRESSED)
			pressed = each->button;
	}
	w->resumed = false;
	return pressed;
}

static void
take_busy(struct watch *w, int64_t now)
{
	if (w->busy_since == WATCH_NEVER)
		w->busy_since = now;
	if (w->busy_said || now - w->busy_since < WATCH_BUSY_MS)
		return;
	w->busy_said = true;
	log_message(LEVEL_WARNING,
	    "%s: another program has had the scanner open for a minute; its buttons "
	    "cannot be seen until it is let go",
	    w->device);
}

/* Whether it tells of more looks than there was time for. */
static bool
is_hasty(const struct watch *w, int64_t now)
{
	return w->looks > WATCH_LOOKS_SPARE + (now - w->started) / w->wish.poll_ms;
}

/* A look, or a try at one. */
static const struct button *
take_look(struct watch *w, const struct wire_record *record, int64_t now)
{
	const struct button *pressed = NULL;

	w->looks++;
	if (is_hasty(w, now)) {
		fail(w, "the scanner's driver tells more than there was time for", now);
		return NULL;
	}
	if (record->kind == WIRE_SENSORS)
		pressed = take_sensors(w, record, now);
	else
		take_busy(w, now);
	if (w->looks >= WATCH_LOOKS_MAX)
		renew(w, now);
	return pressed;
}

static const struct button *
take_record(struct watch *w, int64_t now)
{
	struct wire_record record;
	const char *texts[2];
	struct error e;

	if (child_next(w->child, &record, RECORD_MS, &e) != STATUS_OK) {
		fail(w, "the scanner's driver has crashed", now);
		return NULL;
	}
	w->due = now + w->patience_ms;
	if (record.kind == WIRE_SENSORS || record.kind == WIRE_BUSY)
		return take_look(w, &record, now);
	if (record.kind == WIRE_FAULT && wire_get_texts(texts, 2, &record))
		fail(w, texts[1], now);
	else
		fail(w, "the scanner's driver has gone astray", now);
	return NULL;
}

const struct button *
watch_work(struct watch *w, int64_t now)
{
	const struct button *pressed = NULL;

	if (!w->child && now >= w->due)
		start(w, now);
	for (int i = 0; i < WATCH_RECORDS_MAX && !pressed && w->child; i++) {
		if (!child_ready(w->child))
			break;
		pressed = take_record(w, now);
	}
	w->more = w->child && child_ready(w->child);
	if (!pressed && w->child && now >= w->due)
		fail(w, "the scanner's driver does not answer", now);
	return pressed;
}

int
watch_fd(const struct watch *w)
{
	return w->child ? child_fd(w->child) : -1;
}

int64_t
watch_due(const struct watch *w)
{
	return w->more ? 0 : w->due; /* poll(2) knows nothing of what was read already */
}
