/* Tests of lib/send/dialogue.c: what a client may believe of a server's lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/send/dialogue.h"

enum {
	LONG_LINE = 2000,
};

static const struct dialogue_plan submission = {
	.starttls = true, .auth = true, .recipients = 2, .size = 1000000
};

/* Feeds a line from memory that ends right behind it, so that no byte more is read. */
static enum status
feed_bytes(struct dialogue *d, const char *line, size_t len, struct error *e)
{
	char *copy = malloc(len ? len : 1);
	enum status status;

	assert_non_null(copy);
	memcpy(copy, line, len);
	status = dialogue_line(d, copy, len, e);
	free(copy);
	return status;
}

static enum status
feed(struct dialogue *d, const char *line, struct error *e)
{
	return feed_bytes(d, line, strlen(line), e);
}

/* Feeds lines that must all be taken. */
static void
feed_all(struct dialogue *d, const char *const *lines)
{
	for (; *lines; lines++) {
		struct error e = { "" };

		if (feed(d, *lines, &e) != STATUS_OK)
			fail_msg("%s: %s", *lines, e.text);
		assert_string_equal(e.text, "");
	}
}

/* A dialogue that stands at a stage. */
static struct dialogue
start_at(const struct dialogue_plan *plan, enum stage stage)
{
	static const char *const lines[] = { "220 hello", "250 hello", "220 go",
		"250-hello", "250 AUTH LOGIN", "235 in", "250 sender", "250 one",
		"250 two", "354 data", "250 taken" };
	struct dialogue d;
	struct error e;

	dialogue_init(&d, plan);
	for (size_t i = 0; d.stage != stage; i++) {
		assert_true(i < sizeof(lines) / sizeof(lines[0]));
		assert_int_equal(feed(&d, lines[i], &e), STATUS_OK);
		d.committed = d.stage == STAGE_BODY;
	}
	return d;
}

static void
starts_with_nothing(void **state)
{
	struct dialogue d;

	(void)state;
	dialogue_init(&d, &submission);
	assert_int_equal(d.stage, STAGE_GREETING);
	assert_int_equal(d.reply.code, 0);
	assert_false(dialogue_refused(&d));
}

/* smtp.office365.com's own lines, and the stage after each. */
static void
follows_microsoft_365(void **state)
{
	static const struct {
		const char *line;
		enum stage stage;
	} rows[] = {
		{ "220 AM0PR10CA0012.outlook.office365.com Microsoft ESMTP MAIL Service "
		  "ready\r\n",
		    STAGE_EHLO },
		{ "250-AM0PR10CA0012.outlook.office365.com Hello [192.0.2.1]\r\n",
		    STAGE_EHLO },
		{ "250-SIZE 157286400\r\n", STAGE_EHLO },
		{ "250-STARTTLS\r\n", STAGE_EHLO },
		{ "250 SMTPUTF8\r\n", STAGE_STARTTLS },
		{ "220 2.0.0 SMTP server ready\r\n", STAGE_EHLO },
		{ "250-AM0PR10CA0012.outlook.office365.com Hello [192.0.2.1]\r\n",
		    STAGE_EHLO },
		{ "250-SIZE 157286400\r\n", STAGE_EHLO },
		{ "250-AUTH LOGIN XOAUTH2\r\n", STAGE_EHLO },
		{ "250 SMTPUTF8\r\n", STAGE_AUTH },
		{ "334 VXNlcm5hbWU6\r\n", STAGE_AUTH },
		{ "334 UGFzc3dvcmQ6\r\n", STAGE_AUTH },
		{ "235 2.7.0 Authentication successful\r\n", STAGE_MAIL },
		{ "250 2.1.0 Sender OK\r\n", STAGE_RCPT },
		{ "250 2.1.5 Recipient OK\r\n", STAGE_RCPT },
		{ "250 2.1.5 Recipient OK\r\n", STAGE_DATA },
		{ "354 Start mail input; end with <CRLF>.<CRLF>\r\n", STAGE_BODY },
		{ "250 2.0.0 OK <1@example.com> [Hostname=AM0]\r\n", STAGE_DONE },
		{ "221 2.0.0 Service closing transmission channel\r\n", STAGE_DONE },
	};
	struct dialogue d;
	struct error e = { "" };

	(void)state;
	dialogue_init(&d, &submission);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(feed(&d, rows[i].line, &e), STATUS_OK);
		assert_int_equal(d.stage, rows[i].stage);
		assert_false(dialogue_refused(&d));
		d.committed = d.stage == STAGE_BODY;
	}
	assert_string_equal(e.text, "");
	assert_true(d.encrypted && d.greeted && d.authenticated && d.can_login);
	assert_int_equal(d.size_limit, 157286400);
	/* the last word is the answer to the message, not to QUIT */
	assert_int_equal(d.reply.stage, STAGE_BODY);
	assert_int_equal(d.reply.code, 250);
	assert_string_equal(d.reply.enhanced, "2.0.0");
	assert_string_equal(d.reply.text, "OK <1@example.com> [Hostname=AM0]");
}

static void
skips_what_the_account_does_not_use(void **state)
{
	static const char *const tls[] = { "220 x", "250-x", "250 AUTH PLAIN", NULL };
	static const char *const relay[] = { "220 x", "250 x", NULL };
	struct dialogue_plan plan = { .auth = true, .recipients = 1 };
	struct dialogue d;

	(void)state;
	dialogue_init(&d, &plan);
	feed_all(&d, tls);
	assert_int_equal(d.stage, STAGE_AUTH);
	plan.auth = false;
	dialogue_init(&d, &plan);
	feed_all(&d, relay);
	assert_int_equal(d.stage, STAGE_MAIL);
}

/* What a man in the middle may have said before TLS (RFC 3207 4.2). */
static void
forgets_what_was_said_in_clear(void **state)
{
	static const char *const lines[] = { "220 x", "250-x", "250-SIZE 10",
		"250-AUTH LOGIN PLAIN", "250 STARTTLS", "220 go", NULL };
	struct dialogue d;
	struct error e = { "" };

	(void)state;
	dialogue_init(&d, &submission);
	feed_all(&d, lines);
	assert_int_equal(d.stage, STAGE_EHLO);
	assert_false(d.can_login);
	assert_false(d.greeted);
	assert_int_equal(d.size_limit, 0);
	assert_int_equal(feed(&d, "250 x", &e), STATUS_SETTINGS);
	assert_non_null(strstr(e.text, "no sign-in with a password"));
}

/* The lines of an EHLO on a connection that needs no STARTTLS, and what follows. */
static void
reads_mechanisms(void **state)
{
	static const struct {
		const char *line;
		bool taken;
	} rows[] = {
		{ "250 AUTH LOGIN", true },
		{ "250 AUTH PLAIN", true },
		{ "250 AUTH XOAUTH2 LOGIN", true },
		{ "250 AUTH   PLAIN  ", true },
		{ "250 AUTH XOAUTH2", false },
		{ "250 AUTH", false },
		{ "250 AUTH ", false },
		{ "250 AUTH=LOGIN PLAIN", false },
		{ "250 AUTH LOGINS PLAINER XLOGIN", false },
		{ "250 XAUTH LOGIN", false },
		{ "250 STARTTLS", false },
		/* libcurl would not see these, and send the mail without signing in */
		{ "250 auth login plain", false },
		{ "250 auth LOGIN", false },
		{ "250 AUTH login", false },
	};
	const struct dialogue_plan plan = { .auth = true, .recipients = 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dialogue d = start_at(&plan, STAGE_EHLO);
		struct error e;
		enum status status = feed(&d, rows[i].line, &e);

		if (status != (rows[i].taken ? STATUS_OK : STATUS_SETTINGS))
			fail_msg("%s: %d", rows[i].line, status);
		assert_int_equal(d.stage, rows[i].taken ? STAGE_AUTH : STAGE_EHLO);
	}
}

static void
reads_sizes(void **state)
{
	static const struct {
		const char *line;
		uint64_t limit;
	} rows[] = {
		{ "250 SIZE 157286400", 157286400 },
		{ "250 size 42", 42 },
		{ "250 Size 42\r\n", 42 },
		{ "250 SIZE 0", 0 },
		{ "250 SIZE", 0 },
		{ "250 SIZE ", 0 },
		{ "250 SIZE -5", 0 },
		{ "250 SIZE many", 0 },
		{ "250 SIZE 42 bytes", 42 },
		{ "250 SIZES 42", 0 },
		{ "250 SIZE=42", 0 },
		{ "250 SIZE 18446744073709551615", 0 }, /* too large to mean anything */
		{ "250 SIZE 99999999999999999999999999", 0 },
		{ "250 SIZE 1844674407370955159", 1844674407370955159 },
	};
	const struct dialogue_plan plan = { .recipients = 1, .size = 42 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dialogue d = start_at(&plan, STAGE_EHLO);
		struct error e;

		if (feed(&d, rows[i].line, &e) != STATUS_OK)
			fail_msg("%s: %s", rows[i].line, e.text);
		if (d.size_limit != rows[i].limit)
			fail_msg(
			    "%s: %llu", rows[i].line, (unsigned long long)d.size_limit);
	}
}

/* Before MAIL, so that nothing is sent that will be refused. */
static void
refuses_what_is_too_large(void **state)
{
	struct dialogue_plan plan = { .recipients = 1, .size = 42 };
	struct dialogue d = start_at(&plan, STAGE_EHLO);
	struct error e;

	(void)state;
	assert_int_equal(feed(&d, "250 SIZE 41", &e), STATUS_REFUSED);
	assert_string_equal(e.text,
	    "the message has 42 bytes as sent, and the server takes at most 41 bytes; "
	    "print fewer pages at a time or scan with a lower resolution");
}

static void
goes_nowhere_without_235(void **state)
{
	static const char *const answers[] = { "250 2.1.0 Sender OK", "220 x", "299 x" };
	struct dialogue d;
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		d = start_at(&submission, STAGE_AUTH);
		assert_int_equal(feed(&d, answers[i], &e), STATUS_SETTINGS);
		assert_non_null(strstr(e.text, "instead of 235"));
		assert_int_equal(d.stage, STAGE_AUTH);
		assert_false(d.authenticated);
	}
	d = start_at(&submission, STAGE_AUTH);
	for (int i = 0; i < DIALOGUE_CHALLENGES_MAX; i++)
		assert_int_equal(feed(&d, "334 more", &e), STATUS_OK);
	assert_int_equal(feed(&d, "334 more", &e), STATUS_RETRY);
	assert_string_equal(e.text, "the server asks without end while signing in");
}

/* A reply that stops the dialogue, at each stage. */
static void
knows_refusals(void **state)
{
	static const struct {
		enum stage stage;
		const char *line;
	} rows[] = {
		{ STAGE_GREETING, "421 4.3.2 Service not available" },
		{ STAGE_GREETING, "554 no" },
		{ STAGE_GREETING, "354 what" },
		{ STAGE_STARTTLS, "454 4.7.0 TLS not available" },
		{ STAGE_STARTTLS, "250 fine, but no TLS" },
		{ STAGE_STARTTLS, "502 unknown" },
		{ STAGE_AUTH, "535 5.7.3 Authentication unsuccessful" },
		{ STAGE_AUTH, "454 4.7.0 Temporary authentication failure" },
		{ STAGE_AUTH, "354 what" },
		{ STAGE_MAIL, "530 5.7.57 Client not authenticated" },
		{ STAGE_MAIL, "354 what" },
		{ STAGE_MAIL, "334 what" },
		{ STAGE_RCPT, "530 5.7.57 Client not authenticated" },
		{ STAGE_RCPT, "354 what" },
		{ STAGE_DATA, "554 no valid recipients" },
		{ STAGE_DATA, "250 where 354 is due" },
		{ STAGE_DATA, "334 what" },
		{ STAGE_BODY, "432 4.3.2 Concurrent connections limit exceeded" },
		{ STAGE_BODY, "354 again" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dialogue d = start_at(&submission, rows[i].stage);
		struct error e = { "" };

		if (feed(&d, rows[i].line, &e) != STATUS_OK || !dialogue_refused(&d))
			fail_msg("row %zu: %s: %s", i, rows[i].line, e.text);
		assert_int_equal(d.stage, rows[i].stage);
		assert_int_equal(d.reply.stage, rows[i].stage);
		/* it stays the last word */
		assert_int_equal(feed(&d, "221 bye", &e), STATUS_OK);
		assert_int_equal(feed(&d, "nonsense", &e), STATUS_OK);
		assert_int_equal(d.reply.code, (int)strtol(rows[i].line, NULL, 10));
		assert_true(dialogue_refused(&d));
	}
}

/* libcurl would say HELO then, and go on without TLS or signing in. */
static void
breaks_off_without_ehlo(void **state)
{
	static const char *const answers[] = { "502 5.5.1 unknown", "421 busy",
		"354 what" };
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct dialogue d = start_at(&submission, STAGE_EHLO);

		assert_int_equal(feed(&d, answers[i], &e), STATUS_RETRY);
		assert_non_null(strstr(e.text, "the server refused EHLO: "));
		d = start_at(&submission, STAGE_STARTTLS);
		assert_int_equal(feed(&d, "220 go", &e), STATUS_OK);
		assert_int_equal(feed(&d, answers[i], &e), STATUS_RETRY);
	}
}

/* Any 2yz is a success at the end of the data (RFC 5321 4.2.1), and greets: libcurl goes
 * on after it, so the checks have to come along. */
static void
takes_any_success(void **state)
{
	struct dialogue d = start_at(&submission, STAGE_BODY);
	struct error e;

	(void)state;
	assert_int_equal(feed(&d, "252 taken, somehow", &e), STATUS_OK);
	assert_int_equal(d.stage, STAGE_DONE);
	assert_false(dialogue_refused(&d));
	dialogue_init(&d, &submission);
	assert_int_equal(feed(&d, "250 hello", &e), STATUS_OK);
	assert_int_equal(d.stage, STAGE_EHLO);
}

/* What comes before the message is whole is no answer to it, be it a yes or a no. */
static void
takes_no_answer_too_early(void **state)
{
	static const char *const lines[] = { "250 taken", "554 refused", "250-taken",
		"nonsense" };
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct dialogue d = start_at(&submission, STAGE_BODY);

		d.committed = false;
		assert_int_equal(feed(&d, lines[i], &e), STATUS_RETRY);
		assert_int_equal(d.stage, STAGE_BODY);
		assert_false(dialogue_refused(&d));
		assert_int_equal(d.reply.code, 354);
	}
	assert_non_null(strstr(e.text, "is no SMTP reply"));
}

static void
joins_lines(void **state)
{
	struct dialogue d = start_at(&submission, STAGE_MAIL);
	struct error e;

	(void)state;
	assert_int_equal(
	    feed(&d, "550-5.7.139 Authentication unsuccessful,\r\n", &e), STATUS_OK);
	assert_false(dialogue_refused(&d)); /* it is not whole yet */
	assert_int_equal(feed(&d, "550-5.7.139   basic\n", &e), STATUS_OK);
	assert_int_equal(feed(&d, "550-\r\n", &e), STATUS_OK);
	assert_int_equal(feed(&d, "550", &e), STATUS_OK);
	assert_true(dialogue_refused(&d));
	assert_int_equal(d.reply.code, 550);
	assert_string_equal(d.reply.enhanced, "5.7.139");
	assert_string_equal(d.reply.text, "Authentication unsuccessful, basic");
}

/* The code of the last line counts, as for libcurl. */
static void
believes_the_last_line(void **state)
{
	struct dialogue d = start_at(&submission, STAGE_BODY);
	struct error e;

	(void)state;
	assert_int_equal(feed(&d, "250-taken", &e), STATUS_OK);
	assert_int_equal(d.stage, STAGE_BODY);
	assert_int_equal(feed(&d, "554 not taken", &e), STATUS_OK);
	assert_int_equal(d.stage, STAGE_BODY);
	assert_int_equal(d.reply.code, 554);
	assert_true(dialogue_refused(&d));
}

static void
reads_enhanced_codes(void **state)
{
	static const struct {
		const char *line, *enhanced, *text;
	} rows[] = {
		{ "550 5.1.1 who", "5.1.1", "who" },
		{ "550 5.7.139", "5.7.139", "" },
		{ "550 5.123.4567 x", "5.123.4567", "x" },
		{ "550 5.1234.1 x", "", "5.1234.1 x" },
		{ "550 5.1.123456789 x", "", "5.1.123456789 x" },
		{ "550 3.1.1 x", "", "3.1.1 x" },
		{ "550 5.1 x", "", "5.1 x" },
		{ "550 5..1 x", "", "5..1 x" },
		{ "550 5.1. x", "", "5.1. x" },
		{ "550 5.1.1x", "", "5.1.1x" },
		{ "550 5.", "", "5." },
		{ "550 5", "", "5" },
		{ "550 15.1.1 x", "", "15.1.1 x" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dialogue d = start_at(&submission, STAGE_RCPT);
		struct error e;

		assert_int_equal(feed(&d, rows[i].line, &e), STATUS_OK);
		assert_string_equal(d.reply.enhanced, rows[i].enhanced);
		assert_string_equal(d.reply.text, rows[i].text);
	}
}

/* Bytes as they come; a NUL ends no text early. */
static void
keeps_raw_bytes(void **state)
{
	static const char nul[] = "550 5.1.1 a\0b \xff\xfe\x1b[31m\r\n";
	static const char early[] = "550 \0.1.1 x";
	struct dialogue d = start_at(&submission, STAGE_RCPT);
	struct error e;

	(void)state;
	assert_int_equal(feed_bytes(&d, nul, sizeof(nul) - 1, &e), STATUS_OK);
	assert_string_equal(d.reply.text, "a b \xff\xfe\x1b[31m");
	d = start_at(&submission, STAGE_RCPT);
	assert_int_equal(feed_bytes(&d, early, sizeof(early) - 1, &e), STATUS_OK);
	assert_string_equal(d.reply.enhanced, "");
	assert_string_equal(d.reply.text, " .1.1 x");
}

static void
cuts_long_texts(void **state)
{
	struct dialogue d = start_at(&submission, STAGE_MAIL);
	char line[LONG_LINE + 1];
	struct error e;

	(void)state;
	memset(line, 'x', LONG_LINE);
	line[LONG_LINE] = '\0';
	memcpy(line, "550-", 4);
	for (int i = 0; i < 3; i++)
		assert_int_equal(feed(&d, line, &e), STATUS_OK);
	memcpy(line, "550 ", 4);
	assert_int_equal(feed(&d, line, &e), STATUS_OK);
	assert_int_equal(strlen(d.reply.text), REPLY_TEXT_MAX - 1);
	assert_int_equal(strspn(d.reply.text, "x"), REPLY_TEXT_MAX - 1);
	assert_true(dialogue_refused(&d));
}

static void
fills_texts_to_the_end(void **state)
{
	char line[REPLY_TEXT_MAX + 10];

	(void)state;
	for (size_t len = REPLY_TEXT_MAX - 2; len <= REPLY_TEXT_MAX + 1; len++) {
		struct dialogue d = start_at(&submission, STAGE_RCPT);
		struct error e;

		snprintf(line, sizeof(line), "550 ");
		memset(line + 4, 'x', len);
		line[4 + len] = '\0';
		assert_int_equal(feed(&d, line, &e), STATUS_OK);
		assert_int_equal(strlen(d.reply.text),
		    len < REPLY_TEXT_MAX ? len : REPLY_TEXT_MAX - 1);
	}
}

static void
ends_endless_replies(void **state)
{
	static const char *const lines[] = { "250-SIZE 1000000", "220-x", "550-" };
	static const enum stage stages[] = { STAGE_EHLO, STAGE_GREETING, STAGE_BODY };
	struct error e;

	(void)state;
	for (size_t n = 0; n < 3; n++) {
		struct dialogue d = start_at(&submission, stages[n]);

		for (int i = 0; i < REPLY_LINES_MAX; i++)
			assert_int_equal(feed(&d, lines[n], &e), STATUS_OK);
		assert_int_equal(feed(&d, lines[n], &e), STATUS_RETRY);
		assert_non_null(strstr(e.text, "has no end"));
	}
}

static void
refuses_what_is_no_reply(void **state)
{
	static const char *const lines[] = { "", "\r\n", "2", "22", "22\r\n",
		"HTTP/1.1 400 Bad Request", "SSH-2.0-OpenSSH", "220x", "2200 x", "22o x",
		"120 x", "620 x", "020 x", " 220 x", "-20 x", "\x16\x03\x01", "220\tx" };
	struct dialogue d;
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		dialogue_init(&d, &submission);
		if (feed(&d, lines[i], &e) != STATUS_RETRY)
			fail_msg("taken: %s", lines[i]);
		assert_non_null(
		    strstr(e.text, "what answers is not a submission server"));
		assert_int_equal(d.reply.code, 0);
	}
	dialogue_init(&d, &submission);
	assert_int_equal(feed(&d, "HTTP/1.1 400 Bad Request", &e), STATUS_RETRY);
	assert_string_equal(e.text,
	    "what answers is not a submission server: it says "
	    "\"HTTP/1.1 400 Bad Request\"");
}

static void
names_all_stages(void **state)
{
	(void)state;
	for (int stage = STAGE_GREETING; stage <= STAGE_DONE; stage++)
		assert_true(strlen(stage_name((enum stage)stage)) > 0);
	assert_string_equal(stage_name(STAGE_RCPT), "the recipient");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_with_nothing),
		cmocka_unit_test(follows_microsoft_365),
		cmocka_unit_test(skips_what_the_account_does_not_use),
		cmocka_unit_test(forgets_what_was_said_in_clear),
		cmocka_unit_test(reads_mechanisms),
		cmocka_unit_test(reads_sizes),
		cmocka_unit_test(refuses_what_is_too_large),
		cmocka_unit_test(goes_nowhere_without_235),
		cmocka_unit_test(knows_refusals),
		cmocka_unit_test(breaks_off_without_ehlo),
		cmocka_unit_test(takes_any_success),
		cmocka_unit_test(takes_no_answer_too_early),
		cmocka_unit_test(joins_lines),
		cmocka_unit_test(believes_the_last_line),
		cmocka_unit_test(reads_enhanced_codes),
		cmocka_unit_test(keeps_raw_bytes),
		cmocka_unit_test(cuts_long_texts),
		cmocka_unit_test(fills_texts_to_the_end),
		cmocka_unit_test(ends_endless_replies),
		cmocka_unit_test(refuses_what_is_no_reply),
		cmocka_unit_test(names_all_stages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
