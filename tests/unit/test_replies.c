/*
 * Tests of lib/send/replies.c: each line of tests/golden/replies.in against the same line
 * of replies.ref. The source is included, so that the test sees which row of its table a
 * reply meets: every row must be met.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/send/replies.c" /* NOLINT: for its table */

enum {
	ROWS = sizeof(rows) / sizeof(rows[0]),
	LINE_MAX_BYTES = 1024,
};

static const char *const status_names[] = {
	[STATUS_OK] = "OK",
	[STATUS_REFUSED] = "REFUSED",
	[STATUS_RETRY] = "RETRY",
	[STATUS_SETTINGS] = "SETTINGS",
};

static FILE *
open_golden(const char *name)
{
	FILE *f = fopen(name, "r");

	if (!f)
		fail_msg("%s: %s (run from the checkout)", name, strerror(errno));
	return f;
}

static void
chomp(char *line)
{
	line[strcspn(line, "\n")] = '\0';
}

/* The next line that is no comment; false at the end. */
static bool
next_line(FILE *f, char *line)
{
	do {
		if (!fgets(line, LINE_MAX_BYTES, f))
			return false;
		if (!strchr(line, '\n'))
			fail_msg("a line is too long, or has no end: %s", line);
		chomp(line);
	} while (line[0] == '#');
	return true;
}

/* The stage by the last word of its name: "the recipient" is RCPT here. */
static enum stage
read_stage(const char *word)
{
	static const char *const words[] = { "connection", "EHLO", "STARTTLS", "login",
		"MAIL", "RCPT", "DATA", "message" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i], word) == 0)
			return (enum stage)i;
	fail_msg("no stage: %s", word);
	return STAGE_DONE;
}

/* Takes a line of replies.in apart. */
static struct reply
read_reply(const char *line)
{
	struct reply r = { .code = 0 };
	char stage[16], enhanced[12];
	int text = 0;

	if (sscanf(line, "%15s %d %11s %n", stage, &r.code, enhanced, &text) != 3 ||
	    text == 0)
		fail_msg("not 'stage code enhanced text': %s", line);
	r.stage = read_stage(stage);
	if (strcmp(enhanced, "-") != 0)
		snprintf(r.enhanced, sizeof(r.enhanced), "%s", enhanced);
	snprintf(r.text, sizeof(r.text), "%s", line + text);
	return r;
}

/* As a line of replies.ref. */
static void
write_class(char *out, struct reply_class class)
{
	assert_in_range(class.status, 0, STATUS_RETRY);
	assert_non_null(status_names[class.status]);
	snprintf(out, LINE_MAX_BYTES, "%s %s", status_names[class.status], class.advice);
}

static size_t
find_row(const struct reply *r)
{
	size_t i = 0;

	while (i < ROWS && !fits(&rows[i], r))
		i++;
	return i;
}

static void
classifies_as_written(void **state)
{
	FILE *in = open_golden("tests/golden/replies.in");
	FILE *ref = open_golden("tests/golden/replies.ref");
	char line[LINE_MAX_BYTES], expected[LINE_MAX_BYTES], found[LINE_MAX_BYTES];
	bool met[ROWS] = { false };

	(void)state;
	while (next_line(in, line)) {
		struct reply r = read_reply(line);
		size_t row = find_row(&r);

		write_class(found, reply_classify(&r));
		if (!next_line(ref, expected))
			fail_msg("replies.ref lacks: %s", found);
		if (strcmp(found, expected) != 0)
			print_error("# %s\n", line);
		assert_string_equal(found, expected);
		assert_true(row < ROWS);
		met[row] = true;
	}
	assert_false(next_line(ref, expected));
	for (size_t i = 0; i < ROWS; i++)
		if (!met[i])
			fail_msg("no line of replies.in meets row %zu (%s)", i,
			    rows[i].result.advice);
	fclose(in);
	fclose(ref);
}

/* Whatever a server says has a class. */
static void
never_fails(void **state)
{
	static const char *const codes[] = { "", "5.7.139", "9.9.9", "-1" };

	(void)state;
	for (int stage = STAGE_GREETING; stage <= STAGE_DONE; stage++)
		for (int code = 100; code < 1000; code++)
			for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
				struct reply r = { .stage = (enum stage)stage,
					.code = code };
				struct reply_class class;

				snprintf(r.enhanced, sizeof(r.enhanced), "%s", codes[i]);
				class = reply_classify(&r);
				assert_non_null(class.advice);
				if (class.status == STATUS_OK)
					assert_true(
					    stage == STAGE_BODY && code / 100 == 2);
			}
}

/* Nothing but a 2yz to the message itself may pass for sent, and no 4yz may end a job. */
static void
keeps_jobs_that_may_still_go(void **state)
{
	(void)state;
	for (int stage = STAGE_GREETING; stage <= STAGE_BODY; stage++)
		for (int code = 400; code < 500; code++) {
			const struct reply r = { .stage = (enum stage)stage,
				.code = code };

			assert_int_equal(reply_classify(&r).status, STATUS_RETRY);
		}
}

static void
explains(void **state)
{
	struct reply r = { .stage = STAGE_RCPT, .code = 550, .enhanced = "5.1.1" };
	struct error e;

	(void)state;
	memcpy(r.text, "who?", 5);
	assert_int_equal(reply_explain(&r, &e), STATUS_REFUSED);
	assert_string_equal(e.text,
	    "the server refuses a recipient; check the address and print again (the "
	    "server said to the recipient: 550 5.1.1 who?)");
	r.enhanced[0] = '\0';
	assert_int_equal(reply_explain(&r, &e), STATUS_REFUSED);
	assert_non_null(strstr(e.text, "the recipient: 550 who?)"));
	memset(r.text, 'x', sizeof(r.text) - 1);
	assert_int_equal(reply_explain(&r, &e), STATUS_REFUSED);
	assert_int_equal(strspn(strstr(e.text, "550 ") + 4, "x"), 300);
	assert_int_equal(e.text[strlen(e.text) - 1], ')');
	assert_int_equal(reply_explain(&r, NULL), STATUS_REFUSED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classifies_as_written),
		cmocka_unit_test(never_fails),
		cmocka_unit_test(keeps_jobs_that_may_still_go),
		cmocka_unit_test(explains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
