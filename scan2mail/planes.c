/* planes: a page that comes as three frames (planes.h). */
#include "scan2mail/planes.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#include "lib/base/file.h"

static const char *const names[PLANES] = { "red", "green", "blue" };

void
planes_clear(struct planes *p)
{
	if (p->file >= 0)
		close(p->file);
	free(p->row);
	*p = (struct planes){ .file = -1, .current = -1 };
}

enum status
planes_open(
    struct planes *p, const char *scratch_dir, const struct frame *first, struct error *e)
{
	unsigned char *row = malloc((size_t)PLANES * first->width + 1);
	int file = file_scratch(scratch_dir);

	if (file < 0 || !row) {
		error_errno(e,
		    "no file can be made in %s for a page that comes in three colours",
		    scratch_dir);
		if (file >= 0)
			close(file);
		free(row);
		return STATUS_RETRY;
	}
	*p = (struct planes){
		.file = file,
		.scratch_dir = scratch_dir,
		.width = first->width,
		.lines = first->lines,
		.current = -1,
		.row = row,
	};
	return STATUS_OK;
}

enum status
planes_begin(struct planes *p, const struct frame *frame, struct error *e)
{
	int plane = frame->channel - CHANNEL_RED;
	struct rows rows;
	enum status status;

	if (plane < 0 || plane >= PLANES)
		return error_set(e, STATUS_INVALID,
		    "the scanner delivers a page as red, green and blue and something "
		    "else: scan it again, in gray if that stays");
	if (p->begun[plane])
		return error_set(e, STATUS_INVALID,
		    "the scanner delivers the %s of a page twice: scan it again",
		    names[plane]);
	if (frame->width != p->width || frame->lines != p->lines)
		return error_set(e, STATUS_INVALID,
		    "the %s of a page has %u x %u pixels, the colour before it %u x %u: "
		    "scan it again",
		    names[plane], frame->width, frame->lines, p->width, p->lines);
	status = rows_init(&rows, frame, PIXEL_GRAY, e);
	if (status != STATUS_OK)
		return status;
	p->rows = rows;
	p->begun[plane] = true;
	p->current = plane;
	p->surplus = 0;
	return STATUS_OK;
}

/* Where a row of a frame is in the file. */
static off_t
place(const struct planes *p, unsigned y, int plane)
{
	return ((off_t)y * PLANES + plane) * (off_t)p->width;
}

static bool
write_at(int file, const unsigned char *bytes, size_t len, off_t at)
{
	while (len > 0) {
		ssize_t n = pwrite(file, bytes, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

enum status
planes_surplus(unsigned lines, unsigned surplus, struct error *e)
{
	if (surplus <= (lines > SURPLUS_MAX ? lines : (unsigned)SURPLUS_MAX))
		return STATUS_OK;
	return error_set(e, STATUS_INVALID,
	    "the scanner does not end the page: it announced %u lines, and has sent %u "
	    "more",
	    lines, surplus);
}

enum status
planes_add(struct planes *p, const unsigned char *line, struct error *e)
{
	unsigned y = p->count[p->current];
	const unsigned char *row;

	if (p->lines && y == p->lines)
		return planes_surplus(p->lines, ++p->surplus, e);
	if (y == ENCODER_SIDE_MAX)
		return error_set(e, STATUS_INVALID,
		    "the page has more than %d lines: choose a lower resolution",
		    ENCODER_SIDE_MAX);
	row = rows_convert(&p->rows, line, p->row);
	if (!write_at(p->file, row, p->width, place(p, y, p->current)))
		return error_errno(e, "a page cannot be kept in %s", p->scratch_dir);
	p->count[p->current]++;
	return STATUS_OK;
}

enum status
planes_end(const struct planes *p, unsigned *lines, struct error *e)
{
	unsigned wanted = p->lines;

	for (int i = 0; i < PLANES; i++) {
		if (!p->begun[i])
			return error_set(e, STATUS_INVALID,
			    "the scanner delivered no %s of a page in colour: scan it "
			    "again",
			    names[i]);
		if (!p->lines && p->count[i] > wanted)
			wanted = p->count[i];
	}
	for (int i = 0; i < PLANES; i++)
		if (p->count[i] < wanted)
			return error_set(e, STATUS_INVALID,
			    "the scanner delivered %u of %u lines of a page's %s: scan "
			    "it again",
			    p->count[i], wanted, names[i]);
	*lines = wanted;
	return STATUS_OK;
}

enum status
planes_row(struct planes *p, unsigned y, unsigned char *out, struct error *e)
{
	size_t size = (size_t)PLANES * p->width;

	if (!file_read_at(p->file, p->row, size, place(p, y, 0)))
		return error_errno(
		    e, "a page cannot be read back from %s", p->scratch_dir);
	for (size_t x = 0; x < p->width; x++)
		for (size_t i = 0; i < PLANES; i++)
			*out++ = p->row[i * p->width + x];
	return STATUS_OK;
}
