/* Tests of scan2mail/catalog.c, with scanners and a clock of its own. */
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "scan2mail/catalog.h"
#include "scan2mail/child.h"
#include "scan2mail/device.h"

enum {
	MS_OF_S = 1000,
	NS_OF_MS = 1000 * 1000,
	LIMIT = 60,     /* seconds until a test is given up */
	RECORDS_FD = 3, /* of a child (child.c) */
	RECORDS = 1000, /* in one piece: a pipe holds them, and a read brings them */
};

/* What the children of a test share with it. */
static struct {
	sem_t spoken;     /* by the one that is no talker */
	atomic_bool late; /* the deadline is over */
} * shared;

static char state_dir[] = "/tmp/catalog-XXXXXX";
static char path[sizeof(state_dir) + 40];

/* -- in the place of lib/base/clock.c and scan2mail/device.c --------------------------*/

int64_t
clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * MS_OF_S + t.tv_nsec / NS_OF_MS +
	    (shared->late ? CATALOG_OPEN_MS : 0);
}

int64_t
clock_seconds(void)
{
	return clock_ms() / MS_OF_S;
}

void
device_scan(struct uplink *up, const void *context)
{
	(void)up, (void)context;
}

void
device_list(struct uplink *up, const void *context)
{
	static const char *const found[][3] = { { "rig:good", "Maker", "First" },
		{ "rig:\xff", "Maker", "Second" }, { "rig:\xc3\xbc", "Maker", "Third" } };

	(void)context;
	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++)
		child_send_texts(up, WIRE_DEVICE, found[i], 3);
	child_send(up, WIRE_DONE, NULL, 0);
}

/* Says nothing until the other one has spoken and the deadline is over, and then more
 * than anybody wants to hear. */
static void
talk(void)
{
	static unsigned char records[RECORDS][WIRE_HEAD_SIZE];

	for (size_t i = 0; i < RECORDS; i++)
		wire_put_head(records[i], i + 1 < RECORDS ? WIRE_BUSY : WIRE_DONE, 0);
	sem_wait(&shared->spoken);
	shared->late = true;
	assert_int_equal(write(RECORDS_FD, records, sizeof(records)), sizeof(records));
	pause(); /* its end would be another fault */
}

void
device_describe(struct uplink *up, const void *context)
{
	const char *able = "modes: gray";

	child_send_texts(up, WIRE_ABLE, &able, 1);
	if (strcmp(context, "rig:talker") == 0)
		talk();
	child_send(up, WIRE_DONE, NULL, 0);
	sem_post(&shared->spoken);
}

/* -------------------------------------------------------------------------------------*/

static int
set_up(void **state)
{
	(void)state;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(shared != MAP_FAILED);
	assert_int_equal(sem_init(&shared->spoken, 1, 0), 0);
	memcpy(state_dir + sizeof(state_dir) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(state_dir));
	setenv("STATE_DIRECTORY", state_dir, 1);
	unsetenv("SANE_DEFAULT_DEVICE");
	snprintf(path, sizeof(path), "%s/scanners", state_dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/scanners/found", state_dir);
	alarm(LIMIT);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	alarm(0);
	munmap(shared, sizeof(*shared));
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	return rmdir(state_dir);
}

static void
know(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void
assert_lists(const struct catalog_wish *wish, const char *wanted)
{
	struct error e = { "" };
	struct buf out;

	buf_init(&out, 4096);
	if (catalog_list(&out, wish, &e) != STATUS_OK)
		fail_msg("%s", e.text);
	assert_string_equal(buf_text(&out), wanted);
	buf_clear(&out);
}

static void
a_damaged_line_takes_no_other_with_it(void **state)
{
	(void)state;
	know("rig:a\tOne\nrig:\xff\tTwo\nno tab\nrig:b\tThr\xff"
	     "ee\n");
	assert_lists(&(const struct catalog_wish){ .able = false },
	    "rig:a\tOne\nrig:b\tThr\xef\xbf\xbd"
	    "ee\n");
}

static void
a_name_that_no_line_can_hold_is_not_remembered(void **state)
{
	char text[200] = "";
	FILE *file;

	(void)state;
	assert_lists(&(const struct catalog_wish){ .search = true },
	    "rig:good\tMaker First\nrig:\xef\xbf\xbd\tMaker Second\n"
	    "rig:\xc3\xbc\tMaker Third\n");
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	assert_string_equal(text, "rig:good\tMaker First\nrig:\xc3\xbc\tMaker Third\n");
}

/* One that goes on behind the deadline is out of order; one that has spoken in time is
 * not, although it is heard later. */
static void
a_talker_ends_at_the_deadline(void **state)
{
	(void)state;
	know("rig:talker\tOne\nrig:b\tTwo\n");
	assert_lists(&(const struct catalog_wish){ .able = true },
	    "rig:talker\tOne\tit has not answered within 10 seconds\n"
	    "    modes: gray\nrig:b\tTwo\n    modes: gray\n");
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_damaged_line_takes_no_other_with_it),
		T(a_name_that_no_line_can_hold_is_not_remembered),
		T(a_talker_ends_at_the_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
