/* Tests of lib/account/value.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/account/config.h"
#include "lib/account/value.h"

/* Each text of a table that ends with NULL must be refused, with a sentence. */
static void
assert_all_refused(
    enum status (*check)(const char *text, struct error *e), const char *const *texts)
{
	for (; *texts; texts++) {
		struct error e = { "" };

		if (check(*texts, &e) != STATUS_INVALID)
			fail_msg("'%s' is taken", *texts);
		assert_true(*e.text != '\0');
	}
}

static void
servers_are_read(void **state)
{
	static const struct {
		const char *text, *host;
		unsigned port;
	} cases[] = {
		{ "smtp.office365.com:587", "smtp.office365.com", 587 },
		{ "smtp.office365.com", "smtp.office365.com", 0 },
		{ "graph", "graph", 0 },
		{ "localhost:1", "localhost", 1 },
		{ "127.0.0.1:65535", "127.0.0.1", 65535 },
		{ "[::1]", "::1", 0 },
		{ "[2001:db8::25]:2525", "2001:db8::25", 2525 },
		{ "Mail-1.example.com:00587", "Mail-1.example.com", 587 },
		{ "b\xc3\xbcro.example:25", "xn--bro-hoa.example", 25 },
	};
	struct server server = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
		    value_server(&server, "server", cases[i].text, NULL), STATUS_OK);
		assert_string_equal(server.host, cases[i].host);
		assert_int_equal(server.port, cases[i].port);
	}
	free(server.host);
}

static enum status
check_server(const char *text, struct error *e)
{
	struct server server = { .host = (char *)"old", .port = 7 };
	enum status status = value_server(&server, "server", text, e);

	assert_string_equal(server.host, "old");
	assert_int_equal(server.port, 7);
	return status;
}

static void
bad_servers_are_refused(void **state)
{
	static const char *const texts[] = { "", ":25", "host:", "host:0", "host:65536",
		"host:25x", "host: 25", "host:+25", "host:-1", "host:000025",
		"host:25:25", "host name", "host/x", "user@host", "smtps://host", "-host",
		".host", "a..b", "a_b", "host\r\nQUIT", "[::1", "[]", "[1.2.3.4]",
		"[::1]x", "[::1]:0", "[::1%eth0]", "::1", "[host]", "b\xc3\xbc_ro",
		"\xff",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"a"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"a"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"a"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		NULL };

	(void)state;
	assert_all_refused(check_server, texts);
}

static void
mailboxes_replace_each_other(void **state)
{
	struct mailbox m = { 0 };
	struct error e = { "" };

	(void)state;
	assert_int_equal(value_mailbox(&m, "from", "a@example.com", NULL), STATUS_OK);
	assert_int_equal(
	    value_mailbox(&m, "from", "Scanner <b@example.com>", NULL), STATUS_OK);
	assert_int_equal(value_mailbox(&m, "from", "a@x, b@x", &e), STATUS_INVALID);
	assert_int_equal(value_mailbox(&m, "from", "", &e), STATUS_INVALID);
	assert_string_equal(m.name, "Scanner");
	assert_string_equal(m.address, "b@example.com");
	mailbox_clear(&m);
}

static void
reply_to_has_three_forms(void **state)
{
	struct reply_to r = { .mode = REPLY_TO_NONE };
	struct error e = { "" };

	(void)state;
	assert_int_equal(value_reply_to(&r, "reply_to", "user", NULL), STATUS_OK);
	assert_int_equal(r.mode, REPLY_TO_USER);
	assert_int_equal(value_reply_to(&r, "reply_to", "none", NULL), STATUS_OK);
	assert_int_equal(r.mode, REPLY_TO_NONE);
	assert_int_equal(value_reply_to(&r, "reply_to", "nobody", &e), STATUS_INVALID);
	assert_non_null(strstr(e.text, "allowed: user, none, or an address"));
	assert_int_equal(r.mode, REPLY_TO_NONE);
	assert_int_equal(
	    value_reply_to(&r, "reply_to", "Office <o@example.com>", NULL), STATUS_OK);
	assert_int_equal(r.mode, REPLY_TO_ADDRESS);
	assert_string_equal(r.mailbox.address, "o@example.com");
	mailbox_clear(&r.mailbox);
}

static void
patterns_are_stored_in_one_form(void **state)
{
	static const char *const stored[] = { "*@example.com", "Bob@example.com",
		"*@*.example.com", "*@xn--bro-hoa.example", "a.b+c@localhost" };
	struct list list = { 0 };

	(void)state;
	assert_int_equal(value_patterns(&list, "allow",
			     "*@Example.COM ,Bob@example.com,\t*@*.example.com, "
			     "*@b\xc3\xbcro.example, a.b+c@localhost",
			     NULL),
	    STATUS_OK);
	assert_int_equal(list.count, sizeof(stored) / sizeof(stored[0]));
	for (size_t i = 0; i < list.count; i++)
		assert_string_equal(list.item[i], stored[i]);
	list_clear(&list);
}

static enum status
check_patterns(const char *text, struct error *e)
{
	struct list list = { 0 };
	enum status status = value_patterns(&list, "allow", text, e);

	assert_int_equal(list.count, 0);
	assert_non_null(strstr(e->text, "allowed: *@example.com"));
	return status;
}

/* Nothing must not come to mean anyone. */
static void
bad_patterns_are_refused(void **state)
{
	static const char *const texts[] = { "", " ", ",", "*@example.com,",
		",*@example.com", "*", "example.com", "@example.com", "*@",
		"**@example.com", "b*@example.com", "*b@example.com", "?@example.com",
		"[ab]@example.com", "\\*@example.com", "*@*example.com", "*@*",
		"*@example.*", "*@exa mple.com", "a b@example.com", "a@b@example.com",
		"b\xc3\xbc@example.com", "*@-example.com", "*@a..b",
		"*@example.com *@example.org", "Bob <bob@example.com>", NULL };

	(void)state;
	assert_all_refused(check_patterns, texts);
}

static void
users_keep_their_placeholder(void **state)
{
	struct pairs users = { 0 };

	(void)state;
	assert_int_equal(value_user(&users, "*", "%u@example.com", NULL), STATUS_OK);
	assert_int_equal(
	    value_user(&users, "frontdesk", "Front Desk <office@example.com>", NULL),
	    STATUS_OK);
	assert_int_equal(value_user(&users, "x", "a.%u.%u@%u.example", NULL), STATUS_OK);
	assert_int_equal(users.count, 3);
	assert_string_equal(pairs_get(&users, "*"), "%u@example.com");
	assert_string_equal(
	    pairs_get(&users, "frontdesk"), "Front Desk <office@example.com>");
	pairs_clear(&users);
}

static enum status
check_user(const char *text, struct error *e)
{
	struct pairs users = { 0 };
	enum status status = value_user(&users, "*", text, e);

	assert_int_equal(users.count, 0);
	return status;
}

static void
bad_users_are_refused(void **state)
{
	static const char *const texts[] = { "", "%u", "%u@", "@example.com",
		"a@example.com, b@example.com", "a b@example.com", "%u@exam ple.com",
		NULL };

	(void)state;
	assert_all_refused(check_user, texts);
}

static void
book_entries_are_kept(void **state)
{
	static const char board[] = "chair@example.com, B\xc3\xbcro S\xc3\xbc"
				    "d <sued@example.com>";
	struct pairs book = { 0 };

	(void)state;
	assert_int_equal(value_book(&book, "Board", board, NULL), STATUS_OK);
	assert_int_equal(value_book(&book,
			     "B\xc3\xbcro (S\xc3\xbc"
			     "d) 'x'",
			     "a@example.com", NULL),
	    STATUS_OK);
	assert_int_equal(value_book(&book, "Selfie", "a@example.com", NULL), STATUS_OK);
	assert_int_equal(book.count, 3);
	assert_string_equal(pairs_get(&book, "board"), board);
	pairs_clear(&book);
}

static void
bad_book_entries_are_refused(void **state)
{
	static const struct {
		const char *name, *list;
	} cases[] = {
		{ "Board", "" },
		{ "Board", "a@example.com," },
		{ "Board", "a@example.com b@example.com" },
		{ "Board", "Accounting" },
		{ "a@example.com", "a@example.com" },
		{ "A, B", "a@example.com" },
		{ "A; B", "a@example.com" },
		{ "\"A\"", "a@example.com" },
		{ "<A", "a@example.com" },
		{ "A>", "a@example.com" },
		{ "Auto", "a@example.com" },
		{ "self", "a@example.com" },
		{ "CUSTOM", "a@example.com" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pairs book = { 0 };
		struct error e = { "" };

		if (value_book(&book, cases[i].name, cases[i].list, &e) != STATUS_INVALID)
			fail_msg("%s = %s is taken", cases[i].name, cases[i].list);
		assert_int_equal(book.count, 0);
		assert_true(*e.text != '\0');
	}
}

static void
lists_of_pairs_have_a_limit(void **state)
{
	struct pairs users = { 0 };
	struct error e = { "" };

	(void)state;
	for (int i = 0; i < LIST_MAX; i++)
		assert_true(pairs_add(&users, "u", "v"));
	assert_int_equal(value_user(&users, "x", "x@example.com", &e), STATUS_INVALID);
	assert_string_equal(e.text, "too many entries; allowed: 10000");
	pairs_clear(&users);
}

static void
urls_are_https(void **state)
{
	static const char *const good[] = { "", "https://login.microsoftonline.com",
		"https://a", "https://a:8443/b/c?d=e&f=%20#g" };
	static const char *const bad[] = { "http://example.com", "HTTPS://example.com",
		"https:/example.com", "https://", "https:///x", "https://a b",
		"https://a\"b", "example.com", " https://a", "https://-", "https://a\nb",
		"https://\xc3\xbc", "https://a{tenant}", "file:///etc/passwd", NULL };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(value_check_url(good[i], NULL), STATUS_OK);
	assert_all_refused(value_check_url, bad);
}

static void
templates_are_tried(void **state)
{
	static const char *const bad[] = { "%", "%x", "Scan %d %", "100% sure", NULL };

	(void)state;
	assert_int_equal(value_check_template("Scan %d %t", NULL), STATUS_OK);
	assert_int_equal(value_check_template("%u %h %p %%", NULL), STATUS_OK);
	assert_int_equal(value_check_template("", NULL), STATUS_OK);
	assert_all_refused(value_check_template, bad);
}

static void
names_are_plain(void **state)
{
	static const char *const bad[] = { "", "a b", "a/b", "a,b", "a@b", "\xc3\xbc",
		"a\n", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		NULL };

	(void)state;
	assert_int_equal(value_check_name("office365", NULL), STATUS_OK);
	assert_int_equal(value_check_name("A.b_c-9", NULL), STATUS_OK);
	assert_int_equal(
	    value_check_name(
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL),
	    STATUS_OK);
	assert_all_refused(value_check_name, bad);
}

/* In folders with files for each name, none may be another name's file. */
static void
names_are_no_other_names_files(void **state)
{
	static const char *const bad[] = { ".", "..", ".x", "x.lock", "X.LOCK", ".lock",
		"x.reminded", "x.Reminded", "x.new-1", "x.New-", "x.new-a.b", NULL };
	static const char *const fine[] = { "x", "x.new", "x.newer-1", "x.locks", "lock",
		"reminded", "x.reminded.y", "new-1", "x.lock.y", "-x" };
	struct error e;

	(void)state;
	assert_all_refused(value_check_name, bad);
	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		if (value_check_name(fine[i], &e) != STATUS_OK)
			fail_msg("%s: %s", fine[i], e.text);
	assert_int_equal(value_check_name("x.lock", &e), STATUS_INVALID);
	assert_non_null(strstr(e.text, "'.lock'"));
}

static void
steps_are_kept_in_their_order(void **state)
{
	static const struct {
		const char *text;
		size_t count;
		int step[OVERSIZE_STEPS];
	} cases[] = {
		{ "shrink, split, refuse", 3,
		    { OVERSIZE_SHRINK, OVERSIZE_SPLIT, OVERSIZE_REFUSE } },
		{ "split ,shrink,\trefuse", 3,
		    { OVERSIZE_SPLIT, OVERSIZE_SHRINK, OVERSIZE_REFUSE } },
		{ "split,shrink", 3,
		    { OVERSIZE_SPLIT, OVERSIZE_SHRINK, OVERSIZE_REFUSE } },
		{ "shrink", 2, { OVERSIZE_SHRINK, OVERSIZE_REFUSE } },
		{ "split, refuse", 2, { OVERSIZE_SPLIT, OVERSIZE_REFUSE } },
		{ "refuse", 1, { OVERSIZE_REFUSE } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct oversize o = { .step = { 7, 7, 7 }, .count = 7 };

		assert_int_equal(
		    value_oversize(&o, "oversize", cases[i].text, NULL), STATUS_OK);
		assert_int_equal(o.count, cases[i].count);
		for (size_t k = 0; k < o.count; k++)
			assert_int_equal(o.step[k], cases[i].step[k]);
	}
}

static enum status
check_oversize(const char *text, struct error *e)
{
	struct oversize o = { .step = { OVERSIZE_SPLIT }, .count = 1 };
	enum status status = value_oversize(&o, "oversize", text, e);

	assert_int_equal(o.count, 1);
	assert_int_equal(o.step[0], OVERSIZE_SPLIT);
	assert_non_null(strstr(e->text, "allowed: shrink, split, refuse"));
	return status;
}

static void
bad_steps_are_refused(void **state)
{
	static const char *const texts[] = { "", " ", ",", "shrink,", ",shrink",
		"shrink split", "shrink, shrink", "split, shrink, split",
		"refuse, refuse", "refuse, shrink", "shrink, refuse, split", "Shrink",
		"none", "shrinks", "\"split\"", "shrink; split",
		"shrink, split, refuse, shrink", NULL };

	(void)state;
	assert_all_refused(check_oversize, texts);
}

static void
those_to_be_told_are_kept(void **state)
{
	static const struct {
		const char *text;
		bool owner;
		size_t count;
		const char *last;
	} cases[] = {
		{ "owner", true, 0, NULL },
		{ "owner, Admin <admin@example.com>,b@example.com", true, 2,
		    "b@example.com" },
		{ "admin@example.com , owner", true, 1, "admin@example.com" },
		{ "admin@example.com", false, 1, "admin@example.com" },
		{ "\"Smith, Ann\" <ann@example.com>, ann@example.com", false, 1,
		    "ann@example.com" },
		{ "owner <owner@example.com>", false, 1, "owner@example.com" },
		{ "none", false, 0, NULL },
	};
	struct notify n = { .owner = false };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
		    value_notify(&n, "notify", cases[i].text, NULL), STATUS_OK);
		assert_int_equal(n.owner, cases[i].owner);
		assert_int_equal(n.others.count, cases[i].count);
		if (cases[i].last)
			assert_string_equal(
			    n.others.item[n.others.count - 1].address, cases[i].last);
	}
	mailbox_list_clear(&n.others);
}

static enum status
check_notify(const char *text, struct error *e)
{
	struct mailbox old = { .name = (char *)"", .address = (char *)"old@example.com" };
	struct notify n = { .owner = true, .others = { .item = &old, .count = 1 } };
	enum status status = value_notify(&n, "notify", text, e);

	assert_true(n.owner);
	assert_ptr_equal(n.others.item, &old);
	assert_int_equal(n.others.count, 1);
	assert_non_null(strstr(e->text, "; allowed: none, or owner and addresses"));
	return status;
}

static void
bad_people_to_tell_are_refused(void **state)
{
	static const char *const texts[] = { "", " ", ",", "owner,", ",owner",
		"owner owner", "owner, none", "none, admin@example.com", "Owner", "admin",
		"admin@example.com, bob", "admin@example.com b@example.com",
		"a@example.com; b@example.com", "@example.com",
		"a@example.com\r\nBcc: b@example.com", NULL };

	(void)state;
	assert_all_refused(check_notify, texts);
}

static void
the_bad_address_is_named(void **state)
{
	struct error e = { "" };

	(void)state;
	assert_int_equal(check_notify("owner, a@example.com, bob", &e), STATUS_INVALID);
	assert_non_null(strstr(e.text, "'bob' is no e-mail address"));
}

static enum status
check_yes_no(const char *text, struct error *e)
{
	bool yes = true, no = false;
	enum status status = value_yes_no(&yes, "log_subjects", text, e);

	assert_true(yes);
	assert_int_equal(value_yes_no(&no, "log_subjects", text, e), status);
	assert_false(no);
	assert_non_null(strstr(e->text, "allowed: yes, no"));
	return status;
}

static void
yes_and_no_are_all(void **state)
{
	static const char *const bad[] = { "", "Yes", "NO", "true", "1", "on", "yes no",
		"yes,", "none", NULL };
	bool value = false;

	(void)state;
	assert_int_equal(value_yes_no(&value, "log_subjects", "yes", NULL), STATUS_OK);
	assert_true(value);
	assert_int_equal(value_yes_no(&value, "log_subjects", "no", NULL), STATUS_OK);
	assert_false(value);
	assert_all_refused(check_yes_no, bad);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_are_read),
		cmocka_unit_test(bad_servers_are_refused),
		cmocka_unit_test(mailboxes_replace_each_other),
		cmocka_unit_test(reply_to_has_three_forms),
		cmocka_unit_test(patterns_are_stored_in_one_form),
		cmocka_unit_test(bad_patterns_are_refused),
		cmocka_unit_test(users_keep_their_placeholder),
		cmocka_unit_test(bad_users_are_refused),
		cmocka_unit_test(book_entries_are_kept),
		cmocka_unit_test(bad_book_entries_are_refused),
		cmocka_unit_test(lists_of_pairs_have_a_limit),
		cmocka_unit_test(urls_are_https),
		cmocka_unit_test(templates_are_tried),
		cmocka_unit_test(names_are_plain),
		cmocka_unit_test(names_are_no_other_names_files),
		cmocka_unit_test(steps_are_kept_in_their_order),
		cmocka_unit_test(bad_steps_are_refused),
		cmocka_unit_test(those_to_be_told_are_kept),
		cmocka_unit_test(bad_people_to_tell_are_refused),
		cmocka_unit_test(the_bad_address_is_named),
		cmocka_unit_test(yes_and_no_are_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
