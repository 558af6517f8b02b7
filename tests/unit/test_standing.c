/* Tests of lib/send/standing.c, at moments that the tests make up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/seal.h"
#include "lib/base/text.h"
#include "lib/send/standing.h"

enum {
	MINUTE = 60 * 1000, /* ms */
	HOUR = 60 * MINUTE,
	DAY = 24 * HOUR,
	MICROSECOND = 1000, /* ns */
};

static const uint32_t SERVER = UINT32_MAX; /* its number, as long as can be */

static const int64_t NOW_NS = INT64_C(5000) * 1000 * 1000 * 1000;

static const struct moment now = { 1795354468, 5000 * 1000, "6d1ba6cf-aaaa" };
static const struct moment other_boot = { 1795350000, 9000 * 1000, "11111111-bbbb" };

static const struct standing nothing;

/* One with something to tell in each line. */
static struct standing
make_full(void)
{
	struct standing s = nothing;

	s.bucket = NOW_NS + 12345;
	standing_login_good(&s, 0xfedcba9876543210);
	standing_login_refused(&s, 7, &now, "535 5.7.3 nicht erlaubt: Müller");
	standing_pause(&s, &now, 90 * 1000, "432 4.3.2 too many connections");
	standing_size_seen(&s, &now, SERVER, 157286400);
	return s;
}

static size_t
write_text(char *bytes, const struct standing *s)
{
	struct buf out;
	size_t len;

	buf_init(&out, STANDING_MAX);
	assert_true(standing_write(&out, s));
	len = out.len;
	memcpy(bytes, out.data, len);
	buf_clear(&out);
	return len;
}

static bool
is_same(const struct standing *a, const struct standing *b)
{
	char one[STANDING_MAX], other[STANDING_MAX];
	size_t len = write_text(one, a);

	return len == write_text(other, b) && memcmp(one, other, len) == 0;
}

static void
comes_back_as_it_was(void **state)
{
	struct standing full = make_full(), read;
	char bytes[STANDING_MAX];
	size_t len;

	(void)state;
	len = write_text(bytes, &full);
	standing_read(&read, bytes, len);
	assert_int_equal(read.bucket, full.bucket);
	assert_true(read.good == 0xfedcba9876543210);
	assert_true(read.refused.fingerprint == 7);
	assert_memory_equal(&read.refused.again, &full.refused.again, sizeof(now));
	assert_memory_equal(&read.refused.first, &now, sizeof(now));
	assert_string_equal(read.refused.text, "535 5.7.3 nicht erlaubt: Müller");
	assert_memory_equal(&read.pause.end, &full.pause.end, sizeof(now));
	assert_string_equal(read.pause.text, "432 4.3.2 too many connections");
	assert_int_equal(read.size.bytes, 157286400);
	assert_int_equal(read.size.server, SERVER);
	assert_memory_equal(&read.size.seen, &now, sizeof(now));
	len = write_text(bytes, &nothing);
	standing_read(&read, bytes, len);
	assert_memory_equal(&read, &nothing, sizeof(nothing));
}

/* Each line alone may have nothing to tell. */
static void
texts_may_be_empty(void **state)
{
	struct standing s = nothing, read;
	char bytes[STANDING_MAX];

	(void)state;
	standing_login_refused(&s, 7, &now, "");
	standing_pause(&s, &now, MINUTE, " \n");
	standing_read(&read, bytes, write_text(bytes, &s));
	assert_memory_equal(&read.pause.end, &s.pause.end, sizeof(now));
	assert_true(read.refused.fingerprint == 7);
	assert_string_equal(read.pause.text, "");
	assert_string_equal(read.refused.text, "");
}

/* Whether nothing is known after these bytes. */
static bool
is_begun_anew(const char *bytes, size_t len)
{
	char copy[STANDING_MAX];
	struct standing read;

	memset(&read, 'z', sizeof(read));
	memcpy(copy, bytes, len);
	standing_read(&read, copy, len);
	return memcmp(&read, &nothing, sizeof(nothing)) == 0;
}

static void
damage_is_seen_in_every_bit(void **state)
{
	const struct standing full = make_full();
	char bytes[STANDING_MAX];
	size_t len = write_text(bytes, &full);

	(void)state;
	for (size_t i = 0; i < len * 8; i++) {
		bytes[i / 8] = (char)(bytes[i / 8] ^ 1 << i % 8);
		assert_true(is_begun_anew(bytes, len));
		bytes[i / 8] = (char)(bytes[i / 8] ^ 1 << i % 8);
	}
	for (size_t cut = 0; cut < len; cut++)
		assert_true(is_begun_anew(bytes, cut));
	memset(bytes, 0, sizeof(bytes));
	assert_true(is_begun_anew(bytes, sizeof(bytes)));
}

/* A shorter state was written over a longer one, and its end not yet cut off. */
static void
what_follows_does_not_count(void **state)
{
	struct standing full = make_full(), read;
	char bytes[2 * STANDING_MAX];
	size_t longer = write_text(bytes, &full);

	(void)state;
	write_text(bytes, &nothing);
	standing_read(&read, bytes, longer);
	assert_memory_equal(&read, &nothing, sizeof(nothing));
}

/* Lines that are whole, and say what cannot be. */
static void
nonsense_is_begun_anew(void **state)
{
	static const char *const good[] = { "bucket 1", "good a", "refused 0", "pause",
		"size 0 0" };
	static const struct {
		size_t line;
		const char *text;
	} bad[] = {
		{ 0, "" },
		{ 0, "bucket" },
		{ 0, "bucket -1" },
		{ 0, "bucket 1x" },
		{ 0, "bucket 9223372036854775808" },
		{ 0, "bucket +1" },
		{ 0, "bucket99999" },
		{ 0, "pause" },
		{ 1, "good" },
		{ 1, "gone a" },
		{ 1, "good g" },
		{ 1, "good 0x1" },
		{ 1, "good 11111111111111111" },
		{ 2, "refused" },
		{ 2, "refused 7" },
		{ 2, "refused 7 1 2 boot" },
		{ 2, "refused 7 1 2 boot x 2 boot text" },
		{ 3, "pause soon" },
		{ 3, "pause 1 2" },
		{ 4, "size -1 0" },
		{ 4, "size 1" },
		{ 4, "size 1 x" },
		{ 4, "size 1 100000000" },
		{ 4, "size 1 2 3" },
		{ 4, "size 157286400 1795354468 5000000 6d1ba6cf-aaaa" },
		{ 4, "size 99999999999999999999 0" },
		{ 4, "bucket 1" },
	};
	struct standing read;
	struct buf text;

	(void)state;
	buf_init(&text, STANDING_MAX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buf_reset(&text);
		for (size_t line = 0; line < 5; line++)
			seal_write(&text, line == bad[i].line ? bad[i].text : good[line]);
		if (!is_begun_anew(text.data, text.len))
			fail_msg("line %zu: '%s'", bad[i].line, bad[i].text);
	}
	buf_reset(&text);
	for (size_t line = 0; line < 5; line++)
		seal_write(&text, good[line]);
	standing_read(&read, text.data, text.len);
	assert_int_equal(read.bucket, 1);
	assert_true(read.good == 10);
	buf_clear(&text);
}

static void
texts_are_cleaned_and_cut(void **state)
{
	char raw[3 * STANDING_TEXT_MAX], bytes[STANDING_MAX];
	struct standing s = nothing, read;

	(void)state;
	standing_login_refused(&s, 1, &now, "no\r\nsize 5 \xff\x1b[0m");
	assert_string_equal(s.refused.text, "no  size 5 \xef\xbf\xbd [0m");
	memset(raw, '\xff', sizeof(raw)); /* each becomes three bytes */
	raw[sizeof(raw) - 1] = '\0';
	standing_login_refused(&s, UINT64_MAX, &now, raw);
	standing_pause(&s, &now, DAY, raw);
	assert_int_equal(strlen(s.refused.text), STANDING_TEXT_MAX - 1);
	assert_true(utf8_valid(s.refused.text, STANDING_TEXT_MAX - 1));
	standing_read(&read, bytes, write_text(bytes, &s));
	assert_string_equal(read.refused.text, s.refused.text);
	assert_string_equal(read.pause.text, s.pause.text);
}

/* -- rate -------------------------------------------------------------------------- */

/* Takes tokens as senders do that wake up late by up to `late` ns; gives the ns that
 * `count` messages took. */
static int64_t
take(const struct standing_rate *rate, unsigned count, int64_t late)
{
	struct standing s = nothing;
	int64_t clock = NOW_NS, wait;

	for (unsigned i = 0; i < count;) {
		wait = standing_take_token(&s, rate, clock);
		assert_in_range(wait, 0, rate->interval);
		if (wait)
			clock += wait + late * (i % 7) / 7;
		else
			i++;
	}
	return clock - NOW_NS;
}

static void
rate_is_exact_in_the_long_run(void **state)
{
	static const struct standing_rate rates[] = {
		{ INT64_C(60000000000), 1 },
		{ INT64_C(8571428572), 1 },
		{ INT64_C(2400000000), 4 },
		{ INT64_C(6000000), 4 },
	};
	enum { COUNT = 10000 };

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		const struct standing_rate *r = &rates[i];
		int64_t least = (COUNT - r->burst) * r->interval, took;

		assert_int_equal(take(r, COUNT, 0), least);
		if (r->burst == 1)
			continue;
		took = take(r, COUNT, 2000 * MICROSECOND); /* less than the burst */
		assert_in_range(took, least, least + 2000 * MICROSECOND);
	}
}

static void
burst_leaves_at_once(void **state)
{
	const struct standing_rate rate = { 1000, 4 };
	struct standing s = nothing;

	(void)state;
	for (int round = 0; round < 2; round++) {
		int64_t clock = NOW_NS + round * 4000;

		for (int i = 0; i < 4; i++)
			assert_int_equal(standing_take_token(&s, &rate, clock), 0);
		assert_int_equal(standing_take_token(&s, &rate, clock), 1000);
		assert_int_equal(standing_take_token(&s, &rate, clock + 999), 1);
	}
	assert_int_equal(standing_take_token(&s, &rate, NOW_NS + 5000), 0);
	assert_int_equal(standing_take_token(&s, &rate, NOW_NS + 5000), 1000);
}

static void
no_bucket_waits_longer_than_an_interval(void **state)
{
	const struct standing_rate rate = { 60 * INT64_C(1000000000), 1 };
	const int64_t buckets[] = { 0, 1, NOW_NS - 1, NOW_NS, NOW_NS + rate.interval,
		NOW_NS + rate.interval + 1, NOW_NS * 2, INT64_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(buckets) / sizeof(buckets[0]); i++) {
		struct standing s = { .bucket = buckets[i] };
		int64_t wait = standing_take_token(&s, &rate, NOW_NS);

		assert_int_equal(
		    wait, buckets[i] == NOW_NS + rate.interval ? rate.interval : 0);
		if (wait == 0)
			assert_int_equal(s.bucket, NOW_NS + rate.interval);
	}
}

/* -- pause ------------------------------------------------------------------------- */

static void
longer_pause_stays(void **state)
{
	struct standing s = nothing;
	struct moment later = moment_after(&now, 40 * 1000);

	(void)state;
	assert_int_equal(standing_pause_left(&s, &now), 0);
	assert_true(standing_pause(&s, &now, MINUTE, "first"));
	assert_int_equal(standing_pause_left(&s, &now), MINUTE);
	assert_int_equal(standing_pause_left(&s, &later), 20 * 1000);
	assert_false(standing_pause(&s, &now, MINUTE, "second"));
	assert_false(standing_pause(&s, &now, 1000, "third"));
	assert_false(standing_pause(&s, &now, 0, "fourth"));
	assert_false(standing_pause(&s, &now, -1, "fifth"));
	assert_string_equal(s.pause.text, "first");
	assert_true(standing_pause(&s, &later, 21 * 1000, "sixth"));
	assert_int_equal(standing_pause_left(&s, &later), 21 * 1000);
	assert_string_equal(s.pause.text, "sixth");
}

static void
pause_is_bounded(void **state)
{
	struct standing s = nothing;

	(void)state;
	assert_true(standing_pause(&s, &now, INT64_MAX, ""));
	assert_int_equal(standing_pause_left(&s, &now), DAY);
	s.pause.end.boot += 1; /* no pause can be set so far ahead */
	assert_int_equal(standing_pause_left(&s, &now), 0);
	s.pause.end.boot = INT64_MAX;
	assert_int_equal(standing_pause_left(&s, &now), 0);
	s.pause.end = moment_after(&other_boot, MINUTE);
	assert_int_equal(standing_pause_left(&s, &now), 0);
	assert_true(standing_pause(&s, &now, 1, ""));
}

/* -- login ------------------------------------------------------------------------- */

static void
refused_login_is_tried_once_in_a_while(void **state)
{
	const int64_t rest = (int64_t)STANDING_LOGIN_PAUSE * 1000;
	struct moment later = moment_after(&now, rest - 1), over;
	struct standing s = nothing;

	(void)state;
	assert_int_equal(standing_refusal_left(&s, 7, &now), 0);
	assert_int_equal(standing_login_refused(&s, 7, &now, "no"), 0);
	assert_int_equal(standing_refusal_left(&s, 7, &now), rest);
	assert_int_equal(standing_refusal_left(&s, 7, &later), 1);
	assert_int_equal(standing_refusal_left(&s, 8, &now), 0); /* another password */
	assert_int_equal(standing_refusal_left(&s, 0, &now), 0);
	over = moment_after(&now, rest);
	assert_int_equal(standing_refusal_left(&s, 7, &over), 0);
	standing_login_tried(&s, 8, &over);
	assert_int_equal(standing_refusal_left(&s, 7, &over), 0);
	standing_login_tried(&s, 7, &over);
	assert_int_equal(standing_refusal_left(&s, 7, &over), rest);
	assert_int_equal(standing_login_refused(&s, 7, &over, "still no"), rest);
	assert_string_equal(s.refused.text, "still no");
	assert_int_equal(standing_login_refused(&s, 7, &over, "still no"), rest);
	assert_int_equal(standing_login_refused(&s, 8, &over, "another"), 0);
	assert_int_equal(standing_login_refused(&s, 7, &over, "anew"), 0);
}

static void
refusal_is_bounded_and_ends_with_the_boot(void **state)
{
	struct standing s = nothing;

	(void)state;
	standing_login_refused(&s, 7, &other_boot, "no");
	assert_int_equal(standing_refusal_left(&s, 7, &now), 0);
	/* since when it is refused outlives the boot: patience must end one day */
	assert_int_equal(standing_login_refused(&s, 7, &now, "no"), now.boot);
	s.refused.again = moment_after(&now, (int64_t)STANDING_LOGIN_PAUSE * 1000 + 1);
	assert_int_equal(standing_refusal_left(&s, 7, &now), 0);
}

static void
good_login_is_known(void **state)
{
	struct standing s = nothing;

	(void)state;
	assert_false(standing_knows(&s, 7));
	assert_true(standing_knows(&s, 0)); /* nothing to be tried */
	assert_true(standing_login_good(&s, 7));
	assert_true(standing_knows(&s, 7));
	assert_true(standing_knows(&s, 0));
	assert_false(standing_knows(&s, 8));
	assert_false(standing_login_good(&s, 7)); /* no news */
	assert_int_equal(standing_login_refused(&s, 7, &now, "no"), 0);
	assert_false(standing_knows(&s, 7));
	assert_true(standing_login_good(&s, 7));
	assert_int_equal(standing_refusal_left(&s, 7, &now), 0);
	standing_login_refused(&s, 8, &now, "no");
	assert_true(standing_knows(&s, 7)); /* another one was refused */
	assert_true(standing_login_good(&s, 7));
	assert_int_equal(standing_refusal_left(&s, 8, &now), 0);
}

static void
no_login_is_never_refused(void **state)
{
	struct standing s = nothing;

	(void)state;
	standing_login_good(&s, 7);
	assert_false(standing_login_good(&s, 0));
	assert_int_equal(standing_login_refused(&s, 0, &now, "530"), 0);
	assert_true(standing_knows(&s, 7));
	assert_int_equal(standing_refusal_left(&s, 0, &now), 0);
	standing_login_refused(&s, 8, &now, "no");
	standing_login_refused(&s, 0, &now, "530");
	assert_true(standing_refusal_left(&s, 8, &now) > 0);
	assert_string_equal(s.refused.text, "no");
}

/* -- size -------------------------------------------------------------------------- */

static void
size_is_believed_for_a_day(void **state)
{
	struct moment soon = moment_after(&now, HOUR - 1), hour, day;
	struct standing s = nothing;

	(void)state;
	hour = moment_after(&now, HOUR);
	day = moment_after(&now, DAY);
	assert_int_equal(standing_size(&s, &now, SERVER), 0);
	assert_true(standing_size_seen(&s, &now, SERVER, 1000));
	assert_int_equal(standing_size(&s, &now, SERVER), 1000);
	assert_int_equal(standing_size(&s, &hour, SERVER), 1000);
	assert_int_equal(standing_size(&s, &day, SERVER), 0);
	assert_false(standing_size_seen(&s, &soon, SERVER, 1000));
	assert_true(standing_size_seen(&s, &hour, SERVER, 1000));
	assert_true(standing_size_seen(&s, &hour, SERVER, 0));
	assert_int_equal(standing_size(&s, &hour, SERVER), 0);
	assert_true(standing_size_seen(&s, &other_boot, SERVER, 2000));
	assert_int_equal(standing_size(&s, &now, SERVER), 2000);
}

/* That it says none is worth remembering too. */
static void
no_size_is_news_once(void **state)
{
	struct standing s = nothing;

	(void)state;
	assert_true(standing_size_seen(&s, &now, SERVER, 0));
	assert_false(standing_size_seen(&s, &now, SERVER, 0));
	assert_false(is_same(&s, &nothing));
}

/* The account was moved: what the old server told is none of the new one's. */
static void
size_is_of_one_server(void **state)
{
	struct standing s = nothing;

	(void)state;
	assert_true(standing_size_seen(&s, &now, SERVER, 1000));
	assert_int_equal(standing_size(&s, &now, 0), 0);
	assert_int_equal(standing_size(&s, &now, SERVER - 1), 0);
	assert_true(standing_size_seen(&s, &now, SERVER - 1, 1000)); /* news */
	assert_int_equal(standing_size(&s, &now, SERVER - 1), 1000);
	assert_int_equal(standing_size(&s, &now, SERVER), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back_as_it_was),
		cmocka_unit_test(texts_may_be_empty),
		cmocka_unit_test(damage_is_seen_in_every_bit),
		cmocka_unit_test(what_follows_does_not_count),
		cmocka_unit_test(nonsense_is_begun_anew),
		cmocka_unit_test(texts_are_cleaned_and_cut),
		cmocka_unit_test(rate_is_exact_in_the_long_run),
		cmocka_unit_test(burst_leaves_at_once),
		cmocka_unit_test(no_bucket_waits_longer_than_an_interval),
		cmocka_unit_test(longer_pause_stays),
		cmocka_unit_test(pause_is_bounded),
		cmocka_unit_test(refused_login_is_tried_once_in_a_while),
		cmocka_unit_test(refusal_is_bounded_and_ends_with_the_boot),
		cmocka_unit_test(good_login_is_known),
		cmocka_unit_test(no_login_is_never_refused),
		cmocka_unit_test(size_is_believed_for_a_day),
		cmocka_unit_test(no_size_is_news_once),
		cmocka_unit_test(size_is_of_one_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
