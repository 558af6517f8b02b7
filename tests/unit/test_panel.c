/* Tests of scan2mail/panel.c that no golden file of a scanner shows (test_controls.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scan2mail/panel.h"

enum { LOOKS = 40 }; /* more than a round has */

/* A scanner whose two options change their names at one of the looks at them. */
static int looks, turn;
static SANE_Word word[3];

const SANE_Option_Descriptor *
sane_get_option_descriptor(SANE_Handle handle, SANE_Int number)
{
	static SANE_Option_Descriptor option[] = {
		{ .name = "", .type = SANE_TYPE_INT },
		{ .name = "a", .type = SANE_TYPE_INT },
		{ .name = "b", .type = SANE_TYPE_INT },
	};
	static const char *const names[][3] = { { "", "level", "other" },
		{ "", "LEVEL", "level" } };

	(void)handle;
	if (number < 0 || number > 2)
		return NULL;
	if (number > 0)
		looks++;
	for (int i = 0; i < 3; i++) {
		option[i].name = names[looks >= turn][i];
		option[i].size = sizeof(SANE_Word);
		option[i].cap = SANE_CAP_SOFT_DETECT | SANE_CAP_SOFT_SELECT;
	}
	return &option[number];
}

SANE_Status
sane_control_option(
    SANE_Handle handle, SANE_Int number, SANE_Action action, void *value, SANE_Int *info)
{
	(void)handle;
	if (info)
		*info = 0;
	if (number == 0)
		*(SANE_Word *)value = 3;
	else if (action == SANE_ACTION_SET_VALUE)
		word[number] = *(SANE_Word *)value;
	else
		*(SANE_Word *)value = word[number];
	return SANE_STATUS_GOOD;
}

static void
names_may_change_between_two_looks(void **state)
{
	struct pairs own = { 0 };
	struct error e = { "" };

	(void)state;
	assert_true(pairs_add(&own, "level", "7"));
	for (turn = 0; turn < LOOKS; turn++) {
		struct panel panel = { .own = &own };

		looks = 0;
		memset(word, 0, sizeof(word));
		if (panel_set_rest(&panel, &e) != STATUS_OK)
			fail_msg("at look %d: %s", turn, e.text);
		assert_int_equal(word[1] + word[2], 7);
	}
	assert_true(looks > 0 && looks < LOOKS); /* each was tried */
	pairs_clear(&own);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_may_change_between_two_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
