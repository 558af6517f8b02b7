/*
 * journal: what is known of one job's delivery, kept over crashes.
 *
 * A file of sealed lines (seal.h), root's alone, to which lines are appended and never
 * changed:
 *
 *   job 1 17 MOMENT             first line: version of the format, job number, its birth
 *   doubt                       an earlier journal of the job was damaged and set aside
 *   try MOMENT                  an attempt begins
 *   plan PARTS LIMIT DPI        how many messages, of at most how many bytes each, with
 *                               images of which resolution (0: as they were)
 *   intent PART                 the end of the message's data may leave now     (durable)
 *   refused PART ADDRESS TEXT   the server takes nothing for this recipient
 *   taken PART ADDRESS          the server took the message for this recipient
 *   outcome PART sent|no TEXT   what the server answered to the end of the data (durable)
 *   wait MOMENT NUMBER TRIGGER TEXT   not tried again before, unless what NUMBER stands
 *                               for (secret and settings) has changed; TRIGGER: "time",
 *                               or "network": nor before the server can be reached
 *   held                        held, as it may have been sent: the next run sends it
 *   held-partial                held, as its document wants a person to look at it first:
 *                               the next run sends it                         (durable)
 *   verdict refused|given-up TEXT   it ends, and only its owner is still to be told
 *   put-off MOMENT|-            since when the server puts recipients off; "-": it ended
 *   notice KIND                 a notice may have left; KIND: "delay", "end" or "held"
 *                                                                               (durable)
 *   notice-back KIND            the server did not take it: it has not left     (durable)
 *
 * In an ADDRESS each byte that is not printable ASCII, a blank or '%' stands as %XX.
 * Recipients' lines count only with their part's outcome behind them, `taken` only with
 * `sent`. A part's lines count only behind the plan that has the part; another plan voids
 * them. `try` ends a wait. Of several `put-off MOMENT` the first one counts, until "-".
 *
 * A last line that was cut off was never written. A damaged line, also a whole one that
 * means nothing, is passed over, with the recipients' lines before it that have no
 * outcome yet; all whole lines behind it count, so that what is appended now is read next
 * time.
 *
 * Doubt: a part may have arrived when one of its intents has no outcome before the part's
 * next intent, the next attempt or the end: the outcome of an attempt that had no intent
 * tells nothing of an earlier one's. A damaged line or `doubt` puts every part in doubt,
 * and so does a plan that voids a part which was sent or is in doubt. Doubt never passes,
 * as each later attempt may make a duplicate; `held` answers all doubt that stands before
 * it.
 *
 * What a job is held for is written before the backend's exit code holds it, and nothing
 * tells the next run whether a person has released the job or cupsd has died before it
 * had that code on its disk: so a job is held once at most, and never kept back for good.
 *
 * Age: how long the job has been tried, from its birth on. Attempts follow each other
 * within little more than an hour, so what goes beyond JOURNAL_SPAN_MAX between two of
 * them is time in which nobody tried (the job was held, the queue stopped, the machine
 * off), and does not count.
 *
 * The supervisor (root) opens the file (jobfile.h), as only it may; the worker reads and
 * appends.
 */
#ifndef POSTROOM_JOURNAL_H
#define POSTROOM_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/moment.h"
#include "lib/base/status.h"

enum {
	JOURNAL_JOB_MAX = 24,                /* bytes of a job number, with the NUL */
	JOURNAL_FILE_MAX = 32 * 1024 * 1024, /* bytes; a longer journal is damaged */
	/* Bytes of it in which nothing new is begun: what was begun can be ended. */
	JOURNAL_RESERVE = 8 * 1024 * 1024,
	JOURNAL_PARTS_MAX = 999,
	JOURNAL_TEXT_MAX = 1024,        /* bytes of a text, with the NUL */
	JOURNAL_SPAN_MAX = 3 * 60 * 60, /* seconds from one attempt to the next, as age */
};

struct journal;

enum journal_end { JOURNAL_OPEN, JOURNAL_REFUSED, JOURNAL_GIVEN_UP };

struct journal_plan {
	unsigned parts; /* 0: none was made yet */
	uint64_t limit;
	unsigned resolution;
};

/* All that the lines tell of the job as a whole. */
struct journal_summary {
	unsigned attempts;
	struct moment first; /* the birth */
	int64_t age;         /* ms from the birth to the last attempt: see Age above; and
				moment_since() for what lies between boots */
	struct moment last;  /* the last attempt's, or the birth */
	struct journal_plan plan;
	bool uncertain;     /* some part, or all, may have arrived: see Doubt above */
	bool held;          /* and it was held for all of that already */
	bool held_partial;  /* it was held as its document wants that */
	struct moment wait; /* wait.name[0] is 0 when it does not wait */
	uint64_t wait_number;
	bool wait_network;
	char wait_text[JOURNAL_TEXT_MAX];
	enum journal_end end;
	char end_text[JOURNAL_TEXT_MAX];
	bool noticed_delay, noticed_end, noticed_held;
	struct moment put_off; /* since when recipients are; name[0] is 0: none are */
};

/* Reads what the descriptor holds. Takes the descriptor over, also when it fails.
 * *damaged: some line is. STATUS_RETRY. */
enum status journal_load(struct journal **out, int fd, bool *damaged, struct error *e);
void journal_free(struct journal *j); /* closes the descriptor; j may be NULL */

const struct journal_summary *journal_summary(const struct journal *j);

/* The job's age now, in ms: see Age above. */
int64_t journal_age(const struct journal *j, const struct moment *now);

/* What became of a part. */
struct journal_part {
	bool sent;                   /* the server took it for some recipients */
	bool uncertain;              /* it may have arrived: see Doubt above */
	char text[JOURNAL_TEXT_MAX]; /* of the last outcome */
};
struct journal_part journal_part(const struct journal *j, unsigned part);

enum journal_recipient { RECIPIENT_IS_OPEN, RECIPIENT_HAS_IT, RECIPIENT_WAS_REFUSED };
/* text (JOURNAL_TEXT_MAX bytes, or NULL) receives why it was refused. Addresses compare
 * as mailbox_list_add() compares them. */
enum journal_recipient journal_recipient(
    const struct journal *j, unsigned part, const char *address, char *text);

/* Each appends one line (or several at once) and updates what the functions above tell;
 * those marked durable return only when the disk has it. Texts are cleaned (text.h) and
 * cut. STATUS_RETRY: the disk is full or fails; what was half written is cut off, and so
 * are an intent and a notice that the disk may not have; the journal takes no more lines
 * from this process, as after a failed fdatasync nobody knows what the disk has.
 * STATUS_INVALID: the plan has no such part; nothing is written. */
enum status journal_try(struct journal *j, const struct moment *now, struct error *e);
/* Nothing is written when it is the plan already. */
enum status journal_plan(
    struct journal *j, const struct journal_plan *plan, struct error *e);
enum status journal_intent(struct journal *j, unsigned part, struct error *e);
/* Before the outcome; kept in memory until journal_outcome() writes all at once. */
enum status journal_taken(
    struct journal *j, unsigned part, const char *address, struct error *e);
enum status journal_refused(struct journal *j, unsigned part, const char *address,
    const char *text, struct error *e);
/* Known to this process also when it cannot be written: the server has answered. */
enum status journal_outcome(
    struct journal *j, unsigned part, bool sent, const char *text, struct error *e);
enum status journal_held(struct journal *j, struct error *e);
enum status journal_held_partial(struct journal *j, struct error *e);
enum status journal_verdict(
    struct journal *j, enum journal_end end, const char *text, struct error *e);
/* Since when recipients are put off; NULL: none are any more. Nothing is written when it
 * is known already: a start after a start keeps the first one. */
enum status journal_put_off(
    struct journal *j, const struct moment *since, struct error *e);
enum status journal_notice(struct journal *j, const char *kind, struct error *e);
/* The server did not take the notice. Known as an outcome is, whatever the disk does. */
enum status journal_notice_back(struct journal *j, const char *kind, struct error *e);

/* Until when a job waits, and for what. */
struct journal_pause {
	struct moment until;
	uint64_t number;  /* of secret and settings */
	bool network;     /* the server could not be reached */
	const char *text; /* why */
};

/* Appends a wait to a journal that jobfile_open() opened and that nobody has loaded any
 * more, instead of what its last user left torn. What cannot be written, also to a file
 * that is larger than JOURNAL_FILE_MAX, is left out: the job is then tried earlier. */
void journal_leave(int fd, const struct journal_pause *pause);

#endif
