/*
 * scan: records from the child become pages of a PDF (scan.h).
 *
 *                READY            PAGE             PAGE_END
 *   OPENING ------------> WAITING ------> READING -----------+
 *                          ^  |            | ^ ROWS          |
 *                          |  | DONE       +-+               |
 *                          |  +------> ENDED                 |
 *                          +---------------------------------+
 *
 * A fault, silence or nonsense in any state ends it; the page that is half is dropped.
 */
#include "scan2mail/scan.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/text.h"
#include "scan2mail/child.h"
#include "scan2mail/device.h"
#include "scan2mail/page.h"

enum state { OPENING, WAITING, READING, ENDED, STATES };

static const int wait_ms[STATES] = {
	[OPENING] = SCAN_OPEN_MS,
	[WAITING] = SCAN_START_MS,
	[READING] = SCAN_PROGRESS_MS,
};

struct scan {
	const struct scan_job *job;
	struct child *child;
	enum state state;
	struct pdf *pdf; /* NULL before the first page */
	struct page page;
	enum pixel_format wanted;
};

typedef enum status handler(
    struct scan *s, const struct wire_record *record, struct error *e);

static enum status
on_ready(struct scan *s, const struct wire_record *record, struct error *e)
{
	(void)s, (void)record, (void)e;
	log_message(LEVEL_INFO, "the scanner is ready");
	return STATUS_OK;
}

/* The PDF starts with the first page, so that nothing is opened for none. */
static enum status
on_page(struct scan *s, const struct wire_record *record, struct error *e)
{
	enum status status = STATUS_OK;
	struct frame frame;

	if (!wire_get_frame(&frame, record))
		return error_set(
		    e, STATUS_INVALID, "the scanner's driver has gone astray");
	if (!s->pdf)
		status = pdf_new(&s->pdf, &s->job->destination->sink,
		    s->job->request->subject, s->job->now, e);
	if (status != STATUS_OK)
		return status;
	s->page.pdf = s->pdf;
	return page_begin(&s->page, &frame, s->wanted, e);
}

static enum status
on_rows(struct scan *s, const struct wire_record *record, struct error *e)
{
	return page_add(&s->page, record->payload, record->len, e);
}

static enum status
on_page_end(struct scan *s, const struct wire_record *record, struct error *e)
{
	struct frame frame = s->page.frame;
	enum pixel_format format = s->page.rows.format;
	static const char *const names[] = {
		[PIXEL_RGB] = "colour",
		[PIXEL_GRAY] = "gray",
		[PIXEL_BILEVEL] = "black and white",
	};
	unsigned lines = s->page.count;
	enum status status = page_end(&s->page, e);

	(void)record;
	if (status == STATUS_OK)
		log_message(LEVEL_INFO, "page %u: %.0f x %.0f mm, %.0f dpi, %s",
		    pdf_page_count(s->pdf), frame.width * 25.4 / frame.x_dpi,
		    lines * 25.4 / frame.y_dpi, frame.x_dpi, names[format]);
	return status;
}

static enum status
on_done(struct scan *s, const struct wire_record *record, struct error *e)
{
	(void)s, (void)record, (void)e;
	return STATUS_OK;
}

static enum status
on_fault(struct scan *s, const struct wire_record *record, struct error *e)
{
	const char *text;

	(void)s;
	if (!wire_get_texts(&text, 1, record))
		text = "the scanner's driver has gone astray";
	return error_set(e, STATUS_INVALID, "%s", text);
}

/* Which record may come when, what is done with it, and what follows. */
static const struct step {
	enum state state;
	enum wire_kind kind;
	handler *handle;
	enum state next;
} steps[] = {
	{ OPENING, WIRE_READY, on_ready, WAITING },
	{ OPENING, WIRE_FAULT, on_fault, ENDED },
	{ WAITING, WIRE_PAGE, on_page, READING },
	{ WAITING, WIRE_DONE, on_done, ENDED },
	{ WAITING, WIRE_FAULT, on_fault, ENDED },
	{ READING, WIRE_ROWS, on_rows, READING },
	{ READING, WIRE_PAGE_END, on_page_end, WAITING },
	{ READING, WIRE_FAULT, on_fault, ENDED },
};

static enum status
take(struct scan *s, const struct wire_record *record, struct error *e)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (steps[i].state != s->state || steps[i].kind != record->kind)
			continue;
		s->state = steps[i].next;
		return steps[i].handle(s, record, e);
	}
	return error_set(e, STATUS_INVALID, "the scanner's driver has gone astray");
}

static enum status
take_all(struct scan *s, struct error *e)
{
	enum status status = STATUS_OK;
	struct wire_record record;

	while (status == STATUS_OK && s->state != ENDED) {
		status = child_next(s->child, &record, wait_ms[s->state], e);
		if (status == STATUS_OK)
			status = take(s, &record, e);
	}
	return status;
}

/* Makes the whole pages count, after a fault too. */
static enum status
deliver(struct scan *s, bool fault, struct error *e)
{
	enum status status = fault ? page_drop(&s->page, e) : STATUS_OK;

	if (status == STATUS_OK)
		status = pdf_finish(s->pdf, e);
	if (status == STATUS_OK)
		status =
		    s->job->destination->commit(s->job->destination->sink.context, e);
	return status;
}

static enum pixel_format
format_wanted(int mode)
{
	return mode == MODE_BW  ? PIXEL_BILEVEL
	    : mode == MODE_GRAY ? PIXEL_GRAY
				: PIXEL_RGB;
}

enum status
scan_run(const struct scan_job *job, unsigned *pages, struct error *e)
{
	struct scan s = {
		.job = job,
		.page = { .scratch_dir = job->scratch_dir, .scratch = -1 },
		.wanted = format_wanted(job->request->mode),
	};
	enum status status = child_start(&s.child, device_scan, job->request, e);
	struct error fault;
	unsigned whole;

	if (status == STATUS_OK)
		status = take_all(&s, e);
	whole = s.pdf ? pdf_page_count(s.pdf) : 0;
	if (status == STATUS_OK && whole == 0)
		status =
		    error_set(e, STATUS_INVALID, "the scanner has delivered no page");
	if (whole > 0 && (status == STATUS_OK || status == STATUS_INVALID)) {
		enum status delivered = deliver(&s, status == STATUS_INVALID, &fault);

		if (delivered != STATUS_OK) {
			*e = fault;
			status = delivered == STATUS_INVALID ? STATUS_RETRY : delivered;
		}
	}
	/* A scanner that has come to its end may take its time to close. */
	child_end(s.child, s.state == ENDED ? SCAN_CLOSE_MS : 0);
	page_clear(&s.page);
	pdf_free(s.pdf);
	if (status == STATUS_OK || status == STATUS_INVALID)
		*pages = whole;
	return status;
}

/* -- the list -------------------------------------------------------------------------*/

/* "NAME<tab>MAKER MODEL", with whatever a driver says made harmless. */
static bool
add_device(struct buf *out, const struct wire_record *record)
{
	static const char *const ends[] = { "\t", " ", "\n" };
	const char *texts[3];

	if (!wire_get_texts(texts, 3, record))
		return false;
	for (size_t i = 0; i < 3; i++) {
		text_clean(out, texts[i], strlen(texts[i]), TEXT_LINE);
		buf_puts(out, ends[i]);
	}
	return !out->over;
}

enum status
scan_list(struct buf *out, struct error *e)
{
	struct wire_record record = { .kind = WIRE_DEVICE };
	struct child *child = NULL;
	size_t before = out->len;
	enum status status = child_start(&child, device_list, NULL, e);

	while (status == STATUS_OK && record.kind != WIRE_DONE) {
		status = child_next(child, &record, SCAN_OPEN_MS, e);
		if (status != STATUS_OK)
			break;
		if (record.kind == WIRE_FAULT)
			status = on_fault(NULL, &record, e);
		else if (record.kind != WIRE_DONE &&
		    (record.kind != WIRE_DEVICE || !add_device(out, &record)))
			status = error_set(
			    e, STATUS_INVALID, "the scanners' drivers have gone astray");
	}
	child_end(child, status == STATUS_OK ? SCAN_CLOSE_MS : 0);
	if (status == STATUS_OK && out->len == before)
		status = error_set(e, STATUS_INVALID,
		    "no scanner was found: check cable, network and power; "
		    "/etc/sane.d/dll.conf lists the drivers");
	return status;
}
