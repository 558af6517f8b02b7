/* Tests of scan2mail/device.c: the order of calls, pages, frames, stacks, the end. */
#include "tests/unit/device_rig.h"

#include <time.h>

static void
a_feeder_is_scanned_until_it_is_empty(void **state)
{
	(void)state;
	SCAN(GRAY, PART(PAGE, .piece = 700), START(SANE_STATUS_NO_DOCS));
	expect_ready("simplex");
	expect_page();
	expect_page();
	expect(WIRE_DONE);
	assert_calls("OaSPRPSPRPSCXE");
}

static void
the_glass_gives_one_page(void **state)
{
	struct frame frame;

	(void)state;
	request.source = SOURCE_FLATBED;
	SCAN(SORT(SANE_FRAME_RGB, -1, 200000, .more = true));
	expect_ready("simplex");
	expect(WIRE_PAGE);
	assert_true(wire_get_frame(&frame, &record));
	assert_true(frame.color);
	assert_int_equal(frame.channel, CHANNEL_ALL);
	assert_int_equal(frame.depth, 8);
	assert_int_equal(frame.width, WIDTH);
	assert_int_equal(frame.bytes_per_line, WIDTH);
	assert_int_equal(frame.lines, 0);
	assert_true(frame.x_dpi == 300);
	expect_rows(200000);
	assert_int_equal(record.kind, WIRE_PAGE_END);
	expect(WIRE_DONE);
	assert_calls("OSPRPCXE");
}

/* Each way that a feeder says that it is empty. */
static void
an_empty_feeder_ends_the_stack(void **state)
{
	static const struct take ends[] = { START(SANE_STATUS_NO_DOCS),
		PART(0, .piece = 0), PART(0, .end = SANE_STATUS_NO_DOCS),
		PART(0, .end = SANE_STATUS_NO_DOCS, .ending = FAILS_WITH_LEN) };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		const char *calls = i ? "OaSPRPSPRCXE" : "OaSPRPSCXE";

		set_up(state);
		SCAN(GRAY, ends[i]);
		expect_ready("simplex");
		expect_page();
		expect(WIRE_DONE);
		assert_calls(calls);
		set_up(state);
		SCAN(ends[i]);
		expect_ready("simplex");
		expect_fault("feeder empty", "put the sheets in");
		assert_calls(i ? "OaSPRCXE" : "OaSCXE");
	}
}

static void
auto_falls_back_to_the_glass(void **state)
{
	(void)state;
	request.source = SOURCE_AUTO;
	SCAN(START(SANE_STATUS_NO_DOCS), GRAY);
	expect_ready("simplex");
	expect_ready("simplex");
	expect_page();
	expect(WIRE_DONE);
	assert_calls("OaSCfSPRPCXE");
	set_up(state);
	request.source = SOURCE_AUTO;
	SCAN(PART(0, .piece = 0), START(SANE_STATUS_NO_DOCS));
	expect_ready("simplex");
	expect_ready("simplex");
	expect_fault("no page on the glass", "lay one there");
	assert_calls("OaSPRCfSCXE");
	set_up(state);
	request.source = SOURCE_AUTO; /* a page was there: no look at the glass */
	SCAN(GRAY, START(SANE_STATUS_NO_DOCS), GRAY);
	expect_ready("simplex");
	expect_page();
	expect(WIRE_DONE);
	assert_calls("OaSPRPSCXE");
}

/* -- three frames ------------------------------------------------------------------- */

static void
three_frames_make_a_page(void **state)
{
	static const SANE_Frame kinds[] = { SANE_FRAME_BLUE, SANE_FRAME_RED,
		SANE_FRAME_GREEN };
	static const int channels[] = { CHANNEL_BLUE, CHANNEL_RED, CHANNEL_GREEN };
	struct frame frame;

	(void)state;
	SCAN(PLANE(kinds[0]), PLANE(kinds[1]), LAST(kinds[2]), PLANE(kinds[2]),
	    PLANE(kinds[0]), PLANE(kinds[1]), START(SANE_STATUS_NO_DOCS));
	expect_ready("simplex");
	for (int i = 0; i < 3; i++) {
		if (i == 0)
			expect(WIRE_PAGE);
		assert_int_equal(record.kind, i ? WIRE_PLANE : WIRE_PAGE);
		assert_true(wire_get_frame(&frame, &record));
		assert_int_equal(frame.channel, channels[i]);
		assert_false(frame.color);
		expect_rows(PAGE);
	}
	assert_int_equal(record.kind, WIRE_PAGE_END);
	expect(WIRE_PAGE); /* the second page; nobody said which frame is the last */
	for (int i = 0; i < 3; i++)
		expect_rows(PAGE);
	assert_int_equal(record.kind, WIRE_PAGE_END);
	expect(WIRE_DONE);
	assert_calls("OaSPRPSPRPSPRPSPRPSPRPSPRPSCXE");
}

static void
a_colour_too_few_or_twice_is_a_fault(void **state)
{
	static const struct {
		struct take second;
		const char *words;
	} cases[] = {
		{ PLANE(SANE_FRAME_RED), "colours mixed up" },
		{ GRAY, "colours mixed up" },
		{ START(SANE_STATUS_NO_DOCS), "colours missing" },
		{ LAST(SANE_FRAME_GREEN), "colours missing" },
		{ START(SANE_STATUS_JAMMED), "paper jam" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		set_up(state);
		SCAN(PLANE(SANE_FRAME_RED), cases[i].second);
		expect_ready("simplex");
		expect(WIRE_PAGE);
		expect_rows(PAGE);
		if (record.kind == WIRE_PLANE)
			expect_rows(PAGE);
		assert_fault(cases[i].words, "");
		tear_down(state);
	}
	set_up(state);
}

/* -- more --------------------------------------------------------------------------- */

static void
more_asks_between_pages_on_the_glass(void **state)
{
	(void)state;
	request.source = SOURCE_FLATBED;
	request.more = true;
	/* The third one wants a second sane_cancel(). */
	SCAN(GRAY, GRAY, START(SANE_STATUS_NO_DOCS), GRAY);
	expect_ready("simplex");
	for (int i = 0; i < 3; i++) {
		expect_page();
		expect(WIRE_ASK);
		if (i < 2)
			assert_true(child_go(child));
	}
	child_end(child, LIMIT_MS);
	child = NULL;
	assert_string_equal(seen->calls, "OSPRPCSPRPCSCSPRPCXE");
}

static void
backs_ask_between_stacks(void **state)
{
	const char *text;

	(void)state;
	request.backs = BACKS_REVERSED;
	SCAN(GRAY, GRAY, START(SANE_STATUS_NO_DOCS), START(SANE_STATUS_NO_DOCS), GRAY,
	    START(SANE_STATUS_NO_DOCS));
	expect_ready("simplex");
	expect_page();
	expect_page();
	expect(WIRE_ASK);
	assert_true(child_go(child));
	expect(WIRE_BUSY); /* nobody has put them in */
	assert_true(wire_get_texts(&text, 1, &record));
	assert_non_null(strstr(text, "no paper"));
	expect(WIRE_ASK);
	assert_true(child_go(child));
	expect_page();
	expect(WIRE_ASK);
	child_end(child, LIMIT_MS);
	child = NULL;
	assert_string_equal(seen->calls, "OaSPRPSPRPSCSCSPRPSCXE");
}

/* A jam in the second stack ends it. */
static void
a_fault_after_asking_is_said(void **state)
{
	(void)state;
	request.more = true;
	SCAN(GRAY, START(SANE_STATUS_NO_DOCS), START(SANE_STATUS_JAMMED));
	expect_ready("simplex");
	expect_page();
	expect(WIRE_ASK);
	assert_true(child_go(child));
	expect_fault("paper jam", "jammed");
	assert_calls("OaSPRPSCSCXE");
}

/* -- the end from outside ----------------------------------------------------------- */

static void
stop(void)
{
	expect_ready("simplex");
	expect(WIRE_PAGE);
	expect(WIRE_ROWS);
	while (sem_wait(&seen->blocks) != 0)
		continue;
	assert_int_equal(kill(seen->pid, SIGTERM), 0);
}

/* The driver comes back: sane_cancel() is called outside the handler, and what is read
 * afterwards is nobody's. */
static void
sigterm_cancels_once(void **state)
{
	(void)state;
	SCAN(PART(CHILD_BLOCK_SIZE, .ending = BLOCKS), GRAY);
	stop();
	assert_calls("OaSPRPCXE");
}

/* It does not: the last means. The page that seems to end so is no page. */
static void
sigterm_cancels_a_driver_that_waits(void **state)
{
	(void)state;
	SCAN(PART(CHILD_BLOCK_SIZE + 5, .ending = BLOCKS_AGAIN), GRAY);
	stop();
	assert_calls("OaSPRPCXE");
}

static void
a_deadlock_in_cancel_ends_in_time(void **state)
{
	struct timespec from, to;

	(void)state;
	scanner.hangs_in_cancel = true;
	SCAN(PART(CHILD_BLOCK_SIZE, .ending = BLOCKS));
	expect_ready("simplex");
	expect(WIRE_PAGE);
	clock_gettime(CLOCK_MONOTONIC, &from);
	child_end(child, 0);
	clock_gettime(CLOCK_MONOTONIC, &to);
	child = NULL;
	assert_in_range(to.tv_sec - from.tv_sec, 0, 1);
	assert_int_equal(kill(seen->pid, 0), -1);
	assert_string_equal(seen->calls, "OaSPRPC");
}

/* Nobody reads any more: it ends by itself, at a page's end and in the midst of one. */
static void
it_ends_when_nobody_reads(void **state)
{
	(void)state;
	SCAN(PART(100 * CHILD_BLOCK_SIZE, .piece = 0), GRAY, GRAY);
	expect_ready("simplex");
	expect(WIRE_PAGE);
	child_end(child, LIMIT_MS);
	child = NULL;
	assert_string_equal(seen->calls, "OaSPRPCXE");
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_feeder_is_scanned_until_it_is_empty),
		T(the_glass_gives_one_page),
		T(an_empty_feeder_ends_the_stack),
		T(auto_falls_back_to_the_glass),
		T(three_frames_make_a_page),
		T(a_colour_too_few_or_twice_is_a_fault),
		T(more_asks_between_pages_on_the_glass),
		T(backs_ask_between_stacks),
		T(a_fault_after_asking_is_said),
		T(sigterm_cancels_once),
		T(sigterm_cancels_a_driver_that_waits),
		T(a_deadlock_in_cancel_ends_in_time),
		T(it_ends_when_nobody_reads),
	};

	signal(SIGPIPE, SIG_IGN); /* as interrupt_catch() has it */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
