#!/bin/sh
# tools/check under test: in a tree of its own, each kind of bad test turns the run red once, and
# the good ones beside it stay green.
set -u
# shellcheck source=tests/selftest/tap.sh
. "$(dirname "$0")/tap.sh"
limit=60 # seconds for a test file; less where one hangs
files=   # the scripts to run; all tests where it is empty

new_tree() { # an empty checkout with the tool under test
	root=$work/tree
	rm -rf "$root"
	mkdir -p "$root/tools" "$root/tests/unit" "$root/tests/integration" "$root/san/tests/unit"
	cp "$here/tools/check" "$root/tools/"
}

unit() { # unit NAME BODY: a unit test of one case, built as `make check` builds them
	cat >"$root/tests/unit/test_$1.c" <<-END
		#include <limits.h>
		#include <setjmp.h>
		#include <stdarg.h>
		#include <stddef.h>
		#include <stdint.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <unistd.h>
		#include <cmocka.h>
		static void works(void **state) { (void)state; $2 }
		int main(void)
		{
			const struct CMUnitTest tests[] = { cmocka_unit_test(works) };
			return cmocka_run_group_tests(tests, NULL, NULL);
		}
	END
	gcc -g -fsanitize=address,undefined -fno-sanitize-recover=all \
	    -o "$root/san/tests/unit/test_$1.t" "$root/tests/unit/test_$1.c" \
	    "$here/tests/unit/locale.c" -lcmocka || exit 1
}

script() { # script BODY: a TAP script
	printf '#!/bin/sh\n%s\n' "$1" >"$root/tests/integration/a.t"
	chmod +x "$root/tests/integration/a.t"
}

expect() { # expect green|red NAME PATTERN: runs the tree, or $files; PATTERN is in the output
	# shellcheck disable=SC2086 # a list of names
	(cd / && "$root/tools/check" "$root/build" "$root/san" $limit $files) >"$work/out" 2>&1
	status=$?
	verdict=$(sed -n '$s/^check: [0-9]* files, [0-9]* tests, [0-9]* skipped: //p' "$work/out")
	[ "$1$status$verdict" = green0PASS ] || [ "$1$status$verdict" = red1FAIL ]
	agreed=$?
	grep -q "$3" "$work/out" && [ $agreed = 0 ]
	result $? "$2: $1"
}

red_unit() { # red_unit NAME BODY PATTERN
	new_tree
	unit red "$2"
	expect red "$1" "$3"
}

red_script() { # red_script NAME BODY PATTERN: beside a script that passes
	new_tree
	script "$2"
	printf '#!/bin/sh\necho 1..1\necho ok 1\n' >"$root/tests/integration/b.t"
	chmod +x "$root/tests/integration/b.t"
	expect red "$1" "$3"
}

new_tree
unit green 'assert_int_equal(1, 1);'
script 'echo 1..2; echo ok 1; echo "ok 2 # SKIP no scanner"'
expect green 'passing tests' '^skipped: .*a.t: no scanner'
if [ -e /usr/share/i18n/locales/de_DE ]; then
	grep -q '^check: 3 files, 4 tests, 1 skipped' "$work/out"
	result $? 'files, tests and skips are counted'
	unit green 'char s[9]; snprintf(s, 9, "%.1f", 1.5); assert_string_equal(s, "1.5");'
	expect red 'a number printed with a comma' '"1,5" != "1.5"'
else
	grep -q '^check: 3 files, 3 tests, 2 skipped' "$work/out"
	result $? 'files, tests and skips are counted'
	result 0 'a number printed with a comma # SKIP the package "locales" is not installed'
fi

new_tree
unit skips 'print_message("# no scanner\n"); skip();'
expect green 'a skipped unit test' '^skipped: test_skips.t: works'

red_unit 'a failing unit test' 'assert_int_equal(1, 2);' '0x1 != 0x2'
red_unit 'a leak' 'char *volatile p = malloc(9); p[0] = 1; p = NULL;' 'detected memory leaks'
red_unit 'a read past the end' \
	'char *volatile p = malloc(9); volatile char c = p[9]; (void)c; free(p);' heap-buffer-overflow
red_unit 'an overflow of int' 'volatile int i = INT_MAX; i++;' 'signed integer overflow'
red_unit 'a unit test that crashes' 'abort();' 'test_red'
limit=2
red_unit 'a unit test that hangs' 'pause();' 'exited 124'
limit=60
new_tree
unit red 'assert_int_equal(1, 1);'
rm "$root/san/tests/unit/test_red.t"
expect red 'a unit test that was not built' 'test_red'
new_tree
expect red 'a tree without tests' '0 tests'

red_script 'a failing script' 'echo 1..1; echo not ok 1; echo "# the reason"' '# the reason'
red_script 'no plan' 'echo ok 1' 'No plan found'
red_script 'fewer tests than planned' 'echo 1..2; echo ok 1' 'planned 2'
red_script 'more tests than planned' 'echo 1..1; echo ok 1; echo ok 2' 'planned 1'
red_script 'no output' 'exit 0' 'No plan found'
red_script 'an exit status after all is well' 'echo 1..1; echo ok 1; exit 3' 'exited 3'
red_script 'death by a signal' 'echo 1..1; echo ok 1; kill -9 $$' 'Dubious\|wstat\|Non-zero'
red_script 'bailing out' 'echo 1..2; echo ok 1; echo "Bail out! no server"' 'no server'
limit=2
red_script 'hanging with a child' 'echo 1..1; echo ok 1; sleep 60 & wait' 'exited 124'
limit=60
new_tree
script 'echo 1..1; echo ok 1'
chmod -x "$root/tests/integration/a.t"
expect red 'a script that cannot be started' 'a.t'

new_tree
# shellcheck disable=SC2016 # expands in the script
script 'echo 1..1
[ -z "${CUPS_SERVER-}${SANE_CONFIG_DIR-}${POSTROOM_CONFIG-}${https_proxy-}${LC_ALL-}" ] ||
	printf "not "
echo ok 1'
export CUPS_SERVER=else SANE_CONFIG_DIR=/nowhere POSTROOM_CONFIG=/nowhere https_proxy=http://else
LC_ALL=C expect green 'settings of the caller stay out' PASS

new_tree
unit red 'assert_int_equal(1, 1);'
rm "$root/san/tests/unit/test_red.t"
script 'echo 1..1; echo ok 1'
mkdir -p "$root/tests/faults" "$root/build/faults"
touch "$root/build/faults/S1.json"
# shellcheck disable=SC2016 # expands in the script
printf '#!/bin/sh\necho 1..1\n%s\n' '[ -d "$POSTROOM_FAULTS" ] &&
	[ ! -e "$POSTROOM_FAULTS/S1.json" ] || printf "not "; echo ok 1' >"$root/tests/faults/a.t"
chmod +x "$root/tests/faults/a.t"
files=tests/faults/a.t
expect green 'a script that is named is run alone, with no record of a run before' \
	'^check: 1 files, 1 tests'
files='tests/faults/a.t tests/integration/none.t'
expect red 'a script that is named and missing' none.t
finish
