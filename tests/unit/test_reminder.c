/* Tests of backend/reminder.c: what is said of a password's end, and how often. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/reminder.h"
#include "lib/base/log.h"

enum {
	TEXT_MAX = 4000,
	NOW = 1795354468, /* in November 2026 */
	HOUR = 3600,
};

struct scene {
	char folder[64], dates[80];
	int fd;
	struct config config;
	struct account account;
};

static int
set_up(void **state)
{
	static char name[] = "Office365", host[] = "smtp.example.com";
	struct scene *s = calloc(1, sizeof(*s));

	*state = s;
	if (!s)
		return -1;
	snprintf(s->folder, sizeof(s->folder), "/tmp/test_reminder.%d", (int)getpid());
	snprintf(s->dates, sizeof(s->dates), "%s/dates", s->folder);
	if (mkdir(s->folder, 0700) != 0)
		return -1;
	s->fd = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s->config.dates_file = s->dates;
	s->account.name = name;
	s->account.server.host = host;
	s->account.auth = AUTH_PASSWORD;
	return s->fd < 0 ? -1 : 0;
}

static int
tear_down(void **state)
{
	struct scene *s = *state;

	unlinkat(s->fd, "dates", 0);
	unlinkat(s->fd, "office365.reminded", 0);
	close(s->fd);
	rmdir(s->folder);
	free(s);
	return 0;
}

static void
write_dates(const struct scene *s, const char *text)
{
	int fd = open(s->dates, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* What is logged at this time. */
static const char *
said_at(const struct scene *s, int64_t now)
{
	static char text[TEXT_MAX];
	int keep = dup(STDERR_FILENO), ends[2];
	ssize_t len;

	assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	dup2(ends[1], STDERR_FILENO);
	log_open(LOG_CUPS, "mailto", LEVEL_DEBUG);
	reminder_give(&s->config, &s->account, s->fd, now);
	dup2(keep, STDERR_FILENO);
	close(keep);
	close(ends[1]);
	len = read(ends[0], text, sizeof(text) - 1);
	close(ends[0]);
	text[len > 0 ? len : 0] = '\0';
	return text;
}

static const char announced[] = "[password example]\nhosts = smtp.example.com\n"
				"off_by_default = 2026-12-31\n";

static void
tells_once_a_day(void **state)
{
	struct scene *s = *state;
	const char *text;

	write_dates(s, announced);
	text = said_at(s, NOW);
	assert_int_equal(strncmp(text, "WARNING: account Office365: ", 28), 0);
	assert_non_null(strstr(text, "December 2026"));
	assert_non_null(strstr(text, "postroom login Office365"));
	assert_string_equal(said_at(s, NOW + 1), "");
	assert_string_equal(said_at(s, NOW + 24 * HOUR - 1), "");
	assert_string_not_equal(said_at(s, NOW + 24 * HOUR), "");
	/* a clock that was set back by a year */
	assert_string_not_equal(said_at(s, NOW - 365 * 24 * HOUR), "");
	assert_string_equal(said_at(s, NOW - 365 * 24 * HOUR + 1), "");
}

static void
is_silent_where_it_knows_nothing(void **state)
{
	struct scene *s = *state;
	static char other[] = "smtp.example.net", none[] = "";

	assert_string_equal(said_at(s, NOW), ""); /* no file */
	write_dates(s, "nonsense\n");
	assert_string_equal(said_at(s, NOW + 24 * HOUR), "");
	write_dates(s, announced);
	s->account.auth = AUTH_OAUTH_APP;
	assert_string_equal(said_at(s, NOW + 48 * HOUR), "");
	s->account.auth = AUTH_PASSWORD;
	s->account.server.host = other;
	assert_string_equal(said_at(s, NOW + 72 * HOUR), "");
	s->config.dates_file = none;
	assert_string_equal(said_at(s, NOW + 96 * HOUR), "");
}

/* Where the stamp cannot be kept, nobody is told with each job. */
static void
follows_no_link(void **state)
{
	struct scene *s = *state;

	write_dates(s, announced);
	assert_int_equal(symlinkat("dates", s->fd, "office365.reminded"), 0);
	assert_string_equal(said_at(s, NOW), "");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(tells_once_a_day),
		IN_FOLDER(is_silent_where_it_knows_nothing),
		IN_FOLDER(follows_no_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
