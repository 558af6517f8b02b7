/* address: what is taken, what is refused, and that nothing refused leaves a trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/base/text.h"
#include "lib/mail/address.h"

#define L63 "aaaaaaaaabbbbbbbbbcccccccccdddddddddeeeeeeeeefffffffffggggggggg"

static void
mailboxes_are_taken(void **state)
{
	static const struct {
		const char *in, *name, *address;
	} rows[] = {
		{ "bob@example.com", "", "bob@example.com" },
		{ "  bob@example.com ", "", "bob@example.com" },
		{ "Bob.O'Neil+x=y@Example.COM", "", "Bob.O'Neil+x=y@example.com" },
		{ "<bob@example.com>", "", "bob@example.com" },
		{ "< bob@example.com >", "", "bob@example.com" },
		{ "Bob <bob@example.com>", "Bob", "bob@example.com" },
		{ "Bob<bob@example.com>", "Bob", "bob@example.com" },
		{ "Bob  J. Smith <bob@example.com>", "Bob J. Smith", "bob@example.com" },
		{ "\"Smith, Bob\" <bob@example.com>", "Smith, Bob", "bob@example.com" },
		{ "\"a \\\"b\\\" \\\\\" <bob@example.com>", "a \"b\" \\",
		    "bob@example.com" },
		{ "\"a\\\"<b\" <c@d.e>", "a\"<b", "c@d.e" },
		{ "\"Bob\" Smith <bob@example.com>", "Bob Smith", "bob@example.com" },
		{ "\"\" <bob@example.com>", "", "bob@example.com" },
		{ "\"<evil@example.org>\" <bob@example.com>", "<evil@example.org>",
		    "bob@example.com" },
		{ "Büro Süd <sued@example.com>", "Büro Süd", "sued@example.com" },
		{ "\"価格 \xf0\x9f\x98\x80\" <a@b.c>", "価格 \xf0\x9f\x98\x80", "a@b.c" },
		{ "=?UTF-8?B?eA==?= <a@b.c>", "=?UTF-8?B?eA==?=", "a@b.c" },
		/* A name that hides what follows it is shown as it is. */
		{ "\"a\xe2\x80\xaeqpj\" <a@b.c>", "aqpj", "a@b.c" },
		{ "bob@bücher.example", "", "bob@xn--bcher-kva.example" },
		{ "bob@localhost", "", "bob@localhost" },
		{ "\"john smith\"@example.com", "", "\"john smith\"@example.com" },
		{ "\"bob\"@example.com", "", "bob@example.com" },
		{ "\"a@b\"@example.com", "", "\"a@b\"@example.com" },
		{ "\"a\\\"b\\\\\"@example.com", "", "\"a\\\"b\\\\\"@example.com" },
		{ "X <\"a,b\"@example.com>", "X", "\"a,b\"@example.com" },
		{ "\".a\"@example.com", "", "\".a\"@example.com" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error e = { "" };
		struct mailbox m = { 0 };

		if (mailbox_parse(&m, rows[i].in, &e) != STATUS_OK)
			fail_msg("'%s': %s", rows[i].in, e.text);
		assert_string_equal(m.name, rows[i].name);
		assert_string_equal(m.address, rows[i].address);
		mailbox_clear(&m);
	}
}

static void
refused(const char *text, const char *sentence)
{
	struct error e = { "" };
	struct mailbox m = { (char *)1, (char *)2 };

	if (mailbox_parse(&m, text, &e) != STATUS_INVALID)
		fail_msg("'%s' was taken as '%s'", text, m.address);
	assert_ptr_equal(m.name, (char *)1);
	assert_ptr_equal(m.address, (char *)2);
	if (!strstr(e.text, sentence))
		fail_msg("'%s': %s", text, e.text);
	/* The sentence may quote the text; it holds none of its surprises. */
	assert_true(utf8_valid(e.text, strlen(e.text)));
	for (const char *s = e.text; *s; s++)
		assert_true((unsigned char)*s >= 0x20 && *s != 0x7f);
}

static const struct {
	const char *in, *sentence;
} wrong[] = {
	{ "", "it is empty" },
	{ "   ", "it is empty" },
	{ "bob", "'bob' is no e-mail address: it has no '@'" },
	{ "@", "before the '@' is missing" },
	{ "@example.com", "before the '@' is missing" },
	{ "bob@", "behind the '@' is missing" },
	{ "\"\"@example.com", "before the '@' is missing" },
	{ "<>", "no '@'" },
	{ "<@a.b:bob@example.com>", "before the '@' is missing" },
	{ "bob(x)@example.com", "comments" },
	{ "bob@example.com (Bob)", "comments" },
	{ "(Bob) bob@example.com", "comments" },
	{ "Bob (x) <bob@example.com>", "comments" },
	{ "group: a@b.c", "groups" },
	{ "group: a@b.c;", "groups" },
	{ "undisclosed-recipients:;", "groups" },
	{ "a@b.c; d@e.f", "separated by commas" },
	{ "a;b@c.d", "separated by commas" },
	{ "Bob Smith bob@example.com", "holds a blank" },
	{ "bob @example.com", "holds a blank" },
	{ "bob@ example.com", "only letters" },
	{ "bob@exam ple.com", "only letters" },
	{ ".bob@example.com", "'.' at an end" },
	{ "bob.@example.com", "'.' at an end" },
	{ "b..b@example.com", "'.' at an end" },
	{ "b\\b@example.com", "only in quotes" },
	{ "b\"b\"@example.com", "only in quotes" },
	{ "b[b@example.com", "only in quotes" },
	{ "bob@example.com.", "between dots is empty" },
	{ "bob@.example.com", "between dots is empty" },
	{ "bob@a..b", "between dots is empty" },
	{ "bob@[1.2.3.4]", "IP addresses" },
	{ "bob@1.2.3.4", "IP addresses" },
	{ "bob@a_b.com", "only letters" },
	{ "bob@-a.com", "starts or ends with '-'" },
	{ "bob@a@b.c", "only letters" },
	{ "büro@example.com", "only ASCII" },
	{ "\"büro\"@example.com", "only ASCII" },
	{ "Bob <bob@example.com", "no '>' at the end" },
	{ "Bob <bob@example.com> x", "no '>' at the end" },
	{ "Bob <<bob@example.com>>", "only in quotes" },
	{ "Bob <bob@example.com>>", "only letters" },
	{ "bob@example.com>", "only letters" },
	{ ">bob@example.com", "only in quotes" },
	{ "\"a>b\"@example.com", "'<' and '>'" },
	{ "\"a<b\"@example.com", "'<' and '>'" },
	{ "bob@exam>ple.com", "only letters" },
	{ "bob@b\xef\xbc\x9e"
	  "b.com",
	    "only letters" },
	{ "bob@example.com> RCPT TO:<x@y.z", "no '>' at the end" },
	{ "bob@example.com> RCPT TO:<x@y.z>", "only in quotes" },
	{ "bob@[IPv6:::1]", "IP addresses" },
	{ "\"Bob <bob@example.com>", "quotes do not end" },
	{ "\"bob@example.com", "quotes do not end" },
	{ "\"Bob\\\" <bob@example.com>", "quotes do not end" },
	{ "\"Bob\" bob@example.com", "'@' behind the quotes" },
	{ "\"Bob\"", "'@' behind the quotes" },
	{ "bob@x.y <bob@example.com>", "only in quotes" },
	{ "a,b@example.com", "only in quotes" },
	{ "bob@example.com\r\nRCPT TO:<x@y.z>", "line break" },
	{ "\"a\nb\" <bob@example.com>", "line break" },
	{ "bob@example.com\n", "line break" },
	{ "bob\xff@example.com", "not UTF-8" },
	{ "\"\xc3\" <bob@example.com>", "not UTF-8" },
	{ "bob@" L63 "h.com", "longer than 63" },
	{ L63 "hh@example.com", "longer than 64" },
	{ "\"" L63 "\\\"\"@example.com", "longer than 64" },
};

static void
other_texts_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		refused(wrong[i].in, wrong[i].sentence);
}

static void
control_bytes_are_refused_everywhere(void **state)
{
	/* The '!' is where the byte goes. */
	static const char *const places[] = { "!bob@example.com", "bo!b@example.com",
		"bob@exam!ple.com", "bob@example.com!", "B!b <bob@example.com>",
		"\"B!b\" <bob@example.com>", "\"b!b\"@example.com",
		"Bob <bob@example.com>!" };

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		for (int c = 1; c <= 0x20; c++) {
			char text[64];

			snprintf(text, sizeof(text), "%s", places[i]);
			*strchr(text, '!') = (char)(c == 0x20 ? 0x7f : c);
			refused(text, "control character");
		}
	}
}

static void
limits_are_exact(void **state)
{
	static char text[4096];
	struct mailbox m;

	(void)state;
	assert_int_equal(mailbox_parse(&m, L63 "h@example.com", NULL), STATUS_OK);
	mailbox_clear(&m);
	snprintf(text, sizeof(text), "%.*s@" L63 "." L63 "." L63 ".bb", 59, L63);
	assert_int_equal(strlen(text), ADDRESS_MAX);
	assert_int_equal(mailbox_parse(&m, text, NULL), STATUS_OK);
	assert_int_equal(strlen(m.address), ADDRESS_MAX);
	mailbox_clear(&m);
	snprintf(text, sizeof(text), "%.*s@" L63 "." L63 "." L63 ".bbb", 59, L63);
	refused(text, "longer than 254");

	memset(text, 'x', ADDRESS_NAME_MAX);
	snprintf(text + ADDRESS_NAME_MAX, sizeof(" <a@b.c>"), " <a@b.c>");
	assert_int_equal(mailbox_parse(&m, text, NULL), STATUS_OK);
	assert_int_equal(strlen(m.name), ADDRESS_NAME_MAX);
	mailbox_clear(&m);
	memset(text, 'x', ADDRESS_NAME_MAX + 1);
	snprintf(text + ADDRESS_NAME_MAX + 1, sizeof(" <a@b.c>"), " <a@b.c>");
	refused(text, "longer than 256");
	memset(text, 'x', sizeof(text) - 1);
	refused(text, "too long");
}

static void
a_sentence_quotes_sixty_bytes(void **state)
{
	struct error e = { "" };
	struct mailbox m;
	char text[128];

	(void)state;
	/* The cut falls into the second "ü", which is left out. */
	snprintf(text, sizeof(text), "%.*süü", 57, L63);
	assert_int_equal(mailbox_parse(&m, text, &e), STATUS_INVALID);
	snprintf(text, sizeof(text), "'%.*sü…' is no", 57, L63);
	assert_memory_equal(e.text, text, strlen(text));
}

static void
lists_are_read_whole_or_not_at_all(void **state)
{
	static const char *const lists[] = { "", " ", ",", "a@b.c,", ",a@b.c",
		"a@b.c,,d@e.f", "x@y.z, bad", "Smith, Bob <bob@example.com>",
		"a@b.c; d@e.f" };
	struct mailbox_list list = { 0 };
	struct error e = { "" };

	(void)state;
	assert_int_equal(mailbox_list_parse(&list,
			     "a@b.c,\"Smith, Bob\" <bob@example.com> ,"
			     "<\"x,y\"@example.com>,\ta@B.C",
			     &e),
	    STATUS_OK);
	assert_int_equal(list.count, 3);
	assert_string_equal(list.item[0].address, "a@b.c");
	assert_string_equal(list.item[1].name, "Smith, Bob");
	assert_string_equal(list.item[2].address, "\"x,y\"@example.com");
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		e.text[0] = '\0';
		assert_int_equal(mailbox_list_parse(&list, lists[i], &e), STATUS_INVALID);
		assert_non_null(strstr(e.text, "is no e-mail address"));
		assert_int_equal(list.count, 3);
	}
	assert_string_equal(list.item[0].address, "a@b.c");
	mailbox_list_clear(&list);
	assert_int_equal(list.count, 0);
}

static void
a_list_holds_each_address_once(void **state)
{
	static const struct mailbox boxes[] = {
		{ (char *)(uintptr_t) "B", (char *)(uintptr_t) "bob@example.com" },
		{ (char *)(uintptr_t) "C", (char *)(uintptr_t) "bob@EXAMPLE.com" },
		{ (char *)(uintptr_t) "D", (char *)(uintptr_t) "Bob@example.com" },
		{ (char *)(uintptr_t) "E", (char *)(uintptr_t) "bob@example.co" },
	};
	struct mailbox_list list = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(boxes) / sizeof(boxes[0]); i++)
		assert_int_equal(mailbox_list_add(&list, &boxes[i], NULL), STATUS_OK);
	assert_int_equal(list.count, 3);
	assert_string_equal(list.item[0].name, "B");
	assert_string_equal(list.item[1].name, "D");
	assert_string_equal(list.item[2].name, "E");
	mailbox_list_clear(&list);
}

/* The local part is the mailbox server's to compare, the domain has no case. */
static void
a_list_has_what_it_was_given(void **state)
{
	static const struct {
		const char *address;
		bool has;
	} rows[] = {
		{ "bob@example.com", true },
		{ "bob@EXAMPLE.com", true },
		{ "Bob@example.com", false },
		{ "bob@example.co", false },
		{ "bob@example.com.", false },
		{ "bo@example.com", false },
		{ "bobby@example.com", false },
		{ "bob", false },
		{ "@example.com", false },
		{ "", false },
		{ "\"a@b\"@example.com", true },
		{ "\"a@b\"@Example.Com", true },
		{ "\"a@B\"@example.com", false },
		{ "\"a@b\"", false },
		{ "last@example.org", true },
	};
	struct mailbox_list list = { 0 };

	(void)state;
	assert_false(mailbox_list_has(&list, "bob@example.com"));
	assert_int_equal(
	    mailbox_list_parse(&list,
		"bob@example.com, \"a@b\"@example.com, Last <last@example.org>", NULL),
	    STATUS_OK);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (mailbox_list_has(&list, rows[i].address) != rows[i].has)
			fail_msg("'%s'", rows[i].address);
	mailbox_list_clear(&list);
	assert_false(mailbox_list_has(&list, "bob@example.com"));
}

static void
a_list_ends_at_its_maximum(void **state)
{
	struct mailbox_list list = { 0 };
	struct error e = { "" };
	struct mailbox m = { 0 };
	char address[64], *huge = malloc(ADDRESS_LIST_TEXT_MAX + 2);

	(void)state;
	m.name = address + sizeof(address) - 1;
	m.address = address;
	address[sizeof(address) - 1] = '\0';
	for (int i = 0; i < ADDRESS_LIST_MAX; i++) {
		snprintf(address, sizeof(address) - 1, "a%d@b.c", i);
		assert_int_equal(mailbox_list_add(&list, &m, &e), STATUS_OK);
	}
	assert_int_equal(list.count, ADDRESS_LIST_MAX);
	/* One that stands there is no addition. */
	assert_int_equal(mailbox_list_add(&list, &m, &e), STATUS_OK);
	assert_int_equal(mailbox_list_parse(&list, "x@y.z", &e), STATUS_INVALID);
	assert_non_null(strstr(e.text, "more than 1000 addresses"));
	assert_int_equal(list.count, ADDRESS_LIST_MAX);
	mailbox_list_clear(&list);

	memset(huge, ' ', ADDRESS_LIST_TEXT_MAX + 1);
	memcpy(huge, "a@b.c", 5);
	huge[ADDRESS_LIST_TEXT_MAX + 1] = '\0';
	assert_int_equal(mailbox_list_parse(&list, huge, &e), STATUS_INVALID);
	assert_non_null(strstr(e.text, "more than 65536 bytes"));
	huge[ADDRESS_LIST_TEXT_MAX] = '\0';
	assert_int_equal(mailbox_list_parse(&list, huge, &e), STATUS_OK);
	assert_int_equal(list.count, 1);
	mailbox_list_clear(&list);
	free(huge);
}

static void
elements_are_cut_at_commas(void **state)
{
	static const struct {
		const char *text, *elements; /* joined by '|' */
	} rows[] = {
		{ "", "" },
		{ "a", "a" },
		{ "a,", "a|" },
		{ " a ,\tb c\t, ", "a|b c|" },
		{ "\"a,b\",c", "\"a,b\"|c" },
		{ "\"a\\\",b\",c", "\"a\\\",b\"|c" },
		{ "<a,b>,c", "<a,b>|c" },
		{ "\"<\",a", "\"<\"|a" },
		{ "\"a,b", "\"a,b" },
		{ "\"a\\", "\"a\\" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *cursor = rows[i].text;
		struct buf all;

		buf_init(&all, 256);
		while (mailbox_text_next(&cursor, &all))
			buf_puts(&all, cursor ? "|" : "");
		assert_null(cursor);
		assert_string_equal(buf_text(&all), rows[i].elements);
		buf_clear(&all);
	}
}

static void
a_copy_is_its_own(void **state)
{
	struct mailbox m, copy;

	(void)state;
	assert_int_equal(mailbox_parse(&m, "Bob <bob@example.com>", NULL), STATUS_OK);
	assert_int_equal(mailbox_copy(&copy, &m, NULL), STATUS_OK);
	mailbox_clear(&m);
	assert_null(m.address);
	assert_string_equal(copy.name, "Bob");
	assert_string_equal(copy.address, "bob@example.com");
	mailbox_clear(&copy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mailboxes_are_taken),
		cmocka_unit_test(other_texts_are_refused),
		cmocka_unit_test(control_bytes_are_refused_everywhere),
		cmocka_unit_test(limits_are_exact),
		cmocka_unit_test(a_sentence_quotes_sixty_bytes),
		cmocka_unit_test(lists_are_read_whole_or_not_at_all),
		cmocka_unit_test(a_list_holds_each_address_once),
		cmocka_unit_test(a_list_has_what_it_was_given),
		cmocka_unit_test(a_list_ends_at_its_maximum),
		cmocka_unit_test(elements_are_cut_at_commas),
		cmocka_unit_test(a_copy_is_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
