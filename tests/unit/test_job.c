/* Tests of backend/job.c: what cupsd hands over, carried and not believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/job.h"

static const char *const variables[] = { "DEVICE_URI", "PRINTER", "FINAL_CONTENT_TYPE",
	"CUPS_FILETYPE", "SOFTWARE", "CUPS_SERVER", "CUPS_REQUESTROOT", "TMPDIR" };

static int
empty_environment(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		unsetenv(variables[i]);
	return 0;
}

/* A job from its arguments: job, user, title, options and, or not, file. */
static enum status
init(
    struct job *j, const char *id, const char *options, const char *file, struct error *e)
{
	char *argv[] = { strdup("mailto:"), strdup(id), strdup("bob"), strdup("Title"),
		strdup("3"), strdup(options), file ? strdup(file) : NULL, NULL };
	enum status status = job_init(j, file ? 7 : 6, argv, e);

	for (size_t i = 0; i < sizeof(argv) / sizeof(argv[0]); i++)
		free(argv[i]); /* a job has copies */
	return status;
}

static void
copies_arguments(void **state)
{
	struct job j = { 0 };
	struct error e;

	(void)state;
	assert_int_equal(init(&j, "42", "a=1 b", NULL, &e), STATUS_OK);
	assert_string_equal(j.id, "42");
	assert_string_equal(j.user, "bob");
	assert_string_equal(j.title, "Title");
	assert_string_equal(j.options, "a=1 b");
	assert_null(j.file);
	assert_string_equal(j.device_uri, "");
	assert_string_equal(j.tmpdir, "");
	job_clear(&j);
	assert_null(j.id);
	job_clear(&j);
	assert_int_equal(init(&j, "42", "", "/spool/d00042-001", &e), STATUS_OK);
	assert_string_equal(j.file, "/spool/d00042-001");
	job_clear(&j);
}

static void
copies_the_environment(void **state)
{
	struct job j = { 0 };
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		setenv(variables[i], variables[i], 1); /* each says its own name */
	assert_int_equal(init(&j, "1", "", NULL, &e), STATUS_OK);
	empty_environment(NULL);
	assert_string_equal(j.device_uri, "DEVICE_URI");
	assert_string_equal(j.printer, "PRINTER");
	assert_string_equal(j.final_type, "FINAL_CONTENT_TYPE");
	assert_string_equal(j.sheet, "CUPS_FILETYPE");
	assert_string_equal(j.software, "SOFTWARE");
	assert_string_equal(j.server, "CUPS_SERVER");
	assert_string_equal(j.request_root, "CUPS_REQUESTROOT");
	assert_string_equal(j.tmpdir, "TMPDIR");
	job_clear(&j);
}

static void
wants_a_number(void **state)
{
	static const char *const good[] = { "0", "1", "2147483647", "0000000001" };
	static const char *const bad[] = { "", "x", "-1", "+1", " 1", "1 ", "1x", "../1",
		"00000000001", "12345678901234567890", "\n" };
	struct job j = { 0 };
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(init(&j, good[i], "", NULL, &e), STATUS_OK);
		job_clear(&j);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(init(&j, bad[i], "", NULL, &e), STATUS_INVALID);
		assert_null(j.id);
	}
	assert_int_equal(init(&j, "x", "", NULL, &e), STATUS_INVALID);
	assert_string_equal(e.text, "\"x\" is no job number");
}

static void
knows_filtered_jobs(void **state)
{
	static const struct {
		const char *type, *file;
		bool filtered;
	} rows[] = {
		{ "application/pdf", NULL, true },
		{ "application/vnd.cups-pdf", NULL, true },
		{ "application/octet-stream", NULL, false },
		{ "application/vnd.cups-raw", NULL, false },
		{ "application/pdfx", NULL, false },
		{ "", NULL, false },
		{ "application/pdf", "/spool/d00001-001", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct job j = { 0 };
		struct error e;

		setenv("FINAL_CONTENT_TYPE", rows[i].type, 1);
		assert_int_equal(init(&j, "1", "", rows[i].file, &e), STATUS_OK);
		assert_int_equal(job_is_filtered(&j), rows[i].filtered);
		job_clear(&j);
	}
	empty_environment(NULL);
}

static struct job_identity
identify(const char *uuid, const char *created)
{
	struct pairs options = { 0 };
	struct job j = { .id = strdup("42") };
	struct job_identity id;

	if (uuid)
		assert_true(pairs_add(&options, "job-uuid", uuid));
	if (created)
		assert_true(pairs_add(&options, "time-at-creation", created));
	id = job_identity(&j, &options, 1000);
	pairs_clear(&options);
	job_clear(&j);
	return id;
}

static void
takes_what_cupsd_gave(void **state)
{
	struct job_identity id =
	    identify("urn:uuid:6ba7b810-9DAD-11d1-80b4-00c04fd430c8", "1763818468");

	(void)state;
	assert_string_equal(id.name, "42-6ba7b810-9DAD-11d1-80b4-00c04fd430c8");
	assert_int_equal(id.created, 1763818468);
}

/* What is no UUID could be anything, and would stand in a header. */
static void
makes_its_own_uuid(void **state)
{
	static const char *const bad[] = { NULL, "",
		"urn:uuid:", "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
		"urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c",
		"urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c88",
		"urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430cg",
		"urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd4\r\nX:",
		"urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8\r\nBcc: x",
		"URN:UUID:6ba7b810-9dad-11d1-80b4-00c04fd430c8" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct job_identity id = identify(bad[i], "77");

		assert_string_equal(id.name, "42-77");
	}
}

static void
doubts_times(void **state)
{
	static const char *const bad[] = { NULL, "", "x", "0", "-5", "5x", "5 6", "0x5",
		"253402300800", "9223372036854775807", "99999999999999999999" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(identify(NULL, bad[i]).created, 1000);
	assert_int_equal(identify(NULL, "1").created, 1);
	assert_int_equal(identify(NULL, "253402300799").created, 253402300799);
}

/* The option that cupsd itself adds stands last. */
static void
believes_the_last_option(void **state)
{
	struct pairs options = { 0 };
	struct job j = { .id = strdup("42") };

	(void)state;
	assert_true(pairs_add(&options, "time-at-creation", "5"));
	assert_true(pairs_add(&options, "time-at-creation", "6"));
	assert_int_equal(job_identity(&j, &options, 1000).created, 6);
	pairs_clear(&options);
	job_clear(&j);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_arguments),
		cmocka_unit_test(copies_the_environment),
		cmocka_unit_test(wants_a_number),
		cmocka_unit_test(knows_filtered_jobs),
		cmocka_unit_test(takes_what_cupsd_gave),
		cmocka_unit_test(makes_its_own_uuid),
		cmocka_unit_test(doubts_times),
		cmocka_unit_test(believes_the_last_option),
	};

	return cmocka_run_group_tests(tests, empty_environment, NULL);
}
