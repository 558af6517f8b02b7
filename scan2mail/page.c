/* page: the bytes of a device's page on their way into the PDF (page.h). */
#include "scan2mail/page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/file.h"

void
page_clear(struct page *p)
{
	free(p->line);
	free(p->row);
	if (p->scratch >= 0)
		close(p->scratch);
	*p = (struct page){ .pdf = p->pdf, .scratch_dir = p->scratch_dir, .scratch = -1 };
}

static enum status
open_scratch(struct page *p, struct error *e)
{
	p->scratch = file_scratch(p->scratch_dir);
	if (p->scratch < 0)
		return error_errno(e,
		    "no file can be made in %s for a page of unknown height",
		    p->scratch_dir);
	return STATUS_OK;
}

/* The page's height is known: the PDF can have it. */
static enum status
start(struct page *p, unsigned lines, struct error *e)
{
	enum status status;

	p->output.raster.height = lines;
	status = pdf_page_start(p->pdf, &p->output, e);
	p->open = status == STATUS_OK;
	return status;
}

enum status
page_begin(
    struct page *p, const struct frame *frame, enum pixel_format wanted, struct error *e)
{
	enum status status;

	*p = (struct page){ .pdf = p->pdf, .scratch_dir = p->scratch_dir, .scratch = -1 };
	status = rows_init(&p->rows, frame, wanted, e);
	if (status != STATUS_OK)
		return status;
	p->frame = *frame;
	p->output = (struct pdf_page){
		.raster = { .format = p->rows.format, .width = frame->width },
		.x_dpi = frame->x_dpi,
		.y_dpi = frame->y_dpi,
	};
	p->line = malloc(frame->bytes_per_line);
	p->row = malloc(p->rows.room);
	if (!p->line || !p->row)
		status = error_errno(e, "a page cannot be taken");
	else if (frame->lines)
		status = start(p, frame->lines, e);
	else
		status = open_scratch(p, e);
	if (status != STATUS_OK)
		page_clear(p);
	return status;
}

static enum status
add_line(struct page *p, const unsigned char *line, struct error *e)
{
	const unsigned char *row = rows_convert(&p->rows, line, p->row);

	if (p->frame.lines && p->count == p->frame.lines)
		return STATUS_OK; /* more than announced */
	p->count++;
	if (p->open)
		return pdf_page_row(p->pdf, row, e);
	if (p->count > ENCODER_SIDE_MAX)
		return error_set(e, STATUS_INVALID,
		    "the page has more than %d lines: choose a lower resolution",
		    ENCODER_SIDE_MAX);
	if (!file_write(p->scratch, row, raster_row_size(&p->output.raster)))
		return error_errno(e, "a page cannot be kept in %s", p->scratch_dir);
	return STATUS_OK;
}

enum status
page_add(struct page *p, const unsigned char *bytes, size_t len, struct error *e)
{
	size_t size = p->frame.bytes_per_line;
	enum status status = STATUS_OK;

	while (len > 0 && status == STATUS_OK) {
		const unsigned char *line = bytes;
		size_t take = size - p->line_len < len ? size - p->line_len : len;

		if (take < size) {
			memcpy(p->line + p->line_len, bytes, take);
			p->line_len += take;
			line = p->line;
		}
		bytes += take;
		len -= take;
		if (line == p->line && p->line_len < size)
			break;
		p->line_len = 0;
		status = add_line(p, line, e);
	}
	return status;
}

/* Reads row number y back into p->row. */
static enum status
read_row(struct page *p, unsigned y, struct error *e)
{
	size_t size = raster_row_size(&p->output.raster), have = 0;
	ssize_t n = 1;

	while (have < size && n != 0) {
		n = pread(
		    p->scratch, p->row + have, size - have, (off_t)(y * size + have));
		if (n < 0 && errno != EINTR)
			break;
		have += n > 0 ? (size_t)n : 0;
	}
	if (have < size)
		return error_errno(
		    e, "a page cannot be read back from %s", p->scratch_dir);
	return STATUS_OK;
}

/* Moves the page from the scratch file into the PDF. */
static enum status
encode_scratch(struct page *p, struct error *e)
{
	enum status status = start(p, p->count, e);

	for (unsigned y = 0; y < p->count && status == STATUS_OK; y++) {
		status = read_row(p, y, e);
		if (status == STATUS_OK)
			status = pdf_page_row(p->pdf, p->row, e);
	}
	return status;
}

enum status
page_end(struct page *p, struct error *e)
{
	enum status status = STATUS_OK;

	if (p->frame.lines && p->count < p->frame.lines)
		return error_set(e, STATUS_INVALID,
		    "the scanner delivered %u of %u lines of a page: scan it again",
		    p->count, p->frame.lines);
	if (!p->frame.lines)
		status = encode_scratch(p, e);
	if (status == STATUS_OK)
		status = pdf_page_end(p->pdf, e);
	if (status == STATUS_OK)
		page_clear(p);
	return status;
}

enum status
page_drop(struct page *p, struct error *e)
{
	enum status status = p->open ? pdf_page_drop(p->pdf, e) : STATUS_OK;

	page_clear(p);
	return status;
}
