/* Tests of backend/compose.c: the same job makes the same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/compose.h"
#include "lib/base/buf.h"
#include "lib/base/file.h"

enum {
	BYTES_MAX = 1024 * 1024,
};

static const char content[] = "%PDF-1.4 stands for itself";

/* A job that is ready to be composed: Bob's, with one PDF. */
struct setup {
	struct account account;
	struct route route;
	struct documents documents;
	struct job_identity identity;
	const char *title;
	unsigned part, parts;
	struct buf bytes; /* the message */
	struct error error;
};

static void
add_mailbox(struct mailbox_list *list, const char *text)
{
	struct error e;

	assert_int_equal(mailbox_list_parse(list, text, &e), STATUS_OK);
}

static void
add_document(struct setup *s, const char *filename, unsigned pages)
{
	struct document *d = &s->documents.item[s->documents.count++];
	int fd = file_scratch("/tmp");

	assert_true(fd >= 0);
	assert_true(file_write(fd, content, sizeof(content) - 1));
	*d = (struct document){ .filename = strdup(filename),
		.type = "application/pdf",
		.fd = fd,
		.size = sizeof(content) - 1,
		.pages = pages };
}

static int
set_up(void **state)
{
	struct setup *s = calloc(1, sizeof(*s));
	struct error e;

	*state = s;
	if (!s)
		return -1;
	buf_init(&s->bytes, BYTES_MAX);
	s->account.name = strdup("office365");
	s->account.max_message_size = BYTES_MAX;
	if (mailbox_parse(&s->account.from, "Scanner <scanner@example.com>", &e))
		return -1;
	s->route.account = &s->account;
	add_mailbox(&s->route.to, "Bob <bob@example.com>");
	add_mailbox(&s->route.recipients, "bob@example.com, blind@example.com");
	s->identity =
	    (struct job_identity){ .name = "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
		    .created = 1763818468 };
	s->part = s->parts = 1;
	add_document(s, "Offer.pdf", 3);
	return 0;
}

static int
tear_down(void **state)
{
	struct setup *s = *state;

	for (size_t i = 0; i < s->documents.count; i++)
		close(s->documents.item[i].fd);
	documents_clear(&s->documents);
	route_clear(&s->route);
	mailbox_clear(&s->account.from);
	free(s->account.name);
	buf_clear(&s->bytes);
	free(s);
	return 0;
}

static struct letter
letter_of(struct setup *s)
{
	return (struct letter){ .route = &s->route,
		.documents = &s->documents,
		.title = s->title,
		.identity = s->identity,
		.part = s->part,
		.parts = s->parts };
}

static enum status
open_message(struct setup *s, struct message_stream **out)
{
	struct letter letter = letter_of(s);

	return compose_open(out, &letter, &s->error);
}

/* Composes and reads the whole message into s->bytes. */
static const char *
compose(struct setup *s)
{
	struct message_stream *m;
	char block[1000];
	ssize_t n;

	buf_reset(&s->bytes);
	if (open_message(s, &m) != STATUS_OK)
		fail_msg("%s", s->error.text);
	while ((n = message_read(m, block, sizeof(block))) > 0)
		buf_add(&s->bytes, block, (size_t)n);
	assert_int_equal(n, 0);
	assert_int_equal(s->bytes.len, message_size(m));
	message_close(m);
	return buf_text(&s->bytes);
}

static void
check_has(const char *message, const char *part)
{
	if (!strstr(message, part))
		fail_msg("'%s' is not in:\n%s", part, message);
}

/* All of it, as it leaves. */
static void
writes_a_message(void **state)
{
	struct setup *s = *state;

	assert_string_equal(compose(s),
	    "Date: Sat, 22 Nov 2025 13:34:28 +0000\r\n"
	    "From: Scanner <scanner@example.com>\r\n"
	    "To: Bob <bob@example.com>\r\n"
	    "Subject: Offer.pdf\r\n"
	    "Message-ID: <6ba7b810-9dad-11d1-80b4-00c04fd430c8@example.com>\r\n"
	    "MIME-Version: 1.0\r\n"
	    "User-Agent: Postroom/" POSTROOM_VERSION "\r\n"
	    "X-Auto-Response-Suppress: OOF, AutoReply\r\n"
	    "Content-Type: multipart/mixed;\r\n"
	    " boundary=\"=_postroom_6ba7b810_9dad_11d1_80b4_00c04fd430c8\"\r\n"
	    "\r\n"
	    "--=_postroom_6ba7b810_9dad_11d1_80b4_00c04fd430c8\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n"
	    "\r\n"
	    "Attached: Offer.pdf (3 pages)\r\n"
	    "--=_postroom_6ba7b810_9dad_11d1_80b4_00c04fd430c8\r\n"
	    "Content-Type: application/pdf;\r\n"
	    " name=\"Offer.pdf\"\r\n"
	    "Content-Disposition: attachment;\r\n"
	    " filename=\"Offer.pdf\"\r\n"
	    "Content-Transfer-Encoding: base64\r\n"
	    "\r\n"
	    "JVBERi0xLjQgc3RhbmRzIGZvciBpdHNlbGY=\r\n"
	    "--=_postroom_6ba7b810_9dad_11d1_80b4_00c04fd430c8--\r\n");
	/* who gets a blind copy stands in the envelope alone */
	assert_null(strstr(buf_text(&s->bytes), "blind"));
}

/* So that a second attempt can be told from a second mail. */
static void
writes_the_same_again(void **state)
{
	struct setup *s = *state;
	char *first = strdup(compose(s));

	assert_string_equal(compose(s), first);
	memcpy(s->identity.name, "7", 1);
	assert_string_not_equal(compose(s), first);
	free(first);
}

static void
writes_what_the_route_says(void **state)
{
	struct setup *s = *state;
	const char *message;

	s->route.subject = strdup("Grüße");
	s->route.body = strdup("Line one\n.\nLine three");
	add_mailbox(&s->route.cc, "Ann <ann@example.com>");
	add_mailbox(&s->route.reply_to, "bob@example.com");
	message = compose(s);
	check_has(message, "\r\nSubject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n");
	check_has(message, "\r\nCc: Ann <ann@example.com>\r\n");
	check_has(message, "\r\nReply-To: bob@example.com\r\n");
	check_has(message, "\r\n\r\nLine one\r\n=2E\r\nLine three\r\n--=_");
	assert_null(strstr(message, "Attached:"));
}

static void
lists_what_is_attached(void **state)
{
	struct setup *s = *state;
	const char *message;

	s->documents.item[0].pages = 1;
	add_document(s, "photo.jpg", 0);
	message = compose(s);
	check_has(message,
	    "\r\n\r\nAttached: Offer.pdf (1 page)\r\nAttached: photo.jpg\r\n--=_");
	check_has(message, " filename=\"photo.jpg\"\r\n");
}

/* -- scans ------------------------------------------------------------------- */

/* Makes the first document a scan. */
static void
make_scan(struct setup *s, const char *remark)
{
	struct document *d = &s->documents.item[0];

	d->scanned = true;
	d->whole = d->pages;
	free(d->remark);
	d->remark = remark ? strdup(remark) : NULL;
}

/* The text of the message, as a reader sees it. */
static void
check_text(struct setup *s, const char *text)
{
	const char *start = strstr(compose(s), "quoted-printable\r\n\r\n"), *end;
	struct buf got;

	assert_non_null(start);
	start += strlen("quoted-printable\r\n\r\n");
	end = strstr(start, "\r\n--=_");
	assert_non_null(end);
	buf_init(&got, BYTES_MAX);
	for (const char *c = start; c < end; c++)
		if (*c != '\r')
			buf_putc(&got, *c);
	assert_string_equal(buf_text(&got), text);
	buf_clear(&got);
}

static void
scans_are_listed_below_own_words(void **state)
{
	struct setup *s = *state;

	make_scan(s, NULL);
	check_text(s, "Attached: Offer.pdf (3 pages)");
	s->route.body = strdup("Line one");
	check_text(s, "Line one\n\nAttached: Offer.pdf (3 pages)");
	add_document(s, "photo.jpg", 0);
	check_text(s, "Line one\n\nAttached: Offer.pdf (3 pages)\nAttached: photo.jpg");
	s->documents.item[0].scanned = false; /* printed */
	check_text(s, "Line one");
}

static void
remarks_are_sentences(void **state)
{
	static const struct {
		const char *remark, *sentence;
	} cases[] = {
		{ "paper jam after page 3: 3 pages attached",
		    "Paper jam after page 3: 3 pages attached." },
		{ "3 fronts and 2 backs", "3 fronts and 2 backs." },
		{ "What?", "What?" },
		{ "\xc3\xb6l!", "=C3=B6l!" },
		{ "x", "X." },
	};
	struct setup *s = *state;
	char text[200];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make_scan(s, cases[i].remark);
		snprintf(text, sizeof(text), "%s\n\nAttached: Offer.pdf (3 pages)",
		    cases[i].sentence);
		check_text(s, text);
	}
	/* the subject is as it was */
	check_has(compose(s), "\r\nSubject: Offer.pdf\r\n");
	s->route.body = strdup("Line one");
	check_text(s, "Line one\n\nX.\n\nAttached: Offer.pdf (3 pages)");
	add_document(s, "photo.jpg", 0); /* whose remark it is */
	check_text(s,
	    "Line one\n\nOffer.pdf: x.\n\nAttached: Offer.pdf (3 pages)\n"
	    "Attached: photo.jpg");
}

static void
pieces_of_scans_keep_count_and_remark(void **state)
{
	struct setup *s = *state;

	make_scan(s, "paper jam after page 13: 13 pages attached");
	s->documents.item[0].whole = 13;
	s->part = 2;
	s->parts = 5;
	check_text(s,
	    "Part 2 of 5.\nPaper jam after page 13: 13 pages attached.\n\n"
	    "Attached: Offer.pdf (3 of 13 pages)");
	s->route.body = strdup("Line one");
	check_text(s,
	    "Line one\n\nPart 2 of 5.\n\n"
	    "Paper jam after page 13: 13 pages attached.\n\n"
	    "Attached: Offer.pdf (3 of 13 pages)");
	s->documents.item[0].incomplete = true;
	check_has(compose(s), "\r\nSubject: Offer.pdf (incomplete) (2 of 5)\r\n");
}

/* Two pieces of a scan share its remark; another scan has its own. */
static void
remarks_are_said_once(void **state)
{
	struct setup *s = *state;
	struct document *d = s->documents.item;

	make_scan(s, "one side may be missing");
	d[0].whole = 7;
	add_document(s, "Offer 2.pdf", 4);
	d[1].scanned = true;
	d[1].whole = 7;
	d[1].remark = d[0].remark;
	check_text(s,
	    "One side may be missing.\n\nAttached: Offer.pdf (3 of 7 pages)\n"
	    "Attached: Offer 2.pdf (4 of 7 pages)");
	add_document(s, "Other.pdf", 1);
	d[2].scanned = true;
	d[2].whole = 1;
	d[2].remark = strdup("one side may be missing");
	check_text(s,
	    "Offer.pdf: one side may be missing.\nOther.pdf: one side may be missing.\n"
	    "\nAttached: Offer.pdf (3 of 7 pages)\n"
	    "Attached: Offer 2.pdf (4 of 7 pages)\nAttached: Other.pdf (1 page)");
	d[1].remark = NULL; /* not its own */
}

/* Own words that leave no room stay whole. */
static void
list_gives_way_to_own_words(void **state)
{
	struct setup *s = *state;

	make_scan(s, "x");
	s->route.body = calloc(1, MESSAGE_BODY_MAX + 1);
	assert_non_null(s->route.body);
	memset(s->route.body, 'x', MESSAGE_BODY_MAX);
	check_has(compose(s), "xxxxxxxx\r\n--=_");
	assert_null(strstr(buf_text(&s->bytes), "Attached:"));
}

/* ---------------------------------------------------------------------------- */

static void
hides_recipients_of_blind_copies(void **state)
{
	struct setup *s = *state;

	mailbox_list_clear(&s->route.to);
	check_has(compose(s), "\r\nTo: undisclosed-recipients:;\r\n");
}

/* The domain stands behind the last '@'. */
static void
finds_the_domain(void **state)
{
	struct setup *s = *state;

	mailbox_clear(&s->account.from);
	assert_int_equal(
	    mailbox_parse(&s->account.from, "\"a@b\"@example.net", &s->error), STATUS_OK);
	check_has(compose(s),
	    "\r\nMessage-ID: "
	    "<6ba7b810-9dad-11d1-80b4-00c04fd430c8@example.net>\r\n");
}

/* What cupsd does not name gets a name from number and time. */
static void
identifies_jobs_without_uuid(void **state)
{
	struct setup *s = *state;
	const char *message;

	s->identity =
	    (struct job_identity){ .name = "4294967295-253402300799", .created = 1 };
	message = compose(s);
	check_has(message, "\r\nMessage-ID: <4294967295-253402300799@example.com>\r\n");
	check_has(message, " boundary=\"=_postroom_4294967295_253402300799\"\r\n");
	check_has(message, "Date: Thu, 1 Jan 1970 00:00:01 +0000\r\n");
}

/* One of several: told in subject, text, Message-ID and boundary. */
static void
tells_parts_apart(void **state)
{
	struct setup *s = *state;
	char id[COMPOSE_ID_MAX];
	struct letter letter;
	const char *message;

	s->part = 2;
	s->parts = 13;
	letter = letter_of(s);
	compose_id(id, &letter);
	assert_string_equal(id, "6ba7b810-9dad-11d1-80b4-00c04fd430c8.2@example.com");
	message = compose(s);
	check_has(message, "\r\nSubject: Offer.pdf (2 of 13)\r\n");
	check_has(message,
	    "\r\nMessage-ID: <6ba7b810-9dad-11d1-80b4-00c04fd430c8.2@example.com>\r\n");
	check_has(
	    message, " boundary=\"=_postroom_6ba7b810_9dad_11d1_80b4_00c04fd430c8_2\"");
	check_has(
	    message, "\r\n\r\nPart 2 of 13.\r\nAttached: Offer.pdf (3 pages)\r\n--=_");
}

static void
part_stands_below_own_words(void **state)
{
	struct setup *s = *state;
	const char *message;

	s->part = 1;
	s->parts = 2;
	s->route.body = strdup("Line one");
	message = compose(s);
	check_has(message, "\r\n\r\nLine one\r\n\r\nPart 1 of 2.\r\n--=_");
	assert_null(strstr(message, "Attached:"));
	/* a text that leaves no room stays whole */
	free(s->route.body);
	s->route.body = calloc(1, MESSAGE_BODY_MAX + 1);
	assert_non_null(s->route.body);
	memset(s->route.body, 'x', MESSAGE_BODY_MAX);
	message = compose(s);
	check_has(message, "xxxxxxxxxxxxxxxx");
	assert_null(strstr(message, "Part 1"));
}

/* The number is what stays of a subject that is too long. */
static void
number_fits_behind_the_subject(void **state)
{
	struct setup *s = *state;

	s->route.subject = calloc(1, ROUTE_SUBJECT_MAX + 1);
	assert_non_null(s->route.subject);
	memset(s->route.subject, 's', ROUTE_SUBJECT_MAX);
	s->part = s->parts = 99;
	s->documents.item[0].incomplete = true;
	check_has(compose(s), "s\r\n (incomplete) (99 of 99)\r\n");
}

static void
title_stands_for_the_subject(void **state)
{
	struct setup *s = *state;

	s->title = "Report.pdf";
	check_has(compose(s), "\r\nSubject: Report.pdf\r\n");
	s->route.subject = strdup("Given");
	check_has(compose(s), "\r\nSubject: Given\r\n");
}

static void
size_is_exact(void **state)
{
	struct setup *s = *state;
	struct letter letter = letter_of(s);
	uint64_t size = 7;

	compose(s);
	assert_int_equal(compose_size(&size, &letter, &s->error), STATUS_OK);
	assert_int_equal(size, s->bytes.len);
	s->documents.item[0].size = -1;
	assert_int_equal(compose_size(&size, &letter, &s->error), STATUS_REFUSED);
	assert_int_equal(size, s->bytes.len);
}

/* A limit of the message itself can be passed by no attempt either. */
static void
refuses_what_passes_a_limit(void **state)
{
	struct setup *s = *state;
	struct message_stream *m = NULL;

	s->route.body = malloc(MESSAGE_BODY_MAX + 2);
	assert_non_null(s->route.body);
	memset(s->route.body, 'x', MESSAGE_BODY_MAX + 1);
	s->route.body[MESSAGE_BODY_MAX + 1] = '\0';
	assert_int_equal(open_message(s, &m), STATUS_REFUSED);
	assert_null(m);
	assert_non_null(strstr(s->error.text, "its text is longer"));
}

static void
writes_a_hundred_attachments(void **state)
{
	struct setup *s = *state;
	char name[120];

	memset(name, 'n', sizeof(name) - 1);
	memcpy(name + sizeof(name) - 5, ".pdf", 5);
	while (s->documents.count < MESSAGE_ATTACHMENTS_MAX)
		add_document(s, name, 4294967295U);
	check_has(compose(s), " (4294967295 pages)\r\n--=_");
}

/* A service without an envelope sends to whom the header names: all who are meant, and
 * nobody else. */
static void
names_those_who_are_left(void **state)
{
	struct setup *s = *state;
	struct mailbox_list only = { 0 };
	struct letter letter = letter_of(s);
	struct message_stream *m;
	char head[2000] = "";

	add_mailbox(&s->route.to, "carol@example.com");
	add_mailbox(&only, "blind@example.com, Bob <bob@example.com>");
	letter.only = &only;
	assert_int_equal(compose_open(&m, &letter, &s->error), STATUS_OK);
	assert_true(message_read(m, head, sizeof(head) - 1) > 0);
	message_close(m);
	check_has(head, "\r\nTo: Bob <bob@example.com>\r\n");
	check_has(head, "\r\nBcc: blind@example.com\r\n");
	assert_null(strstr(head, "carol"));
	assert_null(strstr(compose(s), "Bcc"));
	mailbox_list_clear(&only);
}

/* The text and nothing else, and the same header. */
static void
opens_without_attachments(void **state)
{
	struct setup *s = *state;
	struct letter letter = letter_of(s);
	struct message_stream *m, *bare;
	char head[4000] = "";
	size_t count;

	assert_int_equal(compose_open(&m, &letter, &s->error), STATUS_OK);
	assert_int_equal(compose_open_bare(&bare, &letter, &s->error), STATUS_OK);
	assert_true(message_read(bare, head, sizeof(head) - 1) > 0);
	assert_null(strstr(head, "application/pdf"));
	check_has(head, "Attached: Offer.pdf");
	assert_string_equal(message_id(m), message_id(bare));
	assert_non_null(message_attachments(m, &count));
	assert_int_equal(count, s->documents.count);
	message_attachments(bare, &count);
	assert_int_equal(count, 0);
	message_close(bare);
	message_close(m);
}

#define WITH_JOB(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_JOB(writes_a_message),
		WITH_JOB(writes_the_same_again),
		WITH_JOB(writes_what_the_route_says),
		WITH_JOB(lists_what_is_attached),
		WITH_JOB(scans_are_listed_below_own_words),
		WITH_JOB(remarks_are_sentences),
		WITH_JOB(pieces_of_scans_keep_count_and_remark),
		WITH_JOB(remarks_are_said_once),
		WITH_JOB(list_gives_way_to_own_words),
		WITH_JOB(hides_recipients_of_blind_copies),
		WITH_JOB(finds_the_domain),
		WITH_JOB(identifies_jobs_without_uuid),
		WITH_JOB(tells_parts_apart),
		WITH_JOB(part_stands_below_own_words),
		WITH_JOB(number_fits_behind_the_subject),
		WITH_JOB(title_stands_for_the_subject),
		WITH_JOB(size_is_exact),
		WITH_JOB(refuses_what_passes_a_limit),
		WITH_JOB(names_those_who_are_left),
		WITH_JOB(opens_without_attachments),
		WITH_JOB(writes_a_hundred_attachments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
