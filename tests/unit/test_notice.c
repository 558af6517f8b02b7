/* Tests of backend/notice.c: who is told what, and that nothing from outside breaks out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "backend/notice.h"
#include "lib/base/buf.h"

enum {
	BYTES_MAX = 1024 * 1024,
	CREATED = 1795354468, /* 2026-11-22 13:34:28 UTC */
	HOUR = 3600,
	DAY = 24 * HOUR,
	MANY = 500,
};

#define UUID "6ba7b810-9dad-11d1-80b4-00c04fd430c8"

static const char settings[] = "[postroom]\n"
			       "notify = owner, Admin <admin@example.com>\n"
			       "[account relay]\n"
			       "server = localhost\n"
			       "tls = none\n"
			       "auth = none\n"
			       "from = Scanner <scanner@example.com>\n"
			       "[users]\n"
			       "bob = Bob Smith <bob@example.com>\n"
			       "carol = ADMIN@example.com\n"
			       "ann = Ann <admin@EXAMPLE.com>\n"
			       "* = %u.0123456789@example.com\n";

/* A notice about Bob's job, and what was made of it. */
struct setup {
	struct config *config;
	struct job job;
	struct notice notice;
	struct buf bytes; /* the message */
	struct buf text;  /* its text, decoded, with LF */
};

static int
set_up(void **state)
{
	struct setup *s = calloc(1, sizeof(*s));
	struct error e;

	*state = s;
	if (!s || config_parse(&s->config, settings, sizeof(settings) - 1, "F", &e))
		return -1;
	setenv("TZ", "CET-1", 1);
	tzset();
	buf_init(&s->bytes, BYTES_MAX);
	buf_init(&s->text, BYTES_MAX);
	s->job = (struct job){ .id = (char *)"42",
		.user = (char *)"bob",
		.title = (char *)"Report [to: x@example.com]",
		.printer = (char *)"mail" };
	s->notice = (struct notice){
		.kind = NOTICE_END,
		.config = s->config,
		.account = &s->config->account[0],
		.job = &s->job,
		.identity = { .name = UUID, .created = CREATED },
		.now = CREATED + 10 * HOUR,
		.reason = "the server refuses it; ask its administrator",
	};
	return 0;
}

static int
tear_down(void **state)
{
	struct setup *s = *state;

	config_free(s->config);
	buf_clear(&s->bytes);
	buf_clear(&s->text);
	free(s);
	unsetenv("TZ");
	tzset();
	return 0;
}

/* -- making and reading notices ---------------------------------- */

/* Undoes quoted-printable and CR LF. */
static void
decode(struct buf *out, const char *s, const char *end)
{
	while (s < end) {
		if (strncmp(s, "=\r\n", 3) == 0) {
			s += 3;
		} else if (*s == '=') {
			const char digits[] = { s[1], s[2], '\0' };

			buf_putc(out, (char)strtoul(digits, NULL, 16));
			s += 3;
		} else {
			if (*s != '\r')
				buf_putc(out, *s);
			s++;
		}
	}
}

/* Finds the text between the part's header and the last boundary, and decodes it. */
static void
read_text(struct setup *s)
{
	static const char mark[] = "quoted-printable\r\n\r\n";
	const char *start = strstr(s->bytes.data, mark);
	const char *end;

	assert_non_null(start);
	start += strlen(mark);
	end = strstr(start, "\r\n--=_");
	assert_non_null(end);
	decode(&s->text, start, end + 2);
}

/* Composes the notice to the administrator into s->bytes and s->text. */
static void
compose(struct setup *s)
{
	struct message_stream *stream = NULL;
	struct mailbox_list to = { 0 };
	struct error e = { "" };
	char piece[4096];
	ssize_t n;

	assert_int_equal(mailbox_list_parse(&to, "admin@example.com", &e), STATUS_OK);
	if (notice_open(&stream, &s->notice, &to, &e) != STATUS_OK)
		fail_msg("%s", e.text);
	mailbox_list_clear(&to);
	buf_reset(&s->bytes);
	buf_reset(&s->text);
	while ((n = message_read(stream, piece, sizeof(piece))) > 0)
		assert_true(buf_add(&s->bytes, piece, (size_t)n));
	assert_int_equal(n, 0);
	message_close(stream);
	read_text(s);
}

static void
has(const struct buf *b, const char *words)
{
	if (!strstr(b->data, words))
		fail_msg("'%s' is not in:\n%s", words, b->data);
}

static size_t
count(const char *text, const char *words)
{
	size_t found = 0;

	for (; (text = strstr(text, words)); text++)
		found++;
	return found;
}

/* -- who is told ------------------------------------------------- */

/* The addresses that are told, joined by blanks, are those wanted. */
static void
told_are(struct setup *s, const char *user, const char *wanted)
{
	struct mailbox_list list = { 0 };
	struct error e = { "" };
	struct buf told;

	buf_init(&told, BYTES_MAX);
	s->job.user = (char *)user;
	if (notice_recipients(&list, &s->notice, &e) != STATUS_OK)
		fail_msg("%s: %s", user, e.text);
	for (size_t i = 0; i < list.count; i++)
		buf_printf(&told, "%s%s", i ? " " : "", list.item[i].address);
	assert_string_equal(buf_text(&told), wanted);
	mailbox_list_clear(&list);
	buf_clear(&told);
}

static void
owner_and_others_are_told(void **state)
{
	struct setup *s = *state;

	told_are(s, "bob", "bob@example.com admin@example.com");
	told_are(s, "dora", "dora.0123456789@example.com admin@example.com");
	s->config->notify.owner = false;
	told_are(s, "bob", "admin@example.com");
	mailbox_list_clear(&s->config->notify.others);
	told_are(s, "bob", "");
	s->config->notify.owner = true;
	told_are(s, "bob", "bob@example.com");
}

static void
nobody_is_told_twice(void **state)
{
	struct setup *s = *state;

	told_are(s, "ann", "admin@example.com");
}

/* A user whom [users] gives no address, or none that can be one. */
static void
owners_without_address_are_left_out(void **state)
{
	static const char *const users[] = { "", "a b", "bob\r\nRCPT TO:<x@example.com>",
		"x@example.com,y", "B\xc3\xb6rn", "a..b", ".a", "%u",
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefgh" };
	struct setup *s = *state;

	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++)
		told_are(s, users[i], "admin@example.com");
	pairs_clear(&s->config->users);
	told_are(s, "bob", "admin@example.com");
}

/* But those are that only shared the message's fate, such as one that was too large. */
static void
those_that_were_refused_are_not_told(void **state)
{
	struct notice_recipient failed[] = {
		{ "x@example.com", "550 5.1.1 User unknown" },
		{ "Bob@example.COM", "550 5.1.1 User unknown" },
		{ "admin@example.com", "" },
	};
	struct setup *s = *state;

	s->notice.failed = failed;
	s->notice.failed_count = 3;
	told_are(s, "bob", "admin@example.com");
	failed[2].text = "550 5.7.1 No";
	told_are(s, "bob", "");
	told_are(s, "carol", "");
	told_are(s, "dora", "dora.0123456789@example.com");
	failed[1].text = "";
	told_are(s, "bob", "bob@example.com");
}

/* A list that is full does not keep the notice from being sent. */
static void
others_have_a_limit(void **state)
{
	struct setup *s = *state;
	struct mailbox_list list = { 0 };
	char address[64];

	for (int i = 1; i < ADDRESS_LIST_MAX; i++) {
		snprintf(address, sizeof(address), "a%d@example.com", i);
		assert_int_equal(
		    mailbox_list_parse(&s->config->notify.others, address, NULL),
		    STATUS_OK);
	}
	assert_int_equal(notice_recipients(&list, &s->notice, NULL), STATUS_OK);
	assert_int_equal(list.count, ADDRESS_LIST_MAX);
	assert_string_equal(list.item[0].address, "bob@example.com");
	mailbox_list_clear(&list);
}

/* -- what is told ------------------------------------------------ */

#define FACTS                                                                            \
	"\nDocument:  Report\nUser:      bob\nQueue:     mail\nJob:       42\n"          \
	"Handed in: 2026-11-22 14:34 (the print server's clock)\n"
#define REASON "\nReason: the server refuses it; ask its administrator\n"
#define END    "\nThis is an automatic message of the print server.\n"

static void
job_that_ended_is_told(void **state)
{
	struct setup *s = *state;

	compose(s);
	assert_string_equal(buf_text(&s->text),
	    "This document was not sent, and is not tried again.\n" FACTS REASON "\n"
	    "What to do: once this is put right, print or scan the document again.\n"
	    "The administrator of the print server can help.\n" END);
	has(&s->bytes, "\r\nSubject: Not sent: Report\r\n");
}

static void
job_that_reached_some_is_told(void **state)
{
	static const struct notice_recipient failed[] = {
		{ "x@example.com", "550 5.1.1 User unknown" },
		{ "y@example.com", "" },
	};
	struct setup *s = *state;

	s->notice.failed = failed;
	s->notice.failed_count = 2;
	s->notice.sent_count = 1;
	compose(s);
	assert_string_equal(buf_text(&s->text),
	    "This document was not sent to everybody, and is not tried again.\n" FACTS
	    "Delivered: to 1 recipient\n" REASON "\n"
	    "Not delivered to:\n"
	    "  x@example.com\n"
	    "    550 5.1.1 User unknown\n"
	    "  y@example.com\n"
	    "\n"
	    "What to do: once this is put right, print or scan the document again,\n"
	    "to those recipients alone: the others have it.\n"
	    "The administrator of the print server can help.\n" END);
	has(&s->bytes, "\r\nSubject: Not sent to everybody: Report\r\n");
}

static void
job_that_waits_is_told(void **state)
{
	static const struct notice_recipient failed = { "x@example.com",
		"450 4.2.1 Later" };
	struct setup *s = *state;

	s->notice.kind = NOTICE_DELAY;
	s->notice.failed = &failed;
	s->notice.failed_count = 1;
	s->notice.sent_count = 3;
	compose(s);
	assert_string_equal(buf_text(&s->text),
	    "This document could not be sent to everybody yet.\n"
	    "It is tried again by itself, until 2026-11-27 14:34. Nothing needs to be "
	    "done.\n" FACTS "Delivered: to 3 recipients\n" REASON "\n"
	    "Not delivered yet to:\n"
	    "  x@example.com\n"
	    "    450 4.2.1 Later\n" END);
	has(&s->bytes, "\r\nSubject: Waiting: Report\r\n");
}

/* A job may have been held for days before it was tried. */
static void
time_to_give_up_counts_from_the_first_try(void **state)
{
	struct setup *s = *state;

	s->notice.kind = NOTICE_DELAY;
	s->notice.first_try = CREATED + 2 * DAY + HOUR;
	s->config->give_up_after = 3 * DAY;
	compose(s);
	has(&s->text, "This document could not be sent yet.\n");
	has(&s->text, "until 2026-11-27 15:34. ");
	has(&s->text, "Handed in: 2026-11-22 14:34 ");
}

static void
times_are_local(void **state)
{
	struct setup *s = *state;

	setenv("TZ", "EST5", 1);
	tzset();
	compose(s);
	has(&s->text, "Handed in: 2026-11-22 08:34 (");
	s->notice.identity.created = INT64_MAX;
	compose(s);
	has(&s->text, "Handed in: an unknown time (");
}

static void
job_without_title_has_its_number(void **state)
{
	static const char blanks[] = "                                                  "
				     "                                                  ";
	static const char *const titles[] = { "", "  ", "[to: x@example.com]", "\r\n\t",
		" [TO:x@example.com] ", "\xe2\x80\xae", blanks };
	struct setup *s = *state;

	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
		s->job.title = (char *)titles[i];
		compose(s);
		has(&s->bytes, "\r\nSubject: Not sent: job 42\r\n");
		has(&s->text, "\nDocument:  job 42\n");
	}
}

static void
what_is_not_known_is_left_out(void **state)
{
	struct setup *s = *state;

	s->job.user = s->job.printer = (char *)"";
	compose(s);
	has(&s->text, "\nDocument:  Report\nJob:       42\nHanded in: ");
}

static void
long_texts_are_cut(void **state)
{
	struct setup *s = *state;
	char text[5000];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	const struct notice_recipient failed = { "x@example.com", text };

	s->job.title = s->job.user = s->job.printer = text;
	s->notice.reason = text;
	s->notice.failed = &failed;
	s->notice.failed_count = 1;
	compose(s);
	text[300] = '\0';
	assert_true(s->text.len < 3000);
	assert_null(strstr(s->text.data, "\n    aaaa\n"));
	has(&s->text, text);
	assert_int_equal(count(s->text.data, "…\n"), 5);
}

static void
many_recipients_are_counted(void **state)
{
	struct notice_recipient failed[MANY];
	char address[MANY][32];
	struct setup *s = *state;

	for (size_t i = 0; i < MANY; i++) {
		snprintf(address[i], sizeof(address[i]), "r%zu@example.com", i + 1);
		failed[i] = (struct notice_recipient){ address[i], "550 no" };
	}
	s->notice.failed = failed;
	s->notice.failed_count = NOTICE_LISTED_MAX;
	compose(s);
	has(&s->text, "\n  r20@example.com\n    550 no\n\nWhat to do");
	s->notice.failed_count = NOTICE_LISTED_MAX + 1;
	compose(s);
	has(&s->text, "\n  r20@example.com\n    550 no\n  and 1 more\n\nWhat to do");
	s->notice.failed_count = MANY;
	compose(s);
	has(&s->text, "\n  and 480 more\n");
	assert_int_equal(count(s->text.data, "550 no"), NOTICE_LISTED_MAX);
}

/* The most of everything at once, of bytes that take three each. */
static void
largest_notice_is_written(void **state)
{
	struct notice_recipient failed[MANY];
	char text[2000], address[ADDRESS_MAX + 1];
	struct setup *s = *state;

	memset(text, 0xff, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memset(address, 0xff, sizeof(address) - 1);
	address[sizeof(address) - 1] = '\0';
	for (size_t i = 0; i < MANY; i++)
		failed[i] = (struct notice_recipient){ address, text };
	s->job.title = s->job.user = s->job.printer = text;
	s->notice.reason = text;
	s->notice.failed = failed;
	s->notice.failed_count = MANY;
	compose(s);
	has(&s->text, "\n  and 480 more\n");
	has(&s->text, "\nThis is an automatic message of the print server.\n");
}

/* -- as a message ------------------------------------------------ */

static void
header_says_what_it_is(void **state)
{
	struct setup *s = *state;

	compose(s);
	has(&s->bytes, "Date: Sun, 22 Nov 2026 23:34:28 +0000\r\n");
	has(&s->bytes, "\r\nFrom: Scanner <scanner@example.com>\r\n");
	has(&s->bytes, "\r\nTo: admin@example.com\r\n");
	has(&s->bytes, "\r\nAuto-Submitted: auto-generated\r\n");
	has(&s->bytes, "\r\nMessage-ID: <" UUID ".notice@example.com>\r\n");
	has(&s->bytes, " boundary=\"=_notice_6ba7b810_9dad_11d1_80b4_00c04fd430c8\"");
	assert_null(strstr(s->bytes.data, "\r\nReply-To:"));
	assert_null(strstr(s->bytes.data, "attachment"));
	s->notice.kind = NOTICE_DELAY;
	compose(s);
	has(&s->bytes, "\r\nMessage-ID: <" UUID ".delay@example.com>\r\n");
	has(&s->bytes, " boundary=\"=_delay_6ba7b810_9dad_11d1_80b4_00c04fd430c8\"");
}

static void
same_notice_gives_the_same_bytes(void **state)
{
	struct setup *s = *state;
	char *first;

	compose(s);
	first = buf_take(&s->bytes);
	compose(s);
	assert_string_equal(first, buf_text(&s->bytes));
	free(first);
}

/* What a stranger says, wherever it comes from. */
static const char *const hostile[] = {
	"a\r\nBcc: evil@example.com",
	"a\nBcc: evil@example.com\n\nbody",
	"\r\n\r\n--=_notice_6ba7b810_9dad_11d1_80b4_00c04fd430c8\r\n"
	"Content-Type: text/html\r\n\r\n<script>",
	"--=_notice_6ba7b810_9dad_11d1_80b4_00c04fd430c8--",
	"\r\n.\r\nMAIL FROM:<evil@example.com>",
	"=?UTF-8?Q?=0D=0ABcc:_evil@example.com?=",
	"=0D=0ABcc: evil@example.com",
	"\xe2\x80\xa8"
	"Bcc: evil@example.com\xc2\x85"
	"Bcc: evil@example.com",
	"\x1b]0;x\x07 \x01\x7f \xff\xfe",
	"From evil\n\nFrom evil",
};

/* Each line of the header starts one of the known fields, or goes on with the last. */
static void
header_is_as_meant(const char *message)
{
	static const char *const names[] = { "Date: ", "From: ", "To: ", "Subject: ",
		"Message-ID: ", "MIME-Version: ", "User-Agent: ", "Auto-Submitted: ",
		"X-Auto-Response-Suppress: ", "Content-Type: " };
	size_t next = 0;

	for (; strncmp(message, "\r\n", 2) != 0; message = strstr(message, "\r\n") + 2) {
		if (*message == ' ' || *message == '\t')
			continue;
		assert_true(next < sizeof(names) / sizeof(names[0]));
		if (strncmp(message, names[next], strlen(names[next])) != 0)
			fail_msg("instead of %s: %.60s", names[next], message);
		next++;
	}
	assert_int_equal(next, sizeof(names) / sizeof(names[0]));
}

static void
strangers_stay_in_their_line(void **state)
{
	struct setup *s = *state;
	size_t lines;

	compose(s);
	lines = count(s->text.data, "\n") + 3;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		const struct notice_recipient failed = { hostile[i], hostile[i] };

		s->job.title = s->job.user = s->job.printer = (char *)hostile[i];
		s->notice.reason = hostile[i];
		s->notice.failed = &failed;
		s->notice.failed_count = 1;
		compose(s);
		header_is_as_meant(s->bytes.data);
		assert_int_equal(count(s->bytes.data, "\n--"), 2);
		assert_int_equal(count(s->bytes.data, "\r"), count(s->bytes.data, "\n"));
		assert_int_equal(count(s->bytes.data, "\n."), 0);
		assert_int_equal(count(s->bytes.data, "\nFrom "), 0);
		assert_int_equal(count(s->text.data, "\n"), lines + 1);
		assert_null(strpbrk(s->text.data, "\r\x1b\x01\x7f"));
	}
}

#define WITH_NOTICE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_NOTICE(owner_and_others_are_told),
		WITH_NOTICE(nobody_is_told_twice),
		WITH_NOTICE(owners_without_address_are_left_out),
		WITH_NOTICE(those_that_were_refused_are_not_told),
		WITH_NOTICE(others_have_a_limit),
		WITH_NOTICE(job_that_ended_is_told),
		WITH_NOTICE(job_that_reached_some_is_told),
		WITH_NOTICE(job_that_waits_is_told),
		WITH_NOTICE(time_to_give_up_counts_from_the_first_try),
		WITH_NOTICE(times_are_local),
		WITH_NOTICE(job_without_title_has_its_number),
		WITH_NOTICE(what_is_not_known_is_left_out),
		WITH_NOTICE(long_texts_are_cut),
		WITH_NOTICE(many_recipients_are_counted),
		WITH_NOTICE(largest_notice_is_written),
		WITH_NOTICE(header_says_what_it_is),
		WITH_NOTICE(same_notice_gives_the_same_bytes),
		WITH_NOTICE(strangers_stay_in_their_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
