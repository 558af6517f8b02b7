/* tokens: what is known of one account's tokens (tokens.h). */
#include "lib/login/tokens.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/base/seal.h"
#include "lib/base/text.h"

enum {
	VERSION = 1,
	MILLISECONDS = 1000,
	/* A line's word and two moments, and a token. */
	LINE_MAX_BYTES = 16 + 2 * MOMENT_TEXT_MAX + TOKEN_MAX + 1,
};

_Static_assert((int)LINE_MAX_BYTES <= (int)SEAL_EXACT_MAX, "a token fits into a line");

/* -- as text ----------------------------------------------------------------------- */

/* A number without a sign, and the blank behind it if there is one. */
static bool
read_number(uint32_t *out, const char **cursor, int base)
{
	const char *digits = base == 16 ? "0123456789abcdef" : "0123456789";
	size_t len = strspn(*cursor, digits);
	unsigned long value;

	errno = 0;
	value = strtoul(*cursor, NULL, base);
	*cursor += len;
	if (len == 0 || errno || value > UINT32_MAX ||
	    (**cursor != ' ' && **cursor != '\0'))
		return false;
	*cursor += **cursor == ' ';
	*out = (uint32_t)value;
	return true;
}

/* The length of a token: printable ASCII without blanks; 0 when it is none. */
static size_t
token_length(const char *text)
{
	size_t len = 0;

	while (text[len] > ' ' && text[len] < 0x7f)
		len++;
	return text[len] == '\0' && len <= TOKEN_MAX ? len : 0;
}

static bool
read_token(char out[TOKEN_MAX + 1], const char *text)
{
	size_t len = token_length(text);

	memcpy(out, text, len);
	out[len] = '\0';
	return len > 0;
}

/* Keeps what a person may see of a text, cut at a whole character. */
static void
keep_text(char out[TOKENS_TEXT_MAX], const char *text)
{
	struct buf clean;

	buf_init(&clean, TOKENS_TEXT_MAX - 1);
	text_clean(&clean, text, strlen(text), TEXT_LINE);
	memcpy(out, buf_text(&clean), clean.len + 1);
	buf_clear(&clean);
}

static bool
write_head(char *line, const struct tokens *t)
{
	snprintf(line, LINE_MAX_BYTES, "tokens %d %" PRIx32 " %" PRIx32, VERSION,
	    t->identity, t->login);
	return true;
}

static bool
read_head(struct tokens *t, const char *text)
{
	uint32_t version;

	return read_number(&version, &text, 10) && version == VERSION &&
	    read_number(&t->identity, &text, 16) && read_number(&t->login, &text, 16) &&
	    *text == '\0';
}

static bool
write_refresh(char *line, const struct tokens *t)
{
	char when[MOMENT_TEXT_MAX];

	moment_write(when, &t->refreshed);
	if (!t->refresh[0])
		snprintf(line, LINE_MAX_BYTES, "refresh");
	else
		snprintf(line, LINE_MAX_BYTES, "refresh %s %s", when, t->refresh);
	return !t->refresh[0] || token_length(t->refresh);
}

static bool
read_refresh(struct tokens *t, const char *text)
{
	return *text == '\0' ||
	    (moment_read(&t->refreshed, text, &text) && read_token(t->refresh, text));
}

static bool
write_access(char *line, const struct tokens *t)
{
	char born[MOMENT_TEXT_MAX], ends[MOMENT_TEXT_MAX];

	moment_write(born, &t->born);
	moment_write(ends, &t->ends);
	if (!t->access[0])
		snprintf(line, LINE_MAX_BYTES, "access");
	else
		snprintf(line, LINE_MAX_BYTES, "access %s %s %s", born, ends, t->access);
	return !t->access[0] || token_length(t->access);
}

static bool
read_access(struct tokens *t, const char *text)
{
	return *text == '\0' ||
	    (moment_read(&t->born, text, &text) && moment_read(&t->ends, text, &text) &&
		read_token(t->access, text));
}

static bool
write_failed(char *line, const struct tokens *t)
{
	char until[MOMENT_TEXT_MAX];

	moment_write(until, &t->failed.until);
	if (!t->failed.until.name[0])
		snprintf(line, LINE_MAX_BYTES, "failed");
	else
		snprintf(line, LINE_MAX_BYTES, "failed %s %d %" PRIx32 " %s", until,
		    t->failed.verdict, t->failed.asker, t->failed.text);
	return t->failed.verdict >= 0 && t->failed.verdict <= OAUTH_SETTINGS;
}

static bool
read_failed(struct tokens *t, const char *text)
{
	uint32_t verdict;

	if (*text == '\0')
		return true;
	if (!moment_read(&t->failed.until, text, &text) ||
	    !read_number(&verdict, &text, 10) || verdict > OAUTH_SETTINGS ||
	    !read_number(&t->failed.asker, &text, 16))
		return false;
	t->failed.verdict = (int)verdict;
	keep_text(t->failed.text, text);
	return true;
}

/* The lines, in their order. A line that must not be changed is sealed as it is. */
static const struct {
	const char *word;
	bool (*write)(char *line, const struct tokens *t);
	bool (*read)(struct tokens *t, const char *text);
	bool (*seal)(struct buf *out, const char *text);
} lines[] = {
	{ "tokens", write_head, read_head, seal_write_exact },
	{ "refresh", write_refresh, read_refresh, seal_write_exact },
	{ "access", write_access, read_access, seal_write_exact },
	{ "failed", write_failed, read_failed, seal_write },
};

enum {
	LINES = sizeof(lines) / sizeof(lines[0]),
};

static bool
read_line(struct tokens *t, size_t i, const char *text)
{
	size_t len = strlen(lines[i].word);

	if (strncmp(text, lines[i].word, len) != 0)
		return false;
	if (text[len] == '\0')
		return lines[i].read(t, text + len);
	return text[len] == ' ' && lines[i].read(t, text + len + 1);
}

bool
tokens_read(struct tokens *out, char *bytes, size_t len)
{
	char *cursor = bytes, *end = bytes + len;
	const char *text;
	bool good = true;

	tokens_wipe(out);
	for (size_t i = 0; i < LINES && good; i++)
		good = seal_next(&cursor, end, &text) == SEAL_LINE &&
		    read_line(out, i, text);
	if (good && cursor == end)
		return true;
	tokens_wipe(out);
	return false;
}

bool
tokens_write(struct buf *out, const struct tokens *t)
{
	char line[LINE_MAX_BYTES];

	for (size_t i = 0; i < LINES; i++)
		if (!lines[i].write(line, t) || !lines[i].seal(out, line))
			out->over = true;
	explicit_bzero(line, sizeof(line));
	return !out->over;
}

/* -- tokens ------------------------------------------------------------------------ */

bool
tokens_fresh(const struct tokens *t, const struct moment *now)
{
	int64_t life = moment_until(&t->ends, &t->born);
	int64_t left = moment_until(&t->ends, now);
	int64_t margin = (int64_t)TOKENS_MARGIN * MILLISECONDS;

	if (margin > life / 2) /* else a short-lived one would never be fresh */
		margin = life / 2;
	/* One that lives longer than any, or longer than when it was born, is damage. */
	if (!t->access[0] || life > (int64_t)OAUTH_LIFETIME_MAX * MILLISECONDS ||
	    left > life)
		return false;
	return left > 0 && left >= margin;
}

bool
tokens_are_whole(const struct oauth_tokens *answer)
{
	return memchr(answer->access, '\0', sizeof(answer->access)) &&
	    memchr(answer->refresh, '\0', sizeof(answer->refresh)) &&
	    token_length(answer->access) > 0 &&
	    (!answer->refresh[0] || token_length(answer->refresh) > 0);
}

void
tokens_take(struct tokens *t, const struct oauth_tokens *answer, const struct moment *now)
{
	int64_t life = answer->lifetime;

	if (life < 0)
		life = 0;
	if (life > OAUTH_LIFETIME_MAX)
		life = OAUTH_LIFETIME_MAX;
	memcpy(t->access, answer->access, sizeof(t->access));
	t->born = *now;
	t->ends = moment_after(now, life * MILLISECONDS);
	if (answer->refresh[0]) {
		memcpy(t->refresh, answer->refresh, sizeof(t->refresh));
		t->refreshed = *now;
	}
	memset(&t->failed, 0, sizeof(t->failed));
}

void
tokens_fail(struct tokens *t, const struct oauth_refusal *why, int64_t seconds,
    const char *text, const struct moment *now)
{
	if (seconds > TOKENS_PAUSE_MAX)
		seconds = TOKENS_PAUSE_MAX;
	if (seconds < 0)
		seconds = 0;
	t->failed.until = moment_after(now, seconds * MILLISECONDS);
	t->failed.verdict = (int)why->verdict;
	t->failed.asker = 0;
	keep_text(t->failed.text, text);
}

int64_t
tokens_failed_left(const struct tokens *t, const struct moment *now)
{
	int64_t left = moment_until(&t->failed.until, now);

	/* What lies further ahead than anything that was set is damage. */
	return left <= (int64_t)TOKENS_PAUSE_MAX * MILLISECONDS ? left : 0;
}

uint32_t
tokens_serial(const char *access)
{
	uint32_t sum = (uint32_t)crc32(0, (const Bytef *)access, (uInt)strlen(access));

	return *access == '\0' ? 0 : sum ? sum : 1;
}

void
tokens_wipe(struct tokens *t)
{
	explicit_bzero(t, sizeof(*t));
}
