#!/bin/sh
# tools/bench under test: a figure that misses its limit is told and no error, one that could not
# be measured is.
set -u
# shellcheck source=tests/selftest/tap.sh
. "$(dirname "$0")/tap.sh"

benchmark() { # benchmark NAME BODY: a benchmark beside the tool under test
	mkdir -p "$work/tools" "$work/tests/bench"
	cp "$here/tools/bench" "$work/tools/"
	cp "$here/tests/bench/measure.py" "$work/tests/bench/"
	cat >"$work/tests/bench/bench_$1.py" <<-END
		#!/usr/bin/python3
		import measure
		def bench(build, folder):
		    report = measure.Report("the $1 one")
		    $2
		measure.main(bench)
	END
	chmod +x "$work/tests/bench/bench_$1.py"
}

run() {
	"$work/tools/bench" "$work/build" >"$work/out" 2>&1
	status=$?
}

benchmark good 'report.figure("even", 2, "s", 2); report.figure("over", 2.01, "", 2)'
run
[ $status = 0 ] && grep -q '^  even .* 2.000 s .*  ok$' "$work/out"
result $? 'a figure at its limit is ok'
grep -q '^  over .* 2.010 .*  short$' "$work/out" && grep -q ' 0 not measured$' "$work/out"
result $? 'a figure over its limit is short, and no error'
[ "$(wc -l <"$work/build/bench.json")" = 2 ] && grep -q '"short": true' "$work/build/bench.json"
result $? 'the figures stand in bench.json'

benchmark bad 'measure.Run(["false"], folder=folder).wait()'
run
[ $status = 1 ] && grep -q 'not measured: false ended with 1' "$work/out" &&
    grep -q '^bench: 2 benchmarks, 1 not measured$' "$work/out"
result $? 'a program that fails was not measured'
benchmark bad 'measure.program(build, "mailto")'
run
[ $status = 1 ] && grep -q 'not measured: .*/mailto is missing' "$work/out"
result $? 'nor is one that is missing'
benchmark bad 'raise KeyError("x")'
run
[ $status = 1 ] && grep -q '^bench: 2 benchmarks, 1 not measured$' "$work/out"
result $? 'nor one whose benchmark is broken'
finish
