#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# FRR 10.3 and the in-tree ipip driver of Linux 6.12: the MTU of an interface that has an OSPF neighbour changes
#
# Expected: the MTU matters only while database descriptions are exchanged (RFC 2328, section 10.6), that is, while an
# adjacency comes up. An adjacency that is Full stays Full when an interface's MTU changes.
#
# Actual: the router whose interface changes takes the interface down and up for OSPF, and the adjacency is lost
# at once, although hellos still pass. If the MTU becomes smaller than the neighbour's, the adjacency doesn't come
# back: the router with the smaller MTU refuses each description, and stays in ExStart until both ends have
# the same MTU again, or `ip ospf mtu-ignore`.
#
# Why it matters: a tunnel's MTU follows its underlay path, and the two ends may notice a change at different times.

# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
fetch trixie user-mode-linux=6.12um1+b22 frr=10.3-3+deb13u1 libpam-modules iproute2=6.15.0-1 grep procps sed gawk kmod busybox-static mount
echo frr:x:104:104::/:/bin/false >> "$root/etc/passwd"
printf '%s\n' frr:x:104: frrvty:x:105:frr >> "$root/etc/group"
mkdir -p "$root/etc/pam.d"
printf "%s sufficient pam_permit.so\n" auth account | tee "$root/etc/pam.d/frr" > "$root/etc/pam.d/other"

boot 200 <<'END'
modprobe -a ipip af_packet
hosts a b
cable a b
ip -n a addr add 10.0.0.1/24 dev b
ip -n b addr add 10.0.0.2/24 dev a
ip -n a link add name t0 type ipip local 10.0.0.1 remote 10.0.0.2 ttl 64
ip -n b link add name t0 type ipip local 10.0.0.2 remote 10.0.0.1 ttl 64
i=0
for n in a b; do
	i=$((i + 1))
	ip -n $n link set dev t0 up
	ip -n $n addr add 192.168.0.$i/30 dev t0
	mkdir -p /etc/frr/$n /run/frr/$n
	cat > /etc/frr/$n/frr.conf <<-C
		log file /run/frr/$n/log
		interface t0
		 ip ospf network point-to-point
		 ip ospf area 0
		 ip ospf hello-interval 1
		 ip ospf dead-interval 4
		exit
		router ospf
		 ospf router-id $i.$i.$i.$i
		 log-adjacency-changes detail
		exit
	C
	touch /etc/frr/$n/vtysh.conf
	chown -R frr:frr /etc/frr /run/frr
	for d in mgmtd zebra ospfd; do
		on $n /usr/lib/frr/$d -d -N $n
	done
	on $n vtysh -N $n -b
done
ask() { on $1 vtysh -N $1 -c "show ip ospf neighbor" | grep '^[0-9]' || echo none; }
full() {
	ask a | grep -q Full && ask b | grep -q Full
}
state() {
	echo "== $1"
	echo "a: $(ask a)"
	echo "b: $(ask b)"
}
wait_for 40 full
state equal
: > /run/frr/a/log
ip -n a link set dev t0 mtu 1380
sleep 3
echo "== log"
grep -E 'AdjChg|MTU' /run/frr/a/log
sleep 15
state smaller
ip -n b link set dev t0 mtu 1380
wait_for 40 full
state again
echo "== end"
END
observe "the same MTU at both ends" part equal
has "the neighbours are Full" '^a: .*Full' '^b: .*Full'
observe "a's log after its MTU has become smaller" part log
has "the adjacency is lost at once" 'Full -> Deleted|Full -> Down'
observe "18 seconds later" part smaller
lacks "the adjacency isn't Full" 'Full'
has "a is in ExStart" '^a: .*ExStart'
observe "b has the same MTU" part again
has "the adjacency is Full" '^a: .*Full' '^b: .*Full'
finish
