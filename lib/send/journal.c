/*
 * journal: what is known of one job's delivery, kept over crashes (journal.h).
 *
 * What the lines mean stands in progress.c; here is how they come to the disk. The lock
 * that jobfile_open() takes lets nobody else append.
 */
#include "lib/send/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/file.h"
#include "lib/base/seal.h"
#include "lib/base/text.h"
#include "lib/send/progress.h"
#include "lib/send/roster.h"

enum {
	LINE_ROOM = SEAL_MAX + 16,       /* bytes of a sealed line */
	BATCH_MAX = JOURNAL_RESERVE / 2, /* bytes of the lines of one outcome */
	BLOCK = 4096,                    /* bytes that are searched at a time */
};

struct journal {
	int fd;
	size_t size; /* of all lines that end; a torn one may stand behind them */
	bool torn;
	bool failed; /* no more lines */
	struct buf batch;
	struct progress *progress;
};

/* What the disk owes to a line. */
enum weight {
	WEIGHT_NOTE,   /* nothing at once: without it something is done again */
	WEIGHT_PERMIT, /* to have it, before that is done which it speaks of */
	WEIGHT_RECORD, /* to have it: it has happened */
};

/* -- loading ------------------------------------------------------------------------- */

static enum status
no_memory(struct error *e)
{
	return error_set(e, STATUS_RETRY, "There is no memory for the job's journal.");
}

/* Reads the whole file into *bytes, which the caller frees. */
static enum status
read_all(int fd, char **bytes, size_t *len, struct error *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || lseek(fd, 0, SEEK_SET) != 0)
		return error_errno(e, "The job's journal cannot be read");
	if (st.st_size > JOURNAL_FILE_MAX)
		return error_set(e, STATUS_RETRY,
		    "The job's journal has more than %d bytes.", JOURNAL_FILE_MAX);
	*len = (size_t)st.st_size;
	*bytes = malloc(*len + 1);
	if (!*bytes)
		return no_memory(e);
	if (file_read(fd, *bytes, len, "The job's journal", e) != STATUS_OK)
		return STATUS_RETRY;
	return STATUS_OK;
}

enum status
journal_load(struct journal **out, int fd, bool *damaged, struct error *e)
{
	struct journal *j = calloc(1, sizeof(*j));
	struct progress_found found;
	char *bytes = NULL;
	enum status status;
	size_t len;

	if (!j) {
		close(fd);
		return no_memory(e);
	}
	j->fd = fd;
	buf_init(&j->batch, BATCH_MAX);
	j->progress = progress_new();
	status = j->progress ? read_all(fd, &bytes, &len, e) : no_memory(e);
	if (status == STATUS_OK && !progress_read(j->progress, bytes, len, &found))
		status = no_memory(e);
	free(bytes);
	if (status != STATUS_OK) {
		journal_free(j);
		return status;
	}
	j->size = found.whole;
	j->torn = found.whole < len;
	*damaged = found.damaged;
	*out = j;
	return STATUS_OK;
}

void
journal_free(struct journal *j)
{
	if (!j)
		return;
	close(j->fd);
	buf_clear(&j->batch);
	progress_free(j->progress);
	free(j);
}

const struct journal_summary *
journal_summary(const struct journal *j)
{
	return progress_summary(j->progress);
}

int64_t
journal_age(const struct journal *j, const struct moment *now)
{
	return progress_age(j->progress, now);
}

struct journal_part
journal_part(const struct journal *j, unsigned part)
{
	return progress_part(j->progress, part);
}

enum journal_recipient
journal_recipient(const struct journal *j, unsigned part, const char *address, char *text)
{
	return progress_recipient(j->progress, part, address, text);
}

/* -- appending ----------------------------------------------------------------------- */

/* Writes lines behind the last one that ends, instead of a torn one. On failure, false
 * and errno, they are cut off again; where that fails too, *torn tells. */
static bool
write_behind(int fd, size_t size, bool *torn, const struct buf *lines)
{
	bool written;
	int number;

	if (*torn && ftruncate(fd, (off_t)size) != 0)
		return false;
	written = file_write(fd, lines->data, lines->len);
	number = errno;
	*torn = !written && ftruncate(fd, (off_t)size) != 0;
	errno = number;
	return written;
}

/* Brings lines to the disk as their weight asks. */
static enum status
put(struct journal *j, const struct buf *lines, enum weight weight, struct error *e)
{
	size_t most = JOURNAL_FILE_MAX - (weight == WEIGHT_RECORD ? 0 : JOURNAL_RESERVE);

	if (j->failed)
		return error_set(e, STATUS_RETRY,
		    "The job's journal takes no more lines, as the disk has failed before; "
		    "see to the disk.");
	if (lines->len > most || j->size > most - lines->len)
		return error_set(e, STATUS_RETRY,
		    "The job's journal is full (%zu bytes): cancel the job and print it "
		    "again.",
		    j->size);
	if (!write_behind(j->fd, j->size, &j->torn, lines)) {
		j->failed = true;
		return error_errno(
		    e, "The disk does not take the job's journal; see to the disk");
	}
	if (weight == WEIGHT_NOTE || fdatasync(j->fd) == 0) {
		j->size += lines->len;
		return STATUS_OK;
	}
	j->failed = true;
	error_errno(e, "The disk does not keep the job's journal; see to the disk");
	/* What it permits will not be done; if it stays, the next run doubts too much. */
	if (weight == WEIGHT_PERMIT)
		j->torn = ftruncate(j->fd, (off_t)j->size) != 0;
	return STATUS_RETRY;
}

/* Appends sealed lines, which are changed, and takes them in. */
static enum status
append(struct journal *j, struct buf *lines, enum weight weight, struct error *e)
{
	enum status status = lines->over ? no_memory(e) : put(j, lines, weight, e);
	struct progress_found found;

	if (status != STATUS_OK && (weight != WEIGHT_RECORD || lines->over))
		return status;
	if (progress_read(j->progress, lines->data, lines->len, &found))
		return status;
	j->failed = true;
	return no_memory(e);
}

/* Adds a sealed line to out. */
static void __attribute__((format(printf, 2, 0)))
seal_line(struct buf *out, const char *format, va_list args)
{
	char text[SEAL_MAX + 1];

	vsnprintf(text, sizeof(text), format, args);
	seal_write(out, text);
}

static enum status __attribute__((format(printf, 4, 5))) append_line(
    struct journal *j, enum weight weight, struct error *e, const char *format, ...)
{
	struct buf line;
	enum status status;
	va_list args;

	buf_init(&line, LINE_ROOM);
	va_start(args, format);
	seal_line(&line, format, args);
	va_end(args);
	status = append(j, &line, weight, e);
	buf_clear(&line);
	return status;
}

static void __attribute__((format(printf, 2, 3)))
batch_line(struct journal *j, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	seal_line(&j->batch, format, args);
	va_end(args);
}

/* How much of a text is kept; for "%.*s". */
static int
cut(const char *text)
{
	return (int)text_cut(text, JOURNAL_TEXT_MAX - 1);
}

static enum status
check_part(const struct journal *j, unsigned part, struct error *e)
{
	unsigned parts = journal_summary(j)->plan.parts;

	if (part > 0 && part <= parts)
		return STATUS_OK;
	return error_set(e, STATUS_INVALID, "There is no part %u: the job's plan has %u.",
	    part, parts);
}

enum status
journal_try(struct journal *j, const struct moment *now, struct error *e)
{
	char moment[MOMENT_TEXT_MAX];

	moment_write(moment, now);
	buf_reset(&j->batch);
	return append_line(j, WEIGHT_NOTE, e, "try %s", moment);
}

enum status
journal_plan(struct journal *j, const struct journal_plan *plan, struct error *e)
{
	const struct journal_plan *old = &journal_summary(j)->plan;

	if (plan->parts == 0 || plan->parts > JOURNAL_PARTS_MAX)
		return error_set(e, STATUS_INVALID,
		    "A job is sent in 1 to %d parts, not in %u.", JOURNAL_PARTS_MAX,
		    plan->parts);
	if (old->parts == plan->parts && old->limit == plan->limit &&
	    old->resolution == plan->resolution)
		return STATUS_OK;
	return append_line(j, WEIGHT_NOTE, e, "plan %u %" PRIu64 " %u", plan->parts,
	    plan->limit, plan->resolution);
}

enum status
journal_intent(struct journal *j, unsigned part, struct error *e)
{
	enum status status = check_part(j, part, e);

	buf_reset(&j->batch);
	return status ? status : append_line(j, WEIGHT_PERMIT, e, "intent %u", part);
}

/* Writes an address as a word of a line about a part that the plan has. */
static enum status
check_recipient(const struct journal *j, unsigned part, const char *address,
    char word[ROSTER_WORD_MAX], struct error *e)
{
	enum status status = check_part(j, part, e);

	if (status == STATUS_OK && !roster_encode(word, address))
		status = error_set(e, STATUS_INVALID,
		    "'%.60s' is no address that a journal can hold.", address);
	return status;
}

enum status
journal_taken(struct journal *j, unsigned part, const char *address, struct error *e)
{
	char word[ROSTER_WORD_MAX];
	enum status status = check_recipient(j, part, address, word, e);

	if (status != STATUS_OK)
		return status;
	batch_line(j, "taken %u %s", part, word);
	return j->batch.over ? no_memory(e) : STATUS_OK;
}

enum status
journal_refused(struct journal *j, unsigned part, const char *address, const char *text,
    struct error *e)
{
	char word[ROSTER_WORD_MAX];
	enum status status = check_recipient(j, part, address, word, e);

	if (status != STATUS_OK)
		return status;
	batch_line(j, "refused %u %s %.*s", part, word, cut(text), text);
	return j->batch.over ? no_memory(e) : STATUS_OK;
}

enum status
journal_outcome(
    struct journal *j, unsigned part, bool sent, const char *text, struct error *e)
{
	enum status status = check_part(j, part, e);

	if (status != STATUS_OK)
		return status;
	batch_line(j, "outcome %u %s %.*s", part, sent ? "sent" : "no", cut(text), text);
	status = append(j, &j->batch, WEIGHT_RECORD, e);
	buf_reset(&j->batch);
	return status;
}

enum status
journal_held(struct journal *j, struct error *e)
{
	return append_line(j, WEIGHT_NOTE, e, "held");
}

enum status
journal_held_partial(struct journal *j, struct error *e)
{
	return append_line(j, WEIGHT_PERMIT, e, "held-partial");
}

enum status
journal_verdict(
    struct journal *j, enum journal_end end, const char *text, struct error *e)
{
	if (end != JOURNAL_REFUSED && end != JOURNAL_GIVEN_UP)
		return error_set(
		    e, STATUS_INVALID, "Only what ends a job is its verdict.");
	return append_line(
	    j, WEIGHT_NOTE, e, "verdict %s %.*s", progress_ends[end], cut(text), text);
}

enum status
journal_put_off(struct journal *j, const struct moment *since, struct error *e)
{
	bool known = journal_summary(j)->put_off.name[0] != '\0';
	char moment[MOMENT_TEXT_MAX] = "-";

	if (known == (since != NULL))
		return STATUS_OK;
	if (since)
		moment_write(moment, since);
	return append_line(j, WEIGHT_NOTE, e, "put-off %s", moment);
}

static enum status
check_notice(const struct journal *j, const char *kind, struct error *e)
{
	if (progress_notice(j->progress, kind))
		return STATUS_OK;
	return error_set(e, STATUS_INVALID, "There is no notice '%.20s'.", kind);
}

enum status
journal_notice(struct journal *j, const char *kind, struct error *e)
{
	enum status status = check_notice(j, kind, e);

	return status ? status : append_line(j, WEIGHT_PERMIT, e, "notice %s", kind);
}

enum status
journal_notice_back(struct journal *j, const char *kind, struct error *e)
{
	enum status status = check_notice(j, kind, e);

	return status ? status : append_line(j, WEIGHT_RECORD, e, "notice-back %s", kind);
}

/* -- what others leave --------------------------------------------------------------- */

/* Finds the end of the last line that ends; 0 when none does. */
static bool
find_end(int fd, size_t *end)
{
	char block[BLOCK];

	while (*end > 0) {
		size_t start = (*end - 1) / BLOCK * BLOCK;
		ssize_t n = pread(fd, block, *end - start, (off_t)start);
		const char *feed;

		if (n != (ssize_t)(*end - start))
			return false;
		feed = memrchr(block, '\n', (size_t)n);
		*end = feed ? start + (size_t)(feed - block) + 1 : start;
		if (feed)
			return true;
	}
	return true;
}

void
journal_leave(int fd, const struct journal_pause *pause)
{
	char moment[MOMENT_TEXT_MAX], text[SEAL_MAX + 1];
	struct buf line;
	struct stat st;
	size_t end;
	bool torn;

	/* A worker may have made it so large that the search would not end. */
	if (fstat(fd, &st) != 0 || st.st_size > JOURNAL_FILE_MAX)
		return;
	end = (size_t)st.st_size;
	if (!find_end(fd, &end) || end > JOURNAL_FILE_MAX - JOURNAL_RESERVE)
		return;
	torn = end < (size_t)st.st_size;
	moment_write(moment, &pause->until);
	snprintf(text, sizeof(text), "wait %s %" PRIu64 " %s %.*s", moment, pause->number,
	    pause->network ? "network" : "time", cut(pause->text), pause->text);
	buf_init(&line, LINE_ROOM);
	if (seal_write(&line, text))
		write_behind(fd, end, &torn, &line);
	buf_clear(&line);
}
