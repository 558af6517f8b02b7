/* graphbody: what a request to Microsoft Graph carries (graphbody.h). */
#include "lib/send/graphbody.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/mail/base64.h"

enum {
	GROUP = 3, /* bytes that make a word */
	WORD = 4,  /* its characters */
};

_Static_assert(GRAPHBODY_BLOCK % GROUP == 0, "a block ends where a word does");

static void
begin(struct graphbody *b)
{
	b->left = b->size;
	b->before_len = strlen(b->before);
	b->after_len = strlen(b->after);
}

void
graphbody_message(struct graphbody *b, struct message_stream *message)
{
	message_rewind(message);
	*b = (struct graphbody){ .before = "",
		.after = "",
		.message = message,
		.size = message_size(message) };
	begin(b);
}

void
graphbody_attachment(struct graphbody *b, const struct attachment *a, const char *before,
    const char *after)
{
	*b = (struct graphbody){ .before = before,
		.after = after,
		.fd = a->fd,
		.offset = a->start,
		.size = (uint64_t)a->size };
	begin(b);
}

void
graphbody_range(
    struct graphbody *b, const struct attachment *a, uint64_t at, uint64_t len)
{
	*b = (struct graphbody){ .before = "",
		.after = "",
		.plain = true,
		.fd = a->fd,
		.offset = a->start + (off_t)at,
		.size = len };
	begin(b);
}

uint64_t
graphbody_size(const struct graphbody *b)
{
	uint64_t coded = b->plain ? b->size : (b->size + GROUP - 1) / GROUP * WORD;

	return b->before_len + coded + b->after_len;
}

/* One read of what it is made from. */
static ssize_t
read_some(struct graphbody *b, unsigned char *bytes, size_t len)
{
	ssize_t n;

	if (b->message)
		return message_read(b->message, (char *)bytes, len);
	do
		n = pread(b->fd, bytes, len, b->offset);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		b->offset += n;
	return n;
}

/* Reads len bytes, all of them; false with errno. */
static bool
read_fully(struct graphbody *b, unsigned char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = read_some(b, bytes, len);

		if (n == 0)
			errno = EIO;
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
		b->left -= (uint64_t)n;
	}
	return true;
}

static size_t
copy(char *out, size_t room, const char *text, size_t *at, size_t end)
{
	size_t n = end - *at;

	if (n > room)
		n = room;
	memcpy(out, text + *at, n);
	*at += n;
	return n;
}

/* Encodes as much as there is room for, or one word into b->ready; -1 with errno. */
static ssize_t
encode(struct graphbody *b, char *out, size_t room)
{
	unsigned char block[GRAPHBODY_BLOCK];
	bool direct = room >= WORD;
	size_t take = direct ? room / WORD * GROUP : GROUP;
	size_t n;

	if (take > sizeof(block))
		take = sizeof(block);
	if (take > b->left)
		take = (size_t)b->left;
	if (!read_fully(b, block, take))
		return -1;
	n = base64_word(direct ? out : b->ready, block, take);
	if (direct)
		return (ssize_t)n;
	b->ready_at = 0;
	b->ready_len = n;
	return 0;
}

/* Some of what comes next: -1 with errno; 0 also where it only got ready. */
static ssize_t
step(struct graphbody *b, char *out, size_t room)
{
	size_t take = b->left < room ? (size_t)b->left : room;

	if (b->before_at < b->before_len)
		return (ssize_t)copy(out, room, b->before, &b->before_at, b->before_len);
	if (b->ready_at < b->ready_len)
		return (ssize_t)copy(out, room, b->ready, &b->ready_at, b->ready_len);
	if (b->left > 0 && !b->plain)
		return encode(b, out, room);
	if (b->left > 0)
		return read_fully(b, (unsigned char *)out, take) ? (ssize_t)take : -1;
	return (ssize_t)copy(out, room, b->after, &b->after_at, b->after_len);
}

static bool
is_done(const struct graphbody *b)
{
	return b->before_at == b->before_len && b->ready_at == b->ready_len &&
	    b->left == 0 && b->after_at == b->after_len;
}

ssize_t
graphbody_read(struct graphbody *b, char *bytes, size_t len)
{
	size_t n = 0;

	while (n < len && !is_done(b)) {
		ssize_t some = step(b, bytes + n, len - n);

		if (some < 0)
			return -1;
		n += (size_t)some;
	}
	return (ssize_t)n;
}
