/* Tests of scan2mail/sensors.c, with a driver of the tests in the place of libsane. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sane/sane.h>

#include "scan2mail/child.h"
#include "scan2mail/sensors.h"

enum {
	OPTIONS_MAX_OF_TESTS = 24,
	LONG_MS = 20 * 1000, /* never reached */
	CALLS_MAX = 1024,
	READ_ONLY = SANE_CAP_SOFT_DETECT | SANE_CAP_HARD_SELECT | SANE_CAP_ADVANCED,
	SETTABLE = SANE_CAP_SOFT_SELECT | SANE_CAP_SOFT_DETECT,
};

/* -- a driver -------------------------------------------------------------------------*/

struct option {
	SANE_Option_Descriptor about;
	SANE_Word word;
	const char *text;
	SANE_Status status;
};

static struct {
	struct option option[OPTIONS_MAX_OF_TESTS];
	SANE_Int count;
	SANE_Status open[4]; /* of each open in turn, the last one for all behind it */
	size_t opens;
	bool is_open;
	char calls[CALLS_MAX]; /* shown as an option "calls" of what was read and set */
} driver;

static void
note(const char *what, const char *name)
{
	size_t len = strlen(driver.calls);

	snprintf(driver.calls + len, sizeof(driver.calls) - len, "%s%s%s;", what,
	    *name ? " " : "", name);
}

SANE_Status
sane_init(SANE_Int *version, SANE_Auth_Callback authorize)
{
	(void)version;
	(void)authorize;
	return SANE_STATUS_GOOD;
}

SANE_Status
sane_open(SANE_String_Const name, SANE_Handle *handle)
{
	SANE_Status status = driver.open[driver.opens];

	if (strcmp(name, "tests:0") != 0 || driver.is_open)
		return SANE_STATUS_UNSUPPORTED;
	if (driver.opens + 1 < sizeof(driver.open) / sizeof(driver.open[0]))
		driver.opens++;
	driver.is_open = status == SANE_STATUS_GOOD;
	note("open", "");
	*handle = &driver;
	return status;
}

void
sane_close(SANE_Handle handle)
{
	(void)handle;
	driver.is_open = false;
	note("close", "");
}

const SANE_Option_Descriptor *
sane_get_option_descriptor(SANE_Handle handle, SANE_Int n)
{
	(void)handle;
	return n >= 0 && n < driver.count ? &driver.option[n].about : NULL;
}

SANE_Status
sane_control_option(
    SANE_Handle handle, SANE_Int n, SANE_Action action, void *value, SANE_Int *info)
{
	struct option *o = &driver.option[n];

	(void)handle;
	(void)info;
	if (n == 0) {
		*(SANE_Word *)value = driver.count;
		return SANE_STATUS_GOOD;
	}
	note(action == SANE_ACTION_GET_VALUE ? "get" : "set", o->about.name);
	if (action != SANE_ACTION_GET_VALUE || o->status != SANE_STATUS_GOOD)
		return o->status;
	if (strcmp(o->about.name, "calls") == 0)
		o->text = driver.calls;
	if (o->about.type == SANE_TYPE_STRING)
		memcpy(value, o->text, strnlen(o->text, (size_t)o->about.size));
	else
		*(SANE_Word *)value = o->word;
	return SANE_STATUS_GOOD;
}

static struct option *
add(const char *name, SANE_Value_Type type, SANE_Int cap, SANE_Word word)
{
	struct option *o = &driver.option[driver.count++];

	*o = (struct option){
		.about = { .name = name,
		    .title = name,
		    .type = type,
		    .cap = cap,
		    .size =
			type == SANE_TYPE_STRING ? CALLS_MAX : (SANE_Int)sizeof(word) },
		.word = word,
		.text = "",
	};
	return o;
}

static int
set_up(void **state)
{
	(void)state;
	memset(&driver, 0, sizeof(driver));
	add("", SANE_TYPE_INT, SANE_CAP_SOFT_DETECT, 0);
	return 0;
}

/* -- looking --------------------------------------------------------------------------*/

static struct child *
start(const char *const *options, size_t count)
{
	static struct sensors_wish wish;
	struct child *c = NULL;
	struct error e;

	wish = (struct sensors_wish){
		.device = "tests:0", .option = options, .count = count, .poll_ms = 1
	};
	if (child_start(&c, sensors_look, &wish, &e) != STATUS_OK)
		fail_msg("%s", e.text);
	return c;
}

static struct wire_record
next(struct child *c, enum wire_kind kind)
{
	struct wire_record record = { .kind = WIRE_DONE };
	struct error e;

	if (child_next(c, &record, LONG_MS, &e) != STATUS_OK)
		fail_msg("%s", e.text);
	assert_int_equal(record.kind, kind);
	return record;
}

static void
assert_value(const struct wire_record *record, const char *name, const char *wanted)
{
	const char *value = sensors_value(record, name);

	if (!value || !wanted)
		assert_ptr_equal(value, wanted);
	else
		assert_string_equal(value, wanted);
}

static void
values_become_texts(void **state)
{
	const char *const wanted[] = { "on", "off", "odd", "number", "text", "long" };
	char text[CALLS_MAX] = "";
	struct wire_record record;
	struct child *c;

	(void)state;
	memset(text, 'x', sizeof(text)); /* without a NUL at its end */
	add("on", SANE_TYPE_BOOL, READ_ONLY, SANE_TRUE);
	add("off", SANE_TYPE_BOOL, READ_ONLY, SANE_FALSE);
	add("odd", SANE_TYPE_BOOL, READ_ONLY, 77);
	add("number", SANE_TYPE_INT, READ_ONLY, -12);
	add("text", SANE_TYPE_STRING, READ_ONLY, 0)->text = " 1:sc\nan\x1b ";
	add("long", SANE_TYPE_STRING, READ_ONLY, 0)->text = text;
	c = start(wanted, 6);
	record = next(c, WIRE_SENSORS);
	assert_value(&record, "on", "1");
	assert_value(&record, "off", "0");
	assert_value(&record, "odd", "1");
	assert_value(&record, "number", "-12");
	assert_value(&record, "text", "1:sc an");
	assert_int_equal(strlen(sensors_value(&record, "long")), 256);
	assert_value(&record, "missing", NULL);
	child_end(c, 0);
}

/* Only what is wanted, each once, and let go before it is told; again in the next look.
 */
static void
a_look_reads_each_once_and_lets_go(void **state)
{
	const char *const wanted[] = { "scan", "calls", "scan", "hidden" };
	struct wire_record record;
	struct child *c;

	(void)state;
	add("resolution", SANE_TYPE_INT, SETTABLE, 300);
	add("scan", SANE_TYPE_BOOL, READ_ONLY, 1);
	add("email", SANE_TYPE_BOOL, READ_ONLY, 1);
	add("hidden", SANE_TYPE_BOOL, READ_ONLY | SANE_CAP_INACTIVE, 1);
	add("calls", SANE_TYPE_STRING, READ_ONLY, 0);
	c = start(wanted, 4);
	record = next(c, WIRE_SENSORS);
	assert_value(&record, "calls", "open;get scan;get calls;");
	assert_value(&record, "hidden", NULL);
	assert_value(&record, "email", NULL);
	record = next(c, WIRE_SENSORS);
	assert_value(
	    &record, "calls", "open;get scan;get calls;close;open;get scan;get calls;");
	child_end(c, 0);
}

/* plustek reads its hardware with this option, wherever it stands, wanted or not. */
static void
button_0_is_read_first_and_once(void **state)
{
	const char *const third[] = { "button 3", "calls" };
	const char *const both[] = { "button 3", "button 0", "calls" };
	struct wire_record record;
	struct child *c;

	(void)state;
	add("button 3", SANE_TYPE_BOOL, READ_ONLY, 1);
	add("button 0", SANE_TYPE_BOOL, READ_ONLY, 1);
	add("calls", SANE_TYPE_STRING, READ_ONLY, 0);
	c = start(third, 2);
	record = next(c, WIRE_SENSORS);
	assert_value(&record, "calls", "open;get button 0;get button 3;get calls;");
	child_end(c, 0);
	c = start(both, 3);
	record = next(c, WIRE_SENSORS);
	assert_value(&record, "calls", "open;get button 0;get button 3;get calls;");
	assert_value(&record, "button 0", "1");
	child_end(c, 0);
}

/* pixma fetches its events with an action; nothing else is ever set. */
static void
button_update_is_done_before_reading(void **state)
{
	const char *const wanted[] = { "button-1", "calls", "calibrate" };
	struct wire_record record;
	struct child *c;

	(void)state;
	add("button-1", SANE_TYPE_INT, SANE_CAP_SOFT_DETECT, 1);
	add("calibrate", SANE_TYPE_BUTTON, SETTABLE, 0);
	add("button-update", SANE_TYPE_BUTTON, SETTABLE, 0);
	add("calls", SANE_TYPE_STRING, READ_ONLY, 0);
	c = start(wanted, 3);
	record = next(c, WIRE_SENSORS);
	assert_value(&record, "calls", "open;set button-update;get button-1;get calls;");
	child_end(c, 0);
}

/* Not where it is a switch, cannot be set now, or is not there. */
static void
button_update_must_be_an_action(void **state)
{
	const char *const wanted[] = { "calls" };
	const struct {
		SANE_Value_Type type;
		SANE_Int cap;
	} others[] = {
		{ SANE_TYPE_BOOL, SETTABLE },
		{ SANE_TYPE_BUTTON, SETTABLE | SANE_CAP_INACTIVE },
		{ SANE_TYPE_BUTTON, SANE_CAP_SOFT_DETECT },
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct wire_record record;
		struct child *c;

		set_up(state);
		add("button-update", others[i].type, others[i].cap, 0);
		add("calls", SANE_TYPE_STRING, READ_ONLY, 0);
		c = start(wanted, 1);
		record = next(c, WIRE_SENSORS);
		assert_value(&record, "calls", "open;get calls;");
		child_end(c, 0);
	}
}

/* One that fails does not take the others with it. */
static void
what_cannot_be_read_is_left_out(void **state)
{
	const char *const wanted[] = { "bad", "good" };
	struct wire_record record;
	struct child *c;

	(void)state;
	add("bad", SANE_TYPE_BOOL, READ_ONLY, 1)->status = SANE_STATUS_IO_ERROR;
	add("good", SANE_TYPE_BOOL, READ_ONLY, 1);
	c = start(wanted, 2);
	record = next(c, WIRE_SENSORS);
	assert_value(&record, "bad", NULL);
	assert_value(&record, "good", "1");
	child_end(c, 0);
}

static void
a_busy_scanner_is_tried_again(void **state)
{
	const char *const wanted[] = { "scan" };
	struct wire_record record;
	struct child *c;

	(void)state;
	add("scan", SANE_TYPE_BOOL, READ_ONLY, 1);
	driver.open[0] = driver.open[1] = SANE_STATUS_DEVICE_BUSY;
	c = start(wanted, 1);
	next(c, WIRE_BUSY);
	next(c, WIRE_BUSY);
	record = next(c, WIRE_SENSORS);
	assert_value(&record, "scan", "1");
	child_end(c, 0);
}

static void
a_scanner_that_does_not_open_ends_it(void **state)
{
	static const struct {
		SANE_Status status;
		const char *few, *words;
	} cases[] = {
		{ SANE_STATUS_INVAL, "there is no such scanner", "scan2mail --search" },
		{ SANE_STATUS_ACCESS_DENIED, "access is denied", "group scanner" },
		{ SANE_STATUS_IO_ERROR, "Error during device I/O", "cable" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wire_record record;
		const char *texts[2];
		struct child *c;
		struct error e;

		driver.open[0] = cases[i].status;
		c = start(NULL, 0);
		record = next(c, WIRE_FAULT);
		assert_true(wire_get_texts(texts, 2, &record));
		assert_string_equal(texts[0], cases[i].few);
		assert_non_null(strstr(texts[1], cases[i].words));
		assert_int_equal(child_next(c, &record, LONG_MS, &e), STATUS_INVALID);
		child_end(c, 0);
	}
}

/* More than a record holds: it is said, not a crash. */
static void
too_many_values_are_said(void **state)
{
	static char names[SENSORS_MAX][16], text[CALLS_MAX];
	const char *wanted[OPTIONS_MAX_OF_TESTS];
	struct wire_record record;
	const char *texts[2];
	struct child *c;
	size_t n = 0;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	while (n + 2 < OPTIONS_MAX_OF_TESTS) {
		snprintf(names[n], sizeof(names[n]), "message %zu", n);
		add(names[n], SANE_TYPE_STRING, READ_ONLY, 0)->text = text;
		wanted[n] = names[n];
		n++;
	}
	c = start(wanted, n);
	record = next(c, WIRE_FAULT);
	assert_true(wire_get_texts(texts, 2, &record));
	assert_non_null(strstr(texts[1], "more than 4096 bytes"));
	child_end(c, 0);
}

/* What --list-buttons shows, by what can be done with an option, its group or its name.
 */
static void
sensors_are_recognised(void **state)
{
	struct wire_record record;
	struct child *c;

	(void)state;
	add("resolution", SANE_TYPE_INT, SETTABLE, 300);
	add("scan", SANE_TYPE_BOOL, READ_ONLY, 0);
	add("target", SANE_TYPE_INT, SANE_CAP_SOFT_DETECT, 2);
	add("button-pressed", SANE_TYPE_STRING, READ_ONLY, 0)->text = "none";
	add("gamma", SANE_TYPE_FIXED, READ_ONLY, 0);
	add("gone", SANE_TYPE_BOOL, READ_ONLY | SANE_CAP_INACTIVE, 0);
	add("button-controlled", SANE_TYPE_BOOL, SETTABLE, 0);
	add("page-loaded", SANE_TYPE_BOOL, SETTABLE, 1);
	add("buttonhole", SANE_TYPE_BOOL, SETTABLE, 1);
	add("", SANE_TYPE_GROUP, 0, 0)->about.title = "Scanner Buttons";
	add("left", SANE_TYPE_BOOL, SETTABLE, 1);
	add("", SANE_TYPE_GROUP, 0, 0)->about.title = "Geometry";
	add("br-x", SANE_TYPE_INT, SETTABLE, 1);
	c = start(NULL, 0);
	record = next(c, WIRE_SENSORS);
	assert_value(&record, "scan", "0");
	assert_value(&record, "target", "2");
	assert_value(&record, "button-pressed", "none");
	assert_value(&record, "page-loaded", "1");
	assert_value(&record, "left", "1");
	for (SANE_Int i = 0; i < driver.count; i++) {
		static const char *const none[] = { "resolution", "gamma", "gone",
			"button-controlled", "buttonhole", "br-x" };

		for (size_t k = 0; k < sizeof(none) / sizeof(none[0]); k++)
			assert_value(&record, none[k], NULL);
	}
	child_end(c, 0);
}

/* A record that no child of ours would send. */
static void
a_broken_record_has_no_values(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} broken[] = { { "scan", 4 },
		{ "scan\0"
		  "1",
		    6 },
		{ "scan", 5 },
		{ "scan\0"
		  "1\0x\0",
		    9 } };
	struct wire_record good = { WIRE_SENSORS,
		(const unsigned char *)"scan\0"
				       "1",
		7 };

	(void)state;
	assert_string_equal(sensors_value(&good, "scan"), "1");
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct wire_record record = { WIRE_SENSORS,
			(const unsigned char *)broken[i].bytes, broken[i].len };

		assert_null(sensors_value(&record, "scan"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(values_become_texts, set_up),
		cmocka_unit_test_setup(a_look_reads_each_once_and_lets_go, set_up),
		cmocka_unit_test_setup(button_0_is_read_first_and_once, set_up),
		cmocka_unit_test_setup(button_update_is_done_before_reading, set_up),
		cmocka_unit_test_setup(button_update_must_be_an_action, set_up),
		cmocka_unit_test_setup(what_cannot_be_read_is_left_out, set_up),
		cmocka_unit_test_setup(a_busy_scanner_is_tried_again, set_up),
		cmocka_unit_test_setup(a_scanner_that_does_not_open_ends_it, set_up),
		cmocka_unit_test_setup(too_many_values_are_said, set_up),
		cmocka_unit_test_setup(sensors_are_recognised, set_up),
		cmocka_unit_test(a_broken_record_has_no_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
