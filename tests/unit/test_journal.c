/* Tests of lib/send/journal.c: its lines, and a failing disk, which is /dev/full, and
 * /dev/null for fdatasync(2), in the file's place; a full one is a limit of its size. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/file.h"
#include "lib/base/seal.h"
#include "lib/send/journal.h"
#include "tests/unit/journal_rig.h"

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
	good(journal_held_partial(journal, NULL));
	assert_true(journal_summary(journal)->held_partial);
	assert_appended("held-partial\n");
	assert_int_equal(ftruncate(file, (off_t)sample.len), 0);
	load();
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
put_off_is_written_once(void **state)
{
	static const struct moment first = { 1002, 700, "boot-a" },
				   second = { 1003, 800, "boot-a" };

	(void)state;
	good(journal_put_off(journal, NULL, NULL));
	good(journal_put_off(journal, &first, NULL));
	good(journal_put_off(journal, &second, NULL));
	assert_memory_equal(&journal_summary(journal)->put_off, &first, sizeof(first));
	assert_appended("put-off 1002 700 boot-a\n");
	good(journal_put_off(journal, NULL, NULL));
	good(journal_put_off(journal, NULL, NULL));
	assert_int_equal(journal_summary(journal)->put_off.name[0], 0);
	good(journal_put_off(journal, &second, NULL));
	assert_appended("put-off 1002 700 boot-a\nput-off -\nput-off 1003 800 boot-a\n");
	load();
	assert_false(damaged);
	assert_memory_equal(&journal_summary(journal)->put_off, &second, sizeof(second));
}

static void
notices_come_back(void **state)
{
	const struct journal_summary *s = journal_summary(journal);

	(void)state;
	good(journal_notice(journal, "held", NULL));
	assert_true(s->noticed_held);
	good(journal_notice_back(journal, "held", NULL));
	good(journal_notice_back(journal, "delay", NULL));
	assert_false(s->noticed_held || s->noticed_delay);
	assert_appended("notice held\nnotice-back held\nnotice-back delay\n");
	load();
	assert_false(damaged || journal_summary(journal)->noticed_delay);
}

static void
age_goes_on_from_the_last_attempt(void **state)
{
	const struct moment soon = { 0, 650, "boot-a" }, late = { 0, 10800601, "boot-a" };

	(void)state;
	assert_int_equal(journal_age(journal, &soon), 150);
	assert_int_equal(journal_age(journal, &late), 100 + 10800000);
	good(journal_try(journal, &soon, NULL));
	assert_int_equal(journal_age(journal, &soon), 150);
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
	refused(journal_notice_back(journal, "", &e));
	assert_string_equal(e.text, "There is no notice ''.");
	good(journal_outcome(journal, 2, true, "", &e));
	assert_appended("outcome 2 sent\n");
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
	assert_int_equal(journal_put_off(journal, &now, &e), STATUS_RETRY);
	assert_int_equal(journal_summary(journal)->put_off.name[0], 0);
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

/* Held without a word that stays would be held each time: it is not held then. */
static void
hold_of_a_partial_scan_needs_the_disk(void **state)
{
	static const char *const devices[] = { "/dev/full", "/dev/null" };

	for (int i = 0; i < 2; i++) {
		struct error e = { "" };

		replace_file(devices[i]);
		assert_int_equal(journal_held_partial(journal, &e), STATUS_RETRY);
		assert_non_null(strstr(e.text, "see to the disk"));
		assert_false(journal_summary(journal)->held_partial);
		assert_takes_no_more();
		close_sample(state);
		open_sample(state);
	}
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

static void
returned_notice_is_known_without_a_disk(void **state)
{
	static const char *const devices[] = { "/dev/full", "/dev/null" };

	for (int i = 0; i < 2; i++) {
		struct error e = { "" };

		replace_file(devices[i]);
		assert_int_equal(journal_notice_back(journal, "delay", &e), STATUS_RETRY);
		assert_non_null(strstr(e.text, "see to the disk"));
		assert_false(journal_summary(journal)->noticed_delay);
		assert_takes_no_more();
		close_sample(state);
		open_sample(state);
	}
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
	good(journal_notice_back(journal, "delay", &e));
	load();
	assert_true(journal_part(journal, 2).sent);
	assert_false(journal_summary(journal)->noticed_delay);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		journal_test(all_lines_are_read),
		journal_test(bytes_are_these),
		journal_test(next_process_knows_the_same),
		journal_test(new_attempt_forgets_the_last_ones_recipients),
		journal_test(put_off_is_written_once),
		journal_test(notices_come_back),
		journal_test(age_goes_on_from_the_last_attempt),
		journal_test(misuse_writes_nothing),
		journal_test(full_disk_is_told),
		journal_test(failed_fdatasync_is_the_last_word),
		journal_test(hold_of_a_partial_scan_needs_the_disk),
		journal_test(outcome_is_known_without_a_disk),
		journal_test(returned_notice_is_known_without_a_disk),
		journal_test(half_written_lines_are_cut_off),
		journal_test(full_journal_can_still_end),
		cmocka_unit_test(unreadable_file_is_told),
	};

	return cmocka_run_group_tests(tests, make_sample, free_sample);
}
