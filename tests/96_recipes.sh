#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What Documentation/recipes.md says, done: blocks of commands are run in the netns that
# follow "sh", RouterOS's are read by `ipipctl import`, and comments of the page set the
# lab up and check what has come of it.
. ./lib.sh

if [ "$IPIP" = in-tree ]; then
	skip "recipes" "they use what the in-tree driver doesn't have"
	exit
fi

page=../Documentation/recipes.md
export PATH=$PWD/../build/tools:$PATH ASAN_OPTIONS=detect_leaks=0

# Each recipe's steps, in order: RECIPE/NUMBER.KIND has the text, and .to the netns of
# a block or the name of a check.
split() {
	python3 - "$page" "$WORK/recipes" <<- 'END'
		import os, re, sys
		page, out = sys.argv[1:]
		step = re.compile(r"^```(sh|routeros) ([a-z ]+)\n(.*?)^```$|^<!-- lab\n(.*?)^-->$|"
		                  r"^<!-- check ([^:]*): (.*?) -->$", re.M | re.S)
		for number, section in enumerate(open(page).read().split("\n## ")[1:]):
		    name, _, body = section.partition("\n")
		    where = f"{out}/{number:02}"
		    os.makedirs(where)
		    open(f"{where}/name", "w").write(name)
		    for i, m in enumerate(step.finditer(body)):
		        kind = m[1] or ("lab" if m[4] is not None else "check")
		        open(f"{where}/{i:02}.{kind}", "w").write(m[3] or m[4] or m[6])
		        open(f"{where}/{i:02}.to", "w").write(m[2] or m[5] or "")
	END
}

shows() {	# NETNS TUNNEL PROPERTY VALUE
	[ "$(ns "$1" ipipctl get "$2" "$3")" = "$4" ]
}

# What RouterOS would make of its lines.
routeros() {	# NETNS FILE
	local words

	ns "$1" ipipctl import "$2" || return 1
	sed -n 's/^add address=\(.*\) interface=\(.*\)/addr add \1 dev \2/p
		s/^add dst-address=\(.*\) gateway=\(.*\)/route add \1 via \2/p' "$2" |
		while read -r -a words; do
			ip -n "$1" "${words[@]}" || return 1
		done
}

recipe() {	# FOLDER
	local name file n to
	name=$(cat "$1/name")

	for file in "$1"/*.*; do
		[ "${file##*.}" != to ] || continue
		to=$(cat "${file%.*}.to")
		case $file in
		*.lab)
			# shellcheck disable=SC1090 # made above
			. "$file" > "$WORK/lab" 2>&1 || sed 's/^/# /' "$WORK/lab"
			;;
		*.check)
			check "$name: $to" eval "$(cat "$file")"
			;;
		*.routeros)
			check "$name: RouterOS's lines" routeros "$to" "$file"
			;;
		*)
			for n in $to; do
				check "$name: commands at $n" ns "$n" bash -e "$file"
			done
			;;
		esac
	done
	ns_clean
}

split
for folder in "$WORK"/recipes/*; do
	recipe "$folder"
done
check "there were some" [ "$_n" -gt 35 ]
