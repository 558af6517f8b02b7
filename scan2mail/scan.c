/*
 * scan: records from the child become pages of a PDF (scan.h).
 *
 *                READY            PAGE             PAGE_END
 *   OPENING ------------> WAITING ------> READING -----------+
 *    |   ^                 |  ^  ^         |   ^ ROWS, PLANE |
 *    +---+ BUSY            |  |  |         +---+ BUSY        |
 *                          |  |  +---------------------------+
 *               DONE, ASK: |  | ASK: go on; BUSY; READY
 *                no more   |  +--+
 *                          v     |
 *                        ENDED <-+
 *
 * A fault, silence or nonsense in any state ends it, and so does a disk that has no room
 * for a page; the page that is half is dropped, the whole ones are delivered as
 * request->partial has it; so after SIGTERM. Another signal takes all back.
 */
#include "scan2mail/scan.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "scan2mail/child.h"
#include "scan2mail/device.h"
#include "scan2mail/interrupt.h"
#include "scan2mail/page.h"
#include "scan2mail/stack.h"

enum {
	WORDS_MAX = 120, /* bytes of a fault in few words */
	FAULT_MAX = 200, /* of the same with its pages */
};

enum state { OPENING, WAITING, READING, ENDED, STATES };

struct scan {
	const struct scan_job *job;
	struct child *child;
	enum state state;
	struct pdf *pdf; /* NULL before the first page */
	struct page page;
	struct stack stack;
	bool ready;                /* said */
	unsigned readies;          /* that came before this page */
	int64_t page_since;        /* ms; of the page that is read */
	int64_t busy_since;        /* ms; 0: it is not */
	char words[WORDS_MAX + 1]; /* the fault, for the mail; "" before one */
};

typedef enum status handler(
    struct scan *s, const struct wire_record *record, struct error *e);

static enum status
astray(struct error *e)
{
	return error_set(e, STATUS_INVALID, "the scanner's driver has gone astray");
}

/* Keeps what the mail calls the fault; the first name stays. */
static void
name_fault(struct scan *s, const char *words)
{
	struct buf clean;

	if (*s->words)
		return;
	buf_init(&clean, (size_t)WORDS_MAX * 3); /* an invalid byte becomes three */
	text_clean(&clean, words, text_cut(words, WORDS_MAX), TEXT_LINE);
	snprintf(s->words, sizeof(s->words), "%.*s",
	    (int)text_cut(buf_text(&clean), WORDS_MAX), buf_text(&clean));
	buf_clear(&clean);
}

/* The scanner is set, or (again) set otherwise. */
static enum status
on_ready(struct scan *s, const struct wire_record *record, struct error *e)
{
	const char *sides = NULL;

	if (++s->readies > SCAN_READY_MAX)
		return astray(e);
	/* Without a word, what was asked for. */
	s->stack.duplex = wire_get_texts(&sides, 1, record)
	    ? strcmp(sides, "duplex") == 0
	    : s->job->request->source == SOURCE_ADF_DUPLEX;
	if (!s->ready)
		log_message(LEVEL_INFO, "the scanner is ready");
	s->ready = true;
	return STATUS_OK;
}

static enum status
on_busy(struct scan *s, const struct wire_record *record, struct error *e)
{
	const struct scan_waits *w = &s->job->request->waits;
	int64_t now = clock_ms(), bound = (int64_t)(w->busy + w->open) * 1000;
	const char *text;

	if (!wire_get_texts(&text, 1, record))
		return astray(e);
	if (!s->busy_since) {
		log_message(LEVEL_INFO, "%s", text);
		s->busy_since = now;
	}
	if (now - s->busy_since > bound)
		return error_set(e, STATUS_INVALID,
		    "the scanner is still in use after %lld seconds: scan again when it "
		    "has finished",
		    (long long)(now - s->busy_since) / 1000);
	return STATUS_OK;
}

static enum pixel_format
format_wanted(int mode)
{
	return mode == MODE_BW  ? PIXEL_BILEVEL
	    : mode == MODE_GRAY ? PIXEL_GRAY
				: PIXEL_RGB;
}

/* The PDF starts with the first page, so that nothing is opened for none. */
static enum status
on_page(struct scan *s, const struct wire_record *record, struct error *e)
{
	const struct request *r = s->job->request;
	const struct page_style style = {
		.format = format_wanted(r->mode),
		.quality = r->quality,
		.rotate = stack_is_back(&s->stack) ? r->rotate_back : 0,
	};
	enum status status = stack_reserve(&s->stack, e);
	struct frame frame;

	if (!wire_get_frame(&frame, record))
		return astray(e);
	if (status == STATUS_OK && !s->pdf)
		status = pdf_new(
		    &s->pdf, &s->job->destination->sink, r->subject, s->job->now, e);
	if (status != STATUS_OK)
		return status;
	s->page.pdf = s->pdf;
	s->page_since = clock_ms();
	return page_begin(&s->page, &frame, &style, e);
}

static enum status
on_plane(struct scan *s, const struct wire_record *record, struct error *e)
{
	struct frame frame;

	return wire_get_frame(&frame, record) ? page_plane(&s->page, &frame, e)
					      : astray(e);
}

static enum status
on_rows(struct scan *s, const struct wire_record *record, struct error *e)
{
	const struct scan_waits *w = &s->job->request->waits;
	int64_t bound = (int64_t)(w->start + SCAN_PAGE_PIECES * w->progress);

	if (record->len == 0)
		return astray(e);
	if ((clock_ms() - s->page_since) / 1000 > bound)
		return error_set(e, STATUS_INVALID,
		    "the scanner has not ended a page in %lld seconds: switch it off and "
		    "on, and scan again",
		    (long long)bound);
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
	s->readies = 0;
	if (status != STATUS_OK)
		return status;
	log_message(LEVEL_INFO, "page %u: %.0f x %.0f mm, %.0f dpi, %s",
	    pdf_page_count(s->pdf), frame.width * 25.4 / frame.x_dpi,
	    lines * 25.4 / frame.y_dpi, frame.x_dpi, names[format]);
	stack_add(&s->stack);
	return STATUS_OK;
}

/* Whether somebody puts more in. Should nobody be there to be asked, that is the end, and
 * nothing to lose pages for. */
static enum status
on_ask(struct scan *s, const struct wire_record *record, struct error *e)
{
	const struct scan_job *job = s->job;
	struct scan_question q = {
		.pages = s->stack.pages,
		.backs = stack_wants_backs(&s->stack),
	};
	enum status status = STATUS_OK;
	bool go = false;

	(void)record;
	if (job->ask && (q.backs || job->request->more))
		status = job->ask(job->context, &q, &go, e);
	if (status == STATUS_CANCELLED)
		return status;
	if (status != STATUS_OK)
		log_message(LEVEL_WARNING, "%s", e->text);
	if (status != STATUS_OK || !go) {
		s->state = ENDED;
		return STATUS_OK;
	}
	stack_next(&s->stack);
	s->readies = 0;
	if (!child_go(s->child))
		return error_set(e, STATUS_INVALID,
		    "the scanner's driver has ended while more paper was waited for: "
		    "scan the remaining sheets");
	return STATUS_OK;
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
	const char *texts[2];

	if (!wire_get_texts(texts, 2, record))
		return astray(e);
	name_fault(s, texts[0]);
	return error_set(e, STATUS_INVALID, "%s", texts[1]);
}

static const char ASTRAY[] = "failure of the scanner's driver";
static const char NO_ROOM[] = "no room for a page"; /* on a disk, or in memory */

/* Which record may come when, what is done with it, what follows, and what the mail calls
 * it when that fails. */
static const struct step {
	enum state state;
	enum wire_kind kind;
	handler *handle;
	enum state next;
	const char *words;
} steps[] = {
	{ OPENING, WIRE_READY, on_ready, WAITING, ASTRAY },
	{ OPENING, WIRE_BUSY, on_busy, OPENING, "scanner in use" },
	{ OPENING, WIRE_FAULT, on_fault, ENDED, ASTRAY },
	{ WAITING, WIRE_READY, on_ready, WAITING, ASTRAY },
	{ WAITING, WIRE_BUSY, on_busy, WAITING, "scanner in use" },
	{ WAITING, WIRE_PAGE, on_page, READING, "page that cannot be taken" },
	{ WAITING, WIRE_ASK, on_ask, WAITING, ASTRAY },
	{ WAITING, WIRE_DONE, on_done, ENDED, ASTRAY },
	{ WAITING, WIRE_FAULT, on_fault, ENDED, ASTRAY },
	{ READING, WIRE_ROWS, on_rows, READING, "page that cannot be taken" },
	{ READING, WIRE_PLANE, on_plane, READING, "incomplete page" },
	{ READING, WIRE_BUSY, on_busy, READING, "scanner in use" },
	{ READING, WIRE_PAGE_END, on_page_end, WAITING, "incomplete page" },
	{ READING, WIRE_FAULT, on_fault, ENDED, ASTRAY },
};

static enum status
take(struct scan *s, const struct wire_record *record, struct error *e)
{
	enum status status = STATUS_INVALID;

	if (record->kind != WIRE_BUSY)
		s->busy_since = 0;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (steps[i].state != s->state || steps[i].kind != record->kind)
			continue;
		s->state = steps[i].next;
		/* a PDF that a signal breaks off amid its bytes could not be ended */
		interrupt_defer(record->kind != WIRE_ASK);
		status = steps[i].handle(s, record, e);
		interrupt_defer(false);
		if (status != STATUS_OK && status != STATUS_CANCELLED)
			name_fault(
			    s, status == STATUS_INVALID ? steps[i].words : NO_ROOM);
		return status;
	}
	return astray(e);
}

/* Milliseconds that the child may be silent now. */
static int
patience(const struct scan *s)
{
	const struct scan_waits *w = &s->job->request->waits;
	const uint64_t seconds[STATES] = {
		[OPENING] = w->open,
		[WAITING] = w->start,
		/* The next of three frames starts as a page does. */
		[READING] =
		    s->page.planar && w->start > w->progress ? w->start : w->progress,
		[ENDED] = w->close,
	};

	return seconds[s->state] < INT_MAX / 1000 ? (int)seconds[s->state] * 1000
						  : INT_MAX;
}

static enum status
take_all(struct scan *s, struct error *e)
{
	enum status status = STATUS_OK;
	struct wire_record record;

	while (status == STATUS_OK && s->state != ENDED) {
		int64_t start = clock_ms();
		int wait = patience(s);

		status = child_next(s->child, &record, wait, e);
		if (status == STATUS_INVALID && clock_ms() - start >= wait)
			name_fault(s, "no answer from the scanner");
		if (status == STATUS_OK)
			status = take(s, &record, e);
	}
	if (status != STATUS_OK && status != STATUS_CANCELLED)
		name_fault(s, ASTRAY);
	return status;
}

/* -- the end of a stack ---------------------------------------------------------------*/

/* What the mail says: the fault first. */
static void
make_remark(const struct scan *s, bool fault, char out[SCAN_REMARK_MAX])
{
	char broken[FAULT_MAX] = "";

	if (fault)
		stack_fault(broken, sizeof(broken), s->words, s->stack.pages);
	snprintf(out, SCAN_REMARK_MAX, "%s%s%s", broken,
	    *broken && *s->stack.remark ? "; " : "", s->stack.remark);
}

/* Makes the whole pages count, after a fault too. */
static enum status
deliver(struct scan *s, bool fault, char remark[SCAN_REMARK_MAX], struct error *e)
{
	const struct request *r = s->job->request;
	enum status status;
	struct pdf_remark said;

	interrupt_defer(true);
	status = fault ? page_drop(&s->page, e) : STATUS_OK;
	stack_end(&s->stack, fault);
	make_remark(s, fault, remark);
	said = (struct pdf_remark){ remark, fault, fault && r->partial == PARTIAL_HOLD };
	if (status == STATUS_OK && *remark)
		status = pdf_remark(s->pdf, &said, e);
	if (status == STATUS_OK && r->backs != BACKS_NONE)
		status = pdf_order(s->pdf, s->stack.order, s->stack.pages, e);
	if (status == STATUS_OK)
		status = pdf_finish(s->pdf, e);
	interrupt_defer(false);
	if (status == STATUS_OK)
		status =
		    s->job->destination->commit(s->job->destination->sink.context, e);
	return status == STATUS_INVALID ? STATUS_RETRY : status;
}

/* Adds to the sentence that the pages before the fault are not delivered. */
static void
say_dropped(unsigned pages, struct error *e)
{
	const struct error fault = *e;

	error_set(e, STATUS_INVALID,
	    "%s; %u page%s scanned before %s dropped, as partial = drop wants it",
	    fault.text, pages, pages == 1 ? "" : "s", pages == 1 ? "was" : "were");
}

/* Whether SIGTERM has ended a stack of which there are whole pages that count, and nobody
 * is there who was to be asked for more: makes it a fault. */
static bool
was_stopped(struct scan *s, enum status status, struct error *e)
{
	const struct request *r = s->job->request;

	if (status != STATUS_CANCELLED || interrupt_signal() != SIGTERM ||
	    s->stack.pages == 0 || r->partial == PARTIAL_DROP || r->more ||
	    r->backs != BACKS_NONE)
		return false;
	name_fault(s, "stopped");
	error_set(e, STATUS_INVALID, "stopped by the signal TERM");
	return true;
}

/* After the last record: what there is goes to the destination, or does not. */
static enum status
settle(struct scan *s, enum status status, struct scan_result *out, struct error *e)
{
	struct scan_result result = { .pages = s->stack.pages };
	bool stopped = was_stopped(s, status, e), fault = status != STATUS_OK;
	enum status delivered = STATUS_OK;
	struct error why;

	if (stopped)
		status = STATUS_INVALID;
	if (status == STATUS_CANCELLED)
		return status;
	if (status == STATUS_OK && result.pages == 0)
		status =
		    error_set(e, STATUS_INVALID, "the scanner has delivered no page");
	if (fault && result.pages > 0 && s->job->request->partial == PARTIAL_DROP) {
		say_dropped(result.pages, e);
		result.pages = 0;
	}
	if (result.pages > 0)
		delivered = deliver(s, fault, result.remark, &why);
	if (delivered != STATUS_OK) {
		/* neither goes unsaid */
		if (fault && !stopped && strcmp(e->text, why.text) != 0)
			log_message(LEVEL_WARNING, "%s", e->text);
		*e = why;
		return delivered;
	}
	*out = result;
	return fault && s->stack.pages > 0 ? STATUS_INVALID : status;
}

enum status
scan_run(const struct scan_job *job, struct scan_result *out, struct error *e)
{
	struct scan s = { .job = job };
	enum status status = child_start(&s.child, device_scan, job->request, e);

	page_init(&s.page, job->scratch_dir);
	stack_init(&s.stack, job->request->backs);
	if (status == STATUS_OK)
		status = take_all(&s, e);
	status = settle(&s, status, out, e);
	/* A scanner that has come to its end may take its time to close. */
	child_end(s.child, s.state == ENDED ? patience(&s) : 0);
	page_clear(&s.page);
	stack_clear(&s.stack);
	pdf_free(s.pdf);
	return status;
}
