/* Tests of backend/pieces.c, through parts_make(): documents in several messages. */
#include "tests/unit/oversized.h"

static void
documents_are_packed_in_order(void **state)
{
	struct setup *s = *state;
	struct parts *p;

	add_other(s, "a.png", 20 * KB);
	add_other(s, "b.png", 20 * KB);
	add_other(s, "c.png", 60 * KB);
	add_other(s, "d.png", KB);
	add_other(s, "e.png", 70 * KB);
	s->rule.limit = 100 * KB;
	p = make(s);
	assert_int_equal(parts_count(p), 3);
	assert_int_equal(parts_resolution(p), 0);
	check_name(p, 1, 0, "a.png");
	check_name(p, 1, 1, "b.png");
	check_name(p, 2, 0, "c.png");
	check_name(p, 2, 1, "d.png");
	check_name(p, 3, 0, "e.png");
	assert_int_equal(parts_letter(p, 1).documents->count, 2);
	assert_int_equal(parts_letter(p, 2).documents->count, 2);
	assert_int_equal(parts_letter(p, 3).documents->count, 1);
	parts_free(p);
}

static void
pages_are_divided(void **state)
{
	struct setup *s = *state;
	struct parts *p;
	size_t len;
	char *bytes;

	add_other(s, "photo.png", 20 * KB);
	add_pdf(s, "Report.pdf", 9, 100);
	s->rule.limit = 50 * KB;
	p = make(s);
	assert_int_equal(parts_count(p), 4);
	check_name(p, 1, 0, "photo.png");
	check_name(p, 2, 0, "Report (1 of 3).pdf");
	check_name(p, 3, 0, "Report (2 of 3).pdf");
	check_name(p, 4, 0, "Report (3 of 3).pdf");
	for (unsigned i = 2; i <= 4; i++)
		assert_int_equal(parts_letter(p, i).documents->item[0].pages, 3);
	/* the subject is the first document's name in every part */
	bytes = read_part(p, 3, &len);
	assert_non_null(strstr(bytes, "\r\nSubject: photo.png (3 of 4)\r\n"));
	assert_non_null(strstr(
	    bytes, "Message-ID: <6ba7b810-9dad-11d1-80b4-00c04fd430c8.3@example.com>"));
	assert_non_null(
	    strstr(bytes, "Part 3 of 4.\r\nAttached: Report (2 of 3).pdf (3 pages)"));
	free(bytes);
	parts_free(p);
}

/* In each message, whether it has all of the scan or some pages. */
static void
pieces_of_a_scan_say_what_it_said(void **state)
{
	static const char remark[] = "\r\nPaper jam after page 9: 9 pages attached.\r\n";
	struct setup *s = *state;
	struct document *scan;
	struct parts *p;
	size_t len;

	add_pdf(s, "Scan.pdf", 9, 100);
	scan = &s->documents.item[0];
	scan->scanned = true;
	scan->whole = 9;
	scan->remark = strdup("paper jam after page 9: 9 pages attached");
	s->rule.limit = 50 * KB;
	s->route.body = strdup("Own words");
	p = make(s);
	assert_int_equal(parts_count(p), 3);
	for (unsigned i = 1; i <= 3; i++) {
		char *bytes = read_part(p, i, &len), name[80];

		snprintf(name, sizeof(name),
		    "\r\nAttached: Scan (%u of 3).pdf (3 of 9 pages)\r\n", i);
		assert_non_null(strstr(bytes, name));
		assert_non_null(strstr(bytes, remark));
		free(bytes);
	}
	parts_free(p);
	s->rule.limit = BYTES_MAX;
	p = make(s);
	assert_int_equal(parts_count(p), 1);
	parts_free(p);
}

/* Where some pages are larger than others, a stretch is halved. */
static void
stretches_are_halved(void **state)
{
	static const unsigned sides[] = { 20, 20, 20, 20, 150, 150, 20, 20 };
	struct setup *s = *state;
	struct parts *p;

	add_pages(s, "Report.pdf", sides, sizeof(sides) / sizeof(sides[0]), 72);
	s->rule.limit = size_of(&s->whole) * 2 / 3;
	p = make(s);
	assert_true(parts_count(p) >= 2);
	parts_free(p);
}

static void
a_page_too_large_is_named(void **state)
{
	static const unsigned sides[] = { 20, 20, 200, 20 };
	struct setup *s = *state;

	add_pages(s, "Report.pdf", sides, 4, 72);
	s->rule.limit = 20 * KB;
	check_not_made(s, STATUS_REFUSED, "page 3 of Report.pdf alone is too large");
}

static void
what_has_no_pages_is_not_divided(void **state)
{
	struct setup *s = *state;

	add_pdf(s, "Offer.pdf", 2, 40);
	add_other(s, "photo.png", 100 * KB);
	s->rule.limit = 50 * KB;
	check_not_made(s, STATUS_REFUSED, "photo.png alone is too large");
	/* nor what needs a password */
	snprintf(s->documents.item[1].type, sizeof(s->documents.item[1].type),
	    "application/pdf");
	check_not_made(s, STATUS_REFUSED, "photo.png alone is too large");
}

static void
damaged_documents_are_not_divided(void **state)
{
	struct setup *s = *state;

	add_pdf(s, "Offer.pdf", 4, 100);
	s->documents.item[0].size -= 100;
	s->rule.limit = 20 * KB;
	check_not_made(s, STATUS_REFUSED, "cannot be divided");
}

static void
messages_have_a_maximum(void **state)
{
	struct setup *s = *state;
	struct parts *p;

	for (int i = 0; i < PARTS_MAX; i++)
		add_other(s, "photo.png", KB);
	s->rule.limit = 4 * KB; /* one document in each */
	p = make(s);
	assert_int_equal(parts_count(p), PARTS_MAX);
	parts_free(p);
	add_other(s, "photo.png", KB);
	check_not_made(s, STATUS_REFUSED, "more than 99 messages");
}

/* Long names that are the same where they are cut, and one that takes a piece's. */
static void
names_stay_unique(void **state)
{
	struct setup *s = *state;
	char name[130];

	add_other(s, "Report (2 of 2).pdf", KB);
	add_other(s, "report (1 of 2).PDF", KB);
	add_pdf(s, "Report.pdf", 2, 100);
	s->rule.limit = size_of(&s->whole) - 10 * KB;
	parts_free(make(s));
	documents_clear(&s->documents);
	memset(name, 'n', sizeof(name));
	strncpy(name + 110, "-1.pdf", 7);
	add_other(s, name, KB);
	add_pdf(s, name, 3, 100);
	name[111] = '2';
	add_pdf(s, name, 3, 100);
	s->rule.limit = 50 * KB;
	parts_free(make(s));
}

/* Whatever the documents and the limit are. */
static void
all_is_sent_and_fits(void **state)
{
	struct setup *s = *state;
	char name[32];

	srandom(1);
	for (int round = 0; round < 5; round++) {
		documents_clear(&s->documents);
		for (int i = 0; i < 4; i++) {
			snprintf(name, sizeof(name), "Bericht %c %d.pdf", 'a' + i, round);
			if (random() % 3 == 0)
				add_other(s, name, (size_t)(random() % (10 * KB)) + 1);
			else
				add_pdf(s, name, (unsigned)(random() % 6) + 1,
				    (unsigned)(random() % 80) + 20);
		}
		s->rule.limit = (uint64_t)(random() % (40 * KB)) + 20 * KB;
		parts_free(make(s));
	}
}

static void
no_place_for_files_is_said(void **state)
{
	struct setup *s = *state;

	add_pdf(s, "Report.pdf", 9, 100);
	s->rule.limit = 50 * KB;
	s->rule.tmpdir = "/nonexistent";
	check_not_made(s, STATUS_RETRY, "cannot make a file in /nonexistent");
	s->rule.parts = 3;
	check_not_made(s, STATUS_RETRY, "cannot make a file in /nonexistent");
}

/* A full disk passes, a refusal does not: they must not be mixed up. */
static void
full_disks_are_waited_out(void **state)
{
	char path[] = "/tmp/postroom-test-XXXXXX", size[32];
	struct setup *s = *state;
	int most;

	add_pdf(s, "Report.pdf", 9, 100);
	most = (int)s->documents.item[0].size / KB * 2;
	s->rule.limit = 50 * KB;
	s->rule.tmpdir = mkdtemp(path);
	assert_non_null(s->rule.tmpdir);
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
		rmdir(path);
		print_message("# needs the right to mount: a full disk\n");
		skip();
	}
	/* full at the copy of the document, and at one part after the other */
	for (int kilobytes = 16; kilobytes < most; kilobytes += 32) {
		snprintf(size, sizeof(size), "size=%dk", kilobytes);
		assert_int_equal(mount("none", path, "tmpfs", 0, size), 0);
		check_not_made(s, STATUS_RETRY, strerror(ENOSPC));
		assert_int_equal(umount(path), 0);
	}
	rmdir(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_JOB(documents_are_packed_in_order),
		WITH_JOB(pages_are_divided),
		WITH_JOB(pieces_of_a_scan_say_what_it_said),
		WITH_JOB(stretches_are_halved),
		WITH_JOB(a_page_too_large_is_named),
		WITH_JOB(what_has_no_pages_is_not_divided),
		WITH_JOB(damaged_documents_are_not_divided),
		WITH_JOB(messages_have_a_maximum),
		WITH_JOB(names_stay_unique),
		WITH_JOB(all_is_sent_and_fits),
		WITH_JOB(no_place_for_files_is_said),
		WITH_JOB(full_disks_are_waited_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
