/* Tests of scan2mail/wire.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scan2mail/wire.h"

static void
records_come_back(void **state)
{
	static const size_t lens[] = { 0, 1, 1000, WIRE_PAYLOAD_MAX };
	unsigned char *bytes = malloc(WIRE_HEAD_SIZE + WIRE_PAYLOAD_MAX);
	struct wire_record r;

	(void)state;
	assert_non_null(bytes);
	for (int kind = WIRE_DEVICE; kind < WIRE_KINDS; kind++)
		for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
			size_t whole = WIRE_HEAD_SIZE + lens[i];

			wire_put_head(bytes, (enum wire_kind)kind, lens[i]);
			memset(&r, 0xee, sizeof(r));
			assert_int_equal(wire_parse(&r, bytes, whole), WIRE_WHOLE);
			assert_int_equal(r.kind, kind);
			assert_int_equal(r.len, lens[i]);
			assert_ptr_equal(r.payload, bytes + WIRE_HEAD_SIZE);
			assert_int_equal(wire_parse(&r, bytes, whole + 99), WIRE_WHOLE);
			assert_int_equal(r.len, lens[i]);
			if (lens[i])
				assert_int_equal(
				    wire_parse(&r, bytes, whole - 1), WIRE_MORE);
		}
	for (size_t len = 0; len < WIRE_HEAD_SIZE; len++)
		assert_int_equal(wire_parse(&r, bytes, len), WIRE_MORE);
	free(bytes);
}

static void
nonsense_is_broken(void **state)
{
	static const struct {
		uint32_t kind, len;
	} heads[] = { { 0, 0 }, { WIRE_KINDS, 0 }, { UINT32_MAX, 0 },
		{ WIRE_ROWS, WIRE_PAYLOAD_MAX + 1 }, { WIRE_ROWS, UINT32_MAX } };
	struct wire_record r;

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		assert_int_equal(
		    wire_parse(&r, (const unsigned char *)&heads[i], sizeof(heads[i])),
		    WIRE_BROKEN);
}

static void
frames_come_back(void **state)
{
	const struct frame frame = { CHANNEL_BLUE, true, 16, 2480, 14880, 3508, 300.5,
		1200 };
	const struct frame strange = { CHANNEL_ALL, false, 1, 1, 1, 0, -3, 1e9 };
	const struct frame unknown = { CHANNEL_BLUE + 1, false, 1, 1, 1, 0, 1, 1 };
	unsigned char bytes[WIRE_FRAME_SIZE];
	struct wire_record r = { WIRE_PAGE, bytes, sizeof(bytes) };
	struct frame out = { 0 };

	(void)state;
	wire_put_frame(bytes, &frame);
	assert_true(wire_get_frame(&out, &r));
	assert_int_equal(out.channel, CHANNEL_BLUE);
	assert_true(out.color);
	assert_int_equal(out.depth, 16);
	assert_int_equal(out.width, 2480);
	assert_int_equal(out.bytes_per_line, 14880);
	assert_int_equal(out.lines, 3508);
	assert_true(out.x_dpi == 300.5);
	assert_true(out.y_dpi == 1200);
	/* A resolution that cannot be is 0, which the PDF refuses. */
	wire_put_frame(bytes, &strange);
	assert_true(wire_get_frame(&out, &r));
	assert_false(out.color);
	assert_true(out.x_dpi == 0 && out.y_dpi == 0);
	out.width = 77;
	wire_put_frame(bytes, &unknown);
	assert_false(wire_get_frame(&out, &r));
	for (r.len = 0; r.len < 2 * sizeof(bytes); r.len++)
		if (r.len != sizeof(bytes))
			assert_false(wire_get_frame(&out, &r));
	assert_int_equal(out.width, 77);
}

static void
lengths_come_back(void **state)
{
	unsigned char bytes[WIRE_LENGTH_SIZE];
	struct wire_record r = { WIRE_ROWS, bytes, sizeof(bytes) };
	size_t len = 7;

	(void)state;
	wire_put_length(bytes, 65536);
	assert_true(wire_get_length(&len, &r));
	assert_int_equal(len, 65536);
	len = 7;
	for (r.len = 0; r.len < 2 * sizeof(bytes); r.len++)
		if (r.len != sizeof(bytes))
			assert_false(wire_get_length(&len, &r));
	assert_int_equal(len, 7);
}

static void
texts_come_back(void **state)
{
	static const char bytes[] = "one\0\0three"; /* and its NUL */
	struct wire_record r = { WIRE_DEVICE, (const unsigned char *)bytes,
		sizeof(bytes) };
	const char *texts[5] = { NULL };

	(void)state;
	assert_true(wire_get_texts(texts, 3, &r));
	assert_string_equal(texts[0], "one");
	assert_string_equal(texts[1], "");
	assert_string_equal(texts[2], "three");
	texts[0] = NULL;
	assert_false(wire_get_texts(texts, 2, &r)); /* one is left over */
	assert_false(wire_get_texts(texts, 4, &r)); /* one is missing */
	assert_false(wire_get_texts(texts, 5, &r)); /* more than any record has */
	r.len--;
	assert_false(wire_get_texts(texts, 3, &r)); /* the last has no end */
	r.len = 0;
	assert_false(wire_get_texts(texts, 1, &r));
	assert_null(texts[0]);
}

static void
texts_are_counted(void **state)
{
	static const char bytes[] = "one\0\0three"; /* and its NUL */
	static const unsigned char many[WIRE_TEXTS_MAX + 1] = { 0 };
	struct wire_record r = { WIRE_SENSORS, (const unsigned char *)bytes,
		sizeof(bytes) };
	const char *texts[WIRE_TEXTS_MAX + 1];

	(void)state;
	assert_true(wire_get_texts(texts, 3, &r));
	assert_string_equal(texts[2], "three");
	assert_false(wire_get_texts(texts, 2, &r));
	r.len--; /* the last has no end */
	assert_false(wire_get_texts(texts, 3, &r));
	r.len = 0;
	assert_false(wire_get_texts(texts, 1, &r));
	r = (struct wire_record){ WIRE_SENSORS, many, WIRE_TEXTS_MAX };
	assert_true(wire_get_texts(texts, WIRE_TEXTS_MAX, &r));
	r.len++;
	assert_false(wire_get_texts(texts, WIRE_TEXTS_MAX + 1, &r));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_back),
		cmocka_unit_test(nonsense_is_broken),
		cmocka_unit_test(frames_come_back),
		cmocka_unit_test(lengths_come_back),
		cmocka_unit_test(texts_come_back),
		cmocka_unit_test(texts_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
