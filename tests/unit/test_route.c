/* Tests of backend/route.c: the envelope, and who may not stand in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/options.h"
#include "backend/route.h"
#include "lib/base/buf.h"

enum {
	MANY_TEXT_MAX = 64 * 1024,
};

static const char accounts[] = "[account relay]\n"
			       "server = localhost\n"
			       "tls = none\n"
			       "auth = none\n"
			       "from = scanner@example.com\n"
			       "[account second]\n"
			       "server = localhost\n"
			       "tls = none\n"
			       "auth = none\n"
			       "from = second@example.com\n";
static const char book[] = "[addresses]\n"
			   "Accounting = invoices@example.com\n"
			   "Board = chair@example.com, Büro Süd <sued@example.com>\n";

/* Settings of accounts, the book and what is added. */
static struct config *
load(const char *more)
{
	struct config *c = NULL;
	struct error e;
	struct buf text;

	buf_init(&text, MANY_TEXT_MAX);
	buf_printf(&text, "%s%s%s", accounts, book, more);
	if (config_parse(&c, text.data, text.len, "test.conf", &e) != STATUS_OK)
		fail_msg("%s", e.text);
	buf_clear(&text);
	return c;
}

/* Decides about a job of user bob with these options and this title. */
static enum status
find(struct route *out, const struct config *c, const char *options_text,
    const char *title_text, struct error *e)
{
	char user[] = "bob", uri[] = "mailto:", *title = strdup(title_text);
	struct job job = { .user = user, .title = title, .device_uri = uri };
	struct pairs options = { 0 };
	enum status status;

	assert_non_null(title);
	status = options_parse(&options, options_text, OPTIONS_ESCAPED, e);
	assert_int_equal(status, STATUS_OK);
	status = route_find(out, c, &job, &options, e);
	pairs_clear(&options);
	free(title);
	return status;
}

static void
write_list(FILE *f, const char *name, const struct mailbox_list *list)
{
	if (list->count)
		fprintf(f, "%s", name);
	for (size_t i = 0; i < list->count; i++)
		fprintf(f, " %s<%s>", list->item[i].name, list->item[i].address);
	if (list->count)
		fprintf(f, "\n");
}

/* The recipients and where answers go, as text that the caller frees. */
static char *
show(const struct route *r)
{
	char *shown = NULL;
	size_t size;
	FILE *f = open_memstream(&shown, &size);

	assert_non_null(f);
	write_list(f, "to", &r->to);
	write_list(f, "cc", &r->cc);
	write_list(f, "rcpt", &r->recipients);
	write_list(f, "reply", &r->reply_to);
	fclose(f);
	return shown;
}

static void
check(const char *more, const char *options, const char *expected)
{
	struct config *c = load(more);
	struct route r;
	struct error e = { "" };
	char *shown;

	if (find(&r, c, options, "", &e) != STATUS_OK)
		fail_msg("%s: %s", options, e.text);
	shown = show(&r);
	assert_string_equal(shown, expected);
	free(shown);
	route_clear(&r);
	config_free(c);
}

static void
check_refused(const char *more, const char *options, const char *sentence)
{
	struct config *c = load(more);
	struct route r, before;
	struct error e = { "" };

	memset(&r, 'x', sizeof(r));
	before = r;
	assert_int_equal(find(&r, c, options, "", &e), STATUS_HOLD);
	if (!strstr(e.text, sentence))
		fail_msg("%s: %s", options, e.text);
	assert_memory_equal(&r, &before, sizeof(r));
	config_free(c);
}

static void
makes_an_envelope(void **state)
{
	(void)state;
	check("",
	    "mail-to=Bob\\ <bob@x.example>,eve@x.example mail-cc=ann@x.example "
	    "mail-bcc=carol@x.example",
	    "to Bob<bob@x.example> <eve@x.example>\n"
	    "cc <ann@x.example>\n"
	    "rcpt Bob<bob@x.example> <eve@x.example> <ann@x.example> "
	    "<carol@x.example>\n");
}

/* Each address once, as SMTP sees it; the header keeps what was written. */
static void
counts_addresses_once(void **state)
{
	(void)state;
	check("",
	    "mail-to=bob@x.example,bob@X.EXAMPLE mail-cc=bob@x.example,BOB@x.example "
	    "mail-bcc=bob@x.example",
	    "to <bob@x.example>\n"
	    "cc <bob@x.example> <BOB@x.example>\n"
	    "rcpt <bob@x.example> <BOB@x.example>\n");
}

static void
takes_a_blind_copy_alone(void **state)
{
	(void)state;
	check("", "mail-bcc=carol@x.example", "rcpt <carol@x.example>\n");
}

static void
knows_the_address_book(void **state)
{
	(void)state;
	check("", "mail-to=accounting,Board,\\ x@y.example",
	    "to <invoices@example.com> <chair@example.com> Büro Süd<sued@example.com> "
	    "<x@y.example>\n"
	    "rcpt <invoices@example.com> <chair@example.com> Büro Süd<sued@example.com> "
	    "<x@y.example>\n");
	check_refused("", "mail-to=Nobody",
	    "job option mail-to: \"Nobody\" is neither an address nor a name in the "
	    "address book");
	/* what GTK puts into the field when nothing was typed */
	check_refused("", "MailTo=Custom.Type\\ an\\ address",
	    "MailTo: \"Type an address\" is neither");
}

/* A book that no settings file can hold: names that lead to names, and in circles. */
static void
ends_circles(void **state)
{
	struct config c = { .account_count = 1,
		.policy.max_recipients = 50,
		.policy.reply_to.mode = REPLY_TO_NONE };
	struct route r;
	struct error e;

	(void)state;
	assert_true(pairs_add(&c.addresses, "A", "B"));
	assert_true(pairs_add(&c.addresses, "B", "C, x@y.example"));
	assert_true(pairs_add(&c.addresses, "C", "c@y.example"));
	assert_true(pairs_add(&c.addresses, "Deep", "A"));
	assert_true(pairs_add(&c.addresses, "Me", "Me"));
	assert_true(pairs_add(&c.addresses, "Tick", "Tock"));
	assert_true(pairs_add(&c.addresses, "Tock", "a@y.example, Tick"));
	assert_int_equal(find(&r, &c, "mail-to=A", "", &e), STATUS_OK);
	assert_int_equal(r.recipients.count, 2);
	assert_string_equal(r.recipients.item[0].address, "c@y.example");
	route_clear(&r);
	assert_int_equal(find(&r, &c, "mail-to=Deep", "", &e), STATUS_HOLD);
	assert_non_null(strstr(e.text, "\"C\" is neither"));
	assert_int_equal(find(&r, &c, "mail-to=Me", "", &e), STATUS_HOLD);
	assert_int_equal(find(&r, &c, "mail-to=Tick", "", &e), STATUS_HOLD);
	assert_non_null(strstr(e.text, "job option mail-to: \"Tock\" is neither"));
	pairs_clear(&c.addresses);
}

/* The sentence begins with who said it. */
static void
holds_bad_addresses(void **state)
{
	static const struct {
		const char *options, *sentence;
	} rows[] = {
		{ "mail-to=bob", "job option mail-to: \"bob\" is neither" },
		{ "mail-cc=bob@x.example,", "job option mail-cc: " },
		{ "mail-to=,", "job option mail-to: " },
		{ "mail-to=\\ ", "job option mail-to: " },
		{ "mail-bcc=bob@x.example\\\nRCPT\\ TO:<eve@y.example>",
		    "job option mail-bcc: " },
		{ "mail-to=bob@x.example>,<eve@y.example", "job option mail-to: " },
		{ "MailTo=Custom.bob@", "MailTo: " },
		{ "mail-to=bob@x.example\\ eve@y.example", "job option mail-to: " },
		{ "mail-to=b\xff@x.example", "job option mail-to: " },
		{ "mail-uri=mailto:a%40b%40c", "job option mail-uri: " },
		{ "mail-uri=mailto:a@b.example%0D%0ARSET", "job option mail-uri: " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_refused("", rows[i].options, rows[i].sentence);
}

static void
holds_without_recipient(void **state)
{
	(void)state;
	check_refused("", "mail-subject=x",
	    "no recipient: choose one in the print dialog (E-mail), print with -o "
	    "mail-to=ADDRESS, or have the administrator set one");
}

/* "mail-to=r1@x.example,r2@x.example…" */
static char *
many_recipients(unsigned count)
{
	struct buf text;
	char *taken;

	buf_init(&text, MANY_TEXT_MAX);
	buf_puts(&text, "mail-to=");
	for (unsigned i = 1; i <= count; i++)
		buf_printf(&text, "%sr%u@x.de", i > 1 ? "," : "", i);
	taken = buf_take(&text);
	assert_non_null(taken);
	return taken;
}

static void
limits_recipients(void **state)
{
	static const struct {
		const char *more;
		unsigned count;
		const char *sentence; /* NULL: taken */
	} rows[] = {
		{ "", 50, NULL },
		{ "", 51,
		    "51 recipients, and this server allows at most 50 "
		    "(max_recipients in postroom.conf); print again with fewer" },
		{ "[policy]\nmax_recipients = 500\n", 500, NULL },
		{ "[policy]\nmax_recipients = 500\n", 501, "501 recipients" },
		{ "[policy]\nmax_recipients = 500\n", 1000, "1000 recipients" },
		{ "[policy]\nmax_recipients = 500\n", 1001, "more than 1000" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *options = many_recipients(rows[i].count);
		struct config *c = load(rows[i].more);
		struct route r;
		struct error e;
		enum status status = find(&r, c, options, "", &e);

		assert_int_equal(status, rows[i].sentence ? STATUS_HOLD : STATUS_OK);
		if (status == STATUS_OK) {
			assert_int_equal(r.recipients.count, rows[i].count);
			route_clear(&r);
		} else if (!strstr(e.text, rows[i].sentence)) {
			fail_msg("%s", e.text);
		}
		config_free(c);
		free(options);
	}
}

/* To, Cc and Bcc count together. */
static void
counts_all_fields(void **state)
{
	static const char two[] = "[policy]\nmax_recipients = 2\n";

	(void)state;
	check(two, "mail-to=a@x.example mail-cc=b@x.example mail-bcc=a@x.example",
	    "to <a@x.example>\ncc <b@x.example>\nrcpt <a@x.example> <b@x.example>\n");
	check_refused(two, "mail-to=a@x.example mail-cc=b@x.example mail-bcc=c@x.example",
	    "3 recipients");
}

static void
obeys_the_policy(void **state)
{
	static const char policy[] =
	    "[policy]\nallow = *@example.com, *@*.partner.example, boss@private.example, "
	    "*@bücher.example\n";
	static const struct {
		const char *to;
		bool allowed;
	} rows[] = {
		{ "bob@example.com", true },
		{ "BOB@EXAMPLE.COM", true },
		{ "bob@sub.partner.example", true },
		{ "bob@a.b.partner.example", true },
		{ "boss@private.example", true },
		{ "Boss@Private.example", true },
		{ "x@bücher.example", true },
		{ "x@xn--bcher-kva.example", true },
		{ "\"bob@home\"@example.com", true },
		{ "Accounting", true },
		{ "bob@example.com.evil.example", false },
		{ "bob@evilexample.com", false },
		{ "bob@sub.example.com", false },
		{ "bob@partner.example", false },
		{ "other@private.example", false },
		{ "\"x@example.com\"@evil.example", false },
		{ "\"*@example.com\"@evil.example", false },
		{ "*@evil.example", false },
		{ "[a-z]@evil.example", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config *c = load(policy);
		struct pairs options = { 0 };
		char user[] = "bob", empty[] = "";
		struct job job = { .user = user, .title = empty, .device_uri = empty };
		struct route r;
		struct error e = { "" };
		enum status status;

		assert_true(pairs_add(&options, "mail-bcc", rows[i].to));
		status = route_find(&r, c, &job, &options, &e);
		if (status != (rows[i].allowed ? STATUS_OK : STATUS_HOLD))
			fail_msg("%s: %s", rows[i].to, e.text);
		if (status == STATUS_OK)
			route_clear(&r);
		pairs_clear(&options);
		config_free(c);
	}
	check_refused(policy, "mail-to=bob@example.com mail-cc=eve@evil.example",
	    "eve@evil.example is not among the recipients that this server allows");
}

static void
sends_answers_to_the_user(void **state)
{
	static const char users[] = "[users]\n* = %u@example.com\n";

	(void)state;
	check(users, "mail-to=x@y.example",
	    "to <x@y.example>\nrcpt <x@y.example>\nreply <bob@example.com>\n");
	check("[users]\n* = %u@example.com\n[policy]\nreply_to = none\n",
	    "mail-to=x@y.example", "to <x@y.example>\nrcpt <x@y.example>\n");
	check("[policy]\nreply_to = Help <help@example.com>\n", "mail-to=x@y.example",
	    "to <x@y.example>\nrcpt <x@y.example>\nreply Help<help@example.com>\n");
	/* answers to oneself, and the policy that is not asked about them */
	check("[users]\n* = %u@example.com\n[policy]\nallow = *@y.example\n",
	    "mail-to=x@y.example",
	    "to <x@y.example>\nrcpt <x@y.example>\nreply <bob@example.com>\n");
}

/* A name that makes no address is no reason to hold a job that needs none. */
static void
does_without_reply_to(void **state)
{
	static const char *const users[] = { "bob smith", ".bob", "bob.", "a..b", "" };
	struct config *c = load("[users]\n* = %u@example.com\n");
	struct pairs options = { 0 };
	struct error e;

	(void)state;
	assert_true(pairs_add(&options, "mail-to", "x@y.example"));
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		char user[16], empty[] = "";
		struct job job = { .user = user, .title = empty, .device_uri = empty };
		struct route r;

		snprintf(user, sizeof(user), "%s", users[i]);
		assert_int_equal(route_find(&r, c, &job, &options, &e), STATUS_OK);
		assert_int_equal(r.reply_to.count, 0);
		route_clear(&r);
	}
	pairs_clear(&options);
	config_free(c);
}

static void
cleans_texts(void **state)
{
	struct config *c = load("");
	struct route r;
	struct error e;

	(void)state;
	assert_int_equal(find(&r, c,
			     "mail-to=x@y.example mail-subject=\\ a\\\nBcc:\\ b\xff\\  "
			     "mail-body=\\ one\r\\\ntwo\\\n mail-filename=../a\\\tb",
			     "T", &e),
	    STATUS_OK);
	assert_string_equal(r.subject, "a Bcc: b\xef\xbf\xbd");
	assert_string_equal(r.body, "one\ntwo");
	assert_string_equal(r.filename, "../a b");
	route_clear(&r);
	assert_int_equal(
	    find(&r, c, "mail-to=x@y.example mail-body=one\\\n\\\ntwo", "T", &e),
	    STATUS_OK);
	assert_string_equal(r.subject, "T");
	assert_string_equal(r.body, "one\n\ntwo");
	assert_null(r.filename);
	route_clear(&r);
	/* blanks say nothing */
	assert_int_equal(
	    find(&r, c, "mail-to=x@y.example mail-body=\\  mail-filename=\\\n", " ", &e),
	    STATUS_OK);
	assert_null(r.subject);
	assert_null(r.body);
	assert_null(r.filename);
	route_clear(&r);
	config_free(c);
}

static void
limits_texts(void **state)
{
	static const struct {
		const char *option;
		size_t max;
	} rows[] = {
		{ "mail-subject", ROUTE_SUBJECT_MAX },
		{ "mail-filename", ROUTE_SUBJECT_MAX },
		{ "mail-body", OPTION_VALUE_MAX },
	};
	static char value[OPTION_VALUE_MAX + 2];
	char user[] = "bob", empty[] = "";
	const struct job job = { .user = user, .title = empty, .device_uri = empty };
	struct config *c = load("");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t over = 0; over <= 1; over++) {
			struct pairs options = { 0 };
			struct error e = { "" };
			struct route r;

			/* the longest text there is once it is cleaned */
			memset(value, '\xff', rows[i].max + over);
			value[rows[i].max + over] = '\0';
			assert_true(pairs_add(&options, "mail-to", "x@y.example"));
			assert_true(pairs_add(&options, rows[i].option, value));
			assert_int_equal(route_find(&r, c, &job, &options, &e),
			    over ? STATUS_HOLD : STATUS_OK);
			if (over)
				assert_non_null(strstr(e.text, "the text is "));
			else
				route_clear(&r);
			pairs_clear(&options);
		}
	config_free(c);
}

static void
chooses_the_account(void **state)
{
	struct config *c = load("");
	const struct config none = { .path = NULL };
	struct route r;
	struct error e;

	(void)state;
	assert_int_equal(find(&r, c, "mail-to=x@y.example", "", &e), STATUS_OK);
	assert_ptr_equal(r.account, &c->account[0]);
	route_clear(&r);
	assert_int_equal(
	    find(&r, c, "mail-to=x@y.example mail-account=second", "", &e), STATUS_OK);
	assert_ptr_equal(r.account, &c->account[1]);
	route_clear(&r);
	config_free(c);
	check_refused("", "mail-to=x@y.example mail-account=third",
	    "job option mail-account: there is no account \"third\" in postroom.conf; "
	    "its "
	    "first account is \"relay\"");
	assert_int_equal(find(&r, &none, "mail-to=x@y.example", "", &e), STATUS_SETTINGS);
}

static void
clears_twice(void **state)
{
	struct config *c = load("");
	struct route r;
	struct error e;

	(void)state;
	assert_int_equal(find(&r, c, "mail-to=x@y.example", "T", &e), STATUS_OK);
	route_clear(&r);
	assert_int_equal(r.recipients.count, 0);
	assert_null(r.subject);
	route_clear(&r);
	config_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_an_envelope),
		cmocka_unit_test(counts_addresses_once),
		cmocka_unit_test(takes_a_blind_copy_alone),
		cmocka_unit_test(knows_the_address_book),
		cmocka_unit_test(ends_circles),
		cmocka_unit_test(holds_bad_addresses),
		cmocka_unit_test(holds_without_recipient),
		cmocka_unit_test(limits_recipients),
		cmocka_unit_test(counts_all_fields),
		cmocka_unit_test(obeys_the_policy),
		cmocka_unit_test(sends_answers_to_the_user),
		cmocka_unit_test(does_without_reply_to),
		cmocka_unit_test(cleans_texts),
		cmocka_unit_test(limits_texts),
		cmocka_unit_test(chooses_the_account),
		cmocka_unit_test(clears_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
