/* mediatype: what documents are, and that programs are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/mail/mediatype.h"

enum {
	PDF_LEAD_MAX = 1024,
};

#define BYTES(s) s, sizeof(s) - 1

static const struct {
	const char *bytes;
	size_t len;
	const char *type, *extension;
} documents[] = {
	{ BYTES("%PDF-1.4\n"), "application/pdf", "pdf" },
	{ BYTES("\033%-12345X@PJL\n%PDF-1.7\n"), "application/pdf", "pdf" },
	{ BYTES("\xff\xd8\xff\xe0\0\x10JFIF"), "image/jpeg", "jpg" },
	{ BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "image/png", "png" },
	{ BYTES("II*\0\x08\0\0\0"), "image/tiff", "tif" },
	{ BYTES("MM\0*\0\0\0\x08"), "image/tiff", "tif" },
	{ BYTES("GIF89a\1\0\1\0\0\0\0"), "image/gif", "gif" },
	{ BYTES("%!PS-Adobe-3.0\n"), "application/postscript", "ps" },
	{ BYTES("\004%!PS-Adobe-3.0\n"), "application/postscript", "ps" },
	{ BYTES("Dear Sir,\nthank you.\n"), "text/plain", "txt" },
	{ BYTES("Sehr geehrte Gr\xc3\xb6\xc3\x9f"
		"e\n"),
	    "text/plain", "txt" },
	{ BYTES("MZ-Report\nof the week\n"), "text/plain", "txt" },
	{ BYTES("see #!/bin/sh\n"), "text/plain", "txt" },
	{ BYTES("<!DOCTYPE html><html><body>a</body></html>"), "text/html", "html" },
	{ BYTES("<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
	    "image/svg+xml", "svg" },
	{ BYTES("{\\rtf1\\ansi hello}"), "text/rtf", "rtf" },
	{ BYTES("import os\n\ndef f(x):\n    print(x)\n"), "text/x-script.python",
	    "txt" },
	{ BYTES("\xde\xad\xbe\xef\0\1\2\3"), "application/octet-stream", "bin" },
	{ BYTES("\0"), "application/octet-stream", "bin" },
};

static void
documents_are_told_by_their_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		struct error e = { "" };
		struct mediatype m;

		assert_int_equal(
		    mediatype_detect(&m, documents[i].bytes, documents[i].len, &e),
		    STATUS_OK);
		assert_string_equal(m.type, documents[i].type);
		assert_string_equal(m.extension, documents[i].extension);
	}
}

/* Their types differ from release to release of libmagic. */
static void
other_texts_are_txt(void **state)
{
	static const char python[] = "import os\n\ndef f(x):\n    print(x)\n";
	struct mediatype m;

	(void)state;
	assert_int_equal(mediatype_detect(&m, BYTES(python), NULL), STATUS_OK);
	assert_memory_equal(m.type, "text/", 5);
	assert_string_equal(m.extension, "txt");
}

static const struct {
	const char *bytes;
	size_t len;
	const char *what;
} programs[] = {
	{ BYTES("\177ELF\2\1\1\0"), "a Linux program" },
	{ BYTES("\177ELF\2\1\1\0%PDF-1.4"), "a Linux program" },
	{ BYTES("MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff"), "a Windows program" },
	{ BYTES("MZP\0\2\0\0\0\4\0\x0f\0"), "a Windows program" },
	{ BYTES("MZ\0\0%PDF-1.4\n"), "a Windows program" },
	{ BYTES("#!/bin/sh\necho\n"), "a script" },
	{ BYTES("#!/bin/sh\n%PDF-1.4\n"), "a script" },
	{ BYTES("\xef\xbb\xbf#! /usr/bin/perl\n"), "a script" },
	{ BYTES("\xcf\xfa\xed\xfe\7\0\0\1\3\0\0\0\2\0\0\0\x10\0\0\0"),
	    "a macOS program" },
	{ BYTES("\xca\xfe\xba\xbe\0\0\0\x34\0\x10"), "a Java class" },
	{ BYTES("L\0\0\0\1\x14\2\0\0\0\0\0\xc0\0\0\0\0\0\0F"), "a Windows shortcut" },
	{ BYTES("@echo off\r\nset a=b\r\ncd \\\r\ndel *.*\r\n"), "a Windows batch file" },
	{ BYTES("[autorun]\r\nopen=x.exe\r\n"), "a Windows setup script" },
};

static void
programs_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		struct error e = { "" };
		struct mediatype m = { "untouched", "u" };

		if (mediatype_detect(&m, programs[i].bytes, programs[i].len, &e) !=
		    STATUS_REFUSED)
			fail_msg("%s was taken as %s", programs[i].what, m.type);
		assert_non_null(strstr(e.text, programs[i].what));
		assert_string_equal(m.type, "untouched");
		assert_string_equal(m.extension, "u");
	}
}

static void
nothing_is_refused(void **state)
{
	struct error e = { "" };
	struct mediatype m = { "untouched", "u" };

	(void)state;
	assert_int_equal(mediatype_detect(&m, "", 0, &e), STATUS_REFUSED);
	assert_non_null(strstr(e.text, "empty"));
	assert_string_equal(m.type, "untouched");
}

/* Office formats are archives whose first entries tell them apart. */
static void
archives_are_told_by_their_entries(void **state)
{
	/* made by Python's zipfile: one stored file and the directory */
	static const char plain[] =
	    "PK\3\4\24\0\0\0\0\0\0`v]\203\26\334\214\1\0\0\0\1\0\0\0\5\0\0\0a.txtx"
	    "PK\1\2\24\3\24\0\0\0\0\0\0`v]"
	    "\203\26\334\214\1\0\0\0\1\0\0\0\5\0\0\0\0\0\0\0\0\0\0\0\200\1\0\0\0\0a.txt"
	    "PK\5\6\0\0\0\0\1\0\1\0"
	    "3\0\0\0$\0\0\0\0\0";
	static const char text[] =
	    "PK\3\4\24\0\0\0\0\0\0`v]^\306"
	    "2\14'\0\0\0'\0\0\0\10\0\0\0mimetypeapplication/vnd.oasis.opendocument.text"
	    "PK\1\2\24\3\24\0\0\0\0\0\0`v]^\306"
	    "2\14'\0\0\0'\0\0\0\10\0\0\0\0\0\0\0\0\0\0\0\200\1\0\0\0\0mimetype"
	    "PK\5\6\0\0\0\0\1\0\1\0"
	    "6\0\0\0M\0\0\0\0\0";
	static const struct {
		const char *bytes;
		size_t len;
		const char *type, *extension;
	} rows[] = {
		{ plain, sizeof(plain) - 1, "application/zip", "zip" },
		{ text, sizeof(text) - 1, "application/vnd.oasis.opendocument.text",
		    "odt" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mediatype m;

		assert_int_equal(
		    mediatype_detect(&m, rows[i].bytes, rows[i].len, NULL), STATUS_OK);
		assert_string_equal(m.type, rows[i].type);
		assert_string_equal(m.extension, rows[i].extension);
	}
}

/* A signature that is cut short is none; no byte behind the sample is looked at. */
static void
short_samples_are_not_read_over(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		for (size_t len = 1; len < documents[i].len && len < 12; len++) {
			unsigned char *sample = malloc(len);
			struct mediatype m;

			memcpy(sample, documents[i].bytes, len);
			assert_int_equal(
			    mediatype_detect(&m, sample, len, NULL), STATUS_OK);
			assert_non_null(strchr(m.type, '/'));
			free(sample);
		}
	}
}

static void
a_pdf_starts_within_1024_bytes(void **state)
{
	char sample[2 * PDF_LEAD_MAX];
	struct mediatype m;

	(void)state;
	memset(sample, 'x', sizeof(sample));
	memcpy(sample + PDF_LEAD_MAX - 5, "%PDF-", 5);
	assert_int_equal(mediatype_detect(&m, sample, sizeof(sample), NULL), STATUS_OK);
	assert_string_equal(m.type, "application/pdf");
	memset(sample, 'x', sizeof(sample));
	/* libmagic looks a little further in some versions, but not this far */
	memcpy(sample + PDF_LEAD_MAX + 64, "%PDF-", 5);
	assert_int_equal(mediatype_detect(&m, sample, sizeof(sample), NULL), STATUS_OK);
	assert_string_equal(m.type, "text/plain");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_are_told_by_their_bytes),
		cmocka_unit_test(other_texts_are_txt),
		cmocka_unit_test(programs_are_refused),
		cmocka_unit_test(archives_are_told_by_their_entries),
		cmocka_unit_test(nothing_is_refused),
		cmocka_unit_test(short_samples_are_not_read_over),
		cmocka_unit_test(a_pdf_starts_within_1024_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
