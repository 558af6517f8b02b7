/* Tests of lib/login/tokens.c. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/seal.h"
#include "lib/login/tokens.h"

enum {
	SECOND = 1000, /* ms */
	HOUR = 3600,   /* s */
};

#define REFRESH "0.AXkA-refresh_~+/="
#define ACCESS  "eyJ0.access.x"

static const struct moment NOW = { .wall = 1800000000, .boot = 50000, .name = "boot-a" };
static const struct tokens NOTHING;

static struct tokens t, back;
static struct buf out;

static struct moment
at(int64_t seconds)
{
	return moment_after(&NOW, seconds * SECOND);
}

/* Tokens of which each member has a value. */
static int
make_tokens(void **state)
{
	(void)state;
	tokens_wipe(&t);
	t.identity = 0xc0ffee;
	t.login = 0xffffffff;
	strncpy(t.refresh, REFRESH, TOKEN_MAX);
	t.refreshed = at(-10);
	strncpy(t.access, ACCESS, TOKEN_MAX);
	t.born = NOW;
	t.ends = at(HOUR);
	t.failed.until = at(60);
	t.failed.verdict = OAUTH_LOCKED;
	t.failed.asker = 0xab;
	strncpy(t.failed.text, "AADSTS50053: the account is locked, gr\xc3\xbcn",
	    TOKENS_TEXT_MAX - 1);
	buf_init(&out, TOKENS_MAX);
	return 0;
}

static int
clear_buffer(void **state)
{
	(void)state;
	buf_clear(&out);
	return 0;
}

/* Reads a copy of the bytes. */
static bool
read_bytes(const char *bytes, size_t len)
{
	char *copy = malloc(len + 1);
	bool good;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	memset(&back, 'z', sizeof(back));
	good = tokens_read(&back, copy, len);
	free(copy);
	if (!good)
		assert_memory_equal(&back, &NOTHING, sizeof(back));
	return good;
}

static void
assert_comes_back(void)
{
	buf_reset(&out);
	assert_true(tokens_write(&out, &t));
	assert_true(read_bytes(out.data, out.len));
	assert_memory_equal(&back, &t, sizeof(t));
}

/* -- as text ----------------------------------------------------------------------- */

static void
lines_are_these(void **state)
{
	static const char *const lines[] = { "tokens 1 c0ffee ffffffff",
		"refresh 1799999990 40000 boot-a " REFRESH,
		"access 1800000000 50000 boot-a 1800003600 3650000 boot-a " ACCESS,
		"failed 1800000060 110000 boot-a 6 ab AADSTS50053: the account is locked, "
		"gr\xc3\xbcn" };
	const char *line;
	char *cursor;

	(void)state;
	assert_true(tokens_write(&out, &t));
	cursor = out.data;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(
		    seal_next(&cursor, out.data + out.len, &line), SEAL_LINE);
		assert_string_equal(line, lines[i]);
	}
	assert_ptr_equal(cursor, out.data + out.len);
}

static void
tokens_come_back(void **state)
{
	(void)state;
	assert_comes_back();
	memset(&t.failed, 0, sizeof(t.failed));
	assert_comes_back();
	memset(t.refresh, 0, sizeof(t.refresh));
	memset(&t.refreshed, 0, sizeof(t.refreshed));
	assert_comes_back();
	t.login = 0;
	assert_comes_back();
	tokens_wipe(&t);
	assert_comes_back();
}

static void
largest_ones_come_back(void **state)
{
	(void)state;
	memset(t.refresh, 'r', TOKEN_MAX);
	memset(t.access, 'a', TOKEN_MAX);
	memset(t.failed.text, 'f', TOKENS_TEXT_MAX - 1);
	memset(t.born.name, 'b', MOMENT_BOOT_MAX - 1);
	t.born.wall = INT64_MIN;
	t.born.boot = INT64_MAX;
	t.ends = t.born;
	assert_comes_back();
}

static void
full_buffer_is_told(void **state)
{
	(void)state;
	assert_true(tokens_write(&out, &t));
	for (size_t max = out.len - 1; max > 0; max /= 2) {
		struct buf small;

		buf_init(&small, max);
		assert_false(tokens_write(&small, &t));
		buf_clear(&small);
	}
}

/* A process without root hands them over: what it makes up must not become a line. */
static void
bad_tokens_are_not_written(void **state)
{
	static const char *const texts[] = { "a b", "a\nb", " a", "a ", "a\x7f", "\xff",
		"gr\xc3\xbcn", "\t" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		make_tokens(NULL);
		strncpy(t.access, texts[i], TOKEN_MAX);
		assert_false(tokens_write(&out, &t));
		buf_clear(&out);
		make_tokens(NULL);
		strncpy(t.refresh, texts[i], TOKEN_MAX);
		assert_false(tokens_write(&out, &t));
		buf_clear(&out);
	}
}

static void
each_cut_gives_nothing(void **state)
{
	(void)state;
	assert_true(tokens_write(&out, &t));
	for (size_t len = 0; len < out.len; len++)
		assert_false(read_bytes(out.data, len));
	assert_true(read_bytes(out.data, out.len));
}

static void
each_changed_byte_gives_nothing(void **state)
{
	(void)state;
	assert_true(tokens_write(&out, &t));
	for (size_t i = 0; i < out.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			out.data[i] = (char)(out.data[i] ^ (1 << bit));
			assert_false(read_bytes(out.data, out.len));
			out.data[i] = (char)(out.data[i] ^ (1 << bit));
		}
}

static void
nonsense_gives_nothing(void **state)
{
	unsigned seed = 1;
	char bytes[600];

	(void)state;
	for (int turn = 0; turn < 2000; turn++) {
		for (size_t i = 0; i < sizeof(bytes); i++) {
			seed = seed * 1103515245 + 12345;
			bytes[i] = (char)(turn % 2 ? seed >> 16 : (seed >> 16) % 12);
		}
		assert_false(read_bytes(bytes, (size_t)turn % sizeof(bytes)));
	}
}

/* Lines that are whole, and not what was written. */
static void
other_lines_give_nothing(void **state)
{
#define A "access"
#define F "failed"
#define H "tokens 1 1 0"
#define R "refresh"
	static const char *const rows[][5] = {
		{ "tokens 2 1 0", R, A, F },
		{ "tokens 01 1 0x", R, A, F },
		{ "tokens 1 1", R, A, F },
		{ "tokens 1 1 0 0", R, A, F },
		{ "tokens 1 1ffffffff 0", R, A, F },
		{ "tokens 1 -1 0", R, A, F },
		{ "tokens 1 1 99999999999999999999999", R, A, F },
		{ "tokens 1 G 0", R, A, F },
		{ "tokens", R, A, F },
		{ "tokenss 1 1 0", R, A, F },
		{ "", R, A, F },
		{ H, A, R, F },
		{ H, R, A },
		{ H, R, A, F, F },
		{ H, R, A, F, "" },
		{ H, "refresh x", A, F },
		{ H, "refresh 1 2 boot", A, F },
		{ H, "refresh 1 2 boot a b", A, F },
		{ H, "refresh 1 -2 boot a", A, F },
		{ H, "refresh 1 2 boot gr\xc3\xbcn", A, F },
		{ H, R, "access 1 2 boot a", F },
		{ H, R, "access 1 2 boot 3 4 boot", F },
		{ H, R, "access 1 2 boot 3 4 boot a b", F },
		{ H, R, "access 1 2 boot 3 4 bo.ot a", F },
		{ H, R, A, "failed 1 2 boot" },
		{ H, R, A, "failed 1 2 boot 9 0 text" },
		{ H, R, A, "failed 1 2 boot -1 0 text" },
		{ H, R, A, "failed 1 2 boot 5" },
		{ H, R, A, "failed 1 2 boot 5 text" },
		{ H, R, A, "failed 99999999999999999999 2 boot 5 0 text" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_reset(&out);
		for (size_t k = 0; k < 5 && rows[i][k]; k++)
			assert_true(seal_write(&out, rows[i][k]));
		if (read_bytes(out.data, out.len))
			fail_msg("row %zu", i);
	}
	buf_reset(&out);
	assert_true(seal_write(&out, H) && seal_write(&out, R) && seal_write(&out, A) &&
	    seal_write(&out, "failed 1 2 boot 8 0"));
	assert_true(
	    read_bytes(out.data, out.len)); /* so the rows fail for their reason */
	assert_int_equal(back.failed.verdict, OAUTH_SETTINGS);
}

static void
too_long_token_gives_nothing(void **state)
{
	static char line[TOKEN_MAX + 100];

	(void)state;
	for (size_t extra = 0; extra < 2; extra++) {
		int len = snprintf(line, sizeof(line), "refresh 1 2 boot ");

		memset(line + len, 'x', TOKEN_MAX + extra);
		line[(size_t)len + TOKEN_MAX + extra] = '\0';
		buf_reset(&out);
		assert_true(seal_write(&out, H) && seal_write_exact(&out, line) &&
		    seal_write(&out, A) && seal_write(&out, F));
		assert_int_equal(read_bytes(out.data, out.len), !extra);
	}
}

/* -- tokens ------------------------------------------------------------------------ */

static void
fresh_ends_before_the_token(void **state)
{
	static const struct {
		int64_t life, age; /* s */
		bool fresh;
	} rows[] = {
		{ HOUR, 0, true },
		{ HOUR, HOUR - TOKENS_MARGIN, true },
		{ HOUR, HOUR - TOKENS_MARGIN + 1, false },
		{ HOUR, HOUR + 1, false },
		{ HOUR, -1, false }, /* it comes out of the future */
		{ OAUTH_LIFETIME_MAX, 0, true },
		{ OAUTH_LIFETIME_MAX + 1, 10, false },
		{ 2 * TOKENS_MARGIN, TOKENS_MARGIN, true },
		{ 2 * TOKENS_MARGIN, TOKENS_MARGIN + 1, false },
		{ 60, 0, true }, /* half of it */
		{ 60, 30, true },
		{ 60, 31, false },
		{ 0, 0, false },
		{ -5, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct moment now = at(rows[i].age);

		t.ends = at(rows[i].life);
		if (tokens_fresh(&t, &now) != rows[i].fresh)
			fail_msg("row %zu", i);
	}
	t.ends = at(HOUR);
	t.access[0] = '\0';
	assert_false(tokens_fresh(&t, &NOW));
	assert_false(tokens_fresh(&NOTHING, &NOW));
}

static void
only_the_boots_clock_counts(void **state)
{
	struct moment now = at(1);

	(void)state;
	now.wall += 10 * 365 * 24 * HOUR; /* somebody set the clock */
	assert_true(tokens_fresh(&t, &now));
	assert_true(tokens_failed_left(&t, &now) > 0);
	now.wall = 0;
	assert_true(tokens_fresh(&t, &now));
	strncpy(now.name, "boot-b", MOMENT_BOOT_MAX - 1);
	now.wall = NOW.wall;
	assert_false(tokens_fresh(&t, &now));
	assert_int_equal(tokens_failed_left(&t, &now), 0);
}

static void
answer_is_taken_in(void **state)
{
	static struct oauth_tokens answer;
	const struct moment later = at(100), ends = at(100 + 3599);

	(void)state;
	strncpy(answer.access, "new", TOKEN_MAX);
	answer.lifetime = 3599;
	tokens_take(&t, &answer, &later);
	assert_string_equal(t.access, "new");
	assert_memory_equal(&t.born, &later, sizeof(later));
	assert_memory_equal(&t.ends, &ends, sizeof(ends));
	assert_string_equal(t.refresh, REFRESH); /* none came: the old one stays */
	assert_int_equal(t.refreshed.boot, at(-10).boot);
	assert_int_equal(t.login, 0xffffffff);
	assert_int_equal(t.identity, 0xc0ffee);
	assert_int_equal(tokens_failed_left(&t, &NOW), 0);
	assert_memory_equal(&t.failed, &NOTHING.failed, sizeof(t.failed));
	strncpy(answer.refresh, "rotated", TOKEN_MAX);
	tokens_take(&t, &answer, &later);
	assert_string_equal(t.refresh, "rotated");
	assert_memory_equal(&t.refreshed, &later, sizeof(later));
}

static void
whole_answers_are_known(void **state)
{
	static const struct {
		const char *access, *refresh;
		bool whole;
	} rows[] = { { "a", "", true }, { "a", "b", true }, { ACCESS, REFRESH, true },
		{ "", "", false }, { "", "b", false }, { "a b", "b", false },
		{ "a", "b c", false }, { "a\n", "b", false }, { "a", "\x7f", false },
		{ "\xc3\xbc", "", false } };
	static struct oauth_tokens answer;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(answer.access, sizeof(answer.access), "%s", rows[i].access);
		snprintf(answer.refresh, sizeof(answer.refresh), "%s", rows[i].refresh);
		if (tokens_are_whole(&answer) != rows[i].whole)
			fail_msg("row %zu", i);
	}
	memset(&answer, 'x', sizeof(answer)); /* no string ends */
	assert_false(tokens_are_whole(&answer));
	answer.access[TOKEN_MAX] = '\0';
	assert_false(tokens_are_whole(&answer));
	answer.refresh[TOKEN_MAX] = '\0';
	assert_true(tokens_are_whole(&answer));
	answer.access[TOKEN_MAX] = 'x';
	assert_false(tokens_are_whole(&answer));
}

static void
strange_verdict_is_not_written(void **state)
{
	static const int strange[] = { -1, OAUTH_SETTINGS + 1, INT_MAX, INT_MIN };

	(void)state;
	for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		t.failed.verdict = strange[i];
		buf_reset(&out);
		assert_false(tokens_write(&out, &t));
		out.over = false;
	}
}

static void
lifetime_is_bounded(void **state)
{
	static const struct {
		int64_t said, kept; /* s */
	} rows[] = { { 0, 0 }, { -1, 0 }, { INT64_MIN, 0 }, { 1, 1 }, { 86400, 86400 },
		{ 86401, 86400 }, { INT64_MAX, 86400 } };
	static struct oauth_tokens answer;

	(void)state;
	strncpy(answer.access, "new", TOKEN_MAX);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		answer.lifetime = rows[i].said;
		tokens_take(&t, &answer, &NOW);
		assert_int_equal(t.ends.boot - t.born.boot, rows[i].kept * SECOND);
	}
}

static void
failure_is_noted(void **state)
{
	static const struct {
		int64_t said, kept; /* s */
	} rows[] = { { 30, 30 }, { 0, 0 }, { -1, 0 }, { INT64_MIN, 0 },
		{ TOKENS_PAUSE_MAX, TOKENS_PAUSE_MAX }, { INT64_MAX, TOKENS_PAUSE_MAX } };
	const struct oauth_refusal why = { .verdict = OAUTH_SIGN_IN };
	char text[2000];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		tokens_fail(&t, &why, rows[i].said, "gone\nfor good", &NOW);
		assert_int_equal(tokens_failed_left(&t, &NOW), rows[i].kept * SECOND);
	}
	assert_string_equal(t.failed.text, "gone for good");
	assert_int_equal(t.failed.verdict, OAUTH_SIGN_IN);
	assert_int_equal(t.failed.asker, 0);
	assert_string_equal(t.access, ACCESS);
	assert_string_equal(t.refresh, REFRESH);
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	memcpy(text + TOKENS_TEXT_MAX - 2, "\xc3\xbc", 2); /* over the limit's edge */
	tokens_fail(&t, &why, 1, text, &NOW);
	assert_int_equal(strlen(t.failed.text), TOKENS_TEXT_MAX - 2);
}

static void
failure_is_bounded(void **state)
{
	struct moment now = at(60);

	(void)state;
	assert_int_equal(tokens_failed_left(&t, &NOW), 60 * SECOND);
	assert_int_equal(tokens_failed_left(&t, &now), 0);
	assert_int_equal(tokens_failed_left(&NOTHING, &NOW), 0);
	t.failed.until = at(TOKENS_PAUSE_MAX + 1); /* a damage, or another program's */
	assert_int_equal(tokens_failed_left(&t, &NOW), 0);
	t.failed.until.boot = INT64_MAX;
	assert_int_equal(tokens_failed_left(&t, &NOW), 0);
}

static void
serial_names_a_token(void **state)
{
	(void)state;
	assert_int_equal(tokens_serial(""), 0);
	assert_int_equal(tokens_serial("123456789"), 0xcbf43926);
	assert_int_not_equal(tokens_serial("a"), tokens_serial("b"));
	assert_int_equal(tokens_serial("\x9d\x0a\xd9\x6d"), 1); /* its CRC-32 is 0 */
}

static void
wipe_leaves_nothing(void **state)
{
	(void)state;
	tokens_wipe(&t);
	assert_memory_equal(&t, &NOTHING, sizeof(t));
}

#define tokens_test(f) cmocka_unit_test_setup_teardown(f, make_tokens, clear_buffer)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		tokens_test(lines_are_these),
		tokens_test(tokens_come_back),
		tokens_test(largest_ones_come_back),
		tokens_test(full_buffer_is_told),
		tokens_test(bad_tokens_are_not_written),
		tokens_test(each_cut_gives_nothing),
		tokens_test(each_changed_byte_gives_nothing),
		tokens_test(nonsense_gives_nothing),
		tokens_test(other_lines_give_nothing),
		tokens_test(too_long_token_gives_nothing),
		tokens_test(fresh_ends_before_the_token),
		tokens_test(only_the_boots_clock_counts),
		tokens_test(answer_is_taken_in),
		tokens_test(whole_answers_are_known),
		tokens_test(strange_verdict_is_not_written),
		tokens_test(lifetime_is_bounded),
		tokens_test(failure_is_noted),
		tokens_test(failure_is_bounded),
		tokens_test(serial_names_a_token),
		tokens_test(wipe_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
