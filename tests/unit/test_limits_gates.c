/* Tests of lib/send/limits.c: what the server closes, and what it told. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/limits_rig.h"

/* -- pause ------------------------------------------------------------------------- */

static bool
ask_for_a_pause(void)
{
	struct limits *l;

	if (limits_open(&l, folder, &two, NULL) != STATUS_OK)
		return false;
	limits_pause(l, 60 * 1000, "432 4.3.2 Concurrent\r\nconnections");
	limits_close(l);
	return true;
}

static void
pause_is_for_all(void **state)
{
	struct limits *l = open_limits(&two);
	struct limits_closed closed;

	(void)state;
	assert_enters(l);
	in_processes(1, ask_for_a_pause);
	limits_pause(l, 10 * 1000, "shorter");
	closed = assert_closed(l,
	    "account office365: the server asked for a pause: 432 4.3.2 Concurrent  "
	    "connections");
	assert_in_range(closed.wait, 59 * 1000, 60 * 1000);
	limits_close(l);
}

/* Nobody sits on a connection while the account pauses. */
static void
pause_gives_the_connection_back(void **state)
{
	struct limits *a = open_limits(&one), *b = open_limits(&one);
	struct standing s;

	(void)state;
	assert_enters(a);
	limits_pause(a, 60 * 1000, "");
	assert_closed(a, "the server asked for a pause");
	read_standing(&s);
	memset(&s.pause, 0, sizeof(s.pause));
	write_standing(&s);
	assert_enters(b);
	limits_close(a);
	limits_close(b);
}

static void
short_pause_is_waited_out(void **state)
{
	struct limits *l = open_limits(&two);
	struct limits_closed closed;
	int64_t start = clock_ms();

	(void)state;
	limits_pause(l, 300, "");
	assert_enters(l);
	assert_in_range(clock_ms() - start, 299, 2000);
	limits_leave(l);
	limits_pause(l, LIMITS_PAUSE_STAY * 1000 - 100, "");
	assert_waits(l);
	limits_pause(l, LIMITS_PAUSE_STAY * 1000 + 500, "");
	closed = assert_closed(l, "account office365: the server asked for a pause");
	assert_in_range(closed.wait, LIMITS_PAUSE_STAY * 1000, 5500);
	limits_close(l);
}

/* -- login ------------------------------------------------------------------------- */

/* Tries to log in, where the server refuses. */
static bool
try_login(void)
{
	struct limits_closed closed = { .wait = 0 };
	struct error e = { "" };
	enum status status;
	struct limits *l;

	if (limits_open(&l, folder, &login, NULL) != STATUS_OK)
		return false;
	status = limits_enter(l, NO_DESCRIPTOR, &closed, &e);
	if (status == STATUS_OK) {
		shared->login++;
		poll(NULL, 0, 30); /* the server takes its time */
		limits_login_refused(l, "535 5.7.3 no");
	} else if (closed.wait == 0 || !strstr(e.text, "refused, and is tried once") ||
	    !strstr(e.text, ": 535 5.7.3 no")) {
		return false;
	}
	limits_close(l);
	return true;
}

/* As if the last try lay so long ago that the next one may come. */
static void
let_time_pass(void)
{
	struct standing s;

	read_standing(&s);
	assert_true(s.refused.fingerprint == 7);
	s.refused.again.boot -= LIMITS_LOGIN_PAUSE * 1000;
	s.refused.first.boot -= LIMITS_LOGIN_PAUSE * 1000;
	write_standing(&s);
}

static void
refused_login_is_tried_by_one(void **state)
{
	(void)state;
	in_processes(8, try_login);
	assert_int_equal(shared->login, 1);
	in_processes(8, try_login);
	assert_int_equal(shared->login, 1);
	let_time_pass();
	in_processes(8, try_login);
	assert_int_equal(shared->login, 2);
}

/* Whoever tries it may die without a word. */
static void
try_counts_when_it_begins(void **state)
{
	struct limits *l = open_limits(&login);
	struct limits_closed closed;

	(void)state;
	assert_enters(l);
	assert_int_equal(limits_login_refused(l, "535 5.7.3 no"), 0);
	let_time_pass();
	assert_enters(l);
	limits_leave(l);
	closed = assert_closed(l,
	    "account office365: its login was refused, and is tried once in 15 minutes, "
	    "or when its settings or secret change, or somebody signs in: 535 5.7.3 no");
	assert_in_range(closed.wait, 899 * 1000, 900 * 1000);
	limits_close(l);
}

static void
refused_for_how_long(void **state)
{
	struct limits *l = open_limits(&login);
	struct standing s;

	(void)state;
	assert_int_equal(limits_login_refused(l, "no"), 0);
	let_time_pass();
	assert_in_range(limits_login_refused(l, "no"), 900 * 1000, 910 * 1000);
	/* in another boot it is tried at once, and counts on */
	read_standing(&s);
	snprintf(s.refused.again.name, sizeof(s.refused.again.name), "another");
	s.refused.first = s.refused.again;
	s.refused.first.wall -= 12 * 60 * 60;
	write_standing(&s);
	assert_enters(l);
	assert_true(limits_login_refused(l, "no") >= 12 * 60 * 60 * 1000 - 900 * 1000);
	limits_login_good(l);
	assert_int_equal(limits_login_refused(l, "no"), 0);
	limits_close(l);
}

static void
changed_login_is_tried_at_once(void **state)
{
	const struct limits_rule changed = { ACCOUNT, 8, 10000, 8, HOST };
	struct limits *l = open_limits(&login), *other = open_limits(&changed);

	(void)state;
	limits_login_refused(l, "no");
	assert_closed(l, "its login was refused");
	assert_enters(other);
	limits_login_good(other);
	assert_enters(l);
	limits_close(l);
	limits_close(other);
}

static void
unknown_login_is_tried_by_one_at_a_time(void **state)
{
	struct limits *a = open_limits(&login), *b = open_limits(&login),
		      *c = open_limits(&login);

	(void)state;
	assert_enters(a);
	assert_waits(b);
	limits_leave(a); /* it never got so far */
	assert_enters(b);
	assert_waits(a);
	limits_login_good(b);
	assert_enters(a);
	assert_enters(c);
	limits_login_refused(c, "no"); /* not good any more */
	assert_closed(a, "its login was refused");
	limits_close(a);
	limits_close(b);
	limits_close(c);
}

static void
no_login_has_no_gate(void **state)
{
	struct limits *a = open_limits(&two), *b = open_limits(&two);

	(void)state;
	assert_int_equal(limits_login_refused(a, "530"), 0);
	limits_login_good(a);
	assert_enters(a);
	assert_enters(b);
	limits_close(a);
	limits_close(b);
}

static void
no_news_is_not_written(void **state)
{
	static const struct timespec old[] = { { 1, 0 }, { 1, 0 } };
	struct limits *l = open_limits(&login);
	struct stat st;

	(void)state;
	limits_login_good(l);
	limits_size_seen(l, 1000);
	limits_pause(l, 1000, "");
	utimensat(folder, ACCOUNT ".state", old, 0);
	limits_login_good(l);
	limits_size_seen(l, 1000);
	limits_pause(l, 500, "");
	assert_int_equal(limits_size(l), 1000);
	assert_int_equal(fstatat(folder, ACCOUNT ".state", &st, 0), 0);
	assert_int_equal(st.st_mtime, 1);
	limits_size_seen(l, 2000);
	assert_int_equal(fstatat(folder, ACCOUNT ".state", &st, 0), 0);
	assert_true(st.st_mtime > 1);
	limits_close(l);
}

static void
size_is_for_all(void **state)
{
	struct limits *a = open_limits(&two), *b = open_limits(&two);

	(void)state;
	assert_int_equal(limits_size(a), 0);
	limits_size_seen(a, 157286400);
	assert_int_equal(limits_size(b), 157286400);
	limits_close(a);
	limits_close(b);
}

static void
size_is_of_one_server(void **state)
{
	const struct limits_rule moved = { ACCOUNT, 2, 10000, 0, "smtp.example.com" },
				 nowhere = { ACCOUNT, 2, 10000, 0, NULL };
	struct limits *a = open_limits(&two), *b = open_limits(&moved),
		      *c = open_limits(&nowhere);

	(void)state;
	limits_size_seen(a, 157286400);
	assert_int_equal(limits_size(b), 0);
	assert_int_equal(limits_size(c), 0);
	limits_size_seen(b, 10000);
	assert_int_equal(limits_size(b), 10000);
	assert_int_equal(limits_size(a), 0);
	limits_close(a);
	limits_close(b);
	limits_close(c);
}

/* -- onlookers --------------------------------------------------------------------- */

static struct limits_refusal
peek(const char *account)
{
	struct limits_refusal found = { .left = -1, .since = -1, .text = "?" };
	struct error e = { "" };

	if (limits_peek(&found, folder, account, &e) != STATUS_OK)
		fail_msg("%s", e.text);
	return found;
}

static void
assert_open(void)
{
	struct limits_refusal found = peek(ACCOUNT);

	assert_int_equal(found.left, 0);
	assert_int_equal(found.since, 0);
}

static void
onlooker_sees_a_refusal(void **state)
{
	struct limits *l = open_limits(&login);
	struct limits_refusal found;
	struct standing s;

	(void)state;
	assert_open();
	limits_login_refused(l, "535 5.7.3 no");
	read_standing(&s);
	s.refused.again.boot -= 100 * 1000;
	write_standing(&s);
	found = peek("Office365");
	assert_in_range(found.left, 795 * 1000, 800 * 1000);
	assert_int_equal(found.left + found.since, 900 * 1000);
	assert_string_equal(found.text, "535 5.7.3 no");
	let_time_pass();
	assert_open();
	limits_login_refused(l, "no");
	assert_int_equal(peek(ACCOUNT).since / 5000, 0);
	limits_login_good(l);
	assert_open();
	limits_close(l);
}

/* It stands in nobody's way, and nobody in its. */
static void
onlooker_waits_for_nobody(void **state)
{
	struct limits *l = open_limits(&login);
	int fd;

	(void)state;
	limits_login_refused(l, "no");
	fd = openat(folder, ACCOUNT ".state", O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_true(peek(ACCOUNT).left > 0);
	close(fd);
	limits_close(l);
}

static void
onlooker_makes_nothing(void **state)
{
	(void)state;
	assert_open();
	assert_int_equal(faccessat(folder, ACCOUNT ".state", F_OK, 0), -1);
	write_file(ACCOUNT ".state", "nonsense", 8);
	assert_open();
}

static void
onlooker_meets_what_is_no_state(void **state)
{
	struct limits_refusal found = { .left = 17 };
	struct error e;

	(void)state;
	assert_int_equal(limits_peek(&found, folder, "../a", &e), STATUS_SETTINGS);
	assert_non_null(strstr(e.text, "'../a' is no name of an account"));
	assert_int_equal(mkdirat(folder, ACCOUNT ".state", 0700), 0);
	assert_int_equal(limits_peek(&found, folder, ACCOUNT, &e), STATUS_RETRY);
	assert_string_equal(e.text, "office365.state is no regular file; remove it");
	unlinkat(folder, ACCOUNT ".state", AT_REMOVEDIR);
	assert_int_equal(symlinkat("/dev/null", folder, ACCOUNT ".state"), 0);
	assert_int_equal(limits_peek(&found, folder, ACCOUNT, &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, "office365.state cannot be opened: "));
	assert_int_equal(found.left, 17);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(pause_is_for_all),
		in_folder(pause_gives_the_connection_back),
		in_folder(short_pause_is_waited_out),
		in_folder(refused_login_is_tried_by_one),
		in_folder(try_counts_when_it_begins),
		in_folder(refused_for_how_long),
		in_folder(changed_login_is_tried_at_once),
		in_folder(unknown_login_is_tried_by_one_at_a_time),
		in_folder(no_login_has_no_gate),
		in_folder(no_news_is_not_written),
		in_folder(size_is_for_all),
		in_folder(size_is_of_one_server),
		in_folder(onlooker_sees_a_refusal),
		in_folder(onlooker_waits_for_nobody),
		in_folder(onlooker_makes_nothing),
		in_folder(onlooker_meets_what_is_no_state),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
