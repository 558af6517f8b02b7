/* Tests of lib/base/log.c: the bytes on standard error. */
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
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

enum {
	CAPTURE_MAX = 16 * 1024,
};

static int saved_stderr, capture_fd;
static char captured[CAPTURE_MAX];

/* From here to capture_end() standard error is a nameless file. */
static void
capture_start(void)
{
	fflush(stderr);
	saved_stderr = dup(STDERR_FILENO);
	capture_fd = file_scratch("/tmp");
	assert_true(saved_stderr >= 0 && capture_fd >= 0);
	dup2(capture_fd, STDERR_FILENO);
}

static const char *
capture_end(void)
{
	ssize_t n = pread(capture_fd, captured, sizeof(captured) - 1, 0);

	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(capture_fd);
	assert_true(n >= 0);
	captured[n] = '\0';
	return captured;
}

static void
plain_until_opened(void **state)
{
	(void)state;
	capture_start();
	log_message(LEVEL_DEBUG, "not seen");
	log_message(LEVEL_INFO, "page %d", 1);
	log_state("+paused");
	log_pages(1);
	assert_string_equal(capture_end(), "postroom: page 1\n");
}

static void
plain_names_the_program(void **state)
{
	(void)state;
	log_open(LOG_PLAIN, "scan2mail", LEVEL_WARNING);
	capture_start();
	log_message(LEVEL_INFO, "not seen");
	log_message(LEVEL_WARNING, "seen");
	log_message(LEVEL_ERROR, "%s", "100% seen");
	log_state("+paused");
	log_pages(1);
	assert_string_equal(capture_end(), "scan2mail: seen\nscan2mail: 100% seen\n");
}

static void
cups_has_its_words(void **state)
{
	(void)state;
	log_open(LOG_CUPS, NULL, LEVEL_DEBUG);
	capture_start();
	log_message(LEVEL_DEBUG, "a");
	log_message(LEVEL_INFO, "b");
	log_message(LEVEL_WARNING, "c");
	log_message(LEVEL_ERROR, "d");
	log_state("+connecting-to-device");
	log_state("-connecting-to-device");
	log_state("none");
	log_pages(4294967295);
	assert_string_equal(capture_end(),
	    "DEBUG: a\nINFO: b\nWARNING: c\nERROR: d\n"
	    "STATE: +connecting-to-device\n"
	    "STATE: -connecting-to-device\nSTATE: none\n"
	    "PAGE: total 4294967295\n");
}

static void
nobody_starts_a_line_of_his_own(void **state)
{
	(void)state;
	log_open(LOG_CUPS, NULL, LEVEL_INFO);
	capture_start();
	log_message(
	    LEVEL_INFO, "%s", "a\nATTR: x=y\rSTATE: +paused\x1b[2J\xe2\x80\xa8PPD:");
	log_message(LEVEL_INFO, "%s", "\nERROR: forged\n");
	log_message(LEVEL_INFO, "%s", "\xff\xe2\x80\xaegpj.exe");
	assert_string_equal(capture_end(),
	    "INFO: a ATTR: x=y STATE: +paused [2J PPD:\n"
	    "INFO: ERROR: forged\n"
	    "INFO: \xef\xbf\xbdgpj.exe\n");
}

static void
keywords_are_checked(void **state)
{
	static const char *const bad[] = { "", "+", "-", "++a", "a b", "a,b",
		"a\nPAGE: 1 1", "a\xc3\xbc", "+a+", "%s" };

	(void)state;
	log_open(LOG_CUPS, NULL, LEVEL_INFO);
	capture_start();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		log_state(bad[i]);
	log_state("com.example.over-limit-warning");
	assert_string_equal(capture_end(), "STATE: com.example.over-limit-warning\n");
}

/* The line has its limit with the line feed, and ends at a whole character. */
static void
long_lines_are_cut(void **state)
{
	static char text[10 * LOG_LINE_MAX];
	const char *line;
	size_t len;

	(void)state;
	log_open(LOG_CUPS, NULL, LEVEL_INFO);
	for (size_t lead = 0; lead < 4; lead++) {
		memset(text, 'x', lead);
		for (size_t i = lead; i + 4 < sizeof(text); i += 4)
			memcpy(text + i, "\xf0\x9f\x93\xa0", 5);
		capture_start();
		log_message(LEVEL_INFO, "%s", text);
		line = capture_end();
		len = strlen(line);
		assert_true(len <= LOG_LINE_MAX && len > LOG_LINE_MAX - 4);
		assert_true(utf8_valid(line, len));
		assert_memory_equal(line, "INFO: ", 6);
		assert_ptr_equal(strchr(line, '\n'), line + len - 1);
	}
	memset(text, 'x', sizeof(text) - 1);
	capture_start();
	log_message(LEVEL_ERROR, "%s", text);
	assert_int_equal(strlen(capture_end()), LOG_LINE_MAX);
}

static void
long_program_names_are_cut(void **state)
{
	char name[2 * LOG_LINE_MAX];

	(void)state;
	memset(name, 'p', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	log_open(LOG_PLAIN, name, LEVEL_INFO);
	capture_start();
	log_message(LEVEL_INFO, "the text stays");
	assert_non_null(strstr(capture_end(), "p: the text stays\n"));
	log_open(LOG_PLAIN, "postroom", LEVEL_INFO);
}

static volatile sig_atomic_t pipe_signals;

static void
count_signal(int number)
{
	(void)number;
	pipe_signals++;
}

/* cupsd is gone: nobody reads. No signal, no error, errno as it was. */
static void
a_lost_reader_does_no_harm(void **state)
{
	struct sigaction count = { .sa_handler = count_signal }, old;
	int ends[2], saved = dup(STDERR_FILENO), error;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	sigaction(SIGPIPE, &count, &old);
	pipe_signals = 0;
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	errno = ENOTTY;
	log_message(LEVEL_ERROR, "lost");
	error = errno;
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_int_equal(error, ENOTTY);
	assert_int_equal(pipe_signals, 0);
	/* A signal of the caller's own still comes. */
	raise(SIGPIPE);
	assert_int_equal(pipe_signals, 1);
	sigaction(SIGPIPE, &old, NULL);
}

/* A SIGPIPE that waits for the caller is not eaten by a failing line. */
static void
a_pending_signal_stays(void **state)
{
	int ends[2], saved = dup(STDERR_FILENO);
	struct sigaction count = { .sa_handler = count_signal }, old;
	sigset_t block, before;

	(void)state;
	sigaction(SIGPIPE, &count, &old);
	sigemptyset(&block);
	sigaddset(&block, SIGPIPE);
	sigprocmask(SIG_BLOCK, &block, &before);
	pipe_signals = 0;
	raise(SIGPIPE);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	log_message(LEVEL_ERROR, "lost");
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_int_equal(pipe_signals, 0);
	sigprocmask(SIG_SETMASK, &before, NULL);
	assert_int_equal(pipe_signals, 1);
	sigaction(SIGPIPE, &old, NULL);
}

static void
a_closed_descriptor_does_no_harm(void **state)
{
	int saved = dup(STDERR_FILENO);

	(void)state;
	close(STDERR_FILENO);
	log_message(LEVEL_ERROR, "lost");
	dup2(saved, STDERR_FILENO);
	close(saved);
	capture_start();
	log_message(LEVEL_ERROR, "seen");
	assert_string_equal(capture_end(), "postroom: seen\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_until_opened), /* first: nothing is opened yet */
		cmocka_unit_test(plain_names_the_program),
		cmocka_unit_test(cups_has_its_words),
		cmocka_unit_test(nobody_starts_a_line_of_his_own),
		cmocka_unit_test(keywords_are_checked),
		cmocka_unit_test(long_lines_are_cut),
		cmocka_unit_test(long_program_names_are_cut),
		cmocka_unit_test(a_lost_reader_does_no_harm),
		cmocka_unit_test(a_pending_signal_stays),
		cmocka_unit_test(a_closed_descriptor_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
