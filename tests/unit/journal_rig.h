/*
 * What the tests of lib/send/journal.c share: a journal in a file without a name. To be
 * included once, by a test.
 */
#ifndef POSTROOM_TESTS_JOURNAL_RIG_H
#define POSTROOM_TESTS_JOURNAL_RIG_H

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

#include "lib/base/buf.h"
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

static inline int
make_sample(void **state)
{
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	buf_init(&sample, SAMPLE_MAX);
	for (size_t i = 0; i < COUNT; i++)
		seal_write(&sample, LINES[i]);
	return sample.over ? -1 : 0;
}

static inline int
free_sample(void **state)
{
	(void)state;
	buf_clear(&sample);
	return 0;
}

static inline void
load(void)
{
	struct journal *before = journal;

	assert_int_equal(journal_load(&journal, dup(file), &damaged, NULL), STATUS_OK);
	journal_free(before);
}

/* Loads a file of these bytes. */
static inline void
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

static inline int
open_sample(void **state)
{
	(void)state;
	file = -1;
	journal = NULL;
	load_bytes(sample.data, sample.len);
	return 0;
}

static inline int
close_sample(void **state)
{
	(void)state;
	journal_free(journal);
	return close(file);
}

/* What the file holds behind the sample, without checksums. */
static inline void
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

static inline void
good(enum status status)
{
	assert_int_equal(status, STATUS_OK);
}

static inline void
refused(enum status status)
{
	assert_int_equal(status, STATUS_INVALID);
}

/* No file of this process may become larger; or, with RLIM_INFINITY, as large as before.
 */
static inline void
limit_files(rlim_t size)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size < limit.rlim_max ? size : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

#define journal_test(f) cmocka_unit_test_setup_teardown(f, open_sample, close_sample)

#endif
