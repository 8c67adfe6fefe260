# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Runs a page of Documentation/ as a test. A block of commands runs in the netns named after "sh", and
# `ipipctl import` reads RouterOS's blocks. Comments in the page set the lab up and check the results. A
# block without a word after its ``` isn't run. Sourced after lib.sh.
#
#   recipes PAGE LIST	run the page. LIST has the names of its sections, one per line, so that none is
#			missed

export PATH=$PWD/../build/tools:$PATH ASAN_OPTIONS=detect_leaks=0

# Splits the page into the steps of its recipes: the file RECIPE/NUMBER.KIND has the text of a step, and
# NUMBER.to has the netns of a block or the name of a check. Fails if something that looks like a step
# can't be parsed, or if a recipe has no block or no check.
split() {
	python3 - "$page" "$WORK/recipes" <<- 'END'
		import os, re, sys
		page, out = sys.argv[1:]
		step = re.compile(r"^```(sh|routeros) ([a-z ]+)\n(.*?)^```$|^<!-- lab\n(.*?)^-->$|"
		                  r"^<!-- (check|needs) ([^:]*): (.*?) -->$", re.M | re.S)
		begin = re.compile(r"^ *(```\S|<!--)", re.M)
		intro, *sections = open(page).read().split("\n## ")
		if begin.search(intro):
		    sys.exit("a step that is in no recipe")
		for number, section in enumerate(sections):
		    name, _, body = section.partition("\n")
		    found = [m[0][:4] for m in step.finditer(body)]
		    begun = len(begin.findall(body))
		    if begun != len(found):
		        sys.exit(f"{name}: {begun - len(found)} of {begun} steps aren't understood")
		    if not any(m.startswith("```") for m in found) or "\n<!-- check " not in body:
		        sys.exit(f"{name}: nothing is done, or nothing is checked")
		    where = f"{out}/{number:02}"
		    os.makedirs(where)
		    open(f"{where}/name", "w").write(name)
		    for i, m in enumerate(step.finditer(body)):
		        kind = m[1] or m[5] or "lab"
		        open(f"{where}/{i:02}.{kind}", "w").write(m[3] or m[4] or m[7])
		        open(f"{where}/{i:02}.to", "w").write(m[2] or m[6] or "")
	END
}

shows() {	# NETNS TUNNEL PROPERTY VALUE
	[ "$(ns "$1" ipipctl get "$2" "$3")" = "$4" ]
}

# True once keepalive has counted an answer. The device is running even before that.
answered() {	# NETNS TUNNEL
	ns "$1" ethtool -S "$2" | grep -q 'keepalive_answered: [1-9]'
}

# Does what RouterOS would do with its lines.
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
		*.needs)
			if ! eval "$(cat "$file")" > /dev/null 2>&1; then
				skip "$name" "this kernel doesn't have $to"
				break
			fi
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

recipes() {	# PAGE LIST
	local folder

	page=$1
	mkdir "$WORK/recipes"
	check "the page can be parsed" split
	is "the page has the recipes of the list" "$(awk 1 "$WORK"/recipes/*/name)" "$2"
	for folder in "$WORK"/recipes/*/; do
		recipe "${folder%/}"
	done
}
