/* standing: what is known of an account together (standing.h). */
#include "lib/send/standing.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/seal.h"
#include "lib/base/text.h"

enum {
	LINE_MAX_BYTES = SEAL_MAX,
	SIZE_FRESH = 3600, /* seconds in which the same SIZE is no news */
	MILLISECONDS = 1000,
	DAY = 24 * 60 * 60,
};

/* -- as text ----------------------------------------------------------------------- */

/* Keeps what a person may see of a text, cut at a whole character. */
static void
keep_text(char out[STANDING_TEXT_MAX], const char *text)
{
	struct buf clean;

	buf_init(&clean, STANDING_TEXT_MAX - 1);
	text_clean(&clean, text, strlen(text), TEXT_LINE);
	memcpy(out, buf_text(&clean), clean.len + 1);
	buf_clear(&clean);
}

/* A number without a sign, and the blank behind it if there is one. */
static bool
read_number(uint64_t *out, const char **cursor, int base)
{
	const char *digits = base == 16 ? "0123456789abcdef" : "0123456789";
	size_t len = strspn(*cursor, digits);

	errno = 0;
	*out = strtoull(*cursor, NULL, base);
	*cursor += len;
	if (len == 0 || errno || (**cursor != ' ' && **cursor != '\0'))
		return false;
	*cursor += **cursor == ' ';
	return true;
}

static void
write_bucket(char *line, const struct standing *s)
{
	snprintf(line, LINE_MAX_BYTES, "bucket %" PRId64, s->bucket);
}

static bool
read_bucket(struct standing *s, const char *text)
{
	uint64_t bucket;

	if (!read_number(&bucket, &text, 10) || bucket > INT64_MAX)
		return false;
	s->bucket = (int64_t)bucket;
	return true;
}

static void
write_good(char *line, const struct standing *s)
{
	snprintf(line, LINE_MAX_BYTES, "good %" PRIx64, s->good);
}

static bool
read_good(struct standing *s, const char *text)
{
	return read_number(&s->good, &text, 16);
}

static void
write_refused(char *line, const struct standing *s)
{
	char again[MOMENT_TEXT_MAX], first[MOMENT_TEXT_MAX];

	moment_write(again, &s->refused.again);
	moment_write(first, &s->refused.first);
	if (s->refused.fingerprint)
		snprintf(line, LINE_MAX_BYTES, "refused %" PRIx64 " %s %s %s",
		    s->refused.fingerprint, again, first, s->refused.text);
	else
		snprintf(line, LINE_MAX_BYTES, "refused 0");
}

static bool
read_refused(struct standing *s, const char *text)
{
	if (!read_number(&s->refused.fingerprint, &text, 16))
		return false;
	if (s->refused.fingerprint == 0)
		return true;
	if (!moment_read(&s->refused.again, text, &text) ||
	    !moment_read(&s->refused.first, text, &text))
		return false;
	keep_text(s->refused.text, text);
	return true;
}

static void
write_pause(char *line, const struct standing *s)
{
	char end[MOMENT_TEXT_MAX];

	moment_write(end, &s->pause.end);
	snprintf(line, LINE_MAX_BYTES, "pause %s %s", s->pause.end.name[0] ? end : "",
	    s->pause.text);
}

static bool
read_pause(struct standing *s, const char *text)
{
	if (*text == '\0')
		return true;
	if (!moment_read(&s->pause.end, text, &text))
		return false;
	keep_text(s->pause.text, text);
	return true;
}

static void
write_size(char *line, const struct standing *s)
{
	char seen[MOMENT_TEXT_MAX];

	moment_write(seen, &s->size.seen);
	snprintf(line, LINE_MAX_BYTES, "size %" PRIu64 " %" PRIx32 " %s", s->size.bytes,
	    s->size.server, s->size.seen.name[0] ? seen : "");
}

static bool
read_size(struct standing *s, const char *text)
{
	uint64_t server;

	if (!read_number(&s->size.bytes, &text, 10) || !read_number(&server, &text, 16) ||
	    server > UINT32_MAX)
		return false;
	s->size.server = (uint32_t)server;
	return *text == '\0' || moment_read(&s->size.seen, text, &text);
}

static const struct {
	const char *word;
	void (*write)(char *line, const struct standing *s);
	bool (*read)(struct standing *s, const char *text);
} lines[] = {
	{ "bucket", write_bucket, read_bucket },
	{ "good", write_good, read_good },
	{ "refused", write_refused, read_refused },
	{ "pause", write_pause, read_pause },
	{ "size", write_size, read_size },
};

enum {
	LINES = sizeof(lines) / sizeof(lines[0]),
};

static bool
read_line(struct standing *s, size_t i, const char *text)
{
	size_t len = strlen(lines[i].word);

	if (strncmp(text, lines[i].word, len) != 0)
		return false;
	if (text[len] == '\0')
		return lines[i].read(s, text + len);
	return text[len] == ' ' && lines[i].read(s, text + len + 1);
}

void
standing_read(struct standing *out, char *bytes, size_t len)
{
	struct standing s = { .bucket = 0 };
	char *cursor = bytes;
	const char *text;

	*out = s;
	for (size_t i = 0; i < LINES; i++)
		if (seal_next(&cursor, bytes + len, &text) != SEAL_LINE ||
		    !read_line(&s, i, text))
			return;
	*out = s;
}

bool
standing_write(struct buf *out, const struct standing *s)
{
	char line[LINE_MAX_BYTES];

	for (size_t i = 0; i < LINES; i++) {
		lines[i].write(line, s);
		seal_write(out, line);
	}
	return !out->over;
}

/* -- rate and pause ---------------------------------------------------------------- */

int64_t
standing_take_token(struct standing *s, const struct standing_rate *rate, int64_t now)
{
	int64_t bucket = s->bucket, early;

	if (bucket < now || bucket > now + rate->burst * rate->interval)
		bucket = now;
	early = bucket - now - (rate->burst - 1) * rate->interval;
	if (early > 0)
		return early;
	s->bucket = bucket + rate->interval;
	return 0;
}

/* Nothing that was set lies further ahead than `most` seconds: what does is damage. */
static int64_t
time_left(const struct moment *then, const struct moment *now, int64_t most)
{
	int64_t left = moment_until(then, now);

	return left <= most * MILLISECONDS ? left : 0;
}

int64_t
standing_pause_left(const struct standing *s, const struct moment *now)
{
	return time_left(&s->pause.end, now, STANDING_PAUSE_MAX);
}

bool
standing_pause(struct standing *s, const struct moment *now, int64_t ms, const char *text)
{
	const int64_t most = (int64_t)STANDING_PAUSE_MAX * MILLISECONDS;

	if (ms > most)
		ms = most;
	if (standing_pause_left(s, now) >= ms)
		return false;
	s->pause.end = moment_after(now, ms);
	keep_text(s->pause.text, text);
	return true;
}

/* -- login ------------------------------------------------------------------------- */

bool
standing_knows(const struct standing *s, uint64_t fingerprint)
{
	return fingerprint == 0 || s->good == fingerprint;
}

static bool
is_refused(const struct standing *s, uint64_t fingerprint)
{
	return fingerprint && s->refused.fingerprint == fingerprint;
}

int64_t
standing_refusal_left(
    const struct standing *s, uint64_t fingerprint, const struct moment *now)
{
	if (!is_refused(s, fingerprint))
		return 0;
	return time_left(&s->refused.again, now, STANDING_LOGIN_PAUSE);
}

void
standing_login_tried(struct standing *s, uint64_t fingerprint, const struct moment *now)
{
	if (is_refused(s, fingerprint))
		s->refused.again = moment_after(now, STANDING_LOGIN_PAUSE * MILLISECONDS);
}

bool
standing_login_good(struct standing *s, uint64_t fingerprint)
{
	if (fingerprint == 0 || (s->good == fingerprint && s->refused.fingerprint == 0))
		return false;
	s->good = fingerprint;
	memset(&s->refused, 0, sizeof(s->refused));
	return true;
}

int64_t
standing_login_refused(
    struct standing *s, uint64_t fingerprint, const struct moment *now, const char *text)
{
	int64_t since = 0;

	if (fingerprint == 0)
		return 0;
	if (is_refused(s, fingerprint))
		since = moment_since(&s->refused.first, now);
	else
		s->refused.first = *now;
	s->refused.fingerprint = fingerprint;
	s->refused.again = moment_after(now, STANDING_LOGIN_PAUSE * MILLISECONDS);
	keep_text(s->refused.text, text);
	if (s->good == fingerprint) /* not any more: tried by one at a time again */
		s->good = 0;
	return since;
}

/* -- size -------------------------------------------------------------------------- */

bool
standing_size_seen(
    struct standing *s, const struct moment *now, uint32_t server, uint64_t size)
{
	if (s->size.bytes == size && s->size.server == server &&
	    moment_since(&s->size.seen, now) < SIZE_FRESH * MILLISECONDS)
		return false;
	s->size.bytes = size;
	s->size.server = server;
	s->size.seen = *now;
	return true;
}

uint64_t
standing_size(const struct standing *s, const struct moment *now, uint32_t server)
{
	int64_t most = (int64_t)STANDING_SIZE_DAYS * DAY * MILLISECONDS;

	if (s->size.server != server || moment_since(&s->size.seen, now) >= most)
		return 0;
	return s->size.bytes;
}
