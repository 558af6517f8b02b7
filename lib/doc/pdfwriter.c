/*
 * pdfwriter: an append-only PDF of scanned pages (pdfwriter.h).
 *
 * The file, in the order of its bytes:
 *
 *   header
 *   for each page as it comes: image (its /Length is the next object), length, content
 *   for each group in the final order: its pages, then the node of the page tree
 *   root of the page tree, information, catalog, xref, trailer
 *
 * A page names its node and its place is known at the end alone: pages are written there,
 * and of each 16 bytes are kept until then, and the four offsets of its objects. A page
 * that is dropped leaves an image and its length behind which nothing refers to.
 */
#include "lib/doc/pdfwriter.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/doc/pdftext.h"

enum {
	GROUP = 64, /* pages of a node of the page tree */
	NODES_MAX = (PDF_PAGES_MAX + GROUP - 1) / GROUP,
	OBJECTS_MAX = PDF_PAGES_MAX * 6, /* with dropped pages */
	ROOM_FIRST = 64,                 /* objects, or pages */
	TITLE_MAX = 1000,                /* bytes of a title */
	PIECE_MAX = 64 * 1024,           /* bytes written as text at a time */
	/* What the end of the file takes at most, in bytes: for the texts and all that is
	 * there once, a page, and an entry of the table. */
	END_ONCE = 16 * 1024,
	END_PAGE = 256,
	END_ENTRY = 20,
};

#define SIDE_POINTS_MAX 14400.0 /* of a page: ISO 32000-1 annex C.2 */

/* These three come first, so that every page can name them. */
enum { CATALOG = 1, PAGES, INFO, FIRST_FREE };

/* A page takes four numbers in a row. */
enum { IMAGE, LENGTH, CONTENT, PAGE, PAGE_OBJECTS };

static const uint64_t OFFSET_MAX = 9999999999; /* ten digits in the table */

/* What is kept of a page. */
struct leaf {
	uint32_t image;         /* its first object */
	uint32_t width, height; /* thousandths of a point */
	uint32_t rotate;
};

struct pdf {
	struct sink out, counted;  /* counted: the encoder's way to out */
	uint64_t offset, reserved; /* for the end, beyond offset */
	enum status failed;        /* STATUS_OK: the sink may be called */
	struct error why;          /* it failed */
	uint64_t *objects;         /* [number] → offset */
	unsigned object_count, object_room;
	struct buf text;      /* one piece being composed */
	char *title, *remark; /* NULL: none */
	bool incomplete, hold;
	time_t when;

	struct pdf_page page; /* the one being written */
	const struct encoder_type *encoder;
	struct encoder *encoding; /* NULL between pages */
	unsigned image;           /* its first object */
	uint64_t image_start;
	unsigned row;

	struct leaf *leaves; /* in the order they will have */
	unsigned page_count, leaf_room;
	unsigned node[NODES_MAX]; /* objects kept for the tree's nodes */
};

static enum status
emit(void *context, const void *bytes, size_t len, struct error *e)
{
	struct pdf *p = context;
	enum status status;

	if (p->failed != STATUS_OK)
		return error_set(e, p->failed, "%s", p->why.text);
	if (p->offset + len > OFFSET_MAX - p->reserved)
		return error_set(e, STATUS_REFUSED,
		    "the PDF grows beyond %" PRIu64 " bytes: scan fewer pages at once",
		    OFFSET_MAX);
	status = p->out.write(p->out.context, bytes, len, &p->why);
	if (status == STATUS_OK) {
		p->offset += len;
		return STATUS_OK;
	}
	if (status != STATUS_RETRY || !p->out.reserve)
		p->failed = status;
	return error_set(e, status, "%s", p->why.text);
}

/* Whatever happens to a page that starts, there shall be room for the end with it; with
 * none to come, that room may be used. */
static void
keep_room(struct pdf *p, bool page)
{
	p->reserved = !page ? 0
			    : END_ONCE + END_ENTRY * (uint64_t)p->object_count +
		END_PAGE * ((uint64_t)p->page_count + 1);
	if (p->out.reserve)
		p->out.reserve(p->out.context, p->reserved);
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

/* Makes items larger; NULL: no memory, and all is as it was. */
static void *
grow(void *items, unsigned *room, size_t size)
{
	unsigned more = *room ? *room * 2 : ROOM_FIRST;
	void *grown = realloc(items, more * size);

	if (grown)
		*room = more;
	return grown;
}

/* Takes the next object number. */
static enum status
reserve(struct pdf *p, unsigned *number, struct error *e)
{
	uint64_t *objects;

	if (p->object_count >= OBJECTS_MAX)
		return error_set(
		    e, STATUS_INVALID, "the PDF has too many pages (%u)", p->page_count);
	if (p->object_count == p->object_room) {
		objects = grow(p->objects, &p->object_room, sizeof(*objects));
		if (!objects)
			return error_errno(e, "the PDF cannot take one more page");
		p->objects = objects;
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
put_points(struct buf *b, uint32_t thousandths)
{
	buf_printf(b, "%" PRIu32 ".%03" PRIu32, thousandths / 1000, thousandths % 1000);
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
	status = title ? pdftext_keep(&p->title, title, TITLE_MAX, e) : STATUS_OK;
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
	free(p->leaves);
	free(p->title);
	free(p->remark);
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

/* Of a point, for a side that was checked. */
static uint32_t
thousandths(unsigned pixels, double dpi)
{
	return (uint32_t)(side_points(pixels, dpi) * 1000 + 0.5);
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
	if (page->raster.quality < 0 || page->raster.quality > 100)
		return error_set(e, STATUS_INVALID,
		    "a page's quality is 1 to 100, not %d", page->raster.quality);
	if (page->rotate % 90 != 0 || page->rotate >= 360)
		return error_set(e, STATUS_INVALID,
		    "a page can be turned by 0, 90, 180 or 270 degrees, not by %u",
		    page->rotate);
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
	buf_printf(b, "\n/Length %u 0 R >>\nstream\n", p->image + LENGTH);
}

/* Room and numbers for one more page: what pdf_page_end() will need. */
static enum status
make_room(struct pdf *p, struct error *e)
{
	unsigned group = p->page_count / GROUP, number;
	enum status status = STATUS_OK;
	struct leaf *leaves;

	if (p->page_count == p->leaf_room) {
		leaves = grow(p->leaves, &p->leaf_room, sizeof(*leaves));
		if (!leaves)
			return error_errno(e, "the PDF cannot take one more page");
		p->leaves = leaves;
	}
	if (!p->node[group])
		status = reserve(p, &p->node[group], e);
	p->image = p->object_count;
	for (int i = 0; i < PAGE_OBJECTS && status == STATUS_OK; i++)
		status = reserve(p, &number, e);
	return status;
}

enum status
pdf_page_start(struct pdf *p, const struct pdf_page *page, struct error *e)
{
	enum status status = page_check(p, page, e);

	if (status == STATUS_OK)
		status = make_room(p, e);
	if (status != STATUS_OK)
		return status;
	p->page = *page;
	p->row = 0;
	p->encoder = encoder_for(page->raster.format);
	put_image(p, &page->raster);
	keep_room(p, true);
	status = flush(p, e);
	if (status != STATUS_OK) {
		p->object_count = p->image;
		return status;
	}
	p->image_start = p->offset;
	status = p->encoder->start(&p->encoding, &page->raster, &p->counted, e);
	if (status != STATUS_OK)
		pdf_page_drop(p, NULL);
	return status;
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
	begin(p, p->image + LENGTH);
	buf_printf(&p->text, "%" PRIu64 "\nendobj\n", length);
}

/* The stream that paints the image over the whole page; what the page needs is kept. */
static void
put_content(struct pdf *p)
{
	const struct pdf_page *page = &p->page;
	struct leaf leaf = {
		.image = p->image,
		.width = thousandths(page->raster.width, page->x_dpi),
		.height = thousandths(page->raster.height, page->y_dpi),
		.rotate = page->rotate,
	};
	struct buf paint;

	buf_init(&paint, PIECE_MAX);
	buf_puts(&paint, "q ");
	put_points(&paint, leaf.width);
	buf_puts(&paint, " 0 0 ");
	put_points(&paint, leaf.height);
	buf_puts(&paint, " 0 0 cm /Scan Do Q\n");
	begin(p, p->image + CONTENT);
	buf_printf(&p->text, "<< /Length %zu >>\nstream\n%sendstream\nendobj\n",
	    paint.len, buf_text(&paint));
	p->text.over |= paint.over;
	buf_clear(&paint);
	p->leaves[p->page_count] = leaf;
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
	put_content(p);
	status = flush(p, e);
	if (status == STATUS_OK)
		p->page_count++;
	return status;
}

enum status
pdf_page_drop(struct pdf *p, struct error *e)
{
	buf_reset(&p->text); /* of an end that failed */
	keep_room(p, false);
	end_image(p);
	p->object_count = p->image + CONTENT; /* what follows can be used again */
	return flush(p, e);
}

/* -- the end of the file --------------------------------------------------------------*/

enum status
pdf_order(struct pdf *p, const unsigned *order, unsigned count, struct error *e)
{
	struct leaf *sorted = calloc(p->leaf_room + 1, sizeof(*sorted));
	bool whole = count == p->page_count;

	if (!sorted)
		return error_errno(e, "the PDF's pages cannot be put in order");
	for (unsigned i = 0; i < count && whole; i++) {
		whole = order[i] < count && p->leaves[order[i]].image;
		if (whole) {
			sorted[i] = p->leaves[order[i]];
			p->leaves[order[i]].image = 0; /* taken */
		}
	}
	if (!whole) {
		for (unsigned i = 0; i < count && sorted[i].image; i++)
			p->leaves[order[i]] = sorted[i];
		free(sorted);
		return error_set(e, STATUS_INVALID,
		    "the order of %u pages does not name each of the PDF's %u once",
		    count, p->page_count);
	}
	free(p->leaves);
	p->leaves = sorted;
	return STATUS_OK;
}

enum status
pdf_remark(struct pdf *p, const struct pdf_remark *remark, struct error *e)
{
	enum status status = pdftext_keep(&p->remark, remark->text, PDF_REMARK_MAX, e);

	if (status == STATUS_OK) {
		p->incomplete = remark->incomplete;
		p->hold = remark->hold;
	}
	return status;
}

static void
put_page(struct pdf *p, const struct leaf *leaf, unsigned node)
{
	struct buf *b = &p->text;

	begin(p, leaf->image + PAGE);
	buf_printf(b, "<< /Type /Page /Parent %u 0 R\n/MediaBox [0 0 ", node);
	put_points(b, leaf->width);
	buf_putc(b, ' ');
	put_points(b, leaf->height);
	buf_putc(b, ']');
	if (leaf->rotate)
		buf_printf(b, " /Rotate %" PRIu32, leaf->rotate);
	buf_printf(b,
	    "\n/Resources << /XObject << /Scan %" PRIu32 " 0 R >> >>\n"
	    "/Contents %" PRIu32 " 0 R >>\nendobj\n",
	    leaf->image + IMAGE, leaf->image + CONTENT);
}

/* A node of the tree behind its pages, of which `first` is the first. */
static enum status
put_group(struct pdf *p, unsigned first, struct error *e)
{
	unsigned node = p->node[first / GROUP];
	unsigned left = p->page_count - first, count = left < GROUP ? left : GROUP;

	for (unsigned i = 0; i < count; i++)
		put_page(p, &p->leaves[first + i], node);
	begin(p, node);
	buf_printf(
	    &p->text, "<< /Type /Pages /Parent %d 0 R /Count %u\n/Kids [", PAGES, count);
	for (unsigned i = 0; i < count; i++)
		buf_printf(&p->text, "%s%u 0 R", i ? " " : "",
		    p->leaves[first + i].image + PAGE);
	buf_puts(&p->text, "] >>\nendobj\n");
	return flush(p, e);
}

static void
put_root(struct pdf *p)
{
	begin(p, PAGES);
	buf_printf(&p->text, "<< /Type /Pages /Count %u\n/Kids [", p->page_count);
	for (unsigned i = 0; i * GROUP < p->page_count; i++)
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
		pdftext_put(&p->text, "Title", p->title);
	if (p->remark && *p->remark)
		pdftext_put(&p->text, "PostroomRemark", p->remark);
	if (p->incomplete)
		buf_puts(&p->text, "/PostroomIncomplete (incomplete)\n");
	if (p->hold)
		buf_puts(&p->text, "/PostroomHold (hold)\n");
	if (gmtime_r(&p->when, &when) && when.tm_year >= -1900 && when.tm_year < 8100)
		buf_printf(&p->text, "/CreationDate (D:%04d%02d%02d%02d%02d%02dZ)\n",
		    when.tm_year + 1900, when.tm_mon + 1, when.tm_mday, when.tm_hour,
		    when.tm_min, when.tm_sec);
	buf_puts(&p->text,
	    "/Creator (scan2mail)\n/Producer (Postroom " POSTROOM_VERSION
	    ") >>\nendobj\n");
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
	enum status status = STATUS_OK;
	uint64_t xref;

	if (p->page_count == 0)
		return error_set(e, STATUS_INVALID, "the PDF has no page");
	keep_room(p, false);
	for (unsigned i = 0; i < p->page_count && status == STATUS_OK; i += GROUP)
		status = put_group(p, i, e);
	if (status != STATUS_OK)
		return status;
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
