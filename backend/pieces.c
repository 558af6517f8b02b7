/*
 * pieces: a job's documents in several messages (pieces.h).
 *
 * First each document becomes one piece, or where it does not fit alone several; then the
 * pieces are packed into messages. Sizes are measured by composing: there is no second
 * arithmetic of base64 and headers.
 */
#include "backend/pieces.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/text.h"
#include "lib/doc/pdfpart.h"
#include "lib/mail/filename.h"

enum {
	PIECES_MAX = 3 * PARTS_MAX,
	/* bytes by which a message may still change once all numbers in names, subject
	 * and text are known */
	SLACK = 1024,
};

/* A document, or some pages of one. */
struct piece {
	struct document document; /* its name is owned */
	bool owns_file;
};

struct pieces {
	struct version *version;
	struct letter whole;
	uint64_t limit;
	struct piece piece[PIECES_MAX]; /* in order */
	size_t piece_count;
	struct documents *message; /* which of them each carries */
	unsigned count;
};

/* -- sizes ------------------------------ */

/* STATUS_INVALID when a message with these documents is too large; *size receives its
 * bytes. */
static enum status
check(uint64_t *size, const struct pieces *p, const struct documents *d, struct error *e)
{
	struct letter letter = p->whole;
	enum status status;

	letter.documents = d;
	letter.part = letter.parts = PARTS_MAX; /* the longest numbers */
	status = compose_size(size, &letter, e);
	if (status == STATUS_OK && *size + SLACK > p->limit)
		return error_set(
		    e, STATUS_INVALID, "%s alone is too large", d->item[0].filename);
	return status;
}

static enum status
check_alone(
    uint64_t *size, const struct pieces *p, const struct document *d, struct error *e)
{
	struct documents one = { .item = { *d }, .count = 1 };

	return check(size, p, &one, e);
}

/* -- pieces ------------------------------ */

static enum status
rename_piece(struct piece *piece, const char *name, const char *suffix, struct error *e)
{
	char *new = filename_with(name, suffix);

	if (!new)
		return error_set(e, STATUS_RETRY, "out of memory");
	free(piece->document.filename);
	piece->document.filename = new;
	return STATUS_OK;
}

/* Takes a piece in, under a copy of its name. */
static enum status
add_piece(struct pieces *p, const struct document *d, bool owns_file, struct error *e)
{
	struct piece *new = &p->piece[p->piece_count];

	if (p->piece_count == PIECES_MAX)
		return error_set(
		    e, STATUS_INVALID, "it makes more than %d messages", PARTS_MAX);
	new->document = *d;
	new->document.filename = strdup(d->filename);
	if (!new->document.filename)
		return error_set(e, STATUS_RETRY, "out of memory");
	new->owns_file = owns_file;
	p->piece_count++;
	return STATUS_OK;
}

/* Cuts pages out of a document that stands alone in fd; *d is the document, and becomes
 * the piece, whose file the caller closes. */
static enum status
cut(struct document *d, const struct pieces *p, int fd, const struct page_range *pages,
    struct error *e)
{
	const struct cutting what = {
		.fd = fd, .pages = *pages, .stop = p->version->stop
	};
	enum status status;
	off_t size;
	int out;

	out = file_scratch(p->version->tmpdir);
	if (out < 0)
		return error_errno(e, "cannot make a file in %s", p->version->tmpdir);
	status = pdf_part(out, &size, &what, e);
	if (status) {
		close(out);
		return status;
	}
	d->fd = out;
	d->start = 0;
	d->size = size;
	d->pages = pages->last - pages->first + 1;
	return STATUS_OK;
}

/* Adds the piece that starts at pages->first: at most these pages, and half of them
 * until they fit; pages->last becomes its last. */
static enum status
add_stretch(struct pieces *p, const struct document *whole, int fd,
    struct page_range *pages, struct error *e)
{
	enum status status;
	uint64_t size;

	for (;;) {
		struct document piece = *whole;

		status = cut(&piece, p, fd, pages, e);
		if (status)
			return status;
		status = check_alone(&size, p, &piece, e);
		if (status == STATUS_OK)
			status = add_piece(p, &piece, true, e);
		if (status == STATUS_OK)
			return status;
		close(piece.fd);
		if (status != STATUS_INVALID || p->piece_count == PIECES_MAX)
			return status;
		if (pages->first == pages->last)
			return error_set(e, status, "page %u of %s alone is too large",
			    pages->first, whole->filename);
		pages->last = pages->first + (pages->last - pages->first) / 2;
	}
}

/* Adds a document in pieces; size is that of a message with it alone. */
static enum status
divide(struct pieces *p, size_t i, uint64_t size, struct error *e)
{
	const struct document *d = &p->version->documents.item[i];
	uint64_t limit = p->limit ? p->limit : 1;
	uint64_t ranges = size / limit + 1 < 2 ? 2 : size / limit + 1;
	unsigned per = (unsigned)((d->pages + ranges - 1) / ranges);
	size_t first = p->piece_count, count;
	struct page_range pages = { 1, 0 };
	char suffix[64];
	enum status status;
	int fd;

	status = version_isolate(&fd, p->version, i, e);
	for (; status == STATUS_OK && pages.first <= d->pages;
	     pages.first = pages.last + 1) {
		pages.last = pages.first + per - 1;
		if (pages.last > d->pages)
			pages.last = d->pages;
		status = add_stretch(p, d, fd, &pages, e);
	}
	count = p->piece_count - first;
	for (size_t k = 0; status == STATUS_OK && k < count; k++) {
		snprintf(suffix, sizeof(suffix), " (%zu of %zu)", k + 1, count);
		status = rename_piece(&p->piece[first + k], d->filename, suffix, e);
	}
	return status;
}

/* Adds a document, in pieces where it must be. */
static enum status
take_apart(struct pieces *p, size_t i, struct error *e)
{
	const struct document *d = &p->version->documents.item[i];
	uint64_t size;
	enum status status = check_alone(&size, p, d, e);

	if (status == STATUS_OK)
		return add_piece(p, d, false, e);
	if (status != STATUS_INVALID || d->pages < 2)
		return status;
	return divide(p, i, size, e);
}

/* -- messages ------------------------------ */

static bool
is_taken(const struct documents *d, const char *name)
{
	for (size_t i = 0; i < d->count; i++)
		if (strcasecmp(d->item[i].filename, name) == 0)
			return true;
	return false;
}

/* A malloc'ed name for a piece in a message; one that is taken gets a number. */
static char *
unique_name(const struct documents *d, const char *name)
{
	char suffix[FILENAME_SUFFIX_MAX + 1];
	char *unique = strdup(name);

	/* the documents of a message are fewer than the numbers */
	for (int n = 2; unique && is_taken(d, unique); n++) {
		free(unique);
		snprintf(suffix, sizeof(suffix), "-%d", n);
		unique = filename_with(name, suffix);
	}
	return unique;
}

static enum status
start_message(struct pieces *p, struct error *e)
{
	struct documents *more;

	if (p->count == PARTS_MAX)
		return error_set(
		    e, STATUS_INVALID, "it makes more than %d messages", PARTS_MAX);
	more = realloc(p->message, (p->count + 1) * sizeof(*more));
	if (!more)
		return error_set(e, STATUS_RETRY, "out of memory");
	p->message = more;
	more[p->count].count = 0;
	more[p->count].pages = 0;
	p->count++;
	return STATUS_OK;
}

/* Puts a piece into the last message; STATUS_INVALID when it does not fit. */
static enum status
put(struct pieces *p, struct piece *piece, struct error *e)
{
	struct documents *last = &p->message[p->count - 1];
	struct document d = piece->document;
	enum status status;
	uint64_t size;

	if (last->count == MESSAGE_ATTACHMENTS_MAX)
		return error_set(e, STATUS_INVALID, "the message is full");
	d.filename = unique_name(last, piece->document.filename);
	if (!d.filename)
		return error_set(e, STATUS_RETRY, "out of memory");
	last->item[last->count++] = d;
	status = check(&size, p, last, e);
	if (status) {
		last->count--;
		free(d.filename);
		return status;
	}
	free(piece->document.filename);
	piece->document.filename = d.filename;
	last->pages += d.pages;
	return STATUS_OK;
}

/* Puts a piece into the last message, or into a new one. */
static enum status
pack(struct pieces *p, struct piece *piece, struct error *e)
{
	enum status status = STATUS_INVALID;

	if (p->count > 0)
		status = put(p, piece, e);
	if (status != STATUS_INVALID)
		return status;
	status = start_message(p, e);
	return status ? status : put(p, piece, e);
}

static enum status
fill(struct pieces *p, struct error *e)
{
	enum status status = STATUS_OK;

	for (size_t i = 0; status == STATUS_OK && i < p->version->documents.count; i++)
		status = take_apart(p, i, e);
	for (size_t i = 0; status == STATUS_OK && i < p->piece_count; i++)
		status = pack(p, &p->piece[i], e);
	return status;
}

enum status
pieces_make(struct pieces **out, struct version *v, const struct letter *whole,
    uint64_t limit, struct error *e)
{
	struct pieces *p = calloc(1, sizeof(*p));
	enum status status;

	if (!p)
		return error_set(e, STATUS_RETRY, "out of memory");
	p->version = v;
	p->whole = *whole;
	p->limit = limit;
	status = fill(p, e);
	if (status)
		pieces_free(p);
	else
		*out = p;
	return status;
}

void
pieces_free(struct pieces *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->piece_count; i++) {
		if (p->piece[i].owns_file)
			close(p->piece[i].document.fd);
		free(p->piece[i].document.filename);
	}
	free(p->message);
	free(p);
}

unsigned
pieces_messages(const struct pieces *p)
{
	return p->count;
}

const struct documents *
pieces_documents(const struct pieces *p, unsigned message)
{
	return &p->message[message - 1];
}
