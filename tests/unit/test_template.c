/* template: each letter, and each way to be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/mail/template.h"

static const struct tm when = {
	.tm_year = 126, .tm_mon = 10, .tm_mday = 2, .tm_hour = 3, .tm_min = 4
};
static const struct template_values values = {
	.when = &when, .user = "bob", .host = "hub", .profile = "default", .number = 412
};

static void
letters_become_values(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "", "" },
		{ "Scan", "Scan" },
		{ "Scan %d %t", "Scan 2026-11-02 03:04" },
		{ "%u@%h/%p", "bob@hub/default" },
		{ "100%%", "100%" },
		{ "%%d%%", "%d%" },
		{ "%d%d", "2026-11-022026-11-02" },
		{ "No. %n", "No. 412" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error e = { "" };
		char *out = NULL;

		assert_int_equal(
		    template_expand(&out, rows[i].in, &values, &e), STATUS_OK);
		assert_string_equal(out, rows[i].out);
		free(out);
	}
}

static void
values_are_not_expanded_again(void **state)
{
	const struct template_values sly = { .user = "%h%" };
	char *out = NULL;

	(void)state;
	assert_int_equal(template_expand(&out, "<%u>", &sly, NULL), STATUS_OK);
	assert_string_equal(out, "<%h%>");
	free(out);
}

static void
refused(const char *text, const struct template_values *v, const char *sentence)
{
	struct error e = { "" };
	char untouched, *out = &untouched;

	assert_int_equal(template_expand(&out, text, v, &e), STATUS_INVALID);
	assert_ptr_equal(out, &untouched);
	assert_non_null(strstr(e.text, sentence));
}

static void
what_is_not_known_is_refused(void **state)
{
	static const struct template_values none = { 0 };
	char *large = malloc(TEMPLATE_MAX + 2);

	(void)state;
	refused("a%x", &values, "'%x': %d (date), %t (time), %n (number), %u (user)");
	refused("a%ü", &values, "'%ü'");
	refused("a%\xff", &values, "%d (date)");
	refused("a%", &values, "single '%'");
	refused("%D", &values, "'%D'");
	refused("%d", &none, "'%d', which has no value");
	refused("%t", &none, "'%t', which has no value");
	refused("%u", &none, "'%u', which has no value");
	refused("%p", &none, "'%p', which has no value");
	refused("%n", &none, "'%n', which has no value");
	memset(large, 'x', TEMPLATE_MAX + 1);
	large[TEMPLATE_MAX + 1] = '\0';
	refused(large, &values, "longer than 65536 bytes");
	free(large);
}

/* A number is taken for good as soon as it is asked for. */
static void
numbers_are_seen_beforehand(void **state)
{
	(void)state;
	assert_true(template_has_number("%n"));
	assert_true(template_has_number("%d %t %n"));
	assert_true(template_has_number("%%%n."));
	assert_false(template_has_number(""));
	assert_false(template_has_number("n"));
	assert_false(template_has_number("%"));
	assert_false(template_has_number("%%n"));
	assert_false(template_has_number("%d n%%n%"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_become_values),
		cmocka_unit_test(values_are_not_expanded_again),
		cmocka_unit_test(what_is_not_known_is_refused),
		cmocka_unit_test(numbers_are_seen_beforehand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
