/* ticket: what the job of a kept PDF is to say (ticket.h). */
#include "scan2mail/ticket.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"

/* The rows of a .job: its names, and where their texts are. */
static const struct {
	const char *name;
	size_t offset; /* in struct relay_job */
} rows[] = {
	{ "queue", offsetof(struct relay_job, queue) },
	{ "to", offsetof(struct relay_job, to) },
	{ "subject", offsetof(struct relay_job, subject) },
	{ "filename", offsetof(struct relay_job, filename) },
	{ "id", offsetof(struct relay_job, id) },
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static const char **
text_of(struct relay_job *job, size_t row)
{
	return (const char **)((char *)job + rows[row].offset);
}

bool
ticket_write(struct buf *out, const struct relay_job *job, bool doubt)
{
	struct relay_job copy = *job;

	for (size_t i = 0; i < ROWS; i++) {
		const char *text = *text_of(&copy, i);
		size_t before;

		buf_printf(out, "%s: ", rows[i].name);
		before = out->len;
		text_clean(out, text, strlen(text), TEXT_LINE);
		if (text == job->subject && out->len == before)
			buf_puts(out, "Scan"); /* without a subject it is damaged */
		buf_putc(out, '\n');
	}
	if (doubt)
		buf_puts(out, "doubt: yes\n");
	return !out->over;
}

/* A line of a .job, ended by a NUL in place of its line feed. */
static bool
take_line(struct ticket *t, char *line)
{
	char *value = strstr(line, ": ");

	for (const char *c = line; *c; c++)
		if ((unsigned char)*c < ' ' && *c != '\t')
			return false;
	if (!value || value == line)
		return false;
	*value = '\0';
	value += 2;
	for (size_t i = 0; i < ROWS; i++)
		if (strcmp(line, rows[i].name) == 0)
			*text_of(&t->job, i) = value;
	if (strcmp(line, "doubt") == 0)
		t->doubt = strcmp(value, "yes") == 0;
	return true;
}

enum status
ticket_read(struct ticket *out, const char *text, size_t len, struct error *e)
{
	struct ticket t = { .job = { "", "", "", "", "" } };
	bool good = len > 0 && len <= TICKET_MAX && text[len - 1] == '\n' &&
	    !memchr(text, '\0', len) && utf8_valid(text, len);
	char *end;

	t.text = good ? strndup(text, len) : NULL;
	if (good && !t.text)
		return error_errno(e, "what its job is to say cannot be read");
	for (char *line = t.text; good && *line; line = end + 1) {
		end = strchr(line, '\n');
		*end = '\0';
		good = take_line(&t, line);
	}
	if (good && *t.job.subject && strlen(t.job.queue) < LINK_QUEUE_MAX) {
		*out = t;
		return STATUS_OK;
	}
	free(t.text);
	return error_set(e, STATUS_INVALID,
	    "what its job is to say is damaged: correct the .job beside it, or remove "
	    "that to send it through the default queue");
}

void
ticket_clear(struct ticket *t)
{
	free(t->text);
	*t = (struct ticket){ 0 };
}
