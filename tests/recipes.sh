# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A page of Documentation/ as a test: blocks of commands are run in the netns that follow "sh",
# RouterOS's are read by `ipipctl import`, and comments of the page set the lab up and check
# what has come of it. A block without a word behind its ``` is prose. Sourced behind lib.sh.
#
#   recipes PAGE LIST	do what the page says; its sections, one a line, so that none goes
#			unseen

export PATH=$PWD/../build/tools:$PATH ASAN_OPTIONS=detect_leaks=0

# Each recipe's steps, in order: RECIPE/NUMBER.KIND has the text, and .to the netns of
# a block or the name of a check. What looks like a step has to be one, and each recipe has
# something that is done and something that is checked.
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

# An answer has come, and counted: a tunnel runs before the first, too.
answered() {	# NETNS TUNNEL
	ns "$1" ethtool -S "$2" | grep -q 'keepalive_answered: [1-9]'
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
		*.needs)
			if ! eval "$(cat "$file")" > /dev/null 2>&1; then
				skip "$name" "this kernel has no $to"
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
	check "the page is understood" split
	is "all recipes are there" "$(awk 1 "$WORK"/recipes/*/name)" "$2"
	for folder in "$WORK"/recipes/*/; do
		recipe "${folder%/}"
	done
}
