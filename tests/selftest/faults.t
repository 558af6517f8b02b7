#!/bin/sh
# docs/faults.md is what the tests declare, and tools/faults under test: in a tree of its own each
# way in which page and tests can part is told.
set -u
# shellcheck source=tests/selftest/tap.sh
. "$(dirname "$0")/tap.sh"

"$here/tools/faults" verify >"$work/out" 2>&1
result $? 'docs/faults.md has the rows that the tests declare, each seen as expected'
[ "$("$here/tools/faults" files | sed -n 1p)" = tests/faults/waits.t ]
result $? 'the test that waits longest is run first'

root=$work/tree
mkdir -p "$root/tools" "$root/docs" "$root/tests/integration" "$root/tests/faults" "$root/build"
cp "$here/tools/faults" "$root/tools/"
cp -r "$here/tests/fakes" "$root/tests/"
cp -r "$here/tests/integration/rig" "$root/tests/integration/"
grep -o 'tests/[a-z/_]*\.[ct]' "$root/tools/faults" | while read -r test; do
	mkdir -p "$root/${test%/*}"
	touch "$root/$test"
done
declare_all() { # declare_all: one test file that declares every row that is not told as absent
	cat >"$root/tests/integration/all.t" <<-END
		import runpy
		from rig import faults
		tool = runpy.run_path("$here/tools/faults")
		rows = [f"{part[0]}{number}" for part in tool["PARTS"]
		        for number in range(1, part[2] + 1)]
		for name in rows:
		    if name not in tool["ABSENT"]:
		        faults.row(name, f"fault {name} | with a bar", "expected")(lambda house: "seen")
	END
}
see() { # see VERDICT ROW…: what a run left of these rows
	mkdir -p "$root/build/faults"
	verdict=$1
	shift
	for row; do
		printf '{"id": "%s", "verdict": "%s", "seen": "sent | once"}\n' "$row" "$verdict" \
		    >"$root/build/faults/$row.json"
	done
}
faults() { # faults COMMAND…: runs the tree's tool
	"$root/tools/faults" "$@" >"$work/out" 2>&1
}
fails() { # fails COMMAND WORDS NAME
	# shellcheck disable=SC2086 # a list of words
	faults $1 && status=1 || status=0
	grep -q "$2" "$work/out" || status=1
	result "$status" "$3"
}

declare_all
rows=$(cd "$root" && python3 -B -c '
import sys
sys.path[:0] = ["tests/integration", "tests"]
from rig import faults
exec(open("tests/integration/all.t").read())
print(*faults.ROWS)')
# shellcheck disable=SC2086 # a list of words
see seen $rows
faults write "$root/build" && faults verify
result $? 'a run that saw all rows makes a page that holds'
see failed S1
fails "write $root/build" '^faults: S1: \*\*FAILED' 'a row that failed is told'
fails verify '^faults: S1: was not seen' 'and does not pass on the page'
see skipped S1
fails "write $root/build" '^faults: S1: \*\*SKIPPED' 'so is one that was skipped'
rm "$root/build/faults/S1.json"
fails "write $root/build" '^faults: S1: \*\*NOT RUN' 'and one that was not run'
see seen S1
faults write "$root/build"
sed -i '/^| S2 /d' "$root/docs/faults.md"
fails verify '^faults: S2: is not on the page' 'a row that the page lacks'
faults write "$root/build"
sed -i 's/^| S2 | fault S2/| S2 | another fault/' "$root/docs/faults.md"
fails verify '^faults: S2: the page tells of another' 'a row that was changed by hand'
echo 'faults.row("S1b", "more", "more")(lambda house: "")' >>"$root/tests/integration/all.t"
faults write "$root/build"
sed -i '/^| S1b /d' "$root/docs/faults.md"
fails verify '^faults: S1b: is not on the page' 'a new row that nobody ran'
echo 'faults.row("S1", "again", "again")(lambda house: "")' >>"$root/tests/integration/all.t"
fails verify 'S1 is declared twice' 'a row that is declared twice'
rm "$root/tests/unit/test_secret.c"
declare_all
fails verify '^faults: F2: tests/unit/test_secret.c is missing' 'a test that is named and gone'
touch "$root/tests/unit/test_secret.c"
sed -i 's/not in tool\["ABSENT"\]/not in ("S3", *tool["ABSENT"])/' "$root/tests/integration/all.t"
fails verify '^faults: S3: no test declares it' 'a row of the matrix without a test'
declare_all
echo 'faults.row("S18", "x", "x")(lambda house: "")' >>"$root/tests/integration/all.t"
fails verify '^faults: S18: both declared' 'a row that is declared and told as absent'
finish
