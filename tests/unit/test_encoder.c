/* Tests of lib/doc/encoder.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/doc/encoder.h"
#include "lib/doc/g4.h"
#include "lib/doc/jpeg.h"

static void
formats_have_their_encoders(void **state)
{
	(void)state;
	assert_ptr_equal(encoder_for(PIXEL_RGB), &encoder_jpeg);
	assert_ptr_equal(encoder_for(PIXEL_GRAY), &encoder_jpeg);
	assert_ptr_equal(encoder_for(PIXEL_BILEVEL), &encoder_g4);
	assert_string_equal(encoder_jpeg.pdf_filter, "/DCTDecode");
	assert_string_equal(encoder_g4.pdf_filter, "/CCITTFaxDecode");
}

static void
rows_have_their_size(void **state)
{
	static const struct {
		enum pixel_format format;
		unsigned width;
		size_t size;
	} cases[] = {
		{ PIXEL_RGB, 1, 3 },
		{ PIXEL_RGB, 65000, 195000 },
		{ PIXEL_GRAY, 1, 1 },
		{ PIXEL_GRAY, 2480, 2480 },
		{ PIXEL_BILEVEL, 1, 1 },
		{ PIXEL_BILEVEL, 8, 1 },
		{ PIXEL_BILEVEL, 9, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct raster r = { .format = cases[i].format, .width = cases[i].width };

		assert_int_equal(raster_row_size(&r), cases[i].size);
	}
}

static void
sides_have_limits(void **state)
{
	static const struct {
		unsigned width, height;
		enum status status;
	} cases[] = {
		{ 1, 1, STATUS_OK },
		{ ENCODER_SIDE_MAX, ENCODER_SIDE_MAX, STATUS_OK },
		{ 0, 1, STATUS_INVALID },
		{ 1, 0, STATUS_INVALID },
		{ ENCODER_SIDE_MAX + 1, 1, STATUS_INVALID },
		{ 1, ENCODER_SIDE_MAX + 1, STATUS_INVALID },
		{ UINT32_MAX, 1, STATUS_INVALID },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct raster r = { .width = cases[i].width, .height = cases[i].height };
		struct error e = { "" };

		assert_int_equal(raster_check(&r, &e), cases[i].status);
		assert_int_equal(*e.text != '\0', cases[i].status != STATUS_OK);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_have_their_encoders),
		cmocka_unit_test(rows_have_their_size),
		cmocka_unit_test(sides_have_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
