/* device: a scanner, through libsane (device.h). */
#include "scan2mail/device.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <sane/sane.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "scan2mail/cancel.h"
#include "scan2mail/child.h"
#include "scan2mail/controls.h"
#include "scan2mail/fault.h"
#include "scan2mail/pacing.h"

enum {
	IDLE_MS = 10,       /* between reads of a driver that has nothing yet */
	PAUSE_MIN_MS = 100, /* between tries of a scanner in use; doubled each time */
	PAUSE_MAX_MS = 2000,
	SAY_MS = 1000, /* between two records of a scanner that is slow or in use */
	MS = 1000,
	CHANNELS = 3,
};

struct device {
	struct uplink *up;
	const struct request *request;
	SANE_Handle handle;
	struct controls controls;
	int source;         /* the request's, or the glass in place of auto */
	unsigned pages;     /* of this stack */
	bool first;         /* it is the first stack */
	SANE_Parameters at; /* of this frame, from sane_start() on */
	unsigned channels;  /* of this page, a bit for each that has begun */
	bool announced;     /* this frame is sent */
	size_t filled;      /* bytes of the block at hand */
	struct pacing pacing;
	int64_t sent; /* when the last block was sent */
};

/* How a page ended. */
enum result {
	WHOLE,
	EMPTY, /* there is none */
	OVER,  /* a fault was sent, or nobody listens */
};

/* -- speaking -------------------------------------------------------------------------*/

/* After SIGTERM, and where nobody listens, nothing is said. */
static bool
tell(struct device *d, enum wire_kind kind, const void *payload, size_t len)
{
	if (!cancel_wanted() && !child_send(d->up, kind, payload, len))
		cancel_want();
	return !cancel_wanted();
}

static bool
tell_texts(struct device *d, enum wire_kind kind, const char *const *texts, size_t count)
{
	if (!cancel_wanted() && !child_send_texts(d->up, kind, texts, count))
		cancel_want();
	return !cancel_wanted();
}

static enum result
fail(struct device *d, const char *words, const char *sentence)
{
	const char *const texts[] = { words, sentence };

	tell_texts(d, WIRE_FAULT, texts, 2);
	return OVER;
}

static enum result
fail_status(struct device *d, SANE_Status status, enum fault_place place)
{
	const struct fault *fault = fault_of(status, place);

	return fail(d, fault->words, fault->sentence);
}

/* -- waiting for a scanner in use -----------------------------------------------------*/

struct busy {
	int64_t until; /* 0: not waited for yet */
	int64_t pause; /* milliseconds */
	int64_t said;
};

/* Whether to try once more after this status: after a pause, unless it has been waited
 * for long enough. */
static bool
wait_busy(struct device *d, struct busy *b, SANE_Status status)
{
	int64_t now = clock_ms(), end;
	const char *why;

	if (cancel_wanted() || !fault_passes(status, &why))
		return false;
	if (!b->until)
		*b = (struct busy){
			.until = now + (int64_t)d->request->waits.busy * MS,
			.pause = PAUSE_MIN_MS,
			.said = now - SAY_MS,
		};
	if (now >= b->until)
		return false;
	end = now + b->pause < b->until ? now + b->pause : b->until;
	b->pause = b->pause * 2 < PAUSE_MAX_MS ? b->pause * 2 : PAUSE_MAX_MS;
	for (; now < end && !cancel_wanted(); now = clock_ms()) {
		if (now - b->said >= SAY_MS) {
			tell_texts(d, WIRE_BUSY, &why, 1);
			b->said = now;
		}
		cancel_sleep(end - now < SAY_MS ? end - now : SAY_MS);
	}
	return !cancel_wanted();
}

/* -- opening --------------------------------------------------------------------------*/

static bool
begin(struct device *d)
{
	cancel_catch();
	if (sane_init(NULL, NULL) == SANE_STATUS_GOOD)
		return true;
	fail(d, "SANE not started", "SANE cannot be started: is libsane installed?");
	return false;
}

/* The name to open: the request's, the environment's (as for scanimage), or the first
 * that is found. NULL: there is none. */
static const char *
choose(const struct request *r)
{
	const char *name = *r->device ? r->device : getenv("SANE_DEFAULT_DEVICE");
	const SANE_Device **list;

	if (name && *name)
		return name;
	if (sane_get_devices(&list, SANE_FALSE) != SANE_STATUS_GOOD || !list || !list[0])
		return NULL;
	return list[0]->name;
}

static enum result
fail_open(struct device *d, const char *name, SANE_Status status)
{
	struct error e;

	if (status != SANE_STATUS_INVAL)
		return fail_status(d, status, FAULT_OPENING);
	error_set(&e, STATUS_INVALID,
	    "there is no scanner \"%.500s\": scan2mail --search names those that are "
	    "there",
	    name);
	return fail(d, fault_of(status, FAULT_OPENING)->words, e.text);
}

/* Sets the scanner, and says so. On failure it may be set in part. */
static enum status
set_up(struct device *d, int source, struct error *e)
{
	enum status status =
	    controls_apply(&d->controls, d->handle, d->request, source, e);
	const char *sides = d->controls.duplex ? "duplex" : "simplex";

	if (status != STATUS_OK)
		return status;
	d->source = source;
	tell_texts(d, WIRE_READY, &sides, 1);
	return STATUS_OK;
}

static bool
open_device(struct device *d)
{
	const char *name = choose(d->request);
	struct busy busy = { 0 };
	SANE_Status status;
	struct error e;

	if (!name) {
		fail(d, "no scanner found",
		    "no scanner was found: check cable, network and power, or name one "
		    "with -d");
		return false;
	}
	do
		status = sane_open(name, &d->handle);
	while (wait_busy(d, &busy, status));
	if (status != SANE_STATUS_GOOD) {
		fail_open(d, name, status);
		return false;
	}
	if (set_up(d, d->source, &e) == STATUS_OK)
		return true;
	fail(d, "settings refused by the scanner", e.text);
	sane_close(d->handle);
	return false;
}

/* -- frames ---------------------------------------------------------------------------*/

static SANE_Status
start_frame(struct device *d)
{
	struct busy busy = { 0 };
	SANE_Status status;

	cancel_begin(d->handle);
	do
		status = sane_start(d->handle);
	while (wait_busy(d, &busy, status));
	return status;
}

/* The first frame of a page. A driver that finds the settings wrong has changed them
 * (SANE 4.3.7): they are made anew, and it is tried once more. */
static SANE_Status
start_page(struct device *d)
{
	SANE_Status status = start_frame(d);
	struct error e;

	if (status == SANE_STATUS_INVAL && !cancel_wanted() &&
	    set_up(d, d->source, &e) == STATUS_OK)
		status = start_frame(d);
	return status;
}

static unsigned
positive(SANE_Int n)
{
	return n > 0 ? (unsigned)n : 0;
}

/* Which part of a page comes in which of SANE's frames; others are not known. */
static const int channel_of[] = {
	[SANE_FRAME_GRAY] = CHANNEL_ALL,
	[SANE_FRAME_RGB] = CHANNEL_ALL,
	[SANE_FRAME_RED] = CHANNEL_RED,
	[SANE_FRAME_GREEN] = CHANNEL_GREEN,
	[SANE_FRAME_BLUE] = CHANNEL_BLUE,
};

static int
channel(const SANE_Parameters *p)
{
	return channel_of[p->format]; /* begin_frame() has seen it */
}

/* Takes the frame's parameters, exact since sane_start(). False: a fault was sent. What
 * the numbers may be is the parent's to judge (rows.h), which must not trust us. */
static bool
begin_frame(struct device *d)
{
	SANE_Status status = sane_get_parameters(d->handle, &d->at);
	unsigned before = d->channels, bit;

	if (status != SANE_STATUS_GOOD) {
		fail_status(d, status, FAULT_MIDWAY);
		return false;
	}
	if ((unsigned)d->at.format > SANE_FRAME_BLUE) {
		fail(d, "unknown kind of picture",
		    "the scanner delivers a kind of picture that is not known: choose "
		    "another mode");
		return false;
	}
	bit = 1U << channel(&d->at);
	if ((before & bit) || (before && channel(&d->at) == CHANNEL_ALL)) {
		fail(d, "colours mixed up",
		    "the scanner has mixed up the colours of a page: scan in gray or bw");
		return false;
	}
	d->channels |= bit;
	d->announced = false;
	d->filled = 0;
	d->sent = clock_ms();
	pacing_begin(&d->pacing, &d->at);
	return true;
}

/* A frame is announced with its first bytes: a feeder that is empty may show it as late
 * as here, or by a page without any. Its layout may not have changed meanwhile; how many
 * lines there are, some drivers know only now. */
static bool
announce(struct device *d)
{
	unsigned char bytes[WIRE_FRAME_SIZE];
	SANE_Parameters now, *at = &d->at;
	bool first = (d->channels & (d->channels - 1)) == 0;
	double dpi;

	if (sane_get_parameters(d->handle, &now) == SANE_STATUS_GOOD) {
		if (now.format != at->format || now.depth != at->depth ||
		    now.pixels_per_line != at->pixels_per_line ||
		    now.bytes_per_line != at->bytes_per_line) {
			fail(d, "page size changed",
			    "the scanner has changed the page's size while reading it: "
			    "choose a paper size, or another resolution");
			return false;
		}
		at->lines = now.lines;
	}
	dpi = controls_dpi(&d->controls, positive(at->pixels_per_line));
	wire_put_frame(bytes,
	    &(struct frame){
		.channel = channel(at),
		.color = at->format == SANE_FRAME_RGB,
		.depth = positive(at->depth),
		.width = positive(at->pixels_per_line),
		.bytes_per_line = positive(at->bytes_per_line),
		.lines = positive(at->lines),
		.x_dpi = dpi,
		.y_dpi = dpi * d->controls.y_dpi / d->controls.x_dpi,
	    });
	d->announced = true;
	return tell(d, first ? WIRE_PAGE : WIRE_PLANE, bytes, sizeof(bytes));
}

/* Sends what is read of a frame so far. */
static bool
send_block(struct device *d)
{
	if (d->filled == 0)
		return true;
	if (!d->announced && !announce(d))
		return false;
	if (!child_send_block(d->up, d->filled))
		cancel_want();
	d->filled = 0;
	d->sent = clock_ms();
	return !cancel_wanted();
}

/* How a frame ended, from the status of the last sane_read(). */
static enum result
end_frame(struct device *d, SANE_Status status)
{
	bool begun = d->announced || d->filled > 0 || (d->channels & (d->channels - 1));

	if (cancel_wanted())
		return OVER; /* what comes after a cancel may be anything */
	if (status == SANE_STATUS_EOF && begun)
		return send_block(d) ? WHOLE : OVER;
	if ((status == SANE_STATUS_EOF || status == SANE_STATUS_NO_DOCS) && !begun)
		return EMPTY; /* a page without bytes is how some drivers end a stack */
	return fail_status(d, status, FAULT_MIDWAY);
}

/* Sends the lines of a frame up to its end, in full blocks unless the scanner is slow. */
static enum result
send_lines(struct device *d)
{
	SANE_Status status;
	unsigned char *block;
	SANE_Int len;

	for (;;) {
		size_t room = pacing_room(&d->pacing, CHILD_BLOCK_SIZE - d->filled);

		block = child_block(d->up);
		if (!block)
			return OVER;
		len = 0; /* not every driver sets it on failure */
		status = sane_read(d->handle, block + d->filled, (SANE_Int)room, &len);
		if (status != SANE_STATUS_GOOD || cancel_wanted())
			return end_frame(d, status);
		if (len > (SANE_Int)room)
			return fail(d, "scanner's driver astray",
			    "the scanner's driver has gone astray: switch the scanner off "
			    "and on, and scan again");
		if (len <= 0)
			cancel_sleep(IDLE_MS);
		if (pacing_took(&d->pacing, positive(len)))
			cancel_sleep(PACING_REST_MS);
		d->filled += positive(len);
		if ((d->filled == CHILD_BLOCK_SIZE || clock_ms() - d->sent >= SAY_MS) &&
		    !send_block(d))
			return OVER;
	}
}

/* -- pages ----------------------------------------------------------------------------*/

static enum fault_place
place(const struct device *d)
{
	return d->controls.feeder ? FAULT_FEEDER : FAULT_GLASS;
}

static enum result
fail_colors(struct device *d)
{
	return fail(d, "colours missing",
	    "the scanner has not delivered all three colours of a page: scan in gray or "
	    "bw");
}

/* One page: one frame, or three in any order. */
static enum result
send_page(struct device *d)
{
	enum result result = WHOLE;

	d->channels = 0;
	for (int n = 0; n < CHANNELS && result == WHOLE; n++) {
		SANE_Status status = n ? start_frame(d) : start_page(d);

		if (cancel_wanted())
			return OVER;
		if (status == SANE_STATUS_NO_DOCS)
			return n ? fail_colors(d) : EMPTY;
		if (status != SANE_STATUS_GOOD)
			return fail_status(d, status, place(d));
		if (!begin_frame(d))
			return OVER;
		result = send_lines(d);
		if (channel(&d->at) == CHANNEL_ALL)
			break; /* whatever it says of further frames */
		if (result == WHOLE && d->at.last_frame && n + 1 < CHANNELS)
			return fail_colors(d);
	}
	if (result == WHOLE && !tell(d, WIRE_PAGE_END, NULL, 0))
		return OVER;
	return result;
}

/* The pages of the feeder until it is empty, or the one on the glass. */
static enum result
send_stack(struct device *d)
{
	enum result result;

	d->pages = 0;
	do {
		result = send_page(d);
		d->pages += result == WHOLE;
	} while (result == WHOLE && d->controls.feeder);
	return result == EMPTY && d->pages > 0 ? WHOLE : result;
}

static bool
asks(const struct device *d)
{
	return d->request->more || d->request->backs != BACKS_NONE;
}

/* Whether to look once more for what was not there: on the glass in place of the feeder
 * when the source is auto; and on the glass once more, where some drivers want a
 * sane_cancel() that the page before has had already. Where that is not so, none may hang
 * before the parent knows. */
static bool
look_again(struct device *d)
{
	bool has_had = !d->first && !d->controls.feeder;
	bool turns = d->source == SOURCE_AUTO && d->controls.feeder &&
	    d->controls.has_flatbed && (d->first || d->request->backs == BACKS_NONE);
	struct error e;

	if (has_had || turns)
		cancel_now();
	return has_had || (turns && set_up(d, SOURCE_FLATBED, &e) == STATUS_OK);
}

/* Asks for the next stack. The scanner comes to rest meanwhile. With the source auto that
 * may lie in the feeder again. False: there is none, or a fault was sent. */
static bool
ask(struct device *d)
{
	bool asked = tell(d, WIRE_ASK, NULL, 0);
	struct error e;

	cancel_now();
	d->first = false;
	if (!asked || !child_ask(d->up) || cancel_wanted())
		return false;
	if (d->source == d->request->source || d->request->backs != BACKS_NONE ||
	    set_up(d, d->request->source, &e) == STATUS_OK)
		return true;
	fail(d, "settings refused by the scanner", e.text);
	return false;
}

static void
send_stacks(struct device *d)
{
	static const char *const none[] = { "the scanner finds no paper: put it in" };
	enum result result;

	do {
		result = send_stack(d);
		if (result == EMPTY && look_again(d))
			result = send_stack(d);
		if (cancel_wanted() || result == OVER)
			return;
		if (result == EMPTY && d->first) {
			fail_status(d, SANE_STATUS_NO_DOCS, place(d));
			return;
		}
		if (result == EMPTY)
			tell_texts(d, WIRE_BUSY, none, 1);
	} while (asks(d) && ask(d));
	if (!asks(d))
		tell(d, WIRE_DONE, NULL, 0);
}

void
device_scan(struct uplink *up, const void *context)
{
	const struct request *request = context;
	struct device d = {
		.up = up,
		.request = request,
		.source = request->source,
		.first = true,
	};

	if (!begin(&d))
		return;
	if (open_device(&d)) {
		send_stacks(&d);
		cancel_now();
		sane_close(d.handle);
	}
	sane_exit();
}

/* -- the list -------------------------------------------------------------------------*/

void
device_list(struct uplink *up, const void *context)
{
	struct device d = { .up = up };
	const SANE_Device **list = NULL;
	SANE_Status status;

	(void)context;
	if (!begin(&d))
		return;
	status = sane_get_devices(&list, SANE_FALSE);
	for (size_t i = 0; status == SANE_STATUS_GOOD && list && list[i]; i++) {
		const char *const texts[] = { list[i]->name, list[i]->vendor,
			list[i]->model };

		child_send_texts(up, WIRE_DEVICE, texts, 3); /* none that is too long */
	}
	if (status == SANE_STATUS_GOOD)
		tell(&d, WIRE_DONE, NULL, 0);
	else
		fail_status(&d, status, FAULT_OPENING);
	sane_exit();
}

/* What the open scanner can do. */
static void
describe(struct device *d)
{
	const char *text;
	struct buf out;
	struct error e;

	buf_init(&out, WIRE_PAYLOAD_MAX - 1);
	if (controls_describe(&out, d->handle, &e) != STATUS_OK) {
		fail(d, "scanner not described", e.text);
	} else {
		text = buf_text(&out);
		tell_texts(d, WIRE_ABLE, &text, 1);
		tell(d, WIRE_DONE, NULL, 0);
	}
	buf_clear(&out);
}

void
device_describe(struct uplink *up, const void *context)
{
	const char *name = context;
	struct device d = { .up = up };
	SANE_Status status;

	if (!begin(&d))
		return;
	status = sane_open(name, &d.handle);
	if (status == SANE_STATUS_GOOD) {
		describe(&d);
		sane_close(d.handle);
	} else {
		fail_open(&d, name, status);
	}
	sane_exit();
}
