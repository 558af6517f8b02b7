/* Tests of the values in lib/account/value.c that are about scanning. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/account/config.h"
#include "lib/account/value.h"

static void
papers_are_read(void **state)
{
	static const struct {
		const char *text;
		double width, height;
	} cases[] = {
		{ "a3", 297, 420 },
		{ "a4", 210, 297 },
		{ "A5", 148, 210 },
		{ "b5", 176, 250 },
		{ "letter", 215.9, 279.4 },
		{ "Legal", 215.9, 355.6 },
		{ "max", 0, 0 },
		{ "210x297", 210, 297 },
		{ "89.5X127.25", 89.5, 127.25 },
		{ "10x2000mm", 10, 2000 },
		{ "0210.0x297MM", 210, 297 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct paper paper = { -1, -1 };

		assert_int_equal(
		    value_paper(&paper, "paper", cases[i].text, NULL), STATUS_OK);
		assert_float_equal(paper.width, cases[i].width, 1e-3);
		assert_float_equal(paper.height, cases[i].height, 1e-3);
	}
}

static void
bad_papers_are_refused(void **state)
{
	static const char *const texts[] = { "", "a", "a44", "x", "210", "210x", "x297",
		"9.9x297", "210x9", "2000.1x297", "210x2001", "210 x 297", "210,5x297",
		"-210x297", "210x297cm", "210x297x1", "1e2x200", ".5x200",
		"99999999999999999999999999x200", "inf x inf", "0x10x200", "210x297 mm" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct paper paper = { 1, 2 };
		struct error e = { "" };

		if (value_paper(&paper, "paper", texts[i], &e) != STATUS_INVALID)
			fail_msg("'%s' is taken", texts[i]);
		assert_non_null(strstr(e.text, "WIDTHxHEIGHT in millimetres"));
		assert_true(paper.width == 1 && paper.height == 2);
	}
}

static void
options_lose_their_prefix(void **state)
{
	struct pairs option = { 0 };

	(void)state;
	assert_int_equal(
	    value_option(&option, "option.swdeskew", "yes", NULL), STATUS_OK);
	assert_int_equal(value_option(&option, "option.a.b c", "", NULL), STATUS_OK);
	assert_int_equal(option.count, 2);
	assert_string_equal(option.item[0].name, "swdeskew");
	assert_string_equal(option.item[0].value, "yes");
	assert_string_equal(option.item[1].name, "a.b c");
	assert_string_equal(option.item[1].value, "");
	pairs_clear(&option);
}

static void
buttons_have_two_names(void **state)
{
	static const struct {
		const char *text, *device, *option;
	} cases[] = {
		{ "test:0 scan", "test:0", "scan" },
		{ "test:0   scan", "test:0", "scan" },
		{ "airscan:e0:Office MFP scan", "airscan:e0:Office MFP", "scan" },
		{ "plustek:libusb:001:002 \"button 0\"", "plustek:libusb:001:002",
		    "button 0" },
		{ "\"airscan:e0:Office MFP\" scan", "airscan:e0:Office MFP", "scan" },
		{ "\"airscan:e0:Office MFP\" \"button 0\"", "airscan:e0:Office MFP",
		    "button 0" },
		{ "Office MFP \"button 0\"", "Office MFP", "button 0" },
		{ "\"escl:http://[::1]:80\" scan", "escl:http://[::1]:80", "scan" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *device = NULL, *option = NULL;

		assert_int_equal(
		    value_button(&device, &option, cases[i].text, NULL), STATUS_OK);
		assert_string_equal(device, cases[i].device);
		assert_string_equal(option, cases[i].option);
		free(device);
		free(option);
	}
}

static void
bad_buttons_are_refused(void **state)
{
	static const char *const texts[] = { "", " ", "scan", " scan", "\"\"", "\"a b\"",
		"\"\" scan", "test:0 \"\"", "test:0\"scan\"", "\"test:0\"scan",
		"\"test:0 scan", "test:0\" scan", "test:0 sc\"an", "\"a\" \"b\" scan",
		"\"a\" b scan", "test:0 scan\"" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char untouched, *device = &untouched, *option = &untouched;
		struct error e = { "" };

		if (value_button(&device, &option, texts[i], &e) != STATUS_INVALID)
			fail_msg("'%s' is taken", texts[i]);
		assert_non_null(strstr(e.text, "[button DEVICE OPTION]"));
		assert_null(device);
		assert_null(option);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(papers_are_read),
		cmocka_unit_test(bad_papers_are_refused),
		cmocka_unit_test(options_lose_their_prefix),
		cmocka_unit_test(buttons_have_two_names),
		cmocka_unit_test(bad_buttons_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
