#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tcprewrite of tcpreplay 4.5.1
#
# Expected: "--fixcsum" corrects all IPv4, TCP and UDP checksums of a capture, as its manual says.
#
# Actual: it corrects only the outer IPv4 header of an IPIP packet. The checksums of the inner IPv4 header and of
# the inner UDP or TCP stay wrong, and the exit status is 0. "--pnat" rewrites only the outer addresses.
#
# Why it matters: packets of an edited capture of a tunnel are decapsulated when they are replayed, and then
# dropped for a wrong checksum, which looks like a fault of the tunnel.

# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
fetch trixie tcpreplay=4.5.1-1 tcpdump=4.99.5-2 python3-scapy=2.6.1+dfsg-1

run python3 - <<'END'
import logging
logging.disable()
from scapy.all import IP, UDP, Ether, wrpcap
wrpcap("/tmp/wrong.pcap", [Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") /
                           IP(src="10.1.0.1", dst="10.2.0.1", chksum=1) /
                           IP(src="172.16.1.2", dst="172.16.2.2", chksum=2) /
                           UDP(sport=4000, dport=4001, chksum=3) / (b"x" * 100)])
END
dump() { run tcpdump -nnvvr "$1" 2> /dev/null; }
observe "a packet with three wrong checksums" dump /tmp/wrong.pcap
same "two wrong IPv4 checksums" "$(grep -o 'bad cksum [^ )]*' "$seen" | wc -l)" 2
has "a wrong UDP checksum" 'bad udp cksum'
observe "tcprewrite --fixcsum" run tcprewrite --fixcsum -i /tmp/wrong.pcap -o /tmp/fixed.pcap
same "the exit status is 0" $? 0
observe "the result" dump /tmp/fixed.pcap
same "the outer checksum is right" "$(head -n 1 "$seen" | grep -c 'bad cksum')" 0
has "the inner checksum isn't" '10.1.0.1 > 10.2.0.1: .* bad cksum 2 '
has "the UDP checksum isn't" 'bad udp cksum 0x0003'
observe "tcprewrite --pnat" run tcprewrite --pnat=10.1.0.0/16:10.9.0.0/16,172.16.0.0/16:172.30.0.0/16 \
	-i /tmp/wrong.pcap -o /tmp/nat.pcap
observe "the result of --pnat" dump /tmp/nat.pcap
has "the outer source has changed" '10.9.0.1 > 10.2.0.1'
has "the inner addresses are the same" '172.16.1.2.4000 > 172.16.2.2.4001'
finish
