#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# `make install` and `make uninstall`: the module comes before the in-tree one, signed
# if there is a key; the tool with DESTDIR and PREFIX. On a copy of the modules' tree.

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

want() {	# PREFIX without its first slash
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
	is "what is installed runs" "$("$dest$prefix/sbin/ipipctl" version | cut -d' ' -f1)" ipipctl
	is "the unit names it there" \
		"$(sed -n 's/^Exec[A-Za-z]*=\([^ ]*\).*/\1/p' "$dest$prefix/lib/systemd/system/ipip.service" | sort -u)" \
		"$prefix/sbin/ipipctl"
	is "udev's rule names what is there" \
		"$(sed -n 's/.*PROGRAM=="\([^ ]*\).*/\1/p' "$dest$prefix/lib/udev/rules.d/70-ipip.rules")" \
		"$prefix/libexec/ipipctl/device"
	is "and that finds ipipctl" \
		"$(sed -n 's/^PATH=\([^:]*\).*/\1/p' "$dest$prefix/libexec/ipipctl/device")" "$prefix/sbin"
	tools uninstall $prefix
	is "uninstall leaves nothing" "$(files)" ""
done

release=$(vm_kernels '' | tr ' ' '\n' | head -n 1)
modules=$dest/lib/modules/$release
mkdir -p "$modules/kernel/net"
cp -r "/lib/modules/$release/kernel/net/ipv4" "$modules/kernel/net/"
cp "/lib/modules/$release/"modules.{order,builtin,builtin.modinfo} "$modules/"
all() { make -s "$1" K="$release" DESTDIR="$dest" PREFIX=/usr "${@:2}" > "$dest/log" 2>&1 || cat "$dest/log"; }
chosen() {	# what modprobe would load for `ip link add type ipip`
	modprobe -d "$dest" -S "$release" --show-depends "$1" | sed -n 's|.*/\(.*/ipip\.ko\).*|\1|p'
}
sums() { (cd "$modules" && find . -name '*.ko*' -exec sha256sum {} + | sort); }
before=$(sums)
depmod -b "$dest" "$release"
is "before: the in-tree module" "$(chosen rtnl-link-ipip)" ipv4/ipip.ko
all install
is "install: ours for the link kind" "$(chosen rtnl-link-ipip)" updates/ipip.ko
is "install: ours for tunl0" "$(chosen netdev-tunl0)" updates/ipip.ko
is "install: nothing else has changed" \
	"$(comm -3 <(echo "$before") <(sums) | sed 's/.* .\///; s/\.xz$//')" updates/ipip.ko
all uninstall
is "uninstall: the in-tree module" "$(chosen rtnl-link-ipip)" ipv4/ipip.ko
is "uninstall: all is as it was" "$(sums)" "$before"

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
