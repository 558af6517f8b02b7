/*
 * mediatype: what a document is (mediatype.h).
 *
 * A short table of signatures comes first: it knows what CUPS and scanners deliver, so
 * that the usual job does not pay for libmagic's database (some 10 MB of memory).
 */
#include "lib/mail/mediatype.h"

#include <magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
	PDF_LEAD_MAX = 1024, /* a PDF may start behind so many bytes (a PJL header) */
	DOS_HEADER = 64,
};

static const char UNKNOWN[] = "application/octet-stream";

struct row {
	const char *type;
	const char *extension; /* NULL: refused */
	const char *what;      /* then: what it is */
};

/* What libmagic's types become; office formats in their old and new forms. */
static const struct row types[] = {
	{ "application/pdf", "pdf", NULL },
	{ "application/postscript", "ps", NULL },
	{ "application/zip", "zip", NULL },
	{ "application/gzip", "gz", NULL },
	{ "application/x-7z-compressed", "7z", NULL },
	{ "application/x-tar", "tar", NULL },
	{ "application/json", "json", NULL },
	{ "application/msword", "doc", NULL },
	{ "application/vnd.ms-excel", "xls", NULL },
	{ "application/vnd.ms-powerpoint", "ppt", NULL },
	{ "application/vnd.ms-outlook", "msg", NULL },
	{ "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	    "docx", NULL },
	{ "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx",
	    NULL },
	{ "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	    "pptx", NULL },
	{ "application/vnd.oasis.opendocument.text", "odt", NULL },
	{ "application/vnd.oasis.opendocument.spreadsheet", "ods", NULL },
	{ "application/vnd.oasis.opendocument.presentation", "odp", NULL },
	{ "application/vnd.oasis.opendocument.graphics", "odg", NULL },
	{ "application/epub+zip", "epub", NULL },
	{ "image/jpeg", "jpg", NULL },
	{ "image/png", "png", NULL },
	{ "image/tiff", "tif", NULL },
	{ "image/gif", "gif", NULL },
	{ "image/bmp", "bmp", NULL },
	{ "image/webp", "webp", NULL },
	{ "image/heic", "heic", NULL },
	{ "image/svg+xml", "svg", NULL },
	{ "message/rfc822", "eml", NULL },
	{ "text/plain", "txt", NULL },
	{ "text/html", "html", NULL },
	{ "text/csv", "csv", NULL },
	{ "text/rtf", "rtf", NULL },
	{ "text/xml", "xml", NULL },
	{ "text/calendar", "ics", NULL },
	{ "text/vcard", "vcf", NULL },
	{ "application/vnd.microsoft.portable-executable", NULL, "a Windows program" },
	{ "application/x-dosexec", NULL, "a Windows program" },
	{ "application/x-dosdriver", NULL, "a Windows driver" },
	{ "application/x-lx-executable", NULL, "an OS/2 program" },
	{ "application/x-ms-ne-executable", NULL, "a Windows program" },
	{ "application/x-ms-w3-executable", NULL, "a Windows program" },
	{ "application/x-ms-w4-executable", NULL, "a Windows program" },
	{ "application/x-msi", NULL, "a Windows installer" },
	{ "application/x-ms-shortcut", NULL, "a Windows shortcut" },
	{ "application/x-setupscript", NULL, "a Windows setup script" },
	{ "application/x-executable", NULL, "a program" },
	{ "application/x-pie-executable", NULL, "a program" },
	{ "application/x-sharedlib", NULL, "a program library" },
	{ "application/x-object", NULL, "a program's object file" },
	{ "application/x-coredump", NULL, "a core dump" },
	{ "application/x-mach-binary", NULL, "a macOS program" },
	{ "application/x-java-applet", NULL, "a Java class" },
	{ "application/java-archive", NULL, "a Java program" },
	{ "application/x-bytecode.python", NULL, "a Python program" },
	{ "application/vnd.android.package-archive", NULL, "an Android program" },
	{ "application/wasm", NULL, "a WebAssembly program" },
	{ "application/hta", NULL, "an HTML application" },
	{ "application/javascript", NULL, "a JavaScript program" },
	{ "application/x-javascript", NULL, "a JavaScript program" },
	{ "text/javascript", NULL, "a JavaScript program" },
	{ "text/vbscript", NULL, "a VBScript program" },
	{ "text/x-msdos-batch", NULL, "a Windows batch file" },
	{ "text/x-powershell", NULL, "a PowerShell script" },
	{ "text/x-shellscript", NULL, "a shell script" },
};

/* First bytes that decide; programs stand before what they may pose as. */
static const struct signature {
	const char *bytes;
	size_t len;
	struct row row;
} signatures[] = {
	{ "\177ELF", 4, { "application/x-executable", NULL, "a Linux program" } },
	{ "#!", 2, { "text/x-shellscript", NULL, "a script" } },
	{ "\xef\xbb\xbf#!", 5, { "text/x-shellscript", NULL, "a script" } },
	{ "\xff\xd8\xff", 3, { "image/jpeg", "jpg", NULL } },
	{ "\x89PNG\r\n\x1a\n", 8, { "image/png", "png", NULL } },
	{ "II*\0", 4, { "image/tiff", "tif", NULL } },
	{ "MM\0*", 4, { "image/tiff", "tif", NULL } },
	{ "%!PS", 4, { "application/postscript", "ps", NULL } },
	{ "\004%!PS", 5, { "application/postscript", "ps", NULL } },
};

/* "MZ" and a zero byte in the header that follows: no text, which may start with MZ. */
static bool
is_dos_program(const char *sample, size_t len)
{
	return len > 2 && memcmp(sample, "MZ", 2) == 0 &&
	    memchr(sample, '\0', len < DOS_HEADER ? len : DOS_HEADER);
}

static bool
is_pdf(const char *sample, size_t len)
{
	return memmem(sample, len < PDF_LEAD_MAX ? len : PDF_LEAD_MAX, "%PDF-", 5) !=
	    NULL;
}

/* The row that the first bytes alone decide, or NULL. */
static const struct row *
find_signature(const char *sample, size_t len)
{
	static const struct row pdf = { "application/pdf", "pdf", NULL };
	static const struct row dos = { "application/x-dosexec", NULL,
		"a Windows program" };

	for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
		const struct signature *s = &signatures[i];

		if (len >= s->len && memcmp(sample, s->bytes, s->len) == 0)
			return &s->row;
	}
	if (is_dos_program(sample, len))
		return &dos;
	return is_pdf(sample, len) ? &pdf : NULL;
}

static const struct row *
find_type(const char *type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].type, type) == 0)
			return &types[i];
	return NULL;
}

/* Fills out from a row, or refuses. */
static enum status
take(struct mediatype *out, const struct row *row, struct error *e)
{
	if (!row->extension)
		return error_set(e, STATUS_REFUSED,
		    "The document is %s (%s). Programs are not mailed: send a document, "
		    "or hand it over in another way.",
		    row->what, row->type);
	snprintf(out->type, sizeof(out->type), "%s", row->type);
	snprintf(out->extension, sizeof(out->extension), "%s", row->extension);
	return STATUS_OK;
}

/* Whether libmagic's answer may stand in a header: two tokens (RFC 2045 5.1). */
static bool
is_type(const char *type)
{
	static const char token[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789.+-_";
	size_t first = strspn(type, token), second;

	if (first == 0 || type[first] != '/')
		return false;
	second = strspn(type + first + 1, token);
	return second > 0 && type[first + 1 + second] == '\0' &&
	    first + 1 + second < sizeof(((struct mediatype *)0)->type);
}

/* Fills out from libmagic's type; one that is in no table keeps its name. */
static enum status
classify(struct mediatype *out, const char *type, struct error *e)
{
	const struct row *known;
	struct row row = { .type = UNKNOWN, .extension = "bin" };

	if (type && is_type(type)) {
		row.type = type;
		if (strncmp(type, "text/", 5) == 0)
			row.extension = "txt";
	}
	known = find_type(row.type);
	return take(out, known ? known : &row, e);
}

/* libmagic's answer. Since 5.46 it looks for a plain archive's directory at the end of a
 * file, which a sample does not reach. */
static const char *
ask_libmagic(magic_t magic, const void *sample, size_t len)
{
	static const char archive[] = "PK\3\4";
	const char *type = magic_buffer(magic, sample, len);

	if (type && strcmp(type, UNKNOWN) == 0 && len >= sizeof(archive) - 1 &&
	    memcmp(sample, archive, sizeof(archive) - 1) == 0)
		return "application/zip";
	return type;
}

enum status
mediatype_detect(struct mediatype *out, const void *sample, size_t len, struct error *e)
{
	const struct row *row = find_signature(sample, len);
	enum status status;
	magic_t magic;

	if (len == 0)
		return error_set(e, STATUS_REFUSED,
		    "The document is empty: there is nothing to mail.");
	if (row)
		return take(out, row, e);
	/* What is compressed stays closed. */
	magic = magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS);
	if (!magic)
		return error_errno(e, "libmagic cannot be opened");
	if (magic_load(magic, NULL) != 0) {
		const char *reason = magic_error(magic);

		status = error_set(e, STATUS_SETTINGS,
		    "libmagic has no database of media types (%s): install the package "
		    "libmagic-mgc.",
		    reason ? reason : "no reason given");
	} else {
		status = classify(out, ask_libmagic(magic, sample, len), e);
	}
	magic_close(magic);
	return status;
}
