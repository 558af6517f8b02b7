/* Tests of lib/web/retryafter.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/web/retryafter.h"

static const char NOON[] = "Sun, 06 Nov 1994 12:00:00 GMT";
enum {
	NOON_SECONDS = 784123200,
};

static void
reads_both_forms(void **state)
{
	static const struct {
		const char *text, *date;
		int64_t seconds;
	} rows[] = {
		{ "0", NULL, 0 },
		{ "120", NULL, 120 },
		{ "86400", NULL, 86400 },
		{ "86401", NULL, 86400 },
		{ "99999999999999999999999999", NULL, 86400 },
		{ "Sun, 06 Nov 1994 12:00:00 GMT", NULL, 0 },
		{ "Sun, 06 Nov 1994 12:01:30 GMT", NULL, 90 },
		{ "Sunday, 06-Nov-94 12:01:30 GMT", NULL, 90 },
		{ "Sun Nov  6 12:01:30 1994", NULL, 90 },
		{ "Sun, 06 Nov 1994 11:00:00 GMT", NULL, 0 },
		{ "Sun, 06 Nov 2094 12:00:00 GMT", NULL, 86400 },
		/* by the service's own clock */
		{ "Sun, 06 Nov 1994 15:00:10 GMT", "Sun, 06 Nov 1994 15:00:00 GMT", 10 },
		{ "Sun, 06 Nov 1994 12:01:30 GMT", "yesterday", 90 },
		/* a date's own is no matter for seconds */
		{ "7", "Sun, 06 Nov 1994 15:00:00 GMT", 7 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t seconds =
		    retryafter_read(rows[i].text, rows[i].date, NOON_SECONDS);

		if (seconds != rows[i].seconds)
			fail_msg("%s: %lld", rows[i].text, (long long)seconds);
	}
}

static void
passes_over_nonsense(void **state)
{
	static const char *const rows[] = { NULL, "", " ", "-1", "+1", "1.5", ".5",
		"0x10", "120 s", "5, 10", "1994-11-06", "soon", "\xff\xfe",
		"Sun, 99 Nov 1994" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (retryafter_read(rows[i], NOON, NOON_SECONDS) != -1)
			fail_msg("%s", rows[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_both_forms),
		cmocka_unit_test(passes_over_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
