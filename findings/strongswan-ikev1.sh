#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# strongSwan 6.1.0 of Debian, and a connection with "version = 1"
#
# Expected: it supports IKEv1, as all earlier versions do. A build without IKEv1 refuses such a connection.
#
# Actual: Debian's 6.1.0 doesn't support IKEv1, but loads the connection: "loaded connection", exit status 0.
# "--initiate" then fails without a reason, and sends nothing. With "version = 2" the same connection works.
#
# Why it matters: RouterOS's "ipsec-secret" is IKEv1, and so is the profile "routeros" of this project's
# ipipctl. Against 6.1 both ends need IKEv2: "ipsec-profile=modern", and a peer of that kind in RouterOS.

# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
fetch sid user-mode-linux=7.2um1 strongswan-swanctl=6.1.0-2 charon-systemd libstrongswan-standard-plugins \
	iproute2=7.3.0-1 tcpdump=4.99.6-2 grep sed kmod busybox-static mount

{ strongswan_hosts 1; cat <<'END'; } | boot 200
modprobe af_packet
on b tcpdump -lnn -i a udp > /tmp/capture 2> /tmp/listens &
wait_for 20 sh -c 'read x < /tmp/listens'
echo "== version 1"
sw a --initiate --child c
sleep 2
echo "== sent"
cat /tmp/capture
for n in a b; do
	sed -i 's/version = 1/version = 2/' /tmp/$n/swanctl/swanctl.conf
	sw $n --load-all > /dev/null
done
echo "== version 2"
sw a --initiate --child c
echo "== end"
END
observe "--load-all, version 1" part load
same "both load the connection" "$(grep -c "loaded connection 'c'" "$seen")" 2
same "both exit with status 0" "$(grep -c 'status 0' "$seen")" 2
observe "--initiate" part "version 1"
has "it fails" 'initiate failed'
same "it gives no reason" "$(grep -cE '^\[|version|IKEv1' "$seen")" 0
observe "packets sent" part sent
same "no packet was sent" "$(wc -l < "$seen")" 0
observe "version 2" part "version 2"
has "it is up" 'initiate completed successfully'
finish
