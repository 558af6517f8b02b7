/*
 * Tests of lib/send/replies.c: each line of tests/golden/replies.in against the same line
 * of replies.ref, and what must hold whatever a server says. The source is included, so
 * that the test sees the rows of its table.
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

/* The first row from `from` on that fits. */
static size_t
next_fitting(const struct reply *r, size_t from)
{
	while (from < ROWS && !fits(&rows[from], r))
		from++;
	return from;
}

static void
classifies_as_written(void **state)
{
	FILE *in = open_golden("tests/golden/replies.in");
	FILE *ref = open_golden("tests/golden/replies.ref");
	char line[LINE_MAX_BYTES], expected[LINE_MAX_BYTES], found[LINE_MAX_BYTES];

	(void)state;
	while (next_line(in, line)) {
		struct reply r = read_reply(line);
		struct reply_class class = reply_classify(&r);

		snprintf(found, sizeof(found), "%s: %s", verdict_name(class.verdict),
		    class.advice);
		if (!next_line(ref, expected))
			fail_msg("replies.ref lacks: %s", found);
		if (strcmp(found, expected) != 0)
			print_error("# %s\n", line);
		assert_string_equal(found, expected);
	}
	assert_false(next_line(ref, expected));
	fclose(in);
	fclose(ref);
}

/* Each row is met, and each but the last decides something: some line of replies.in
 * would fall to another class without it, or if it stood at the end. */
static void
needs_every_row(void **state)
{
	FILE *in = open_golden("tests/golden/replies.in");
	char line[LINE_MAX_BYTES];
	bool needed[ROWS] = { false };

	(void)state;
	while (next_line(in, line)) {
		struct reply r = read_reply(line);
		size_t row = next_fitting(&r, 0), next;

		assert_true(row < ROWS);
		next = next_fitting(&r, row + 1);
		if (next == ROWS || rows[row].result != rows[next].result)
			needed[row] = true;
	}
	for (size_t i = 0; i < ROWS; i++)
		if (!needed[i])
			fail_msg("no line of replies.in needs row %zu (%s, %s)", i,
			    rows[i].enhanced ? rows[i].enhanced : "-",
			    rows[i].text ? rows[i].text : rows[i].result->advice);
	fclose(in);
}

/* A reply with the enhanced code and the text that a row looks for. */
static struct reply
imitate(const struct row *row, enum stage stage, int code)
{
	struct reply r = { .stage = stage, .code = code };

	if (row->enhanced) {
		snprintf(r.enhanced, sizeof(r.enhanced), "%s", row->enhanced);
		r.enhanced[strcspn(r.enhanced, "-")] = '\0';
		if (strchr(r.enhanced, '*'))
			*strchr(r.enhanced, '*') = '0';
	}
	if (row->text)
		snprintf(r.text, sizeof(r.text), "%s", row->text + (*row->text == '^'));
	return r;
}

/* Whether nothing but this recipient, or this message, is held up by it. */
static bool
is_of_this_job(enum verdict v)
{
	return v == VERDICT_RECIPIENT || v == VERDICT_RECIPIENT_LATER ||
	    v == VERDICT_TOO_LARGE;
}

/* Whether it is about this connection or its login, whoever the recipient is. */
static bool
is_of_the_connection(int code)
{
	return code == 421 || code == 432 || code == 530;
}

/* What no server may bring about, whatever it says. */
static void
check_promises(const struct reply *r, struct reply_class class)
{
	bool at_rcpt = r->stage == STAGE_RCPT;

	assert_non_null(class.advice);
	if (class.verdict == VERDICT_SENT)
		assert_true(r->stage == STAGE_BODY && r->code / 100 == 2);
	if (verdict_status(class.verdict) == STATUS_REFUSED)
		assert_true(r->code / 100 == 5 && r->stage >= STAGE_MAIL);
	if (class.verdict == VERDICT_RECIPIENT ||
	    class.verdict == VERDICT_RECIPIENT_LATER)
		assert_true(at_rcpt);
	if (class.verdict == VERDICT_MESSAGE || class.verdict == VERDICT_SETTINGS)
		assert_false(at_rcpt);
	if (at_rcpt && (r->code / 100 == 4 || r->code / 100 == 5))
		assert_true(
		    is_of_this_job(class.verdict) || is_of_the_connection(r->code));
}

/* Whatever a server says has a class: every code at every stage, and with the enhanced
 * codes and texts of every row. */
static void
never_fails(void **state)
{
	(void)state;
	for (int stage = STAGE_GREETING; stage <= STAGE_DONE; stage++)
		for (int code = 100; code < 1000; code++)
			for (size_t i = 0; i < ROWS; i++) {
				struct reply r =
				    imitate(&rows[i], (enum stage)stage, code);

				check_promises(&r, reply_classify(&r));
			}
}

static void
takes_nonsense(void **state)
{
	static const char *const codes[] = { "", "5", "5.", "5.7", "5.7.", "-1", "9.9.9",
		"5.7.-606", "5.7.6o6", "5.7.30 ", "5.7.999999999", "5.2.*", "....",
		"\xff" };

	(void)state;
	for (int stage = STAGE_GREETING; stage <= STAGE_DONE; stage++)
		for (int code = 200; code < 600; code++)
			for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
				struct reply r = { .stage = (enum stage)stage,
					.code = code };
				struct reply bare = r;

				snprintf(r.enhanced, sizeof(r.enhanced), "%s", codes[i]);
				memset(r.text, '\xff', sizeof(r.text) - 1);
				check_promises(&r, reply_classify(&r));
				assert_int_equal(reply_classify(&r).verdict,
				    reply_classify(&bare).verdict);
			}
}

/* No 4yz may end a job; at most it stops the queue, by a row that names its code. */
static void
keeps_jobs_that_may_still_go(void **state)
{
	(void)state;
	for (int stage = STAGE_GREETING; stage <= STAGE_BODY; stage++)
		for (int code = 400; code < 500; code++) {
			const struct reply r = { .stage = (enum stage)stage,
				.code = code };

			assert_int_equal(
			    verdict_status(reply_classify(&r).verdict), STATUS_RETRY);
		}
	for (size_t i = 0; i < ROWS; i++)
		if (verdict_status(rows[i].result->verdict) == STATUS_REFUSED)
			assert_true(rows[i].code == 5 || rows[i].code / 100 == 5);
}

/* Only what tells of the login or of From counts with any code. */
static void
check_any_code(const struct row *row)
{
	enum verdict v = row->result->verdict;

	if (!row->enhanced && !row->text)
		return; /* a plain rule */
	assert_true(row->stages & AT_LOGIN);
	assert_false(row->stages & AT(STAGE_RCPT));
	assert_true(v == VERDICT_LOGIN || v == VERDICT_SETTINGS);
}

/* A code of another class than its enhanced code or text is believed first. */
static void
believes_the_code(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		int first = rows[i].code < 10 ? rows[i].code : rows[i].code / 100;
		int other = first == 5 ? 450 : 550;

		if (rows[i].code == ANY) {
			check_any_code(&rows[i]);
			continue;
		}
		for (int stage = STAGE_GREETING; stage <= STAGE_BODY; stage++) {
			struct reply r = imitate(&rows[i], (enum stage)stage, other);
			const struct reply bare = { .stage = (enum stage)stage,
				.code = other };

			assert_string_equal(
			    reply_classify(&r).advice, reply_classify(&bare).advice);
		}
	}
}

/* It is the same whether a server refuses the message at DATA or at its end; only 430
 * tells of the mailbox that the message is put into. */
static void
treats_data_as_the_message(void **state)
{
	(void)state;
	for (int code = 400; code < 600; code++)
		for (size_t i = 0; i < ROWS && code != 430; i++) {
			struct reply at_data = imitate(&rows[i], STAGE_DATA, code);
			struct reply at_end = imitate(&rows[i], STAGE_BODY, code);

			assert_string_equal(reply_classify(&at_data).advice,
			    reply_classify(&at_end).advice);
		}
}

/* A text that a row looks for, where a person can put it: the class stays as without. */
static void
check_stranger(enum stage stage, int code, const char *enhanced, const char *text)
{
	struct reply plain = { .stage = stage, .code = code };
	struct reply_class class;

	snprintf(plain.enhanced, sizeof(plain.enhanced), "%s", enhanced);
	class = reply_classify(&plain);
	snprintf(plain.text, sizeof(plain.text), "%s", text);
	if (reply_classify(&plain).advice != class.advice)
		fail_msg("%s: %d %s %s: %s", stage_name(stage), code, enhanced, text,
		    reply_classify(&plain).advice);
}

static void
is_not_steered(void **state)
{
	static const int codes[] = { 421, 450, 451, 452, 454, 550, 552, 554 };
	char text[REPLY_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		const char *word = rows[i].text;

		if (!word)
			continue;
		word += *word == '^';
		for (size_t c = 0; c < sizeof(codes) / sizeof(codes[0]); c++) {
			snprintf(text, sizeof(text), "<\"%s\"@example.com>: no", word);
			check_stranger(STAGE_RCPT, codes[c], "", text);
			check_stranger(STAGE_BODY, codes[c], "", text);
			snprintf(text, sizeof(text), "\"%s\"@example.com: no", word);
			check_stranger(STAGE_RCPT, codes[c], "5.1.1", text);
			snprintf(text, sizeof(text), "refused: Subject: %s", word);
			check_stranger(STAGE_BODY, codes[c], "5.7.1", text);
			check_stranger(STAGE_DATA, codes[c], "4.7.1", text);
			check_stranger(STAGE_BODY, codes[c], "5.6.0", text);
		}
	}
}

/* The rule above struct row: where a row may look for a text, and for which. */
static void
looks_for_texts_where_they_are_the_servers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		const struct row *row = &rows[i];
		bool own = row->stages != ANY && !(row->stages & ~AT_OWN);
		bool store = row->stages == AT_MESSAGE && row->code == 554 &&
		    row->enhanced && strncmp(row->enhanced, "5.2.", 4) == 0;

		if (!row->text || own || store)
			continue;
		if (row->text[0] != '^' || !strpbrk(row->text, " :;"))
			fail_msg("row %zu looks for what a person may write: %s", i,
			    row->text);
	}
}

static void
compares_enhanced_codes(void **state)
{
	static const struct {
		const char *want, *code;
		bool fits;
	} cases[] = {
		{ "5.7.30", "5.7.30", true },
		{ "5.7.30", "5.7.3", false },
		{ "5.7.3", "5.7.30", false },
		{ "5.7.30", "4.7.30", false },
		{ "5.7.30", "5.17.30", false },
		{ "5.7.30", "5.7.130", false },
		{ "5.7.30", "", false },
		{ "5.7.30", "5.7.", false },
		{ "5.7.30", "5.7.30-31", false },
		{ "5.7.606-649", "5.7.605", false },
		{ "5.7.606-649", "5.7.606", true },
		{ "5.7.606-649", "5.7.620", true },
		{ "5.7.606-649", "5.7.649", true },
		{ "5.7.606-649", "5.7.650", false },
		{ "5.7.606-649", "5.7.62", false },
		{ "5.7.606-649", "5.7.99999999", false },
		{ "5.2.*", "5.2.0", true },
		{ "5.2.*", "5.2.252", true },
		{ "5.2.*", "5.20.1", false },
		{ "5.2.*", "5.2.", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (fits_enhanced(cases[i].want, cases[i].code) != cases[i].fits)
			fail_msg("%s against %s", cases[i].want, cases[i].code);
}

/* Whose advice is about passwords, and whose is not: what a token's owner may read. */
static void
tells_what_is_of_passwords(void **state)
{
	static const struct {
		const char *reply;
		bool passwords;
	} cases[] = {
		{ "login 535 5.7.3 Authentication unsuccessful", true },
		{ "login 535 5.7.8 Username and Password not accepted", true },
		{ "login 534 5.7.9 Application-specific password required", true },
		{ "login 550 5.7.30 Basic authentication is not supported", true },
		{ "login 535 5.7.139 Authentication unsuccessful, basic authentication is "
		  "disabled.",
		    true },
		{ "MAIL 530 5.7.57 Client not authenticated to send mail", true },
		{ "login 535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication "
		  "is disabled for the Tenant.",
		    false },
		{ "login 535 5.7.139 Authentication unsuccessful, user is locked by your "
		  "organization's security defaults policy.",
		    false },
		{ "login 535 5.7.139 Authentication unsuccessful, the request did not meet "
		  "the criteria",
		    false },
		{ "login 501 5.5.124 Base64 decode error", false },
		{ "login 454 4.7.0 Temporary authentication failure", false },
		{ "login 538 - Encryption required", false },
		{ "MAIL 554 5.2.252 SendAsDenied", false },
		{ "RCPT 550 5.1.1 User unknown", false },
		{ "message 552 5.3.4 Too large", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reply r = read_reply(cases[i].reply);

		if (reply_is_of_passwords(&r) != cases[i].passwords)
			fail_msg("%s", cases[i].reply);
	}
}

/* No advice that is about a password escapes it, and none that is given at the login even
 * names one: an account with a token is told the same. */
static void
finds_all_that_is_of_passwords(void **state)
{
	FILE *in = open_golden("tests/golden/replies.in");
	char line[LINE_MAX_BYTES];

	(void)state;
	while (next_line(in, line)) {
		struct reply r = read_reply(line);
		const char *advice = reply_classify(&r).advice;
		bool named = strstr(advice, "password_file") ||
		    strstr(advice, "no passwords") || strstr(advice, "to OAuth") ||
		    (r.stage == STAGE_AUTH && strstr(advice, "password"));

		if (named && !reply_is_of_passwords(&r))
			fail_msg("%s: %s", line, advice);
	}
	fclose(in);
}

static void
names_verdicts(void **state)
{
	static const struct {
		enum verdict verdict;
		const char *name;
		enum status status;
	} expected[] = {
		{ VERDICT_SENT, "sent", STATUS_OK },
		{ VERDICT_WAIT, "wait", STATUS_RETRY },
		{ VERDICT_THROTTLED, "throttled", STATUS_RETRY },
		{ VERDICT_QUOTA, "quota", STATUS_RETRY },
		{ VERDICT_RECIPIENT_LATER, "recipient-later", STATUS_RETRY },
		{ VERDICT_RECIPIENT, "recipient", STATUS_REFUSED },
		{ VERDICT_TOO_LARGE, "too-large", STATUS_REFUSED },
		{ VERDICT_MESSAGE, "message", STATUS_REFUSED },
		{ VERDICT_LOGIN, "login", STATUS_RETRY },
		{ VERDICT_SETTINGS, "settings", STATUS_SETTINGS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		assert_string_equal(verdict_name(expected[i].verdict), expected[i].name);
		assert_int_equal(verdict_status(expected[i].verdict), expected[i].status);
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

/* The longest advice and the longest reply have room in one sentence. */
static void
explains_in_full(void **state)
{
	struct error e;

	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		struct reply r = imitate(&rows[i], STAGE_BODY, 554);

		memset(r.text + strlen(r.text), 'x', sizeof(r.text) - 1 - strlen(r.text));
		reply_explain(&r, &e);
		assert_int_equal(e.text[strlen(e.text) - 1], ')');
		assert_in_range(strlen(rows[i].result->advice), 4, 300);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classifies_as_written),
		cmocka_unit_test(needs_every_row),
		cmocka_unit_test(never_fails),
		cmocka_unit_test(takes_nonsense),
		cmocka_unit_test(keeps_jobs_that_may_still_go),
		cmocka_unit_test(believes_the_code),
		cmocka_unit_test(treats_data_as_the_message),
		cmocka_unit_test(is_not_steered),
		cmocka_unit_test(looks_for_texts_where_they_are_the_servers),
		cmocka_unit_test(compares_enhanced_codes),
		cmocka_unit_test(tells_what_is_of_passwords),
		cmocka_unit_test(finds_all_that_is_of_passwords),
		cmocka_unit_test(names_verdicts),
		cmocka_unit_test(explains),
		cmocka_unit_test(explains_in_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
