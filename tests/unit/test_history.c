/* Tests of the lines of lib/send/history.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/text.h"
#include "lib/send/history.h"

/* -- lines ------------------------------------------------------------------------- */

static const char *const recipients[] = { "bob@example.com", "eve@example.org" };

static const struct reply taken = { STAGE_DONE, 250, "2.0.0",
	"OK <AM0PR01@prod.outlook.com> [Hostname=AM0PR01]" };

static struct history
make_history(void)
{
	return (struct history){
		.event = HISTORY_SENT,
		.account = "office365",
		.recipients = recipients,
		.recipient_count = 2,
		.size = 123456,
		.id = "job-17.1@print.example.com",
		.reply = &taken,
		.part = 1,
		.parts = 1,
		.attempts = 2,
		.duration = 61007,
		.text = "",
	};
}

static struct history_job
make_job(void)
{
	return (struct history_job){
		.time = 1795354468, .job = "17", .queue = "mail", .user = "anna"
	};
}

static struct history_job job; /* whose lines make_line() makes */

static int
set_job(void **state)
{
	(void)state;
	job = make_job();
	return 0;
}

/* Both parts of a line, as they are written; the caller need not free it. */
static const char *
make_line(const struct history *h)
{
	static char line[HISTORY_LINE_MAX + 1];
	struct buf out;

	buf_init(&out, HISTORY_LINE_MAX);
	assert_true(history_head(&out, &job));
	assert_in_range(out.len, 1, HISTORY_HEAD_MAX - 1);
	assert_true(buf_putc(&out, ' '));
	assert_true(history_line(&out, h));
	memcpy(line, buf_text(&out), out.len + 1);
	buf_clear(&out);
	return line;
}

static void
assert_has(const struct history *h, const char *words)
{
	const char *line = make_line(h);

	if (!strstr(line, words))
		fail_msg("'%s' is not in '%s'", words, line);
}

static void
assert_lacks(const struct history *h, const char *words)
{
	const char *line = make_line(h);

	if (strstr(line, words))
		fail_msg("'%s' is in '%s'", words, line);
}

static void
line_of_a_sent_message(void **state)
{
	struct history h = make_history();

	(void)state;
	assert_string_equal(make_line(&h),
	    "time=2026-11-22T13:34:28Z job=17 queue=mail user=anna event=sent "
	    "account=office365 to=bob@example.com,eve@example.org size=123456 "
	    "id=job-17.1@print.example.com code=\"250 2.0.0\" reply=\"OK "
	    "<AM0PR01@prod.outlook.com> [Hostname=AM0PR01]\" "
	    "server_id=AM0PR01@prod.outlook.com attempts=2 seconds=61.007");
}

static void
line_of_all_keys(void **state)
{
	static const struct reply refused = { STAGE_BODY, 554, "", "no" };
	struct history h = make_history();
	const char *line, *place;
	char key[20];

	(void)state;
	h.event = HISTORY_REFUSED;
	h.part = 2;
	h.parts = 3;
	h.duplicate = true;
	h.text = "too \"large\"";
	h.subject = "Offer 4711";
	line = place = make_line(&h);
	for (size_t i = 0; history_key(i); i++) { /* each, in this order */
		snprintf(key, sizeof(key), "%s%s=", i ? " " : "", history_key(i));
		place = strstr(place, key);
		if (!place)
			fail_msg("'%s' is not in its place in '%s'", key, line);
	}
	assert_null(history_key(SIZE_MAX));
	assert_has(&h, " part=2/3 ");
	assert_has(&h,
	    " duplicate=possible reason=\"too \\\"large\\\"\" "
	    "subject=\"Offer 4711\"");
	h.reply = &refused;
	assert_has(&h, " code=554 reply=no attempts");
}

static void
line_of_the_least(void **state)
{
	static const struct reply none = { .text = "left over" };
	struct history h = { .event = HISTORY_HELD, .reply = &none };

	(void)state;
	job = (struct history_job){ .job = NULL };
	assert_string_equal(make_line(&h),
	    "time=1970-01-01T00:00:00Z event=held attempts=0 seconds=0.000");
	job = (struct history_job){ .job = "", .user = " \n" };
	h = (struct history){ .account = "", .text = " \n", .id = "", .parts = 1 };
	assert_string_equal(make_line(&h),
	    "time=1970-01-01T00:00:00Z event=sent attempts=0 seconds=0.000");
}

static void
events_have_names(void **state)
{
	static const char *const names[] = { "sent", "refused", "given-up", "held",
		"stopped", "waiting", "notice" };
	struct history h = make_history();

	(void)state;
	for (size_t i = 0; i <= HISTORY_NOTICE; i++) {
		char words[40];

		h.event = (enum history_event)i;
		snprintf(words, sizeof(words), "user=anna event=%s account=", names[i]);
		assert_has(&h, words);
	}
}

static void
times_of_any_clock(void **state)
{
	struct history h = make_history();

	(void)state;
	job.time = -1;
	assert_has(&h, "time=1969-12-31T23:59:59Z ");
	job.time = (time_t)INT64_MAX;
	assert_has(&h, "time=1970-01-01T00:00:00Z ");
	h.duration = -5;
	assert_has(&h, " seconds=0.000");
	h.duration = 5 * 24 * 3600 * INT64_C(1000) + 1;
	assert_has(&h, " seconds=432000.001");
}

/* Only of what was taken: a refusal repeats the recipient. */
static void
refusal_has_no_server_id(void **state)
{
	static const struct reply refused = { STAGE_RCPT, 550, "5.1.1",
		"<bob@example.com> unknown" };
	struct history h = make_history();

	(void)state;
	h.reply = &refused;
	assert_lacks(&h, "server_id");
}

/* -- what strangers write ---------------------------------------------------------- */

/* Reads a line as a program would that knows only the header's rules, and gives the value
 * of a key; the reader's view of a line that a stranger spoiled is NULL. */
static const char *
read_value(const char *line, const char *wanted)
{
	static char value[HISTORY_LINE_MAX];

	while (*line) {
		size_t key = strcspn(line, "= \""), len = 0;
		bool found = strlen(wanted) == key && strncmp(line, wanted, key) == 0;
		bool quoted;

		if (key == 0 || line[key] != '=')
			return NULL;
		line += key + 1;
		quoted = *line == '"';
		line += quoted;
		for (; *line && *line != (quoted ? '"' : ' '); line++) {
			if (quoted && *line == '\\')
				line++;
			value[len++] = *line;
		}
		value[len] = '\0';
		if (found)
			return value;
		line += quoted;
		line += *line == ' ';
	}
	return NULL;
}

static void
quoting_comes_back(void **state)
{
	static const char *const texts[] = { "plain", "a b", "a\"b", "a\\b", "a=b", "\\",
		"\"", "\\\"", "a event=sent", "\" event=sent x=\"", "Müller",
		"EXAMPLE\\bob", "\xc2\xa0", "'", "…" };
	struct history h = make_history();

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		h.event = HISTORY_REFUSED;
		job.user = h.text = texts[i];
		assert_string_equal(read_value(make_line(&h), "user"), texts[i]);
		assert_string_equal(read_value(make_line(&h), "reason"), texts[i]);
		assert_string_equal(read_value(make_line(&h), "event"), "refused");
	}
	job.user = "Müller";
	job.queue = "a=b";
	assert_has(&h,
	    " queue=\"a=b\" user=\"Müller\" "); /* for readers that split at any blank */
}

static void
assert_harmless(const char *line)
{
	assert_true(utf8_valid(line, strlen(line)));
	for (const char *p = line; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			fail_msg("a control byte in '%s'", line);
	assert_null(strstr(line, "\xe2\x80\xa8")); /* LINE SEPARATOR */
	assert_null(strstr(line, "\xc2\x85"));     /* NEXT LINE */
	assert_string_equal(read_value(line, "seconds"), "61.007");
}

static void
nothing_breaks_the_line(void **state)
{
	static const char *const texts[] = { "a\nevent=sent", "a\r\nb", "\xff\xfe",
		"\xe2\x80\xa8", "\xc2\x85x", "\x1b[2J", "x\xc3", "\xed\xa0\x80",
		"\xe2\x80\xaetxt.exe", "\x7f" };
	struct history h = make_history();
	struct reply reply = taken;
	const char *bad[1];

	(void)state;
	h.recipients = bad;
	h.recipient_count = 1;
	h.reply = &reply;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		job.job = job.queue = job.user = h.account = h.id = h.text = h.subject =
		    bad[0] = texts[i];
		snprintf(reply.text, sizeof(reply.text), "<%s@x>", texts[i]);
		snprintf(reply.enhanced, sizeof(reply.enhanced), "%s", texts[i]);
		assert_harmless(make_line(&h));
		assert_string_equal(read_value(make_line(&h), "event"), "sent");
	}
	for (int c = 1; c < 256; c++) {
		const char text[] = { 'a', (char)c, 'b', '\0' };

		job.job = job.queue = job.user = h.account = h.id = h.text = h.subject =
		    bad[0] = text;
		snprintf(reply.text, sizeof(reply.text), "queued as %s", text);
		assert_harmless(make_line(&h));
	}
}

/* -- limits ------------------------------------------------------------------------ */

static void
long_values_are_cut(void **state)
{
	struct history h = make_history();
	char text[2000];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	job.user = text;
	assert_has(&h, "xxx…\" event=sent ");
	assert_int_equal(strlen(read_value(make_line(&h), "user")), 255 + strlen("…"));
	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "ü", 2);
	assert_harmless(make_line(&h));
}

static void
recipients_that_do_not_fit_are_counted(void **state)
{
	enum { MANY = 1000 };
	static char address[MANY][40];
	const char *many[MANY];
	struct history h = make_history();
	const char *to;
	unsigned long shown = 1, rest;

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		snprintf(address[i], sizeof(address[i]), "person%04zu@example.com", i);
		many[i] = address[i];
	}
	h.recipients = many;
	h.recipient_count = MANY;
	to = read_value(make_line(&h), "to");
	assert_in_range(strlen(to), 9000, 10000);
	for (const char *p = to; *p && strncmp(p, ",…", 4) != 0; p++)
		shown += *p == ',';
	rest = strtoul(strstr(to, ",…+") + strlen(",…+"), NULL, 10);
	assert_int_equal(shown + rest, MANY);
	h.recipient_count = 100;
	assert_has(&h, "person0099@example.com size=");
	h.recipient_count = 0;
	assert_lacks(&h, " to=");
}

/* Every value as long as it can be, and each byte doubled by its quoting. */
static void
longest_line_keeps_the_limit(void **state)
{
	enum { MANY = 1000, LONG = 20000 };
	static char text[LONG], address[255];
	const char *many[MANY];
	struct reply reply = { .code = 250 };
	struct history h = make_history();
	struct buf out;
	const char *line;

	(void)state;
	memset(text, '"', sizeof(text) - 1);
	memset(address, '\\', sizeof(address) - 1);
	for (size_t i = 0; i < MANY; i++)
		many[i] = address;
	memset(reply.text, '"', sizeof(reply.text) - 1);
	memcpy(reply.text, "queued as ", 10);
	memset(reply.enhanced, '"', sizeof(reply.enhanced) - 1);
	h.recipients = many;
	h.recipient_count = MANY;
	h.reply = &reply;
	job.job = job.queue = job.user = h.account = h.id = h.text = h.subject = text;
	h.size = UINT64_MAX;
	h.part = h.parts = h.attempts = ~0U;
	h.duration = INT64_MAX;
	h.duplicate = true;
	line = make_line(&h);
	assert_in_range(strlen(line), 25000, HISTORY_LINE_MAX);
	assert_string_equal(read_value(line, "duplicate"), "possible");
	assert_string_equal(read_value(line, "user"), read_value(line, "queue"));
	buf_init(&out, HISTORY_LINE_MAX - HISTORY_HEAD_MAX);
	assert_true(history_line(&out, &h));
	buf_clear(&out);
}

/* Cuts a part short by a byte: nothing of it is there. */
static void
a_part_is_whole_or_missing(void **state)
{
	struct history h = make_history();
	struct buf out;
	size_t head;

	(void)state;
	buf_init(&out, HISTORY_HEAD_MAX);
	assert_true(history_head(&out, &job));
	head = out.len;
	buf_clear(&out);
	buf_init(&out, head - 1);
	assert_false(history_head(&out, &job));
	assert_true(out.over);
	assert_int_equal(out.len, 0);
	buf_clear(&out);
	buf_init(&out, strlen(make_line(&h)) - head - 2);
	assert_false(history_line(&out, &h));
	assert_true(out.over);
	assert_int_equal(out.len, 0);
	buf_clear(&out);
}

/* Whoever writes the rest of a line forges no head: read_value() takes the first one. */
static void
head_comes_first(void **state)
{
	static const char *const texts[] = { "x job=18 user=eve", "\" user=eve x=\"",
		"x\nuser=eve" };
	struct history h = make_history();

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		h.account = h.text = texts[i];
		assert_ptr_equal(strstr(make_line(&h),
				     "time=2026-11-22T13:34:28Z "
				     "job=17 queue=mail user=anna event="),
		    make_line(&h));
		assert_string_equal(read_value(make_line(&h), "user"), "anna");
	}
	assert_string_equal(read_value("user=anna user=eve", "user"), "anna");
}

static void
servers_name_their_messages(void **state)
{
	static const struct {
		const char *text, *id;
	} rows[] = {
		{ "", "" },
		{ "OK", "" },
		{ "2.0.0 OK <a.b@host.example> [Hostname=X]", "a.b@host.example" },
		{ "<a@b> Queued mail for delivery", "a@b" },
		{ "OK <a b@c>", "" },
		{ "OK <nothing>", "" },
		{ "OK <>", "" },
		{ "OK <a@b", "a@b" },
		{ "Ok: queued as 4F2C1B", "4F2C1B" },
		{ "2.0.0 Ok: queued as 4F2C1B", "4F2C1B" },
		{ "Queued as 4F2C1B, thanks", "4F2C1B" },
		{ "queued as ", "" },
		{ "OK id=1abcDE-0001", "1abcDE-0001" },
		{ "OK <x> id=1a", "1a" },
		{ "Ok 0102018f-1234-000000", "0102018f-1234-000000" },
		{ "Ok fine", "" },
		{ "OK  1700000000 ab12 - gsmtp", "" },
		{ "Message accepted for delivery", "" },
	};
	char id[40];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(id, 'z', sizeof(id));
		history_server_id(id, sizeof(id), rows[i].text);
		if (strcmp(id, rows[i].id) != 0)
			fail_msg("'%s' gives '%s'", rows[i].text, id);
	}
	history_server_id(id, 4, "queued as 4F2C1B");
	assert_string_equal(id, "4F2");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(line_of_a_sent_message, set_job),
		cmocka_unit_test_setup(line_of_all_keys, set_job),
		cmocka_unit_test_setup(line_of_the_least, set_job),
		cmocka_unit_test_setup(events_have_names, set_job),
		cmocka_unit_test_setup(times_of_any_clock, set_job),
		cmocka_unit_test_setup(refusal_has_no_server_id, set_job),
		cmocka_unit_test_setup(quoting_comes_back, set_job),
		cmocka_unit_test_setup(nothing_breaks_the_line, set_job),
		cmocka_unit_test_setup(long_values_are_cut, set_job),
		cmocka_unit_test_setup(recipients_that_do_not_fit_are_counted, set_job),
		cmocka_unit_test_setup(longest_line_keeps_the_limit, set_job),
		cmocka_unit_test_setup(a_part_is_whole_or_missing, set_job),
		cmocka_unit_test_setup(head_comes_first, set_job),
		cmocka_unit_test_setup(servers_name_their_messages, set_job),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
