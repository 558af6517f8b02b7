#!/bin/sh
# tools/lint under test: each rule is shown failing once, alone, at its file and line, in a small
# tree that is clean without it.
# shellcheck disable=SC2016 # what is written into the tree is not for this shell
set -u
for tool in clang-format mandoc shellcheck; do
	command -v "$tool" >/dev/null || missing="${missing-}$tool "
done
[ -z "${missing-}" ] || { echo "1..0 # SKIP missing: $missing"; exit 0; }
# shellcheck source=tests/selftest/tap.sh
. "$(dirname "$0")/tap.sh"
root=$work/tree

write() { # write FILE TEXT, printf's escapes read
	mkdir -p "$(dirname "$root/$1")"
	# shellcheck disable=SC2059 # the text is the format
	printf "$2" >"$root/$1"
}

clean_tree() {
	rm -rf "$root"
	mkdir -p "$root"
	cp "$here/Makefile" "$here/.clang-format" "$root/"
	write README.md '# Name\n\n## A tour of the tree\n\n- `good`: one line\n\n## Licence\n'
	write lib/base/good.h '/* good: a module. */\nint good_add(int a);\n'
	write lib/base/good.c '#include "lib/base/good.h"\n\nint\ngood_add(int a)\n{\n\treturn a;\n}\n'
	write tests/unit/test_good.c '/* Its test. */\n'
	write tools/run '#!/bin/sh\necho "$1"\n'
	write tools/count.py '#!/usr/bin/python3\nprint(1)\n'
	write tools/sum '#!/usr/bin/perl\nuse strict;\nprint 1;\n'
	write docs/man/good.1 '.Dd November 22, 2026\n.Dt GOOD 1\n.Os\n.Sh NAME\n.Nm good\n'
	printf '.Nd does good\n.Sh DESCRIPTION\nText.\n' >>"$root/docs/man/good.1"
}

header() { # header FILE: an empty header, and its line in the tour
	write "$1" '/* A contract. */\n'
	name=$(basename "$1" .h)
	sed -i "s/^- /- \`$name\`: one line\n- /" "$root/README.md"
}

lines() { # lines N: N statements
	yes "$(printf '\ta++;')" | head -n "$1"
}

function_of() { # function_of N: a source with a function of N lines, from its name on
	printf 'int\nlong_one(int a)\n{\n'
	lines $(($1 - 4))
	printf '\treturn a;\n}\n'
}

run() {
	"$here/tools/lint" "$root" >"$work/out" 2>&1
	status=$?
}

green() { # green NAME
	run
	[ $status = 0 ] && grep -q '^lint: .* 0 findings: PASS$' "$work/out"
	result $? "$1: green"
}

red() { # red NAME FILE:LINE:RULE: this finding and no other; then the tree is clean again
	run
	start=$(echo "$2:" | sed 's/\([^:]*\):$/ \1:/')
	[ $status = 1 ] && head -n 1 "$work/out" | grep -qF "$start" &&
	    tail -n 1 "$work/out" | grep -q ' 1 finding: FAIL$'
	result $? "$1: red"
	clean_tree
}

clean_tree
green 'a clean tree'

write lib/base/good.c '#include "lib/base/good.h"\n\nint\ngood_add(int a) {\n\treturn a;\n}\n'
red 'a misformatted file' lib/base/good.c:4:format

# layers
header lib/mail/high.h
header lib/doc/high.h
header lib/account/secret.h
write lib/base/good.h '#include "lib/mail/high.h"\n'
cp -r "$root" "$work/rooms"
red 'an upward include' lib/base/good.h:1:layers
rooms() { # rooms FILE HEADER: a file that includes a header of another room
	rm -rf "$root"
	cp -r "$work/rooms" "$root"
	write lib/base/good.h '/* good */\n'
	write "$1" "/* A file. */\n#include \"$2\"\n"
}
rooms lib/mail/high.h lib/doc/high.h
red 'mail that includes doc' lib/mail/high.h:2:layers
rooms lib/doc/high.h lib/mail/high.h
red 'doc that includes mail' lib/doc/high.h:2:layers
rooms lib/mail/high.h lib/account/secret.h
red 'mail that includes send' lib/mail/high.h:2:layers
rooms lib/account/secret.h backend/job.h
red 'a library that includes a program' lib/account/secret.h:2:layers
rooms backend/job.h scan2mail/page.h
red 'a program that includes another' backend/job.h:2:layers
rooms scan2mail/page.h lib/account/secret.h
red 'scan2mail that includes the secret' scan2mail/page.h:2:layers
rooms backend/job.h lib/account/secret.h
green 'a downward include'
clean_tree

for pair in backend/a.h=curl/curl.h scan2mail/a.h=curl/curl.h lib/send/good.h=cups/cups.h \
    lib/doc/good.h=sane/sane.h backend/a.h=sane/sane.h; do
	write "${pair%=*}" "#include <${pair#*=}>\n"
	red "${pair%=*} that includes ${pair#*=}" "${pair%=*}:1:layers"
done
for alone in magic.h jpeglib.h tiffio.h; do
	write backend/a.h "#include <$alone>\n"
	green "$alone in one file"
	write backend/b.h "#include <$alone>\n"
	red "$alone in two files" backend/b.h:1:layers
done

# sizes
function_of 60 >"$root/backend.c"
green 'a function of 60 lines'
function_of 61 >"$root/backend.c"
red 'a function of 61 lines' backend.c:2:sizes
write a.c 'static void\nmany(int a, int b, int (*c)(int, int), int d, int e)\n{\n}\n'
green 'a function of 5 parameters'
write a.c 'static void\nmany(int a, int b, int (*c)(int), int d,\n    int e, int f)\n{\n}\n'
sed -i 'N;N;s/,\n    int e/, int e/' "$root/a.c"
clang-format -i "$root/a.c"
red 'a function of 6 parameters' a.c:2:sizes
yes '# a line' | head -n 600 >"$root/a.py"
green 'a file of 600 lines'
yes '# a line' | head -n 601 >"$root/a.py"
red 'a file of 601 lines' a.py:601:sizes

# banned calls
for call in strcpy strcat sprintf vsprintf gets stpcpy strtok atoi atol atoll atof mktemp tmpnam \
    tempnam alloca system popen wordexp execlp execvp execvpe posix_spawnp; do
	write "$call.c" "void\nf(void)\n{\n\t$call(a);\n}\n"
done
run
missed=0
for file in "$root"/*.c; do
	grep -q "^$(basename "$file"):4: banned: $(basename "$file" .c)()" "$work/out" || missed=1
done
set -- "$root"/*.c
[ $missed = 0 ] && [ "$(grep -c ' banned: ' "$work/out")" = $# ]
result $? 'banned calls, each by its name: red'
clean_tree
write a.c '/* strcpy(a) is banned,\n * system(a) too. */\nconst char *t = "\\"gets(a)\\"";\n'
echo 'int my_system(int);' >>"$root/a.c"
green 'banned calls in comments, texts and longer names'
write a.c '/* A comment,\n * of two lines. */\nchar *a = "\\"", *b = "\\"";\nint c = atoi(a);\n'
red 'a banned call behind quotes' a.c:4:banned
write a.py 'import subprocess\nsubprocess.run("ls", shell=''True)\n'
red 'a shell in Python' a.py:2:banned

# modules
rm "$root/lib/base/good.h"
sed -i '/include/,+1d' "$root/lib/base/good.c"
red 'a module without a header' lib/base/good.c:1:module
rm "$root/tests/unit/test_good.c"
red 'a module without a test' lib/base/good.c:1:module
write README.md '# Name\n\ngood\n\n## A tour\n\n- `goods`: one line\n\n## Licence\n\ngood\n'
red 'a module that the tour forgets' lib/base/good.h:1:tour

# scripts and pages
write tools/run '#!/bin/sh\necho $1\n'
red 'a shell script that shellcheck blames' tools/run:2:shell
write tools/count '#!/usr/bin/python3\nprint(1\n'
red 'a Python script that does not compile' tools/count:2:python
[ -z "$(find "$root" -name '*.pyc')" ]
result $? 'no compiled Python is left'
write tools/sum '#!/usr/bin/perl\nuse strict;\n$a = ;\n'
red 'a Perl script that does not compile' tools/sum:1:perl
printf '.Xx unknown\n' >>"$root/docs/man/good.1"
red 'a man page that mandoc blames' docs/man/good.1:9:manual

# words and bytes
for word in "TO""DO" "FIX""ME" "X""XX"; do
	write conf/a.conf "# fine\n# $word: later\n"
	red "$word" conf/a.conf:2:unfinished
done
write conf/a.conf 'a = 1 \nb = 2\n'
red 'a blank at the end of a line' conf/a.conf:1:blanks
write conf/a.conf 'a = 1\nb = 2'
red 'a last line without its end' conf/a.conf:2:blanks
write tests/golden/a.eml 'A: \r\n'
green 'bytes that a test compares'
write conf/a.pem '# key\n-----BEGIN RSA PRIVATE'' KEY-----\n'
red 'a private key' conf/a.pem:2:secret

# A tool that is missing is not a clean tree.
mkdir "$work/bin"
for tool in make sh clang-format find python3 shellcheck perl; do
	ln -s "$(command -v $tool)" "$work/bin/"
done
PATH=$work/bin run
[ $status = 1 ] && grep -q ' manual: cannot be checked: .*mandoc' "$work/out"
result $? 'a missing tool: red'
finish
