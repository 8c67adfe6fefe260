#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# 500 tunnels with secrets, added by one command and removed by one.
. ./lib.sh
. ./charon.sh

if [ "$IPIP" = in-tree ]; then
	skip "ipsec-secret" "the in-tree driver can't require IPsec"
	exit
fi

ctl() { ns a "$PWD/../build/tools/ipipctl" "$@"; }
connections() { ns a swanctl --list-conns 2> /dev/null | grep -c '^ipip-'; }
files() { find /etc/netns/a/swanctl/conf.d -name 'ipip-*' | wc -l; }

charon_init || exit 1
trap charon_finish EXIT
ns_add a
ip -n a link add name wan type dummy
ip -n a addr add 10.1.0.1/24 dev wan
ip -n a link set dev wan up
ip -n a route add default via 10.1.0.254
charon_configure a
charon_start a
for i in $(seq 500); do
	echo "add name=m$i remote-address=10.9.$((i / 250)).$((i % 250 + 1)) ipsec-secret=s$i keepalive=no"
done > "$WORK/many.rsc"
seconds=$SECONDS
check "import 500 tunnels" ctl import "$WORK/many.rsc"
echo "# $((SECONDS - seconds)) s"
is "500 tunnels: 500 connections and files" "$(connections) $(files)" "500 500"
is "500 tunnels: each requires IPsec" "$(ctl print count-only where require-ipsec ipsec-profile=routeros)" 500
is "500 tunnels: each has two policies" "$(ip -n a xfrm policy | grep -c 'proto ipencap\|proto 4')" 1000
seconds=$SECONDS
check "remove 500 tunnels" ctl remove "$(ctl find name~^m)"
echo "# $((SECONDS - seconds)) s"
is "removed: no connection and no file is left" "$(connections) $(files)" "0 0"
charon_stop a
