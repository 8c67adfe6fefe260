#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# ipsec-secret: the tool, strongSwan and the module set ESP up, and no clear text passes in
# any order of events. a and b each run a daemon.
. ./lib.sh
. ./charon.sh

if [ "$IPIP" = in-tree ]; then
	skip "ipsec-secret" "the in-tree driver can't require IPsec"
	exit
fi

SECRET='k7Q"s{ecr}et #1\x'
charon_init || exit 1
trap charon_finish EXIT
mkdir -p "$WORK/bin"
# A wrapper that logs swanctl's arguments and environment. $WORK/refuse makes the daemon refuse
# the connection, and $WORK/slow makes swanctl take three seconds.
cat > "$WORK/bin/swanctl" <<-END
	#!/bin/bash
	{ echo "\$*"; env; } >> $WORK/called
	if [ -e $WORK/refuse ] && [ "\$1" = --load-conns ]; then
		sed -i 's/^\(\t\tproposals = \).*/\1nonsense/' "\$SWANCTL_DIR"/conf.d/ipip-*.conf
	fi
	if [ -e $WORK/slow ]; then
		touch $WORK/running-swanctl
		sleep 3
	fi
	exec $_swanctl "\$@"
END
chmod +x "$WORK/bin/swanctl"
export PATH=$WORK/bin:$PATH

conf() { echo "/etc/netns/$1/swanctl/conf.d"; }
state() { ctl "$1" get "${2:-t0}" ipsec-state; }
state_is() { [ "$(state "$1" "${3:-t0}")" = "$2" ]; }
becomes() { wait_for "${4:-20}" state_is "$1" "$2" "${3:-t0}"; }
ping_a() { ns a ping -c 2 -i 0.2 -W 1 192.168.0.2; }
alive() { wait_for "${1:-30}" ns a ping -c 1 -W 1 192.168.0.2; }
connections() { ns "$1" swanctl --list-conns 2> /dev/null | grep -c "^ipip-"; }
sas() { ns "$1" swanctl --list-sas --raw 2> /dev/null; }
mtu() { ip netns exec "$1" cat "/sys/class/net/${2:-t0}/mtu"; }
mtu_is() { [ "$(mtu "$1")" = "$2" ]; }
require() { ctl "$1" get "${2:-t0}" require-ipsec; }
files() { find "$(conf "$1")" -mindepth 1 -printf '%f\n' | sort | tr '\n' ' '; }
# Checks the status and the error of a command, and that it has changed nothing.
refused() {	# STATUS ERROR WORD...
	local want=$1 error=$2 before
	shift 2
	before=$(ctl a export verbose; files a)
	ctl a "$@" > "$WORK/out" 2> "$WORK/err" < /dev/null
	is "refused: $*" "$? $(cat "$WORK/out" "$WORK/err")" "$want ipipctl: $error"
	is "refused, nothing changes: $*" "$(ctl a export verbose; files a)" "$before"
}

printf '%s\n' "$SECRET" > "$WORK/secret"
echo other > "$WORK/secret2"
topo
charon_configure a
charon_configure b
for n in a b; do
	ns $n sysctl -qw net.core.xfrm_acq_expires=3
done
capture r a "proto 4"

# The daemon doesn't run.
refused 1 "t0: ipsec-secret: the IKE daemon isn't running: start strongSwan" \
	set t0 "ipsec-secret-file=$WORK/secret"
refused 1 "x: ipsec-secret: the IKE daemon isn't running: start strongSwan" \
	add name=x remote-address=10.3.0.1 "ipsec-secret-file=$WORK/secret"
check "refused without a daemon: clear text still passes" ping_a
captured > "$WORK/packets"
capture r a "proto 4"

charon_start a
charon_start b
# Invalid secrets and combinations.
is "refused: swanctl isn't installed" "$(ns a env PATH=/none "$TOOL" set t0 "ipsec-secret-file=$WORK/secret" 2>&1) $(files a)" \
	"ipipctl: t0: ipsec-secret: strongSwan isn't installed: there is no swanctl "
echo > "$WORK/empty"
printf 'a\nb\n' > "$WORK/lines"
head -c 256 /dev/zero | tr '\0' x > "$WORK/long"
refused 2 "set: ipsec-secret-file: '$WORK/none' No such file or directory" \
	set t0 "ipsec-secret-file=$WORK/none"
refused 2 "set: ipsec-secret-file: '$WORK/empty' a secret has 1 to 255 bytes" \
	set t0 "ipsec-secret-file=$WORK/empty"
refused 2 "set: ipsec-secret-file: '$WORK/long' a secret has 1 to 255 bytes" \
	set t0 "ipsec-secret-file=$WORK/long"
refused 2 "set: ipsec-secret-file: '$WORK/lines' has more than one line" \
	set t0 "ipsec-secret-file=$WORK/lines"
refused 2 "set: require-ipsec: can't be no with an ipsec-secret" \
	set t0 "ipsec-secret-file=$WORK/secret" require-ipsec=no
refused 2 "add: mode: can't be mplsip with an ipsec-secret" \
	add name=x remote-address=10.3.0.1 "ipsec-secret-file=$WORK/secret" mode=mplsip
refused 2 "set: encap: must be none with an ipsec-secret" \
	set t0 "ipsec-secret-file=$WORK/secret" encap=fou encap-dport=5555
refused 2 "add: remote-address: is required with an ipsec-secret" \
	add name=x external=yes "ipsec-secret-file=$WORK/secret"
refused 2 "set: ipsec-profile: the tunnel has no secret: give an ipsec-secret-file" \
	set t0 ipsec-profile=modern
refused 2 "set: ipsec-secret: other users can see the command line: use ipsec-secret-file" \
	set t0 ipsec-secret=x
refused 2 "set: ipsec-profile: can't be none with an ipsec-secret" \
	set t0 "ipsec-secret-file=$WORK/secret" ipsec-profile=none
touch "$WORK/refuse"
refused 1 "t0: ipsec-secret: the IKE daemon refuses it: loading connection 'ipip-t0' failed: invalid value for: proposals, config discarded" \
	set t0 "ipsec-secret-file=$WORK/secret"
refused 1 "x: ipsec-secret: the IKE daemon refuses it: loading connection 'ipip-x' failed: invalid value for: proposals, config discarded" \
	add name=x remote-address=10.3.0.1 "ipsec-secret-file=$WORK/secret"
rm "$WORK/refuse"
is "a refused secret: the daemon has no connection" "$(connections a)" 0
echo 'connections { broken {' > "$(conf a)/broken.conf"
: > "$WORK/called"
refused 1 "t0: ipsec-secret: the IKE daemon hasn't loaded it: syntax error, unexpected end of file, expecting NAME or NEWLINE or '}'" \
	set t0 "ipsec-secret-file=$WORK/secret"
refuse "a broken file: the tool doesn't reload, which would unload all connections" grep -q -e ^--load-c "$WORK/called"
rm "$(conf a)/broken.conf"
check "after all refusals: clear text still passes" ping_a
captured > "$WORK/packets"

# From here on no clear text may be sent.
check "set a secret at a" ctl a set t0 "ipsec-secret-file=$WORK/secret" mtu=auto
capture r a "proto 4"
is "a secret turns require-ipsec on" "$(require a)" yes
refuse "a secret at one end only: no ping" ping_a
is "a secret at one end only: the state is no-sa" "$(state a)" no-sa
check "set the secret at b from standard input" bash -c "
	ip netns exec b $TOOL set t0 ipsec-secret-file=- mtu=auto < $WORK/secret"
check "the SA is established before a packet needs it" becomes a established
ns r timeout 20 tcpdump -lnc 2 -i a --immediate-mode esp > "$WORK/esp" 2> "$WORK/esp-log" &
esp=$!
wait_for 20 grep -q 'listening on' "$WORK/esp-log"
check "ping with ESP" alive
ns a ping -c 3 -i 0.3 192.168.0.2 > /dev/null
wait $esp
is "ESP is on the wire" "$(grep -c 'ESP(spi' "$WORK/esp")" 2
is "the mode and owner of the connection file" "$(command stat -c '%a %u' "$(conf a)/ipip-t0.conf")" "600 0"
is "no other file is left" "$(files a)" "ipip-t0.conf "
sas a > "$WORK/sas"
for want in version=1 mode=TRANSPORT protocol=ESP encr-alg=AES_CBC integ-alg=HMAC_SHA1_96 \
	'local-ts=\[10.1.0.1/32\[\(ipencap\|4\)\]\]' \
	'remote-ts=\[10.2.0.1/32\[\(ipencap\|4\)\]\]'; do
	check "the SA has RouterOS's parameters: $want" grep -q "$want" "$WORK/sas"
done
is "the proposal of phase 2" "$(ctl a get t0 ipsec-proposal)" "aes-cbc-256/hmac-sha1-96/modp-1024"
check "the proposal of phase 1: AES-128, SHA-1, DH of 2048 bits" \
	grep -q 'encr-alg=AES_CBC encr-keysize=128 integ-alg=HMAC_SHA1_96 prf-alg=PRF_HMAC_SHA1 dh-group=MODP_2048' "$WORK/sas"
ctl a print detail > "$WORK/detail"
check "print detail: the state" grep -q 'ipsec-state=established' "$WORK/detail"
check "print detail: time to rekey" grep -q 'ipsec-rekey=2[0-9]m' "$WORK/detail"
check "print detail: bytes" grep -q 'ipsec-bytes-out=[1-9]' "$WORK/detail"
is "print detail: policy and proposal as RouterOS shows them" "$(grep -c '^    D ' "$WORK/detail")" 3
check "print detail: at most 80 columns" [ "$(wc -L < "$WORK/detail")" -le 80 ]
is "monitor: the state" "$(ctl a monitor once | grep -o 'ipsec-state=[^ ]*')" ipsec-state=established
is "print as JSON: IPsec" "$(ctl a -j print t0 | python3 -c '
import json, sys
t = json.load(sys.stdin)[0]
print(t["ipsec_profile"], t["ipsec_state"], t["ipsec_proposal"], t["ipsec_bytes_in"] > 0,
      0 < t["ipsec_rekey_s"] <= 1800, t["require_ipsec"])')" \
	"routeros established aes-cbc-256/hmac-sha1-96/modp-1024 True True True"
is "find by state" "$(ctl a find ipsec-state=established)" t0

# The MTU leaves room for ESP.
wait_for 10 mtu_is a 1438
is "MTU: 1500 less ESP and the outer header" "$(mtu a) $(mtu b)" "1438 1438"
check "a packet of the tunnel's MTU passes" ns a ping -c 1 -W 2 -M 'do' -s $((1438 - 28)) 192.168.0.2
check "1 MiB over TCP" tcp_bulk h1 h2 172.16.2.2 1

# No failure of the daemon lets clear text pass.
check "kill the daemon with SIGKILL" charon_stop a -KILL
is "the daemon was killed: the state is no-daemon" "$(state a)" no-daemon
refused 1 "t0: ipsec-secret: the IKE daemon isn't running: start strongSwan" \
	set t0 local-address=10.1.0.9
ip -n a xfrm state flush
ip -n a xfrm policy flush
refuse "the daemon was killed, SAs and policies are flushed: no ping" ping_a
charon_start a
check "the daemon is started again: ping" alive
charon_stop a
refuse "the daemon is stopped: no ping" ping_a
charon_start a
check "the daemon is started: ping" alive
ip -n a xfrm state flush
check "the SAs are flushed: the daemon makes new ones, ping" alive
ip -n a xfrm policy flush
refuse "the policies are flushed: no ping" ping_a
charon_stop a
charon_start a
check "the policies are flushed and the daemon is restarted: ping" alive
# With IKEv1 the far end installs its SA a moment after this end: TCP sends some packets again.
for n in 1 2 3; do
	sleep 1
	ns a swanctl --rekey --child ipip-t0
done > /dev/null 2>&1 &
rekeying=$!
check "rekeying during 8 MiB over TCP: no byte is lost" tcp_bulk h1 h2 172.16.2.2 8
wait $rekeying
check "rekey the IKE SA" ns a swanctl --rekey --ike ipip-t0 --reauth
check "ping after the IKE SA was rekeyed" alive
charon_stop b -KILL
ip -n b xfrm state flush
ip -n b xfrm policy flush
refuse "the far end has lost its IPsec: no ping" ping_a
charon_start b
check "the far end's daemon is started again: ping" alive 60

# Changes of the tunnel at one end or at both.
ctl a disable t0
is "disable: the connection is unloaded, the secret is kept" "$(connections a) $(files a)" "0 ipip-t0.off "
check "disable: the far end deletes its SAs" wait_for 20 bash -c "! ip -n b xfrm state | grep -q 10.1.0.1"
ctl a enable t0
is "enable: the connection is loaded" "$(connections a) $(files a)" "1 ipip-t0.conf "
check "enable: ping" alive 60
ip -n b addr add 10.2.0.9/24 dev wan
ctl b set t0 local-address=10.2.0.9
refuse "the far end changes its address: no ping" ping_a
ctl a set t0 remote-address=10.2.0.9
check "this end sets the far end's new address: ping" alive 60
is "each end has one connection" "$(connections a) $(connections b)" "1 1"
ctl a disable t0
check "rename a disabled tunnel" ctl a set t0 name=te.st_1
ctl a enable te.st_1
is "the connection file of the renamed tunnel" "$(files a)" "ipip-te_2est_5f1.conf "
check "the renamed tunnel is established" becomes a established te.st_1 60
ctl a disable te.st_1
ctl a set te.st_1 name=t0
ctl a enable t0
ip -n a addr replace 192.168.0.1/30 dev t0
check "the tunnel is renamed back: ping" alive 60
# With another secret a rekeying would still succeed (findings/strongswan-secret.sh).
ctl a set t0 "ipsec-secret-file=$WORK/secret2"
refuse "another secret at one end: no ping" ping_a
ctl b set t0 "ipsec-secret-file=$WORK/secret2"
check "the other secret at both ends: ping" alive 60

# A far end that is configured by hand, with RouterOS's proposals.
ctl b unset t0 ipsec-secret
cat > "$(conf b)/byhand.conf" <<-END
	connections {
		byhand {
			version = 1
			local_addrs = 10.2.0.9
			remote_addrs = 10.1.0.1
			proposals = aes128-sha1-modp2048,aes128-sha1-modp1024,3des-sha1-modp2048
			local {
				auth = psk
			}
			remote {
				auth = psk
			}
			children {
				ipip {
					mode = transport
					esp_proposals = aes256-sha1-modp1024,aes192-sha1-modp1024,aes128-sha1-modp1024
					local_ts = 10.2.0.9/32[4]
					remote_ts = 10.1.0.1/32[4]
				}
			}
		}
	}
	secrets {
		ike-byhand {
			id = 10.1.0.1
			secret = other
		}
	}
END
ns b swanctl --load-all --noprompt > /dev/null 2>&1
check "a far end configured by hand: ping" alive 60
is "a far end configured by hand: its tunnel has no profile, but requires IPsec" "$(ctl b get t0 ipsec-profile) $(require b)" "none yes"
rm "$(conf b)/byhand.conf"
ns b swanctl --load-all --noprompt > /dev/null 2>&1
ctl b set t0 "ipsec-secret-file=$WORK/secret2"
check "the far end has a secret again: ping" alive 60

# The profile modern at both ends.
ctl a set t0 ipsec-profile=modern
ctl b set t0 ipsec-profile=modern
check "modern: ping" alive 60
sas a > "$WORK/sas"
check "modern: IKEv2" grep -q 'version=2 state=ESTABLISHED' "$WORK/sas"
check "modern: X25519" grep -q 'dh-group=CURVE_25519' "$WORK/sas"
check "modern: AES-GCM" grep -q 'encr-alg=AES_GCM_16 encr-keysize=256' "$WORK/sas"
check "modern: transport mode" grep -q 'mode=TRANSPORT' "$WORK/sas"
refuse "modern: no weak algorithm is offered" grep -E 'sha1|3des|modp1024' "$(conf a)/ipip-t0.conf"
wait_for 10 mtu_is a 1446
check "modern: a packet of the tunnel's MTU passes" ns a ping -c 1 -W 2 -M 'do' -s $(($(mtu a) - 28)) 192.168.0.2
refuse "modern: a packet of one byte more doesn't" ns a ping -c 1 -W 2 -M 'do' -s $(($(mtu a) - 27)) 192.168.0.2

# After a guest has stood still, iperf3 sends what is due at once, which the receiver must have room for.
room=$(sysctl -n net.core.rmem_default)
sysctl -qw net.core.rmem_default=8388608
ns b iperf3 -s -1 > /dev/null 2>&1 &
wait_for 10 listening b 5201
ns a iperf3 -c 192.168.0.2 -u -b 1M -l 1000 -t 8 -J > "$WORK/iperf" 2>&1 &
iperf=$!
for n in 1 2 3; do
	sleep 1
	check "modern: rekeying $n" ns a swanctl --rekey --child ipip-t0
done
wait $iperf
sysctl -qw net.core.rmem_default="$room"
is "modern: rekeying loses no packet of iperf3" "$(python3 -c '
import json, sys
s = json.load(open(sys.argv[1]))["end"]["sum"]
print(s["lost_packets"], s["packets"] > 500)' "$WORK/iperf")" "0 True"

# Addresses that change.
ctl a set t0 local-address=0.0.0.0
check "local-address=0.0.0.0: ping" alive 60
ip -n a addr add 10.1.0.7/24 dev wan
ip -n a route replace default via 10.1.0.254 src 10.1.0.7
ip -n a addr del 10.1.0.1/24 dev wan
ip -n a addr replace 10.1.0.7/24 dev wan
ip -n a route replace default via 10.1.0.254
refuse "this end's address changes, the far end has the old one: no ping" ping_a
ctl b set t0 remote-address=10.1.0.7
check "the far end sets the new address: ping" alive 60
ctl a disable t0
ctl a enable t0
check "disable and enable: the policy has the new address" \
	bash -c "ip -n a xfrm policy | grep -q 'src 10.1.0.7/32 dst 10.2.0.9/32'"
check "disable and enable with a new address: ping" alive 60
echo "10.2.0.9 far.example" > /etc/netns/a/hosts
ctl a set t0 remote-address=far.example
is "remote-address=NAME: the tool resolves it" "$(ctl a get t0 remote-address)" 10.2.0.9
check "remote-address=NAME: ping" alive 60
ip -n b addr add 10.2.0.11/24 dev wan
ctl b set t0 local-address=10.2.0.11
echo "10.2.0.11 far.example" > /etc/netns/a/hosts
is "refresh: the name has another address" "$(ctl a refresh)" \
	"ipipctl set t0 refresh-remote=far.example remote-address=10.2.0.11 require-ipsec=yes"
check "refresh: the connection has the new address, ping" alive 60
is "refresh: there is one connection" "$(connections a)" 1
echo "10.2.0.9 far.example" > /etc/netns/a/hosts
ctl b set t0 local-address=10.2.0.9
ctl a refresh > /dev/null
check "refresh: back to the first address, ping" alive 60

# At boot the daemon and the tunnels may start in either order.
ctl a save "$WORK/tunnels.conf"
refuse "save: the file doesn't contain the secret" grep -F -e "${SECRET:0:6}" -e other "$WORK/tunnels.conf"
charon_stop a
ip -n a xfrm state flush
ip -n a xfrm policy flush
ip -n a link del dev t0
check "restore before the daemon starts" ctl a --continue restore "$WORK/tunnels.conf"
ip -n a addr add 192.168.0.1/30 dev t0
is "restored: requires IPsec, no daemon" "$(require a) $(state a)" "yes no-daemon"
refuse "restored, no daemon: no ping" ping_a
charon_start a
check "restored, the daemon starts: ping" alive 60
check "restore again after the daemon has started" ctl a restore "$WORK/tunnels.conf"
check "restored again: ping" ns a ping -c 1 -W 2 192.168.0.2

# A tunnel that exists already.
before=$(cat "$(conf a)/ipip-t0.conf")
refuse "add with the name of a tunnel is refused" ctl a add name=t0 remote-address=10.2.0.9 "ipsec-secret-file=$WORK/secret"
is "add with the name of a tunnel doesn't change its secret" "$(cat "$(conf a)/ipip-t0.conf")" "$before"
check "add with -n NETNS" "$TOOL" -n a add name=out remote-address=10.7.0.1 "ipsec-secret-file=$WORK/secret"
is "add with -n: two connections, one waits for an answer" "$(connections a) $(state a out)" "2 connecting"
check "remove with -n NETNS" "$TOOL" -n a remove out
is "remove with -n: one connection is left" "$(connections a) $(files a)" "1 ipip-t0.conf "

captured > "$WORK/packets"
is "no clear text was sent in all these tests" "$(grep -c 'proto IPIP' "$WORK/packets")" 0

# The secret is only in the connection file.
check "swanctl was called" grep -q -- --load-conns "$WORK/called"
refuse "the secret isn't in swanctl's arguments or environment" grep -F -e "$SECRET" -e other "$WORK/called"
refuse "the secret isn't in the tool's output" bash -c "
	for verb in print 'print detail' export 'export verbose show-sensitive' 'get t0'; do
		ip netns exec a $TOOL \$verb; ip netns exec a $TOOL -j \$verb
	done 2>&1 | grep -F -e '${SECRET:0:6}' -e other"
refuse "the secret isn't in the daemon's log" grep -F -e "$SECRET" -e "$(printf %s "$SECRET" | od -An -tx1 | tr -d " \n")" "$WORK"/charon-*.log

refuse "the secret isn't in netlink or in the kernel's log" bash -c "
	{ ip -n a -d link show; ip -n a -d -s link show type ipip; dmesg; } | grep -F -e '${SECRET:0:6}'"
# Kill the tool while it waits for the daemon and has the secret in its memory.
pattern=$(cat /proc/sys/kernel/core_pattern)
echo "$WORK/core" > /proc/sys/kernel/core_pattern
cat > "$WORK/bin/hold" <<-END
	#!/bin/bash
	ulimit -c unlimited
	exec "\$@"
END
chmod +x "$WORK/bin/hold"
core() {	# COMMAND...: kill it with SIGABRT while swanctl runs; succeeds if it leaves a core
	rm -f "$WORK/core" "$WORK/running-swanctl"
	touch "$WORK/slow"
	ASAN_OPTIONS=detect_leaks=0:disable_coredump=0 ip netns exec a "$WORK/bin/hold" "$@" > /dev/null 2>&1 &
	local pid=$!
	wait_for 10 [ -e "$WORK/running-swanctl" ]
	grep -slaF -f "$WORK/secret" /proc/[0-9]*/cmdline /proc/[0-9]*/environ >> "$WORK/seen"
	kill -ABRT $pid
	wait $pid
	rm -f "$WORK/slow"
	[ -e "$WORK/core" ]
}
refuse "the tool leaves no core" core "${TOOL%-asan}" add name=core remote-address=10.7.0.2 "ipsec-secret-file=$WORK/secret"
is "the secret isn't in any process's arguments or environment" "$(cat "$WORK/seen")" ""
check "another program does leave a core" core bash -c 'swanctl --load-conns; :'
echo "$pattern" > /proc/sys/kernel/core_pattern
charon_stop a
check "remove while the daemon doesn't run" ctl a remove core
is "remove deletes the connection file" "$(files a)" "ipip-t0.conf "
charon_start a

check "unset: ipsec-secret" ctl a unset t0 ipsec-secret
is "unset: no connection, no file, IPsec is still required" "$(connections a) $(files a)$(require a)" "0 yes"
check "set require-ipsec=no" ctl a set t0 require-ipsec=no
ctl b unset t0 ipsec-secret
ctl b set t0 require-ipsec=no
check "require-ipsec=no at both ends: clear text passes" alive

for n in a b; do
	charon_stop $n
done
