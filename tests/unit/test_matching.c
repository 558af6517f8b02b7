/*
 * Tests of scan2mail/matching.c, on the words of real drivers. The source is included, so
 * that the test sees the rows of its table.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scan2mail/matching.c" /* NOLINT: for its table */

enum {
	WORDS_MAX = 10,
};

/* A driver's list, and the place of the word for each meaning; -1: none. */
struct offer {
	const char *driver;
	const char *words[WORDS_MAX];
	int expected[3];
};

static void
assert_offers(const struct offer *offers, size_t count, enum meaning first)
{
	for (size_t i = 0; i < count; i++)
		for (int k = 0; k < 3; k++) {
			const char *found = matching_find(
			    offers[i].words, (enum meaning)((int)first + k));
			const char *wanted = offers[i].expected[k] < 0
			    ? NULL
			    : offers[i].words[offers[i].expected[k]];

			if (found != wanted)
				fail_msg("%s: \"%s\" instead of \"%s\"", offers[i].driver,
				    found ? found : "none", wanted ? wanted : "none");
		}
}

static void
sources_are_understood(void **state)
{
	/* flatbed, feeder, duplex */
	static const struct offer offers[] = {
		{ "test", { "Flatbed", "Automatic Document Feeder" }, { 0, 1, -1 } },
		{ "airscan", { "Flatbed", "ADF", "ADF Duplex" }, { 0, 1, 2 } },
		{ "fujitsu",
		    { "Flatbed", "ADF Front", "ADF Back", "ADF Duplex", "Card Front",
			"Card Back", "Card Duplex" },
		    { 0, 1, 3 } },
		{ "epjitsu", { "ADF Back", "ADF Front", "ADF Duplex" }, { -1, 1, 2 } },
		{ "epson2",
		    { "Flatbed", "Automatic Document Feeder", "Transparency Unit" },
		    { 0, 1, -1 } },
		{ "hp", { "Normal", "ADF", "XPA" }, { 0, 1, -1 } },
		{ "snapscan", { "Flatbed", "Document Feeder" }, { 0, 1, -1 } },
		{ "brother4",
		    { "FlatBed", "Automatic Document Feeder(left aligned)",
			"Automatic Document Feeder(left aligned,Duplex)",
			"Automatic Document Feeder(centrally aligned)",
			"Automatic Document Feeder(centrally aligned,Duplex)" },
		    { 0, 1, 2 } },
		{ "hpaio", { "Flatbed", "ADF", "Duplex" }, { 0, 1, 2 } },
		{ "utsushi", { "Document Table", "ADF" }, { 0, 1, -1 } },
		{ "both sides first",
		    { "Feeder(Duplex)", "Feeder (both sides)", "ADF Duplex", "ADF Back",
			"Sheet Feeder" },
		    { -1, 4, 0 } },
		{ "kvs40xx", { "adf", "fb" }, { 1, 0, -1 } },
		{ "canon_dr",
		    { "Card Front", "Card Duplex", "ADF Back", "ADF Front",
			"ADF Duplex" },
		    { -1, 3, 4 } },
		{ "Samsung",
		    { "Flatbed", "ADF Simplex", "ADF Duplex - Long-Edge Binding" },
		    { 0, 1, 2 } },
		{ "plustek", { "Normal", "Transparency", "Negative" }, { 0, -1, -1 } },
		{ "xerox_mfp", { "Flatbed", "ADF", "Auto" }, { 0, 1, -1 } },
		{ "nothing", { NULL }, { -1, -1, -1 } },
		{ "adf-mode", { "Simplex", "Duplex" }, { -1, -1, 1 } },
	};

	(void)state;
	assert_offers(offers, sizeof(offers) / sizeof(offers[0]), MEANING_FLATBED);
}

static void
modes_are_understood(void **state)
{
	/* color, gray, bilevel */
	static const struct offer offers[] = {
		{ "test", { "Gray", "Color" }, { 1, 0, -1 } },
		{ "most", { "Lineart", "Gray", "Color" }, { 2, 1, 0 } },
		{ "fujitsu", { "Lineart", "Halftone", "Gray", "Color" }, { 3, 2, 0 } },
		{ "brother4",
		    { "Black & White", "Gray[Error Diffusion]", "True Gray",
			"24bit Color[Fast]" },
		    { 3, 2, 0 } },
		{ "utsushi", { "Monochrome", "Grayscale", "Color" }, { 2, 1, 0 } },
		{ "Samsung",
		    { "Black and White - Line Art", "Grayscale - 256 Levels",
			"Color - 16 Million Colors" },
		    { 2, 1, 0 } },
		{ "Lexmark", { "1-bit Black & White", "8-bit Grayscale", "24-bit Color" },
		    { 2, 1, 0 } },
		{ "epson", { "Binary", "Gray", "Color" }, { 2, 1, 0 } },
		{ "pixma",
		    { "48 bits color", "16 bits gray", "Color", "Gray", "Lineart" },
		    { 2, 3, 4 } },
		{ "kodak",
		    { "Color Lineart", "Color Halftone", "Lineart", "Halftone", "Gray",
			"Color" },
		    { 5, 4, 2 } },
		{ "deep ones first",
		    { "Color (48 bit)", "Gray (16 bit)", "Gray[Error Diffusion]",
			"Line Art", "Gray", "Color" },
		    { 5, 4, 3 } },
		{ "british", { "lineart", "GREY", "24bitColour" }, { 2, 1, 0 } },
		{ "dithered", { "Gray[Error Diffusion]", "Halftone" }, { -1, -1, -1 } },
	};

	(void)state;
	assert_offers(offers, sizeof(offers) / sizeof(offers[0]), MEANING_COLOR);
}

/* Marks the rows that the words of a file meet, whatever they stand for. */
static void
mark_rows(bool *met, const char *path)
{
	FILE *f = fopen(path, "r");
	char line[2048];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		for (char *s = line; *s;) {
			size_t len = *s == '"' ? strcspn(++s, "\"") : strcspn(s, " \n");
			char *end = s + len + (s[len] != '\0');

			s[len] = '\0';
			for (int m = 0; m < MEANING_NONE; m++)
				if (matching_rank(s, (enum meaning)m) >= 0)
					met[matching_rank(s, (enum meaning)m)] = true;
			s = end;
		}
	fclose(f);
}

static void
each_row_is_met_by_a_scanner(void **state)
{
	bool met[sizeof(rules) / sizeof(rules[0])] = { false };
	glob_t found;

	(void)state;
	assert_int_equal(glob("tests/golden/scanners/*.in", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		mark_rows(met, found.gl_pathv[i]);
	globfree(&found);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (!met[i])
			fail_msg("no scanner needs the row %zu, %s", i, rules[i].word);
}

static void
names_are_whole_words(void **state)
{
	(void)state;
	assert_int_equal(matching_rank("resolution-bind", OPTION_RESOLUTION), -1);
	assert_true(matching_rank("scanmode", OPTION_SIDES) >= 0);
	assert_true(matching_rank("resolution", OPTION_RESOLUTION) <
	    matching_rank("scan-resolution", OPTION_RESOLUTION));
	assert_int_equal(matching_rank("Normal mode", MEANING_FLATBED), -1);
}

static void
no_list_has_no_meaning(void **state)
{
	(void)state;
	assert_null(matching_find(NULL, MEANING_COLOR));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sources_are_understood),
		cmocka_unit_test(modes_are_understood),
		cmocka_unit_test(each_row_is_met_by_a_scanner),
		cmocka_unit_test(names_are_whole_words),
		cmocka_unit_test(no_list_has_no_meaning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
