/* wire: the records between the scanning child and its parent (wire.h). */
#include "scan2mail/wire.h"

#include <stdint.h>
#include <string.h>

enum { DPI_MAX = 32767, DPI_UNIT = 65536 };

void
wire_put_head(unsigned char out[WIRE_HEAD_SIZE], enum wire_kind kind, size_t payload_len)
{
	uint32_t head[] = { (uint32_t)kind, (uint32_t)payload_len };

	memcpy(out, head, sizeof(head));
}

enum wire_progress
wire_parse(struct wire_record *out, const unsigned char *bytes, size_t len)
{
	uint32_t head[2];

	if (len < WIRE_HEAD_SIZE)
		return WIRE_MORE;
	memcpy(head, bytes, sizeof(head));
	if (head[0] < WIRE_DEVICE || head[0] >= WIRE_KINDS || head[1] > WIRE_PAYLOAD_MAX)
		return WIRE_BROKEN;
	if (len - WIRE_HEAD_SIZE < head[1])
		return WIRE_MORE;
	*out = (struct wire_record){
		.kind = (enum wire_kind)head[0],
		.payload = bytes + WIRE_HEAD_SIZE,
		.len = head[1],
	};
	return WIRE_WHOLE;
}

static uint32_t
fixed(double dpi)
{
	return dpi > 0 && dpi <= DPI_MAX ? (uint32_t)(dpi * DPI_UNIT) : 0;
}

void
wire_put_frame(unsigned char out[WIRE_FRAME_SIZE], const struct frame *f)
{
	uint32_t words[] = { (uint32_t)f->channel, f->color, f->depth, f->width,
		f->bytes_per_line, f->lines, fixed(f->x_dpi), fixed(f->y_dpi) };

	_Static_assert(sizeof(words) == WIRE_FRAME_SIZE, "a frame's words");
	memcpy(out, words, sizeof(words));
}

bool
wire_get_frame(struct frame *out, const struct wire_record *record)
{
	uint32_t words[WIRE_FRAME_SIZE / sizeof(uint32_t)];

	if (record->len != WIRE_FRAME_SIZE)
		return false;
	memcpy(words, record->payload, sizeof(words));
	if (words[0] > CHANNEL_BLUE)
		return false;
	*out = (struct frame){
		.channel = (int)words[0],
		.color = words[1] != 0,
		.depth = words[2],
		.width = words[3],
		.bytes_per_line = words[4],
		.lines = words[5],
		.x_dpi = words[6] / (double)DPI_UNIT,
		.y_dpi = words[7] / (double)DPI_UNIT,
	};
	return true;
}

void
wire_put_length(unsigned char out[WIRE_LENGTH_SIZE], size_t len)
{
	uint32_t word = (uint32_t)len;

	memcpy(out, &word, sizeof(word));
}

bool
wire_get_length(size_t *out, const struct wire_record *record)
{
	uint32_t word;

	if (record->len != WIRE_LENGTH_SIZE)
		return false;
	memcpy(&word, record->payload, sizeof(word));
	*out = word;
	return true;
}

bool
wire_get_texts(const char **texts, size_t count, const struct wire_record *record)
{
	const char *found[WIRE_TEXTS_MAX];
	const char *s = (const char *)record->payload;
	size_t left = record->len;

	if (count > WIRE_TEXTS_MAX)
		return false;
	for (size_t i = 0; i < count; i++) {
		const char *end = left ? memchr(s, '\0', left) : NULL;

		if (!end)
			return false;
		found[i] = s;
		left -= (size_t)(end + 1 - s);
		s = end + 1;
	}
	if (left)
		return false;
	memcpy(texts, found, count * sizeof(*texts));
	return true;
}
