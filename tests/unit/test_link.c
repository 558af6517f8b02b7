/* Tests of scan2mail/link.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <signal.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "scan2mail/link.h"
#include "tests/unit/relay_rig.h"

enum { SECONDS = 60 }; /* more than any of these takes */

struct scene {
	struct peer peer;
	struct link link;
	int begun; /* pipe: the work is there */
	int told;
	unsigned runs;
	enum status status;
	struct error error;
	ipp_status_t said;
};

static int
set_up(void **state)
{
	static struct scene s;
	int ends[2];

	memset(&s, 0, sizeof(s));
	if (pipe(ends) != 0)
		return 1;
	s.begun = ends[0];
	s.told = ends[1];
	*state = &s;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *s = *state;

	if (s->peer.body)
		peer_stop(&s->peer);
	close(s->begun);
	close(s->told);
	return 0;
}

static void
meets(struct scene *s, enum peer_turn turn)
{
	s->peer.turns[0] = turn;
	assert_true(peer_start(&s->peer));
}

static void
tell(const struct scene *s)
{
	assert_int_equal(write(s->told, "", 1), 1);
}

static void
await_begin(const struct scene *s)
{
	char byte;

	assert_int_equal(read(s->begun, &byte, 1), 1);
}

/* -- works --------------------------------------------------------------------------- */

static void
count(void *context)
{
	struct scene *s = context;

	s->runs++;
}

static void
wait_for_news(void *context)
{
	struct scene *s = context;

	tell(s);
	pthread_mutex_lock(&s->link.lock);
	while (!atomic_load(&s->link.stop))
		pthread_cond_wait(&s->link.news, &s->link.lock);
	pthread_mutex_unlock(&s->link.lock);
	s->runs++;
}

static void
ask(void *context)
{
	struct scene *s = context;

	s->status = link_open(&s->link, &s->error);
	if (s->status != STATUS_OK)
		return;
	tell(s);
	ippDelete(
	    cupsDoRequest(s->link.http, ippNewRequest(IPP_OP_CUPS_GET_DEFAULT), "/"));
	s->said = cupsLastError();
}

/* -- tests --------------------------------------------------------------------------- */

static void
work_is_done(void **state)
{
	struct scene *s = *state;
	struct error e;

	assert_true(link_init(&s->link, SECONDS));
	for (unsigned runs = 1; runs <= 2; runs++) {
		assert_int_equal(link_start(&s->link, count, s, &e), STATUS_OK);
		link_await(&s->link);
		assert_int_equal(s->runs, runs);
	}
	assert_false(s->link.late || s->link.stop);
	link_clear(&s->link);
}

static void
clear_breaks_off(void **state)
{
	struct scene *s = *state;
	struct error e;

	assert_true(link_init(&s->link, SECONDS));
	assert_int_equal(link_start(&s->link, wait_for_news, s, &e), STATUS_OK);
	await_begin(s);
	link_clear(&s->link);
	assert_int_equal(s->runs, 1);

	meets(s, PEER_IS_SILENT);
	assert_true(link_init(&s->link, SECONDS));
	assert_int_equal(link_start(&s->link, ask, s, &e), STATUS_OK);
	await_begin(s);
	link_clear(&s->link);
	assert_int_equal(s->status, STATUS_OK);
	assert_true(s->said > IPP_STATUS_OK_EVENTS_COMPLETE);
}

static void
patience_ends(void **state)
{
	struct scene *s = *state;
	int64_t start = clock_ms(), took;
	struct error e;

	meets(s, PEER_DRIPS); /* which no time limit of libcups's ends */
	assert_true(link_init(&s->link, 1));
	assert_int_equal(link_start(&s->link, ask, s, &e), STATUS_OK);
	link_await(&s->link);
	took = clock_ms() - start;
	assert_true(s->link.late);
	assert_true(took >= 1000 && took < SECONDS * 1000);
	link_clear(&s->link);
}

static void
nobody_there_is_said(void **state)
{
	struct scene *s = *state;
	struct error e;

	assert_true(peer_start(&s->peer)); /* without a turn it listens no more */
	pthread_join(s->peer.thread, NULL);
	assert_int_equal(pthread_create(&s->peer.thread, NULL, peer_runs, &s->peer), 0);
	assert_true(link_init(&s->link, SECONDS));
	assert_int_equal(link_start(&s->link, ask, s, &e), STATUS_OK);
	link_await(&s->link);
	assert_int_equal(s->status, STATUS_RETRY);
	assert_non_null(strstr(s->error.text, "CUPS does not answer at 127.0.0.1"));
	link_clear(&s->link);
}

static void
uris_are_encoded(void **state)
{
	char uri[LINK_URI_MAX], name[LINK_URI_MAX + 1];

	(void)state;
	assert_true(link_queue_uri(uri, "mail"));
	assert_string_equal(uri, "ipp://localhost/printers/mail");
	assert_true(link_queue_uri(uri, "a b"));
	assert_string_equal(uri, "ipp://localhost/printers/a%20b");
	memset(name, 'a', LINK_URI_MAX);
	name[LINK_URI_MAX] = '\0';
	assert_false(link_queue_uri(uri, name));
}

/* The signals that a thread of this process blocks, as the kernel shows them. */
static unsigned long long
blocked(const char *task)
{
	unsigned long long mask = 0;
	char path[300], line[200];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%s/status", task);
	file = fopen(path, "r");
	if (!file)
		return 0; /* just gone */
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, "SigBlk:", 7) == 0)
			mask = strtoull(line + 7, NULL, 16);
	fclose(file);
	return mask;
}

static unsigned
count_blocking(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGCHLD };
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	unsigned count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		unsigned long long mask =
		    *entry->d_name == '.' ? 0 : blocked(entry->d_name);
		unsigned bits = 0;

		for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
			bits += (unsigned)(mask >> (signals[i] - 1) & 1);
		count += bits == sizeof(signals) / sizeof(signals[0]);
	}
	closedir(dir);
	return count;
}

static void
thread_takes_no_signals(void **state)
{
	struct scene *s = *state;
	unsigned before = count_blocking();
	sigset_t mine;
	struct error e;

	assert_true(link_init(&s->link, SECONDS));
	assert_int_equal(link_start(&s->link, wait_for_news, s, &e), STATUS_OK);
	await_begin(s); /* a thread begins with all blocked */
	assert_int_equal(count_blocking(), before + 1);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &mine), 0);
	assert_false(sigismember(&mine, SIGINT));
	link_clear(&s->link);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(work_is_done),
		T(clear_breaks_off),
		T(patience_ends),
		T(nobody_there_is_said),
		T(uris_are_encoded),
		T(thread_takes_no_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
