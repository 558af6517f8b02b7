/* Tests of lib/send/dialogue.c: which login a server must offer, and TLS where it may be
 * left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/send/dialogue.h"

enum {
	LINES_MAX = 12,
};

/* Feeds lines up to the first that is refused. */
static enum status
feed(struct dialogue *d, const char *const *lines, struct error *e)
{
	enum status status = STATUS_OK;

	for (; status == STATUS_OK && *lines; lines++)
		status = dialogue_line(d, *lines, strlen(*lines), e);
	return status;
}

static void
wants_what_the_plan_can_use(void **state)
{
	static const struct {
		const char *offer;
		bool token, password;
	} rows[] = {
		{ "250 AUTH LOGIN XOAUTH2", true, true },
		{ "250 AUTH OAUTHBEARER", true, false },
		{ "250 AUTH XOAUTH2", true, false },
		{ "250 AUTH LOGIN PLAIN", false, true },
		{ "250 AUTH XOAUTH XOAUTH22 PLAIN-CLIENTTOKEN", false, false },
		{ "250 AUTH xoauth2", false, false }, /* libcurl would not see it */
		{ "250 SIZE 1000", false, false },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		bool token = i % 2;
		const struct dialogue_plan plan = {
			.auth = true, .token = token, .recipients = 1, .size = 10
		};
		const char *const lines[] = { "220 hello", "250-hello", rows[i / 2].offer,
			NULL };
		bool offered = token ? rows[i / 2].token : rows[i / 2].password;
		struct dialogue d;
		struct error e = { "" };

		dialogue_init(&d, &plan);
		assert_int_equal(
		    feed(&d, lines, &e), offered ? STATUS_OK : STATUS_SETTINGS);
		assert_int_equal(d.stage, offered ? STAGE_AUTH : STAGE_EHLO);
		if (!offered)
			assert_non_null(
			    strstr(e.text, token ? "access token" : "password"));
	}
}

/* TLS where it is offered; and where it is, there is no way back to clear text. */
static void
takes_tls_where_it_is_offered(void **state)
{
	static const struct {
		const char *lines[LINES_MAX];
		enum stage stage;
		bool encrypted, refused;
	} rows[] = {
		{ { "220 hello", "250 hello", NULL }, STAGE_MAIL, false, false },
		{ { "220 hello", "250-hello", "250 SIZE 9", NULL }, STAGE_EHLO, false,
		    false }, /* too large: no mail, in clear text either */
		{ { "220 hello", "250-hello", "250 STARTTLS", NULL }, STAGE_STARTTLS,
		    false, false },
		{ { "220 hello", "250-hello", "250 STARTTLS", "454 not now", NULL },
		    STAGE_STARTTLS, false, true },
		{ { "220 hello", "250-hello", "250 STARTTLS", "220 go", "250 hello",
		      NULL },
		    STAGE_MAIL, true, false },
	};
	const struct dialogue_plan plan = {
		.starttls = true, .optional = true, .recipients = 1, .size = 10
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dialogue d;
		struct error e = { "" };

		dialogue_init(&d, &plan);
		feed(&d, rows[i].lines, &e);
		assert_int_equal(d.stage, rows[i].stage);
		assert_int_equal(d.encrypted, rows[i].encrypted);
		assert_int_equal(dialogue_refused(&d), rows[i].refused);
	}
}

/* A line that is no reply is quoted, but for the time since something was shown. */
static void
quotes_nothing_once_a_login_began(void **state)
{
	static const struct {
		const char *lines[LINES_MAX];
		bool auth, quoted;
	} rows[] = {
		{ { "SECRET here", NULL }, true, true },
		{ { "220 hello", "SECRET", NULL }, true, true },
		{ { "220 hello", "250 AUTH PLAIN", "SECRET", NULL }, true, false },
		{ { "220 hello", "250 AUTH PLAIN", "334 ", "SECRET", NULL }, true,
		    false },
		{ { "220 hello", "250 AUTH PLAIN", "235 ok", "SECRET", NULL }, true,
		    false },
		{ { "220 hello", "250 AUTH PLAIN", "535-no", "SECRET", NULL }, true,
		    false },
		{ { "220 hello", "250 hello", "SECRET", NULL }, false, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct dialogue_plan plan = {
			.auth = rows[i].auth, .recipients = 1, .size = 10
		};
		struct dialogue d;
		struct error e = { "" };

		dialogue_init(&d, &plan);
		assert_int_equal(feed(&d, rows[i].lines, &e), STATUS_RETRY);
		assert_int_equal(strstr(e.text, "SECRET") != NULL, rows[i].quoted);
		assert_true(rows[i].quoted || strstr(e.text, "is no SMTP reply"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wants_what_the_plan_can_use),
		cmocka_unit_test(takes_tls_where_it_is_offered),
		cmocka_unit_test(quotes_nothing_once_a_login_began),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
