#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# OSPF for an hour over a tunnel whose MTU is measured, while the path changes. OSPF may lose its
# neighbour at most once for each change of the path's MTU, and never for anything else. Several
# versions of FRR run side by side, each once without and once with packet loss, in their own network
# and mount namespaces. FRR is a list of folders with a Debian, separated by colons. HOUR is the
# duration in seconds. The log of each run is in the results' folder.
. ./lib.sh
. ./frr.sh

hour=${HOUR:-3600}
export PATH=$PWD/../build/tools:$PATH ASAN_OPTIONS=detect_leaks=0

full() {
	vtysh a "show ip ospf neighbor" | grep -q "Full.*ipip1:" &&
		vtysh b "show ip ospf neighbor" | grep -q "Full.*ipip1:"
}
# Prints how often OSPF has lost its neighbour by FRR's log, at the end where that is more often.
lost() {
	local n count most=0

	for n in a b; do
		count=$(grep -c 'AdjChg: .* on ipip1:.*: Full -> ' "/run/frr/$n/log")
		[ "$count" -le "$most" ] || most=$count
	done
	echo "$most"
}
settled() { [ "$(mtus)" = "$mtu $mtu" ] && full; }

icmp_filtered() {	# yes or no
	ns r nft delete table ip silent 2> /dev/null
	[ "$1" = no ] || ns r nft "add table ip silent; add chain ip silent o { type filter hook output priority 0; };
		add chain ip silent f { type filter hook forward priority 0; };
		add rule ip silent o icmp type destination-unreachable drop;
		add rule ip silent f icmp type destination-unreachable drop"
}
forged() { frag_needed r 10.1.0.1 10.2.0.1 1000 10.1.0.1 && frag_needed r 10.2.0.1 10.1.0.1 900 10.2.0.1; }
# Large packets between the two networks. They cause ICMP errors, by which the ends and the senders
# learn the path's MTU.
traffic() {	# yes or no
	if [ "$1" = yes ]; then
		ns h1 ping -q -i 0.5 -s 1452 172.16.2.2 > /dev/null 2>&1 & pings=$!
		ns h2 ping -q -i 0.5 -s 1452 172.16.1.2 > /dev/null 2>&1 & pings+=" $!"
	elif [ -n "${pings:-}" ]; then
		# shellcheck disable=SC2086 # two process IDs
		kill $pings
		pings=
	fi
}

# NAME; its duration in seconds, at least sixty probes if only the raise timer finds the change; how
# often OSPF may lose its neighbour; the path's MTU after it; the command.
changes=(
	"the second link shrinks|45|1|1400|links 1400 1400"
	"what was learned expires, three times|70|0|1400|:"
	"it grows|95|1|1500|links 1500 1500"
	"ICMP is filtered|30|0|1500|icmp_filtered yes"
	"the link shrinks, ICMP filtered|45|1|1400|links 1400 1400"
	"and further|45|1|1300|links 1300 1300"
	"it grows, ICMP filtered|95|1|1500|links 1500 1500"
	"ICMP isn't filtered any more|30|0|1500|icmp_filtered no"
	"1492 at one end|45|1|1492|links 1500 1492"
	"large packets, and what is learned expires|70|0|1492|traffic yes"
	"the link shrinks under large packets|45|1|1400|links 1400 1400"
	"expired and learned again|70|0|1400|:"
	"1500 again|95|1|1500|links 1500 1500"
	"a black hole under large packets|45|1|1400|hole 1400"
	"no large packets|25|0|1400|traffic no"
	"a smaller one|45|1|1300|hole 1300"
	"it goes|95|1|1500|hole 0"
	"forged ICMP|45|0|1500|forged"
)

change() {	# NAME SECONDS LOSSES PATH-MTU COMMAND...
	local before start=$SECONDS found=- lines

	mtu=$(($4 - 20))
	before=$(lost)
	lines=$(wc -l < "$WORK/happened")
	"${@:5}"
	wait_for "$2" settled && found=$((SECONDS - start))
	while [ $((SECONDS - start)) -lt "$2" ]; do
		sleep 1
	done
	before=$(($(lost) - before))
	echo "# $SECONDS s: $1: lost $before times, found and Full after $found s"
	[ $before -le "$3" ] || tail -n "+$((lines + 1))" "$WORK/happened" | sed 's/^/# /'
	check "$1: lost at most $3 times" test $before -le "$3"
	real=$((real + $3)) losses=$((losses + before))
	is "$1: both MTUs" "$(mtus)" "$mtu $mtu"
	check "$1: Full" full
}

# Runs one version of FRR with so much packet loss in each direction, starting with change FIRST.
topology() {	# PERCENT FIRST
	local i=$2 n line name seconds most path command

	frr_init
	topo_underlay
	ends_start
	for n in a b; do
		[ "$1" = 0 ] || tc -n r qdisc replace dev $n root netem loss "$1%"
	done
	check "the tunnels" tunnels mtu=auto keepalive=1s,5
	check "OSPF is configured" ospf
	: > "$WORK/happened"
	for n in a b; do
		ns $n ipipctl monitor events | sed -u "s/^/$n: /" >> "$WORK/happened" &
		tail -F "/run/frr/$n/log" 2> /dev/null | grep --line-buffered AdjChg |
			sed -u "s/^/$n: /" >> "$WORK/happened" &
	done
	mtu=1480 real=0 losses=0 changed=0
	check "OSPF" wait_for 60 settled
	SECONDS=0
	while [ $SECONDS -lt "$hour" ]; do
		# On a path that loses packets a search takes longer. For 1,300 bytes, which
		# isn't a common size, it takes minutes.
		line=${changes[i % ${#changes[@]}]}
		[ "$1" = 0 ] || line=${line//1300/1280}
		IFS='|' read -r name seconds most path command <<< "$line"
		[ "$1" = 0 ] || seconds=$((seconds * 2))
		# shellcheck disable=SC2086 # a command's words
		change "$name" "$seconds" "$most" "$path" $command
		changed=$((changed + 1)) i=$((i + 1))
	done
	echo "# $SECONDS s, $changed changes, $real of them of the path: the neighbour was lost $losses times"
	check "losses of the neighbour are counted" test $((losses * 2)) -ge $real
}

# Runs topology() in a mount namespace with its own /run, where ip(8) keeps the names of netns.
beside() {	# FOLDER PERCENT FIRST
	# shellcheck disable=SC2016 # the inner shell expands it
	FRR=$1 exec unshare --mount bash -c '
		mount -t tmpfs none "$TMPDIR" && mkdir "$TMPDIR/netns" && exec bash field_frr_hour.sh "$@"' beside "${@:2}"
}

if [ $# = 2 ]; then
	topology "$@"
	exit
fi
frr_needed "an hour of OSPF" "the in-tree driver measures nothing"
logs=()
IFS=: read -ra folders <<< "$FRR"
for folder in "${folders[@]}"; do
	version=$(dpkg-query --admindir="$folder/var/lib/dpkg" -W -f "\${Version}" frr)
	for percent in 0 1; do
		logs+=("$RESULTS/frr_hour.$version, $percent % lost")
		# Each run starts with another change, so that their load is spread.
		beside "$folder" $percent $(((${#logs[@]} - 1) * 5)) > "${logs[-1]}" 2>&1 &
	done
done
wait
for log in "${logs[@]}"; do
	echo "# $log"
	check "${log##*frr_hour.}: runs to its end" grep -q '^1\.\.[1-9]' "$log"
	while read -r line; do
		case $line in
		"ok "*)		_verdict 1 "${log##*frr_hour.}: ${line#* - }" ;;
		"not ok "*)	_verdict 0 "${log##*frr_hour.}: ${line#* - }" ;;
		"#"*)		echo "$line" ;;
		esac
	done < "$log"
done
