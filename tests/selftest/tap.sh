# shellcheck shell=sh
# What the tests of the tools share: the checkout, a scratch folder, and lines of TAP.
here=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
count=0

result() { # result STATUS NAME: one TAP line; a failure shows $work/out, the last run
	count=$((count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $count - $2"
	else
		echo "not ok $count - $2"
		sed 's/^/# /' "$work/out"
	fi
}

finish() {
	echo "1..$count"
}
