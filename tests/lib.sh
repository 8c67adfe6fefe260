# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by the test files. Each prints one KTAP line per assertion and the
# plan at its end; tests/guest does the rest.
#
#   check NAME COMMAND...	passes if the command does
#   refuse NAME COMMAND...	passes if the command fails
#   is NAME GOT WANT		passes if the two are the same
#   differs REASON		the next assertion states what we do otherwise than
#				the in-tree driver, on purpose; there it must fail
#   skip NAME REASON		the assertion can't be made here

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
			echo "not ok $_n - $2 (marked as different, but the same)"
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

# What a command printed is in $WORK/output until the next has run.
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

# Run a command until it succeeds, for at most so many seconds.
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@" > /dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

ns() { ip netns exec "$@"; }

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

# Set sysctls of a netns, or where an old kernel has them once only, for all.
ns_sysctl() {	# NETNS NAME=VALUE...
	ns "$1" sysctl -qw "${@:2}" 2> /dev/null || sysctl -qw "${@:2}"
}

# Does the kernel say why it drops a packet? Since 5.17.
has_drop_reasons() { grep -q 'field:.* reason;' /sys/kernel/tracing/events/skb/kfree_skb/format; }

ns_kill() {	# NETNS
	ip netns pids "$1" | xargs -r kill -9 2> /dev/null
}

# Is this a kernel that was booted for the tests, in which all is theirs?
in_guest() { grep -qE 'virtme|UML_KERNEL=' /proc/cmdline; }

# Delete all netns; where others may have some, only those of ns_add.
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

# Two hosts behind two gateways with a router between them, and a tunnel:
#
#   h1 ------------- a ----------- r ----------- b ------------- h2
#   172.16.1.2    .1   10.1.0.1  .254   10.2.0.1   172.16.2.1    .2
#                    \========= ipip: t0 =========/
#                 192.168.0.1                  192.168.0.2
#
# The arguments are for both `ip link add t0 type ipip`.
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

# An SA of topo's, which both ends know: ESP in transport mode from a to b.
esp_one_way() {
	local n

	for n in a b; do
		ip -n $n xfrm state add src 10.1.0.1 dst 10.2.0.1 proto esp spi 0x100 mode transport \
			aead 'rfc4106(gcm(aes))' 0x0102030405060708090a0b0c0d0e0f1011121314 128
	done
}

# Counter of a device: stat NETNS DEVICE rx.packets
stat() {
	ip -n "$1" -s -s -j link show dev "$2" | python3 -c '
import json, sys
s = json.load(sys.stdin)[0]["stats64"]
for k in sys.argv[1].split("."): s = s[k]
print(s)' "$3"
}

# ICMP "fragmentation needed" about a packet of IPIP that the host TO may have sent.
frag_needed() {	# NETNS SOURCE DESTINATION MTU TO: the first two are those of the packet
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

# tcpdump in the background; `captured` ends it and prints what it saw.
capture() {	# NETNS DEVICE FILTER
	# Before the background shell does, or the line that the last capture left there is found.
	: > "$WORK/tcpdump"
	# Not ns: $! must be tcpdump itself.
	ip netns exec "$1" tcpdump -lnvv -i "$2" --immediate-mode "$3" > "$WORK/capture" 2> "$WORK/tcpdump" &
	_tcpdump=$!
	wait_for 60 grep -q 'listening on' "$WORK/tcpdump" || _broken "tcpdump doesn't listen"
}

# For what may run in a subshell, whose assertions nobody counts: the number fits no plan.
_broken() { echo "not ok 0 - $1" >&2; }

captured() {
	# Until it sleeps, which it does only when it has read and printed all there was;
	# but not for ever: there are those who send all the time.
	sleep 0.3
	wait_for 5 _asleep "$_tcpdump"
	kill "$_tcpdump" 2> /dev/null || _broken "tcpdump has ended early"
	wait "$_tcpdump" 2> /dev/null
	cat "$WORK/capture"
}

# Does a process wait for something to do? _asleep PID
_asleep() {
	local state

	read -r _ _ state _ < "/proc/$1/stat" && [ "$state" = S ]
}

# Send random bytes over TCP and compare what arrives: tcp_bulk FROM TO ADDRESS MEGABYTES
tcp_bulk() {
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
