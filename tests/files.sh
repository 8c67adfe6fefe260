# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Selects the test files that a guest runs. Sourced by tests/host/run, and in the guest by tests/guest.

files_folder=$(cd "${BASH_SOURCE[0]%/*}" && pwd)

# True if tests/machine lists the file with one of these kinds.
file_is() {	# FILE KIND...
	local kind

	for kind in "${@:2}"; do
		! grep -q "^$kind $1[[:space:]]" "$files_folder/machine" || return 0
	done
	return 1
}

# True if a file is to be run. WHERE is "native" in User Mode Linux, "machine" or "machine,stock" in a
# virtual machine that runs what User Mode Linux doesn't, and empty to run all files.
file_wanted() {	# FILE WHERE PATTERN
	local kinds

	[[ $1 =~ $3 ]] || return 1
	case $2 in
	'')	return 0 ;;
	native)	! file_is "$1" machine ;;
	*)	IFS=, read -ra kinds <<< "$2"
		file_is "$1" "${kinds[@]}" ;;
	esac
}

# Prints the names of the files to run, in order. FIELD or FRR includes those of `make
# check-field`.
test_files() {	# WHERE PATTERN
	local file

	for file in "$files_folder"/[0-9]* ${FIELD:+"$files_folder"/field_*} ${FRR:+"$files_folder"/field_frr*}; do
		! file_wanted "${file##*/}" "$1" "$2" || echo "${file##*/}"
	done
}
