/* log: the one door to standard error (log.h). */
#include "lib/base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/text.h"

enum {
	LOG_RAW_MAX = 4 * LOG_LINE_MAX, /* bytes of a message that are looked at */
	LOG_PREFIX_MAX = 64,            /* bytes before the text, with the NUL */
};

static const char *const cups_words[] = {
	[LEVEL_DEBUG] = "DEBUG",
	[LEVEL_INFO] = "INFO",
	[LEVEL_WARNING] = "WARNING",
	[LEVEL_ERROR] = "ERROR",
};

static enum log_style log_style = LOG_PLAIN;
static const char *log_program = "postroom";
static enum log_level log_least = LEVEL_INFO;

void
log_open(enum log_style style, const char *program, enum log_level least)
{
	log_style = style;
	if (program)
		log_program = program;
	log_least = least;
}

/* Writes one line in one write. cupsd may be gone: SIGPIPE is blocked, and taken back
 * when this write raised it, so that whoever waits for a signal of his own still gets it.
 */
static void
emit(const char *line, size_t len)
{
	const struct timespec now = { 0 };
	sigset_t pipe, pending, old;
	int error = errno;

	sigemptyset(&pending);
	sigpending(&pending);
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &old);
	if (!file_write(STDERR_FILENO, line, len) && errno == EPIPE &&
	    !sigismember(&pending, SIGPIPE))
		sigtimedwait(&pipe, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = error;
}

/* "prefix: text", cleaned and cut at a whole character. */
static void
emit_text(const char *prefix, const char *text)
{
	char line[LOG_LINE_MAX + 1], head[LOG_PREFIX_MAX];
	struct buf clean;
	int len;

	snprintf(head, sizeof(head), "%.*s: ", LOG_PREFIX_MAX - 3, prefix);
	buf_init(&clean, LOG_LINE_MAX - strlen(head) - 1);
	text_clean(&clean, text, strlen(text), TEXT_LINE);
	len = snprintf(line, sizeof(line), "%s%s\n", head, buf_text(&clean));
	emit(line, (size_t)len);
	buf_clear(&clean);
}

void
log_message(enum log_level level, const char *format, ...)
{
	char text[LOG_RAW_MAX];
	va_list args;

	if (level < log_least)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	emit_text(log_style == LOG_CUPS ? cups_words[level] : log_program, text);
}

static bool
is_keyword(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";

	return *text && text[strspn(text, allowed)] == '\0';
}

void
log_state(const char *keyword)
{
	bool sign = *keyword == '+' || *keyword == '-';

	if (log_style == LOG_CUPS && is_keyword(keyword + sign))
		emit_text("STATE", keyword);
}

void
log_pages(unsigned total)
{
	char text[sizeof("total 4294967295")];

	if (log_style != LOG_CUPS)
		return;
	snprintf(text, sizeof(text), "total %u", total);
	emit_text("PAGE", text);
}
