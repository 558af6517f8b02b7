/* Tests of lib/account/config.c: [scan NAME] and [button DEVICE OPTION]. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/account/config.h"

static struct config *
parse(const char *text)
{
	struct config *c = NULL;
	struct error e = { "" };

	if (config_parse(&c, text, strlen(text), "FILE", &e) != STATUS_OK)
		fail_msg("%s", e.text);
	return c;
}

static void
assert_refused(const char *text, const char *sentence)
{
	struct config *c = NULL;
	struct error e = { "" };

	assert_int_equal(
	    config_parse(&c, text, strlen(text), "FILE", &e), STATUS_SETTINGS);
	assert_null(c);
	if (!strstr(e.text, sentence))
		fail_msg("'%s' lacks '%s'", e.text, sentence);
}

static void
profile_has_defaults(void **state)
{
	struct config *c = parse("[scan default]\n");
	const struct scan_profile *p = config_profile(c, "default");

	(void)state;
	assert_non_null(p);
	assert_string_equal(p->device, "");
	assert_int_equal(p->source, SOURCE_AUTO);
	assert_int_equal(p->mode, MODE_AUTO);
	assert_int_equal(p->resolution, 300);
	assert_float_equal(p->paper.width, 210, 0);
	assert_float_equal(p->paper.height, 297, 0);
	assert_string_equal(p->to, "");
	assert_string_equal(p->subject, "Scan %d %t");
	assert_string_equal(p->filename, "");
	assert_string_equal(p->queue, "");
	assert_int_equal(p->quality, 75);
	assert_int_equal(p->partial, PARTIAL_SEND);
	assert_int_equal(p->rotate_back, ROTATE_BACK_0);
	assert_int_equal(p->waits.busy, 60);
	assert_int_equal(p->waits.open, 60);
	assert_int_equal(p->waits.start, 180);
	assert_int_equal(p->waits.progress, 60);
	assert_int_equal(p->waits.close, 30);
	assert_int_equal(p->option.count, 0);
	assert_int_equal(p->place.line, 1);
	assert_int_equal(c->button_poll, 500);
	assert_int_equal(c->button_count, 0);
	config_free(c);
}

static void
profile_says_all(void **state)
{
	struct config *c = parse("[scan a]\n[scan Desk-2]\n"
				 "device = airscan:e0:Office MFP\nsource = adf-duplex\n"
				 "mode = bw\nresolution = 1200\npaper = 89x127\n"
				 "to = Accounting, b@example.com\nsubject = No. %n\n"
				 "filename = %p-%n\nqueue = mail\nquality = 95\n"
				 "partial = drop\nrotate-back = 180\nwait-busy = 0s\n"
				 "wait_open = 1s\nwait_start = 1h\nwait_progress = 2m\n"
				 "wait_close = 3s\noption.swskip = 20\n"
				 "option.button 0 = yes\n");
	const struct scan_profile *p = config_profile(c, "Desk-2");

	(void)state;
	assert_non_null(p);
	assert_string_equal(p->device, "airscan:e0:Office MFP");
	assert_int_equal(p->source, SOURCE_ADF_DUPLEX);
	assert_int_equal(p->mode, MODE_BW);
	assert_int_equal(p->resolution, 1200);
	assert_float_equal(p->paper.width, 89, 0);
	assert_string_equal(p->to, "Accounting, b@example.com");
	assert_string_equal(p->subject, "No. %n");
	assert_string_equal(p->filename, "%p-%n");
	assert_string_equal(p->queue, "mail");
	assert_int_equal(p->quality, 95);
	assert_int_equal(p->partial, PARTIAL_DROP);
	assert_int_equal(p->rotate_back, ROTATE_BACK_180);
	assert_int_equal(p->waits.busy, 0);
	assert_int_equal(p->waits.open, 1);
	assert_int_equal(p->waits.start, 3600);
	assert_int_equal(p->waits.progress, 120);
	assert_int_equal(p->waits.close, 3);
	assert_int_equal(p->option.count, 2);
	assert_string_equal(p->option.item[0].name, "swskip");
	assert_string_equal(p->option.item[0].value, "20");
	assert_string_equal(p->option.item[1].name, "button 0");
	assert_int_equal(p->place.line, 2);
	assert_int_equal(config_profile(c, "a")->option.count, 0);
	config_free(c);
}

static void
bad_profiles_are_refused(void **state)
{
	(void)state;
	assert_refused(
	    "[scan a]\nsource = tray\n", "FILE:2: source: none of its choices");
	assert_refused("[scan a]\npaper = 1x1\n", "FILE:2: paper: not a size of paper");
	assert_refused("[scan a]\nquality = 96\n", "a number from 10 to 95");
	assert_refused("[scan a]\nrotate_back = 90\n", "allowed: 0, 180");
	assert_refused("[scan a]\npartial = keep\n", "allowed: send, hold, drop");
	assert_refused("[scan a]\nwait_open = 0s\n", "from 1s to 1h");
	assert_refused("[scan a]\nfilename = %x\n", "FILE:2: filename:");
	assert_refused("[scan a]\noption. = 1\n", "option.NAME");
	assert_refused("[scan a/b]\n", "[scan a/b]: not a name");
	assert_refused("[scan a]\noption.x = 1\noption.x = 2\n", "option.x comes twice");
	assert_refused("[scan a]\noption.own:1 = 3\n",
	    "FILE:2: ':' behind 'option.own'; allowed: option.NAME = value");
	assert_refused("[scan a]\noption.x: 3\n", "option.NAME = value");
}

static void
buttons_are_read(void **state)
{
	struct config *c = parse("[postroom]\nbutton_poll = 100\n"
				 "[button fujitsu:fi-7160:1 scan]\n"
				 "[button \"airscan:[::1] x\" \"button 0\"]\n"
				 "value = file*\nprofile = Desk\npause = 2s\n"
				 "[button fujitsu:fi-7160:1 function]\nvalue = 1\n"
				 "[button fujitsu:fi-7160:1 function]\nvalue = 2\n");
	const struct button *b = c->button;

	(void)state;
	assert_int_equal(c->button_poll, 100);
	assert_int_equal(c->button_count, 4);
	assert_string_equal(b[0].device, "fujitsu:fi-7160:1");
	assert_string_equal(b[0].option, "scan");
	assert_string_equal(b[0].value, "");
	assert_string_equal(b[0].profile, "default");
	assert_int_equal(b[0].pause, 0);
	assert_int_equal(b[0].place.line, 3);
	assert_string_equal(b[1].device, "airscan:[::1] x");
	assert_string_equal(b[1].option, "button 0");
	assert_string_equal(b[1].value, "file*");
	assert_string_equal(b[1].profile, "Desk");
	assert_int_equal(b[1].pause, 2);
	assert_string_equal(b[2].value, "1");
	assert_string_equal(b[3].option, "function");
	assert_string_equal(b[3].value, "2");
	config_free(c);
}

static void
bad_buttons_are_refused(void **state)
{
	(void)state;
	assert_refused("[button]\n", "FILE:1: [button]; allowed: [button NAME]");
	assert_refused("[button scan]\n", "FILE:1: [button scan]: a button wants");
	assert_refused("[button a b]\nprofile = a/b\n", "FILE:2: profile: not a name");
	assert_refused("[button a b]\nprofile =\n", "FILE:2: profile: too short");
	assert_refused("[button a b]\npause = 2h\n", "from 0s to 1h");
	assert_refused("[postroom]\nbutton_poll = 99\n", "a number from 100 to 60000");
}

/* Also of what had begun when it was refused, all is freed: the sanitizer looks. */
static void
buttons_have_a_limit(void **state)
{
	char text[(CONFIG_BUTTONS_MAX + 1) * 32] = "";
	size_t len = 0;

	(void)state;
	for (int i = 0; i < CONFIG_BUTTONS_MAX; i++)
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "[button test:%d scan]\n", i);
	config_free(parse(text));
	snprintf(text + len, sizeof(text) - len, "[button test:0 scan]\n");
	assert_refused(text, "too many buttons; allowed: 64");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(profile_has_defaults),
		cmocka_unit_test(profile_says_all),
		cmocka_unit_test(bad_profiles_are_refused),
		cmocka_unit_test(buttons_are_read),
		cmocka_unit_test(bad_buttons_are_refused),
		cmocka_unit_test(buttons_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
