/*
 * pdfwriter: an append-only PDF of scanned pages (pdfwriter.h).
 *
 * The file, in the order of its bytes:
 *
 *   header
 *   page:   image (its /Length is the next object), length, content, page   4 objects
 *   node:   after each full group of pages, and for the last one            1 object
 *   root of the page tree, information, catalog, xref, trailer
 *
 * Only the group's pages, the nodes and every object's offset are kept. A page that is
 * dropped leaves an image and its length behind which nothing refers to.
 */
#include "lib/doc/pdfwriter.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/text.h"

enum {
	GROUP = 64, /* pages of a node of the page tree */
	NODES_MAX = (PDF_PAGES_MAX + GROUP - 1) / GROUP,
	OBJECTS_MAX = PDF_PAGES_MAX * 6, /* with dropped pages */
	OBJECTS_FIRST = 64,              /* room at first */
	TITLE_MAX = 1000,                /* bytes of a title */
	PIECE_MAX = 64 * 1024,           /* bytes written as text at a time */
};

#define SIDE_POINTS_MAX 14400.0 /* of a page: ISO 32000-1 annex C.2 */

/* These three come first, so that every page can name them. */
enum { CATALOG = 1, PAGES, INFO, FIRST_FREE };

static const uint64_t OFFSET_MAX = 9999999999; /* ten digits in the table */

struct pdf {
	struct sink out, counted; /* counted: the encoder's way to out */
	uint64_t offset;
	uint64_t *objects; /* [number] → offset */
	unsigned object_count, object_room;
	struct buf text; /* one piece being composed */
	char *title;
	time_t when;

	struct pdf_page page; /* the one being written */
	const struct encoder_type *encoder;
	struct encoder *encoding; /* NULL between pages */
	unsigned image;           /* its object; the length's is the next */
	uint64_t image_start;
	unsigned row;

	unsigned page_count;
	unsigned group[GROUP], group_count;
	unsigned node[NODES_MAX], node_count;
	unsigned group_node; /* the object kept for the group's node */
};

static enum status
emit(void *context, const void *bytes, size_t len, struct error *e)
{
	struct pdf *p = context;
	enum status status;

	if (p->offset + len > OFFSET_MAX)
		return error_set(e, STATUS_REFUSED,
		    "the PDF grows beyond %" PRIu64 " bytes: scan fewer pages at once",
		    OFFSET_MAX);
	status = p->out.write(p->out.context, bytes, len, e);
	if (status == STATUS_OK)
		p->offset += len;
	return status;
}

/* Writes the composed piece and empties it. */
static enum status
flush(struct pdf *p, struct error *e)
{
	enum status status;

	if (p->text.over)
		return error_set(e, STATUS_RETRY, "no memory left for the PDF");
	status = emit(p, p->text.data, p->text.len, e);
	buf_reset(&p->text);
	return status;
}

/* Takes the next object number. */
static enum status
reserve(struct pdf *p, unsigned *number, struct error *e)
{
	unsigned room = p->object_room ? p->object_room * 2 : OBJECTS_FIRST;
	uint64_t *objects;

	if (p->object_count >= OBJECTS_MAX)
		return error_set(
		    e, STATUS_INVALID, "the PDF has too many pages (%u)", p->page_count);
	if (p->object_count == p->object_room) {
		objects = realloc(p->objects, room * sizeof(*objects));
		if (!objects)
			return error_errno(e, "the PDF cannot take one more page");
		p->objects = objects;
		p->object_room = room;
	}
	p->objects[p->object_count] = 0;
	*number = p->object_count++;
	return STATUS_OK;
}

/* Begins an object at the place that the composed text has reached. */
static void
begin(struct pdf *p, unsigned number)
{
	p->objects[number] = p->offset + p->text.len;
	buf_printf(&p->text, "%u 0 obj\n", number);
}

/* A number of points with three decimals, whatever the locale says. */
static void
put_points(struct buf *b, double points)
{
	uint64_t thousandths = (uint64_t)(points * 1000 + 0.5);

	buf_printf(b, "%" PRIu64 ".%03" PRIu64, thousandths / 1000, thousandths % 1000);
}

/* The title as UTF-16 in hexadecimal, which needs no escapes. */
static void
put_title(struct buf *b, const char *title)
{
	buf_puts(b, "/Title <FEFF");
	for (size_t n; *title; title += n) {
		uint32_t c = (unsigned char)*title;

		n = utf8_length(title, strlen(title));
		if (n > 1)
			c &= 0x7fu >> n;
		for (size_t i = 1; i < n; i++)
			c = c << 6 | ((unsigned char)title[i] & 0x3f);
		if (c >= 0x10000) {
			buf_printf(b, "%04" PRIX32, 0xd800 + ((c - 0x10000) >> 10));
			c = 0xdc00 + ((c - 0x10000) & 0x3ff);
		}
		buf_printf(b, "%04" PRIX32, c);
	}
	buf_puts(b, ">\n");
}

static enum status
set_title(struct pdf *p, const char *title, struct error *e)
{
	struct buf clean;

	buf_init(&clean, (size_t)TITLE_MAX * 3); /* an invalid byte becomes three */
	text_clean(&clean, title, text_cut(title, TITLE_MAX), TEXT_LINE);
	p->title = buf_take(&clean);
	if (!p->title)
		return error_errno(e, "the PDF cannot be started");
	return STATUS_OK;
}

enum status
pdf_new(struct pdf **out, const struct sink *sink, const char *title, time_t when,
    struct error *e)
{
	struct pdf *p = calloc(1, sizeof(*p));
	enum status status;
	unsigned number;

	if (!p)
		return error_errno(e, "the PDF cannot be started");
	p->out = *sink;
	p->counted = (struct sink){ .write = emit, .context = p };
	p->when = when;
	buf_init(&p->text, PIECE_MAX);
	status = title ? set_title(p, title, e) : STATUS_OK;
	for (unsigned i = 0; i < FIRST_FREE && status == STATUS_OK; i++)
		status = reserve(p, &number, e); /* 0 heads the list of free objects */
	if (status != STATUS_OK)
		goto out;
	buf_puts(&p->text, "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n");
	status = flush(p, e);
out:
	if (status == STATUS_OK)
		*out = p;
	else
		pdf_free(p);
	return status;
}

void
pdf_free(struct pdf *p)
{
	if (!p)
		return;
	if (p->encoding)
		p->encoder->free(p->encoding);
	buf_clear(&p->text);
	free(p->objects);
	free(p->title);
	free(p);
}

unsigned
pdf_page_count(const struct pdf *p)
{
	return p->page_count;
}

static double
side_points(unsigned pixels, double dpi)
{
	return pixels * 72.0 / dpi;
}

static enum status
page_check(const struct pdf *p, const struct pdf_page *page, struct error *e)
{
	enum status status = raster_check(&page->raster, e);

	if (status != STATUS_OK)
		return status;
	if (p->page_count >= PDF_PAGES_MAX)
		return error_set(
		    e, STATUS_INVALID, "a PDF takes at most %d pages", PDF_PAGES_MAX);
	/* Written so that a NaN fails. */
	if (!(page->x_dpi > 0 && page->y_dpi > 0 && isfinite(page->x_dpi) &&
		isfinite(page->y_dpi)))
		return error_set(e, STATUS_INVALID, "the page's resolution is not known");
	if (side_points(page->raster.width, page->x_dpi) > SIDE_POINTS_MAX ||
	    side_points(page->raster.height, page->y_dpi) > SIDE_POINTS_MAX)
		return error_set(e, STATUS_INVALID,
		    "the page has more than 200 inches on a side: its resolution cannot "
		    "be right");
	return STATUS_OK;
}

static void
put_image(struct pdf *p, const struct raster *r)
{
	struct buf *b = &p->text;

	begin(p, p->image);
	buf_printf(b,
	    "<< /Type /XObject /Subtype /Image /Width %u /Height %u\n"
	    "/ColorSpace %s /BitsPerComponent %d /Filter %s",
	    r->width, r->height, r->format == PIXEL_RGB ? "/DeviceRGB" : "/DeviceGray",
	    r->format == PIXEL_BILEVEL ? 1 : 8, p->encoder->pdf_filter);
	if (r->format == PIXEL_BILEVEL)
		buf_printf(b, "\n/DecodeParms << /K -1 /Columns %u /Rows %u >>", r->width,
		    r->height);
	buf_printf(b, "\n/Length %u 0 R >>\nstream\n", p->image + 1);
}

enum status
pdf_page_start(struct pdf *p, const struct pdf_page *page, struct error *e)
{
	enum status status = page_check(p, page, e);
	unsigned length;

	if (status == STATUS_OK)
		status = reserve(p, &p->image, e);
	if (status == STATUS_OK)
		status = reserve(p, &length, e);
	if (status != STATUS_OK)
		return status;
	p->page = *page;
	p->row = 0;
	p->encoder = encoder_for(page->raster.format);
	put_image(p, &page->raster);
	status = flush(p, e);
	if (status != STATUS_OK)
		return status;
	p->image_start = p->offset;
	return p->encoder->start(&p->encoding, &page->raster, &p->counted, e);
}

enum status
pdf_page_row(struct pdf *p, const unsigned char *row, struct error *e)
{
	if (p->row >= p->page.raster.height)
		return error_set(e, STATUS_INVALID,
		    "the page has more than the %u lines it was started with",
		    p->page.raster.height);
	p->row++;
	return p->encoder->row(p->encoding, row, e);
}

/* Ends the image's stream and writes its length. */
static void
end_image(struct pdf *p)
{
	uint64_t length = p->offset - p->image_start;

	p->encoder->free(p->encoding);
	p->encoding = NULL;
	buf_puts(&p->text, "\nendstream\nendobj\n");
	begin(p, p->image + 1);
	buf_printf(&p->text, "%" PRIu64 "\nendobj\n", length);
}

/* The stream that paints the image over the whole page, and the page. */
static enum status
put_page(struct pdf *p, struct error *e)
{
	double width = side_points(p->page.raster.width, p->page.x_dpi);
	double height = side_points(p->page.raster.height, p->page.y_dpi);
	struct buf *b = &p->text, paint;
	unsigned content = 0, page = 0;
	enum status status = reserve(p, &content, e);

	if (status == STATUS_OK)
		status = reserve(p, &page, e);
	if (status == STATUS_OK && p->group_count == 0)
		status = reserve(p, &p->group_node, e);
	if (status != STATUS_OK)
		return status;
	buf_init(&paint, PIECE_MAX);
	buf_puts(&paint, "q ");
	put_points(&paint, width);
	buf_puts(&paint, " 0 0 ");
	put_points(&paint, height);
	buf_puts(&paint, " 0 0 cm /Scan Do Q\n");
	begin(p, content);
	buf_printf(b, "<< /Length %zu >>\nstream\n%sendstream\nendobj\n", paint.len,
	    buf_text(&paint));
	begin(p, page);
	buf_printf(b, "<< /Type /Page /Parent %u 0 R\n/MediaBox [0 0 ", p->group_node);
	put_points(b, width);
	buf_putc(b, ' ');
	put_points(b, height);
	buf_printf(b,
	    "]\n/Resources << /XObject << /Scan %u 0 R >> >>\n/Contents %u 0 R >>\n"
	    "endobj\n",
	    p->image, content);
	b->over |= paint.over;
	buf_clear(&paint);
	p->group[p->group_count++] = page;
	return STATUS_OK;
}

/* The node of the group's pages. */
static void
put_node(struct pdf *p)
{
	begin(p, p->group_node);
	buf_printf(&p->text, "<< /Type /Pages /Parent %d 0 R /Count %u\n/Kids [", PAGES,
	    p->group_count);
	for (unsigned i = 0; i < p->group_count; i++)
		buf_printf(&p->text, "%s%u 0 R", i ? " " : "", p->group[i]);
	buf_puts(&p->text, "] >>\nendobj\n");
	p->node[p->node_count++] = p->group_node;
	p->group_count = 0;
}

enum status
pdf_page_end(struct pdf *p, struct error *e)
{
	enum status status;

	if (p->row != p->page.raster.height)
		return error_set(e, STATUS_INVALID, "the page has %u lines instead of %u",
		    p->row, p->page.raster.height);
	status = p->encoder->finish(p->encoding, e);
	if (status != STATUS_OK)
		return status;
	end_image(p);
	status = put_page(p, e);
	if (status != STATUS_OK)
		return status;
	if (p->group_count == GROUP)
		put_node(p);
	status = flush(p, e);
	if (status == STATUS_OK)
		p->page_count++;
	return status;
}

enum status
pdf_page_drop(struct pdf *p, struct error *e)
{
	end_image(p);
	return flush(p, e);
}

/* -- the end of the file --------------------------------------------------------------*/

static void
put_root(struct pdf *p)
{
	begin(p, PAGES);
	buf_printf(&p->text, "<< /Type /Pages /Count %u\n/Kids [", p->page_count);
	for (unsigned i = 0; i < p->node_count; i++)
		buf_printf(&p->text, "%s%u 0 R", i ? "\n" : "", p->node[i]);
	buf_puts(&p->text, "] >>\nendobj\n");
}

static void
put_info(struct pdf *p)
{
	struct tm when;

	begin(p, INFO);
	buf_puts(&p->text, "<< ");
	if (p->title)
		put_title(&p->text, p->title);
	if (gmtime_r(&p->when, &when) && when.tm_year >= -1900 && when.tm_year < 8100)
		buf_printf(&p->text, "/CreationDate (D:%04d%02d%02d%02d%02d%02dZ)\n",
		    when.tm_year + 1900, when.tm_mon + 1, when.tm_mday, when.tm_hour,
		    when.tm_min, when.tm_sec);
	buf_puts(&p->text, "/Producer (Postroom " POSTROOM_VERSION ") >>\nendobj\n");
}

static void
put_catalog(struct pdf *p)
{
	begin(p, CATALOG);
	buf_printf(&p->text, "<< /Type /Catalog /Pages %d 0 R >>\nendobj\n", (int)PAGES);
}

/* The table: one section, entries of 20 bytes. */
static enum status
put_xref(struct pdf *p, struct error *e)
{
	enum status status = STATUS_OK;

	buf_printf(&p->text, "xref\n0 %u\n0000000000 65535 f \n", p->object_count);
	for (unsigned i = 1; i < p->object_count && status == STATUS_OK; i++) {
		/* Only a number taken for what then failed has no object: a free one. */
		buf_printf(&p->text, "%010" PRIu64 " %05d %c \n", p->objects[i],
		    p->objects[i] ? 0 : 65535, p->objects[i] ? 'n' : 'f');
		if (p->text.len > PIECE_MAX / 2)
			status = flush(p, e);
	}
	return status;
}

/* 16 bytes to tell this file from others (ISO 32000-1 14.4): FNV-1a over what sets
 * this one apart, twice from different starts. */
static void
put_id(struct pdf *p)
{
	static const uint64_t basis[] = { 0xcbf29ce484222325, 0x9ae16a3b2f90404f };
	const char *title = p->title ? p->title : "";

	for (size_t half = 0; half < 2; half++) {
		uint64_t hash = basis[half] ^ (uint64_t)p->when;

		for (const char *s = title; *s; s++)
			hash = (hash ^ (unsigned char)*s) * 0x100000001b3;
		for (unsigned i = 0; i < p->object_count; i++)
			hash = (hash ^ p->objects[i]) * 0x100000001b3;
		buf_printf(&p->text, "%016" PRIX64, hash);
	}
}

enum status
pdf_finish(struct pdf *p, struct error *e)
{
	enum status status;
	uint64_t xref;

	if (p->page_count == 0)
		return error_set(e, STATUS_INVALID, "the PDF has no page");
	if (p->group_count)
		put_node(p);
	put_root(p);
	put_info(p);
	put_catalog(p);
	xref = p->offset + p->text.len;
	status = put_xref(p, e);
	if (status != STATUS_OK)
		return status;
	buf_printf(&p->text, "trailer\n<< /Size %u /Root %d 0 R /Info %d 0 R\n/ID [<",
	    p->object_count, CATALOG, INFO);
	put_id(p);
	buf_puts(&p->text, "> <");
	put_id(p);
	buf_printf(&p->text, ">] >>\nstartxref\n%" PRIu64 "\n%%%%EOF\n", xref);
	return flush(p, e);
}
