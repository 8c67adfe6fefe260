#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tcpdump 4.99.5 and nftables 1.1.3 with Debian's /etc/protocols (netbase 6.5)
#
# Expected: the filter "ip proto ipip" matches the packets that tcpdump prints as "proto IPIP (4)".
#
# Actual: for output, tcpdump has a table of its own, where 4 is IPIP. For a filter it reads /etc/protocols, where
# ipip is 94, a protocol that is not in use, and 4 is ipencap. The filter is valid and matches nothing. nft reads
# the same file: "ip protocol ipip" is 94, too.
#
# Why it matters: "tcpdump proto ipip" shows nothing although the tunnel works, which looks like a tunnel that
# doesn't send; and an nft rule with that name accepts none of its packets. Write "proto 4" instead.

# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
fetch trixie tcpdump=4.99.5-2 nftables=1.1.3-1 netbase=6.5 python3-scapy=2.6.1+dfsg-1

run python3 - <<'END'
import logging
logging.disable()
from scapy.all import IP, ICMP, Ether, wrpcap
wrpcap("/tmp/ipip.pcap", [Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") /
                          IP(src="10.1.0.1", dst="10.2.0.1") / IP(src="172.16.1.2", dst="172.16.2.2") / ICMP()])
END
observe "tcpdump -v" run tcpdump -nnvr /tmp/ipip.pcap
has "it prints IPIP (4)" 'proto IPIP \(4\)'
observe "tcpdump ip proto ipip" run tcpdump -nnr /tmp/ipip.pcap ip proto ipip
lacks "the filter matches no packet" '10.1.0.1 > 10.2.0.1'
observe "tcpdump -d ip proto ipip" run tcpdump -d -y RAW ip proto ipip
has "the filter compares with 94, which is 0x5e" 'jeq *#0x5e'
for filter in "ip proto 4" "ip proto ipencap"; do
	observe "tcpdump $filter" run tcpdump -nnr /tmp/ipip.pcap "$filter"
	has "\"$filter\" has it" '10.1.0.1 > 10.2.0.1'
done
hosts a
observe "nft: ip protocol ipip" on a nft --debug=netlink add rule ip f c ip protocol ipip
has "nft compares with 94, too" '0x0000005e'
finish
