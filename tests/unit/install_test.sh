#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# `make install` and `make uninstall`: the module takes precedence over the in-tree one, and is signed if
# there is a key; the tool respects DESTDIR and PREFIX. Works on a copy of the modules' tree.

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/host/vm.sh
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

want() {	# PREFIX, without its first slash
	sort <<- END
		$1/lib/systemd/system/ipip-metrics.service 644
		$1/lib/systemd/system/ipip-metrics.timer 644
		$1/lib/systemd/system/ipip-refresh.service 644
		$1/lib/systemd/system/ipip-refresh.timer 644
		$1/lib/systemd/system/ipip.service 644
		$1/lib/udev/rules.d/70-ipip.rules 644
		$1/libexec/ipipctl/device 755
		$1/sbin/ipipctl 755
		$1/share/bash-completion/completions/ipipctl 644
		$1/share/ipipctl/grafana-dashboard.json 644
		$1/share/ipipctl/ipipctl.schema.json 644
		$1/share/ipipctl/prometheus-alerts.yml 644
		$1/share/man/man8/ipipctl.8 644
		$1/share/zsh/site-functions/_ipipctl 644
	END
}

for prefix in /usr /opt/tunnels; do
	tools install $prefix
	is "install below $prefix" "$(files)" "$(want ${prefix#/})"
	is "the installed ipipctl runs below $prefix" "$("$dest$prefix/sbin/ipipctl" version | cut -d' ' -f1)" ipipctl
	is "the unit runs ipipctl below $prefix" \
		"$(sed -n 's/^Exec[A-Za-z]*=\([^ ]*\).*/\1/p' "$dest$prefix/lib/systemd/system/ipip.service" | sort -u)" \
		"$prefix/sbin/ipipctl"
	is "udev's rule runs the script below $prefix" \
		"$(sed -n 's/.*PROGRAM=="\([^ ]*\).*/\1/p' "$dest$prefix/lib/udev/rules.d/70-ipip.rules")" \
		"$prefix/libexec/ipipctl/device"
	is "udev's script finds ipipctl below $prefix" \
		"$(sed -n 's/^PATH=\([^:]*\).*/\1/p' "$dest$prefix/libexec/ipipctl/device")" "$prefix/sbin"
	tools uninstall $prefix
	is "uninstall below $prefix leaves no files" "$(files)" ""
done

release=$(vm_kernels '' | tr ' ' '\n' | head -n 1)
modules=$dest/lib/modules/$release
mkdir -p "$modules/kernel/net"
cp -r "/lib/modules/$release/kernel/net/ipv4" "$modules/kernel/net/"
cp "/lib/modules/$release/"modules.{order,builtin,builtin.modinfo} "$modules/"
all() { make -s "$1" K="$release" DESTDIR="$dest" PREFIX=/usr "${@:2}" > "$dest/log" 2>&1 || cat "$dest/log"; }
chosen() {	# ALIAS: the module that modprobe would load
	modprobe -d "$dest" -S "$release" --show-depends "$1" | sed -n 's|.*/\(.*/ipip\.ko\).*|\1|p'
}
sums() { (cd "$modules" && find . -name '*.ko*' -exec sha256sum {} + | sort); }
before=$(sums)
depmod -b "$dest" "$release"
is "before installation: the in-tree module" "$(chosen rtnl-link-ipip)" ipv4/ipip.ko
all install
is "install: this module for the link kind" "$(chosen rtnl-link-ipip)" updates/ipip.ko
is "install: this module for tunl0" "$(chosen netdev-tunl0)" updates/ipip.ko
is "install: no other module has changed" \
	"$(comm -3 <(echo "$before") <(sums) | sed 's/.* .\///; s/\.xz$//')" updates/ipip.ko
all uninstall
is "uninstall: the in-tree module" "$(chosen rtnl-link-ipip)" ipv4/ipip.ko
is "uninstall: the modules are the same as before" "$(sums)" "$before"

if command -v openssl > /dev/null; then
	openssl req -new -x509 -newkey rsa:2048 -nodes -days 1 -subj "/CN=install test/" \
		-keyout "$dest/key.pem" -out "$dest/cert.pem" 2> "$dest/log"
	all install SIGN_KEY="$dest/key.pem" SIGN_CERT="$dest/cert.pem"
	is "install with a key: signed" \
		"$(modinfo -F signer "$(find "$modules/updates" -name 'ipip.ko*')")" "install test"
	all uninstall
else
	n=$((n + 1))
	echo "ok $n - install with a key # SKIP no openssl"
fi
