#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tshark 4.4.19
#
# Expected: the statistics of IPv4 addresses, "-z ip_hosts,tree", count each packet of a tunnel once, with its
# outer addresses; or, since tshark dissects tunnels, once with the outer and once with the inner addresses.
#
# Actual: they count it twice with the inner addresses, and never with the outer ones. The conversations,
# "-z conv,ip", have both, each with the length of the whole frame.
#
# Why it matters: for a capture between two gateways the statistics show twice the number of packets, only
# between hosts that aren't on this network, and no gateway.

# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
fetch trixie tshark=4.4.19-0+deb13u1 python3-scapy=2.6.1+dfsg-1

run python3 - <<'END'
import logging
logging.disable()
from scapy.all import IP, UDP, Ether, wrpcap
wrpcap("/tmp/ipip.pcap", [Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="10.1.0.1", dst="10.2.0.1") /
                          IP(src="172.16.1.2", dst="172.16.2.2") / UDP(sport=4000, dport=4001) / (b"x" * 100)] * 3)
END
tshark() { run tshark -r /tmp/ipip.pcap "$@" 2> /dev/null; }
count() { awk -v address="$1" '$1 == address { print $2 }' "$seen"; }
observe "three packets" tshark
same "there are three packets" "$(wc -l < "$seen")" 3
observe "-z ip_hosts,tree" tshark -q -z ip_hosts,tree
same "six addresses in all" "$(sed -n "s,.*All Addresses  *\([0-9]*\) .*,\1,p" "$seen")" 6
same "the inner source is counted twice for each packet" "$(count 172.16.1.2)" 6
same "the inner destination is counted twice for each packet" "$(count 172.16.2.2)" 6
same "the outer source isn't counted" "$(count 10.1.0.1)" ""
observe "-z conv,ip" tshark -q -z conv,ip
has "the conversations have both pairs of addresses, with the same length" '^10.1.0.1 .* 3 486 bytes' '^172.16.1.2 .* 3 486 bytes'
finish
