/* Tests of scan2mail/relay.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <cups/cups.h>

#include "lib/base/clock.h"
#include "scan2mail/interrupt.h"
#include "scan2mail/relay.h"
#include "tests/unit/relay_rig.h"

enum {
	LEN = 300 * 1000, /* bytes of the document: several blocks, the last one short */
};

struct scene {
	struct peer peer;
	int fd;
	struct relay_job job;
	unsigned char bytes[LEN];
};

static int
set_up(void **state)
{
	static struct scene s;

	memset(&s, 0, sizeof(s));
	s.job = (struct relay_job){ "mail", "bob@example.com", "Minutes", "", "" };
	for (size_t i = 0; i < LEN; i++)
		s.bytes[i] = (unsigned char)(i * 2654435761U >> 13);
	s.fd = memfd_create("pdf", MFD_CLOEXEC);
	*state = &s;
	return s.fd < 0;
}

static int
tear_down(void **state)
{
	struct scene *s = *state;

	peer_stop(&s->peer);
	return close(s->fd);
}

static void
meets(struct scene *s, enum peer_turn first, enum peer_turn second)
{
	s->peer.turns[0] = first;
	s->peer.turns[1] = second;
	assert_true(peer_start(&s->peer));
	cupsSetServer(NULL); /* this thread may know an older one */
}

/* Appends to the file and tells the relay. */
static void
grow(struct scene *s, struct relay *r, size_t from, size_t to)
{
	assert_int_equal(
	    pwrite(s->fd, s->bytes + from, to - from, (off_t)from), to - from);
	relay_grown(r, (off_t)to);
}

/* The whole file through one relay. */
static enum status
send_all(struct scene *s, struct relay_answer *answer, struct error *e)
{
	struct relay *r = NULL;
	enum status status;

	assert_int_equal(relay_start(&r, s->fd, &s->job, e), STATUS_OK);
	grow(s, r, 0, LEN);
	status = relay_finish(r, answer, e);
	relay_free(r);
	return status;
}

static void
assert_document(const struct scene *s)
{
	assert_true(s->peer.len > LEN);
	assert_memory_equal(s->peer.body + s->peer.len - LEN, s->bytes, LEN);
}

static void
bytes_follow_as_the_file_grows(void **state)
{
	struct scene *s = *state;
	struct relay_answer answer;
	struct relay *r = NULL;
	struct error e;

	meets(s, PEER_TAKES, 0);
	assert_int_equal(relay_start(&r, s->fd, &s->job, &e), STATUS_OK);
	grow(s, r, 0, 1);
	grow(s, r, 1, 100 * 1000);
	grow(s, r, 100 * 1000, LEN);
	assert_int_equal(relay_finish(r, &answer, &e), STATUS_OK);
	relay_free(r);
	assert_int_equal(answer.job, PEER_JOB);
	assert_string_equal(answer.queue, "mail");
	assert_false(answer.doubt || answer.silent);
	assert_document(s);
}

/* An attribute with its tag, as RFC 8010 writes it. */
static const void *
find_attribute(const struct peer *p, char tag, const char *name, const char *value)
{
	char bytes[200];
	int n = snprintf(bytes, sizeof(bytes), "%c%c%c%s%c%c%s", tag, 1,
	    (int)strlen(name), name, 1, (int)strlen(value), value);

	bytes[1] = bytes[3 + strlen(name)] = '\0';
	return peer_find(p, bytes, (size_t)n);
}

static void
job_carries_its_texts(void **state)
{
	struct scene *s = *state;
	struct relay_answer answer;
	struct error e;

	s->job.subject = "A \"b\", c=d \\";
	s->job.filename = "No 1.pdf";
	s->job.id = "0123abcd";
	meets(s, PEER_TAKES, 0);
	assert_int_equal(send_all(s, &answer, &e), STATUS_OK);
	assert_non_null(find_attribute(&s->peer, 0x41, "mail-to", "bob@example.com"));
	assert_non_null(find_attribute(&s->peer, 0x41, "mail-subject", s->job.subject));
	assert_non_null(find_attribute(&s->peer, 0x41, "mail-filename", "No 1.pdf"));
	assert_non_null(find_attribute(&s->peer, 0x41, "mail-scanned", "yes"));
	assert_non_null(find_attribute(&s->peer, 0x41, "mail-scan-id", "0123abcd"));
	assert_non_null(find_attribute(&s->peer, 0x42, "job-name", s->job.subject));
	assert_non_null(find_attribute(
	    &s->peer, 0x45, "printer-uri", "ipp://localhost/printers/mail"));
}

static void
what_is_empty_is_not_said(void **state)
{
	struct scene *s = *state;
	struct relay_answer answer;
	struct error e;

	s->job.to = "";
	meets(s, PEER_TAKES, 0);
	assert_int_equal(send_all(s, &answer, &e), STATUS_OK);
	assert_null(peer_find(&s->peer, "mail-to", 7));
	assert_null(peer_find(&s->peer, "mail-filename", 13));
	assert_null(peer_find(&s->peer, "mail-scan-id", 12));
}

static void
refusals_are_final(void **state)
{
	static const enum peer_turn turns[] = { PEER_REFUSES, PEER_FORBIDS };
	struct scene *s = *state;

	for (size_t i = 0; i < 2; i++) {
		struct relay_answer answer;
		struct error e;

		if (i > 0)
			peer_stop(&s->peer);
		s->peer.met = 0;
		meets(s, turns[i], PEER_TAKES);
		assert_int_equal(send_all(s, &answer, &e), STATUS_RETRY);
		assert_non_null(strstr(e.text, "queue mail"));
		assert_int_equal(answer.job, 0);
		assert_false(answer.doubt);
		assert_false(answer.silent);
		assert_int_equal(s->peer.met, 1);
	}
}

static void
what_broke_off_is_sent_again(void **state)
{
	static const size_t limits[] = { 0, 1, 1000, 100 * 1000 };
	struct scene *s = *state;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct relay_answer answer;
		struct relay *r = NULL;
		struct error e;

		if (i > 0)
			peer_stop(&s->peer);
		s->peer.limit = limits[i];
		s->peer.met = 0;
		meets(s, limits[i] ? PEER_BREAKS : PEER_CLOSES, PEER_TAKES);
		assert_int_equal(relay_start(&r, s->fd, &s->job, &e), STATUS_OK);
		grow(s, r, 0, LEN / 2);
		assert_true(peer_reaches(&s->peer));
		grow(s, r, LEN / 2, LEN);
		assert_int_equal(relay_finish(r, &answer, &e), STATUS_OK);
		relay_free(r);
		assert_int_equal(s->peer.met, 2);
		assert_int_equal(answer.job, PEER_JOB);
		assert_document(s);
	}
}

static void
second_break_is_the_end(void **state)
{
	struct scene *s = *state;
	struct relay_answer answer;
	struct relay *r = NULL;
	struct error e;

	s->peer.limit = 1000;
	s->peer.turns[2] = PEER_TAKES;
	meets(s, PEER_BREAKS, PEER_BREAKS);
	assert_int_equal(relay_start(&r, s->fd, &s->job, &e), STATUS_OK);
	grow(s, r, 0, LEN / 2);
	assert_true(peer_reaches(&s->peer));
	grow(s, r, LEN / 2, LEN);
	assert_int_equal(relay_finish(r, &answer, &e), STATUS_RETRY);
	relay_free(r);
	assert_int_equal(answer.job, 0);
	assert_int_equal(s->peer.met, 2);
	assert_non_null(strstr(e.text, "queue mail"));
}

static void
what_may_be_a_job_is_not_sent_again(void **state)
{
	struct scene *s = *state;
	struct relay_answer answer;
	struct error e;

	meets(s, PEER_BREAKS_LAST, PEER_TAKES);
	assert_int_equal(send_all(s, &answer, &e), STATUS_RETRY);
	assert_true(answer.doubt);
	assert_int_equal(s->peer.met, 1);
}

static void
nobody_there_is_said(void **state)
{
	struct scene *s = *state;
	struct relay_answer answer = { 0 };
	struct error e;

	meets(s, 0, 0);
	pthread_join(s->peer.thread, NULL);
	assert_int_equal(pthread_create(&s->peer.thread, NULL, peer_runs, &s->peer), 0);
	assert_int_equal(send_all(s, &answer, &e), STATUS_RETRY);
	assert_true(answer.silent);
	assert_false(answer.doubt);
	assert_non_null(strstr(e.text, "CUPS does not answer at 127.0.0.1"));
}

/* Neither waiting for bytes nor for an answer holds it up, and no job is made. */
static void
free_breaks_off(void **state)
{
	struct scene *s = *state;
	struct relay *r = NULL;
	struct error e;

	meets(s, PEER_TAKES, PEER_IS_SILENT);
	assert_int_equal(relay_start(&r, s->fd, &s->job, &e), STATUS_OK);
	grow(s, r, 0, LEN / 2);
	relay_free(r);
	r = NULL;
	assert_int_equal(relay_start(&r, s->fd, &s->job, &e), STATUS_OK);
	grow(s, r, 0, LEN);
	relay_free(r);
	relay_free(NULL);
}

/* In a process of its own, as a signal is never forgotten. 0: as it should be. */
static int
interrupted(struct scene *s)
{
	struct relay_answer answer;
	struct relay *r = NULL;
	struct error e;

	if (interrupt_catch(&e) != STATUS_OK ||
	    relay_start(&r, s->fd, &s->job, &e) != STATUS_OK)
		return 1;
	relay_grown(r, LEN);
	if (fork() == 0) { /* another one, that sends the signal when all is there */
		if (peer_reaches(&s->peer))
			kill(getppid(), SIGINT);
		_exit(0);
	}
	if (relay_finish(r, &answer, &e) != STATUS_CANCELLED)
		return 2;
	if (!answer.doubt || !strstr(e.text, "INT while CUPS took the job"))
		return 3;
	relay_free(r);
	return 0;
}

static void
signals_end_the_wait(void **state)
{
	struct scene *s = *state;
	struct timespec from, to;
	int status;
	pid_t pid;

	meets(s, PEER_IS_SILENT, 0);
	assert_int_equal(pwrite(s->fd, s->bytes, LEN, 0), LEN);
	clock_gettime(CLOCK_MONOTONIC, &from);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(interrupted(s));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(to.tv_sec - from.tv_sec <= INTERRUPT_BOUND + 1);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(bytes_follow_as_the_file_grows),
		T(job_carries_its_texts),
		T(what_is_empty_is_not_said),
		T(refusals_are_final),
		T(what_broke_off_is_sent_again),
		T(second_break_is_the_end),
		T(what_may_be_a_job_is_not_sent_again),
		T(nobody_there_is_said),
		T(free_breaks_off),
		T(signals_end_the_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
