/* ask: the question between two pages or stacks (ask.h). */
#include "scan2mail/ask.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/file.h"
#include "lib/account/config.h"
#include "scan2mail/interrupt.h"

enum {
	QUESTION_MAX = 512, /* bytes */
	ANSWER_MAX = 64,    /* of which a longer one is none */
};

/* What the person does before the next page or stack. */
static const char *
find_deed(const struct ask *a, const struct scan_question *q)
{
	if (q->backs)
		return "Turn the stack over, put it back into the feeder and press "
		       "Enter, or type q and Enter to end with the fronts alone: ";
	switch (a->source) {
	case SOURCE_FLATBED:
		return "Lay the next page on the glass and press Enter, or type q and "
		       "Enter to end: ";
	case SOURCE_ADF:
	case SOURCE_ADF_DUPLEX:
		return "Put the next stack into the feeder and press Enter, or type q "
		       "and Enter to end: ";
	default:
		return "Put the next stack into the feeder, or lay a page on the glass, "
		       "and press Enter, or type q and Enter to end: ";
	}
}

static bool
put_question(const struct ask *a, const struct scan_question *q)
{
	struct buf text;
	bool good;

	buf_init(&text, QUESTION_MAX);
	buf_printf(
	    &text, "%u page%s. %s", q->pages, q->pages == 1 ? "" : "s", find_deed(a, q));
	tcflush(a->in, TCIFLUSH); /* what was typed before is no answer */
	good = !text.over && file_write(a->out, buf_text(&text), text.len);
	buf_clear(&text);
	return good;
}

/* Reads a line; *ended: there was none any more. */
static enum status
read_line(const struct ask *a, struct buf *line, bool *ended, struct error *e)
{
	struct pollfd fds[] = {
		{ .fd = a->in, .events = POLLIN },
		{ .fd = interrupt_fd(), .events = POLLIN },
	};
	ssize_t n = 1;
	char c = '\0';

	while (c != '\n' && n > 0) {
		n = poll(fds, 2, interrupt_hung_up() ? 0 : -1);
		if (interrupt_signal())
			return interrupt_error(e);
		if (interrupt_hung_up())
			n = 0;
		if (n > 0)
			n = read(a->in, &c, 1);
		if (n < 0 && errno == EINTR)
			n = 1; /* of a signal that is no end */
		else if (n > 0 && c != '\n')
			buf_putc(line, c);
	}
	if (n < 0 && errno != EIO) /* EIO: the terminal is gone */
		return error_errno(e, "the terminal cannot be read");
	*ended = n <= 0;
	return STATUS_OK;
}

/* Whether a line is this word, blanks apart. */
static bool
is_word(const struct buf *line, const char *word)
{
	const char *text = buf_text(line);
	size_t len;

	text += strspn(text, " \t\r");
	len = strcspn(text, " \t\r");
	return !line->over && len == strlen(word) && strncasecmp(text, word, len) == 0 &&
	    text[len + strspn(text + len, " \t\r")] == '\0';
}

enum status
ask_person(void *context, const struct scan_question *q, bool *go, struct error *e)
{
	const struct ask *a = context;
	bool ended = false, more = false, answered = false;
	enum status status = STATUS_OK;
	struct buf line;

	buf_init(&line, ANSWER_MAX);
	interrupt_ask();
	while (status == STATUS_OK && !answered) {
		buf_clear(&line);
		status = put_question(a, q)
		    ? read_line(a, &line, &ended, e)
		    : error_errno(e, "the question cannot be shown");
		more = !ended && is_word(&line, "");
		answered = ended || more || is_word(&line, "q");
	}
	buf_clear(&line);
	interrupt_answered(status == STATUS_OK ? ended : status != STATUS_CANCELLED);
	if (status == STATUS_OK && ended)
		file_write(a->out, "\n", 1);
	if (status == STATUS_OK)
		*go = more;
	return status;
}
