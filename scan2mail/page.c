/* page: the bytes of a device's page on their way into the PDF (page.h). */
#include "scan2mail/page.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "scan2mail/interrupt.h"

void
page_init(struct page *p, const char *scratch_dir)
{
	*p = (struct page){ .scratch_dir = scratch_dir, .scratch = -1 };
	p->planes.file = -1;
}

void
page_clear(struct page *p)
{
	struct pdf *pdf = p->pdf;

	free(p->line);
	free(p->row);
	planes_clear(&p->planes);
	if (p->scratch >= 0)
		close(p->scratch);
	page_init(p, p->scratch_dir);
	p->pdf = pdf;
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

/* What three frames make together. */
static struct frame
interleaved(const struct frame *plane)
{
	struct frame whole = *plane;

	whole.channel = CHANNEL_ALL;
	whole.color = true;
	whole.depth = 8;
	whole.bytes_per_line = PLANES * plane->width;
	return whole;
}

/* How lines become the rows of the page; frames are looked at before they are made one.
 */
static enum status
set_rows(
    struct page *p, const struct frame *frame, enum pixel_format wanted, struct error *e)
{
	enum status status = rows_init(&p->rows, frame, wanted, e);
	struct frame whole;

	p->planar = frame->channel != CHANNEL_ALL;
	if (status != STATUS_OK || !p->planar)
		return status;
	whole = interleaved(frame);
	return rows_init(&p->rows, &whole, wanted, e);
}

static enum status
open_planes(struct page *p, struct error *e)
{
	enum status status = planes_open(&p->planes, p->scratch_dir, &p->frame, e);

	return status == STATUS_OK ? planes_begin(&p->planes, &p->frame, e) : status;
}

enum status
page_begin(struct page *p, const struct frame *frame, const struct page_style *style,
    struct error *e)
{
	enum status status = set_rows(p, frame, style->format, e);

	if (status != STATUS_OK)
		return status;
	p->frame = *frame;
	p->output = (struct pdf_page){
		.raster = { .format = p->rows.format,
		    .width = frame->width,
		    .quality = (int)style->quality },
		.x_dpi = frame->x_dpi,
		.y_dpi = frame->y_dpi,
		.rotate = style->rotate,
	};
	p->line = malloc(frame->bytes_per_line);
	p->row = malloc(p->rows.room);
	if (!p->line || !p->row)
		status = error_errno(e, "a page cannot be taken");
	else if (p->planar)
		status = open_planes(p, e);
	else if (frame->lines)
		status = start(p, frame->lines, e);
	else
		status = open_scratch(p, e);
	if (status != STATUS_OK)
		page_clear(p);
	return status;
}

enum status
page_plane(struct page *p, const struct frame *frame, struct error *e)
{
	enum status status;
	unsigned char *line;

	if (!p->planar)
		return error_set(e, STATUS_INVALID,
		    "the scanner adds a colour to a page that needs none: scan it again");
	status = planes_begin(&p->planes, frame, e);
	if (status != STATUS_OK)
		return status;
	line = realloc(p->line, frame->bytes_per_line);
	if (!line)
		return error_errno(e, "a page cannot be taken");
	p->line = line;
	p->line_len = 0;
	p->count = 0;
	p->surplus = 0;
	p->frame = *frame;
	return STATUS_OK;
}

static enum status
add_line(struct page *p, const unsigned char *line, struct error *e)
{
	const unsigned char *row;

	if (p->frame.lines && p->count == p->frame.lines)
		return planes_surplus(p->frame.lines, ++p->surplus, e);
	p->count++;
	if (p->planar)
		return planes_add(&p->planes, line, e);
	row = rows_convert(&p->rows, line, p->row);
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

/* Reads row number y of the scratch file back into p->row. */
static enum status
read_row(struct page *p, unsigned y, struct error *e)
{
	size_t size = raster_row_size(&p->output.raster);

	if (!file_read_at(p->scratch, p->row, size, (off_t)(y * size)))
		return error_errno(
		    e, "a page cannot be read back from %s", p->scratch_dir);
	return STATUS_OK;
}

/* Moves a row that was kept into the PDF. */
static enum status
encode_row(struct page *p, unsigned y, struct error *e)
{
	const unsigned char *row = p->row;
	enum status status;

	if (p->planar) {
		status = planes_row(&p->planes, y, p->row, e);
		row = rows_convert(&p->rows, p->row, p->row); /* may be in place */
	} else {
		status = read_row(p, y, e);
	}
	return status == STATUS_OK ? pdf_page_row(p->pdf, row, e) : status;
}

/* Moves a page that was kept into the PDF. */
static enum status
encode_kept(struct page *p, struct error *e)
{
	unsigned lines = p->count;
	enum status status = STATUS_OK;

	if (p->planar)
		status = planes_end(&p->planes, &lines, e);
	if (status == STATUS_OK)
		status = start(p, lines, e);
	for (unsigned y = 0; y < lines && status == STATUS_OK; y++)
		status = interrupt_urgent() ? interrupt_error(e) : encode_row(p, y, e);
	return status;
}

enum status
page_end(struct page *p, struct error *e)
{
	enum status status = STATUS_OK;

	if (!p->planar && p->frame.lines && p->count < p->frame.lines)
		return error_set(e, STATUS_INVALID,
		    "the scanner delivered %u of %u lines of a page: scan it again",
		    p->count, p->frame.lines);
	if (!p->open)
		status = encode_kept(p, e);
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
