# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Limits how many commands run at a time. .ci/run and tests/host/run source this file. They run in
# the repository's folder, and share the slots.

# Runs a command as soon as one of NUMBER slots of this name is free.
in_slot() {	# NAME NUMBER COMMAND...
	local slot i status

	mkdir -p build/slots
	while :; do
		for ((i = 0; i < $2; i++)); do
			exec {slot}> "build/slots/$1-$i"
			if flock -n "$slot"; then
				# The command's child processes must not hold the lock.
				"${@:3}" {slot}>&-
				status=$?
				exec {slot}>&-
				return $status
			fi
			exec {slot}>&-
		done
		sleep 1
	done
}
