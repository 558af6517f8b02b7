/* history: one line per outcome (history.h). */
#include "lib/send/history.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/mail/address.h"

enum {
	NAME_MAX_BYTES = 255, /* of a value that names something */
	TEXT_MAX_BYTES = 600, /* of a text */
	ID_MAX_BYTES = 400,   /* of a Message-ID or a server's own name */
	TO_MAX_BYTES = 10000, /* of all recipients together */
	COUNT_MAX_BYTES = 32, /* of ",…+123" */
	LOCK_TRIES = 500,     /* a millisecond apart */
	SHOWN_MAX = 400,      /* of a path in a sentence */
	PER_SECOND = 1000,
	LOG_MODE = 0640,
};

static const char ELLIPSIS[] = "…";

/* -- a server's own name ----------------------------------------------------------- */

/* What stands before it. A name in <> is one only with '@': others are addresses of web
 * pages or texts. */
static const struct {
	const char *before;
	const char *end; /* bytes that end it */
	char needs;      /* a byte that it has, or 0 */
} server_ids[] = {
	{ "<", "> ", '@' },
	{ "queued as ", " ,;)", 0 },
	{ " id=", " ,;)", 0 },
};

/* "Ok NAME" of Amazon SES: one word behind the greeting, with digits in it. */
static size_t
lone_word(const char **text)
{
	const char *word = *text + strspn(*text, "0123456789. ");
	size_t len;

	if (strncasecmp(word, "ok ", 3) != 0)
		return 0;
	word += 3;
	len = strcspn(word, " ");
	if (word[len] || strcspn(word, "0123456789") == len)
		return 0;
	*text = word;
	return len;
}

void
history_server_id(char *out, size_t size, const char *text)
{
	size_t len;

	for (size_t i = 0; i < sizeof(server_ids) / sizeof(server_ids[0]); i++) {
		const char *id = strcasestr(text, server_ids[i].before);

		if (!id)
			continue;
		id += strlen(server_ids[i].before);
		len = strcspn(id, server_ids[i].end);
		if (server_ids[i].needs && !memchr(id, server_ids[i].needs, len))
			continue;
		snprintf(out, size, "%.*s", (int)len, id);
		return;
	}
	len = lone_word(&text);
	snprintf(out, size, "%.*s", (int)len, text);
}

/* -- values ------------------------------------------------------------------------ */

/* Each appends its value, uncleaned text cleaned; what passes the buffer's limit is left
 * out, and the buffer is `over`. */

static void
add_text(struct buf *out, const char *text)
{
	if (text)
		text_clean(out, text, strlen(text), TEXT_LINE);
}

static void
add_event(struct buf *out, const struct history *h)
{
	static const char *const names[] = {
		[HISTORY_SENT] = "sent",
		[HISTORY_REFUSED] = "refused",
		[HISTORY_GIVEN_UP] = "given-up",
		[HISTORY_HELD] = "held",
		[HISTORY_STOPPED] = "stopped",
		[HISTORY_WAITING] = "waiting",
		[HISTORY_NOTICE] = "notice",
	};

	buf_puts(out, names[h->event]);
}

static void
add_account(struct buf *out, const struct history *h)
{
	add_text(out, h->account);
}

/* As many as fit, whole, and the number of the others. */
static void
add_to(struct buf *out, const struct history *h)
{
	struct buf one;
	size_t i;

	buf_init(&one, ADDRESS_MAX);
	for (i = 0; i < h->recipient_count; i++) {
		buf_reset(&one);
		add_text(&one, h->recipients[i]);
		if (one.over || out->len + one.len + COUNT_MAX_BYTES > out->max)
			break;
		buf_printf(out, "%s%s", i ? "," : "", buf_text(&one));
	}
	if (i < h->recipient_count)
		buf_printf(
		    out, "%s%s+%zu", i ? "," : "", ELLIPSIS, h->recipient_count - i);
	buf_clear(&one);
}

static void
add_size(struct buf *out, const struct history *h)
{
	if (h->size)
		buf_printf(out, "%" PRIu64, h->size);
}

static void
add_id(struct buf *out, const struct history *h)
{
	add_text(out, h->id);
}

static void
add_part(struct buf *out, const struct history *h)
{
	if (h->parts > 1)
		buf_printf(out, "%u/%u", h->part, h->parts);
}

static bool
has_reply(const struct history *h)
{
	return h->reply && h->reply->code;
}

static void
add_code(struct buf *out, const struct history *h)
{
	char text[40];

	if (!has_reply(h))
		return;
	snprintf(text, sizeof(text), "%d %s", h->reply->code, h->reply->enhanced);
	add_text(out, text);
}

static void
add_reply(struct buf *out, const struct history *h)
{
	if (has_reply(h))
		add_text(out, h->reply->text);
}

/* Only of what was taken: a refusal has the recipient in <>. */
static void
add_server_id(struct buf *out, const struct history *h)
{
	char id[ID_MAX_BYTES];

	if (!has_reply(h) || h->reply->code / 100 != 2)
		return;
	history_server_id(id, sizeof(id), h->reply->text);
	add_text(out, id);
}

static void
add_attempts(struct buf *out, const struct history *h)
{
	buf_printf(out, "%u", h->attempts);
}

/* Without floating point, whose decimal point is a comma in some languages. */
static void
add_seconds(struct buf *out, const struct history *h)
{
	int64_t ms = h->duration > 0 ? h->duration : 0;

	buf_printf(out, "%" PRId64 ".%03d", ms / PER_SECOND, (int)(ms % PER_SECOND));
}

static void
add_duplicate(struct buf *out, const struct history *h)
{
	if (h->duplicate)
		buf_puts(out, "possible");
}

static void
add_reason(struct buf *out, const struct history *h)
{
	add_text(out, h->text);
}

static void
add_subject(struct buf *out, const struct history *h)
{
	add_text(out, h->subject);
}

/* -- values of the head -------------------------------------------------------------- */

static void
add_time(struct buf *out, const struct history_job *job)
{
	char text[sizeof("-2147483648-12-31T23:59:59Z")];
	const time_t start = 0;
	struct tm t;

	if (!gmtime_r(&job->time, &t)) /* a year that no clock has */
		gmtime_r(&start, &t);
	if (strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &t) > 0)
		buf_puts(out, text);
}

static void
add_job(struct buf *out, const struct history_job *job)
{
	add_text(out, job->job);
}

static void
add_queue(struct buf *out, const struct history_job *job)
{
	add_text(out, job->queue);
}

static void
add_user(struct buf *out, const struct history_job *job)
{
	add_text(out, job->user);
}

/* -- the line ---------------------------------------------------------------------- */

/* Quoting doubles a value at most: the limits are such that the longest ones keep within
 * HISTORY_HEAD_MAX and HISTORY_LINE_MAX. */
static const struct {
	const char *key; /* its value has NAME_MAX_BYTES at most */
	void (*add)(struct buf *out, const struct history_job *job);
} head[] = {
	{ "time", add_time },
	{ "job", add_job },
	{ "queue", add_queue },
	{ "user", add_user },
};

static const struct {
	const char *key;
	size_t max; /* bytes of a value */
	void (*add)(struct buf *out, const struct history *h);
} keys[] = {
	{ "event", NAME_MAX_BYTES, add_event },
	{ "account", NAME_MAX_BYTES, add_account },
	{ "to", TO_MAX_BYTES, add_to },
	{ "size", NAME_MAX_BYTES, add_size },
	{ "id", ID_MAX_BYTES, add_id },
	{ "part", NAME_MAX_BYTES, add_part },
	{ "code", NAME_MAX_BYTES, add_code },
	{ "reply", TEXT_MAX_BYTES, add_reply },
	{ "server_id", ID_MAX_BYTES, add_server_id },
	{ "attempts", NAME_MAX_BYTES, add_attempts },
	{ "seconds", NAME_MAX_BYTES, add_seconds },
	{ "duplicate", NAME_MAX_BYTES, add_duplicate },
	{ "reason", TEXT_MAX_BYTES, add_reason },
	{ "subject", TEXT_MAX_BYTES, add_subject },
};

enum {
	HEAD_KEYS = sizeof(head) / sizeof(head[0]),
	KEYS = sizeof(keys) / sizeof(keys[0]),
};

const char *
history_key(size_t place)
{
	if (place < HEAD_KEYS)
		return head[place].key;
	place -= HEAD_KEYS;
	return place < KEYS ? keys[place].key : NULL;
}

/* Whether a value cannot be mistaken without quotes, by any reader. */
static bool
is_plain(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~' || strchr("\"\\=", *text))
			return false;
	return true;
}

/* Nothing for a key without a value. */
static void
add_pair(struct buf *out, const char *key, const struct buf *value)
{
	const char *text = buf_text(value);
	bool quoted = value->over || !is_plain(text);

	if (value->len == 0)
		return;
	buf_printf(out, "%s%s=%s", out->len ? " " : "", key, quoted ? "\"" : "");
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_putc(out, '\\');
		buf_putc(out, *text);
	}
	if (quoted)
		buf_printf(out, "%s\"", value->over ? ELLIPSIS : "");
}

/* Moves the pairs to where they belong, all or none. */
static bool
hand_over(struct buf *out, struct buf *pairs)
{
	if (pairs->over || !buf_puts(out, buf_text(pairs)))
		out->over = true;
	buf_clear(pairs);
	return !out->over;
}

bool
history_head(struct buf *out, const struct history_job *job)
{
	struct buf pairs, value;

	buf_init(&pairs, HISTORY_HEAD_MAX - 1);
	for (size_t i = 0; i < HEAD_KEYS; i++) {
		buf_init(&value, NAME_MAX_BYTES);
		head[i].add(&value, job);
		add_pair(&pairs, head[i].key, &value);
		buf_clear(&value);
	}
	return hand_over(out, &pairs);
}

bool
history_line(struct buf *out, const struct history *h)
{
	struct buf pairs, value;

	buf_init(&pairs, HISTORY_LINE_MAX - HISTORY_HEAD_MAX);
	for (size_t i = 0; i < KEYS; i++) {
		buf_init(&value, keys[i].max);
		keys[i].add(&value, h);
		add_pair(&pairs, keys[i].key, &value);
		buf_clear(&value);
	}
	return hand_over(out, &pairs);
}

/* -- writing ----------------------------------------------------------------------- */

/* Opens the file, or makes it with its mode, whatever the umask (cupsd's is 077). */
static int
open_log(const char *path)
{
	/* O_NONBLOCK: what is no file must not keep us waiting either */
	const int flags =
	    O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd = open(path, flags);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	fd = open(path, flags | O_CREAT | O_EXCL, LOG_MODE);
	if (fd < 0 && errno == EEXIST) /* somebody else just made it */
		return open(path, flags);
	if (fd >= 0)
		fchmod(fd, LOG_MODE);
	return fd;
}

/* Whether the file ends in the middle of a line, which a full disk cut off. Asked under
 * the lock: to others a long line grows page by page. */
static bool
is_torn(int fd)
{
	struct stat st;
	char last;

	return fstat(fd, &st) == 0 && st.st_size > 0 &&
	    pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n';
}

/* Locks the file, which close() ends. A writer that was stopped does not stop others:
 * after LOCK_TRIES they write all the same. */
static void
lock_log(int fd)
{
	for (int i = 0; i < LOCK_TRIES && flock(fd, LOCK_EX | LOCK_NB) != 0; i++)
		poll(NULL, 0, 1);
}

/* One write, so that lines of several processes do not mix. False and errno. */
static bool
append(int fd, const struct buf *line)
{
	char feed[] = "\n";
	bool torn = is_torn(fd);
	const struct iovec pieces[] = {
		{ feed, torn },
		{ line->data, line->len },
		{ feed, 1 },
	};
	ssize_t n = writev(fd, pieces, 3);

	if (n >= 0 && (size_t)n < torn + line->len + 1)
		errno = ENOSPC;
	return n == (ssize_t)(torn + line->len + 1);
}

static enum status
write_file(const char *path, const struct buf *line, struct error *e)
{
	enum status status = STATUS_OK;
	struct stat st;
	int fd;

	if (*path != '/')
		return error_set(e, STATUS_RETRY,
		    "log_file '%.*s' is no absolute path; correct it in postroom.conf",
		    SHOWN_MAX, path);
	fd = open_log(path);
	if (fd < 0)
		return error_errno(e, "log_file %.*s cannot be opened", SHOWN_MAX, path);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		status = error_set(e, STATUS_RETRY,
		    "log_file %.*s is no regular file; name another one in postroom.conf",
		    SHOWN_MAX, path);
		goto out;
	}
	lock_log(fd);
	if (!append(fd, line))
		status =
		    error_errno(e, "log_file %.*s cannot be written", SHOWN_MAX, path);
out:
	close(fd);
	return status;
}

/* syslog(3) itself waits for a log that does not read, and does not tell that there is
 * none. This is what it sends (RFC 3164), but for the time, which the log knows. */
static enum status
write_syslog(const struct buf *line, struct error *e)
{
	const struct sockaddr_un log = { .sun_family = AF_UNIX, .sun_path = _PATH_LOG };
	enum status status = STATUS_OK;
	struct buf packet;
	int fd;

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_errno(e, "the system's log (" _PATH_LOG ")");
	buf_init(&packet, HISTORY_LINE_MAX + NAME_MAX_BYTES);
	buf_printf(&packet, "<%d>postroom[%d]: %s", LOG_MAIL | LOG_INFO, (int)getpid(),
	    buf_text(line));
	errno = ENOMEM;
	if (packet.over || connect(fd, (const struct sockaddr *)&log, sizeof(log)) != 0 ||
	    send(fd, packet.data, packet.len, MSG_NOSIGNAL) < 0)
		status = error_errno(e,
		    "the system's log (" _PATH_LOG ") does not take the record; name a "
		    "log_file in postroom.conf, or look after the log");
	buf_clear(&packet);
	close(fd);
	return status;
}

enum status
history_write(const char *path, const char *line, struct error *e)
{
	enum status status;
	struct buf clean;

	buf_init(&clean, HISTORY_LINE_MAX);
	text_clean(&clean, line, strlen(line), TEXT_LINE);
	status = *path ? write_file(path, &clean, e) : write_syslog(&clean, e);
	buf_clear(&clean);
	return status;
}
