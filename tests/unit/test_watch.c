/* Tests of scan2mail/watch.c, with a driver of the tests. What it does with scanners in
 * other ways: tests/integration/buttons.t. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <limits.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "scan2mail/service.h"
#include "scan2mail/watch.h"
#include "tests/unit/watch_rig.h"

static struct config *
make_config(const char *value)
{
	struct config *c = NULL;
	char text[256];
	struct error e;
	int len = snprintf(text, sizeof(text),
	    "[scan default]\nto = bob@example.com\nqueue = mail\n"
	    "[button tests:0 scan]\nvalue = %s\n",
	    value);

	if (config_parse(&c, text, (size_t)len, "test.conf", &e) != STATUS_OK)
		fail_msg("%s", e.text);
	c->button_poll = 1;
	return c;
}

static struct watch *
make_watch(const struct config *c)
{
	struct watch *w = watch_new(c, "tests:0");

	assert_non_null(w);
	return w;
}

/* One round at a moment, after what there is to wait for. */
static const struct button *
work_at(struct watch *w, int64_t now)
{
	struct pollfd fd = { .fd = watch_fd(w), .events = POLLIN };

	poll(&fd, 1, watch_due(w) > now ? 1 : 0);
	return watch_work(w, now);
}

/* The same, now. */
static const struct button *
work(struct watch *w)
{
	return work_at(w, clock_ms());
}

/* So many looks, all of which it has been told of in the end. */
static void
take_looks(struct watch *w, int64_t ahead, int looks)
{
	int until = atomic_load(&rig->opens) + looks;
	bool whole = false;

	while (!whole || watch_due(w) == 0) {
		/* the last one has begun, so that those before it are told of */
		whole = atomic_load(&rig->opens) > until;
		assert_null(work_at(w, clock_ms() + ahead));
	}
}

/* The button that was pressed in the next looks that were told of, or NULL. */
static const struct button *
follow_looks(struct watch *w)
{
	int until = atomic_load(&rig->opens) + 3;
	const struct button *pressed = NULL;

	while (!pressed && atomic_load(&rig->opens) < until)
		pressed = work(w);
	return pressed ? pressed : work(w);
}

static void
waits_double_up_to_a_limit(void **state)
{
	static const int64_t seconds[] = { 1, 2, 4, 8, 16, 32, 60, 60, 60 };
	static const int64_t minutes[] = { 1, 2, 4, 8, 16, 30, 30 };

	(void)state;
	for (unsigned i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++)
		assert_int_equal(
		    watch_wait(i + 1, WATCH_RETRY_MIN_MS, WATCH_RETRY_MAX_MS),
		    seconds[i] * 1000);
	for (unsigned i = 0; i < sizeof(minutes) / sizeof(minutes[0]); i++)
		assert_int_equal(
		    watch_wait(i + 1, SERVICE_RESEND_MIN_MS, SERVICE_RESEND_MAX_MS),
		    minutes[i] * 60 * 1000);
	assert_int_equal(watch_wait(0, 1000, 60000), 1000);
	assert_int_equal(watch_wait(UINT_MAX, 1000, 60000), 60000);
}

/* What it tells is taken in small portions, so that others have their turn, and it is
 * ended; then it is tried again after waits that grow. */
static void
who_tells_too_much_is_ended(void **state)
{
	struct config *c = make_config("1");
	struct watch *w = make_watch(c);
	int64_t now = clock_ms();

	(void)state;
	atomic_store(&rig->deed, RIG_FLOOD);
	for (int64_t wait = WATCH_RETRY_MIN_MS; wait <= 4 * WATCH_RETRY_MIN_MS;
	     wait *= 2) {
		int rounds = 1; /* the first may find a child that has told already */

		watch_work(w, now);
		for (; watch_fd(w) >= 0; rounds++) {
			struct pollfd fd = { .fd = watch_fd(w), .events = POLLIN };

			assert_true(poll(&fd, 1, watch_due(w) ? -1 : 0) >= 0);
			assert_null(watch_work(w, now));
		}
		assert_true(rounds > WATCH_LOOKS_SPARE / WATCH_RECORDS_MAX);
		assert_int_equal(watch_due(w), now + wait);
		now = watch_due(w);
	}
	assert_int_equal(rig_said("tells more than there was time for"), 3);
	watch_free(w);
	config_free(c);
}

/* Until its child is ended. Gives the time, from which it waits. */
static int64_t
fail_at(struct watch *w, int64_t now)
{
	do
		assert_null(work_at(w, now));
	while (watch_fd(w) >= 0);
	return now;
}

/* The waits grow as long as no child lasts. */
static void
who_lasts_is_tried_at_once(void **state)
{
	struct config *c = make_config("1");
	struct watch *w = make_watch(c);
	int64_t now = clock_ms();

	(void)state;
	for (int round = 0; round < 2; round++) {
		atomic_store(&rig->deed, RIG_CRASH);
		for (int64_t wait = WATCH_RETRY_MIN_MS; wait <= 4 * WATCH_RETRY_MIN_MS;
		     wait *= 2) {
			now = fail_at(w, now);
			assert_int_equal(watch_due(w), now + wait);
			now = watch_due(w);
		}
		assert_int_equal(rig_said("has crashed"), round + 1);
		atomic_store(&rig->deed, RIG_ANSWER);
		take_looks(w, now - clock_ms(), 2 * WATCH_LOOKS_SPARE);
		assert_int_equal(rig_said("the scanner answers again"), round + 1);
	}
	watch_free(w);
	config_free(c);
}

/* A minute is long, and that is said once; the next time, after another minute. */
static void
another_program_is_said_after_a_minute(void **state)
{
	static const char words[] = "another program has had the scanner open";
	struct config *c = make_config("1");
	struct watch *w = make_watch(c);
	int64_t ahead = 0;

	(void)state;
	for (size_t round = 1; round <= 2; round++) {
		int64_t last = clock_ms() + ahead + WATCH_BUSY_MS - 1;
		int opens;

		atomic_store(&rig->deed, RIG_BUSY);
		take_looks(w, ahead, 2);
		for (opens = atomic_load(&rig->opens) + 4;
		     atomic_load(&rig->opens) < opens;)
			work_at(w, last);
		assert_int_equal(rig_said(words), round - 1);
		ahead += WATCH_BUSY_MS;
		take_looks(w, ahead, 3);
		assert_int_equal(rig_said(words), round);
		assert_int_equal(rig_said("the scanner answers again"), round - 1);
		atomic_store(&rig->deed, RIG_ANSWER);
		take_looks(w, ahead, 3);
		assert_int_equal(rig_said("the scanner answers again"), round);
	}
	watch_free(w);
	config_free(c);
}

/* One that SIGKILL does not end, as in a system call that hangs: no other is started
 * before it is gone, and then it is waited for. */
static void
who_cannot_be_ended_has_no_successor(void **state)
{
	struct config *c = make_config("1");
	struct watch *w = make_watch(c), *successor;
	int64_t now = clock_ms();
	siginfo_t info;

	(void)state;
	atomic_store(&rig->deed, RIG_HELD);
	watch_work(w, now);
	while (atomic_load(&rig->tracer) == 0)
		poll(NULL, 0, 1);
	now = fail_at(w, watch_due(w));
	if (atomic_load(&rig->tracer) < 0) {
		watch_free(w);
		config_free(c);
		print_message("# needs ptrace(2), which is forbidden here\n");
		skip();
	}
	atomic_store(&rig->deed, RIG_ANSWER);
	for (int64_t wait = 2 * WATCH_RETRY_MIN_MS; wait <= 4 * WATCH_RETRY_MIN_MS;
	     wait *= 2) {
		now = fail_at(w, watch_due(w));
		assert_int_equal(watch_due(w), now + wait);
	}
	assert_int_equal(rig_said("hangs in the kernel and cannot be ended"), 1);
	successor = make_watch(c); /* with new settings */
	watch_inherit(successor, w);
	watch_free(w);
	w = successor;
	fail_at(w, clock_ms());
	assert_int_equal(atomic_load(&rig->processes), 1);
	assert_int_equal(kill(atomic_load(&rig->tracer), SIGKILL), 0);
	assert_int_equal(
	    waitid(P_PID, (id_t)atomic_load(&rig->held), &info, WEXITED | WNOWAIT), 0);
	take_looks(w, watch_due(w) - clock_ms(), 2);
	assert_int_equal(atomic_load(&rig->processes), 2);
	assert_int_equal(rig_said("the scanner answers again"), 1);
	watch_free(w);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	config_free(c);
}

/* Nothing of it is said, and a press between two children is one. */
static void
a_child_does_so_many_looks(void **state)
{
	struct config *c = make_config("1");
	struct watch *w = make_watch(c);
	const struct button *pressed = NULL;

	(void)state;
	work(w);
	while (watch_fd(w) >= 0)
		assert_null(work(w));
	assert_in_range(atomic_load(&rig->opens), WATCH_LOOKS_MAX,
	    WATCH_LOOKS_MAX + WATCH_RECORDS_MAX);
	assert_int_equal(atomic_load(&rig->processes), 1);
	atomic_store(&rig->value, 1);
	while (!pressed && atomic_load(&rig->opens) < 2 * WATCH_LOOKS_MAX)
		pressed = work(w);
	assert_ptr_equal(pressed, &c->button[0]);
	assert_int_equal(atomic_load(&rig->processes), 2);
	assert_int_equal(rig_said("again"), 0);
	watch_free(w);
	config_free(c);
}

/* New settings: a press meanwhile counts where the button is the same. */
static void
a_state_is_inherited(void **state)
{
	struct config *c = make_config("1"), *other = make_config("[12]");
	struct watch *old = make_watch(c), *same = make_watch(c);
	struct watch *another = make_watch(other);

	(void)state;
	assert_null(follow_looks(old));
	watch_inherit(same, old);
	watch_inherit(another, old);
	watch_free(old);
	atomic_store(&rig->value, 1);
	assert_ptr_equal(follow_looks(same), &c->button[0]);
	watch_pause(same);
	assert_null(follow_looks(another));
	assert_int_equal(rig_said("it was pressed before it was watched"), 1);
	watch_free(same);
	watch_free(another);
	config_free(c);
	config_free(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_double_up_to_a_limit),
		cmocka_unit_test_setup_teardown(
		    who_tells_too_much_is_ended, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
		    who_lasts_is_tried_at_once, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
		    another_program_is_said_after_a_minute, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
		    who_cannot_be_ended_has_no_successor, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
		    a_child_does_so_many_looks, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
		    a_state_is_inherited, rig_set_up, rig_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
