# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by the test files. A test file prints one KTAP line per assertion and the
# plan at its end; tests/guest adds the rest.
#
#   check NAME COMMAND...	passes if the command succeeds
#   refuse NAME COMMAND...	passes if the command fails
#   is NAME GOT WANT		passes if GOT and WANT are the same
#   differs REASON		this driver differs from the in-tree driver on purpose: the
#				next assertion must fail with the in-tree driver
#   skip NAME REASON		the assertion can't be made in this guest

set -u
IPIP=${IPIP:-ours}
WORK=$(mktemp -d /run/ipip-test.XXXXXX)
_n=0
_differs=
_failed=0

_verdict() {	# PASSED NAME
	_n=$((_n + 1))
	if [ -n "$_differs" ] && [ "$IPIP" = in-tree ]; then
		if [ "$1" = 1 ]; then
			echo "not ok $_n - $2 (marked as different, but the drivers do the same)"
			_failed=1
		else
			echo "ok $_n - $2 # SKIP differs on purpose: $_differs"
		fi
	elif [ "$1" = 1 ]; then
		echo "ok $_n - $2"
	else
		echo "not ok $_n - $2"
		_failed=1
	fi
	_differs=
}

differs() { _differs=$1; }

_diag() { sed 's/^/# /' "$WORK/output" | tail -n 25; }

# Runs a command. Its output is in $WORK/output until the next _run.
_run() {
	local status

	"$@" > "$WORK/running" 2>&1
	status=$?
	mv "$WORK/running" "$WORK/output"
	return $status
}

check() {
	local name=$1
	shift
	if _run "$@"; then
		_verdict 1 "$name"
	else
		echo "# $name: '$*' failed with $?"
		_diag
		_verdict 0 "$name"
	fi
}

refuse() {
	local name=$1
	shift
	if _run "$@"; then
		echo "# $name: '$*' succeeded"
		_diag
		_verdict 0 "$name"
	else
		_verdict 1 "$name"
	fi
}

is() {
	[ "$2" = "$3" ] || echo "# $1: got '$2', want '$3'"
	_verdict "$([ "$2" = "$3" ] && echo 1 || echo 0)" "$1"
}

skip() {
	_n=$((_n + 1))
	echo "ok $_n - $1 # SKIP $2"
}

_finish() {
	local status=$?

	trap - EXIT
	[ $status = 0 ] || echo "# exit status $status"
	jobs -p | xargs -r kill 2> /dev/null
	ns_clean
	rm -rf "$WORK"
	[ $status != 0 ] || echo "1..$_n"
	[ $status = 0 ] && [ $_failed = 0 ]
	exit
}
trap _finish EXIT

# Repeats a command until it succeeds, or fails after SECONDS. The last try is after them: this
# process may have been kept waiting.
wait_for() {	# SECONDS COMMAND...
	local end=$((SECONDS + $1)) late=0
	shift
	while :; do
		[ $SECONDS -lt $end ] || late=1
		"$@" > /dev/null 2>&1 && return
		[ $late = 0 ] || return 1
		sleep 0.1
	done
}

ns() { ip netns exec "$@"; }

# Whether a process gets notifications of this netlink protocol: 0 is rtnetlink, 6 is xfrm.
listens() {	# NETNS PROTOCOL
	# shellcheck disable=SC2016 # awk expands them
	ns "$1" awk -v protocol="$2" '$2 == protocol && $4 ~ /[1-9a-f]/ { found = 1 } END { exit !found }' \
		/proc/net/netlink
}

ns_add() {
	local n
	for n; do
		ip netns add "$n" && echo "$n" >> /run/ipip-test-netns
		ns "$n" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
			net.ipv6.conf.default.disable_ipv6=1 \
			net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
			net.ipv4.icmp_ratelimit=0
		ip -n "$n" link set lo up
	done
}

# Sets sysctls in a netns. An old kernel has some of them only globally: then sets them there.
ns_sysctl() {	# NETNS NAME=VALUE...
	ns "$1" sysctl -qw "${@:2}" 2> /dev/null || sysctl -qw "${@:2}"
}

# True if the kernel's tracepoint gives the reason of a drop, and has those of the driver (since 5.19): 5.15.y
# has some by a backport.
has_drop_reasons() { grep -q PKT_TOO_BIG /sys/kernel/tracing/events/skb/kfree_skb/format; }

ns_kill() {	# NETNS
	ip netns pids "$1" | xargs -r kill -9 2> /dev/null
}

# True in a guest that was booted for the tests, where every namespace belongs to them.
in_guest() { grep -qE 'virtme|UML_KERNEL=' /proc/cmdline; }

# Deletes all netns in a guest; elsewhere only those that ns_add made.
ns_clean() {
	local n names
	if in_guest; then
		names=$(ip netns list | cut -d' ' -f1)
	else
		names=$(ip netns list | cut -d' ' -f1 | grep -Fxf /run/ipip-test-netns 2> /dev/null)
	fi
	rm -f /run/ipip-test-netns
	for n in $names; do
		ns_kill "$n"
		ip netns del "$n"
	done
}

# Makes two hosts behind two gateways, a router between the gateways, and a tunnel:
#
#   h1 ------------- a ----------- r ----------- b ------------- h2
#   172.16.1.2    .1   10.1.0.1  .254   10.2.0.1   172.16.2.1    .2
#                    \========= ipip: t0 =========/
#                 192.168.0.1                  192.168.0.2
#
# `ip link add t0 type ipip` gets the arguments at both ends.
topo() {
	topo_underlay
	tunnel a 10.1.0.1 10.2.0.1 "$@"
	tunnel b 10.2.0.1 10.1.0.1 "$@"
	ip -n a addr add 192.168.0.1/30 dev t0
	ip -n b addr add 192.168.0.2/30 dev t0
	ip -n a route add 172.16.2.0/24 dev t0
	ip -n b route add 172.16.1.0/24 dev t0
}

tunnel() {	# NETNS LOCAL REMOTE [ARGUMENT...]
	local n=$1 local=$2 remote=$3
	shift 3
	ip -n "$n" link add name t0 type ipip local "$local" remote "$remote" "$@"
	ip -n "$n" link set t0 up
}

topo_underlay() {
	ns_add h1 a r b h2
	ns r sysctl -qw net.ipv4.ip_forward=1
	ns a sysctl -qw net.ipv4.ip_forward=1
	ns b sysctl -qw net.ipv4.ip_forward=1
	ip -batch - <<-END
		link add name h1 netns a type veth peer name eth0 netns h1
		link add name wan netns a type veth peer name a netns r
		link add name wan netns b type veth peer name b netns r
		link add name h2 netns b type veth peer name eth0 netns h2
	END
	ip -n h1 -batch - <<-END
		addr add 172.16.1.2/24 dev eth0
		link set dev eth0 up
		route add default via 172.16.1.1
	END
	ip -n a -batch - <<-END
		addr add 172.16.1.1/24 dev h1
		addr add 10.1.0.1/24 dev wan
		link set dev h1 up
		link set dev wan up
		route add default via 10.1.0.254
	END
	ip -n r -batch - <<-END
		addr add 10.1.0.254/24 dev a
		addr add 10.2.0.254/24 dev b
		link set dev a up
		link set dev b up
	END
	ip -n b -batch - <<-END
		addr add 10.2.0.1/24 dev wan
		addr add 172.16.2.1/24 dev h2
		link set dev wan up
		link set dev h2 up
		route add default via 10.2.0.254
	END
	ip -n h2 -batch - <<-END
		addr add 172.16.2.2/24 dev eth0
		link set dev eth0 up
		route add default via 172.16.2.1
	END
}

# Adds an SA to topo's a and b: ESP in transport mode from a to b.
esp_one_way() {
	local n

	for n in a b; do
		ip -n $n xfrm state add src 10.1.0.1 dst 10.2.0.1 proto esp spi 0x100 mode transport \
			aead 'rfc4106(gcm(aes))' 0x0102030405060708090a0b0c0d0e0f1011121314 128
	done
}

# Prints a counter of a device: stat NETNS DEVICE rx.packets
stat() {
	ip -n "$1" -s -s -j link show dev "$2" | python3 -c '
import json, sys
s = json.load(sys.stdin)[0]["stats64"]
for k in sys.argv[1].split("."): s = s[k]
print(s)' "$3"
}

# Sends ICMP "fragmentation needed" to the host TO. It quotes an IPIP packet from SOURCE to DESTINATION.
frag_needed() {	# NETNS SOURCE DESTINATION MTU TO
	ip netns exec "$1" python3 - <<-END
	import socket, struct
	def sum16(data):
	    s = sum(struct.unpack(f">{len(data) // 2}H", data))
	    s = (s & 0xffff) + (s >> 16)
	    return ~(s + (s >> 16)) & 0xffff
	quoted = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 1500, 1, 0x4000, 64, 4, 0,
	                     socket.inet_aton("$2"), socket.inet_aton("$3")) + bytes(8)
	icmp = struct.pack(">BBHHH", 3, 4, 0, 0, $4) + quoted
	icmp = icmp[:2] + struct.pack(">H", sum16(icmp)) + icmp[4:]
	s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
	s.sendto(icmp, ("$5", 0))
	END
}

# Succeeds if h1's ping with so many bytes gets an ICMP error with this MTU. h1 may have learned the MTU
# before, and then would send nothing.
too_long() {	# BYTES MTU
	ip -n h1 route flush cache
	ns h1 ping -c 1 -W 2 -M 'do' -s "$1" 172.16.2.2 2>&1 | grep -q "mtu *= *$2"
}

# Starts tcpdump in the background; `captured` ends it and prints what it saw.
capture() {	# NETNS DEVICE FILTER
	# Empty the file here, not by the redirection in the background: otherwise the loop below may
	# find the line of the last capture.
	: > "$WORK/tcpdump"
	# `ns` would be a shell function, and $! must be tcpdump itself.
	ip netns exec "$1" tcpdump -lnvv -i "$2" --immediate-mode "$3" > "$WORK/capture" 2> "$WORK/tcpdump" &
	_tcpdump=$!
	wait_for 60 grep -q 'listening on' "$WORK/tcpdump" || _broken "tcpdump doesn't listen"
}

# Reports a failure from what may run in a subshell, whose assertions aren't counted: number 0
# contradicts every plan, so the file fails.
_broken() { echo "not ok 0 - $1" >&2; }

captured() {
	# tcpdump sleeps once it has read and printed all packets. If packets keep coming, it may
	# never sleep: wait for 5 seconds at most.
	sleep 0.3
	wait_for 5 _asleep "$_tcpdump"
	kill "$_tcpdump" 2> /dev/null || _broken "tcpdump has ended early"
	wait "$_tcpdump" 2> /dev/null
	cat "$WORK/capture"
}

# True if a process sleeps.
_asleep() {	# PID
	local state

	read -r _ _ state _ < "/proc/$1/stat" && [ "$state" = S ]
}

# Sends random bytes over TCP; succeeds if the same bytes arrive.
tcp_bulk() {	# FROM TO ADDRESS MEGABYTES
	local listener

	head -c "${4}M" /dev/urandom > "$WORK/sent"
	ns "$2" timeout 120 nc -l -N -p 5555 < /dev/null > "$WORK/received" &
	listener=$!
	wait_for 10 listening "$2" 5555
	ns "$1" timeout 120 nc -N "$3" 5555 < "$WORK/sent"
	wait $listener
	cmp "$WORK/sent" "$WORK/received"
}

listening() { [ -n "$(ns "$1" ss -Hltn "sport = :$2")" ]; }
