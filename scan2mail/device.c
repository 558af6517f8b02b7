/* device: a scanner, through libsane (device.h). */
#include "scan2mail/device.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sane/sane.h>

#include "lib/base/buf.h"
#include "scan2mail/child.h"
#include "scan2mail/controls.h"

enum {
	IDLE_MS = 10, /* between reads of a driver that has nothing yet */
};

struct device {
	struct uplink *up;
	const struct request *request;
	SANE_Handle handle;
	struct controls controls;
	unsigned pages;
	bool announced; /* this page's frame is sent */
	size_t filled;  /* bytes of the block at hand */
	time_t sent;    /* when the last block was sent */
};

/* For the handler: sane_cancel() may be called from one (SANE 4.3.9). */
static SANE_Handle volatile running;
static volatile sig_atomic_t stopped;

static void
on_term(int number)
{
	(void)number;
	stopped = 1;
	if (running)
		sane_cancel(running);
}

/* -- what went wrong, for a person ----------------------------------------------------*/

static const struct fault {
	SANE_Status status;
	const char *text;
} faults[] = {
	{ SANE_STATUS_CANCELLED, "the scan was cancelled at the scanner" },
	{ SANE_STATUS_DEVICE_BUSY,
	    "the scanner is in use: scan again when it has finished" },
	{ SANE_STATUS_JAMMED,
	    "paper is jammed in the feeder: take it out and scan the remaining sheets" },
	{ SANE_STATUS_NO_DOCS,
	    "the feeder is empty: put the sheets in, or lay one on the glass and choose "
	    "the source flatbed" },
	{ SANE_STATUS_COVER_OPEN,
	    "the scanner's cover is open: close it and scan again" },
	{ SANE_STATUS_IO_ERROR,
	    "the connection to the scanner failed: check cable, network and power" },
	{ SANE_STATUS_NO_MEM, "the scanner's driver has no memory left" },
	{ SANE_STATUS_ACCESS_DENIED,
	    "access to the scanner is denied: the user must belong to the group "
	    "scanner" },
};

static void
send_fault(const struct device *d, const char *text)
{
	child_send(d->up, WIRE_FAULT, text, strlen(text) + 1);
}

static void
send_sane_fault(const struct device *d, SANE_Status status)
{
	char other[256];

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (faults[i].status == status) {
			send_fault(d, faults[i].text);
			return;
		}
	snprintf(other, sizeof(other), "the scanner failed: %s", sane_strstatus(status));
	send_fault(d, other);
}

/* -- opening --------------------------------------------------------------------------*/

/* The name to open: the request's, the environment's (as for scanimage), or the first
 * that is found. NULL: there is none. */
static const char *
choose(const struct request *r)
{
	const char *name = *r->device ? r->device : getenv("SANE_DEFAULT_DEVICE");
	const SANE_Device **list;

	if (name && *name)
		return name;
	if (sane_get_devices(&list, SANE_FALSE) != SANE_STATUS_GOOD || !list[0])
		return NULL;
	return list[0]->name;
}

static bool
open_device(struct device *d)
{
	const char *name = choose(d->request);
	char text[512];
	SANE_Status status;
	struct error e;

	if (!name) {
		send_fault(d,
		    "no scanner was found: check cable, network and power, or name one "
		    "with -d");
		return false;
	}
	status = sane_open(name, &d->handle);
	if (status == SANE_STATUS_INVAL) {
		snprintf(text, sizeof(text),
		    "there is no scanner \"%s\": scan2mail --list names those that are "
		    "there",
		    name);
		send_fault(d, text);
	} else if (status != SANE_STATUS_GOOD) {
		send_sane_fault(d, status);
	}
	if (status != SANE_STATUS_GOOD)
		return false;
	if (controls_apply(&d->controls, d->handle, d->request, d->request->source, &e) ==
	    STATUS_OK)
		return true;
	send_fault(d, e.text);
	sane_close(d->handle);
	return false;
}

/* -- pages ----------------------------------------------------------------------------*/

/* sane_start(), and once more on the glass when the source is auto and nothing lies in
 * the feeder. */
static SANE_Status
start_page(struct device *d)
{
	SANE_Status status = sane_start(d->handle);
	struct error e;

	if (status != SANE_STATUS_NO_DOCS || d->pages > 0 || !d->controls.feeder ||
	    d->request->source != SOURCE_AUTO || !d->controls.has_flatbed)
		return status;
	if (controls_apply(&d->controls, d->handle, d->request, SOURCE_FLATBED, &e) !=
	    STATUS_OK)
		return status;
	return sane_start(d->handle);
}

/* The page's frame, exact since sane_start(). False: a fault was sent. */
static bool
get_frame(struct device *d, unsigned char out[WIRE_FRAME_SIZE])
{
	SANE_Parameters p;
	SANE_Status status = sane_get_parameters(d->handle, &p);

	if (status != SANE_STATUS_GOOD) {
		send_sane_fault(d, status);
		return false;
	}
	if (p.format != SANE_FRAME_GRAY && p.format != SANE_FRAME_RGB) {
		send_fault(d,
		    "the scanner delivers red, green and blue one after the other, which "
		    "cannot be taken yet: scan in gray or bw");
		return false;
	}
	wire_put_frame(out,
	    &(struct frame){
		.color = p.format == SANE_FRAME_RGB,
		.depth = p.depth > 0 ? (unsigned)p.depth : 0,
		.width = p.pixels_per_line > 0 ? (unsigned)p.pixels_per_line : 0,
		.bytes_per_line = p.bytes_per_line > 0 ? (unsigned)p.bytes_per_line : 0,
		.lines = p.lines > 0 ? (unsigned)p.lines : 0,
		.x_dpi = d->controls.x_dpi,
		.y_dpi = d->controls.y_dpi,
	    });
	return true;
}

/* Sends what is read of a page so far; the first time, its frame before it. */
static bool
send_block(struct device *d, const unsigned char frame[WIRE_FRAME_SIZE])
{
	bool sent;

	if (d->filled == 0)
		return true;
	sent = (d->announced || child_send(d->up, WIRE_PAGE, frame, WIRE_FRAME_SIZE)) &&
	    child_send_block(d->up, d->filled);
	d->announced = true;
	d->filled = 0;
	d->sent = time(NULL);
	return sent;
}

/* Sends the lines of a page up to its end, in full blocks unless the scanner is slow. The
 * page is announced with its first bytes: a feeder that is empty may show it as late as
 * here, or by a page without any. */
static SANE_Status
send_lines(struct device *d, const unsigned char frame[WIRE_FRAME_SIZE])
{
	SANE_Status status;
	unsigned char *block;
	SANE_Int len;

	d->announced = false;
	d->filled = 0;
	d->sent = time(NULL);
	for (;;) {
		block = child_block(d->up);
		if (!block)
			return SANE_STATUS_CANCELLED;
		len = 0; /* not every driver sets it on failure */
		status = sane_read(d->handle, block + d->filled,
		    (SANE_Int)(CHILD_BLOCK_SIZE - d->filled), &len);
		if (status != SANE_STATUS_GOOD || stopped)
			break;
		if (len <= 0)
			nanosleep(
			    &(struct timespec){ .tv_nsec = IDLE_MS * 1000000L }, NULL);
		d->filled += len > 0 ? (size_t)len : 0;
		if ((d->filled == CHILD_BLOCK_SIZE || time(NULL) != d->sent) &&
		    !send_block(d, frame))
			return SANE_STATUS_CANCELLED;
	}
	if (status == SANE_STATUS_EOF && !send_block(d, frame))
		return SANE_STATUS_CANCELLED;
	return status == SANE_STATUS_EOF && !d->announced ? SANE_STATUS_NO_DOCS : status;
}

/* All pages. sane_cancel() only stands at the end: between pages it would eject the sheet
 * whose back is still to come. */
static void
send_pages(struct device *d)
{
	unsigned char frame[WIRE_FRAME_SIZE];
	SANE_Status status;

	do {
		status = start_page(d);
		running = d->handle;
		if (status == SANE_STATUS_GOOD && !get_frame(d, frame))
			return;
		if (status == SANE_STATUS_GOOD)
			status = send_lines(d, frame);
		if (status == SANE_STATUS_NO_DOCS && d->pages > 0)
			break;
		if (status != SANE_STATUS_EOF) {
			send_sane_fault(d, status);
			return;
		}
		if (!child_send(d->up, WIRE_PAGE_END, NULL, 0))
			return;
		d->pages++;
	} while (d->controls.feeder && !stopped);
	child_send(d->up, WIRE_DONE, NULL, 0);
}

void
device_scan(struct uplink *up, const void *context)
{
	struct device device = { .up = up, .request = context };
	struct device *d = &device;

	if (sane_init(NULL, NULL) != SANE_STATUS_GOOD) {
		send_fault(d, "SANE cannot be started: is libsane installed?");
		return;
	}
	signal(SIGTERM, on_term);
	if (open_device(d)) {
		child_send(up, WIRE_READY, NULL, 0);
		send_pages(d);
		running = NULL;
		sane_cancel(d->handle);
		sane_close(d->handle);
	}
	sane_exit();
}

/* -- the list -------------------------------------------------------------------------*/

static void
send_device(const struct device *d, const SANE_Device *s)
{
	const char *texts[] = { s->name, s->vendor, s->model };
	struct buf record;

	buf_init(&record, WIRE_PAYLOAD_MAX);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		buf_puts(&record, texts[i] ? texts[i] : "");
		buf_putc(&record, '\0');
	}
	if (!record.over)
		child_send(d->up, WIRE_DEVICE, record.data, record.len);
	buf_clear(&record);
}

void
device_list(struct uplink *up, const void *context)
{
	struct device d = { .up = up };
	const SANE_Device **list;
	SANE_Status status;

	(void)context;
	if (sane_init(NULL, NULL) != SANE_STATUS_GOOD) {
		send_fault(&d, "SANE cannot be started: is libsane installed?");
		return;
	}
	status = sane_get_devices(&list, SANE_FALSE);
	if (status != SANE_STATUS_GOOD) {
		send_sane_fault(&d, status);
		return;
	}
	for (size_t i = 0; list[i]; i++)
		send_device(&d, list[i]);
	child_send(up, WIRE_DONE, NULL, 0);
	sane_exit();
}
