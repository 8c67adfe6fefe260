# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# One KTAP line per check, on the host. Sourced; $out is the folder for what a check says.

passed=0 failed=0 skipped=0

verdict() {	# STATUS NAME
	if [ "$1" = 0 ]; then
		passed=$((passed + 1))
		echo "ok $((passed + failed + skipped)) - $2"
	else
		failed=$((failed + 1))
		# shellcheck disable=SC2154 # whoever sources this says where
		sed 's/^/# /' "$out/log"
		echo "not ok $((passed + failed + skipped)) - $2"
	fi
	return "$1"
}

skip() {	# NAME WHY
	skipped=$((skipped + 1))
	echo "ok $((passed + failed + skipped)) - $1 # SKIP $2"
}

# Silence is what passes, whatever the exit status.
silent() {	# NAME COMMAND...
	"${@:2}" > "$out/log" 2>&1
	[ ! -s "$out/log" ]
	verdict $? "$1"
}
