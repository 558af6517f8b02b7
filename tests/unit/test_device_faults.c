/* Tests of scan2mail/device.c: scanners that fail, lie or are in use; what there is. */
#include "tests/unit/device_rig.h"

#include <time.h>

#include "scan2mail/fault.h"
#include "scan2mail/rows.h"

/* -- in use ------------------------------------------------------------------------- */

static unsigned
expect_busy(const char *why)
{
	unsigned count = 0;
	const char *text;

	for (next(); record.kind == WIRE_BUSY; next(), count++) {
		assert_true(wire_get_texts(&text, 1, &record));
		assert_non_null(strstr(text, why));
	}
	return count;
}

static void
a_scanner_in_use_is_waited_for(void **state)
{
	(void)state;
	scanner.open_busy = 2;
	SCAN(START(SANE_STATUS_DEVICE_BUSY), START(FAULT_WARMING_UP), GRAY,
	    START(SANE_STATUS_DEVICE_BUSY), GRAY, START(SANE_STATUS_NO_DOCS));
	assert_in_range(expect_busy("in use"), 1, 2);
	assert_int_equal(record.kind, WIRE_READY);
	expect(WIRE_BUSY);
	expect(WIRE_PAGE);
	expect_rows(PAGE);
	assert_int_equal(record.kind, WIRE_PAGE_END);
	assert_int_not_equal(expect_busy("in use"), 0);
	assert_int_equal(record.kind, WIRE_PAGE);
	expect_rows(PAGE);
	assert_int_equal(record.kind, WIRE_PAGE_END);
	expect(WIRE_DONE);
	assert_calls("OaSPRPSPRPSCXE"); /* no sane_cancel() before the second page */
}

/* Whatever it is that passes: for as long as is wanted, and then it is a fault. */
static void
each_status_that_passes_is_waited_for(void **state)
{
	static const struct {
		int status;
		const char *why, *words;
	} passing[] = {
		{ SANE_STATUS_DEVICE_BUSY, "in use", "scanner in use" },
		{ FAULT_WARMING_UP, "warms up", "scanner not warm" },
		{ FAULT_HW_LOCKED, "open its lock", "scanner locked for transport" },
	};

	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
		SCAN(START(passing[i].status), GRAY, START(SANE_STATUS_NO_DOCS));
		expect_ready("simplex");
		assert_int_equal(expect_busy(passing[i].why), 1);
		assert_int_equal(record.kind, WIRE_PAGE);
		expect_rows(PAGE);
		assert_int_equal(record.kind, WIRE_PAGE_END);
		expect(WIRE_DONE);
		assert_calls("OaSPRPSCXE");
		tear_down(state);
		set_up(state);
		request.waits.busy = 0;
		SCAN(START(passing[i].status), GRAY);
		expect_ready("simplex");
		expect_fault(passing[i].words, "");
		assert_calls("OaSCXE");
		tear_down(state);
		set_up(state);
	}
}

/* About each second a word, and an end. */
static void
it_is_waited_for_no_longer_than_wanted(void **state)
{
	struct timespec from, to;

	(void)state;
	request.waits.busy = 2;
	scanner.open_busy = 1000;
	clock_gettime(CLOCK_MONOTONIC, &from);
	scan();
	assert_in_range(expect_busy("in use"), 2, 3);
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_in_range(to.tv_sec - from.tv_sec, 1, 4);
	assert_fault("scanner in use", "when it has finished");
	assert_calls("OE");
	set_up(state);
	request.waits.busy = 0;
	SCAN(START(SANE_STATUS_DEVICE_BUSY), GRAY);
	expect_ready("simplex");
	expect_fault("scanner in use", "when it has finished");
	assert_calls("OaSCXE");
}

static void
sigterm_ends_the_wait(void **state)
{
	(void)state;
	scanner.open_busy = 1000000;
	scan();
	expect(WIRE_BUSY);
	assert_int_equal(kill(seen->pid, SIGTERM), 0);
	assert_calls("OE");
}

/* -- faults ------------------------------------------------------------------------- */

/* Whatever the status: the page before it is whole, and two texts come. */
static void
each_status_has_its_texts(void **state)
{
	static const struct {
		int status;
		const char *words, *sentence;
	} faults[] = {
		{ SANE_STATUS_UNSUPPORTED, "not supported by the scanner", "failed" },
		{ SANE_STATUS_CANCELLED, "scan cancelled at the scanner", "cancelled" },
		{ SANE_STATUS_JAMMED, "paper jam", "take it out" },
		{ SANE_STATUS_COVER_OPEN, "cover open", "close it" },
		{ SANE_STATUS_IO_ERROR, "connection to the scanner lost", "cable" },
		{ SANE_STATUS_NO_MEM, "scanner's driver out of memory", "memory" },
		{ SANE_STATUS_ACCESS_DENIED, "no access to the scanner", "group" },
		{ 14, "scanner fault", "off and on" },
		{ -1, "scanner fault", "off and on" },
		{ 1000000, "scanner fault", "off and on" },
	};

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		for (int reading = 0; reading < 2; reading++) {
			SANE_Status status = (SANE_Status)faults[i].status;

			set_up(state);
			if (reading)
				SCAN(GRAY, PART(0, .end = status));
			else
				SCAN(GRAY, START(status));
			expect_ready("simplex");
			expect_page();
			expect_fault(faults[i].words, faults[i].sentence);
			assert_calls(reading ? "OaSPRPSPRCXE" : "OaSPRPSCXE");
			tear_down(state);
		}
	set_up(state);
}

/* The page is cut off: no status makes it whole. */
static void
a_page_that_breaks_off_is_a_fault(void **state)
{
	static const SANE_Status ends[] = { SANE_STATUS_JAMMED, SANE_STATUS_NO_DOCS };
	static const char *const words[] = { "paper jam", "page cut off" };

	for (size_t i = 0; i < 4; i++) {
		int len = i < 2 ? CHILD_BLOCK_SIZE + 1 : 1;

		set_up(state);
		SCAN(PART(len, .end = ends[i % 2]));
		expect_ready("simplex");
		if (i < 2) {
			expect(WIRE_PAGE);
			expect_rows(CHILD_BLOCK_SIZE);
		} else {
			next();
		}
		assert_fault(words[i % 2], "");
		assert_calls(i < 2 ? "OaSPRPCXE" : "OaSPRCXE");
		tear_down(state);
	}
	set_up(state);
}

/* Some drivers hang in sane_cancel(): what there is to say is said before. */
static void
a_fault_comes_before_the_cancel(void **state)
{
	static const SANE_Status ends[] = { SANE_STATUS_JAMMED, SANE_STATUS_NO_DOCS,
		SANE_STATUS_EOF };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		set_up(state);
		scanner.hangs_in_cancel = true;
		SCAN(PART(0, .end = ends[i]));
		expect_ready("simplex");
		expect(WIRE_FAULT);
		child_end(child, 0);
	}
	set_up(state);
	scanner.hangs_in_cancel = true;
	SCAN(GRAY, START(SANE_STATUS_NO_DOCS));
	expect_ready("simplex");
	expect_page();
	expect(WIRE_DONE);
	child_end(child, 0);
	set_up(state);
	scanner.hangs_in_cancel = request.more = true;
	SCAN(GRAY, START(SANE_STATUS_NO_DOCS));
	expect_ready("simplex");
	expect_page();
	expect(WIRE_ASK);
	child_end(child, 0);
	child = NULL;
}

/* The driver has changed the settings: they are made anew, once. */
static void
refused_settings_are_made_anew(void **state)
{
	(void)state;
	SCAN(START(SANE_STATUS_INVAL), GRAY, START(SANE_STATUS_NO_DOCS));
	expect_ready("simplex");
	expect_ready("simplex");
	expect_page();
	expect(WIRE_DONE);
	assert_calls("OaSaSPRPSCXE");
	set_up(state);
	SCAN(START(SANE_STATUS_INVAL), START(SANE_STATUS_INVAL), GRAY);
	expect_ready("simplex");
	expect_ready("simplex");
	expect_fault("settings refused by the scanner", "failed");
	assert_calls("OaSaSCXE");
}

/* -- lies --------------------------------------------------------------------------- */

/* Numbers that cannot be arrive as they can be judged, and are refused then. */
static void
impossible_numbers_are_refused(void **state)
{
	static const SANE_Parameters lies[] = {
		{ SANE_FRAME_GRAY, SANE_TRUE, WIDTH - 1, WIDTH, LINES, 8 },
		{ SANE_FRAME_RGB, SANE_TRUE, 3 * WIDTH - 1, WIDTH, LINES, 8 },
		{ SANE_FRAME_GRAY, SANE_TRUE, WIDTH, 0, LINES, 8 },
		{ SANE_FRAME_GRAY, SANE_TRUE, WIDTH, -WIDTH, LINES, 8 },
		{ SANE_FRAME_GRAY, SANE_TRUE, -WIDTH, WIDTH, LINES, 8 },
		{ SANE_FRAME_GRAY, SANE_TRUE, INT32_MIN, INT32_MIN, INT32_MIN,
		    INT32_MIN },
		{ SANE_FRAME_RGB, SANE_TRUE, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX },
		{ SANE_FRAME_GRAY, SANE_TRUE, WIDTH, WIDTH, LINES, 7 },
		{ SANE_FRAME_RED, SANE_TRUE, 2 * WIDTH - 1, WIDTH, LINES, 16 },
	};
	struct frame frame;
	struct rows rows;

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		set_up(state);
		SCAN({ .at = lies[i], .bytes = PAGE });
		expect_ready("simplex");
		expect(WIRE_PAGE);
		assert_true(wire_get_frame(&frame, &record));
		assert_int_equal(
		    rows_init(&rows, &frame, PIXEL_RGB, &failure), STATUS_INVALID);
		expect_rows(PAGE);
		tear_down(state);
	}
	set_up(state);
}

static void
unknown_pictures_are_a_fault(void **state)
{
	static const int formats[] = { 5, 0x0a, -1, INT32_MAX };

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		set_up(state);
		SCAN(
		    { .at = { (SANE_Frame)formats[i], SANE_TRUE, WIDTH, WIDTH, LINES, 8 },
			.bytes = PAGE });
		expect_ready("simplex");
		expect_fault("unknown kind of picture", "another mode");
		assert_calls("OaSPCXE");
		tear_down(state);
	}
	set_up(state);
}

/* What changes after sane_start() is a fault, but for the height. */
static void
a_page_that_changes_is_a_fault(void **state)
{
	static const SANE_Parameters changed[] = {
		{ SANE_FRAME_RGB, SANE_TRUE, WIDTH, WIDTH, LINES, 8 },
		{ SANE_FRAME_GRAY, SANE_TRUE, WIDTH + 1, WIDTH, LINES, 8 },
		{ SANE_FRAME_GRAY, SANE_TRUE, WIDTH, WIDTH - 1, LINES, 8 },
		{ SANE_FRAME_GRAY, SANE_TRUE, WIDTH, WIDTH, LINES, 16 },
	};
	static const SANE_Parameters known = { SANE_FRAME_GRAY, SANE_TRUE, WIDTH, WIDTH,
		7, 8 };
	struct frame frame;

	for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++) {
		set_up(state);
		SCAN(PART(PAGE, .then = changed[i]));
		expect_ready("simplex");
		expect_fault("page size changed", "paper size");
		tear_down(state);
	}
	set_up(state);
	SCAN(SORT(SANE_FRAME_GRAY, -1, PAGE, .then = known));
	expect_ready("simplex");
	expect(WIRE_PAGE);
	assert_true(wire_get_frame(&frame, &record));
	assert_int_equal(frame.lines, 7);
	expect_rows(PAGE);
}

static void
a_length_beyond_the_buffer_is_a_fault(void **state)
{
	(void)state;
	SCAN(PART(PAGE, .ending = LENGTH_LIES), GRAY);
	expect_ready("simplex");
	expect_fault("scanner's driver astray", "off and on");
	assert_calls("OaSPRCXE");
}

/* A length that comes with a failure means nothing. */
static void
a_length_with_the_end_is_none(void **state)
{
	(void)state;
	SCAN(PART(PAGE, .ending = FAILS_WITH_LEN), START(SANE_STATUS_NO_DOCS));
	expect_ready("simplex");
	expect_page();
	expect(WIRE_DONE);
	assert_calls("OaSPRPSCXE");
}

/* -- opening ------------------------------------------------------------------------ */

static void
a_scanner_that_does_not_open_is_said(void **state)
{
	request.device = (char *)"rig:7";
	scan();
	expect_fault("no such scanner", "there is no scanner \"rig:7\"");
	assert_calls("OE");
	set_up(state);
	scanner.open = SANE_STATUS_IO_ERROR;
	scan();
	expect_fault("scanner not reached", "cable");
	assert_calls("OE");
	set_up(state);
	scanner.init = SANE_STATUS_NO_MEM;
	scan();
	expect_fault("SANE not started", "libsane");
	assert_calls("");
	set_up(state);
	request.source = SOURCE_ADF;
	scanner.flatbed_only = true;
	scan();
	expect_fault("settings refused by the scanner", "Flatbed");
	assert_calls("OXE");
}

static void
the_first_scanner_is_taken(void **state)
{
	(void)state;
	unsetenv("SANE_DEFAULT_DEVICE");
	request.device = (char *)"";
	SCAN(GRAY, START(SANE_STATUS_NO_DOCS));
	expect_ready("simplex");
	child_end(child, LIMIT_MS);
	set_up(state);
	request.device = (char *)"";
	scanner.devices = SANE_STATUS_NO_MEM;
	scan();
	expect_fault("no scanner found", "-d");
	assert_calls("E");
}

/* -- what there is ------------------------------------------------------------------ */

static void
scanners_are_listed(void **state)
{
	static const char *const rows[][3] = { { "rig:0", "Maker", "Model" },
		{ "rig:1", "", "" } };
	const char *texts[3];

	assert_int_equal(child_start(&child, device_list, NULL, &failure), STATUS_OK);
	for (int i = 0; i < 2; i++) {
		expect(WIRE_DEVICE);
		assert_true(wire_get_texts(texts, 3, &record));
		for (int k = 0; k < 3; k++)
			assert_string_equal(texts[k], rows[i][k]);
	}
	expect(WIRE_DONE);
	assert_calls("E");
	set_up(state);
	scanner.devices = SANE_STATUS_NO_MEM;
	assert_int_equal(child_start(&child, device_list, NULL, &failure), STATUS_OK);
	expect_fault("scanner's driver out of memory", "memory");
}

static void
a_scanner_is_described(void **state)
{
	const char *text;

	assert_int_equal(
	    child_start(&child, device_describe, "rig:0", &failure), STATUS_OK);
	expect(WIRE_ABLE);
	assert_true(wire_get_texts(&text, 1, &record));
	assert_non_null(strstr(text, "ADF"));
	expect(WIRE_DONE);
	assert_int_equal(child_next(child, &record, LIMIT_MS, &failure), STATUS_INVALID);
	assert_null(strchr(seen->calls, 'S'));
	assert_string_equal(seen->calls + strlen(seen->calls) - 2, "XE");
	tear_down(state);
	set_up(state);
	scanner.open_busy = 1;
	assert_int_equal(
	    child_start(&child, device_describe, "rig:0", &failure), STATUS_OK);
	expect_fault("scanner in use", "when it has finished"); /* a list does not wait */
	assert_calls("OE");
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_scanner_in_use_is_waited_for),
		T(each_status_that_passes_is_waited_for),
		T(it_is_waited_for_no_longer_than_wanted),
		T(sigterm_ends_the_wait),
		T(each_status_has_its_texts),
		T(a_page_that_breaks_off_is_a_fault),
		T(a_fault_comes_before_the_cancel),
		T(refused_settings_are_made_anew),
		T(impossible_numbers_are_refused),
		T(unknown_pictures_are_a_fault),
		T(a_page_that_changes_is_a_fault),
		T(a_length_beyond_the_buffer_is_a_fault),
		T(a_length_with_the_end_is_none),
		T(a_scanner_that_does_not_open_is_said),
		T(the_first_scanner_is_taken),
		T(scanners_are_listed),
		T(a_scanner_is_described),
	};

	signal(SIGPIPE, SIG_IGN); /* as interrupt_catch() has it */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
