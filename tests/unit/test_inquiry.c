/* Tests of scan2mail/inquiry.c: a CUPS that does not answer, and one that answers oddly.
 * What the real one says is in tests/integration/resend.t. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/wait.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "scan2mail/inquiry.h"
#include "tests/unit/jobs_rig.h"
#include "tests/unit/relay_rig.h"

enum {
	SEARCH_MS = 12 * 1000, /* inquiry.c gives a search 10 seconds */
};

struct scene {
	struct peer peer;
	struct jobs jobs;
};

static int
set_up(void **state)
{
	static struct scene s;

	memset(&s, 0, sizeof(s));
	*state = &s;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *s = *state;

	peer_stop(&s->peer);
	return 0;
}

static void
meets(struct scene *s, enum peer_turn turn)
{
	for (size_t i = 0; i < PEER_TURNS; i++)
		s->peer.turns[i] = turn;
	assert_true(peer_start(&s->peer));
}

/* Nobody listens. */
static void
meets_nobody(struct scene *s)
{
	assert_true(peer_start(&s->peer));
	pthread_join(s->peer.thread, NULL);
	assert_int_equal(pthread_create(&s->peer.thread, NULL, peer_runs, &s->peer), 0);
}

/* In a process of its own. 0: the search has ended in its time. */
static int
searched(struct scene *s, enum peer_turn turn, const char *asked)
{
	char queue[LINK_QUEUE_MAX] = "untouched";
	int64_t start = clock_ms();
	struct error e;

	for (size_t i = 0; i < PEER_TURNS; i++)
		s->peer.turns[i] = turn;
	if (!peer_start(&s->peer))
		return 1;
	if (inquiry_queue(queue, asked, &e) != STATUS_RETRY)
		return 2;
	if (!strstr(e.text, "CUPS does not answer") || strcmp(queue, "untouched") != 0)
		return 3;
	return clock_ms() - start < SEARCH_MS ? 0 : 4;
}

static void
searches_have_an_end(void **state)
{
	static const struct {
		enum peer_turn turn;
		const char *asked;
	} cases[] = { { PEER_IS_MUTE, "mail" }, { PEER_IS_MUTE, "" },
		{ PEER_DRIPS, "mail" }, { PEER_DRIPS, "" } };
	enum { CASES = sizeof(cases) / sizeof(cases[0]) };
	struct scene *s = *state;
	pid_t pids[CASES];
	int status;

	unsetenv("LPDEST");
	unsetenv("PRINTER");
	setenv("HOME", "/nonexistent", 1);
	setenv("CUPS_SERVERROOT", "/nonexistent", 1);
	for (size_t i = 0; i < CASES; i++)
		if ((pids[i] = fork()) == 0)
			_exit(searched(s, cases[i].turn, cases[i].asked));
	for (size_t i = 0; i < CASES; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		if (status != 0)
			fail_msg("case %zu: %d", i, WEXITSTATUS(status));
	}
	meets(s, 0); /* for tear_down() */
}

static void
nobody_there_is_said(void **state)
{
	struct scene *s = *state;
	struct inquiry_job job = { .number = 1 };
	char queue[LINK_QUEUE_MAX] = "untouched";
	struct error e;

	meets_nobody(s);
	assert_int_equal(inquiry_queue(queue, "mail", &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, "CUPS does not answer at 127.0.0.1"));
	assert_string_equal(queue, "untouched");
	assert_int_equal(inquiry_job(&job, "abc", &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, "CUPS does not answer at 127.0.0.1"));
	assert_int_equal(job.number, 1);
}

/* What CUPS answers to Get-Jobs. */
static void
says(struct scene *s, ipp_t *ipp)
{
	assert_true(jobs_end(&s->jobs, ipp));
	s->peer.words = s->jobs.bytes;
	s->peer.words_len = s->jobs.len;
	meets(s, PEER_SAYS);
}

static void
job_is_known_by_its_id(void **state)
{
	struct scene *s = *state;
	struct inquiry_job job;
	ipp_t *ipp = jobs_begin();
	struct error e;

	jobs_add(ipp, 7, 5, "ipp://localhost/printers/other", "abcd");
	jobs_add(ipp, 8, 5, "ipp://localhost/printers/mail", NULL);
	jobs_add(ipp, 9, 5, "ipp://localhost/printers/mail", "abc");
	jobs_add(ipp, 11, 3, "ipp://localhost/printers/mail", "abc"); /* cut off */
	jobs_add(ipp, 0, 7, "ipp://localhost/printers/mail", "abc");
	jobs_add(ipp, 10, 5, NULL, "ab");
	says(s, ipp);
	assert_int_equal(inquiry_job(&job, "abc", &e), STATUS_OK);
	assert_int_equal(job.number, 9);
	assert_string_equal(job.queue, "mail");
	assert_int_equal(job.kilobytes, 5);
	assert_non_null(peer_find(&s->peer, "which-jobs\0\3all", 15));
	assert_int_equal(inquiry_job(&job, "ab", &e), STATUS_OK);
	assert_int_equal(job.number, 10);
	assert_string_equal(job.queue, "");
	assert_int_equal(inquiry_job(&job, "abcde", &e), STATUS_OK);
	assert_int_equal(job.number, 0);
}

static void
odd_answers_tell_of_no_job(void **state)
{
	struct scene *s = *state;
	struct inquiry_job job = { .number = 1 };
	ipp_t *ipp = jobs_begin();
	struct error e;

	jobs_add(ipp, 0, 0, "mail", "abc");
	ippAddSeparator(ipp);
	ippAddSeparator(ipp);
	ippAddInteger(ipp, IPP_TAG_JOB, IPP_TAG_INTEGER, "mail-scan-id", 3);
	ippAddString(ipp, IPP_TAG_JOB, IPP_TAG_TEXT, "job-id", NULL, "abc");
	ippAddOutOfBand(ipp, IPP_TAG_JOB, IPP_TAG_NOVALUE, "job-printer-uri");
	says(s, ipp);
	assert_int_equal(inquiry_job(&job, "abc", &e), STATUS_OK);
	assert_int_equal(job.number, 0);
}

/* A server that tells nobody of its jobs keeps no scan from being sent. */
static void
refusals_tell_of_no_job(void **state)
{
	struct scene *s = *state;
	struct inquiry_job job = { .number = 1 };
	struct error e;

	meets(s, PEER_FORBIDS);
	assert_int_equal(inquiry_job(&job, "abc", &e), STATUS_OK);
	assert_int_equal(job.number, 0);
}

static void
what_broke_off_is_no_answer(void **state)
{
	struct scene *s = *state;
	struct inquiry_job job = { .number = 1 };
	struct error e;

	meets(s, PEER_BREAKS_LAST);
	assert_int_equal(inquiry_job(&job, "abc", &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, "CUPS does not answer"));
	assert_int_equal(job.number, 1);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(searches_have_an_end),
		T(nobody_there_is_said),
		T(job_is_known_by_its_id),
		T(odd_answers_tell_of_no_job),
		T(refusals_tell_of_no_job),
		T(what_broke_off_is_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
