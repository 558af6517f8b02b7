/* Tests of backend/documents.c: which documents a job has. How they are called is tested
 * in test_documents_name.c. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/documents.h"
#include "lib/base/buf.h"
#include "lib/base/file.h"
#include "lib/doc/pdfwriter.h"

enum {
	BYTES_MAX = 4 * 1024 * 1024,
};

static const char jpeg[] = "\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xd9";
static const char elf[] = "\177ELF\2\1\1";
static const char script[] = "#!/bin/sh\nrm -rf /\n";

/* -- material ---------------------------------------------------------------------- */

static enum status
write_buf(void *context, const void *bytes, size_t len, struct error *e)
{
	return buf_add(context, bytes, len) ? STATUS_OK
					    : error_set(e, STATUS_RETRY, "too large");
}

/* Appends a PDF of some pages, each a black dot. */
static void
add_pdf(struct buf *out, unsigned pages)
{
	const struct pdf_page page = { .raster = { PIXEL_GRAY, 1, 1, 0 }, 72, 72 };
	struct buf whole;
	const struct sink sink = { .write = write_buf, .context = &whole };
	struct error e;
	struct pdf *p;

	/* the offsets in a PDF count from its own start */
	buf_init(&whole, BYTES_MAX);
	assert_int_equal(pdf_new(&p, &sink, NULL, 1763818468, &e), STATUS_OK);
	while (pages--) {
		assert_int_equal(pdf_page_start(p, &page, &e), STATUS_OK);
		assert_int_equal(
		    pdf_page_row(p, (const unsigned char *)"", &e), STATUS_OK);
		assert_int_equal(pdf_page_end(p, &e), STATUS_OK);
	}
	assert_int_equal(pdf_finish(p, &e), STATUS_OK);
	pdf_free(p);
	assert_true(buf_add(out, whole.data, whole.len));
	buf_clear(&whole);
}

/* Overwrites the word that the table of a PDF's objects begins with. */
static void
damage(struct buf *pdf)
{
	char *table = memmem(pdf->data, pdf->len, "\nxref", 5);

	assert_non_null(table);
	memset(table, ' ', 5);
}

/* A nameless file that holds these bytes. */
static int
file_of(const void *bytes, size_t len)
{
	int fd = file_scratch("/tmp");

	assert_true(fd >= 0);
	assert_true(file_write(fd, bytes, len));
	return fd;
}

/* A job, where its documents are, and what became of them. */
struct setup {
	struct job job;
	struct spool spool;
	struct buf stream; /* what the filters delivered */
	struct documents documents;
	struct error error;
};

static int
set_up(void **state)
{
	struct setup *s = calloc(1, sizeof(*s));

	*state = s;
	if (!s)
		return -1;
	buf_init(&s->stream, BYTES_MAX);
	s->job = (struct job){ .id = strdup("1"),
		.title = strdup("Offer"),
		.final_type = strdup("application/pdf"),
		.tmpdir = strdup("/tmp") };
	return 0;
}

static int
tear_down(void **state)
{
	struct setup *s = *state;

	documents_clear(&s->documents);
	spool_close(&s->spool);
	buf_clear(&s->stream);
	job_clear(&s->job);
	free(s);
	return 0;
}

static void
set_text(char **field, const char *text)
{
	free(*field);
	*field = strdup(text);
	assert_non_null(*field);
}

/* Adds a file to the spool, as cupsd keeps it. */
static void
add_file(struct setup *s, const void *bytes, size_t len)
{
	s->spool.fd[s->spool.count++] = file_of(bytes, len);
}
#define ADD_FILE(s, bytes) add_file(s, bytes, sizeof(bytes) - 1)

/* Sorts the stream, or the spooled files. */
static enum status
sort(struct setup *s)
{
	struct intake in = { .job = &s->job,
		.spool = &s->spool,
		.input = -1,
		.scratch = file_of(s->stream.data, s->stream.len) };
	enum status status;

	documents_clear(&s->documents);
	status = documents_sort(&s->documents, &in, (off_t)s->stream.len, &s->error);
	close(in.scratch);
	if (status != STATUS_OK)
		assert_int_equal(s->documents.count, 0);
	return status;
}

/* -- taking in --------------------------------------------------------------------- */

static void
spools_the_stream(void **state)
{
	struct setup *s = *state;
	static char bytes[1000 * 1000], read_back[1000 * 1000];
	struct intake in = { .job = &s->job,
		.scratch = file_of("", 0),
		.stop = -1,
		.most = sizeof(bytes) };
	off_t size = -1;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7 >> 3);
	in.input = file_of(bytes, sizeof(bytes));
	assert_int_equal(lseek(in.input, 0, SEEK_SET), 0);
	assert_int_equal(documents_spool(&in, &size, &s->error), STATUS_OK);
	assert_int_equal(size, sizeof(bytes));
	assert_int_equal(
	    pread(in.scratch, read_back, sizeof(read_back), 0), sizeof(bytes));
	assert_memory_equal(read_back, bytes, sizeof(bytes));
	/* a filter that failed delivers nothing */
	assert_int_equal(documents_spool(&in, &size, &s->error), STATUS_OK);
	assert_int_equal(size, 0);
	/* no account could send a byte more */
	in.most--;
	assert_int_equal(lseek(in.input, 0, SEEK_SET), 0);
	assert_int_equal(documents_spool(&in, &size, &s->error), STATUS_REFUSED);
	assert_non_null(strstr(s->error.text, "max_message_size"));
	close(in.input);
	close(in.scratch);
}

static void
stops_while_filters_are_silent(void **state)
{
	struct setup *s = *state;
	struct intake in = { .job = &s->job, .scratch = file_of("", 0) };
	off_t size = 77;
	int input[2], stop[2];

	assert_int_equal(pipe(input), 0);
	assert_int_equal(pipe(stop), 0);
	assert_int_equal(write(stop[1], "x", 1), 1);
	in.input = input[0];
	in.stop = stop[0];
	assert_int_equal(documents_spool(&in, &size, &s->error), STATUS_CANCELLED);
	assert_int_equal(size, 77);
	for (int i = 0; i < 2; i++) {
		close(input[i]);
		close(stop[i]);
	}
	close(in.scratch);
}

static void
tells_when_spooling_fails(void **state)
{
	struct setup *s = *state;
	struct intake in = { .job = &s->job, .input = 9999, .scratch = -1, .stop = -1 };
	off_t size = 77;

	assert_int_equal(documents_spool(&in, &size, &s->error), STATUS_RETRY);
	assert_non_null(
	    strstr(s->error.text, "cannot read the document from the filters"));
	in.input = file_of("x", 1);
	assert_int_equal(lseek(in.input, 0, SEEK_SET), 0);
	in.scratch = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_int_equal(documents_spool(&in, &size, &s->error), STATUS_RETRY);
	assert_non_null(
	    strstr(s->error.text, "cannot keep the document in /tmp: No space left"));
	assert_int_equal(size, 77);
	close(in.input);
	close(in.scratch);
}

/* -- the filters' stream ------------------------------------------------------------ */

static void
takes_one_pdf(void **state)
{
	struct setup *s = *state;
	const struct document *d = s->documents.item;

	s->spool.count = 1;
	s->spool.fd[0] = -1;
	add_pdf(&s->stream, 3);
	assert_int_equal(sort(s), STATUS_OK);
	assert_int_equal(s->documents.count, 1);
	assert_int_equal(s->documents.pages, 3);
	assert_int_equal(d->pages, 3);
	assert_int_equal(d->start, 0);
	assert_int_equal(d->size, s->stream.len);
	assert_string_equal(d->type, "application/pdf");
	assert_string_equal(d->filename, "pdf"); /* until it gets its name */
}

static void
tells_pdfs_apart(void **state)
{
	struct setup *s = *state;
	size_t first, second;

	add_pdf(&s->stream, 1);
	first = s->stream.len;
	add_pdf(&s->stream, 2);
	second = s->stream.len;
	add_pdf(&s->stream, 3);
	assert_int_equal(sort(s), STATUS_OK);
	assert_int_equal(s->documents.count, 3);
	assert_int_equal(s->documents.pages, 6);
	assert_int_equal(s->documents.item[0].size, first);
	assert_int_equal(s->documents.item[1].start, first);
	assert_int_equal(s->documents.item[1].pages, 2);
	assert_int_equal(s->documents.item[2].start, second);
	assert_int_equal(s->documents.item[2].size, s->stream.len - second);
}

/* Banners are not mailed; pages tell which documents are left. */
static void
leaves_banners_out(void **state)
{
	static const struct {
		bool first, last;
		size_t count;
		unsigned pages;
	} rows[] = {
		{ false, false, 3, 14 }, /* 10 + 3 + 1 */
		{ true, false, 2, 4 },
		{ false, true, 2, 13 },
		{ true, true, 1, 3 },
	};
	struct setup *s = *state;

	add_pdf(&s->stream, 10);
	add_pdf(&s->stream, 3);
	add_pdf(&s->stream, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		s->spool = (struct spool){ .fd = { -1, -1, -1 },
			.count = 3,
			.banner_first = rows[i].first,
			.banner_last = rows[i].last };
		assert_int_equal(sort(s), STATUS_OK);
		assert_int_equal(s->documents.count, rows[i].count);
		assert_int_equal(s->documents.pages, rows[i].pages);
	}
}

static void
holds_banners_alone(void **state)
{
	struct setup *s = *state;

	add_pdf(&s->stream, 1);
	s->spool = (struct spool){ .fd = { -1 }, .count = 1, .banner_first = true };
	assert_int_equal(sort(s), STATUS_HOLD);
	assert_non_null(strstr(s->error.text, "a banner and no document"));
	add_pdf(&s->stream, 1);
	s->spool = (struct spool){
		.fd = { -1, -1 }, .count = 2, .banner_first = true, .banner_last = true
	};
	assert_int_equal(sort(s), STATUS_HOLD);
}

/* No document is dropped in silence. */
static void
holds_when_documents_are_missing(void **state)
{
	struct setup *s = *state;

	add_pdf(&s->stream, 1);
	add_pdf(&s->stream, 1);
	s->spool = (struct spool){ .fd = { -1, -1, -1 }, .count = 3 };
	assert_int_equal(sort(s), STATUS_HOLD);
	assert_non_null(
	    strstr(s->error.text, "the job has 3 documents and the filters delivered 2"));
	s->spool.count = 1;
	assert_int_equal(sort(s), STATUS_HOLD);
	s->spool.count = 2;
	assert_int_equal(sort(s), STATUS_OK);
}

static void
holds_damaged_pdfs(void **state)
{
	struct setup *s = *state;
	size_t first;

	add_pdf(&s->stream, 2);
	first = s->stream.len;
	s->stream.len -= 20; /* cut short: without its end */
	assert_int_equal(sort(s), STATUS_HOLD);
	assert_non_null(strstr(s->error.text, "document 1 is no whole PDF ("));
	s->stream.len = first;
	assert_int_equal(sort(s), STATUS_OK);
	/* the second one, and only that, is cut */
	add_pdf(&s->stream, 1);
	s->stream.len -= 20;
	assert_int_equal(sort(s), STATUS_HOLD);
	assert_non_null(strstr(s->error.text, "document 2 is no whole PDF ("));
	buf_reset(&s->stream);
	add_pdf(&s->stream, 1);
	damage(&s->stream);
	assert_int_equal(sort(s), STATUS_HOLD);
}

static void
holds_what_is_no_pdf(void **state)
{
	struct setup *s = *state;

	buf_puts(&s->stream, "ERROR: filter died\n");
	assert_int_equal(sort(s), STATUS_HOLD);
	assert_non_null(strstr(s->error.text, "the filters delivered no PDF ("));
	/* also what a mailbox would take as it is */
	buf_reset(&s->stream);
	buf_add(&s->stream, jpeg, sizeof(jpeg) - 1);
	assert_int_equal(sort(s), STATUS_HOLD);
}

static void
limits_documents(void **state)
{
	struct setup *s = *state;

	for (int i = 0; i < MESSAGE_ATTACHMENTS_MAX; i++)
		add_pdf(&s->stream, 1);
	assert_int_equal(sort(s), STATUS_OK);
	assert_int_equal(s->documents.count, MESSAGE_ATTACHMENTS_MAX);
	add_pdf(&s->stream, 1);
	assert_int_equal(sort(s), STATUS_REFUSED);
	assert_string_equal(s->error.text,
	    "the job has more than 100 documents; print them in several jobs");
}

/* -- raw jobs ---------------------------------------------------------------------- */

static void
attaches_raw_streams_as_they_are(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *type, *extension;
	} rows[] = {
		{ jpeg, sizeof(jpeg) - 1, "image/jpeg", "jpg" },
		{ "Dear Bob,\nall is well.\n", 23, "text/plain", "txt" },
		{ "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16, "image/png", "png" },
		{ "\1\2\3\4\5\6\7", 7, "application/octet-stream", "bin" },
	};
	struct setup *s = *state;

	set_text(&s->job.final_type, "application/octet-stream");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_reset(&s->stream);
		buf_add(&s->stream, rows[i].bytes, rows[i].len);
		assert_int_equal(sort(s), STATUS_OK);
		assert_int_equal(s->documents.count, 1);
		assert_int_equal(s->documents.pages, 0);
		assert_int_equal(s->documents.item[0].start, 0);
		assert_int_equal(s->documents.item[0].size, rows[i].len);
		assert_string_equal(s->documents.item[0].type, rows[i].type);
		assert_string_equal(s->documents.item[0].filename, rows[i].extension);
	}
}

static void
refuses_programs(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
		{ elf, sizeof(elf) - 1 },
		{ script, sizeof(script) - 1 },
		{ "MZ\x90\0\3\0\0\0", 8 },
	};
	struct setup *s = *state;

	set_text(&s->job.final_type, "application/octet-stream");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_reset(&s->stream);
		buf_add(&s->stream, rows[i].bytes, rows[i].len);
		assert_int_equal(sort(s), STATUS_REFUSED);
		assert_non_null(strstr(s->error.text, "Programs are not mailed"));
	}
}

/* Several raw documents arrive as one stream without seams: the spool has them. */
static void
takes_raw_documents_from_the_spool(void **state)
{
	struct setup *s = *state;
	struct buf pdf;

	buf_init(&pdf, BYTES_MAX);
	add_pdf(&pdf, 2);
	set_text(&s->job.final_type, "application/octet-stream");
	buf_puts(&s->stream, "what stands here is not looked at");
	add_file(s, pdf.data, pdf.len);
	ADD_FILE(s, jpeg);
	ADD_FILE(s, "some text\n");
	assert_int_equal(sort(s), STATUS_OK);
	assert_int_equal(s->documents.count, 3);
	assert_int_equal(s->documents.pages, 2);
	assert_int_equal(s->documents.item[1].fd, s->spool.fd[1]);
	assert_int_equal(s->documents.item[1].size, sizeof(jpeg) - 1);
	s->spool.banner_first = true;
	s->spool.banner_last = true;
	assert_int_equal(sort(s), STATUS_OK);
	assert_int_equal(s->documents.count, 1);
	assert_string_equal(s->documents.item[0].type, "image/jpeg");
	/* one bad document stops the job */
	s->spool.banner_first = s->spool.banner_last = false;
	ADD_FILE(s, "");
	assert_int_equal(sort(s), STATUS_REFUSED);
	assert_non_null(strstr(s->error.text, "empty"));
	buf_clear(&pdf);
}

/* argv[6]: no filter ran, so a viewer's patience is the measure. */
static void
takes_the_given_file(void **state)
{
	struct setup *s = *state;
	struct buf pdf;

	buf_init(&pdf, BYTES_MAX);
	add_pdf(&pdf, 2);
	set_text(&s->job.file, "/spool/d00001-001");
	add_file(s, pdf.data, pdf.len);
	assert_int_equal(sort(s), STATUS_OK);
	assert_int_equal(s->documents.pages, 2);
	spool_close(&s->spool);
	damage(&pdf); /* a reader repairs it */
	add_file(s, pdf.data, pdf.len);
	assert_int_equal(sort(s), STATUS_OK);
	assert_int_equal(s->documents.pages, 2);
	assert_int_equal(
	    s->documents.item[0].size, pdf.len); /* and it is sent as it is */
	spool_close(&s->spool);
	ADD_FILE(s, "%PDF-1.4\nnothing else");
	assert_int_equal(sort(s), STATUS_HOLD);
	spool_close(&s->spool);
	ADD_FILE(s, script);
	assert_int_equal(sort(s), STATUS_REFUSED);
	spool_close(&s->spool);
	ADD_FILE(s, "");
	assert_int_equal(sort(s), STATUS_REFUSED);
	buf_clear(&pdf);
}

#define WITH_JOB(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_JOB(spools_the_stream),
		WITH_JOB(stops_while_filters_are_silent),
		WITH_JOB(tells_when_spooling_fails),
		WITH_JOB(takes_one_pdf),
		WITH_JOB(tells_pdfs_apart),
		WITH_JOB(leaves_banners_out),
		WITH_JOB(holds_banners_alone),
		WITH_JOB(holds_when_documents_are_missing),
		WITH_JOB(holds_damaged_pdfs),
		WITH_JOB(holds_what_is_no_pdf),
		WITH_JOB(limits_documents),
		WITH_JOB(attaches_raw_streams_as_they_are),
		WITH_JOB(refuses_programs),
		WITH_JOB(takes_raw_documents_from_the_spool),
		WITH_JOB(takes_the_given_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
