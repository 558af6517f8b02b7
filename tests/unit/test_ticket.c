/* Tests of scan2mail/ticket.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scan2mail/ticket.h"

static void
texts_come_back(void **state)
{
	const struct relay_job job = { "mail", "Böb <bob@example.com>, Board",
		"Größe: \"A\" = 1", "", "0123abcd" };
	struct ticket t;
	struct buf text;
	struct error e;

	(void)state;
	for (int doubt = 0; doubt < 2; doubt++) {
		buf_init(&text, TICKET_MAX);
		assert_true(ticket_write(&text, &job, doubt));
		assert_int_equal(
		    ticket_read(&t, buf_text(&text), text.len, &e), STATUS_OK);
		assert_string_equal(t.job.queue, job.queue);
		assert_string_equal(t.job.to, job.to);
		assert_string_equal(t.job.subject, job.subject);
		assert_string_equal(t.job.filename, "");
		assert_string_equal(t.job.id, job.id);
		assert_int_equal(t.doubt, doubt);
		ticket_clear(&t);
		buf_clear(&text);
	}
}

static void
values_never_hold_line_feeds(void **state)
{
	const struct relay_job job = { "mail", "a\nqueue: other", "s\r\nto: eve", "f",
		"1\n2" };
	struct buf text;

	(void)state;
	buf_init(&text, TICKET_MAX);
	assert_true(ticket_write(&text, &job, false));
	assert_string_equal(buf_text(&text),
	    "queue: mail\nto: a queue: other\nsubject: s  to: eve\nfilename: f\nid: 1 2\n");
	buf_clear(&text);
}

/* Whatever a ticket is written of can be read. */
static void
values_are_cleaned(void **state)
{
	static const char *const subjects[] = { "a\x1b[31m\tb", "\xff", "\xe2\x80\x8e",
		"  ", "\x7f\x01", "a\xc2\x85" };
	struct relay_job job = { "mail", "b\x01@example.com", "", "f\x1f", "" };
	struct ticket t;
	struct buf text;
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		job.subject = subjects[i];
		buf_init(&text, TICKET_MAX);
		assert_true(ticket_write(&text, &job, false));
		if (ticket_read(&t, buf_text(&text), text.len, &e) != STATUS_OK)
			fail_msg("row %zu: %s", i, buf_text(&text));
		assert_string_equal(t.job.to, "b @example.com");
		assert_string_equal(t.job.filename, "f");
		ticket_clear(&t);
		buf_clear(&text);
	}
}

static void
long_ones_are_refused(void **state)
{
	struct relay_job job = { "mail", "", "s", "", "" };
	char *to = malloc(TICKET_MAX + 1);
	struct buf text;

	(void)state;
	assert_non_null(to);
	memset(to, 'a', TICKET_MAX);
	to[TICKET_MAX] = '\0';
	job.to = to;
	buf_init(&text, TICKET_MAX);
	assert_false(ticket_write(&text, &job, false));
	buf_clear(&text);
	free(to);
}

static void
other_lines_are_passed_over(void **state)
{
	static const char text[] = "colour: blue\nsubject: s\nqueue: a\nQueue: b\n"
				   "to: \ndoubt: no\n: x: y\n";
	struct ticket t;
	struct error e;

	(void)state;
	assert_int_equal(ticket_read(&t, text, sizeof(text) - 1, &e), STATUS_INVALID);
	assert_int_equal(
	    ticket_read(&t, text, sizeof(text) - 1 - strlen(": x: y\n"), &e), STATUS_OK);
	assert_string_equal(t.job.queue, "a");
	assert_string_equal(t.job.to, "");
	assert_string_equal(t.job.id, "");
	assert_false(t.doubt);
	ticket_clear(&t);
}

static void
nonsense_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
#define ROW(text) { text, sizeof(text) - 1 }
		ROW(""),
		ROW("\n"),
		ROW("subject: s"),            /* torn */
		ROW("queue: mail\nto: b\n"),  /* no subject */
		ROW("subject: \n"),           /* an empty one */
		ROW("subject: s\n\nto: b\n"), /* an empty line */
		ROW("subject: s\nnonsense\n"),
		ROW("subject:s\n"),
		ROW("subject: s\0\nto: b\n"),
		ROW("subject: s\x1b[31m\n"),
		ROW("subject: s\r\n"),
		ROW("subject: \xff\n"),
		ROW("subject: s\nqueue: "
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "\n"),
	};
	struct ticket t = { .doubt = true };
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		e.text[0] = '\0';
		if (ticket_read(&t, rows[i].bytes, rows[i].len, &e) != STATUS_INVALID)
			fail_msg("row %zu is taken", i);
		assert_non_null(strstr(e.text, "damaged"));
	}
	assert_true(t.doubt && !t.text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_come_back),
		cmocka_unit_test(values_never_hold_line_feeds),
		cmocka_unit_test(values_are_cleaned),
		cmocka_unit_test(long_ones_are_refused),
		cmocka_unit_test(other_lines_are_passed_over),
		cmocka_unit_test(nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
