/* dates: until when which server takes passwords (dates.h). */
#include "lib/account/dates.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/account/value.h"

enum {
	DAY = 24 * 60 * 60, /* seconds */
	YEAR_MIN = 2000,
	YEAR_MAX = 2999,
	DATE_LENGTH = 10, /* bytes of "2026-12-31" */
	HOST_MAX = 255,
	DAY_TEXT_MAX = 40,
};

/* -- days ------------------------------------------------------------------------- */

/* The day's number; 0 when there is no such day. */
static int64_t
find_day(int year, int month, int day)
{
	struct tm tm = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day };
	time_t seconds = timegm(&tm);

	/* timegm() makes 1 March of 30 February */
	if (year < YEAR_MIN || year > YEAR_MAX || tm.tm_mon != month - 1 ||
	    tm.tm_mday != day)
		return 0;
	return seconds / DAY;
}

/* "on 16 September 2024", "at the end of December 2026": in English in every locale. */
static const char *
show_day(char text[DAY_TEXT_MAX], int64_t day)
{
	static const char *const months[] = { "January", "February", "March", "April",
		"May", "June", "July", "August", "September", "October", "November",
		"December" };
	time_t seconds = day * DAY, next = seconds + DAY;
	struct tm tm, after;

	gmtime_r(&seconds, &tm);
	gmtime_r(&next, &after);
	if (after.tm_mday == 1)
		snprintf(text, DAY_TEXT_MAX, "at the end of %s %d", months[tm.tm_mon],
		    tm.tm_year + 1900);
	else
		snprintf(text, DAY_TEXT_MAX, "on %d %s %d", tm.tm_mday, months[tm.tm_mon],
		    tm.tm_year + 1900);
	return text;
}

/* -- the file's table ------------------------------------------------------------- */

/* int64_t: a day, or unknown. */
static enum status
parse_day(void *field, const char *key, const char *text, struct error *e)
{
	int year = 0, month = 0, day = 0, end = 0;
	int64_t found = 0;

	(void)key;
	if (strcmp(text, "unknown") == 0) {
		*(int64_t *)field = 0;
		return STATUS_OK;
	}
	if (strlen(text) == DATE_LENGTH && strspn(text, "0123456789-") == DATE_LENGTH &&
	    sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &end) == 3 &&
	    end == DATE_LENGTH)
		found = find_day(year, month, day);
	if (found == 0)
		return error_set(e, STATUS_INVALID,
		    "not a day; allowed: unknown, or YEAR-MONTH-DAY as in 2026-12-31");
	*(int64_t *)field = found;
	return STATUS_OK;
}

/* Adds a host, or "*." and a domain; false when it is none. */
static bool
add_host(struct list *hosts, const char *word, size_t len)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
	char host[HOST_MAX + 1];
	const char *name = host;

	if (len > HOST_MAX || hosts->count == DATES_HOSTS_MAX)
		return false;
	memcpy(host, word, len);
	host[len] = '\0';
	if (strncmp(host, "*.", 2) == 0)
		name += 2;
	return *name && *name != '.' && name[strspn(name, allowed)] == '\0' &&
	    list_add(hosts, host);
}

/* struct list. */
static enum status
parse_hosts(void *field, const char *key, const char *text, struct error *e)
{
	static const char blanks[] = " \t";
	struct list hosts = { 0 };
	bool good = true;

	(void)key;
	while (good) {
		size_t len;

		text += strspn(text, blanks);
		len = strcspn(text, ", \t");
		good = add_host(&hosts, text, len);
		text += len + strspn(text + len, blanks);
		if (*text == '\0')
			break;
		good = good && *text++ == ',';
	}
	if (!good) {
		list_clear(&hosts);
		return error_set(e, STATUS_INVALID,
		    "not a list of servers; allowed: up to %d names such as "
		    "smtp.example.com or *.example.com, separated by commas",
		    DATES_HOSTS_MAX);
	}
	list_clear(field);
	*(struct list *)field = hosts;
	return STATUS_OK;
}

static void *
open_row(void *target, const char *name, struct error *e)
{
	struct dates *d = target;
	struct dates_row *row = &d->row[d->count];

	if (d->count == DATES_ROWS_MAX) {
		error_set(
		    e, STATUS_SETTINGS, "too many rows; allowed: %d", DATES_ROWS_MAX);
		return NULL;
	}
	row->name = strdup(name);
	if (!row->name) {
		error_set(e, STATUS_RETRY, "out of memory");
		return NULL;
	}
	d->count++; /* from here on dates_free() finds it */
	if (settings_defaults(&dates_schema, "password", row, e) != STATUS_OK)
		return NULL;
	return row;
}

static const struct section sections[] = {
	{ .kind = "password",
	    .named = true,
	    .open = open_row,
	    .place = offsetof(struct dates_row, place) },
	{ .kind = NULL },
};

#define ROW(key, field)                                                                  \
	.section = "password", .name = key, .offset = offsetof(struct dates_row, field)

static const struct setting settings[] = {
	{ ROW("hosts", hosts), .type = SETTING_OWN, .parse = parse_hosts,
	    .help = "the servers that this is about" },
	{ ROW("off_by_default", off_by_default), .type = SETTING_OWN, .parse = parse_day,
	    .initial = "unknown",
	    .help = "the last day of passwords that nobody switched on again" },
	{ ROW("removed", removed), .type = SETTING_OWN, .parse = parse_day,
	    .initial = "unknown", .help = "the last day of passwords" },
	{ ROW("text", text), .type = SETTING_TEXT, .max = DATES_TEXT_MAX, .initial = "",
	    .help = "what else there is to say, in one sentence" },
	{ ROW("more", more), .type = SETTING_TEXT, .max = DATES_TEXT_MAX,
	    .check = value_check_url, .initial = "", .help = "where it was announced" },
	{ .section = NULL },
};

const struct schema dates_schema = { .sections = sections, .settings = settings };

/* -- reading ---------------------------------------------------------------------- */

static enum status
check_rows(const struct dates *d, const char *path, struct error *e)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->row[i].hosts.count == 0)
			return error_set(e, STATUS_SETTINGS,
			    "%s:%u: [password %s] has no hosts; allowed: hosts = "
			    "smtp.example.com",
			    path, d->row[i].place.line, d->row[i].name);
	return STATUS_OK;
}

enum status
dates_parse(
    struct dates **out, const char *text, size_t len, const char *path, struct error *e)
{
	const struct settings_text file = { .path = path, .bytes = text, .len = len };
	struct dates *d = calloc(1, sizeof(*d));
	enum status status;

	if (!d)
		return error_set(e, STATUS_RETRY, "%s: out of memory", path);
	status = settings_parse(&dates_schema, d, &file, e);
	if (status == STATUS_OK)
		status = check_rows(d, path, e);
	if (status == STATUS_OK)
		*out = d;
	else
		dates_free(d);
	return status;
}

enum status
dates_load(struct dates **out, const char *path, struct error *e)
{
	const struct file_rule rule = { .owner = geteuid(), .max = SETTINGS_FILE_MAX };
	size_t len = SETTINGS_FILE_MAX;
	enum status status;
	char *text;
	int fd;

	status = file_open(&fd, path, &rule, e);
	if (status != STATUS_OK)
		return status;
	text = malloc(SETTINGS_FILE_MAX);
	if (text)
		status = file_read(fd, text, &len, path, e);
	else
		status = error_set(e, STATUS_RETRY, "%s: out of memory", path);
	close(fd);
	if (status == STATUS_OK)
		status = dates_parse(out, text, len, path, e);
	free(text);
	return status;
}

void
dates_free(struct dates *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->count; i++) {
		free(d->row[i].name);
		list_clear(&d->row[i].hosts);
		settings_clear(&dates_schema, "password", &d->row[i]);
	}
	free(d);
}

/* -- looking up -------------------------------------------------------------------- */

static bool
matches(const char *pattern, const char *host)
{
	size_t len = strlen(host), tail = strlen(pattern) - 1;

	if (strncmp(pattern, "*.", 2) != 0)
		return strcasecmp(pattern, host) == 0;
	return len > tail && strcasecmp(host + len - tail, pattern + 1) == 0;
}

const struct dates_row *
dates_find(const struct dates *d, const char *host)
{
	for (size_t i = 0; d && i < d->count; i++)
		for (size_t h = 0; h < d->row[i].hosts.count; h++)
			if (matches(d->row[i].hosts.item[h], host))
				return &d->row[i];
	return NULL;
}

enum dates_state
dates_state(const struct dates_row *row, int64_t now)
{
	int64_t today = now / DAY;
	int64_t end = row->off_by_default;

	if (row->removed && today > row->removed)
		return DATES_OVER;
	if (end && today > end)
		return DATES_OFF;
	if (end == 0 || (row->removed && row->removed < end))
		end = row->removed;
	return end && end - today > DATES_NEAR ? DATES_FAR : DATES_SOON;
}

/* What happens, or happened, when. */
static void
tell_end(struct buf *out, const struct dates_row *row, enum dates_state state)
{
	char off[DAY_TEXT_MAX], removed[DAY_TEXT_MAX];

	show_day(off, row->off_by_default);
	show_day(removed, row->removed);
	if (state == DATES_OVER)
		buf_printf(out, "took its last password %s", removed);
	else if (state == DATES_OFF)
		buf_printf(out,
		    "switched passwords off %s, and takes them only where an "
		    "administrator switched them on again",
		    off);
	else if (row->off_by_default)
		buf_printf(out, "switches passwords off by default %s", off);
	else if (row->removed)
		buf_printf(out, "takes its last password %s", removed);
	else
		buf_puts(out, "is to take no passwords from a day that is not known yet");
	if (state != DATES_OVER && row->off_by_default && row->removed)
		buf_printf(out, ", and takes the last one %s", removed);
}

bool
dates_sentence(
    struct buf *out, const struct dates_row *row, const struct dates_question *q)
{
	buf_printf(out, "%s ", q->host);
	tell_end(out, row, dates_state(row, q->now));
	buf_printf(out, "; run: postroom login %s", q->account);
	if (*row->text)
		buf_printf(out, ". %s", row->text);
	if (*row->more)
		buf_printf(out, " (%s)", row->more);
	return !out->over;
}
