/* Tests of scan2mail/scan.c, with scan_rig.h in the place of a scanner. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "tests/unit/scan_rig.h"

enum { END_LIMIT_MS = 20 * 1000 }; /* of a wait of a second, on a busy machine */

static void
all_pages_are_delivered(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f, "rppp."), STATUS_OK);
	assert_int_equal(f->result.pages, 3);
	assert_document(f, "012", "", false);
	assert_int_equal(count_in(&f->log, "the scanner is ready"), 1);
	assert_int_equal(count_in(&f->log, "page 3: 8 x 4 mm, 72 dpi, gray"), 1);
}

static void
whole_pages_survive_a_fault(void **state)
{
	static const struct {
		const char *script, *pages, *remark, *says;
	} cases[] = {
		{ "rpp(hf", "01", "paper jam after page 2: 2 pages attached",
		    "paper is jammed: look" },
		{ "rpf", "0", "paper jam after page 1: 1 page attached", "look" },
		{ "rp(h!", "0",
		    "failure of the scanner's driver after page 1: 1 page attached",
		    "crashed" },
		{ "rpp(h)", "01", "incomplete page after page 2: 2 pages attached",
		    "5 of 10 lines" },
		{ "rp1", "0",
		    "failure of the scanner's driver after page 1: 1 page attached",
		    "astray" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < 3 * sizeof(cases) / sizeof(cases[0]); i++) {
		size_t k = i / 3;
		int partial = (int)(i % 3);

		f->request.partial = partial;
		assert_int_equal(run(f, cases[k].script), STATUS_INVALID);
		assert_non_null(strstr(f->error.text, cases[k].says));
		if (partial == PARTIAL_DROP) {
			assert_false(f->committed);
			assert_int_equal(f->result.pages, 0);
			assert_string_equal(f->result.remark, "");
			assert_non_null(strstr(f->error.text,
			    cases[k].pages[1] ? "2 pages scanned before were dropped"
					      : "1 page scanned before was dropped"));
			continue;
		}
		assert_int_equal(f->result.pages, strlen(cases[k].pages));
		assert_document(
		    f, cases[k].pages, cases[k].remark, partial == PARTIAL_HOLD);
		assert_null(strstr(f->error.text, "dropped"));
	}
}

/* No page: nothing is delivered, and nothing said of dropped ones. */
static void
nothing_comes_of_nothing(void **state)
{
	static const char *const scripts[][2] = { { "r.", "no page" }, { "f", "jammed" },
		{ "rf", "jammed" }, { "r(h)", "5 of 10" }, { "r?", "no page" },
		{ "!", "crashed" } };
	struct fixture *f = *state;

	for (size_t i = 0; i < 2 * sizeof(scripts) / sizeof(scripts[0]); i++) {
		f->request.partial = i % 2 ? PARTIAL_DROP : PARTIAL_SEND;
		assert_int_equal(run(f, scripts[i / 2][0]), STATUS_INVALID);
		assert_non_null(strstr(f->error.text, scripts[i / 2][1]));
		assert_null(strstr(f->error.text, "dropped"));
		assert_false(f->committed);
		assert_int_equal(f->result.pages, 0);
	}
}

/* Records out of their turn, and such as are no records. */
static void
nonsense_ends_the_scan(void **state)
{
	static const char *const scripts[] = { "p", "l", "?", ".", "rl", "r)", "rx",
		"rG)", "rpR)", "rp((", "rp(.", "rp(?", "rp(r", "rp(lG", "rpx", "rpRlR",
		"rp(o", "rp(ho", "rpe", "rprrrrrp." };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		bool page = scripts[i][0] == 'r' && scripts[i][1] == 'p';

		assert_int_equal(run(f, scripts[i]), STATUS_INVALID);
		assert_string_not_equal(f->error.text, "");
		if (strpbrk(scripts[i], "xoe"))
			assert_non_null(strstr(f->error.text, "astray"));
		assert_int_equal(f->committed, page);
		assert_int_equal(f->result.pages, page);
	}
}

static void
three_frames_make_a_page(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f, "rBlRlGl)p."), STATUS_OK);
	assert_document(f, "01", "", false);
	assert_int_equal(count_in(&f->log, "72 dpi, colour"), 1);
	assert_int_equal(run(f, "rpBlRl)."), STATUS_INVALID);
	assert_document(f, "0", "incomplete page after page 1: 1 page attached", false);
	assert_non_null(strstr(f->error.text, "no green"));
}

/* In a duplex feeder, by its own word or by what was asked for. */
static void
both_sides_are_counted(void **state)
{
	static const char odd[] = "3 pages from both sides of sheets: an odd number, one "
				  "side may be missing";
	static const char fault[] = "paper jam after page 3: 3 pages attached";
	static const struct {
		int source;
		const char *script, *pages, *remark;
	} cases[] = {
		{ SOURCE_ADF_DUPLEX, "rppp.", "01v2", odd },
		{ SOURCE_ADF_DUPLEX, "rpppp.", "01v23v", "" },
		{ SOURCE_ADF_DUPLEX, "sppp.", "012", "" },
		{ SOURCE_AUTO, "dppp.", "01v2", odd },
		{ SOURCE_AUTO, "rppp.", "012", "" },
		{ SOURCE_AUTO, "dspp.", "01", "" },
		{ SOURCE_ADF_DUPLEX, "rpppf", "01v2", fault },
	};
	struct fixture *f = *state;

	f->request.rotate_back = 180;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		f->request.source = cases[i].source;
		assert_int_equal(run(f, cases[i].script),
		    cases[i].remark == fault ? STATUS_INVALID : STATUS_OK);
		assert_document(f, cases[i].pages, cases[i].remark, false);
		assert_int_equal(count_in(&f->log, "the scanner is ready"), 1);
	}
}

/* Question by question: how many pages there are, and whether for backs. */
static void
more_is_asked_for(void **state)
{
	static const struct {
		int backs;
		bool more, answer[ANSWERS_MAX];
		const char *script, *pages, *remark;
		struct scan_question asked[ANSWERS_MAX];
		size_t count;
	} cases[] = {
		{ BACKS_NONE, true, { true, true }, "rp?pp?p?p?", "0123", "",
		    { { 1, false }, { 3, false }, { 4, false } }, 3 },
		{ BACKS_NONE, true, { false }, "rp?p", "0", "", { { 1, false } }, 1 },
		{ BACKS_REVERSED, false, { true }, "rppp?ppp?p", "05v14v23v", "",
		    { { 3, true } }, 1 },
		{ BACKS_SAME, false, { true }, "rppp?ppp.", "03v14v25v", "",
		    { { 3, true } }, 1 },
		{ BACKS_REVERSED, false, { false }, "rppp?p", "012", "", { { 3, true } },
		    1 },
		{ BACKS_REVERSED, false, { true }, "rppp?pp.", "014v23v",
		    "3 fronts and 2 backs", { { 3, true } }, 1 },
		/* an empty feeder is asked for once more */
		{ BACKS_REVERSED, false, { true, true }, "rpp??pp?", "03v12v", "",
		    { { 2, true }, { 2, true } }, 2 },
		{ BACKS_REVERSED, true, { true, true, true }, "rpp?pp?p?p?", "03v12v45v",
		    "", { { 2, true }, { 4, false }, { 5, true }, { 6, false } }, 4 },
	};
	struct fixture *f = *state;

	f->request.rotate_back = 180;
	f->job.ask = answer;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		f->request.backs = cases[i].backs;
		f->request.more = cases[i].more;
		memcpy(f->person.answer, cases[i].answer, sizeof(f->person.answer));
		assert_int_equal(run(f, cases[i].script), STATUS_OK);
		assert_document(f, cases[i].pages, cases[i].remark, false);
		assert_int_equal(f->person.count, cases[i].count);
		for (size_t k = 0; k < cases[i].count; k++) {
			assert_int_equal(
			    f->person.asked[k].pages, cases[i].asked[k].pages);
			assert_int_equal(
			    f->person.asked[k].backs, cases[i].asked[k].backs);
		}
	}
}

static void
faults_among_backs_keep_what_there_is(void **state)
{
	static const char remark[] = "paper jam after page 5: 5 pages attached; 3 fronts "
				     "and 2 backs";
	struct fixture *f = *state;

	f->job.ask = answer;
	f->person.answer[0] = true;
	f->request.backs = BACKS_REVERSED;
	f->request.partial = PARTIAL_HOLD;
	assert_int_equal(run(f, "rppp?pp(hf"), STATUS_INVALID);
	assert_document(f, "01423", remark, true);
	f->request.backs = BACKS_SAME;
	assert_int_equal(run(f, "rppp?pp(hf"), STATUS_INVALID);
	assert_document(f, "03142", remark, true);
	/* the child dies while the person turns the sheets over */
	assert_int_equal(run(f, "rppp?!"), STATUS_INVALID);
	assert_document(f, "012",
	    "failure of the scanner's driver after page 3: 3 pages attached; 3 fronts "
	    "and 0 backs",
	    true);
}

/* Nobody to ask, or no way to: that is the end of the stack, and pages are kept. A signal
 * takes all back. */
static void
unanswered_questions_end_the_stack(void **state)
{
	struct fixture *f = *state;

	f->request.more = true;
	assert_int_equal(run(f, "rpp?p"), STATUS_OK);
	assert_document(f, "01", "", false);
	f->job.ask = answer;
	f->person.answer[0] = true;
	f->person.status = STATUS_RETRY;
	assert_int_equal(run(f, "rpp?p"), STATUS_OK);
	assert_document(f, "01", "", false);
	assert_int_equal(count_in(&f->log, "no answer"), 1);
	f->person.status = STATUS_CANCELLED;
	assert_int_equal(run(f, "rpp?p"), STATUS_CANCELLED);
	assert_false(f->committed);
	assert_int_equal(f->result.pages, 99);
	/* nothing was wished for: nobody is asked */
	f->request.more = false;
	assert_int_equal(run(f, "rpp?p"), STATUS_OK);
	assert_int_equal(f->person.count, 0);
}

static void
being_busy_is_said_once_and_has_its_bound(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f, "bbbrpbbbp."), STATUS_OK);
	assert_document(f, "01", "", false);
	assert_int_equal(count_in(&f->log, "in use: waiting"), 2); /* two waits */
	f->request.waits.busy = 0;
	f->request.waits.start = 1;
	f->request.waits.open = 1;
	assert_int_equal(run(f, "rpz"), STATUS_INVALID);
	assert_document(f, "0", "scanner in use after page 1: 1 page attached", false);
	assert_non_null(strstr(f->error.text, "still in use after 1 second"));
	assert_int_equal(count_in(&f->log, "in use: waiting"), 1);
}

/* Each phase has its own bound. */
static void
silence_is_bounded(void **state)
{
	static const struct {
		struct scan_waits waits;
		const char *script;
		bool page;
		int seconds;
	} cases[] = {
		{ { LONG, 1, LONG, LONG, LONG }, "~", false, 1 },
		{ { LONG, LONG, 1, LONG, LONG }, "rp~", true, 1 },
		{ { LONG, LONG, LONG, 1, LONG }, "rp(h~", true, 1 },
		/* the next colour may take as long as a page to start */
		{ { LONG, LONG, 2, 1, LONG }, "rpRl~", true, 2 },
	};
	struct fixture *f = *state;
	char says[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		f->request.waits = cases[i].waits;
		assert_int_equal(run(f, cases[i].script), STATUS_INVALID);
		snprintf(says, sizeof(says), "has not answered for %d second",
		    cases[i].seconds);
		assert_non_null(strstr(f->error.text, says));
		assert_int_equal(f->committed, cases[i].page);
		if (cases[i].page)
			assert_document(f, "0",
			    "no answer from the scanner after page 1: 1 page attached",
			    false);
	}
}

/* A scanner that has come to its end has its own time to close, and is ended then. */
static void
closing_is_bounded(void **state)
{
	struct fixture *f = *state;
	int64_t begun = clock_ms();

	f->request.waits = (struct scan_waits){ LONG, LONG, LONG, LONG, 1 };
	assert_int_equal(run(f, "rp.~"), STATUS_OK);
	assert_in_range(clock_ms() - begun, 1000, END_LIMIT_MS);
	assert_document(f, "0", "", false);
}

/* A scanner may say that it is set a few times, of each stack. */
static void
being_ready_has_its_bound(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f, "rrrrp."), STATUS_OK);
	assert_int_equal(run(f, "rrrrrp."), STATUS_INVALID);
	assert_non_null(strstr(f->error.text, "astray"));
	f->job.ask = answer;
	f->request.more = true;
	f->person.answer[0] = true;
	assert_int_equal(run(f, "rrrrp?rrrrp?"), STATUS_OK);
	assert_document(f, "01", "", false);
}

/* Runs a script that crashes amid a page, with a signal at the write of this number. */
static enum status
run_into(struct fixture *f, int number, int write)
{
	enum status status;

	f->number = number;
	f->writes = write;
	assert_int_equal(interrupt_catch(&f->error), STATUS_OK);
	status = run(f, "rpp(h!");
	alarm(0);
	interrupt_release();
	return status;
}

/* Whenever SIGTERM comes, the whole pages there are count, as they do after a fault. */
static void
sigterm_keeps_whole_pages(void **state)
{
	struct fixture *f = *state;
	char pages[4], remark[100];
	bool kept = false;
	int write = 0;

	do {
		enum status status = run_into(f, SIGTERM, ++write);

		assert_true(f->committed || f->whole == 0);
		assert_int_equal(
		    status, f->committed ? STATUS_INVALID : STATUS_CANCELLED);
		if (!f->committed || strstr(f->error.text, "crashed"))
			continue; /* it came after that */
		assert_string_equal(f->error.text, "stopped by the signal TERM");
		assert_in_range(f->result.pages, f->whole, 2);
		snprintf(pages, sizeof(pages), "%.*s", (int)f->result.pages, "01");
		snprintf(remark, sizeof(remark),
		    "stopped after page %u: %u page%s attached", f->result.pages,
		    f->result.pages, f->result.pages == 1 ? "" : "s");
		kept = true;
		assert_document(f, pages, remark, false);
	} while (f->came);
	assert_true(kept);
}

/* Any other takes all back; and so does SIGTERM where nobody wants a part. */
static void
other_signals_take_all_back(void **state)
{
	static const int numbers[] = { SIGINT, SIGHUP, SIGTERM };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		f->request.partial = numbers[i] == SIGTERM ? PARTIAL_DROP : PARTIAL_SEND;
		for (int write = 1; write <= 8; write++) {
			assert_int_equal(
			    run_into(f, numbers[i], write), STATUS_CANCELLED);
			assert_true(f->came);
			assert_false(f->committed);
			assert_int_equal(f->result.pages, 99);
			assert_non_null(strstr(f->error.text, "nothing was sent"));
		}
	}
}

/* What the destination says counts; what the scanner said before does not go unsaid. */
static void
failures_of_the_destination_come_back(void **state)
{
	struct fixture *f = *state;

	f->commit = STATUS_RETRY;
	assert_int_equal(run(f, "rp."), STATUS_RETRY);
	assert_string_equal(f->error.text, "the queue is away");
	assert_int_equal(f->result.pages, 99);
	assert_int_equal(run(f, "rpf"), STATUS_RETRY);
	assert_string_equal(f->error.text, "the queue is away");
	assert_int_equal(count_in(&f->log, "paper is jammed: look"), 1);
	f->commit = STATUS_INVALID; /* is not the scanner's */
	assert_int_equal(run(f, "rp."), STATUS_RETRY);
}

/* No room for a page is a fault like another: what was whole counts. */
static void
pages_without_room_are_faults(void **state)
{
	static const char remark[] = "no room for a page after page 2: 2 pages attached";
	struct fixture *f = *state;

	f->job.scratch_dir = "/nonexistent";
	assert_int_equal(run(f, "rppRl"), STATUS_INVALID);
	assert_non_null(strstr(f->error.text, "/nonexistent"));
	assert_document(f, "01", remark, false);
	f->request.partial = PARTIAL_HOLD;
	assert_int_equal(run(f, "rppRl"), STATUS_INVALID);
	assert_document(f, "01", remark, true);
	f->request.partial = PARTIAL_DROP;
	assert_int_equal(run(f, "rppRl"), STATUS_INVALID);
	assert_non_null(strstr(f->error.text, "2 pages scanned before were dropped"));
	assert_false(f->committed);
	/* without a page before it, it is what it is */
	assert_int_equal(run(f, "rRl"), STATUS_RETRY);
	assert_non_null(strstr(f->error.text, "/nonexistent"));
	assert_int_equal(f->result.pages, 0);
}

/* A target that is full and has kept no room takes no document; that is said once. */
static void
full_targets_take_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f, "rp."), STATUS_OK);
	f->room = f->out.len - 1;
	assert_int_equal(run(f, "rpppppp."), STATUS_RETRY);
	assert_string_equal(f->error.text, "the target is full");
	assert_false(f->committed);
	assert_int_equal(count_in(&f->log, "the target is full"), 0);
}

static void
quality_reaches_the_page(void **state)
{
	struct fixture *f = *state;
	size_t len;

	f->request.quality = 95;
	assert_int_equal(run(f, "rp."), STATUS_OK);
	len = f->out.len;
	f->request.quality = 5;
	assert_int_equal(run(f, "rp."), STATUS_OK);
	assert_int_not_equal(f->out.len, len);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(all_pages_are_delivered),
		T(whole_pages_survive_a_fault),
		T(nothing_comes_of_nothing),
		T(nonsense_ends_the_scan),
		T(three_frames_make_a_page),
		T(both_sides_are_counted),
		T(more_is_asked_for),
		T(faults_among_backs_keep_what_there_is),
		T(unanswered_questions_end_the_stack),
		T(being_busy_is_said_once_and_has_its_bound),
		T(silence_is_bounded),
		T(closing_is_bounded),
		T(being_ready_has_its_bound),
		T(sigterm_keeps_whole_pages),
		T(other_signals_take_all_back),
		T(failures_of_the_destination_come_back),
		T(pages_without_room_are_faults),
		T(full_targets_take_nothing),
		T(quality_reaches_the_page),
	};

	signal(SIGPIPE, SIG_IGN); /* as interrupt_catch() has it */
	log_open(LOG_PLAIN, "scan2mail", LEVEL_INFO);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
