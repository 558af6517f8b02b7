/* header: exact fields, and the laws of every line whatever the text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/base/text.h"
#include "lib/mail/filename.h"
#include "lib/mail/header.h"

enum {
	OUT_MAX = 256 * 1024,
	LINE_MAX = 76,
	LINE_HARD = 998,
	ROUNDS = 5000,
	TEXT_MAX = 500,
	SEED = 2047,
};

#define X10 "xxxxxxxxxx"
#define X50 X10 X10 X10 X10 X10

static char *
text_of(char c, size_t len)
{
	char *text = malloc(len + 1);

	memset(text, c, len);
	text[len] = '\0';
	return text;
}

/* One field: printable lines of at most `most` characters, each ended by CR LF, each but
 * the first started by a blank and holding more than blanks. */
static void
check_field(const char *s, size_t most)
{
	bool first = true;

	assert_true(*s != '\0');
	while (*s) {
		const char *end = strstr(s, "\r\n");

		assert_non_null(end);
		assert_true((size_t)(end - s) <= most);
		assert_true(first == (*s != ' '));
		assert_true(s + strspn(s, " ") < end);
		for (; s < end; s++)
			assert_true(*s >= 0x20 && *s <= 0x7e);
		s = end + 2;
		first = false;
	}
}

static void
texts_are_exact(void **state)
{
	static const struct {
		const char *text, *field;
	} rows[] = {
		{ "", "Subject:\r\n" },
		{ " \r\n ", "Subject:\r\n" },
		{ "Offer", "Subject: Offer\r\n" },
		{ "a\r\nBcc: x@y.z", "Subject: a  Bcc: x@y.z\r\n" },
		{ "a\nb\x7f\x01", "Subject: a b\r\n" },
		{ "Größe", "Subject: =?UTF-8?B?R3LDtsOfZQ==?=\r\n" },
		/* What looks like an encoded word would be decoded. */
		{ "=?UTF-8?Q?a?=", "Subject: =?UTF-8?B?PT9VVEYtOD9RP2E/PQ==?=\r\n" },
		{ "a =? b", "Subject: =?UTF-8?B?YSA9PyBi?=\r\n" },
		{ "a = ?", "Subject: a = ?\r\n" },
		{ "\xff", "Subject: =?UTF-8?B?77+9?=\r\n" },
		{ "a\xe2\x80\xae"
		  "b",
		    "Subject: ab\r\n" },
		/* "Subject: " and 67 characters fill a line. */
		{ X50 "6789012 456789", "Subject: " X50 "6789012 456789\r\n" },
		{ X50 "6789012 4567890 23",
		    "Subject: " X50 "6789012 4567890\r\n 23\r\n" },
		{ X50 "6789012  567890123",
		    "Subject: " X50 "6789012\r\n  567890123\r\n" },
		{ X50 X50, "Subject: " X50 X50 "\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf out;

		buf_init(&out, OUT_MAX);
		assert_true(header_text(&out, "Subject", rows[i].text));
		assert_string_equal(buf_text(&out), rows[i].field);
		buf_clear(&out);
	}
}

static int
letter(char c)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789+/";

	return c ? (int)(strchr(letters, c) - letters) : -1;
}

/* Decodes the base64 of one encoded word; what it gives must be whole characters. */
static void
decode_word(struct buf *out, const char *s, size_t len)
{
	size_t start = out->len;

	assert_int_equal(len % 4, 0);
	for (size_t i = 0; i < len; i += 4) {
		unsigned bits =
		    (unsigned)letter(s[i]) << 18 | (unsigned)letter(s[i + 1]) << 12;

		if (s[i + 2] != '=')
			bits |= (unsigned)letter(s[i + 2]) << 6;
		if (s[i + 3] != '=')
			bits |= (unsigned)letter(s[i + 3]);
		buf_putc(out, (char)(bits >> 16));
		if (s[i + 2] != '=')
			buf_putc(out, (char)(bits >> 8));
		if (s[i + 3] != '=')
			buf_putc(out, (char)bits);
	}
	assert_true(utf8_valid(out->data + start, out->len - start));
}

/* Undoes header_text(): unfolds, and joins and decodes encoded words. */
static void
decode_text(struct buf *out, const char *s)
{
	struct buf line;

	buf_init(&line, OUT_MAX);
	for (s = strchr(s, ':') + 1; *s; s++)
		if (*s != '\r' && *s != '\n')
			buf_putc(&line, *s);
	s = buf_text(&line);
	if (strncmp(s, " =?UTF-8?B?", 11) != 0)
		buf_puts(out, s + (*s == ' '));
	while (strncmp(s, " =?UTF-8?B?", 11) == 0) {
		const char *end = strstr(s, "?=");

		assert_non_null(end);
		assert_true(end + 2 - (s + 1) <= 75);
		decode_word(out, s + 11, (size_t)(end - s) - 11);
		s = end + 2;
	}
	buf_clear(&line);
}

static void
comes_back(const char *name, const char *text)
{
	struct buf out, want, got;

	buf_init(&out, OUT_MAX);
	buf_init(&want, OUT_MAX);
	buf_init(&got, OUT_MAX);
	assert_true(header_text(&out, name, text));
	text_clean(&want, text, strlen(text), TEXT_LINE);
	/* A word that cannot be folded may make a longer line, of ASCII as it is. */
	check_field(buf_text(&out), strstr(buf_text(&out), "=?") ? LINE_MAX : LINE_HARD);
	decode_text(&got, buf_text(&out));
	assert_string_equal(buf_text(&got), buf_text(&want));
	buf_clear(&out);
	buf_clear(&want);
	buf_clear(&got);
}

static void
texts_come_back(void **state)
{
	static const char letters[] = "    abc=?\r\n\xc3\xbc\xf0\x9f\x98\x80,\"";

	(void)state;
	srand(SEED);
	for (int round = 0; round < ROUNDS; round++) {
		char text[TEXT_MAX + 1];
		size_t len = (size_t)rand() % TEXT_MAX;

		for (size_t i = 0; i < len; i++) {
			if (round % 3 == 0)
				text[i] = rand() % 8 ? 'a' : ' ';
			else if (rand() % 3)
				text[i] = letters[(size_t)rand() % (sizeof(letters) - 1)];
			else
				text[i] = (char)(rand() % 255 + 1);
		}
		text[len] = '\0';
		comes_back("Subject", text);
		comes_back(
		    "X-A-Name-That-Leaves-Little-Room-For-Words-On-Its-First-Line", text);
	}
}

static void
long_words_are_encoded_not_broken(void **state)
{
	char *text = text_of('x', 10 * 1024);
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	comes_back("Subject", text);
	/* "Subject: " and 989 characters are a line of 998; one more is not. */
	text[989] = '\0';
	header_text(&out, "Subject", text);
	assert_int_equal(out.len, 998 + 2);
	comes_back("Subject", text);
	text[989] = 'x';
	text[990] = '\0';
	buf_reset(&out);
	header_text(&out, "Subject", text);
	assert_memory_equal(out.data, "Subject: =?UTF-8?B?", 19);
	comes_back("Subject", text);
	free(text);
	buf_clear(&out);
}

static void
raw_values_are_checked(void **state)
{
	static const char *const wrong[] = { "a\r\nb", "a\nb", "a\rb", "\t", "ü", "\x7f",
		"\x01" };
	char *text = text_of('x', 2000);
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	assert_true(header_raw(&out, "MIME-Version", "1.0"));
	assert_string_equal(buf_text(&out), "MIME-Version: 1.0\r\n");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		buf_reset(&out);
		assert_false(header_raw(&out, "A", wrong[i]));
		assert_true(out.over);
	}
	buf_reset(&out);
	text[LINE_HARD - 3] = '\0';
	assert_true(header_raw(&out, "A", text));
	check_field(buf_text(&out), LINE_HARD);
	text[LINE_HARD - 3] = 'x';
	text[LINE_HARD - 2] = '\0';
	buf_reset(&out);
	assert_false(header_raw(&out, "A", text));
	buf_clear(&out);
	free(text);
}

static void
mailboxes_are_exact(void **state)
{
	static const struct {
		const char *list, *field;
	} rows[] = {
		{ "a@b.c", "To: a@b.c\r\n" },
		{ "Bob <a@b.c>, d@e.f", "To: Bob <a@b.c>, d@e.f\r\n" },
		{ "\"Smith, Bob\" <a@b.c>", "To: \"Smith, Bob\" <a@b.c>\r\n" },
		{ "\"a,b\" <a@b.c>", "To: \"a,b\" <a@b.c>\r\n" },
		{ "\"Bob J.\" <a@b.c>", "To: \"Bob J.\" <a@b.c>\r\n" },
		{ "\"a\\\"b\\\\\" <a@b.c>", "To: \"a\\\"b\\\\\" <a@b.c>\r\n" },
		{ "\"a  b\" <a@b.c>", "To: \"a  b\" <a@b.c>\r\n" },
		{ "\"<x@y.z>\" <a@b.c>", "To: \"<x@y.z>\" <a@b.c>\r\n" },
		{ "Büro <a@b.c>", "To: =?UTF-8?B?QsO8cm8=?= <a@b.c>\r\n" },
		{ "\"=?UTF-8?Q?a?=\" <a@b.c>",
		    "To: =?UTF-8?B?PT9VVEYtOD9RP2E/PQ==?= <a@b.c>\r\n" },
		{ "\"john smith\"@b.c", "To: \"john smith\"@b.c\r\n" },
		{ "Accounting of the Company <accounting@example.com>, "
		  "robert.smith@example.com",
		    "To: Accounting of the Company <accounting@example.com>,\r\n"
		    " robert.smith@example.com\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mailbox_list list = { 0 };
		struct buf out;

		buf_init(&out, OUT_MAX);
		assert_int_equal(
		    mailbox_list_parse(&list, rows[i].list, NULL), STATUS_OK);
		assert_true(header_mailboxes(&out, "To", &list));
		assert_string_equal(buf_text(&out), rows[i].field);
		mailbox_list_clear(&list);
		buf_clear(&out);
	}
}

static void
long_lists_are_folded(void **state)
{
	struct mailbox_list list = { 0 };
	char text[512];
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	for (int i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "\"%.*sü %d\" <bob%d@example.com>", i,
		    X50 X50 X50 X50, i, i);
		assert_int_equal(mailbox_list_parse(&list, text, NULL), STATUS_OK);
	}
	assert_true(header_mailboxes(&out, "Cc", &list));
	check_field(buf_text(&out), LINE_MAX);
	mailbox_list_clear(&list);
	buf_clear(&out);
}

/* Mailboxes that no parser made: still no second field. */
static void
raw_mailboxes_add_nothing(void **state)
{
	char name[] = "a\r\nBcc: x@y.z", address[] = "a@b.c",
	     evil[] = "a@b.c\r\nBcc: x@y.z";
	struct mailbox item = { name, address };
	const struct mailbox_list list = { &item, 1 };
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	assert_true(header_mailboxes(&out, "To", &list));
	assert_string_equal(buf_text(&out), "To: \"a  Bcc: x@y.z\" <a@b.c>\r\n");
	item.address = evil;
	buf_reset(&out);
	assert_false(header_mailboxes(&out, "To", &list));
	assert_true(out.over);
	assert_null(strstr(buf_text(&out), "Bcc: x@y.z\r\n"));
	buf_clear(&out);
}

static void
dates_are_utc(void **state)
{
	static const struct {
		time_t when;
		const char *field;
	} rows[] = {
		{ 0, "Date: Thu, 1 Jan 1970 00:00:00 +0000\r\n" },
		{ 1795354468, "Date: Sun, 22 Nov 2026 13:34:28 +0000\r\n" },
		{ 951782399, "Date: Mon, 28 Feb 2000 23:59:59 +0000\r\n" },
		{ 951782400, "Date: Tue, 29 Feb 2000 00:00:00 +0000\r\n" },
		{ 253402300799, "Date: Fri, 31 Dec 9999 23:59:59 +0000\r\n" },
	};
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_reset(&out);
		assert_true(header_date(&out, rows[i].when));
		assert_string_equal(buf_text(&out), rows[i].field);
	}
	assert_false(header_date(&out, 253402300800));
	buf_reset(&out);
	assert_false(header_date(&out, INT64_MAX));
	buf_clear(&out);
}

static void
attachments_are_exact(void **state)
{
	static const struct {
		const char *name, *fields;
	} rows[] = {
		{ "Letter 1.pdf",
		    "Content-Type: application/pdf;\r\n name=\"Letter 1.pdf\"\r\n"
		    "Content-Disposition: attachment;\r\n filename=\"Letter "
		    "1.pdf\"\r\n" },
		{ "Größe €.pdf",
		    "Content-Type: application/pdf;\r\n"
		    " name=\"=?UTF-8?B?R3LDtsOfZSDigqwucGRm?=\"\r\n"
		    "Content-Disposition: attachment;\r\n"
		    " filename=\"Groesse _.pdf\";\r\n"
		    " filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%E2%82%AC.pdf\r\n" },
		/* 45 bytes fill an encoded word; one more does not fit. */
		{ X10 X10 X10 X10 "ü.pd",
		    "Content-Type: application/pdf;\r\n"
		    " name=\"=?UTF-8?B?"
		    "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4"
		    "eMO8LnBk?=\"\r\n"
		    "Content-Disposition: attachment;\r\n"
		    " filename=\"" X10 X10 X10 X10 "ue.pd\";\r\n"
		    " filename*=UTF-8''" X10 X10 X10 X10 "%C3%BC.pd\r\n" },
		{ X10 X10 X10 X10 "ü.pdf",
		    "Content-Type: application/pdf;\r\n"
		    " name=\"" X10 X10 X10 X10 "ue.pdf\"\r\n"
		    "Content-Disposition: attachment;\r\n"
		    " filename=\"" X10 X10 X10 X10 "ue.pdf\";\r\n"
		    " filename*=UTF-8''" X10 X10 X10 X10 "%C3%BC.pdf\r\n" },
		/* Not from filename_clean(), and still harmless. */
		{ "a\"\r\nBcc: x",
		    "Content-Type: application/pdf;\r\n"
		    " name=\"=?UTF-8?B?YSINCkJjYzogeA==?=\"\r\n"
		    "Content-Disposition: attachment;\r\n filename=\"a___Bcc_ x\";\r\n"
		    " filename*=UTF-8''a%22%0D%0ABcc%3A%20x\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf out;

		buf_init(&out, OUT_MAX);
		assert_true(header_attachment(&out, "application/pdf", rows[i].name));
		assert_string_equal(buf_text(&out), rows[i].fields);
		buf_clear(&out);
	}
}

static void
wrong_attachments_are_refused(void **state)
{
	static const char *const types[] = { "", "pdf", "/pdf", "application/", "a/b/c",
		"a/b c", "a/b;c=d", "a/b\r\nBcc: x", "ä/b", "a/b\"" };
	char *name = text_of('x', FILENAME_MAX_BYTES + 1);
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		buf_reset(&out);
		assert_false(header_attachment(&out, types[i], "a.pdf"));
		assert_true(out.over);
	}
	buf_reset(&out);
	assert_false(header_attachment(&out, "a/b", name));
	name[FILENAME_MAX_BYTES] = '\0';
	buf_reset(&out);
	assert_true(header_attachment(&out, "a/b", name));
	buf_clear(&out);
	free(name);
}

static void
a_full_buffer_is_told(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 20);
	assert_false(header_text(&out, "Subject", "ünd so weiter und so fort"));
	assert_true(out.over);
	buf_clear(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_exact),
		cmocka_unit_test(texts_come_back),
		cmocka_unit_test(long_words_are_encoded_not_broken),
		cmocka_unit_test(raw_values_are_checked),
		cmocka_unit_test(mailboxes_are_exact),
		cmocka_unit_test(long_lists_are_folded),
		cmocka_unit_test(raw_mailboxes_add_nothing),
		cmocka_unit_test(dates_are_utc),
		cmocka_unit_test(attachments_are_exact),
		cmocka_unit_test(wrong_attachments_are_refused),
		cmocka_unit_test(a_full_buffer_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
