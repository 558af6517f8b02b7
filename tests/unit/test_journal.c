/* Tests of lib/send/journal.c, on files without a name. A failing disk is /dev/full, and
 * /dev/null for fdatasync(2), in the file's place; a full one is a limit of its size. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/file.h"
#include "lib/base/seal.h"
#include "lib/send/journal.h"

/* Part 1 was sent to a@x, b@x was refused; of part 2 nothing is known but an intent. */
static const char *const LINES[] = { "job 1 17 1000 500 boot-a", "try 1001 600 boot-a",
	"plan 2 35000000 150", "intent 1", "refused 1 b@x no such user", "taken 1 a@x",
	"outcome 1 sent 250 OK", "notice delay", "intent 2" };

enum {
	COUNT = sizeof(LINES) / sizeof(LINES[0]),
	SAMPLE_MAX = 1024,
};

static struct buf sample; /* LINES, sealed */
static int file;          /* the journal's, beside the one that it takes over */
static struct journal *journal;
static bool damaged;

static int
make_sample(void **state)
{
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	buf_init(&sample, SAMPLE_MAX);
	for (size_t i = 0; i < COUNT; i++)
		seal_write(&sample, LINES[i]);
	return sample.over ? -1 : 0;
}

static int
free_sample(void **state)
{
	(void)state;
	buf_clear(&sample);
	return 0;
}

static void
load(void)
{
	struct journal *before = journal;

	assert_int_equal(journal_load(&journal, dup(file), &damaged, NULL), STATUS_OK);
	journal_free(before);
}

/* Loads a file of these bytes. */
static void
load_bytes(const void *bytes, size_t len)
{
	if (file >= 0)
		close(file);
	file = memfd_create("journal", MFD_CLOEXEC);
	assert_true(file >= 0);
	assert_int_equal(fcntl(file, F_SETFL, O_APPEND), 0);
	assert_true(file_write(file, bytes, len));
	load();
}

static int
open_sample(void **state)
{
	(void)state;
	file = -1;
	journal = NULL;
	load_bytes(sample.data, sample.len);
	return 0;
}

static int
close_sample(void **state)
{
	(void)state;
	journal_free(journal);
	return close(file);
}

/* What the file holds behind the sample, without checksums. */
static void
assert_appended(const char *lines)
{
	char bytes[8192], text[8192], *cursor = bytes + sample.len;
	ssize_t n = pread(file, bytes, sizeof(bytes), 0);
	enum seal_found found;
	const char *line;
	size_t len = 0;

	assert_true(n >= (ssize_t)sample.len);
	assert_memory_equal(bytes, sample.data, sample.len);
	while ((found = seal_next(&cursor, bytes + n, &line)) == SEAL_LINE)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\n", line);
	text[len] = '\0';
	assert_string_equal(text, lines);
	assert_int_equal(found, SEAL_END);
}

static void
good(enum status status)
{
	assert_int_equal(status, STATUS_OK);
}

static void
refused(enum status status)
{
	assert_int_equal(status, STATUS_INVALID);
}

/* -- lines --------------------------------------------------------------------------- */

static void
all_lines_are_read(void **state)
{
	const struct journal_summary *s = journal_summary(journal);

	(void)state;
	assert_false(damaged);
	assert_int_equal(s->age, 100);
	assert_true(s->uncertain && s->noticed_delay);
	assert_true(journal_part(journal, 1).sent && journal_part(journal, 2).uncertain);
	assert_int_equal(journal_recipient(journal, 1, "a@X", NULL), RECIPIENT_HAS_IT);
}

static void
bytes_are_these(void **state)
{
	const struct moment now = { 1002, 700, "boot-a" };
	const struct journal_plan same = { 2, 35000000, 150 },
				  other = { 3, UINT64_MAX, 0 };

	(void)state;
	good(journal_held(journal, NULL));
	good(journal_try(journal, &now, NULL));
	good(journal_plan(journal, &same, NULL));
	good(journal_intent(journal, 2, NULL));
	good(journal_taken(journal, 2, "\"a b\"@x", NULL));
	good(journal_refused(journal, 2, "100%@x", "550 \xff\r\nno", NULL));
	assert_appended("held\ntry 1002 700 boot-a\nintent 2\n"); /* no outcome so far */
	good(journal_outcome(journal, 2, true, "250\nOK", NULL));
	good(journal_outcome(journal, 1, false, "", NULL));
	good(journal_verdict(journal, JOURNAL_GIVEN_UP, "5 days", NULL));
	good(journal_notice(journal, "end", NULL));
	good(journal_plan(journal, &other, NULL));
	assert_appended("held\ntry 1002 700 boot-a\nintent 2\ntaken 2 \"a%20b\"@x\n"
			"refused 2 100%25@x 550 \xef\xbf\xbd  no\noutcome 2 sent 250 OK\n"
			"outcome 1 no\nverdict given-up 5 days\nnotice end\n"
			"plan 3 18446744073709551615 0\n");
}

/* What this process knows and what the next one reads. */
static void
next_process_knows_the_same(void **state)
{
	const struct moment now = { 1002, 700, "boot-a" };
	char long_text[3000], text[2][JOURNAL_TEXT_MAX];

	(void)state;
	memset(long_text, '\xc3', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	good(journal_try(journal, &now, NULL));
	good(journal_intent(journal, 2, NULL));
	good(journal_taken(journal, 2, "\"a b\"@x", NULL));
	good(journal_refused(journal, 2, "c@x", long_text, NULL));
	good(journal_outcome(journal, 2, true, " 250 OK ", NULL));
	good(journal_verdict(journal, JOURNAL_REFUSED, long_text, NULL));
	for (int turn = 0; turn < 2; turn++) {
		const struct journal_summary *s = journal_summary(journal);

		assert_true(journal_part(journal, 2).sent);
		assert_int_equal(s->attempts, 2);
		assert_int_equal(s->age, 200);
		assert_int_equal(s->end, JOURNAL_REFUSED);
		assert_true(s->uncertain && !s->held);
		assert_int_equal(
		    journal_recipient(journal, 2, "\"a b\"@x", NULL), RECIPIENT_HAS_IT);
		assert_int_equal(journal_recipient(journal, 2, "c@x", text[turn]),
		    RECIPIENT_WAS_REFUSED);
		assert_true(strlen(text[turn]) > 900);
		load();
		assert_false(damaged);
	}
	assert_string_equal(text[0], text[1]);
}

static void
new_attempt_forgets_the_last_ones_recipients(void **state)
{
	const struct moment now = { 1002, 700, "boot-a" };

	(void)state;
	good(journal_taken(journal, 2, "c@x", NULL));
	good(journal_try(journal, &now, NULL));
	good(journal_taken(journal, 2, "d@x", NULL));
	good(journal_intent(journal, 2, NULL));
	good(journal_taken(journal, 2, "e@x", NULL));
	good(journal_outcome(journal, 2, true, "", NULL));
	good(journal_taken(journal, 2, "f@x", NULL));
	good(journal_try(journal, &now, NULL));
	good(journal_outcome(journal, 2, false, "", NULL));
	assert_appended("try 1002 700 boot-a\nintent 2\ntaken 2 e@x\noutcome 2 sent\n"
			"try 1002 700 boot-a\noutcome 2 no\n");
}

static void
misuse_writes_nothing(void **state)
{
	const struct journal_plan none = { 0, 0, 0 }, many = { 1000, 0, 0 };
	struct error e = { "" };
	char address[300];

	(void)state;
	memset(address, 'a', sizeof(address));
	address[sizeof(address) - 1] = '\0';
	refused(journal_intent(journal, 0, &e));
	refused(journal_intent(journal, 3, &e));
	assert_string_equal(e.text, "There is no part 3: the job's plan has 2.");
	refused(journal_taken(journal, 3, "a@x", &e));
	refused(journal_taken(journal, 2, address, &e));
	refused(journal_refused(journal, 2, address, "", &e));
	refused(journal_outcome(journal, 3, true, "", &e));
	refused(journal_plan(journal, &none, &e));
	refused(journal_plan(journal, &many, &e));
	refused(journal_verdict(journal, JOURNAL_OPEN, "", &e));
	refused(journal_notice(journal, "delays", &e));
	good(journal_outcome(journal, 2, true, "", &e));
	assert_appended("outcome 2 sent\n");
}

/* -- damage -------------------------------------------------------------------------- */

/* Nothing is known that was not written; what is unknown now is in doubt, but for a last
 * line, which may never have been written. */
static void
assert_no_lies(bool cut)
{
	const struct journal_summary *s = journal_summary(journal);
	struct journal_part one = journal_part(journal, 1),
			    two = journal_part(journal, 2);

	assert_false(two.sent);
	assert_int_not_equal(
	    journal_recipient(journal, 1, "a@x", NULL), RECIPIENT_WAS_REFUSED);
	assert_int_not_equal(
	    journal_recipient(journal, 1, "b@x", NULL), RECIPIENT_HAS_IT);
	assert_int_equal(journal_recipient(journal, 2, "a@x", NULL), RECIPIENT_IS_OPEN);
	assert_true(s->plan.parts == 0 || s->plan.parts == 2);
	assert_int_equal(s->end, JOURNAL_OPEN);
	assert_false(s->held || s->noticed_end);
	if (damaged)
		assert_true(s->uncertain && one.uncertain && two.uncertain);
	else if (!cut)
		assert_true(one.sent && s->noticed_delay);
}

/* The next run sends both parts; the run after that knows. */
static void
assert_goes_on(void)
{
	const struct moment now = { 1002, 700, "boot-a" };
	const struct journal_plan plan = { 2, 35000000, 150 };
	bool doubt = journal_summary(journal)->uncertain;

	good(journal_plan(journal, &plan, NULL));
	good(journal_try(journal, &now, NULL));
	for (unsigned part = 1; part <= 2; part++) {
		good(journal_intent(journal, part, NULL));
		good(journal_taken(journal, part, "c@x", NULL));
		good(journal_outcome(journal, part, true, "250", NULL));
	}
	load();
	for (unsigned part = 1; part <= 2; part++)
		assert_true(journal_part(journal, part).sent &&
		    journal_recipient(journal, part, "c@x", NULL) == RECIPIENT_HAS_IT);
	assert_true(journal_summary(journal)->uncertain || !doubt);
}

static void
every_flipped_bit_is_harmless(void **state)
{
	char bytes[SAMPLE_MAX];

	(void)state;
	for (size_t i = 0; i < sample.len * 8; i++) {
		bool last_feed = i / 8 == sample.len - 1;

		memcpy(bytes, sample.data, sample.len);
		bytes[i / 8] = (char)(bytes[i / 8] ^ (1 << i % 8));
		load_bytes(bytes, sample.len);
		assert_int_equal(damaged, !last_feed);
		assert_no_lies(false);
		assert_goes_on();
	}
}

/* Also with zeros behind it, as some file systems leave a file after a power loss. */
static void
every_cut_is_harmless(void **state)
{
	static const char zeros[SAMPLE_MAX];
	const size_t first = strlen(LINES[0]) + 10;

	(void)state;
	for (size_t i = first * 2; i < sample.len * 2; i++) {
		load_bytes(sample.data, i / 2);
		if (i % 2) {
			assert_true(file_write(file, zeros, SAMPLE_MAX - i / 2));
			load();
		}
		assert_false(damaged);
		assert_no_lies(true);
		assert_goes_on();
		assert_false(damaged);
	}
}

static void
every_lost_line_is_harmless(void **state)
{
	(void)state;
	for (size_t lost = 0; lost < COUNT; lost++) {
		struct buf out;

		buf_init(&out, SAMPLE_MAX);
		for (size_t i = 0; i < COUNT; i++)
			if (i != lost)
				seal_write(&out, LINES[i]);
			else
				buf_puts(&out, "\n");
		load_bytes(out.data, out.len);
		buf_clear(&out);
		assert_true(damaged);
		assert_no_lies(false);
		assert_goes_on();
		assert_true(damaged);
	}
}

static void
torn_line_is_cut_off(void **state)
{
	const struct moment now = { 1002, 700, "boot-a" };

	(void)state;
	assert_true(file_write(file, "intent 1 00", 11));
	load();
	assert_false(damaged);
	good(journal_try(journal, &now, NULL));
	good(journal_held(journal, NULL));
	assert_appended("try 1002 700 boot-a\nheld\n");
}

/* -- a failing disk ------------------------------------------------------------------ */

/* Puts a device in the place of the file that the journal writes to. */
static void
replace_file(const char *device)
{
	int fd = dup(file), own = open(device, O_RDWR | O_CLOEXEC);
	struct error e = { "" };

	assert_true(fd >= 0 && own >= 0);
	journal_free(journal);
	good(journal_load(&journal, fd, &damaged, &e));
	assert_int_equal(dup2(own, fd), fd);
	close(own);
}

static void
assert_takes_no_more(void)
{
	const struct moment now = { 1002, 700, "boot-a" };
	struct error e = { "" };

	assert_int_equal(journal_try(journal, &now, &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, "takes no more lines"));
	assert_int_equal(journal_intent(journal, 1, &e), STATUS_RETRY);
	assert_int_equal(journal_notice(journal, "end", &e), STATUS_RETRY);
	assert_int_equal(journal_summary(journal)->attempts, 1);
	assert_false(journal_part(journal, 1).uncertain);
	assert_false(journal_summary(journal)->noticed_end);
}

static void
full_disk_is_told(void **state)
{
	struct error e = { "" };

	(void)state;
	replace_file("/dev/full");
	assert_int_equal(journal_intent(journal, 1, &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, "The disk does not take the job's journal"));
	assert_non_null(strstr(e.text, strerror(ENOSPC)));
	assert_takes_no_more();
}

static void
failed_fdatasync_is_the_last_word(void **state)
{
	struct error e = { "" };

	(void)state;
	replace_file("/dev/null");
	good(journal_held(journal, &e)); /* is not waited for */
	assert_int_equal(journal_intent(journal, 1, &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, "The disk does not keep the job's journal"));
	assert_takes_no_more();
}

/* The server has answered, whatever the disk does. */
static void
outcome_is_known_without_a_disk(void **state)
{
	static const char *const devices[] = { "/dev/full", "/dev/null" };
	struct error e;

	for (int i = 0; i < 2; i++) {
		replace_file(devices[i]);
		good(journal_taken(journal, 2, "c@x", &e));
		assert_int_equal(
		    journal_outcome(journal, 2, true, "250", &e), STATUS_RETRY);
		assert_true(journal_part(journal, 2).sent);
		assert_int_equal(
		    journal_recipient(journal, 2, "c@x", NULL), RECIPIENT_HAS_IT);
		assert_takes_no_more();
		close_sample(state);
		open_sample(state);
	}
}

/* No file of this process may become larger; or, with RLIM_INFINITY, as large as before.
 */
static void
limit_files(rlim_t size)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size < limit.rlim_max ? size : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Every place in which a disk can become full amid the lines of an outcome. */
static void
half_written_lines_are_cut_off(void **state)
{
	(void)state;
	for (rlim_t room = 0;; room++) {
		struct error e = { "" };
		enum status status;

		load_bytes(sample.data, sample.len);
		good(journal_held(journal, NULL));
		good(journal_taken(journal, 2, "c@x", NULL));
		limit_files(sample.len + strlen("held 00000000\n") + room);
		status = journal_outcome(journal, 2, true, "250", &e);
		limit_files(RLIM_INFINITY);
		if (status == STATUS_OK)
			break;
		assert_int_equal(status, STATUS_RETRY);
		assert_non_null(strstr(e.text, strerror(EFBIG)));
		assert_appended("held\n");
		assert_takes_no_more();
		assert_appended("held\n");
	}
	assert_appended("held\ntaken 2 c@x\noutcome 2 sent 250\n");
}

static void
full_journal_can_still_end(void **state)
{
	char text[JOURNAL_TEXT_MAX];
	struct buf line;
	struct error e = { "" };

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	memcpy(text, "verdict refused ", 16);
	buf_init(&line, SAMPLE_MAX * 2);
	assert_true(seal_write(&line, text));
	for (size_t size = sample.len; size < JOURNAL_FILE_MAX - JOURNAL_RESERVE;
	     size += line.len)
		assert_true(file_write(file, line.data, line.len));
	buf_clear(&line);
	load();
	assert_false(damaged);
	assert_int_equal(journal_intent(journal, 1, &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, "is full"));
	good(journal_outcome(journal, 2, true, "250", &e));
	load();
	assert_true(journal_part(journal, 2).sent);
	assert_int_equal(ftruncate(file, JOURNAL_FILE_MAX), 0);
	load();
	assert_int_equal(ftruncate(file, JOURNAL_FILE_MAX + 1), 0);
	assert_int_equal(journal_load(&journal, dup(file), &damaged, &e), STATUS_RETRY);
}

static void
unreadable_file_is_told(void **state)
{
	struct journal *j = NULL;
	int fd = open("/tmp", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(journal_load(&j, fd, &damaged, NULL), STATUS_RETRY);
	assert_int_equal(fcntl(fd, F_GETFD), -1); /* was taken over */
	assert_null(j);
	journal_free(NULL);
}

/* -- a wait that is left ------------------------------------------------------------- */

static const struct journal_pause PAUSE = {
	.until = { 2000, 9000, "boot-a" },
	.number = UINT64_MAX,
	.network = true,
	.text = "no\nanswer",
};

/* Also in the place of a torn line. */
static void
wait_is_left(void **state)
{
	static const size_t torn[] = { 0, 1, 11, 4095, 4096, 4097, 20000 };
	const struct journal_summary *s;
	char bytes[20000];

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	for (size_t i = 0; i < sizeof(torn) / sizeof(torn[0]); i++) {
		load_bytes(sample.data, sample.len);
		assert_true(file_write(file, bytes, torn[i]));
		journal_leave(file, &PAUSE);
		assert_appended(
		    "wait 2000 9000 boot-a 18446744073709551615 network no answer\n");
	}
	load();
	s = journal_summary(journal);
	assert_memory_equal(&s->wait, &PAUSE.until, sizeof(s->wait));
	assert_true(s->wait_number == UINT64_MAX && s->wait_network);
	assert_string_equal(s->wait_text, "no answer");
}

static void
wait_that_does_not_fit_is_left_out(void **state)
{
	(void)state;
	limit_files(sample.len + 20);
	journal_leave(file, &PAUSE);
	limit_files(RLIM_INFINITY);
	assert_appended("");
}

#define journal_test(f) cmocka_unit_test_setup_teardown(f, open_sample, close_sample)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		journal_test(all_lines_are_read),
		journal_test(bytes_are_these),
		journal_test(next_process_knows_the_same),
		journal_test(new_attempt_forgets_the_last_ones_recipients),
		journal_test(misuse_writes_nothing),
		journal_test(every_flipped_bit_is_harmless),
		journal_test(every_cut_is_harmless),
		journal_test(every_lost_line_is_harmless),
		journal_test(torn_line_is_cut_off),
		journal_test(full_disk_is_told),
		journal_test(failed_fdatasync_is_the_last_word),
		journal_test(outcome_is_known_without_a_disk),
		journal_test(half_written_lines_are_cut_off),
		journal_test(full_journal_can_still_end),
		cmocka_unit_test(unreadable_file_is_told),
		journal_test(wait_is_left),
		journal_test(wait_that_does_not_fit_is_left_out),
	};

	return cmocka_run_group_tests(tests, make_sample, free_sample);
}
