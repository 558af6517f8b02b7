/* Tests of backend/parts.c and backend/version.c: what becomes of messages that are too
 * large. */
#include "lib/base/text.h"
#include "tests/unit/oversized.h"

/* -- one message ------------------------------------------------- */

/* No file is made, no child runs. */
static void
what_fits_costs_nothing(void **state)
{
	struct setup *s = *state;
	struct rusage before, after;
	struct letter letter;
	struct parts *p;

	add_pdf(s, "Offer.pdf", 2, 40);
	s->rule.limit = size_of(&s->whole);
	s->rule.tmpdir = "/nonexistent";
	getrusage(RUSAGE_CHILDREN, &before);
	assert_int_equal(parts_make(&p, &s->whole, &s->rule, &s->error), STATUS_OK);
	getrusage(RUSAGE_CHILDREN, &after);
	assert_int_equal(after.ru_minflt, before.ru_minflt);
	assert_int_equal(parts_count(p), 1);
	assert_int_equal(parts_resolution(p), 0);
	letter = parts_letter(p, 1);
	assert_int_equal(letter.documents->item[0].fd, s->fd);
	assert_string_equal(letter.documents->item[0].filename, "Offer.pdf");
	assert_int_equal(size_of(&letter), s->rule.limit);
	parts_free(p);
}

static void
one_byte_more_is_refused(void **state)
{
	struct setup *s = *state;
	char words[200], size[TEXT_SIZE_MAX], limit[TEXT_SIZE_MAX];

	add_other(s, "photo.png", 3 * KB);
	s->rule.limit = s->account.max_message_size = size_of(&s->whole) - 1;
	text_size(size, s->rule.limit + 1, TEXT_UP);
	text_size(limit, s->rule.limit, TEXT_DOWN);
	assert_string_not_equal(size, limit);
	snprintf(words, sizeof(words),
	    "the message has %s as sent, and account office365 allows %s by "
	    "max_message_size",
	    size, limit);
	check_not_made(s, STATUS_REFUSED, words);
	check_not_made(s, STATUS_REFUSED, "print fewer pages at a time");
	s->account.max_message_size++;
	check_not_made(s, STATUS_REFUSED, "the server of account office365 allows");
	s->rule.limit = 0;
	check_not_made(s, STATUS_REFUSED, "allows 0");
}

static void
refuse_may_come_first(void **state)
{
	struct setup *s = *state;

	add_pdf(s, "Offer.pdf", 4, 100);
	s->rule.limit = 20 * KB;
	s->steps = (struct oversize){ { OVERSIZE_REFUSE, OVERSIZE_SPLIT }, 2 };
	check_not_made(s, STATUS_REFUSED, "too large for one message");
	s->steps.count = 0;
	check_not_made(s, STATUS_REFUSED, "too large for one message");
	s->steps = (struct oversize){ { OVERSIZE_SPLIT }, 1 };
	parts_free(make(s));
}

/* A limit of the format is none of the size: no step helps. */
static void
limits_of_the_format_stay(void **state)
{
	struct setup *s = *state;

	add_pdf(s, "Offer.pdf", 1, 40);
	s->rule.limit = BYTES_MAX;
	s->route.body = calloc(1, MESSAGE_BODY_MAX + 2);
	assert_non_null(s->route.body);
	memset(s->route.body, 'x', MESSAGE_BODY_MAX + 1);
	check_not_made(s, STATUS_REFUSED, "its text is longer");
}

/* What fits runs no child, and goes; all else ends. */
static void
stops_where_it_is_told(void **state)
{
	struct setup *s = *state;

	add_scan(s, "Scan.pdf", 4);
	s->rule.stop = s->fd; /* a file is always readable */
	s->rule.limit = size_of(&s->whole) / 2;
	s->steps = (struct oversize){ { OVERSIZE_SPLIT }, 1 };
	check_not_made(s, STATUS_CANCELLED, "the job was stopped");
	if (pdf_can_shrink()) {
		s->steps = (struct oversize){ { OVERSIZE_SHRINK, OVERSIZE_SPLIT }, 2 };
		check_not_made(s, STATUS_CANCELLED, "the job was stopped");
		s->rule.parts = 1;
		s->rule.resolution = 100;
		check_not_made(s, STATUS_CANCELLED, "the job was stopped");
		s->rule.parts = s->rule.resolution = 0;
	}
	s->rule.limit = size_of(&s->whole);
	parts_free(make(s));
}

/* -- shrink ------------------------------------------------------ */

/* The size of the job's message with its images at a resolution. */
static uint64_t
size_at(struct setup *s, unsigned resolution)
{
	struct parts_rule rule = s->rule;
	struct parts *p;
	struct letter letter;
	uint64_t size;

	rule.parts = 1;
	rule.resolution = resolution;
	rule.limit = BYTES_MAX;
	assert_int_equal(parts_make(&p, &s->whole, &rule, &s->error), STATUS_OK);
	letter = parts_letter(p, 1);
	size = size_of(&letter);
	parts_free(p);
	return size;
}

/* As good as may be, and what does not become smaller stays as it was. */
static void
the_first_resolution_that_fits_is_taken(void **state)
{
	static const unsigned resolutions[] = { 200, 150, 100 };
	struct setup *s = *state;
	struct parts *p;

	need_ghostscript();
	add_other(s, "photo.png", 3 * KB);
	add_scan(s, "Scan.pdf", 1);
	add_pdf(s, "Small.pdf", 1, 20);
	s->steps = (struct oversize){ { OVERSIZE_SHRINK, OVERSIZE_REFUSE }, 2 };
	for (size_t i = 0; i < 3; i++) {
		s->rule.limit = size_at(s, resolutions[i]);
		assert_true(s->rule.limit < size_of(&s->whole));
		p = make(s);
		assert_int_equal(parts_count(p), 1);
		assert_int_equal(parts_resolution(p), resolutions[i]);
		check_name(p, 1, 1, "Scan.pdf");
		assert_int_equal(parts_letter(p, 1).documents->item[0].fd, s->fd);
		assert_int_not_equal(parts_letter(p, 1).documents->item[1].fd, s->fd);
		assert_int_equal(parts_letter(p, 1).documents->item[2].fd, s->fd);
		parts_free(p);
	}
	s->rule.limit = size_at(s, 100) - 1;
	check_not_made(s, STATUS_REFUSED, "too large for one message");
}

/* Ghostscript leaves nothing of what the scan says of itself. */
static void
what_is_shrunk_says_what_the_scan_said(void **state)
{
	struct setup *s = *state;
	struct parts *p;
	size_t len;
	char *bytes;

	need_ghostscript();
	add_scan(s, "Scan.pdf", 3);
	s->documents.item[0].scanned = true;
	s->documents.item[0].whole = 3;
	s->documents.item[0].remark = strdup("one side may be missing");
	s->steps = (struct oversize){ { OVERSIZE_SHRINK, OVERSIZE_REFUSE }, 2 };
	s->rule.limit = size_at(s, 100);
	p = make(s);
	assert_int_equal(parts_resolution(p), 100);
	bytes = read_part(p, 1, &len);
	assert_non_null(strstr(bytes,
	    "\r\n\r\nOne side may be missing.\r\n\r\nAttached: Scan.pdf (3 pages)"));
	free(bytes);
	parts_free(p);
}

/* At the highest resolution whose pages fit. */
static void
what_is_shrunk_may_be_split(void **state)
{
	static const unsigned expected[] = { 200, 150, 100 };
	struct setup *s = *state;
	uint64_t limits[3];
	struct parts *p;

	need_ghostscript();
	add_scan(s, "Page.pdf", 1);
	for (size_t i = 0; i < 3; i++) /* a page and what SLACK may be */
		limits[i] = size_at(s, expected[i]) + 2 * KB;
	documents_clear(&s->documents);
	add_scan(s, "Scan.pdf", 12);
	s->steps =
	    (struct oversize){ { OVERSIZE_SHRINK, OVERSIZE_SPLIT, OVERSIZE_REFUSE }, 3 };
	for (size_t i = 0; i < 3; i++) {
		s->rule.limit = limits[i];
		p = make(s);
		assert_int_equal(parts_resolution(p), expected[i]);
		assert_true(parts_count(p) > 1);
		parts_free(p);
	}
}

/* A page that is too large for splitting is made smaller, and then split again. */
static void
what_is_split_may_be_shrunk(void **state)
{
	struct setup *s = *state;
	struct parts *p;

	need_ghostscript();
	add_scan(s, "Scan.pdf", 4);
	s->rule.limit = size_at(s, 100) / 2;
	s->steps =
	    (struct oversize){ { OVERSIZE_SPLIT, OVERSIZE_SHRINK, OVERSIZE_REFUSE }, 3 };
	p = make(s);
	assert_true(parts_resolution(p) > 0);
	assert_true(parts_count(p) > 1);
	parts_free(p);
	s->rule.limit = 4 * KB;
	check_not_made(s, STATUS_REFUSED, "page 1 of Scan.pdf alone is too large");
}

static void
text_is_not_shrunk(void **state)
{
	struct setup *s = *state;

	need_ghostscript();
	add_other(s, "photo.png", 30 * KB);
	add_pdf(s, "Text.pdf", 20, 50); /* Ghostscript saves a few bytes of it */
	s->rule.limit = 20 * KB;
	s->steps = (struct oversize){ { OVERSIZE_SHRINK, OVERSIZE_REFUSE }, 2 };
	check_not_made(s, STATUS_REFUSED, "its images cannot be made smaller");
}

/* -- a second attempt -------------------------------------------- */

static void
check_same(const struct parts *first, const struct parts *second)
{
	assert_int_equal(parts_count(first), parts_count(second));
	assert_int_equal(parts_resolution(first), parts_resolution(second));
	for (unsigned i = 1; i <= parts_count(first); i++) {
		size_t first_len, second_len;
		char *a = read_part(first, i, &first_len);
		char *b = read_part(second, i, &second_len);

		assert_int_equal(first_len, second_len);
		assert_memory_equal(a, b, first_len);
		free(a);
		free(b);
	}
}

/* Byte for byte, whatever the settings say by now. */
static void
attempts_are_alike(void **state)
{
	static const struct oversize steps[] = {
		{ { OVERSIZE_SPLIT, OVERSIZE_REFUSE }, 2 },
		{ { OVERSIZE_SHRINK, OVERSIZE_SPLIT, OVERSIZE_REFUSE }, 3 },
		{ { OVERSIZE_SPLIT, OVERSIZE_SHRINK, OVERSIZE_REFUSE }, 3 },
	};
	struct setup *s = *state;
	struct parts *first, *second;

	need_ghostscript();
	add_scan(s, "Scan.pdf", 8);
	add_other(s, "photo.png", 3 * KB);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		s->steps = steps[i];
		s->rule.limit = i == 0 ? size_of(&s->whole) / 2 : size_at(s, 100) * 3 / 4;
		first = make(s);
		assert_true(parts_count(first) > 1);
		s->steps = (struct oversize){ { OVERSIZE_REFUSE }, 1 };
		s->rule.parts = parts_count(first);
		s->rule.resolution = parts_resolution(first);
		second = make(s);
		check_same(first, second);
		parts_free(first);
		parts_free(second);
		s->rule.parts = s->rule.resolution = 0;
	}
}

static void
other_plans_are_held(void **state)
{
	struct setup *s = *state;

	add_pdf(s, "Report.pdf", 9, 100);
	s->rule.limit = 50 * KB; /* makes 3 */
	for (s->rule.parts = 1; s->rule.parts <= 5; s->rule.parts++)
		if (s->rule.parts != 3)
			check_not_made(s, STATUS_HOLD, "cancel this job, and print what");
	s->rule.parts = 3;
	parts_free(make(s));
	s->rule.limit = 5 * KB; /* cannot be done at all */
	check_not_made(s, STATUS_HOLD, "as 3 messages");
	s->rule.limit = BYTES_MAX; /* fits as a whole */
	check_not_made(s, STATUS_HOLD, "as 3 messages");
}

static void
a_plan_that_shrank_is_held_where_nothing_shrinks(void **state)
{
	struct setup *s = *state;

	need_ghostscript();
	add_pdf(s, "Report.pdf", 9, 100);
	s->rule.limit = 50 * KB;
	s->rule.parts = 3;
	parts_free(make(s));
	s->rule.resolution = 200; /* the images have 72 */
	check_not_made(s, STATUS_HOLD, "as 3 messages");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_JOB(what_fits_costs_nothing),
		WITH_JOB(one_byte_more_is_refused),
		WITH_JOB(refuse_may_come_first),
		WITH_JOB(limits_of_the_format_stay),
		WITH_JOB(stops_where_it_is_told),
		WITH_JOB(the_first_resolution_that_fits_is_taken),
		WITH_JOB(what_is_shrunk_says_what_the_scan_said),
		WITH_JOB(what_is_shrunk_may_be_split),
		WITH_JOB(what_is_split_may_be_shrunk),
		WITH_JOB(text_is_not_shrunk),
		WITH_JOB(attempts_are_alike),
		WITH_JOB(other_plans_are_held),
		WITH_JOB(a_plan_that_shrank_is_held_where_nothing_shrinks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
