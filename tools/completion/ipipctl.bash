# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Completion of ipipctl for bash: the tool knows what can follow.

_ipipctl() {
	local line=${COMP_LINE:0:COMP_POINT} words lines word='' prefix='' candidate
	local plain='^[A-Za-z0-9_.,:=!/@%+~^-]*$'

	COMPREPLY=()
	# Bash has split the words at "=": split them again, at blanks.
	read -ra words <<< "$line"
	if [[ $line != *[[:space:]] ]]; then
		word=${words[-1]}
		unset 'words[-1]'
	fi
	# Only what is behind the last "=" or ":" is a word for bash.
	[[ $word != *[=:]* ]] || prefix=${word%"${word##*[=:]}"}
	mapfile -t lines <<< "$("${words[0]}" complete "${words[@]:1}" "$word" 2> /dev/null)"
	for line in "${lines[@]}"; do
		candidate=${line%%$'\t'*}
		case $candidate in
		'')	continue ;;
		:files)
			compopt -o filenames
			mapfile -t COMPREPLY <<< "$(compgen -f -- "${word#"$prefix"}")"
			return
			;;
		*=)	compopt -o nospace ;;
		esac
		candidate=${candidate#"$prefix"}
		# The name of a device may have signs that the shell would follow.
		[[ $candidate =~ $plain ]] || printf -v candidate %q "$candidate"
		COMPREPLY+=("$candidate")
	done
}

complete -F _ipipctl ipipctl
