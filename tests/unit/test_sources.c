/* Tests of backend/sources.c: who is asked first, and what counts as an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/options.h"
#include "backend/sources.h"

static const char settings[] = "[account relay]\n"
			       "server = localhost\n"
			       "tls = none\n"
			       "auth = none\n"
			       "from = scanner@example.com\n"
			       "[users]\n"
			       "* = %u@example.com\n"
			       "frontdesk = office@example.com\n"
			       "twice = %u.%u@example.com\n"
			       "[addresses]\n"
			       "Accounting = invoices@example.com\n";

static struct config *config;

/* What a job says; NULL stands for "". */
struct told {
	const char *options, *uri, *title, *user;
};

static int
load(void **state)
{
	struct error e;

	(void)state;
	return config_parse(&config, settings, sizeof(settings) - 1, "test.conf", &e) ? -1
										      : 0;
}

static int
unload(void **state)
{
	(void)state;
	config_free(config);
	return 0;
}

static char *
copy(const char *text)
{
	char *s = strdup(text ? text : "");

	assert_non_null(s);
	return s;
}

static enum status
gather(struct fields *out, const struct config *c, struct told told, struct error *e)
{
	struct job job = { .user = copy(told.user),
		.title = copy(told.title),
		.device_uri = copy(told.uri) };
	struct pairs options = { 0 };
	enum status status;

	assert_int_equal(
	    options_parse(&options, told.options ? told.options : "", OPTIONS_ESCAPED, e),
	    STATUS_OK);
	status = sources_gather(out, c, &job, &options, e);
	pairs_clear(&options);
	job_clear(&job);
	return status;
}

/* All that the sources said, "to=TEXT (ORIGIN)\n…"; the caller frees. */
static char *
show(const struct config *c, struct told told)
{
	static const char *const names[] = { "to", "cc", "bcc", "subject", "body",
		"filename", "account" };
	struct fields fields;
	struct error e = { "" };
	char *shown = NULL;
	size_t size;
	FILE *f = open_memstream(&shown, &size);

	assert_non_null(f);
	if (gather(&fields, c, told, &e) != STATUS_OK)
		fail_msg("%s: %s", told.options, e.text);
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		assert_non_null(fields.item[i].origin);
		if (fields.item[i].text)
			fprintf(f, "%s=%s (%s)\n", names[i], fields.item[i].text,
			    fields.item[i].origin);
	}
	fclose(f);
	fields_clear(&fields);
	return shown;
}

static void
check(const struct config *c, struct told told, const char *expected)
{
	char *shown = show(c, told);

	assert_string_equal(shown, expected);
	free(shown);
}

static void
check_refused(struct told told, enum status expected, const char *part)
{
	struct fields fields, before;
	struct error e = { "" };
	enum status status;

	memset(&fields, 'x', sizeof(fields));
	before = fields;
	status = gather(&fields, config, told, &e);
	if (status != expected || !strstr(e.text, part))
		fail_msg("%s %s: %d %s", told.options, told.uri, status, e.text);
	assert_memory_equal(&fields, &before, sizeof(fields));
}

static void
reads_job_options(void **state)
{
	(void)state;
	check(config,
	    (struct told){ .options =
			       "mail-to=a@x mail-cc=b@x mail-bcc=c@x mail-subject=S\\ 1 "
			       "mail-body=B\\\n2 mail-filename=F mail-account=relay" },
	    "to=a@x (job option mail-to)\n"
	    "cc=b@x (job option mail-cc)\n"
	    "bcc=c@x (job option mail-bcc)\n"
	    "subject=S 1 (job option mail-subject)\n"
	    "body=B\n2 (job option mail-body)\n"
	    "filename=F (job option mail-filename)\n"
	    "account=relay (job option mail-account)\n");
}

/* Each row takes the first source of the one before away. */
static void
asks_in_order(void **state)
{
	static const struct {
		struct told told;
		const char *expected;
	} rows[] = {
		{ { "MailTo=Custom.b@x mail-to=a@x mail-uri=mailto:c@x job-billing=e@x",
		      "mailto:d@x", "T [to: f@x]", "bob" },
		    "to=a@x (job option mail-to)\nsubject=T (the job's title)\n" },
		{ { "MailTo=Custom.b@x mail-uri=mailto:c@x job-billing=e@x", "mailto:d@x",
		      "T [to: f@x]", "bob" },
		    "to=b@x (MailTo)\nsubject=T (the job's title)\n" },
		{ { "mail-uri=mailto:c@x job-billing=e@x", "mailto:d@x", "T [to: f@x]",
		      "bob" },
		    "to=c@x (job option mail-uri)\nsubject=T (the job's title)\n" },
		{ { "job-billing=e@x", "mailto:d@x", "T [to: f@x]", "bob" },
		    "to=d@x (the queue's device URI)\nsubject=T (the job's title)\n" },
		{ { "job-billing=e@x", "mailto:", "T [to: f@x]", "bob" },
		    "to= f@x (the job's title)\nsubject=T (the job's title)\n" },
		{ { "job-billing=e@x", "mailto:", "T", "bob" },
		    "to=e@x (job option job-billing)\nsubject=T (the job's title)\n" },
		{ { NULL, "mailto:", "T", "bob" },
		    "to=bob@example.com ([users])\nsubject=T (the job's title)\n" },
		{ { NULL, NULL, NULL, "frontdesk" },
		    "to=office@example.com ([users])\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(config, rows[i].told, rows[i].expected);
}

/* Each field looks for its own first source; a Cc alone is a recipient too. */
static void
asks_for_each_field_alone(void **state)
{
	(void)state;
	check(config,
	    (struct told){
		"mail-cc=b@x MailSubject=Auto", "mailto:?bcc=c@x&body=B", "T", "bob" },
	    "cc=b@x (job option mail-cc)\nbcc=c@x (the queue's device URI)\n"
	    "subject=T (the job's title)\nbody=B (the queue's device URI)\n");
}

/* None of them is sent to the user as well. */
static void
asks_no_user_when_others_are_named(void **state)
{
	(void)state;
	check(config, (struct told){ .options = "mail-to=x@y", .user = "bob" },
	    "to=x@y (job option mail-to)\n");
	check(config, (struct told){ .options = "mail-cc=x@y", .user = "bob" },
	    "cc=x@y (job option mail-cc)\n");
	check(config, (struct told){ .options = "mail-bcc=x@y", .user = "bob" },
	    "bcc=x@y (job option mail-bcc)\n");
}

/* Dialogs send these where nobody chose anything. */
static void
passes_over_nothing(void **state)
{
	static const char *const options[] = { "MailTo=Auto", "MailTo=auto",
		"MailTo=None",
		"MailTo=", "mail-to=", "job-billing=", "mail-uri=", "mail-uri=mailto:" };

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		check(config, (struct told){ .options = options[i], .user = "bob" },
		    "to=bob@example.com ([users])\n");
}

static void
reads_choices(void **state)
{
	static const struct {
		const char *options, *expected;
	} rows[] = {
		{ "MailTo=Custom.bob@x", "to=bob@x (MailTo)\n" },
		{ "MailTo=custom.Bob\\ <bob@x>", "to=Bob <bob@x> (MailTo)\n" },
		{ "MailTo=Accounting", "to=Accounting (MailTo)\n" },
		{ "MailTo=Customers", "to=Customers (MailTo)\n" },
		{ "MailTo=Custom.Custom", "to=Custom (MailTo)\n" },
		{ "MailTo=Custom.Auto", "to=Auto (MailTo)\n" },
		{ "MailTo=Self", "to=ann@example.com (MailTo)\n" },
		{ "MailTo=x@y MailCc=SELF MailBcc=z@y",
		    "to=x@y (MailTo)\n"
		    "cc=ann@example.com (MailCc)\n"
		    "bcc=z@y (MailBcc)\n" },
		{ "MailTo=x@y MailSubject=Custom.S MailBody=B MailFilename=Custom.F",
		    "to=x@y (MailTo)\nsubject=S (MailSubject)\nbody=B (MailBody)\n"
		    "filename=F (MailFilename)\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(config, (struct told){ .options = rows[i].options, .user = "ann" },
		    rows[i].expected);
}

/* What was meant to be typed is not guessed, not even where another source would know. */
static void
holds_a_bare_custom(void **state)
{
	static const char *const options[] = { "MailTo=Custom", "MailTo=CUSTOM",
		"MailTo=Custom.", "MailTo=Custom.\\ \\ " };

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		check_refused(
		    (struct told){ options[i], "mailto:d@x", "T [to: f@x]", "bob" },
		    STATUS_HOLD, "MailTo says Custom and no text: type it in");
	check_refused((struct told){ .options = "mail-to=a@x MailSubject=Custom" },
	    STATUS_HOLD, "-o MailSubject=Custom.TEXT");
	/* said elsewhere already */
	check(config, (struct told){ .options = "mail-to=a@x MailTo=Custom" },
	    "to=a@x (job option mail-to)\n");
}

static void
holds_self_without_users(void **state)
{
	const struct config empty = { 0 };
	struct fields fields;
	struct error e;

	(void)state;
	assert_int_equal(
	    gather(&fields, &empty,
		(struct told){ .options = "MailTo=Self", .user = "ann" }, &e),
	    STATUS_HOLD);
	assert_string_equal(e.text,
	    "MailTo is Self, and [users] of postroom.conf has no "
	    "address for \"ann\"");
	/* nobody said anything: route.c asks a person */
	check(&empty, (struct told){ .user = "ann" }, "");
}

static void
refuses_bad_uris(void **state)
{
	(void)state;
	check_refused((struct told){ .options = "mail-uri=http://x" }, STATUS_HOLD,
	    "job option mail-uri: ");
	check_refused(
	    (struct told){ .options = "mail-uri=mailto:a@x?subject=a%0d%0aBcc:b" },
	    STATUS_HOLD, "job option mail-uri: ");
	check_refused(
	    (struct told){ .options = "mail-uri=mailto:a@x?attach=/etc/passwd" },
	    STATUS_HOLD, "attach");
	check_refused((struct told){ .uri = "mailto:?to=a%4" }, STATUS_SETTINGS,
	    "the queue's device URI: ");
	check_refused((struct told){ .uri = "smtp://x" }, STATUS_SETTINGS,
	    "the queue's device URI: ");
	/* an option that is heard first does not hide it: the queue is wrong for all */
	check_refused((struct told){ .options = "mail-to=a@x", .uri = "mailto:?x=y" },
	    STATUS_SETTINGS, "the queue's device URI: ");
}

static void
reads_device_uris(void **state)
{
	static const struct {
		const char *uri, *expected;
	} rows[] = {
		{ "", "" },
		{ "mailto:", "" },
		{ "mailto:/", "" },
		{ "mailto://", "" },
		{ "mailto:bob@x", "to=bob@x (the queue's device URI)\n" },
		{ "mailto:?to=bob%40x&cc=c%40x&account=relay&filename=F",
		    "to=bob@x (the queue's device URI)\n"
		    "cc=c@x (the queue's device URI)\n"
		    "filename=F (the queue's device URI)\n"
		    "account=relay (the queue's device URI)\n" },
	};
	const struct config empty = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&empty, (struct told){ .uri = rows[i].uri }, rows[i].expected);
}

static void
reads_titles(void **state)
{
	static const struct {
		const char *title, *to, *subject;
	} rows[] = {
		{ "Offer [to: bob@x]", " bob@x", "Offer" },
		{ "Offer   [TO:bob@x]", "bob@x", "Offer" },
		{ "[to: bob@x] Offer", " bob@x", " Offer" },
		{ "Offer [to: bob@x] 2026", " bob@x", "Offer 2026" },
		{ "Offer [to: a@x, b@x]", " a@x, b@x", "Offer" },
		{ "Offer [to: a@x] [to: b@x]", " a@x", "Offer [to: b@x]" },
		{ "[to: bob@x]", " bob@x", NULL },
		{ "Offer [to:]", NULL, "Offer" },
		{ "Offer [to: bob@x", NULL, "Offer [to: bob@x" },
		{ "Offer ] [to: bob@x", NULL, "Offer ] [to: bob@x" },
		{ "Offer ] [to: bob@x]", " bob@x", "Offer ]" },
		{ "Offer [to bob@x]", NULL, "Offer [to bob@x]" },
		{ "[to:", NULL, "[to:" },
		{ "Gr\xc3\xbc\xc3\x9f"
		  "e \xff [to: b@x]",
		    " b@x",
		    "Gr\xc3\xbc\xc3\x9f"
		    "e \xff" },
	};
	const struct config empty = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fields fields;
		struct error e;
		const char *to, *subject;

		assert_int_equal(
		    gather(&fields, &empty, (struct told){ .title = rows[i].title }, &e),
		    STATUS_OK);
		to = fields.item[FIELD_TO].text;
		subject = fields.item[FIELD_SUBJECT].text;
		if (!to != !rows[i].to || (to && strcmp(to, rows[i].to) != 0))
			fail_msg("%s: to %s", rows[i].title, to);
		if (!subject != !rows[i].subject ||
		    (subject && strcmp(subject, rows[i].subject) != 0))
			fail_msg("%s: subject '%s'", rows[i].title, subject);
		fields_clear(&fields);
	}
}

/* The tag is no part of the title, also when nobody asks it for a recipient. */
static void
takes_the_tag_off_titles(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 9);
	assert_true(sources_title(&out, "Offer [to: bob@x] 26"));
	assert_string_equal(out.data, "Offer 26");
	buf_reset(&out);
	assert_true(sources_title(&out, "123456789"));
	assert_false(sources_title(&out, "0"));
	buf_reset(&out);
	assert_false(sources_title(&out, "Offer [to: bob@x] 2026"));
	buf_clear(&out);
	check(config, (struct told){ .options = "mail-to=a@x", .title = "T [to: b@x]" },
	    "to=a@x (job option mail-to)\nsubject=T (the job's title)\n");
}

static void
reads_billing_codes(void **state)
{
	static const struct {
		const char *options, *expected;
	} rows[] = {
		{ "job-billing=4711", "" },
		{ "job-billing=Accounting\\ 2026", "" },
		{ "job-billing=accounting", "to=accounting (job option job-billing)\n" },
		{ "job-billing=bob@x", "to=bob@x (job option job-billing)\n" },
	};
	struct config book = { .addresses = config->addresses };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&book, (struct told){ .options = rows[i].options, .user = "bob" },
		    rows[i].expected);
}

static void
knows_the_own_address(void **state)
{
	static const struct {
		const char *user, *address; /* NULL: held */
	} rows[] = {
		{ "bob", "bob@example.com" },
		{ "Frontdesk", "office@example.com" },
		{ "twice", "twice.twice@example.com" },
		{ "a.b_c+d-e9", "a.b_c+d-e9@example.com" },
		{ "", NULL },
		{ "*", NULL },
		{ "%u", NULL },
		{ "bob smith", NULL },
		{ "EXAMPLE\\bob", NULL },
		{ "bob@EXAMPLE.COM", NULL },
		{ "bob\r\nBcc: x", NULL },
		{ "J\xc3\xbcrgen", NULL },
		{ "bob,eve", NULL },
		{ "\"bob\"", NULL },
		{ "0123456789012345678901234567890123456789012345678901234567890123",
		    "0123456789012345678901234567890123456789012345678901234567890123@"
		    "example.com" },
		{ "01234567890123456789012345678901234567890123456789012345678901234",
		    NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *address = NULL;
		struct error e = { "" };
		enum status status =
		    sources_own_address(&address, config, rows[i].user, &e);

		assert_int_equal(status, rows[i].address ? STATUS_OK : STATUS_HOLD);
		if (rows[i].address)
			assert_string_equal(address, rows[i].address);
		else
			assert_null(address);
		free(address);
	}
}

/* Without %u the same address stands for everybody, whatever they are called. */
static void
shares_one_address(void **state)
{
	struct config c = { 0 };
	char *address = NULL;
	struct error e;

	(void)state;
	assert_int_equal(sources_own_address(&address, &c, "bob", &e), STATUS_OK);
	assert_null(address);
	assert_true(pairs_add(&c.users, "*", "all@example.com"));
	assert_int_equal(sources_own_address(&address, &c, "bob smith", &e), STATUS_OK);
	assert_string_equal(address, "all@example.com");
	free(address);
	pairs_clear(&c.users);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_job_options),
		cmocka_unit_test(asks_in_order),
		cmocka_unit_test(asks_for_each_field_alone),
		cmocka_unit_test(asks_no_user_when_others_are_named),
		cmocka_unit_test(passes_over_nothing),
		cmocka_unit_test(reads_choices),
		cmocka_unit_test(holds_a_bare_custom),
		cmocka_unit_test(holds_self_without_users),
		cmocka_unit_test(refuses_bad_uris),
		cmocka_unit_test(reads_device_uris),
		cmocka_unit_test(reads_titles),
		cmocka_unit_test(takes_the_tag_off_titles),
		cmocka_unit_test(reads_billing_codes),
		cmocka_unit_test(knows_the_own_address),
		cmocka_unit_test(shares_one_address),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
