#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# ipsec-secret: the tool, strongSwan and the module bring ESP up, keep both sides in
# step, and stay shut in each order of events. a and b have a daemon each.
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
# What swanctl is called with, and a way to have the daemon refuse.
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
# An error, its status, and what must be as it was.
refused() {	# STATUS ERROR WORD...
	local want=$1 error=$2 before
	shift 2
	before=$(ctl a export verbose; files a)
	ctl a "$@" > "$WORK/out" 2> "$WORK/err" < /dev/null
	is "refused: $*" "$? $(cat "$WORK/out" "$WORK/err")" "$want ipipctl: $error"
	is "and nothing has changed" "$(ctl a export verbose; files a)" "$before"
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

# Nobody to ask.
refused 1 "t0: ipsec-secret: the IKE daemon doesn't run: start strongSwan's" \
	set t0 "ipsec-secret-file=$WORK/secret"
refused 1 "x: ipsec-secret: the IKE daemon doesn't run: start strongSwan's" \
	add name=x remote-address=10.3.0.1 "ipsec-secret-file=$WORK/secret"
check "clear text is as it was" ping_a
captured > "$WORK/packets"
capture r a "proto 4"

charon_start a
charon_start b
# What can't be.
is "refused: no swanctl" "$(ns a env PATH=/none "$TOOL" set t0 "ipsec-secret-file=$WORK/secret" 2>&1) $(files a)" \
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
refused 2 "add: remote-address: is needed with an ipsec-secret" \
	add name=x external=yes "ipsec-secret-file=$WORK/secret"
refused 2 "set: ipsec-profile: there is no secret: give an ipsec-secret-file" \
	set t0 ipsec-profile=modern
refused 2 "set: ipsec-secret: others can read a command line: use ipsec-secret-file" \
	set t0 ipsec-secret=x
refused 2 "set: ipsec-profile: can't be none with an ipsec-secret" \
	set t0 "ipsec-secret-file=$WORK/secret" ipsec-profile=none
touch "$WORK/refuse"
refused 1 "t0: ipsec-secret: the IKE daemon refuses it: loading connection 'ipip-t0' failed: invalid value for: proposals, config discarded" \
	set t0 "ipsec-secret-file=$WORK/secret"
refused 1 "x: ipsec-secret: the IKE daemon refuses it: loading connection 'ipip-x' failed: invalid value for: proposals, config discarded" \
	add name=x remote-address=10.3.0.1 "ipsec-secret-file=$WORK/secret"
rm "$WORK/refuse"
is "and the daemon has nothing of it" "$(connections a)" 0
echo 'connections { broken {' > "$(conf a)/broken.conf"
: > "$WORK/called"
refused 1 "t0: ipsec-secret: the IKE daemon has not got it: syntax error, unexpected end of file, expecting NAME or NEWLINE or '}'" \
	set t0 "ipsec-secret-file=$WORK/secret"
refuse "which would have cost all others their connections" grep -q -e ^--load-c "$WORK/called"
rm "$(conf a)/broken.conf"
check "clear text is still as it was" ping_a
captured > "$WORK/packets"

# From here on nothing in the clear, whatever happens.
check "a gets a secret" ctl a set t0 "ipsec-secret-file=$WORK/secret" mtu=auto
capture r a "proto 4"
is "and requires IPsec" "$(require a)" yes
refuse "the far end has none: nothing passes" ping_a
is "the state" "$(state a)" no-sa
check "b gets it on its standard input" bash -c "
	ip netns exec b $TOOL set t0 ipsec-secret-file=- mtu=auto < $WORK/secret"
check "established, with no packet to carry" becomes a established
ns r timeout 20 tcpdump -lnc 2 -i a --immediate-mode esp > "$WORK/esp" 2> "$WORK/esp-log" &
esp=$!
wait_for 20 grep -q 'listening on' "$WORK/esp-log"
check "ping" alive
ns a ping -c 3 -i 0.3 192.168.0.2 > /dev/null
wait $esp
is "as ESP" "$(grep -c 'ESP(spi' "$WORK/esp")" 2
is "the file's mode" "$(command stat -c '%a %u' "$(conf a)/ipip-t0.conf")" "600 0"
is "nothing else is left" "$(files a)" "ipip-t0.conf "
sas a > "$WORK/sas"
for want in version=1 mode=TRANSPORT protocol=ESP encr-alg=AES_CBC integ-alg=HMAC_SHA1_96 \
	'local-ts=\[10.1.0.1/32\[\(ipencap\|4\)\]\]' \
	'remote-ts=\[10.2.0.1/32\[\(ipencap\|4\)\]\]'; do
	check "RouterOS's: $want" grep -q "$want" "$WORK/sas"
done
is "phase 2" "$(ctl a get t0 ipsec-proposal)" "aes-cbc-256/hmac-sha1-96/modp-1024"
check "phase 1 is AES-128, SHA-1 and 2048 bits" \
	grep -q 'encr-alg=AES_CBC encr-keysize=128 integ-alg=HMAC_SHA1_96 prf-alg=PRF_HMAC_SHA1 dh-group=MODP_2048' "$WORK/sas"
ctl a print detail > "$WORK/detail"
check "print detail: the state" grep -q 'ipsec-state=established' "$WORK/detail"
check "print detail: time to rekey" grep -q 'ipsec-rekey=2[0-9]m' "$WORK/detail"
check "print detail: bytes" grep -q 'ipsec-bytes-out=[1-9]' "$WORK/detail"
is "print detail: what RouterOS adds by itself" "$(grep -c '^    D ' "$WORK/detail")" 3
check "at most 80 columns" [ "$(wc -L < "$WORK/detail")" -le 80 ]
is "monitor" "$(ctl a monitor once | grep -o 'ipsec-state=[^ ]*')" ipsec-state=established
is "JSON" "$(ctl a -j print t0 | python3 -c '
import json, sys
t = json.load(sys.stdin)[0]
print(t["ipsec_profile"], t["ipsec_state"], t["ipsec_proposal"], t["ipsec_bytes_in"] > 0,
      0 < t["ipsec_rekey_s"] <= 1800, t["require_ipsec"])')" \
	"routeros established aes-cbc-256/hmac-sha1-96/modp-1024 True True True"
is "find by state" "$(ctl a find ipsec-state=established)" t0

# The MTU has room for ESP, and TCP gets by with it.
wait_for 10 mtu_is a 1438
is "MTU: 1500 less ESP and the outer header" "$(mtu a) $(mtu b)" "1438 1438"
check "a packet of that size" ns a ping -c 1 -W 2 -M 'do' -s $((1438 - 28)) 192.168.0.2
check "1 MB over TCP" tcp_bulk h1 h2 172.16.2.2 1

# Nothing that happens to the daemon opens it.
check "kill -9" charon_stop a -KILL
is "no daemon: the state" "$(state a)" no-daemon
refused 1 "t0: ipsec-secret: the IKE daemon doesn't run: start strongSwan's" \
	set t0 local-address=10.1.0.9
ip -n a xfrm state flush
ip -n a xfrm policy flush
refuse "and all of IPsec flushed" ping_a
charon_start a
check "the daemon starts anew: all by itself" alive
charon_stop a
refuse "the daemon has been stopped" ping_a
charon_start a
check "and started" alive
ip -n a xfrm state flush
check "xfrm state flush: another SA is made" alive
ip -n a xfrm policy flush
refuse "xfrm policy flush" ping_a
charon_stop a
charon_start a
check "until the daemon starts anew" alive
# The far end has its half of an IKEv1 SA a moment after ours: some packets are sent
# again.
for n in 1 2 3; do
	sleep 1
	ns a swanctl --rekey --child ipip-t0
done > /dev/null 2>&1 &
rekeying=$!
check "rekeying under TCP: not a byte is lost" tcp_bulk h1 h2 172.16.2.2 8
wait $rekeying
check "rekeying the IKE SA" ns a swanctl --rekey --ike ipip-t0 --reauth
check "and a ping" alive
charon_stop b -KILL
ip -n b xfrm state flush
ip -n b xfrm policy flush
refuse "the far end has no IPsec any more" ping_a
charon_start b
check "and has again" alive 60

# Both sides in step.
ctl a disable t0
is "disabled: the connection is gone, the secret is kept" "$(connections a) $(files a)" "0 ipip-t0.off "
check "and the far end knows" wait_for 20 bash -c "! ip -n b xfrm state | grep -q 10.1.0.1"
ctl a enable t0
is "enabled" "$(connections a) $(files a)" "1 ipip-t0.conf "
check "and carries packets" alive 60
ip -n b addr add 10.2.0.9/24 dev wan
ctl b set t0 local-address=10.2.0.9
refuse "the far end has another address" ping_a
ctl a set t0 remote-address=10.2.0.9
check "and we know it" alive 60
is "one connection each" "$(connections a) $(connections b)" "1 1"
ctl a disable t0
check "rename" ctl a set t0 name=te.st_1
ctl a enable te.st_1
is "its file" "$(files a)" "ipip-te_2est_5f1.conf "
check "established" becomes a established te.st_1 60
ctl a disable te.st_1
ctl a set te.st_1 name=t0
ctl a enable t0
ip -n a addr replace 192.168.0.1/30 dev t0
check "and back" alive 60
# A rekeying would succeed all the same (findings/strongswan-secret.sh).
ctl a set t0 "ipsec-secret-file=$WORK/secret2"
refuse "another secret on one side" ping_a
ctl b set t0 "ipsec-secret-file=$WORK/secret2"
check "and on the other" alive 60

# A far end that somebody has configured, with what RouterOS proposes.
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
check "a peer that was configured by hand" alive 60
is "and b, which knows nothing of it" "$(ctl b get t0 ipsec-profile) $(require b)" "none yes"
rm "$(conf b)/byhand.conf"
ns b swanctl --load-all --noprompt > /dev/null 2>&1
ctl b set t0 "ipsec-secret-file=$WORK/secret2"
check "b has ours again" alive 60

# Of ours.
ctl a set t0 ipsec-profile=modern
ctl b set t0 ipsec-profile=modern
check "modern: ping" alive 60
sas a > "$WORK/sas"
check "IKEv2" grep -q 'version=2 state=ESTABLISHED' "$WORK/sas"
check "X25519" grep -q 'dh-group=CURVE_25519' "$WORK/sas"
check "AES-GCM" grep -q 'encr-alg=AES_GCM_16 encr-keysize=256' "$WORK/sas"
check "transport mode" grep -q 'mode=TRANSPORT' "$WORK/sas"
refuse "no weak algorithm is offered" grep -E 'sha1|3des|modp1024' "$(conf a)/ipip-t0.conf"
wait_for 10 mtu_is a 1446
check "a packet of the MTU's size" ns a ping -c 1 -W 2 -M 'do' -s $(($(mtu a) - 28)) 192.168.0.2
refuse "one more" ns a ping -c 1 -W 2 -M 'do' -s $(($(mtu a) - 27)) 192.168.0.2

ns b iperf3 -s -1 > /dev/null 2>&1 &
wait_for 10 listening b 5201
ns a iperf3 -c 192.168.0.2 -u -b 1M -l 1000 -t 8 -J > "$WORK/iperf" 2>&1 &
iperf=$!
for n in 1 2 3; do
	sleep 1
	check "rekeying $n" ns a swanctl --rekey --child ipip-t0
done
wait $iperf
is "not a packet of iperf3's is lost" "$(python3 -c '
import json, sys
s = json.load(open(sys.argv[1]))["end"]["sum"]
print(s["lost_packets"], s["packets"] > 500)' "$WORK/iperf")" "0 True"

# Addresses that aren't fixed.
ctl a set t0 local-address=0.0.0.0
check "local-address 0.0.0.0" alive 60
ip -n a addr add 10.1.0.7/24 dev wan
ip -n a route replace default via 10.1.0.254 src 10.1.0.7
ip -n a addr del 10.1.0.1/24 dev wan
ip -n a addr replace 10.1.0.7/24 dev wan
ip -n a route replace default via 10.1.0.254
refuse "the address has changed, and the far end doesn't know" ping_a
ctl b set t0 remote-address=10.1.0.7
check "both know" alive 60
ctl a disable t0
ctl a enable t0
check "disabled and enabled, the policy has the new address" \
	bash -c "ip -n a xfrm policy | grep -q 'src 10.1.0.7/32 dst 10.2.0.9/32'"
check "and it carries packets" alive 60
echo "10.2.0.9 far.example" > /etc/netns/a/hosts
ctl a set t0 remote-address=far.example
is "a name is looked up by the tool" "$(ctl a get t0 remote-address)" 10.2.0.9
check "and has a connection" alive 60
ip -n b addr add 10.2.0.11/24 dev wan
ctl b set t0 local-address=10.2.0.11
echo "10.2.0.11 far.example" > /etc/netns/a/hosts
is "another address of that name: refresh" "$(ctl a refresh)" \
	"ipipctl set t0 refresh-remote=far.example remote-address=10.2.0.11 require-ipsec=yes"
check "the connection follows" alive 60
is "and there is one" "$(connections a)" 1
echo "10.2.0.9 far.example" > /etc/netns/a/hosts
ctl b set t0 local-address=10.2.0.9
ctl a refresh > /dev/null
check "and back" alive 60

# The start of a machine: the daemon and the tunnels, in either order.
ctl a save "$WORK/tunnels.conf"
refuse "the secret isn't saved" grep -F -e "${SECRET:0:6}" -e other "$WORK/tunnels.conf"
charon_stop a
ip -n a xfrm state flush
ip -n a xfrm policy flush
ip -n a link del dev t0
check "restore, before the daemon" ctl a --continue restore "$WORK/tunnels.conf"
ip -n a addr add 192.168.0.1/30 dev t0
is "it is shut" "$(require a) $(state a)" "yes no-daemon"
refuse "indeed" ping_a
charon_start a
check "the daemon brings it up" alive 60
check "restore, behind it: nothing to do" ctl a restore "$WORK/tunnels.conf"
check "and it carries on" ns a ping -c 1 -W 2 192.168.0.2

# A tunnel that is there already.
before=$(cat "$(conf a)/ipip-t0.conf")
refuse "made twice" ctl a add name=t0 remote-address=10.2.0.9 "ipsec-secret-file=$WORK/secret"
is "its secret is what it was" "$(cat "$(conf a)/ipip-t0.conf")" "$before"
check "by -n, from outside" "$TOOL" -n a add name=out remote-address=10.7.0.1 "ipsec-secret-file=$WORK/secret"
is "two connections, one without an answer" "$(connections a) $(state a out)" "2 connecting"
check "and removed" "$TOOL" -n a remove out
is "one connection" "$(connections a) $(files a)" "1 ipip-t0.conf "

captured > "$WORK/packets"
is "in all of this nothing was in the clear" "$(grep -c 'proto IPIP' "$WORK/packets")" 0

# The secret is nowhere but in its file.
check "swanctl was called" grep -q -- --load-conns "$WORK/called"
refuse "not in its arguments or environment" grep -F -e "$SECRET" -e other "$WORK/called"
refuse "not in what is shown" bash -c "
	for verb in print 'print detail' export 'export verbose show-sensitive' 'get t0'; do
		ip netns exec a $TOOL \$verb; ip netns exec a $TOOL -j \$verb
	done 2>&1 | grep -F -e '${SECRET:0:6}' -e other"
refuse "not in the daemon's log" grep -F -e "$SECRET" -e "$(printf %s "$SECRET" | od -An -tx1 | tr -d " \n")" "$WORK"/charon-*.log

refuse "not in netlink, not in the kernel's log" bash -c "
	{ ip -n a -d link show; ip -n a -d -s link show type ipip; dmesg; } | grep -F -e '${SECRET:0:6}'"
# Killed while the daemon has the file, and the secret is in its memory.
pattern=$(cat /proc/sys/kernel/core_pattern)
echo "$WORK/core" > /proc/sys/kernel/core_pattern
cat > "$WORK/bin/hold" <<-END
	#!/bin/bash
	ulimit -c unlimited
	exec "\$@"
END
chmod +x "$WORK/bin/hold"
core() {	# COMMAND...: killed with SIGABRT while swanctl runs
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
refuse "no core" core "${TOOL%-asan}" add name=core remote-address=10.7.0.2 "ipsec-secret-file=$WORK/secret"
is "and not in anybody's arguments or environment" "$(cat "$WORK/seen")" ""
check "which another program would leave" core bash -c 'swanctl --load-conns; :'
echo "$pattern" > /proc/sys/kernel/core_pattern
charon_stop a
check "remove, without the daemon" ctl a remove core
is "its file is gone" "$(files a)" "ipip-t0.conf "
charon_start a

check "unset: ipsec-secret" ctl a unset t0 ipsec-secret
is "no connection, no file, and it stays shut" "$(connections a) $(files a)$(require a)" "0 yes"
check "until that is said" ctl a set t0 require-ipsec=no
ctl b unset t0 ipsec-secret
ctl b set t0 require-ipsec=no
check "clear text again" alive

for n in a b; do
	charon_stop $n
done
