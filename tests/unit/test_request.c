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
			       "paper = max\n"
			       "[scan full]\n"
			       "source = adf-duplex\n"
			       "paper = 89x127\n"
			       "quality = 50\n"
			       "partial = hold\n"
			       "rotate_back = 180\n"
			       "filename = %p/%t no. %n.pdf\n"
			       "wait_open = 7s\n"
			       "option.swskip = 20\n"
			       "option.swdeskew = yes\n";

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
	f->arguments.partial = f->arguments.rotate_back = ARGUMENTS_UNSET;
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	request_clear(&f->request);
	list_clear(&f->arguments.to);
	pairs_clear(&f->arguments.option);
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
	assert_float_equal(r->paper.width, 210, 0);
	assert_string_equal(r->profile, "default");
	assert_string_equal(r->filename, "");
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
	assert_float_equal(f->request.paper.width, 0, 0);
	assert_string_equal(f->request.profile, "wide");
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
		"Board, ann@exa mple.com", "bob@example.com\nBcc: eve@example.com", "",
		"Board\x1b[2J", "Bo\tard", "Board, B\xff", "Bo\342\200\256ard", "Bo\x7f",
		"Bo\nard" };
	static const char *const good[] = { "Board", "B\303\274ro, Accounts  dept.",
		"\"a b\"" };
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
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		list_add(&f->arguments.to, good[i]);
		if (request_make(&f->request, &f->arguments, NULL, &values, &e) !=
		    STATUS_OK)
			fail_msg("%s: %s", good[i], e.text);
		request_clear(&f->request);
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

/* Without a settings file all is as in an empty profile. */
static void
defaults_are_the_table_s(void **state)
{
	struct fixture *f = *state;
	struct request bare;
	struct error e;

	f->arguments.profile = "bare";
	assert_int_equal(
	    request_make(&bare, &f->arguments, f->config, &values, &e), STATUS_OK);
	f->arguments.profile = NULL;
	assert_int_equal(
	    request_make(&f->request, &f->arguments, NULL, &values, &e), STATUS_OK);
	assert_int_equal(f->request.resolution, bare.resolution);
	assert_int_equal(f->request.source, bare.source);
	assert_int_equal(f->request.mode, bare.mode);
	assert_int_equal(f->request.quality, bare.quality);
	assert_int_equal(f->request.partial, bare.partial);
	assert_int_equal(f->request.rotate_back, bare.rotate_back);
	assert_memory_equal(&f->request.paper, &bare.paper, sizeof(bare.paper));
	assert_memory_equal(&f->request.waits, &bare.waits, sizeof(bare.waits));
	assert_string_equal(f->request.subject, bare.subject);
	assert_string_equal(f->request.filename, bare.filename);
	assert_false(bare.more);
	assert_int_equal(bare.backs, BACKS_NONE);
	assert_int_equal(bare.option.count, 0);
	request_clear(&bare);
}

static void
profile_gives_all_its_fields(void **state)
{
	struct template_values numbered = values;
	struct fixture *f = *state;
	const struct request *r = &f->request;
	struct error e;

	f->arguments.profile = "full";
	numbered.number = 12;
	assert_int_equal(
	    request_make(&f->request, &f->arguments, f->config, &numbered, &e),
	    STATUS_OK);
	assert_int_equal(r->source, SOURCE_ADF_DUPLEX);
	assert_float_equal(r->paper.height, 127, 0);
	assert_int_equal(r->quality, 50);
	assert_int_equal(r->partial, PARTIAL_HOLD);
	assert_int_equal(r->rotate_back, 180);
	assert_string_equal(r->filename, "full 12 00 no. 12.pdf");
	assert_int_equal(r->waits.open, 7);
	assert_int_equal(r->waits.close, 30);
	assert_int_equal(r->option.count, 2);
	assert_string_equal(r->option.item[0].name, "swskip");
	assert_string_equal(r->option.item[1].value, "yes");
}

static void
new_arguments_go_first(void **state)
{
	struct template_values numbered = values;
	struct fixture *f = *state;
	const struct request *r = &f->request;
	struct error e;

	numbered.number = 12;
	f->arguments.profile = "full";
	f->arguments.has_paper = true;
	f->arguments.paper = (struct paper){ 0, 0 };
	f->arguments.quality = 95;
	f->arguments.partial = PARTIAL_SEND;
	f->arguments.rotate_back = ROTATE_BACK_0;
	f->arguments.more = true;
	pairs_add(&f->arguments.option, "swskip", "5");
	pairs_add(&f->arguments.option, "ald", "no");
	assert_int_equal(
	    request_make(&f->request, &f->arguments, f->config, &numbered, &e),
	    STATUS_OK);
	assert_float_equal(r->paper.height, 0, 0);
	assert_int_equal(r->quality, 95);
	assert_int_equal(r->partial, PARTIAL_SEND);
	assert_int_equal(r->rotate_back, 0);
	assert_true(r->more);
	assert_int_equal(r->option.count, 3);
	assert_string_equal(r->option.item[0].name, "swdeskew");
	assert_string_equal(r->option.item[1].name, "swskip");
	assert_string_equal(r->option.item[1].value, "5");
	assert_string_equal(r->option.item[2].name, "ald");
}

static void
backs_want_a_feeder(void **state)
{
	struct fixture *f = *state;
	struct error e = { "" };

	f->arguments.backs = BACKS_SAME;
	assert_int_equal(
	    request_make(&f->request, &f->arguments, NULL, &values, &e), STATUS_OK);
	assert_int_equal(f->request.source, SOURCE_ADF);
	assert_int_equal(f->request.backs, BACKS_SAME);
	request_clear(&f->request);
	assert_int_equal(request_make(&f->request, &f->arguments, f->config, &values, &e),
	    STATUS_SETTINGS);
	assert_non_null(strstr(e.text, "add -S adf"));
	f->arguments.source = SOURCE_ADF;
	assert_int_equal(
	    request_make(&f->request, &f->arguments, f->config, &values, &e), STATUS_OK);
}

static void
numbers_are_asked_for_beforehand(void **state)
{
	struct fixture *f = *state;
	struct error e;

	assert_null(request_numbered(&f->arguments, NULL));
	assert_null(request_numbered(&f->arguments, f->config));
	f->arguments.subject = "No. %n";
	assert_string_equal(request_numbered(&f->arguments, NULL), "default");
	assert_string_equal(request_numbered(&f->arguments, f->config), "default");
	assert_int_equal(
	    request_make(&f->request, &f->arguments, NULL, &values, &e), STATUS_INVALID);
	f->arguments.profile = "none";
	assert_null(request_numbered(&f->arguments, f->config));
	f->arguments.subject = NULL;
	f->arguments.profile = "full"; /* its file's name */
	assert_string_equal(request_numbered(&f->arguments, f->config), "full");
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
		T(defaults_are_the_table_s),
		T(profile_gives_all_its_fields),
		T(new_arguments_go_first),
		T(backs_want_a_feeder),
		T(numbers_are_asked_for_beforehand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
