/*
 * A scan without a scanner: a child that follows a script, and the document that comes of
 * it. Stands in for device.c.
 */
#ifndef POSTROOM_SCAN_RIG_H
#define POSTROOM_SCAN_RIG_H

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <qpdf/qpdf-c.h>

#include "lib/base/buf.h"
#include "lib/base/log.h"
#include "scan2mail/child.h"
#include "scan2mail/device.h"
#include "scan2mail/interrupt.h"
#include "scan2mail/scan.h"

enum {
	OUT_MAX = 8 * 1024 * 1024,
	LOG_MAX = 64 * 1024,
	LINES = 10,
	NARROWEST = 20, /* pixels, and points, of the first page */
	ANSWERS_MAX = 4,
	LONG = 60, /* seconds that are never reached */
};

/* What the child does, by the letters of its script:
 *
 *   r ready, without a word    d ready, "duplex"    s ready, "simplex"
 *   p a whole page             ( a page begins      ) and ends
 *   l LINES lines              h half of them
 *   R G B a page of colours begins, or another colour of it
 *   f fault "paper jam"        1 a fault of one text
 *   ? asks                     b busy               z busy for ever
 *   . done                     ~ hangs              ! crashes
 *   x a frame cut short                             o a piece of 0 bytes
 *   y pieces of a byte for ever                     e ready for ever
 */
static const char *script;

struct person {
	struct scan_question asked[ANSWERS_MAX];
	bool answer[ANSWERS_MAX];
	enum status status; /* of each question */
	size_t count;
};

struct fixture {
	struct request request;
	struct destination destination;
	struct scan_job job;
	struct scan_result result;
	struct person person;
	struct buf out, log;
	struct error error;
	size_t room;        /* of the target, that reserves nothing; 0: all there is */
	enum status commit; /* how it ends */
	bool committed;
	int number; /* the signal that comes... */
	int writes; /* ...with the write of this number; 0: none */
	bool came;
	int whole; /* pages that there were then */
};

/* -- the child ------------------------------------------------------------------------*/

static void
send_frame(struct uplink *up, enum wire_kind kind, int channel, unsigned width)
{
	struct frame frame = { channel, false, 8, width, width, LINES, 72, 72 };
	unsigned char payload[WIRE_FRAME_SIZE];

	wire_put_frame(payload, &frame);
	child_send(up, kind, payload, sizeof(payload));
}

static void
send_lines(struct uplink *up, unsigned width, unsigned lines)
{
	unsigned char *block = child_block(up);

	if (!block)
		_exit(0);
	memset(block, 0xaa, (size_t)width * lines);
	child_send_block(up, (size_t)width * lines);
}

static void
send_piece(struct uplink *up, size_t len)
{
	if (!child_block(up) || !child_send_block(up, len))
		_exit(0);
}

static void
do_page(struct uplink *up, char deed)
{
	static unsigned width = NARROWEST;
	static bool open;

	switch (deed) {
	case '(':
	case 'p': send_frame(up, WIRE_PAGE, CHANNEL_ALL, width); break;
	case 'R':
	case 'G':
	case 'B':
		send_frame(up, open ? WIRE_PLANE : WIRE_PAGE,
		    deed == 'R'       ? CHANNEL_RED
			: deed == 'G' ? CHANNEL_GREEN
				      : CHANNEL_BLUE,
		    width);
		open = true;
		break;
	case 'h': send_lines(up, width, LINES / 2); break;
	case 'o': send_piece(up, 0); break;
	case 'y':
		for (;;)
			send_piece(up, 1);
	default: break;
	}
	if (deed == 'l' || deed == 'p')
		send_lines(up, width, LINES);
	if (deed == ')' || deed == 'p') {
		child_send(up, WIRE_PAGE_END, NULL, 0);
		width++;
		open = false;
	}
}

static void
do_deed(struct uplink *up, char deed)
{
	static const char busy[] = "the scanner is in use: waiting";
	static const char fault[] = "paper\njam\0paper is jammed: look";

	switch (deed) {
	case 'r': child_send(up, WIRE_READY, NULL, 0); break;
	case 'd': child_send(up, WIRE_READY, "duplex", 7); break;
	case 's': child_send(up, WIRE_READY, "simplex", 8); break;
	case 'f': child_send(up, WIRE_FAULT, fault, sizeof(fault)); break;
	case '1': child_send(up, WIRE_FAULT, "paper jam", 10); break;
	case '?':
		if (!child_send(up, WIRE_ASK, NULL, 0) || !child_ask(up))
			_exit(0);
		break;
	case 'b': child_send(up, WIRE_BUSY, busy, sizeof(busy)); break;
	case 'e':
		while (child_send(up, WIRE_READY, NULL, 0))
			continue;
		break;
	case 'z':
		while (child_send(up, WIRE_BUSY, busy, sizeof(busy)))
			continue;
		break;
	case '.': child_send(up, WIRE_DONE, NULL, 0); break;
	case '~': pause(); break;
	case '!': raise(SIGKILL); break;
	case 'x': child_send(up, WIRE_PAGE, "frame", 5); break;
	default: do_page(up, deed);
	}
}

/* Stands in for device.c. */
void
device_scan(struct uplink *up, const void *context)
{
	(void)context;
	for (const char *s = script; *s; s++)
		do_deed(up, *s);
}

/* -- its parent -----------------------------------------------------------------------*/

static int
count_in(const struct buf *text, const char *what)
{
	int count = 0;
	const char *end = buf_text(text) + text->len;
	size_t len = strlen(what);

	for (const char *s = buf_text(text);
	     (s = memmem(s, (size_t)(end - s), what, len)); s++)
		count++;
	return count;
}

static enum status
take(void *context, const void *bytes, size_t len, struct error *e)
{
	struct fixture *f = context;

	if (f->writes && --f->writes == 0) {
		f->came = true;
		f->whole = count_in(&f->out, "endstream") / 2; /* image and content */
		raise(f->number);
	}
	if (interrupt_signal()) /* as the real ones do */
		return interrupt_error(e);
	if (f->room && f->out.len + len > f->room)
		return error_set(e, STATUS_RETRY, "the target is full");
	assert_true(buf_add(&f->out, bytes, len));
	return STATUS_OK;
}

static enum status
commit(void *context, struct error *e)
{
	struct fixture *f = context;

	if (f->commit != STATUS_OK)
		return error_set(e, f->commit, "the queue is away");
	f->committed = true;
	return STATUS_OK;
}

static inline enum status
answer(void *context, const struct scan_question *q, bool *go, struct error *e)
{
	struct person *p = context;

	assert_true(p->count < ANSWERS_MAX);
	p->asked[p->count] = *q;
	*go = p->answer[p->count++];
	return p->status == STATUS_OK ? STATUS_OK : error_set(e, p->status, "no answer");
}

static int
set_up(void **state)
{
	static char subject[] = "Scan";
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	buf_init(&f->out, OUT_MAX);
	buf_init(&f->log, LOG_MAX);
	f->request = (struct request){
		.source = SOURCE_ADF,
		.mode = MODE_COLOR,
		.quality = 75,
		.subject = subject,
		.waits = { LONG, LONG, LONG, LONG, LONG },
	};
	f->destination.sink = (struct sink){ .write = take, .context = f };
	f->destination.commit = commit;
	f->job = (struct scan_job){
		.request = &f->request,
		.destination = &f->destination,
		.scratch_dir = "/tmp",
		.context = &f->person,
	};
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	buf_clear(&f->out);
	buf_clear(&f->log);
	free(f);
	return 0;
}

/* Runs the script; what is logged is kept. Nobody is left behind. */
static enum status
run(struct fixture *f, const char *deeds)
{
	int seen = memfd_create("log", 0), saved = dup(STDERR_FILENO);
	enum status status;
	char piece[4096];
	ssize_t n;

	assert_true(seen >= 0 && saved >= 0);
	buf_reset(&f->out);
	buf_reset(&f->log);
	f->committed = false;
	f->person.count = 0;
	f->came = false;
	f->result = (struct scan_result){ .pages = 99, .remark = "as it was" };
	*f->error.text = '\0';
	script = deeds;
	dup2(seen, STDERR_FILENO);
	status = scan_run(&f->job, &f->result, &f->error);
	dup2(saved, STDERR_FILENO);
	close(saved);
	for (off_t at = 0; (n = pread(seen, piece, sizeof(piece), at)) > 0; at += n)
		assert_true(buf_add(&f->log, piece, (size_t)n));
	close(seen);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	return status;
}

/* The document: a digit for each page, as they were scanned from 0; 'v' behind one that
 * is turned by 180 degrees. */
static void
read_document(const struct fixture *f, char *pages, size_t size)
{
	qpdf_data q = qpdf_init();
	size_t len = 0;

	qpdf_silence_errors(q);
	qpdf_set_suppress_warnings(q, QPDF_TRUE);
	qpdf_set_attempt_recovery(q, QPDF_FALSE);
	assert_int_equal(
	    qpdf_read_memory(q, "test", f->out.data, f->out.len, NULL), QPDF_SUCCESS);
	assert_int_equal(qpdf_check_pdf(q), QPDF_SUCCESS);
	for (int i = 0; i < qpdf_get_num_pages(q); i++) {
		qpdf_oh page = qpdf_get_page_n(q, (size_t)i);
		qpdf_oh box = qpdf_oh_get_key(q, page, "/MediaBox");
		qpdf_oh turn = qpdf_oh_get_key(q, page, "/Rotate");
		double width =
		    qpdf_oh_get_numeric_value(q, qpdf_oh_get_array_item(q, box, 2));
		bool turned =
		    qpdf_oh_is_integer(q, turn) && qpdf_oh_get_int_value(q, turn) == 180;

		assert_true(len + 3 < size);
		len += (size_t)snprintf(pages + len, size - len, "%d%s",
		    (int)(width + 0.5) - NARROWEST, turned ? "v" : "");
	}
	pages[len] = '\0';
	assert_false(qpdf_more_warnings(q));
	qpdf_cleanup(&q);
}

/* That the document has these pages and this remark, and is held or not. */
static void
assert_document(const struct fixture *f, const char *pages, const char *remark, bool held)
{
	char found[100];
	qpdf_data q = qpdf_init();
	qpdf_oh info, value;

	assert_true(f->committed);
	read_document(f, found, sizeof(found));
	assert_string_equal(found, pages);
	assert_string_equal(f->result.remark, remark);
	assert_int_equal(
	    qpdf_read_memory(q, "test", f->out.data, f->out.len, NULL), QPDF_SUCCESS);
	info = qpdf_oh_get_key(q, qpdf_get_trailer(q), "/Info");
	value = qpdf_oh_get_key(q, info, "/PostroomRemark");
	assert_int_equal(qpdf_oh_is_string(q, value), *remark != '\0');
	if (*remark)
		assert_string_equal(qpdf_oh_get_utf8_value(q, value), remark);
	assert_int_equal(qpdf_oh_has_key(q, info, "/PostroomHold"), held);
	/* the remark of a fault has this, and no other */
	assert_int_equal(qpdf_oh_has_key(q, info, "/PostroomIncomplete"),
	    strstr(remark, " attached") != NULL);
	qpdf_cleanup(&q);
}

#endif
