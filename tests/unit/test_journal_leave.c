/* Tests of lib/send/journal.c: the wait that is left in a journal nobody has loaded. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/file.h"
#include "lib/send/journal.h"
#include "tests/unit/journal_rig.h"

#define LEFT "wait 2000 9000 boot-a 18446744073709551615 network no answer"

enum {
	PATIENCE = 20, /* seconds; then a search that does not end ends the run */
};

static const struct journal_pause PAUSE = {
	.until = { 2000, 9000, "boot-a" },
	.number = UINT64_MAX,
	.network = true,
	.text = "no\nanswer",
};

static off_t
size_of_file(void)
{
	struct stat st;

	assert_int_equal(fstat(file, &st), 0);
	return st.st_size;
}

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
		assert_appended(LEFT "\n");
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

/* Up to the reserve there is room for it; what is torn may go on behind that. */
static void
full_journal_is_left_alone(void **state)
{
	static const off_t reserve = JOURNAL_FILE_MAX - JOURNAL_RESERVE;
	const off_t full = reserve + (off_t)strlen(LEFT) + 10;

	(void)state;
	assert_int_equal(ftruncate(file, reserve - 1), 0);
	assert_true(file_write(file, "\n", 1));
	assert_int_equal(ftruncate(file, JOURNAL_FILE_MAX), 0);
	journal_leave(file, &PAUSE);
	assert_true(size_of_file() == full);
	journal_leave(file, &PAUSE);
	assert_true(size_of_file() == full);
}

/* What a worker can do to it with ftruncate(2). */
static void
enormous_file_is_not_searched(void **state)
{
	static const off_t sizes[] = { (off_t)JOURNAL_FILE_MAX + 1, (off_t)1 << 40 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(ftruncate(file, sizes[i]), 0);
		alarm(PATIENCE);
		journal_leave(file, &PAUSE);
		alarm(0);
		assert_true(size_of_file() == sizes[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		journal_test(wait_is_left),
		journal_test(wait_that_does_not_fit_is_left_out),
		journal_test(full_journal_is_left_alone),
		journal_test(enormous_file_is_not_searched),
	};

	return cmocka_run_group_tests(tests, make_sample, free_sample);
}
