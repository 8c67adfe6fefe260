#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# `make install-tools` and `make uninstall-tools` with DESTDIR and PREFIX.

set -u
cd "$(dirname "$0")/../.." || exit 1
dest=$(mktemp -d)
trap 'rm -rf "$dest"' EXIT
n=0

is() {	# NAME GOT WANT
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
	else
		echo "# got '$2', want '$3'"
		echo "not ok $n - $1"
	fi
}

tools() { make -s "$1-tools" DESTDIR="$dest" PREFIX="$2"; }
files() { (cd "$dest" && find . ! -type d -printf '%P %m\n' | sort); }

want() {	# PREFIX without its first slash
	sort <<- END
		$1/lib/systemd/system/ipip.service 644
		$1/sbin/ipipctl 755
		$1/share/bash-completion/completions/ipipctl 644
		$1/share/man/man8/ipipctl.8 644
		$1/share/zsh/site-functions/_ipipctl 644
	END
}

for prefix in /usr /opt/tunnels; do
	tools install $prefix
	is "install below $prefix" "$(files)" "$(want ${prefix#/})"
	is "what is installed runs" "$("$dest$prefix/sbin/ipipctl" version | cut -d' ' -f1)" ipipctl
	is "the unit names it there" \
		"$(sed -n 's/^Exec[A-Za-z]*=\([^ ]*\).*/\1/p' "$dest$prefix/lib/systemd/system/ipip.service" | sort -u)" \
		"$prefix/sbin/ipipctl"
	tools uninstall $prefix
	is "uninstall leaves nothing" "$(files)" ""
done
