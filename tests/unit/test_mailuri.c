/* mailuri: RFC 6068's examples, ours, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/mail/mailuri.h"

static void
same(const char *got, const char *want)
{
	if (!want)
		assert_null(got);
	else if (!got)
		fail_msg("nothing instead of '%s'", want);
	else
		assert_string_equal(got, want);
}

static const struct {
	const char *uri;
	struct {
		const char *to, *cc, *bcc, *subject, *body, *account, *filename;
	} want;
} uris[] = {
	{ "mailto:", { 0 } },
	{ "mailto:?", { 0 } },
	{ "mailto:?to=", { 0 } },
	{ "mailto:chris@example.com", { .to = "chris@example.com" } },
	{ "MailTo:chris@example.com", { .to = "chris@example.com" } },
	{ "mailto:infobot@example.com?subject=current-issue",
	    { .to = "infobot@example.com", .subject = "current-issue" } },
	{ "mailto:a@b.c?body=send%20current-issue%0D%0Asend%20index",
	    { .to = "a@b.c", .body = "send current-issue\nsend index" } },
	{ "mailto:a@b.c?body=1%0D2%0A3%0D%0D%0A4%0A%0D5%09%01",
	    { .to = "a@b.c", .body = "1\n2\n3\n\n4\n\n5\t\x01" } },
	{ "mailto:joe@example.com?cc=bob@example.com&body=hello",
	    { .to = "joe@example.com", .cc = "bob@example.com", .body = "hello" } },
	{ "mailto:?to=addr1%40an.example,addr2@an.example",
	    { .to = "addr1@an.example,addr2@an.example" } },
	{ "mailto:a@b.c?to=d@e.f&TO=g@h.i&Cc=1&cC=2&bcc=3&bcc=&bcc=4",
	    { .to = "a@b.c,d@e.f,g@h.i", .cc = "1,2", .bcc = "3,4" } },
	{ "mailto:%22not%40me%22@example.org", { .to = "\"not@me\"@example.org" } },
	{ "mailto:gorby%25kremvax@example.com", { .to = "gorby%kremvax@example.com" } },
	{ "mailto:a+b@c.d?subject=1+1%2B1=3&&",
	    { .to = "a+b@c.d", .subject = "1+1+1=3" } },
	{ "mailto:u@e.org?subject=caf%C3%A9", { .to = "u@e.org", .subject = "café" } },
	{ "mailto:u@e.org?subject=%2541%26b%3F?#",
	    { .to = "u@e.org", .subject = "%41&b??#" } },
	{ "mailto:?to=bob%40example.com&account=office365&filename=a%20b&"
	  "subject=",
	    { .to = "bob@example.com", .account = "office365", .filename = "a b" } },
};

static void
uris_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
		struct error e = { "" };
		struct mailuri u = { 0 };

		if (mailuri_parse(&u, uris[i].uri, &e) != STATUS_OK)
			fail_msg("%s: %s", uris[i].uri, e.text);
		same(u.to, uris[i].want.to);
		same(u.cc, uris[i].want.cc);
		same(u.bcc, uris[i].want.bcc);
		same(u.subject, uris[i].want.subject);
		same(u.body, uris[i].want.body);
		same(u.account, uris[i].want.account);
		same(u.filename, uris[i].want.filename);
		mailuri_clear(&u);
		assert_null(u.to);
	}
}

static void
refused(const char *uri, const char *sentence)
{
	struct error e = { "" };
	struct mailuri u = { .to = (char *)1 };

	if (mailuri_parse(&u, uri, &e) != STATUS_INVALID)
		fail_msg("'%s' was taken", uri);
	assert_ptr_equal(u.to, (char *)1);
	if (!strstr(e.text, sentence))
		fail_msg("'%s': %s", uri, e.text);
	for (const char *s = e.text; *s; s++)
		assert_true((unsigned char)*s >= 0x20 && *s != 0x7f);
}

static void
other_uris_are_refused(void **state)
{
	static const struct {
		const char *uri, *sentence;
	} rows[] = {
		{ "", "must start with 'mailto:'" },
		{ "mailto", "must start with 'mailto:'" },
		{ "bob@example.com", "must start with 'mailto:'" },
		{ "smtp:bob@example.com", "must start with 'mailto:'" },
		{ "mailto:a%0d%0aBcc:x@y.z", "(%0D) in 'to'" },
		{ "mailto:?to=a%0ab", "(%0A) in 'to'" },
		{ "mailto:?subject=a%0d%0aBcc:%20x@y.z", "(%0D) in 'subject'" },
		{ "mailto:?cc=%7f", "(%7F) in 'cc'" },
		{ "mailto:?bcc=%1f", "(%1F) in 'bcc'" },
		{ "mailto:?filename=%09", "(%09) in 'filename'" },
		{ "mailto:?account=a\nb", "(%0A) in 'account'" },
		{ "mailto:?subject=%00", "(%00) in 'subject'" },
		{ "mailto:?body=a%00b", "(%00) in 'body'" },
		{ "mailto:?subject=%", "two hexadecimal digits in 'subject'" },
		{ "mailto:?subject=%4", "two hexadecimal digits in 'subject'" },
		{ "mailto:?subject=100%&to=41", "two hexadecimal digits in 'subject'" },
		{ "mailto:?subject=%4g", "two hexadecimal digits" },
		{ "mailto:?subject=%g4", "two hexadecimal digits" },
		{ "mailto:?subject=%-1", "two hexadecimal digits" },
		{ "mailto:?subject=%E4", "no UTF-8" },
		{ "mailto:?subject=%C3&body=%A4", "no UTF-8" },
		{ "mailto:?to=%C3&to=%A4", "no UTF-8" },
		{ "mailto:?subject=%ED%A0%80", "no UTF-8" },
		{ "mailto:?subject=a&Subject=b", "'subject' twice" },
		{ "mailto:?subject=&subject=b", "'subject' twice" },
		{ "mailto:?body=a&body=b", "'body' twice" },
		{ "mailto:?subject", "'subject' without a value" },
		{ "mailto:?=x", "'' that is not known" },
		{ "mailto:?from=x@y.z",
		    "'from' that is not known: to, cc, bcc, subject, body, account, "
		    "filename" },
		{ "mailto:?subject=Fish&Chips=2", "'Chips' that is not known" },
		{ "mailto:?a\r\nb\x1b=c", "'a  b' that is not known" },
		{ "mailto:?subjec=1", "'subjec' that is not known" },
		{ "mailto:?subjectt=1", "'subjectt' that is not known" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refused(rows[i].uri, rows[i].sentence);
}

static void
length_has_a_limit(void **state)
{
	char *uri = malloc(MAILURI_MAX + 2);
	struct mailuri u = { 0 };

	(void)state;
	memset(uri, 'x', MAILURI_MAX + 1);
	memcpy(uri, "mailto:", 7);
	uri[MAILURI_MAX + 1] = '\0';
	refused(uri, "more than 16384 bytes");
	uri[MAILURI_MAX] = '\0';
	assert_int_equal(mailuri_parse(&u, uri, NULL), STATUS_OK);
	assert_int_equal(strlen(u.to), MAILURI_MAX - 7);
	mailuri_clear(&u);
	free(uri);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uris_are_read),
		cmocka_unit_test(other_uris_are_refused),
		cmocka_unit_test(length_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
