/* Tests of scan2mail/kept.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <cups/cups.h>

#include "scan2mail/kept.h"
#include "tests/unit/jobs_rig.h"
#include "tests/unit/relay_rig.h"
#include "tests/unit/shelf_rig.h"

enum {
	SAID_MAX = 8000,
};

static const char PDF[] = "%PDF-1.4 and so on\n%%EOF\n";
static const char TICKET[] = "queue: mail\nto: \nsubject: s\nfilename: \nid: \n";
#define ID "0123abcd"
static const char DOUBTFUL[] =
    "queue: mail\nto: \nsubject: s\nfilename: \nid: " ID "\ndoubt: yes\n";

struct scene {
	struct rack rack;
	struct peer peer;
	struct jobs jobs;
	struct kept_report report;
	char said[SAID_MAX];
	bool seen;  /* by look() */
	bool grows; /* the PDF, then */
};

static void
say(void *context, enum log_level level, const char *sentence)
{
	struct scene *s = context;
	size_t len = strlen(s->said);

	snprintf(s->said + len, sizeof(s->said) - len, "%d %s\n", (int)level, sentence);
}

static int
set_up(void **state)
{
	static struct scene s;

	memset(&s, 0, sizeof(s));
	s.report = (struct kept_report){ .say = say, .context = &s };
	*state = &s;
	return !rack_make(&s.rack);
}

static int
tear_down(void **state)
{
	struct scene *s = *state;

	if (s->peer.body)
		peer_stop(&s->peer);
	return !rack_remove(&s->rack);
}

static void
meets(struct scene *s, enum peer_turn first, enum peer_turn second)
{
	s->peer.turns[0] = first;
	s->peer.turns[1] = second;
	assert_true(peer_start(&s->peer));
	cupsSetServer(NULL);
}

/* A kept scan; the second from the past makes it the older one. */
static void
put(struct scene *s, const char *stem, const char *ticket, time_t when)
{
	struct timespec times[2] = { { .tv_sec = when }, { .tv_sec = when } };
	char name[100], path[300];

	snprintf(name, sizeof(name), "%s.pdf", stem);
	assert_true(rack_put(&s->rack, name, PDF));
	snprintf(path, sizeof(path), "%s/%s", s->rack.scans, name);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	snprintf(name, sizeof(name), "%s.job", stem);
	if (ticket)
		assert_true(rack_put(&s->rack, name, ticket));
}

static void
assert_counts(const struct scene *s, unsigned sent, unsigned stay, unsigned elsewhere)
{
	if (s->report.sent != sent || s->report.stay != stay ||
	    s->report.elsewhere != elsewhere)
		fail_msg("%u sent, %u stay, %u elsewhere: %s", s->report.sent,
		    s->report.stay, s->report.elsewhere, s->said);
}

static void
nothing_is_kept_at_first(void **state)
{
	struct scene *s = *state;
	struct error e;

	s->report.stay = 7;
	assert_int_equal(kept_resend(&s->report, &e), STATUS_OK);
	assert_counts(s, 0, 0, 0);
	assert_string_equal(s->said, "");
}

static void
what_is_taken_is_gone(void **state)
{
	struct scene *s = *state;
	struct error e;

	put(s, "new", TICKET, 2000);
	put(s, "old", TICKET, 1000);
	meets(s, PEER_TAKES, PEER_TAKES);
	assert_int_equal(kept_resend(&s->report, &e), STATUS_OK);
	assert_counts(s, 2, 0, 0);
	assert_string_equal(s->said,
	    "1 old.pdf: queue mail, job 77\n"
	    "1 new.pdf: queue mail, job 77\n");
	assert_string_equal(rack_get(&s->rack, "old.pdf"), "");
	assert_string_equal(rack_get(&s->rack, "old.job"), "");
	assert_string_equal(rack_get(&s->rack, "new.pdf"), "");
	assert_non_null(peer_find(&s->peer, PDF, strlen(PDF)));
}

static void
what_is_refused_stays(void **state)
{
	struct scene *s = *state;
	struct error e;

	put(s, "a", TICKET, 1000);
	put(s, "b", TICKET, 2000);
	meets(s, PEER_REFUSES, PEER_TAKES);
	assert_int_equal(kept_resend(&s->report, &e), STATUS_OK);
	assert_counts(s, 1, 1, 0);
	assert_string_equal(rack_get(&s->rack, "a.pdf"), PDF);
	assert_string_equal(rack_get(&s->rack, "a.job"), TICKET);
	assert_non_null(strstr(s->said, "/a.pdf stays: "));
}

static void
doubt_is_noted(void **state)
{
	struct scene *s = *state;
	char doubtful[200];
	struct error e;

	snprintf(doubtful, sizeof(doubtful), "%sdoubt: yes\n", TICKET);
	put(s, "a", TICKET, 1000);
	put(s, "b", doubtful, 2000);
	meets(s, PEER_BREAKS_LAST, PEER_TAKES);
	assert_int_equal(kept_resend(&s->report, &e), STATUS_OK);
	assert_counts(s, 1, 1, 0);
	assert_string_equal(rack_get(&s->rack, "a.job"), doubtful);
	assert_non_null(strstr(s->said, "2 b.pdf may have become a job before"));
	assert_null(strstr(s->said, "a.pdf may have become"));
}

/* What CUPS answers to Get-Jobs: one job, of so many kilobytes. */
static void
knows_job(struct scene *s, int kilobytes)
{
	ipp_t *answer = jobs_begin();

	jobs_add(answer, PEER_JOB, kilobytes, "ipp://localhost/printers/mail", ID);
	assert_true(jobs_end(&s->jobs, answer));
	s->peer.words = s->jobs.bytes;
	s->peer.words_len = s->jobs.len;
}

/* cupsd may make a job of a request that was cut off: that is none. */
static void
only_whole_jobs_count(void **state)
{
	struct scene *s = *state;
	struct error e;

	for (int part = 0; part < 2; part++) {
		put(s, "a", DOUBTFUL, 1000);
		if (part)
			peer_stop(&s->peer);
		s->peer.met = 0;
		*s->said = '\0';
		knows_job(s, part ? 2 : 1);
		meets(s, PEER_SAYS, part ? PEER_TAKES : 0);
		assert_int_equal(kept_resend(&s->report, &e), STATUS_OK);
		assert_counts(s, 1, 0, 0);
		assert_int_equal(s->peer.met, 1 + part);
		assert_non_null(strstr(s->said,
		    part ? "job 77 of the queue mail has a part of a.pdf only"
			 : "a.pdf is job 77 of the queue mail already"));
	}
}

/* Where CUPS does not say, nothing is sent. */
static void
silence_about_jobs_keeps_them(void **state)
{
	struct scene *s = *state;
	struct error e;

	put(s, "a", DOUBTFUL, 1000);
	meets(s, PEER_BREAKS_LAST, PEER_TAKES);
	assert_int_equal(kept_resend(&s->report, &e), STATUS_OK);
	assert_counts(s, 0, 1, 0);
	assert_int_equal(s->peer.met, 1);
	assert_string_equal(rack_get(&s->rack, "a.job"), DOUBTFUL);
}

/* Of a run that was killed while it sent it. */
static void
killed_runs_leave_doubt(void **state)
{
	static const char *const endings[] = { ".sending", ".again" };
	struct scene *s = *state;
	char from[300], to[320];
	struct error e;

	for (size_t i = 0; i < 2; i++) {
		put(s, "a", TICKET, 1000);
		snprintf(from, sizeof(from), "%s/a.pdf", s->rack.scans);
		snprintf(to, sizeof(to), "%s/a%s", s->rack.scans, endings[i]);
		assert_int_equal(rename(from, to), 0);
		*s->said = '\0';
		if (i > 0)
			peer_stop(&s->peer);
		meets(s, i ? PEER_TAKES : PEER_REFUSES, 0);
		assert_int_equal(kept_resend(&s->report, &e), STATUS_OK);
		assert_counts(s, i == 1, i == 0, 0);
		assert_non_null(strstr(s->said, "2 a.pdf may have become a job before"));
		assert_int_equal(access(to, F_OK), -1);
		assert_int_equal(access(from, F_OK), i ? -1 : 0);
		if (i == 0)
			assert_non_null(
			    strstr(rack_get(&s->rack, "a.job"), "doubt: yes\n"));
	}
	assert_string_equal(rack_get(&s->rack, "a.job"), "");
}

/* In the peer, when it has all and has not answered. */
static void
look(void *context)
{
	struct scene *s = context;
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/a.sending", s->rack.scans);
	s->seen = access(path, F_OK) == 0;
	if (!s->grows)
		return;
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	s->seen = s->seen && write(fd, "more", 4) == 4;
	close(fd);
}

static void
names_tell_what_is_sent(void **state)
{
	struct scene *s = *state;
	struct error e;

	s->peer.look = look;
	s->peer.context = s;
	put(s, "a", TICKET, 1000);
	meets(s, PEER_TAKES, 0);
	assert_int_equal(kept_resend(&s->report, &e), STATUS_OK);
	assert_true(s->seen);
	assert_counts(s, 1, 0, 0);
}

static void
what_has_changed_stays(void **state)
{
	struct scene *s = *state;
	struct error e;

	s->peer.look = look;
	s->peer.context = s;
	s->grows = true;
	put(s, "a", TICKET, 1000);
	meets(s, PEER_TAKES, 0);
	assert_int_equal(kept_resend(&s->report, &e), STATUS_OK);
	assert_true(s->seen);
	assert_counts(s, 0, 1, 0);
	assert_non_null(strstr(s->said, "was changed meanwhile"));
	assert_non_null(strstr(rack_get(&s->rack, "a.pdf"), "more"));
}

/* A PDF that is being copied there, and our own of the same age. */
static void
copies_are_waited_for(void **state)
{
	struct scene *s = *state;
	struct error e;

	put(s, "fresh", NULL, time(NULL));
	put(s, "half", NULL, 1000);
	assert_true(rack_put(&s->rack, "half.pdf", "%PDF-1.4 and so"));
	put(s, "torn", TICKET, 1000);
	assert_true(rack_put(&s->rack, "torn.pdf", "%PDF-1.4 %%EOF and so"));
	put(s, "own", TICKET, time(NULL));
	meets(s, PEER_TAKES, 0);
	assert_int_equal(kept_resend(&s->report, &e), STATUS_OK);
	assert_counts(s, 1, 3, 0);
	assert_non_null(strstr(s->said, "/fresh.pdf was written to a moment ago"));
	assert_non_null(strstr(s->said, "/half.pdf does not end as a PDF does"));
	assert_non_null(strstr(s->said, "/torn.pdf does not end as a PDF does"));
	assert_string_equal(rack_get(&s->rack, "own.pdf"), "");
}

static void
silence_ends_the_round(void **state)
{
	struct scene *s = *state;
	struct error e;

	put(s, "a", TICKET, 1000);
	put(s, "b", TICKET, 2000);
	put(s, "c", TICKET, 3000);
	meets(s, 0, 0);
	pthread_join(s->peer.thread, NULL);
	assert_int_equal(pthread_create(&s->peer.thread, NULL, peer_runs, &s->peer), 0);
	assert_int_equal(kept_resend(&s->report, &e), STATUS_OK);
	assert_counts(s, 0, 3, 0);
	assert_non_null(strstr(s->said, "/a.pdf stays: CUPS does not answer"));
	assert_null(strstr(s->said, "b.pdf"));
	assert_non_null(strstr(s->said, "2 more stay in "));
}

static void
locked_ones_are_left_to_their_owner(void **state)
{
	struct scene *s = *state;
	char path[300];
	struct error e;
	int fd;

	put(s, "a", TICKET, 1000);
	put(s, "b", TICKET, 2000);
	snprintf(path, sizeof(path), "%s/a.pdf", s->rack.scans);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	meets(s, PEER_TAKES, 0);
	assert_int_equal(kept_resend(&s->report, &e), STATUS_OK);
	close(fd);
	assert_counts(s, 1, 0, 1);
	assert_string_equal(rack_get(&s->rack, "a.pdf"), PDF);
	assert_string_equal(rack_get(&s->rack, "b.pdf"), "");
}

static void
strangers_are_left_alone(void **state)
{
	static const char *const tickets[] = { "", "nonsense\n", "queue: mail\n" };
	struct scene *s = *state;
	char path[300], name[10];
	struct error e;

	for (size_t i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%zu", i);
		put(s, name, tickets[i], 1000);
	}
	assert_true(rack_put(&s->rack, "text.pdf", "%PDX-1"));
	assert_true(rack_put(&s->rack, "notes.txt", PDF));
	assert_true(rack_put(&s->rack, ".hidden.pdf", PDF));
	snprintf(path, sizeof(path), "%s/link.pdf", s->rack.scans);
	assert_int_equal(symlink("notes.txt", path), 0);
	snprintf(path, sizeof(path), "%s/fifo.pdf", s->rack.scans);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(kept_resend(&s->report, &e), STATUS_OK);
	assert_counts(s, 0, 6, 0);
	assert_non_null(strstr(s->said, "/text.pdf is no PDF: left alone"));
	assert_non_null(strstr(s->said, "/notes.txt is no PDF: left alone"));
	assert_non_null(strstr(s->said, "/link.pdf is a symbolic link: left alone"));
	assert_non_null(strstr(s->said, "/fifo.pdf is no file: left alone"));
	assert_non_null(
	    strstr(s->said, "/1.pdf stays: what its job is to say is damaged"));
	assert_null(strstr(s->said, "hidden"));
	assert_string_equal(rack_get(&s->rack, ".hidden.pdf"), PDF);
	unlink(path); /* rack_get() would wait for it */
}

static void
leavings_are_swept_up(void **state)
{
	struct scene *s = *state;
	char path[300];
	struct error e;
	int fd;

	assert_true(rack_put(&s->rack, "a.job", TICKET));
	assert_true(rack_put(&s->rack, ".b.job", "subj"));
	assert_true(rack_put(&s->rack, "c.part", PDF));
	assert_true(rack_put(&s->rack, "d.part", PDF));
	snprintf(path, sizeof(path), "%s/d.part", s->rack.scans);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(kept_resend(&s->report, &e), STATUS_OK);
	close(fd);
	assert_counts(s, 0, 0, 0);
	assert_string_equal(rack_get(&s->rack, "a.job"), "");
	assert_string_equal(rack_get(&s->rack, ".b.job"), "");
	assert_string_equal(rack_get(&s->rack, "c.part"), "");
	assert_string_equal(rack_get(&s->rack, "d.part"), PDF);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(nothing_is_kept_at_first),
		T(what_is_taken_is_gone),
		T(what_is_refused_stays),
		T(doubt_is_noted),
		T(only_whole_jobs_count),
		T(silence_about_jobs_keeps_them),
		T(killed_runs_leave_doubt),
		T(names_tell_what_is_sent),
		T(what_has_changed_stays),
		T(copies_are_waited_for),
		T(silence_ends_the_round),
		T(locked_ones_are_left_to_their_owner),
		T(strangers_are_left_alone),
		T(leavings_are_swept_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
