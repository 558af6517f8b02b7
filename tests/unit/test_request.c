/* Tests of scan2mail/request.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scan2mail/request.h"

static const char settings[] = "[scan default]\n"
			       "device = test:0\n"
			       "source = flatbed\n"
			       "mode = gray\n"
			       "resolution = 150\n"
			       "to = Accounting, bob@example.com\n"
			       "subject = From %p on %d\n"
			       "queue = mail\n"
			       "[scan bare]\n"
			       "[scan wide]\n"
			       "paper = max\n";

static const struct tm noon = {
	.tm_year = 126, .tm_mon = 10, .tm_mday = 22, .tm_hour = 12
};
static const struct template_values values = {
	.when = &noon,
	.user = "ann",
	.host = "desk",
};

struct fixture {
	struct config *config;
	struct arguments arguments;
	struct request request;
};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct error e;

	assert_non_null(f);
	if (config_parse(&f->config, settings, strlen(settings), "settings", &e) !=
	    STATUS_OK)
		fail_msg("%s", e.text);
	f->arguments.mode = f->arguments.source = ARGUMENTS_UNSET;
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	request_clear(&f->request);
	list_clear(&f->arguments.to);
	config_free(f->config);
	free(f);
	return 0;
}

static void
defaults_stand_alone(void **state)
{
	struct fixture *f = *state;
	const struct request *r = &f->request;
	struct error e;

	assert_int_equal(
	    request_make(&f->request, &f->arguments, NULL, &values, &e), STATUS_OK);
	assert_string_equal(r->device, "");
	assert_int_equal(r->source, SOURCE_AUTO);
	assert_int_equal(r->mode, MODE_AUTO);
	assert_int_equal(r->resolution, 300);
	assert_string_equal(r->paper->name, "a4");
	assert_string_equal(r->to, "");
	assert_string_equal(r->subject, "Scan 2026-11-22 12:00");
	assert_string_equal(r->queue, "");
}

static void
default_profile_is_used(void **state)
{
	struct fixture *f = *state;
	const struct request *r = &f->request;
	struct error e;

	assert_int_equal(
	    request_make(&f->request, &f->arguments, f->config, &values, &e), STATUS_OK);
	assert_string_equal(r->device, "test:0");
	assert_int_equal(r->source, SOURCE_FLATBED);
	assert_int_equal(r->mode, MODE_GRAY);
	assert_int_equal(r->resolution, 150);
	assert_string_equal(r->to, "Accounting, bob@example.com");
	assert_string_equal(r->subject, "From default on 2026-11-22");
	assert_string_equal(r->queue, "mail");
}

static void
command_line_goes_first(void **state)
{
	struct fixture *f = *state;
	const struct request *r = &f->request;
	struct error e;

	f->arguments.device = "net:desk:test:1";
	f->arguments.source = SOURCE_ADF;
	f->arguments.mode = MODE_AUTO;
	f->arguments.resolution = 72;
	f->arguments.subject = "100%% %u";
	list_add(&f->arguments.to, "Board");
	list_add(&f->arguments.to, "\"Ann, B\" <ann@example.com>");
	assert_int_equal(
	    request_make(&f->request, &f->arguments, f->config, &values, &e), STATUS_OK);
	assert_string_equal(r->device, "net:desk:test:1");
	assert_int_equal(r->source, SOURCE_ADF);
	assert_int_equal(r->mode, MODE_AUTO);
	assert_int_equal(r->resolution, 72);
	assert_string_equal(r->to, "Board, \"Ann, B\" <ann@example.com>");
	assert_string_equal(r->subject, "100% ann");
	assert_string_equal(r->queue, "mail");
}

static void
profiles_are_found_by_name(void **state)
{
	struct fixture *f = *state;
	struct error e = { "" };

	f->arguments.profile = "wide";
	assert_int_equal(
	    request_make(&f->request, &f->arguments, f->config, &values, &e), STATUS_OK);
	assert_string_equal(f->request.paper->name, "max");
	request_clear(&f->request);
	f->arguments.profile = "bare";
	assert_int_equal(
	    request_make(&f->request, &f->arguments, f->config, &values, &e), STATUS_OK);
	assert_int_equal(f->request.resolution, 300);
	assert_string_equal(f->request.queue, "");
	assert_string_equal(f->request.subject, "Scan 2026-11-22 12:00");
	request_clear(&f->request);
	f->arguments.profile = "none";
	assert_int_equal(request_make(&f->request, &f->arguments, f->config, &values, &e),
	    STATUS_SETTINGS);
	assert_non_null(strstr(e.text, "[scan none]"));
	assert_int_equal(
	    request_make(&f->request, &f->arguments, NULL, &values, &e), STATUS_SETTINGS);
	assert_null(f->request.subject);
}

static void
recipients_are_checked_before_paper_moves(void **state)
{
	static const char *const bad[] = { "bob@", "bob@example.com,", "a@b@c", ",",
		"Board, ann@exa mple.com", "bob@example.com\nBcc: eve@example.com", "" };
	struct fixture *f = *state;
	struct error e;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		list_add(&f->arguments.to, bad[i]);
		*e.text = '\0';
		assert_int_equal(
		    request_make(&f->request, &f->arguments, NULL, &values, &e),
		    STATUS_INVALID);
		assert_string_not_equal(e.text, "");
		list_clear(&f->arguments.to);
	}
}

static void
long_recipients_are_refused(void **state)
{
	struct fixture *f = *state;
	char *name = malloc(REQUEST_TO_MAX + 2);
	struct error e;

	assert_non_null(name);
	memset(name, 'x', REQUEST_TO_MAX + 1);
	name[REQUEST_TO_MAX] = '\0';
	list_add(&f->arguments.to, name);
	assert_int_equal(
	    request_make(&f->request, &f->arguments, NULL, &values, &e), STATUS_OK);
	request_clear(&f->request);
	list_add(&f->arguments.to, "y");
	assert_int_equal(
	    request_make(&f->request, &f->arguments, NULL, &values, &e), STATUS_INVALID);
	free(name);
}

static void
subjects_are_cleaned(void **state)
{
	struct fixture *f = *state;
	char text[REQUEST_SUBJECT_MAX + 2];
	struct error e;

	f->arguments.subject = " a\r\nBcc: b\xff ";
	assert_int_equal(
	    request_make(&f->request, &f->arguments, NULL, &values, &e), STATUS_OK);
	assert_string_equal(f->request.subject, "a  Bcc: b\xef\xbf\xbd");
	request_clear(&f->request);
	f->arguments.subject = "50 % off";
	assert_int_equal(
	    request_make(&f->request, &f->arguments, NULL, &values, &e), STATUS_INVALID);
	f->arguments.subject = " \t ";
	assert_int_equal(
	    request_make(&f->request, &f->arguments, NULL, &values, &e), STATUS_INVALID);
	memset(text, 's', sizeof(text));
	text[REQUEST_SUBJECT_MAX] = '\0';
	f->arguments.subject = text;
	assert_int_equal(
	    request_make(&f->request, &f->arguments, NULL, &values, &e), STATUS_OK);
	request_clear(&f->request);
	text[REQUEST_SUBJECT_MAX] = 's';
	text[REQUEST_SUBJECT_MAX + 1] = '\0';
	assert_int_equal(
	    request_make(&f->request, &f->arguments, NULL, &values, &e), STATUS_INVALID);
}

/* The settings' choice is an index into the table of papers. */
static void
papers_stand_in_the_settings_order(void **state)
{
	static const char *const names[] = { "a4", "a5", "letter", "legal", "max" };
	const struct setting *s = config_schema.settings;

	(void)state;
	while (s->section && (!s->name || strcmp(s->name, "paper") != 0))
		s++;
	assert_non_null(s->section);
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(s->choices[i], names[i]);
		assert_string_equal(scan_papers[i].name, names[i]);
	}
	assert_null(s->choices[5]);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(defaults_stand_alone),
		T(default_profile_is_used),
		T(command_line_goes_first),
		T(profiles_are_found_by_name),
		T(recipients_are_checked_before_paper_moves),
		T(long_recipients_are_refused),
		T(subjects_are_cleaned),
		T(papers_stand_in_the_settings_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
