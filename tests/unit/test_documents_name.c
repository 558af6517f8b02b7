/* Tests of documents_name() in backend/documents.c: how attachments are called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "backend/documents.h"
#include "lib/base/buf.h"
#include "lib/mail/filename.h"

enum {
	NAMES_MAX = 64 * 1024,
};

/* Documents that were sorted and wait for their names. */
struct setup {
	struct job job;
	struct documents documents;
};

static int
set_up(void **state)
{
	struct setup *s = calloc(1, sizeof(*s));

	*state = s;
	if (s)
		s->job.title = strdup("Offer");
	return s && s->job.title ? 0 : -1;
}

static int
tear_down(void **state)
{
	struct setup *s = *state;

	documents_clear(&s->documents);
	job_clear(&s->job);
	free(s);
	return 0;
}

static void
set_title(struct setup *s, const char *title)
{
	free(s->job.title);
	s->job.title = strdup(title);
	assert_non_null(s->job.title);
}

/* Names the documents; options may be NULL. */
static enum status
name(struct setup *s, const struct pairs *options, const char *wanted)
{
	const struct pairs none = { 0 };
	struct error e;

	return documents_name(
	    &s->documents, &s->job, options ? options : &none, wanted, &e);
}

/* Compares all names, each with a line feed. */
static void
check_names(const struct setup *s, const char *expected)
{
	struct buf all;

	buf_init(&all, NAMES_MAX);
	for (size_t i = 0; i < s->documents.count; i++)
		buf_printf(&all, "%s\n", s->documents.item[i].filename);
	assert_string_equal(buf_text(&all), expected);
	buf_clear(&all);
}

/* Documents of one type, to be named. */
static void
give_documents(struct setup *s, size_t count, const char *extension)
{
	documents_clear(&s->documents);
	s->documents.count = count;
	for (size_t i = 0; i < count; i++)
		s->documents.item[i].filename = strdup(extension);
}

/* A PDF says of itself what a stranger may have written; of scan2mail's jobs it counts.
 */
static void
only_scans_speak(void **state)
{
	struct setup *s = *state;
	struct document *d = &s->documents.item[0];
	char option[] = "mail-scanned", yes[] = "yes";
	struct pair scanned = { option, yes };

	for (size_t count = 0; count < 2; count++) {
		give_documents(s, 1, ".pdf");
		d->scanned = d->hold = d->incomplete = true;
		d->remark = strdup("paper jam");
		assert_int_equal(
		    name(s, &(struct pairs){ &scanned, count }, NULL), STATUS_OK);
		assert_int_equal(d->scanned, count == 1);
		assert_int_equal(d->hold, count == 1);
		assert_int_equal(d->incomplete, count == 1);
		assert_int_equal(d->remark != NULL, count == 1);
	}
}

static void
names_one_document_after_the_title(void **state)
{
	static const struct {
		const char *title, *wanted, *name;
	} rows[] = {
		{ "Offer", NULL, "Offer.pdf\n" },
		{ "Offer", "Invoice", "Invoice.pdf\n" },
		{ "Offer", "Invoice.PDF", "Invoice.pdf\n" },
		{ "report.odt", NULL, "report.pdf\n" },
		{ "", NULL, "document.pdf\n" },
		{ "Offer [to: bob@example.com] 2026", NULL, "Offer 2026.pdf\n" },
		{ "[to: bob@example.com]", NULL, "document.pdf\n" },
		{ "../../etc/passwd", NULL, "passwd.pdf\n" },
		{ "a\r\nBcc: x", NULL, "a Bcc x.pdf\n" },
	};
	struct setup *s = *state;
	struct pairs options = { 0 };

	/* a temporary name, which some dialogs send */
	assert_true(pairs_add(&options, "document-name-supplied", "DhyC6Z"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set_title(s, rows[i].title);
		give_documents(s, 1, "pdf");
		assert_int_equal(name(s, &options, rows[i].wanted), STATUS_OK);
		check_names(s, rows[i].name);
	}
	pairs_clear(&options);
}

static void
names_several_after_themselves(void **state)
{
	struct setup *s = *state;
	struct pairs options = { 0 };

	assert_true(pairs_add(&options, "document-name-supplied", "a.txt"));
	assert_true(pairs_add(&options, "sides", "one-sided"));
	assert_true(pairs_add(&options, "Document-Name-Supplied", "sub/b.png"));
	assert_true(pairs_add(&options, "document-name-supplied", ""));
	give_documents(s, 3, "pdf");
	assert_int_equal(name(s, &options, NULL), STATUS_OK);
	check_names(s, "a.pdf\nsub b.pdf\nOffer.pdf\n");
	give_documents(s, 3, "pdf");
	assert_int_equal(name(s, &options, "wanted"), STATUS_OK);
	check_names(s, "wanted.pdf\nwanted-2.pdf\nwanted-3.pdf\n");
	/* not as many names as documents: nobody knows which is whose */
	give_documents(s, 2, "pdf");
	assert_int_equal(name(s, &options, NULL), STATUS_OK);
	check_names(s, "Offer.pdf\nOffer-2.pdf\n");
	pairs_clear(&options);
}

static void
keeps_extensions_apart(void **state)
{
	static const char *const extensions[] = { "pdf", "jpg", "txt", "pdf" };
	struct setup *s = *state;

	s->documents.count = sizeof(extensions) / sizeof(extensions[0]);
	for (size_t i = 0; i < s->documents.count; i++)
		s->documents.item[i].filename = strdup(extensions[i]);
	assert_int_equal(name(s, NULL, NULL), STATUS_OK);
	check_names(s, "Offer.pdf\nOffer.jpg\nOffer.txt\nOffer-4.pdf\n");
}

static void
gives_equal_names_numbers(void **state)
{
	static const char *const own[] = { "a", "A.txt", "a-3", "a", "a-2", "a" };
	struct setup *s = *state;
	struct pairs options = { 0 };
	size_t count = sizeof(own) / sizeof(own[0]);

	for (size_t i = 0; i < count; i++)
		assert_true(pairs_add(&options, "document-name-supplied", own[i]));
	give_documents(s, count, "pdf");
	assert_int_equal(name(s, &options, NULL), STATUS_OK);
	check_names(s, "a.pdf\nA-2.pdf\na-3.pdf\na-4.pdf\na-2-5.pdf\na-6.pdf\n");
	pairs_clear(&options);
}

/* Whether no two names are alike. */
static void
check_distinct(const struct documents *d)
{
	for (size_t i = 0; i < d->count; i++) {
		assert_in_range(strlen(d->item[i].filename), 1, FILENAME_MAX_BYTES);
		for (size_t j = 0; j < i; j++)
			if (strcasecmp(d->item[i].filename, d->item[j].filename) == 0)
				fail_msg("twice: %s", d->item[i].filename);
	}
}

/* A number must find room, however long the name is. */
static void
gives_long_names_numbers(void **state)
{
	struct setup *s = *state;
	char title[301] = "";

	for (size_t len = 90; len <= 130; len++) {
		memset(title, 'x', len);
		title[len] = '\0';
		set_title(s, title);
		give_documents(s, MESSAGE_ATTACHMENTS_MAX, "pdf");
		assert_int_equal(name(s, NULL, NULL), STATUS_OK);
		check_distinct(&s->documents);
	}
	for (size_t i = 0; i < 300; i += 3)
		memcpy(title + i, "\xe2\x82\xac", 4); /* cut at whole characters */
	set_title(s, title);
	give_documents(s, 3, "abcdefghijklmno");
	assert_int_equal(name(s, NULL, NULL), STATUS_OK);
	check_distinct(&s->documents);
	assert_non_null(
	    strstr(s->documents.item[1].filename, "\xe2\x82\xac-2.abcdefghijklmno"));
}

#define WITH_JOB(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_JOB(only_scans_speak),
		WITH_JOB(names_one_document_after_the_title),
		WITH_JOB(names_several_after_themselves),
		WITH_JOB(keeps_extensions_apart),
		WITH_JOB(gives_equal_names_numbers),
		WITH_JOB(gives_long_names_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
