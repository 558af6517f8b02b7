/*
 * message: the bytes of whole messages.
 *
 * Composed messages are compared with tests/golden/message/NAME.eml, byte for byte save
 * the version, for which "@VERSION@" stands there. After a change that is meant, run this
 * program with POSTROOM_GOLDEN=update from the root of the tree, and read the difference.
 *
 * With POSTROOM_TEST_TMP naming a folder, messages with all kinds of titles are also
 * written there, for message_strict.t to read them with Python's parser.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/base/text.h"
#include "lib/mail/filename.h"
#include "lib/mail/message.h"

enum {
	OUT_MAX = 4 * 1024 * 1024,
	LONG_TITLE = 10 * 1024,
};

/* -- making messages --------------------------------------------- */

/* A message with all that it points to. */
struct sample {
	struct mailbox from;
	struct mailbox_list to, cc, reply_to;
	struct attachment attachment[3];
	struct message message;
};

static void
sample_init(struct sample *s, const char *to)
{
	*s = (struct sample){ .message = {
				  .subject = "Offer",
				  .body = "Printed by bob.",
				  .date = 1795354468,
				  .id = "d6a1b2c3.1@hub.example.com",
				  .boundary = "d6a1b2c3=_1",
			      } };
	assert_int_equal(
	    mailbox_parse(&s->from, "Office Scanner <scanner@example.com>", NULL), 0);
	if (to)
		assert_int_equal(mailbox_list_parse(&s->to, to, NULL), STATUS_OK);
	s->message.from = &s->from;
	s->message.to = &s->to;
	s->message.attachment = s->attachment;
}

/* Attaches size bytes of a pattern that stand behind start others in their file. */
static void
attach(struct sample *s, const char *name, off_t start, size_t size)
{
	struct attachment *a = &s->attachment[s->message.attachment_count++];
	FILE *file = tmpfile();

	assert_non_null(file);
	for (off_t i = 0; i < start; i++)
		putc('-', file);
	for (size_t i = 0; i < size; i++)
		putc((int)((i * 7 + i / 251) & 0xff), file);
	assert_int_equal(fflush(file), 0);
	*a = (struct attachment){ .filename = name,
		.type = "application/pdf",
		.fd = dup(fileno(file)),
		.start = start,
		.size = (off_t)size };
	fclose(file);
}

static void
sample_clear(struct sample *s)
{
	for (size_t i = 0; i < s->message.attachment_count; i++)
		close(s->attachment[i].fd);
	mailbox_clear(&s->from);
	mailbox_list_clear(&s->to);
	mailbox_list_clear(&s->cc);
	mailbox_list_clear(&s->reply_to);
}

/* The whole message, in memory that the caller clears. */
static struct buf
compose(const struct sample *s)
{
	struct message_stream *stream = NULL;
	struct error e = { "" };
	char bytes[4096];
	struct buf out;
	ssize_t n;

	if (message_open(&stream, &s->message, &e) != STATUS_OK)
		fail_msg("%s", e.text);
	buf_init(&out, OUT_MAX);
	while ((n = message_read(stream, bytes, sizeof(bytes))) > 0)
		buf_add(&out, bytes, (size_t)n);
	assert_int_equal(n, 0);
	assert_false(out.over);
	assert_true(out.len == message_size(stream));
	message_close(stream);
	return out;
}

/* -- tests ------------------------------------------------------- */

static void
write_file(const char *path, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	fclose(file);
}

static void
read_file(const char *path, struct buf *out)
{
	FILE *file = fopen(path, "r");
	int c;

	if (!file)
		fail_msg("cannot open %s: run this from the root of the tree", path);
	while ((c = getc(file)) != EOF)
		buf_putc(out, (char)c);
	fclose(file);
}

/* The message with "@VERSION@" for the version; the caller clears it. */
static struct buf
mask_version(const struct buf *message)
{
	static const char agent[] = "User-Agent: Postroom/" POSTROOM_VERSION "\r\n";
	const char *at = strstr(message->data, agent);
	struct buf masked;

	assert_non_null(at);
	buf_init(&masked, OUT_MAX);
	buf_add(&masked, message->data, (size_t)(at - message->data));
	buf_puts(&masked, "User-Agent: Postroom/@VERSION@\r\n");
	buf_puts(&masked, at + strlen(agent));
	return masked;
}

static void
equals_golden(const struct sample *s, const char *name)
{
	const char *mode = getenv("POSTROOM_GOLDEN");
	struct buf want, message = compose(s), got = mask_version(&message);
	char path[128];

	snprintf(path, sizeof(path), "tests/golden/message/%s.eml", name);
	if (mode && strcmp(mode, "update") == 0)
		write_file(path, got.data, got.len);
	buf_init(&want, OUT_MAX);
	read_file(path, &want);
	assert_string_equal(buf_text(&got), buf_text(&want));
	assert_int_equal(got.len, want.len);
	buf_clear(&message);
	buf_clear(&want);
	buf_clear(&got);
}

static void
plain_message_equals_its_file(void **state)
{
	struct sample s;

	(void)state;
	sample_init(&s, "Bob Smith <bob@example.com>");
	attach(&s, "Offer.pdf", 0, 200);
	equals_golden(&s, "plain");
	sample_clear(&s);
}

static void
rich_message_equals_its_file(void **state)
{
	struct sample s;

	(void)state;
	sample_init(&s,
	    "\"Smith, Bob\" <bob@example.com>, Büro Süd <sued@bücher.example>, "
	    "a.rather.long.local.part@mail.example.com");
	assert_int_equal(
	    mailbox_list_parse(&s.cc, "x@example.org, y@example.org", NULL), 0);
	assert_int_equal(mailbox_list_parse(&s.reply_to, "bob@example.com", NULL), 0);
	s.message.cc = &s.cc;
	s.message.reply_to = &s.reply_to;
	s.message.subject =
	    "Angebot für Größe 42 – bitte bis Freitag prüfen, danke \xf0\x9f"
	    "\x98\x80";
	s.message.body = "Grüße,\n.\n..dot\nFrom here on = there\n\nblank at the end \n"
			 "a line of more than seventy-six characters, which has to be "
			 "broken softly somewhere\n-- \nHub";
	attach(&s, "Größe 42.pdf", 10, 57);
	attach(&s, "empty.pdf", 0, 0);
	attach(&s, "Größe mit einem langen Namen, der in kein Wort passt.pdf", 0, 58);
	equals_golden(&s, "rich");
	sample_clear(&s);
}

static void
message_to_hidden_recipients_equals_its_file(void **state)
{
	struct sample s;

	(void)state;
	sample_init(&s, NULL);
	s.message.subject = "";
	s.message.body = "";
	equals_golden(&s, "hidden");
	s.message.to = NULL;
	equals_golden(&s, "hidden");
	sample_clear(&s);
}

/* What a program sends: said so in the header, and the text alone. */
static void
automatic_message_equals_its_file(void **state)
{
	struct sample s;

	(void)state;
	sample_init(&s, "bob@example.com");
	s.message.automatic = true;
	s.message.subject = "Not sent: Größe 42";
	s.message.body = "This document was not sent.\n\nReason: none.\n";
	s.message.attachment = NULL;
	equals_golden(&s, "automatic");
	sample_clear(&s);
}

static void
open_fails(const struct sample *s, const char *sentence)
{
	struct message_stream *stream = NULL;
	struct error e = { "" };

	if (message_open(&stream, &s->message, &e) != STATUS_INVALID) {
		message_close(stream);
		fail_msg("taken, instead of: %s", sentence);
	}
	assert_null(stream);
	assert_non_null(strstr(e.text, sentence));
}

static void
limits_are_kept(void **state)
{
	struct attachment many[MESSAGE_ATTACHMENTS_MAX + 1];
	char *body = malloc(MESSAGE_BODY_MAX + 2);
	struct sample s;
	struct buf out;

	(void)state;
	sample_init(&s, "bob@example.com");
	attach(&s, "a.pdf", 0, 1);
	for (size_t i = 0; i <= MESSAGE_ATTACHMENTS_MAX; i++)
		many[i] = s.attachment[0];
	s.message.attachment = many;
	s.message.attachment_count = MESSAGE_ATTACHMENTS_MAX + 1;
	open_fails(&s, "more than 100 attachments");
	s.message.attachment_count = MESSAGE_ATTACHMENTS_MAX;
	memset(body, 'x', MESSAGE_BODY_MAX + 1);
	body[MESSAGE_BODY_MAX + 1] = '\0';
	s.message.body = body;
	open_fails(&s, "longer than 64 KB");
	/* The most of all at once, of letters that take three characters a byte. */
	for (size_t i = 0; i < MESSAGE_BODY_MAX; i += 2)
		memcpy(body + i, "ü", 2);
	body[MESSAGE_BODY_MAX] = '\0';
	out = compose(&s);
	assert_non_null(strstr(out.data, "--d6a1b2c3=_1--\r\n"));
	buf_clear(&out);
	s.message.attachment_count = 1;
	s.message.attachment = s.attachment;
	s.message.body = "";
	for (size_t i = 0; i < 1000; i++) {
		char text[600];

		snprintf(text, sizeof(text), "\"ü%0240zu\" <%063zu@%060zu.%060zu.b%zu>",
		    i, i, i, i, i);
		assert_int_equal(mailbox_list_parse(&s.cc, text, NULL), STATUS_OK);
	}
	s.message.cc = &s.cc;
	open_fails(&s, "more than 512 KB");
	sample_clear(&s);
	free(body);
}

static void
wrong_parts_are_refused(void **state)
{
	static const char *const boundaries[] = {
		"", "abc", "a_=b", "a=_b c", "a=_b\r\nX: y", "a=_b\"", "=_ü",
		"=_345678901234567890123456789012345678901234567890123456789012345678901"
	};
	static const char *const ids[] = { "", "abc", "a b@c", "a@b>", "<a@b",
		"a@b\r\nX: y", "ü@b" };
	struct sample s;

	(void)state;
	sample_init(&s, "bob@example.com");
	for (size_t i = 0; i < sizeof(boundaries) / sizeof(boundaries[0]); i++) {
		s.message.boundary = boundaries[i];
		open_fails(&s, "boundary");
	}
	s.message.boundary = "a=_b";
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		s.message.id = ids[i];
		open_fails(&s, "Message-ID");
	}
	s.message.id = "a@b";
	attach(&s, "a.pdf", 0, 1);
	s.attachment[0].type = "a/b\r\nX: y";
	open_fails(&s, "cannot stand in a header");
	s.attachment[0].type = "a/b";
	s.attachment[0].size = -1;
	open_fails(&s, "no size");
	s.attachment[0].size = 1;
	s.message.date = INT64_MAX;
	open_fails(&s, "cannot stand in a header");
	sample_clear(&s);
}

/* -- titles ------------------------------------------------------ */

static const char *const titles[] = {
	"", " ", "Offer", "a\r\nBcc: x@y.z", ".", "From here\n.\n..\nFrom there",
	"a\nBcc: x@y.z\n\nbody", "a\r\n\r\n--d6a1b2c3=_1--\r\n",
	"=?UTF-8?Q?=0D=0ABcc:_x?=", "=?UTF-8?B?eA==?= =?", "?= =?x?B?eA==?=", "=",
	"  two  blanks   inside  ", "gpj.exe\xe2\x80\xae ltr\xe2\x81\xa6 bom\xef\xbb\xbf",
	"\xf0\x9f\x98\x80",
	"価格表 "
	"2026年11月の請求書と見積書の控え、経理部へ送付してください、至急、よろしくお願い"
	"します",
	"\xed\xa0\x80 \xc0\xaf \xf5\x80\x80\x80 \xc3", "\xe2\x80\xa8line\xe2\x80\xa9sep",
	"Invoice 12/2026: \"Fish & Chips\" <bob@example.com>, (comment) ; a=b",
	"123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789"
};

static void
write_part(
    const char *dir, size_t number, const char *suffix, const void *bytes, size_t len)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%03zu.%s", dir, number, suffix);
	write_file(path, bytes, len);
}

/* Only CR LF ends a line, lines are at most 998 bytes, all bytes are ASCII. */
static void
check_lines(const struct buf *message)
{
	size_t column = 0;

	for (size_t i = 0; i < message->len; i++) {
		unsigned char c = (unsigned char)message->data[i];

		if (c == '\r') {
			assert_int_equal(message->data[++i], '\n');
			column = 0;
			continue;
		}
		assert_true(c == '\t' || (c >= 0x20 && c <= 0x7e));
		assert_true(++column <= 998);
	}
	assert_int_equal(column, 0);
}

/* Composes a message that has the title in all its places. */
static void
try_title(const char *title, size_t number, const char *dir)
{
	char *name = filename_clean(title, "pdf");
	struct buf out, clean;
	struct sample s;

	buf_init(&clean, OUT_MAX);
	text_clean(&clean, title, strlen(title), TEXT_LINE);
	sample_init(&s, "Bob <bob@example.com>");
	s.message.subject = title;
	s.message.body = title;
	attach(&s, name, 0, 100 + number);
	out = compose(&s);
	check_lines(&out);
	if (dir) {
		unsigned char bytes[1024];

		write_part(dir, number, "eml", out.data, out.len);
		write_part(dir, number, "title", buf_text(&clean), clean.len);
		write_part(dir, number, "name", name, strlen(name));
		assert_int_equal(
		    pread(s.attachment[0].fd, bytes, sizeof(bytes), 0), 100 + number);
		write_part(dir, number, "bytes", bytes, 100 + number);
		buf_reset(&clean);
		text_clean(&clean, title, strlen(title), TEXT_LINES);
		write_part(dir, number, "body", buf_text(&clean), clean.len);
	}
	buf_clear(&out);
	buf_clear(&clean);
	sample_clear(&s);
	free(name);
}

static void
every_title_makes_a_message(void **state)
{
	const char *dir = getenv("POSTROOM_TEST_TMP");
	char *text = malloc(LONG_TITLE + 1);
	size_t number = 0;

	(void)state;
	for (int c = 1; c < 256; c++) {
		snprintf(text, LONG_TITLE, "a%cb", c);
		try_title(text, number++, dir);
	}
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		try_title(titles[i], number++, dir);
	for (size_t i = 0; i < LONG_TITLE; i++)
		text[i] = (char)(i % 255 + 1);
	text[LONG_TITLE] = '\0';
	try_title(text, number++, dir);
	memset(text, 'x', LONG_TITLE);
	try_title(text, number++, dir);
	for (size_t i = 0; i < LONG_TITLE; i += 10)
		text[i] = ' ';
	try_title(text, number++, dir);
	for (size_t i = 0; i < LONG_TITLE; i += 2)
		memcpy(text + i, "ü", 2);
	try_title(text, number++, dir);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_message_equals_its_file),
		cmocka_unit_test(rich_message_equals_its_file),
		cmocka_unit_test(message_to_hidden_recipients_equals_its_file),
		cmocka_unit_test(automatic_message_equals_its_file),
		cmocka_unit_test(limits_are_kept),
		cmocka_unit_test(wrong_parts_are_refused),
		cmocka_unit_test(every_title_makes_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
