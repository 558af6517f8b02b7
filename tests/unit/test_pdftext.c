/* Tests of lib/doc/pdftext.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/doc/pdftext.h"

enum {
	OUT_MAX = 1000,
};

static void
texts_are_utf16(void **state)
{
	static const struct {
		const char *text, *entry;
	} cases[] = {
		{ "a>", "/Key <FEFF0061003E>\n" },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
		    "/Key <FEFF00E420ACD83DDE00>\n" },
		{ "", "/Key <FEFF>\n" },
	};
	struct buf b;

	(void)state;
	buf_init(&b, OUT_MAX);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_reset(&b);
		pdftext_put(&b, "Key", cases[i].text);
		assert_string_equal(buf_text(&b), cases[i].entry);
	}
	buf_clear(&b);
}

/* Cleaned, cut between two characters, and in the place of the one before. */
static void
texts_are_kept_clean(void **state)
{
	char *kept = NULL;
	struct error e;

	(void)state;
	assert_int_equal(pdftext_keep(&kept, "a\nb\xff", 9, &e), STATUS_OK);
	assert_string_equal(kept, "a b\xef\xbf\xbd");
	assert_int_equal(pdftext_keep(&kept, "a\xc3\xa4", 2, &e), STATUS_OK);
	assert_string_equal(kept, "a");
	free(kept);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_utf16),
		cmocka_unit_test(texts_are_kept_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
