/* say: what a command tells and asks (say.h). */
#include "admin/say.h"

#include <errno.h>
#include <langinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/text.h"

static const char prompt_end[] = ": ";

/* Prints a text cleaned, and what follows it as it is. */
static void
print(const char *text, const char *end)
{
	struct buf clean;

	buf_init(&clean, SAY_MAX * 4);
	text_clean(&clean, text, strlen(text), TEXT_LINE);
	fputs(buf_text(&clean), stdout);
	fputs(end, stdout);
	fflush(stdout);
	buf_clear(&clean);
}

void
say(const char *format, ...)
{
	char text[SAY_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	print(text, "\n");
}

/* Reads one line byte by byte: what follows it stays for whoever reads on. */
static bool
read_line(char *line, size_t size)
{
	size_t len = 0;
	char c;

	for (;;) {
		ssize_t n = read(STDIN_FILENO, &c, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		if (c == '\n')
			break;
		if (c == '\0' || len + 1 >= size)
			return false;
		line[len++] = c;
	}
	line[len] = '\0';
	return true;
}

/* Takes blanks off both ends; false when anything else had to be cleaned away. */
static bool
trim(char *line)
{
	size_t len = strlen(line), skip = strspn(line, " \t");
	struct buf clean;
	bool same;

	while (len > skip && (line[len - 1] == ' ' || line[len - 1] == '\t'))
		line[--len] = '\0';
	memmove(line, line + skip, len - skip + 1);
	buf_init(&clean, ASK_MAX * 4);
	same = text_clean(&clean, line, strlen(line), TEXT_LINE) &&
	    strcmp(buf_text(&clean), line) == 0;
	buf_clear(&clean);
	return same;
}

enum status
ask(char answer[ASK_MAX], const char *question, const char *initial, struct error *e)
{
	char line[ASK_MAX];

	if (!isatty(STDIN_FILENO))
		return error_set(
		    e, STATUS_INVALID, "there is no terminal to ask for it on");
	print(question, prompt_end);
	if (!read_line(line, sizeof(line)) || !trim(line))
		return error_set(e, STATUS_INVALID, "that is no answer in one line");
	if (!*line && !initial)
		return error_set(e, STATUS_INVALID, "nothing was answered");
	snprintf(answer, ASK_MAX, "%s", *line ? line : initial);
	return STATUS_OK;
}

bool
say_has_room(unsigned columns)
{
	struct winsize size = { 0 };

	return isatty(STDOUT_FILENO) && strcmp(nl_langinfo(CODESET), "UTF-8") == 0 &&
	    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
	    (size.ws_col == 0 || size.ws_col >= columns);
}
