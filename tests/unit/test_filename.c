/* filename: names from titles, and their ASCII forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/base/text.h"
#include "lib/mail/filename.h"

enum {
	ROUNDS = 20000,
	TEXT_MAX = 300,
	SEED = 2183,
};

#define X10  "xxxxxxxxxx"
#define X110 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10

static const struct {
	const char *text, *extension, *name;
} titles[] = {
	{ "Letter", "pdf", "Letter.pdf" },
	{ "", "pdf", "document.pdf" },
	{ " \t\r\n", "pdf", "document.pdf" },
	{ "...", "pdf", "document.pdf" },
	{ "/", "pdf", "document.pdf" },
	{ "///\\\\", "pdf", "document.pdf" },
	{ "Büro 価格", "pdf", "Büro 価格.pdf" },
	{ "Letter.odt", "pdf", "Letter.pdf" },
	{ "Letter.DOCX", "pdf", "Letter.pdf" },
	{ "Letter.pdf", "pdf", "Letter.pdf" },
	{ "photo.jpeg", "jpg", "photo.jpg" },
	{ "Letter .txt", "pdf", "Letter.pdf" },
	{ "Report v1.2", "pdf", "Report v1.2.pdf" },
	{ "setup.exe", "pdf", "setup.exe.pdf" },
	{ ".txt", "pdf", "txt.pdf" },
	{ ".bashrc", "pdf", "bashrc.pdf" },
	{ " . Letter . ", "pdf", "Letter.pdf" },
	{ "/home/bob/Letter.odt", "pdf", "Letter.pdf" },
	{ "../../etc/passwd", "pdf", "passwd.pdf" },
	{ "..\\..\\boot.ini", "pdf", "boot.ini.pdf" },
	{ "./a/", "pdf", "a.pdf" },
	{ "~/a", "pdf", "a.pdf" },
	{ "C:\\Users\\bob\\Letter.doc", "pdf", "Letter.pdf" },
	{ "c:/x/y.txt", "pdf", "y.pdf" },
	{ "\\\\hub\\share\\a b.xls", "pdf", "a b.pdf" },
	{ "https://example.com/a/b.html", "pdf", "b.pdf" },
	{ "https://example.com/", "pdf", "example.com.pdf" },
	{ "Invoice 12/2026", "pdf", "Invoice 12 2026.pdf" },
	{ "Re: AC/DC? \"yes\" <b|c>*", "pdf", "Re AC DC yes b c.pdf" },
	{ "see http://a.b/c", "pdf", "see http a.b c.pdf" },
	{ "a\r\nBcc: x@y.z", "pdf", "a Bcc x@y.z.pdf" },
	{ "a  \t b", "pdf", "a b.pdf" },
	{ "gpj\xe2\x80\xae.exe", "pdf", "gpj.exe.pdf" },
	{ "a\xff\xc3", "pdf", "a\xef\xbf\xbd\xef\xbf\xbd.pdf" },
	{ "CON", "pdf", "_CON.pdf" },
	{ "con.txt", "pdf", "_con.pdf" },
	{ "nul.tar.gz", "gz", "_nul.tar.gz" },
	{ "Lpt9 .x", "pdf", "_Lpt9 .x.pdf" },
	{ "com0", "pdf", "com0.pdf" },
	{ "Con Edison", "pdf", "Con Edison.pdf" },
	{ "console", "pdf", "console.pdf" },
	{ X110 "123456789", "pdf", X110 "123456.pdf" },
	{ X110 "12345ü", "pdf", X110 "12345.pdf" },
	{ X110 "12345 789", "pdf", X110 "12345.pdf" },
	{ "a", "1234567890123456789", "a.123456789012345" },
};

static void
titles_become_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
		char *name = filename_clean(titles[i].text, titles[i].extension);

		assert_non_null(name);
		assert_string_equal(name, titles[i].name);
		free(name);
	}
}

static void
names_have_an_ascii_form(void **state)
{
	static const struct {
		const char *name, *ascii;
	} rows[] = {
		{ "", "" },
		{ "Letter 1.pdf", "Letter 1.pdf" },
		{ "Äpfel Öl Übermaß äöü.pdf", "Aepfel Oel Uebermass aeoeue.pdf" },
		{ "café Ærø Łódź Šipka ĲŒœþ.pdf", "cafe Aeroe Lodz Sipka IjOeoeth.pdf" },
		/* As macOS writes them: letters with combining marks. */
		{ "u\xcc\x88"
		  "ber cafe\xcc\x81.pdf",
		    "ueber cafe.pdf" },
		{ "\xcc\x88x\xcc\x88", "x" },
		{ "価格 €\xf0\x9f\x98\x80.pdf", "__ __.pdf" },
		{ "«×÷¿", "_x__" },
		{ "a\"b\\c\r\n\x7f?\xff", "a_b_c_____" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *ascii = filename_ascii(rows[i].name);

		assert_non_null(ascii);
		assert_string_equal(ascii, rows[i].ascii);
		free(ascii);
	}
}

/* What every name keeps to, whatever the title. */
static void
check_laws(const char *name)
{
	size_t len = strlen(name);
	char *ascii = filename_ascii(name);

	assert_true(len > 4 && len <= FILENAME_MAX_BYTES);
	assert_string_equal(name + len - 4, ".pdf");
	assert_true(utf8_valid(name, len));
	assert_null(strpbrk(name, "\\/:*?\"<>|"));
	assert_null(strstr(name, "  "));
	assert_true(name[0] != '.' && name[0] != ' ');
	assert_true(name[len - 5] != '.' && name[len - 5] != ' ');
	for (size_t i = 0; i < len; i++)
		assert_true((unsigned char)name[i] >= 0x20 && name[i] != 0x7f);
	assert_true(text_is_ascii(ascii));
	assert_null(strpbrk(ascii, "\\\""));
	free(ascii);
}

static void
suffixes_stay_whole(void **state)
{
	static const struct {
		const char *name, *suffix, *wanted;
	} rows[] = {
		{ "Offer.pdf", "-2", "Offer-2.pdf" },
		{ "a.b.docx", "-12", "a.b-12.docx" },
		{ "bare", "-2", "bare-2.pdf" },
		{ "Offer.pdf", "-12345678901234567890123456789012345",
		    "Offer-123456789012345678901234567890.pdf" },
	};
	char *longest, *name;
	char text[TEXT_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		name = filename_with(rows[i].name, rows[i].suffix);
		assert_string_equal(name, rows[i].wanted);
		free(name);
	}
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	longest = filename_clean(text, "pdf");
	name = filename_with(longest, "-99");
	assert_non_null(strstr(name, "x-99.pdf"));
	check_laws(name);
	free(name);
	free(longest);
}

static void
random_titles_keep_the_laws(void **state)
{
	static const char letters[] = "a./\\: \xc3\xbc~CON.txt\"\r\n";

	(void)state;
	srand(SEED);
	for (int round = 0; round < ROUNDS; round++) {
		char text[TEXT_MAX + 1], *name;
		size_t len = (size_t)rand() % (round % 2 ? TEXT_MAX : 12);

		for (size_t i = 0; i < len; i++) {
			if (rand() % 3)
				text[i] = letters[(size_t)rand() % (sizeof(letters) - 1)];
			else
				text[i] = (char)(rand() % 255 + 1);
		}
		text[len] = '\0';
		name = filename_clean(text, "pdf");
		assert_non_null(name);
		check_laws(name);
		free(name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(titles_become_names),
		cmocka_unit_test(names_have_an_ascii_form),
		cmocka_unit_test(suffixes_stay_whole),
		cmocka_unit_test(random_titles_keep_the_laws),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
