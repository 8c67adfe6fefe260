# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Limits how many commands run at a time. Sourced by .ci/run and by tests/host/run, which .ci/run
# calls: both use the same slots.

# Runs a command as soon as one of NUMBER slots of this name is free.
in_slot() {	# NAME NUMBER COMMAND...
	local slot i status

	mkdir -p build/slots
	while :; do
		for ((i = 0; i < $2; i++)); do
			exec {slot}> "build/slots/$1-$i"
			if flock -n "$slot"; then
				# The command's processes don't inherit the lock, which some of them
				# would hold for longer than the command runs. In this shell a function
				# would pass it on to its jobs.
				( exec {slot}>&-; "${@:3}" )
				status=$?
				exec {slot}>&-
				return $status
			fi
			exec {slot}>&-
		done
		sleep 1
	done
}
