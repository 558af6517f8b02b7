/*
 * picture: the pages of the scanner of the tests, which tell where each line belongs.
 *
 * A page is made of bands of 8 lines. From the left: red, green and blue, 16 pixels each
 * (in grey 255, 128 and 0, in black and white white); then 22 cells of 8 pixels, white
 * for a 1: the page (8 bits, highest first), 1 for a back, the band (12 bits), and a bit
 * that makes their number even; then white. Cells and bands lie on the blocks of JPEG, so
 * that the values survive it line by line.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/sane/fault.h"

enum {
	BAND = 8,
	BAR = 16,
	CELL = 8,
	CELLS = 22,
	DARK = 0x1040, /* of 16 bits; read in the wrong order they change places */
	BRIGHT = 0xF010,
	MIDDLE = 0x8080,
	GARBAGE = 0xA5, /* what padding holds */
};

#define INCH 25.4 /* millimetres */

static bool
is_duplex(const struct scanner *s)
{
	return strstr(knobs_text(s, "source", ""), "Duplex") != NULL ||
	    knobs_number(s, "duplex", 0) > 0;
}

/* The code of a band, the cells from the left in its bits from the highest. */
static unsigned
code(const struct scanner *s, int band)
{
	unsigned bits = ((unsigned)s->page & 0xFF) << 13 |
	    (is_duplex(s) && s->page % 2 == 0 ? 1U << 12 : 0) | ((unsigned)band & 0xFFF);

	return bits << 1 | ((unsigned)__builtin_popcount(bits) & 1);
}

/* One sample of 16 bits. Channel: 0 to 2, or -1 for grey. */
static unsigned
sample(unsigned bits, int x, int channel)
{
	static const unsigned greys[] = { BRIGHT, MIDDLE, DARK };
	int cell = (x - 3 * BAR) / CELL;

	if (x < 3 * BAR)
		return channel < 0 ? greys[x / BAR] : channel == x / BAR ? BRIGHT : DARK;
	return cell >= CELLS || bits >> (CELLS - 1 - cell) & 1 ? BRIGHT : DARK;
}

static void
put(unsigned char *line, size_t index, unsigned value, int depth)
{
	unsigned short wide = (unsigned short)value; /* in the machine's byte order */

	if (depth == 16)
		memcpy(line + 2 * index, &wide, sizeof(wide));
	else
		line[index] = (unsigned char)(value >> 8);
}

static void
draw(struct scanner *s, int band)
{
	const SANE_Parameters *p = &s->parameters;
	unsigned bits = code(s, band);
	int width = p->pixels_per_line;

	memset(s->line, GARBAGE, (size_t)p->bytes_per_line);
	if (p->depth == 1) /* black is 1 */
		memset(s->line, 0, (size_t)(width + 7) / 8);
	for (int x = 0; x < width; x++) {
		size_t at = (size_t)x;

		if (p->depth == 1) {
			if (x >= 3 * BAR && sample(bits, x, -1) == DARK)
				s->line[x / 8] |= (unsigned char)(0x80 >> x % 8);
		} else if (p->format == SANE_FRAME_RGB) {
			for (int c = 0; c < 3; c++)
				put(s->line, 3 * at + (size_t)c, sample(bits, x, c),
				    p->depth);
		} else {
			put(s->line, at,
			    sample(bits, x,
				p->format == SANE_FRAME_GRAY
				    ? -1
				    : (int)p->format - SANE_FRAME_RED),
			    p->depth);
		}
	}
	s->band = band;
}

/* One direction of the page in pixels: what is chosen of the glass, at most the sheet. */
static int
span(const struct scanner *s, bool down, double sheet)
{
	double dpi = knobs_number(
	    s, "resolution", knobs_number(s, down ? "y-resolution" : "x-resolution", 75));
	double whole =
	    scenario_number(&s->scenario, down ? "height" : "width", down ? 297 : 210);
	double scale = scenario_is(&s->scenario, "unit", "pixel") ? INCH / dpi : 1;
	double chosen = knobs_number(s, down ? "br-y" : "br-x", whole / scale) -
	    knobs_number(s, down ? "tl-y" : "tl-x", 0);

	if (sheet > 0 && chosen * scale > sheet)
		return (int)(sheet / INCH * dpi + 0.5);
	return (int)(chosen * scale / INCH * dpi + 0.5);
}

static void
choose_format(struct scanner *s)
{
	const char *mode = knobs_text(s, "mode", "Gray");
	const char *planes = scenario_text(&s->scenario, "three-pass", "");
	SANE_Parameters *p = &s->parameters;

	p->depth =
	    (SANE_Int)knobs_number(s, "depth", scenario_number(&s->scenario, "depth", 8));
	if (strcmp(mode, "Lineart") == 0)
		p->depth = 1;
	p->format = strcmp(mode, "Color") != 0 ? SANE_FRAME_GRAY : SANE_FRAME_RGB;
	p->last_frame = SANE_TRUE;
	if (p->format == SANE_FRAME_RGB && *planes) {
		char plane = planes[s->plane];

		p->format = plane == 'R' ? SANE_FRAME_RED
		    : plane == 'G'       ? SANE_FRAME_GREEN
					 : SANE_FRAME_BLUE;
		p->last_frame = !planes[s->plane + 1];
	}
}

/* The bytes that the frame has, whatever it announces. */
static size_t
true_total(const struct scanner *s)
{
	const struct scenario *c = &s->scenario;
	size_t whole = (size_t)s->parameters.lines * (size_t)s->parameters.bytes_per_line;
	const char *planes = scenario_text(c, "three-pass", "");

	if (s->page == scenario_number(c, "zero-page", 0))
		return 0;
	if (s->page == scenario_number(c, "short-page", 0))
		return whole / 2;
	if (s->page == scenario_number(c, "long-page", 0))
		return whole + whole / 4;
	if (s->plane < strlen(planes) &&
	    planes[s->plane] == *scenario_text(c, "short-plane", "-"))
		return whole / 2 / (size_t)s->parameters.bytes_per_line *
		    (size_t)s->parameters.bytes_per_line;
	return whole;
}

void
picture_begin(struct scanner *s)
{
	const char *sizes = scenario_text(&s->scenario, "sizes", NULL);
	SANE_Parameters *p = &s->parameters;
	char size[SCENARIO_VALUE] = "";
	char *rest = size;
	double width = 0, height = 0;
	size_t count = 1;

	for (const char *c = sizes; c && *c; c++)
		count += *c == '|';
	if (sizes && s->page > 0 &&
	    scenario_item(sizes, (size_t)(s->page - 1) % count, size)) {
		width = strtod(size, &rest);
		height = *rest == 'x' ? strtod(rest + 1, NULL) : 0;
	}
	choose_format(s);
	p->pixels_per_line = span(s, false, width);
	p->lines = span(s, true, height);
	p->bytes_per_line = p->depth == 1
	    ? (p->pixels_per_line + 7) / 8
	    : p->pixels_per_line * (p->depth / 8) * (p->format == SANE_FRAME_RGB ? 3 : 1);
	p->bytes_per_line += (SANE_Int)scenario_number(&s->scenario, "padding", 0);
	s->total = true_total(s);
	s->offset = 0;
	s->met_middle = s->met_start = false;
	s->band = -1;
	free(s->line);
	s->line = malloc((size_t)p->bytes_per_line);
	if (!s->line)
		abort();
}

void
picture_copy(struct scanner *s, unsigned char *out, size_t len)
{
	size_t per_line = (size_t)s->parameters.bytes_per_line;

	while (len > 0) {
		size_t at = s->offset % per_line;
		size_t part = per_line - at < len ? per_line - at : len;
		int band = (int)(s->offset / per_line / BAND);

		if (band != s->band)
			draw(s, band);
		memcpy(out, s->line + at, part);
		out += part;
		s->offset += part;
		len -= part;
	}
}
