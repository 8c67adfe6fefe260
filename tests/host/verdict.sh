# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Prints one KTAP line for each check on the host. Scripts source this file; $out is the folder for
# a check's output.

passed=0 failed=0 skipped=0 verdict_at=$SECONDS

# The line ends with the time since the last one, if it took long.
verdict() {	# STATUS NAME
	local took=$((SECONDS - verdict_at)) time=

	verdict_at=$SECONDS
	[ $took -lt 10 ] || time=" # $took s"
	if [ "$1" = 0 ]; then
		passed=$((passed + 1))
		echo "ok $((passed + failed + skipped)) - $2$time"
	else
		failed=$((failed + 1))
		# shellcheck disable=SC2154 # the script that sources this file sets it
		sed 's/^/# /' "$out/log"
		echo "not ok $((passed + failed + skipped)) - $2$time"
	fi
	return "$1"
}

skip() {	# NAME WHY
	skipped=$((skipped + 1))
	echo "ok $((passed + failed + skipped)) - $1 # SKIP $2"
}

# The check passes if the command prints nothing. Its exit status doesn't matter.
silent() {	# NAME COMMAND...
	"${@:2}" > "$out/log" 2>&1
	[ ! -s "$out/log" ]
	verdict $? "$1"
}
