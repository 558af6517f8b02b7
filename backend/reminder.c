/* reminder: until when a password works (reminder.h). */
#include "backend/reminder.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/log.h"
#include "lib/account/dates.h"
#include "lib/account/value.h"

/* Whether it is time; from now on it was told. A clock that was set back does not silence
 * it for longer than a day. */
static bool
is_due(const struct account *account, int folder, int64_t now)
{
	const struct timespec times[2] = { { .tv_sec = now }, { .tv_sec = now } };
	char name[VALUE_NAME_MAX + sizeof(".reminded")];
	struct stat st;
	bool due, made;
	int fd;

	snprintf(name, sizeof(name), "%s.reminded", account->name);
	for (char *c = name; *c; c++) /* as the vault's names: accounts have no case */
		*c = (char)tolower((unsigned char)*c);
	made = faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
	fd = openat(
	    folder, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	due = fstat(fd, &st) == 0 &&
	    (made || st.st_mtime > now || now - st.st_mtime >= REMINDER_EVERY) &&
	    futimens(fd, times) == 0;
	close(fd);
	return due;
}

void
reminder_give(
    const struct config *config, const struct account *account, int folder, int64_t now)
{
	const struct dates_question question = {
		.host = account->server.host, .account = account->name, .now = now
	};
	const struct dates_row *row;
	struct dates *dates = NULL;
	struct buf text;

	if (account->auth != AUTH_PASSWORD || !*config->dates_file ||
	    !is_due(account, folder, now) ||
	    dates_load(&dates, config->dates_file, NULL) != STATUS_OK)
		return;
	buf_init(&text, DATES_SENTENCE_MAX);
	row = dates_find(dates, question.host);
	if (row && dates_sentence(&text, row, &question))
		log_message(
		    dates_state(row, now) == DATES_FAR ? LEVEL_INFO : LEVEL_WARNING,
		    "account %s: %s", account->name, buf_text(&text));
	buf_clear(&text);
	dates_free(dates);
}
