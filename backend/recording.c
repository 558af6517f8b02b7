/* recording: a job's lines in the record (recording.h). */
#include "backend/recording.h"

#include "backend/asking.h"
#include "lib/base/buf.h"
#include "lib/base/moment.h"

static void
add_letter(struct history *event, const struct recording *r, char id[COMPOSE_ID_MAX])
{
	const struct letter *letter = r->letter;

	compose_id(id, letter);
	event->id = id;
	event->part = letter->part;
	event->parts = letter->parts;
	if (r->worker->config->log_subjects)
		event->subject = letter->route->subject;
}

static void
add_attempts(struct history *event, const struct journal *journal)
{
	const struct journal_summary *s = journal_summary(journal);
	struct moment now = moment_now();

	event->attempts = s->attempts;
	event->duration = journal_age(journal, &now);
}

void
recording_write(const struct recording *r, struct history *event)
{
	char id[COMPOSE_ID_MAX];
	struct buf line;

	event->account = r->account ? r->account->name : "";
	event->id = "";
	event->part = event->parts = 1;
	if (!event->text)
		event->text = "";
	if (r->letter)
		add_letter(event, r, id);
	if (r->journal)
		add_attempts(event, r->journal);
	buf_init(&line, HISTORY_LINE_MAX - HISTORY_HEAD_MAX);
	if (history_line(&line, event))
		asking_history(r->worker, buf_text(&line));
	buf_clear(&line);
}

void
recording_end(const struct recording *r, enum status status, const char *text)
{
	static const struct {
		enum status status;
		enum history_event event;
	} events[] = {
		{ STATUS_HOLD, HISTORY_HELD },
		{ STATUS_SETTINGS, HISTORY_STOPPED },
		{ STATUS_REFUSED, HISTORY_REFUSED },
		{ STATUS_RETRY, HISTORY_WAITING },
	};
	struct history event = { .text = text };

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i].status == status) {
			event.event = events[i].event;
			recording_write(r, &event);
		}
}
