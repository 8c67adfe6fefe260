#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# ipsec-secret with a strongSwan without IKEv1, as 6.1 is: the profile routeros is refused, and modern
# works. With IKEv1 there is no complaint. STRONGSWAN may name a folder with another strongSwan.
. ./lib.sh
. ./charon.sh

if [ "$IPIP" = in-tree ]; then
	skip "ipsec-secret" "the in-tree driver can't require IPsec"
	exit
fi

charon_init || exit 1
trap charon_finish EXIT
echo 'k7Q"s{ecr}et' > "$WORK/secret"
NO="ipsec-secret: the IKE daemon has no IKEv1, which ipsec-profile=routeros needs: set ipsec-profile=modern"

state() { ctl "$1" get t0 ipsec-state; }
state_is() { [ "$(state "$1")" = "$2" ]; }
alive() { wait_for 30 ns a ping -c 1 -W 1 192.168.0.2; }
kept() { ctl a export verbose; find /etc/netns/a/swanctl/conf.d -type f -exec cat {} +; ns a swanctl --list-conns; }
refused() {	# ERROR WORD...
	local error=$1 before
	shift
	before=$(kept)
	is "refused: $*" "$(ctl a "$@" 2>&1 < /dev/null) $?" "ipipctl: $error 1"
	is "refused, nothing changes: $*" "$(kept)" "$before"
}

topo
for n in a b; do
	charon_configure $n
	charon_start $n
	ns $n sysctl -qw net.core.xfrm_acq_expires=3
done
version=$(ns a swanctl --version --daemon | awk '{ print $2 }')
echo "# strongSwan $version"

# The library of a strongSwan with IKEv1 has the function main_mode_create.
if grep -q main_mode_create "${STRONGSWAN:-}"/usr/lib/ipsec/libcharon.so.0; then
	check "with IKEv1: set a secret" ctl a set t0 "ipsec-secret-file=$WORK/secret"
	is "with IKEv1: ipsec-state has no complaint" "$(state a | grep -c ikev1)" 0
	ctl b set t0 "ipsec-secret-file=$WORK/secret"
	check "with IKEv1: established" wait_for 20 state_is a established
	check "with IKEv1: ping" alive
	charon_stop a
	charon_stop b
	exit
fi

refused "t0: $NO" set t0 "ipsec-secret-file=$WORK/secret"
refused "x: $NO" add name=x remote-address=10.3.0.1 "ipsec-secret-file=$WORK/secret"
cat > "$WORK/router.rsc" <<-'END'
	/interface ipip
	add ipsec-secret=one name=x remote-address=10.3.0.1
END
refused "$WORK/router.rsc:2: x: $NO" import "$WORK/router.rsc"
# The state after an upgrade of strongSwan: the daemon loads the connection when it starts.
charon_stop a
ctl a --continue import - <<< '/interface ipip set t0 ipsec-secret=one'
charon_start a
is "the daemon has the connection" "$(ns a swanctl --list-conns 2> /dev/null | grep -c ^ipip-t0)" 1
is "ipsec-state: no-ikev1" "$(state a)" no-ikev1
ctl a export terse | sed 's/ remote-address=[^ ]*/ remote-address=10.3.0.1/' > "$WORK/tunnels.conf"
refused "$WORK/tunnels.conf:3: t0: $NO" restore "$WORK/tunnels.conf"
check "the tunnel can be disabled" ctl a disable t0
refused "t0: $NO" enable t0

# The remedy is the profile modern.
check "set ipsec-profile=modern" ctl a set t0 ipsec-profile=modern "ipsec-secret-file=$WORK/secret"
check "modern: the tunnel can be enabled" ctl a enable t0
is "modern: ipsec-state has no complaint" "$(state a | grep -c ikev1)" 0
check "set ipsec-profile=modern at the far end" ctl b set t0 ipsec-profile=modern "ipsec-secret-file=$WORK/secret"
check "modern: established" wait_for 30 state_is a established
check "modern: ping" alive
charon_stop a
charon_stop b
