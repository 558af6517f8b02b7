/* Tests of admin/flow.c: what root takes from a child. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "admin/flow.h"

static struct flow_result r;
static struct error e;

static void
make_good(void)
{
	memset(&r, 0, sizeof(r));
	snprintf(r.tokens.access, sizeof(r.tokens.access), "access-1");
	snprintf(r.tokens.refresh, sizeof(r.tokens.refresh), "refresh~1");
	snprintf(r.who, sizeof(r.who), "scanner@example.com");
	r.tokens.lifetime = 3599;
}

static void
refused(void)
{
	static const struct flow_result none;

	assert_int_equal(flow_check(&r, &e), STATUS_RETRY);
	assert_memory_equal(&r, &none, sizeof(none));
}

static void
what_is_in_order_is_taken(void **state)
{
	(void)state;
	make_good();
	memset(r.tokens.id, 'x', sizeof(r.tokens.id));
	assert_int_equal(flow_check(&r, &e), STATUS_OK);
	assert_string_equal(r.tokens.access, "access-1");
	assert_string_equal(r.tokens.id, "");
	r.tokens.refresh[0] = '\0'; /* an application has none */
	assert_int_equal(flow_check(&r, &e), STATUS_OK);
}

static void
what_a_hostile_child_brings_is_not(void **state)
{
	static const char *const bad[] = { "", "a b", "a\nb", "a\x7f", "a\xff",
		"\x1b[1m" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		make_good();
		snprintf(r.tokens.access, sizeof(r.tokens.access), "%s", bad[i]);
		refused();
		if (i == 0)
			continue;
		make_good();
		snprintf(r.tokens.refresh, sizeof(r.tokens.refresh), "%s", bad[i]);
		refused();
	}
	make_good();
	memset(r.tokens.access, 'x', sizeof(r.tokens.access)); /* no end */
	refused();
	make_good();
	memset(r.tokens.refresh, 'x', sizeof(r.tokens.refresh));
	refused();
	make_good();
	r.tokens.lifetime = 0;
	refused();
	make_good();
	r.tokens.lifetime = OAUTH_LIFETIME_MAX + 1;
	refused();
	make_good();
	memset(r.tokens.missing, 'x', sizeof(r.tokens.missing));
	refused();
	make_good();
	snprintf(r.tokens.missing, sizeof(r.tokens.missing), "a\x1b[1m");
	refused();
	make_good();
	snprintf(r.tokens.missing, sizeof(r.tokens.missing), "a b");
	assert_int_equal(flow_check(&r, &e), STATUS_OK);
	make_good();
	memset(r.who, 'x', sizeof(r.who));
	assert_int_equal(flow_check(&r, &e), STATUS_OK);
	assert_int_equal(strlen(r.who), FLOW_WHO_MAX - 1);
}

static void
who_signed_in_is_read_from_the_tokens(void **state)
{
	static const char who[] = "e30.eyJ1cG4iOiJhQGIuZXhhbXBsZSJ9.x"; /* a@b.example */
	static const char other[] = "e30.eyJ1cG4iOiJjQGIuZXhhbXBsZSJ9.x"; /* c@ */
	static struct oauth_tokens tokens;

	(void)state;
	memset(&tokens, 0, sizeof(tokens));
	snprintf(tokens.access, sizeof(tokens.access), "opaque");
	flow_take(&r, &tokens);
	assert_string_equal(r.who, "");
	snprintf(tokens.access, sizeof(tokens.access), "%s", who);
	flow_take(&r, &tokens);
	assert_string_equal(r.who, "a@b.example");
	snprintf(tokens.id, sizeof(tokens.id), "%s", other);
	flow_take(&r, &tokens);
	assert_string_equal(r.who, "c@b.example");
	assert_string_equal(r.tokens.id, "");
	assert_string_equal(r.tokens.access, who);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_in_order_is_taken),
		cmocka_unit_test(what_a_hostile_child_brings_is_not),
		cmocka_unit_test(who_signed_in_is_read_from_the_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
