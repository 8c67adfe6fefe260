#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The in-tree ipip driver of Linux 6.12, asked by pyroute2 0.7.7 and by iproute2 6.15 and 6.1
#
# Expected: a netlink request with one property of a tunnel changes only that property. And "ip link set
# dev t0 type ipip local any" sends the address 0.0.0.0.
#
# Actual: for the in-tree driver an absent address means "any". pyroute2, which sends only the properties that it
# is given, can't change the TTL alone: that would remove the remote, which the driver refuses with EINVAL and no
# message. With the remote the request is accepted, but the local address becomes "any". iproute2 reads the tunnel
# and sends all properties again, except addresses that are "any".
#
# Why it matters: a driver that keeps absent properties, as this project's does, must recognize that iproute2 means
# "any". tests/56_encap.sh sets "local any".

# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
fetch trixie user-mode-linux=6.12um1+b22 iproute2=6.15.0-1 python3-pyroute2=0.7.7-4 strace libbsd0 grep kmod busybox-static mount
fetch_beside old bookworm iproute2=6.1.0-3

boot 120 <<'END'
modprobe ipip
hosts a
ip -n a link add name t0 type ipip local 10.0.0.1 remote 10.0.0.2 ttl 64
cat > /tmp/change.py <<'P'
import sys
from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError
ipr = IPRoute()
what = {k: int(v) if v.isdigit() else v for k, v in (w.split("=") for w in sys.argv[1:])}
try:
    ipr.link("set", index=ipr.link_lookup(ifname="t0")[0], kind="ipip", **what)
    print("taken")
except NetlinkError as e:
    print("errno", e.code)
ipr.close()
P
change() { echo "== $1"; on a python3 /tmp/change.py "${@:2}"; ip -n a -d link show t0 | grep -o ' remote .* pmtudisc'; }
change "TTL alone" ipip_ttl=9
change "TTL and remote" ipip_ttl=9 ipip_remote=10.0.0.2
# Print the attribute with the local address in the request that changes the link: length, type 2, value.
sends() {
	echo "== $1"
	strace -v -s 4096 -e trace=sendmsg "${@:2}" 2>&1 | grep 'nlmsg_type=0x10 ' |
		grep -oE '\\x08\\x00\\x02\\x00(\\x..){4}' || echo "no local address"
}
for ip in /bin/ip /old/bin/ip; do
	sends "$ip address" $ip -n a link set dev t0 type ipip local 10.0.0.1
	sends "$ip any" $ip -n a link set dev t0 type ipip local any
done
echo "== end"
END
observe "pyroute2: only the TTL" part "TTL alone"
has "only the TTL: refused with EINVAL" 'errno 22'
has "only the TTL: nothing changes" 'remote 10.0.0.2 local 10.0.0.1 ttl 64'
observe "pyroute2: the TTL and the remote" part "TTL and remote"
has "the TTL and the remote: accepted, and the local address becomes any" 'remote 10.0.0.2 local any ttl 9'
same "iproute2 6.15 sends an address" "$(part "/bin/ip address")" '\x08\x00\x02\x00\x0a\x00\x00\x01'
same "iproute2 6.15: local any isn't sent" "$(part "/bin/ip any")" "no local address"
same "iproute2 6.1 sends an address" "$(part "/old/bin/ip address")" '\x08\x00\x02\x00\x0a\x00\x00\x01'
same "iproute2 6.1: local any isn't sent" "$(part "/old/bin/ip any")" "no local address"
finish
