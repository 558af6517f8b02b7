/* Tests of scan2mail/ask.c, with pipes for the terminal. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/account/config.h"
#include "scan2mail/ask.h"
#include "scan2mail/interrupt.h"

enum {
	SHOWN_MAX = 4096,
};

struct desk {
	struct ask ask;
	int typed;  /* what is written here is typed */
	int screen; /* what is shown can be read here */
	char shown[SHOWN_MAX];
};

static void
set_desk(struct desk *d, int source)
{
	int in[2], out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	*d = (struct desk){
		.ask = { .in = in[0], .out = out[1], .source = source },
		.typed = in[1],
		.screen = out[0],
	};
}

/* Closes all and reads what was shown. */
static const char *
clear_desk(struct desk *d)
{
	size_t len = 0;
	ssize_t n;

	close(d->ask.out);
	while ((n = read(d->screen, d->shown + len, SHOWN_MAX - 1 - len)) > 0)
		len += (size_t)n;
	d->shown[len] = '\0';
	close(d->ask.in);
	close(d->screen);
	if (d->typed >= 0)
		close(d->typed);
	return d->shown;
}

static void
type(struct desk *d, const char *text)
{
	assert_int_equal(write(d->typed, text, strlen(text)), (ssize_t)strlen(text));
}

static void
the_question_names_the_deed(void **state)
{
	static const struct {
		int source;
		struct scan_question question;
		const char *shown;
	} cases[] = {
		{ SOURCE_FLATBED, { .pages = 7 },
		    "7 pages. Lay the next page on the glass and press Enter, or type q "
		    "and Enter to end: " },
		{ SOURCE_ADF, { .pages = 1 },
		    "1 page. Put the next stack into the feeder and press Enter, or type "
		    "q and Enter to end: " },
		{ SOURCE_ADF_DUPLEX, { .pages = 0 },
		    "0 pages. Put the next stack into the feeder and press Enter, or type "
		    "q and Enter to end: " },
		{ SOURCE_AUTO, { .pages = 2 },
		    "2 pages. Put the next stack into the feeder, or lay a page on the "
		    "glass, and press Enter, or type q and Enter to end: " },
		{ SOURCE_ADF, { .pages = 3, .backs = true },
		    "3 pages. Turn the stack over, put it back into the feeder and press "
		    "Enter, or type q and Enter to end with the fronts alone: " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct desk d;
		bool go = false;

		set_desk(&d, cases[i].source);
		type(&d, "\n");
		assert_int_equal(
		    ask_person(&d.ask, &cases[i].question, &go, NULL), STATUS_OK);
		assert_true(go);
		assert_string_equal(clear_desk(&d), cases[i].shown);
	}
}

static void
answers_are_understood(void **state)
{
	static const struct {
		const char *typed;
		bool go;
		unsigned asked;
	} cases[] = {
		{ "\n", true, 1 },
		{ "  \r\n", true, 1 },
		{ "q\n", false, 1 },
		{ " Q \n", false, 1 },
		{ "what?\nq\n", false, 2 },
		{ "qq\n\n", true, 2 },
		{ "q q\n\n", true, 2 },
		{ "q                                                                      "
		  "x\n\n",
		    true, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct scan_question question = { .pages = 1 };
		bool go = !cases[i].go;
		unsigned asked = 0;
		struct desk d;

		set_desk(&d, SOURCE_FLATBED);
		type(&d, cases[i].typed);
		assert_int_equal(ask_person(&d.ask, &question, &go, NULL), STATUS_OK);
		assert_int_equal(go, cases[i].go);
		for (const char *at = clear_desk(&d); (at = strstr(at, "1 page.")); at++)
			asked++;
		assert_int_equal(asked, cases[i].asked);
	}
}

/* Ctrl-D ends the asking, and what is there is sent; also in the middle of a line. */
static void
the_end_of_input_is_an_end(void **state)
{
	static const char *const typed[] = { "", "x" };
	const struct scan_question question = { .pages = 1 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct desk d;
		bool go = true;

		set_desk(&d, SOURCE_FLATBED);
		type(&d, typed[i]);
		close(d.typed);
		d.typed = -1;
		assert_int_equal(ask_person(&d.ask, &question, &go, NULL), STATUS_OK);
		assert_false(go);
		assert_string_equal(strrchr(clear_desk(&d), ':'), ": \n");
	}
}

static void
a_broken_terminal_is_told(void **state)
{
	const struct scan_question question = { .pages = 1 };
	struct error e = { "" };
	struct desk d;
	bool go = true;

	(void)state;
	set_desk(&d, SOURCE_FLATBED);
	close(d.screen);
	d.screen = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(ask_person(&d.ask, &question, &go, &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, "cannot be shown"));
	clear_desk(&d);
	set_desk(&d, SOURCE_FLATBED);
	close(d.ask.in);
	d.ask.in = open("/tmp", O_RDONLY | O_CLOEXEC);
	assert_int_equal(ask_person(&d.ask, &question, &go, &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, "cannot be read"));
	assert_true(go);
	clear_desk(&d);
}

/* The last but one: a terminal that was hung up stays so. */
static void
hanging_up_is_an_end(void **state)
{
	const struct scan_question question = { .pages = 1 };
	struct desk d;
	pid_t child;

	(void)state;
	for (int i = 0; i < 2; i++) { /* also for the next question */
		bool go = true;

		set_desk(&d, SOURCE_FLATBED);
		child = i == 0 ? fork() : 0;
		assert_true(child >= 0);
		if (i == 0 && child == 0) {
			char c;

			/* when the question was put */
			_exit(read(d.screen, &c, 1) == 1 ? kill(getppid(), SIGHUP) : 1);
		}
		assert_int_equal(ask_person(&d.ask, &question, &go, NULL), STATUS_OK);
		assert_false(go);
		assert_int_equal(interrupt_signal(), 0);
		clear_desk(&d);
		if (i == 0)
			assert_int_equal(waitpid(child, NULL, 0), child);
	}
}

/* The last test: a signal stays seen. */
static void
a_signal_goes_first(void **state)
{
	const struct scan_question question = { .pages = 1 };
	struct error e = { "" };
	struct desk d;
	bool go = true;

	(void)state;
	set_desk(&d, SOURCE_FLATBED);
	raise(SIGINT);
	alarm(0); /* the bound on cleaning up */
	assert_int_equal(ask_person(&d.ask, &question, &go, &e), STATUS_CANCELLED);
	assert_non_null(strstr(e.text, "INT"));
	assert_true(go);
	clear_desk(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_question_names_the_deed),
		cmocka_unit_test(answers_are_understood),
		cmocka_unit_test(the_end_of_input_is_an_end),
		cmocka_unit_test(a_broken_terminal_is_told),
		cmocka_unit_test(hanging_up_is_an_end),
		cmocka_unit_test(a_signal_goes_first),
	};
	struct error e;

	if (interrupt_catch(&e) != STATUS_OK)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
