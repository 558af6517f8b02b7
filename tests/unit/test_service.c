/* Tests of scan2mail/service.c, with a driver of the tests and a script in the place of
 * scan2mail. Mails: tests/integration/buttons.t. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "scan2mail/run.h"
#include "scan2mail/service.h"
#include "scan2mail/watch.h"
#include "tests/unit/watch_rig.h"

enum {
	POLL_MS = 10,
	END_LIMIT_MS = 3000,
	PATH_SIZE = 64,
	HOURS_2 = 2 * 60 * 60 * 1000,
	DAY = 24 * 60 * 60 * 1000,
};

static char program[PATH_SIZE], settings[PATH_SIZE];

static void
make_file(char path[PATH_SIZE], mode_t mode, const char *text)
{
	FILE *f;
	int fd;

	snprintf(path, PATH_SIZE, "/tmp/postroom-test-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	fchmod(fd, mode);
	f = fdopen(fd, "w");
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* Settings for so many scanners, and what is run for them. */
static struct service *
make_service(const char *script, int scanners)
{
	static char text[64 * 1024];
	size_t len = (size_t)snprintf(text, sizeof(text),
	    "[postroom]\nbutton_poll = 100\n"
	    "[scan default]\nto = bob@example.com\nqueue = mail\n");
	struct service *s;
	struct error e;

	for (int i = 0; i < scanners; i++)
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "[button tests:%d scan]\n", i);
	make_file(program, 0700, script);
	make_file(settings, 0600, text);
	s = service_new(program);
	assert_non_null(s);
	if (service_load(s, settings, &e) != STATUS_OK)
		fail_msg("%s", e.text);
	return s;
}

static void
end_service(struct service *s)
{
	service_end(s);
	unlink(program);
	unlink(settings);
}

static void
go_round(struct service *s, int64_t now)
{
	struct pollfd fds[SERVICE_FDS_MAX];

	service_work(s, now);
	poll(fds, service_poll(s, fds), POLL_MS);
}

static void
await_said(struct service *s, const char *words, size_t times, int64_t now)
{
	while (rig_said(words) < times)
		go_round(s, now);
}

/* Whether nothing can happen before time has gone on: no process is looked after. */
static bool
is_idle(const struct service *s)
{
	struct pollfd fds[SERVICE_FDS_MAX];
	size_t n = service_poll(s, fds);

	for (size_t i = 0; i < n; i++)
		if (fds[i].fd >= 0)
			return false;
	return true;
}

/* A round, at the time when it is due. */
static void
go_on(struct service *s, int64_t *now)
{
	if (is_idle(s) && service_due(s) > *now)
		*now = service_due(s);
	go_round(s, *now);
}

static const char refuse[] = "#!/bin/sh\necho refused\nexit 3\n";
static const char refused[] = "refused (exit code 3)";
static const char given_up[] = "it is not tried again";

/* Rounds of --resend until there is none to come. `now` goes to each as it is due. */
static size_t
count_rounds(struct service *s, int64_t *now)
{
	size_t before = rig_said(refused);

	for (size_t n = before; service_due(s) != WATCH_NEVER; n++) {
		if (service_due(s) > *now)
			*now = service_due(s);
		await_said(s, refused, n + 1, *now);
	}
	return rig_said(refused) - before;
}

static void
rounds_of_resend_are_bounded(void **state)
{
	struct service *s = make_service(refuse, 0);
	int64_t now = clock_ms() + 1, begun = now;
	struct error e;

	(void)state;
	assert_int_equal(count_rounds(s, &now), SERVICE_RESENDS_MAX);
	assert_in_range(now - begun, HOURS_2 - HOURS_2 / 4, HOURS_2 + HOURS_2 / 4);
	assert_int_equal(rig_said(given_up), 1);
	go_round(s, now + DAY);
	assert_int_equal(rig_said(refused), SERVICE_RESENDS_MAX);
	assert_int_equal(service_load(s, settings, &e), STATUS_OK);
	assert_int_equal(count_rounds(s, &now), SERVICE_RESENDS_MAX);
	assert_int_equal(rig_said(given_up), 2);
	end_service(s);
}

/* A scan that is delivered is worth one more round. */
static void
a_scan_that_is_delivered_is_one_more_round(void **state)
{
	struct service *s = make_service("#!/bin/sh\n[ \"$1\" = -p ] && exit 0\n"
					 "echo refused\nexit 3\n",
	    1);
	int64_t now = clock_ms() + 1;

	(void)state;
	for (size_t n = 1; n <= SERVICE_RESENDS_MAX; n++, now += HOURS_2)
		await_said(s, refused, n, now);
	go_on(
	    s, &now); /* a look that seems to have taken hours is given up, or has come */
	for (int looks = atomic_load(&rig->opens) + 3; atomic_load(&rig->opens) < looks;)
		go_on(s, &now);
	atomic_store(&rig->value, 1);
	while (rig_said("the scan is delivered") == 0)
		go_on(s, &now);
	await_said(s, refused, SERVICE_RESENDS_MAX + 1, now);
	go_round(s, now + DAY);
	go_round(s, now + DAY);
	assert_int_equal(rig_said(refused), SERVICE_RESENDS_MAX + 1);
	assert_int_equal(rig_said(given_up), 1);
	end_service(s);
}

static void
a_scan_without_end_is_ended(void **state)
{
	struct service *s = make_service(
	    "#!/bin/sh\n[ \"$1\" = -p ] || exit 0\ntrap 'echo deaf; echo' TERM\n"
	    "echo begun; echo begun\nwhile :; do sleep 60 & wait; done\n",
	    1);
	int64_t now = clock_ms() + 1;

	(void)state;
	await_said(s, "watching scan", 1, now);
	atomic_store(&rig->value, 1);
	await_said(s, "begun", 1, now);
	assert_int_equal(service_due(s), now + RUN_MAX_MS);
	await_said(s, "240 minutes: it is stopped", 1, now + RUN_MAX_MS);
	await_said(s, "begun", 2, now + RUN_MAX_MS); /* the last line but one: it heard */
	await_said(s, "deaf (exit code 137)", 1, now + RUN_MAX_MS + RUN_STOP_MS);
	end_service(s);
}

/* Waits until so many looks hang. */
static void
await_hung(struct service *s, int opens)
{
	while (atomic_load(&rig->opens) < opens)
		go_round(s, clock_ms());
}

/* With new settings, and at the end. */
static void
many_that_hang_are_ended_together(void **state)
{
	struct service *s;
	struct error e;
	int64_t begun;

	(void)state;
	atomic_store(&rig->deed, RIG_HANG);
	s = make_service("#!/bin/sh\nexit 0\n", CONFIG_BUTTONS_MAX);
	await_hung(s, CONFIG_BUTTONS_MAX);
	begun = clock_ms();
	assert_int_equal(service_load(s, settings, &e), STATUS_OK);
	assert_true(clock_ms() - begun < END_LIMIT_MS);
	await_hung(s, 2 * CONFIG_BUTTONS_MAX);
	begun = clock_ms();
	end_service(s);
	assert_true(clock_ms() - begun < END_LIMIT_MS);
}

/* A press while new settings are read. */
static void
new_settings_keep_what_is_known_of_a_button(void **state)
{
	struct service *s = make_service("#!/bin/sh\nexit 0\n", 1);
	struct error e;

	(void)state;
	await_said(s, "watching scan", 1, clock_ms());
	atomic_store(&rig->value, 1);
	assert_int_equal(service_load(s, settings, &e), STATUS_OK);
	await_said(s, "watching scan", 2, clock_ms());
	assert_int_equal(rig_said("it was pressed before it was watched"), 0);
	await_said(s, "is pressed", 1, clock_ms());
	end_service(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rounds_of_resend_are_bounded),
		TEST(a_scan_that_is_delivered_is_one_more_round),
		TEST(a_scan_without_end_is_ended),
		TEST(many_that_hang_are_ended_together),
		TEST(new_settings_keep_what_is_known_of_a_button),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
