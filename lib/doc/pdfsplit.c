/*
 * pdfsplit: concatenated PDFs told apart (pdfsplit.h).
 *
 * The stream passes through a window once. Its last bytes stay in the next one,
 * so that what stands before a "%PDF-" is at hand; the cross-reference alone is read
 * apart.
 */
#include "lib/doc/pdfsplit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BLOCK = 64 * 1024,
	LOOKBACK = 1024,    /* bytes in which "startxref" and "%%EOF" stand */
	HEAD_MAX = 1024,    /* bytes before the first "%PDF-" (ISO 32000-1 annex H.3) */
	XREF_SAMPLE = 1024, /* bytes in which a cross-reference shows that it is one */
};

static const char MARK[] = "%PDF-";
enum {
	MARK_LEN = sizeof(MARK) - 1,
	KEEP = LOOKBACK + MARK_LEN, /* what stays of a window in the next one */
};

struct splitter {
	int fd;
	off_t size;        /* of the stream */
	struct span *span; /* what was found: start is set, size is not */
	size_t count, max;
	off_t next;  /* where the next "%PDF-" is looked for */
	off_t start; /* of bytes[0] in the file */
	size_t len;
	char bytes[KEEP + BLOCK];
};

/* White space of PDF: ISO 32000-1 table 1. */
static bool
is_blank(char c)
{
	return c == '\0' || c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == ' ';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static ssize_t
read_at(int fd, void *bytes, size_t len, off_t offset)
{
	ssize_t n;

	do
		n = pread(fd, bytes, len, offset);
	while (n < 0 && errno == EINTR);
	return n;
}

/* Takes the word off the end of s[0..len), with blanks behind it. */
static bool
ends_with(const char *s, size_t *len, const char *word)
{
	size_t end = *len, n = strlen(word);

	while (end > 0 && is_blank(s[end - 1]))
		end--;
	if (end < n || memcmp(s + end - n, word, n) != 0)
		return false;
	*len = end - n;
	return true;
}

/* Whether s[0..len) ends in "startxref NUMBER %%EOF": the end of a document. *number is
 * NUMBER, *len what stands before "startxref". */
static bool
ends_document(const char *s, size_t *len, uint64_t *number)
{
	uint64_t value = 0, unit = 1;
	size_t end = *len, digits = 0;

	if (!ends_with(s, &end, "%%EOF"))
		return false;
	while (end > 0 && is_blank(s[end - 1]))
		end--;
	for (; end > 0 && is_digit(s[end - 1]); end--, unit *= 10) {
		if (++digits > 18) /* no file is that long, and value would wrap */
			return false;
		value += unit * (uint64_t)(s[end - 1] - '0');
	}
	if (digits == 0 || end == 0 || !is_blank(s[end - 1]) ||
	    !ends_with(s, &end, "startxref"))
		return false;
	*len = end;
	*number = value;
	return true;
}

/* Skips blanks, then digits if there are any. */
static const char *
skip_number(const char *s, const char *end)
{
	while (s < end && is_blank(*s))
		s++;
	while (s < end && is_digit(*s))
		s++;
	return s;
}

static bool
starts_with(const char *s, const char *end, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(end - s) >= n && memcmp(s, word, n) == 0;
}

/* Whether a cross-reference starts here: "xref" and a number, or "N G obj" with /XRef. */
static bool
is_xref(const char *s, size_t len)
{
	const char *end = s + len;

	while (s < end && is_blank(*s))
		s++;
	if (starts_with(s, end, "xref"))
		return len > 5 && is_blank(s[4]);
	if (s == end || !is_digit(*s))
		return false;
	s = skip_number(skip_number(s, end), end);
	while (s < end && is_blank(*s))
		s++;
	return starts_with(s, end, "obj") && memmem(s, (size_t)(end - s), "/XRef", 5);
}

/* Whether the "%PDF-" at bytes[at] starts a document behind the last one. */
static enum status
is_boundary(const struct splitter *s, size_t at, bool *out, struct error *e)
{
	off_t start = s->span[s->count - 1].start;
	size_t back = at < LOOKBACK ? at : LOOKBACK;
	size_t len = back;
	char sample[XREF_SAMPLE];
	uint64_t number;
	ssize_t n;
	off_t last;

	*out = false;
	if (!ends_document(s->bytes + at - back, &len, &number))
		return STATUS_OK;
	last = s->start + (off_t)(at - back + len); /* of "startxref" */
	if (last <= start || number >= (uint64_t)(last - start))
		return STATUS_OK;
	n = read_at(s->fd, sample, sizeof(sample), start + (off_t)number);
	if (n < 0)
		return error_errno(e, "the document cannot be read");
	*out = is_xref(sample, (size_t)n);
	return STATUS_OK;
}

/* Moves the window on by a block. */
static enum status
advance(struct splitter *s, struct error *e)
{
	size_t keep = s->len < KEEP ? s->len : KEEP;
	off_t next = s->start + (off_t)s->len;
	size_t want = s->size - next < BLOCK ? (size_t)(s->size - next) : BLOCK;
	ssize_t n;

	memmove(s->bytes, s->bytes + s->len - keep, keep);
	s->start = next - (off_t)keep;
	s->len = keep;
	n = read_at(s->fd, s->bytes + keep, want, next);
	if (n < 0)
		return error_errno(e, "the document cannot be read");
	if (n == 0)
		return error_set(e, STATUS_RETRY,
		    "the document ends after %jd of %jd bytes", (intmax_t)next,
		    (intmax_t)s->size);
	s->len += (size_t)n;
	return STATUS_OK;
}

static enum status
open_span(struct splitter *s, off_t start, struct error *e)
{
	if (s->count == s->max)
		return error_set(e, STATUS_INVALID,
		    "the job holds more than %zu documents: print fewer at once", s->max);
	s->span[s->count++].start = start;
	return STATUS_OK;
}

/* Looks at each "%PDF-" of the window from s->next on. */
static enum status
scan(struct splitter *s, struct error *e)
{
	size_t at = (size_t)(s->next - s->start);
	enum status status = STATUS_OK;
	const char *hit;
	bool boundary;

	while (status == STATUS_OK &&
	    (hit = memmem(s->bytes + at, s->len - at, MARK, MARK_LEN))) {
		at = (size_t)(hit - s->bytes);
		boundary = s->start + (off_t)at < HEAD_MAX;
		if (s->count)
			status = is_boundary(s, at, &boundary, e);
		if (status == STATUS_OK && boundary)
			status = open_span(s, s->start + (off_t)at, e);
		at += MARK_LEN;
	}
	/* A mark may be cut by the window's end: its first bytes are looked at again. */
	if (s->len >= MARK_LEN && at < s->len - MARK_LEN + 1)
		at = s->len - MARK_LEN + 1;
	s->next = s->start + (off_t)at;
	return status;
}

enum status
pdf_split(struct spans *out, int fd, off_t size, struct error *e)
{
	struct splitter *s = calloc(1, sizeof(*s));
	enum status status = STATUS_OK;

	if (!s)
		return error_errno(e, "the document cannot be read");
	s->fd = fd;
	s->size = size;
	s->span = out->item;
	s->max = out->max;
	while (status == STATUS_OK && s->start + (off_t)s->len < size) {
		status = advance(s, e);
		if (status == STATUS_OK)
			status = scan(s, e);
		if (status == STATUS_OK && s->count == 0 && s->next >= HEAD_MAX)
			break;
	}
	if (status == STATUS_OK && s->count == 0)
		status = error_set(e, STATUS_INVALID,
		    "the document is no PDF: no \"%s\" in its first %d bytes", MARK,
		    HEAD_MAX);
	for (size_t i = 0; status == STATUS_OK && i < s->count; i++) {
		off_t end = i + 1 < s->count ? s->span[i + 1].start : size;

		s->span[i].size = end - s->span[i].start;
	}
	if (status == STATUS_OK)
		out->count = s->count;
	free(s);
	return status;
}
